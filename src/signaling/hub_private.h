/* What the files of the core share: the hub, its sessions, and the rooms as it sees them. Rooms that it owns are in room_private.h. */
#pragma once

#include "base/hash_table.h"
#include "base/list.h"
#include "base/timer_wheel.h"
#include "signaling/dialect.h"
#include "signaling/hub.h"
#include "signaling/hub_counters.h"
#include "signaling/post.h"
#include "signaling/seal.h"

enum {
	ASKS_MAX = 16,                      /* of one session, unanswered by the host */
	HELD_MAX = 64,                      /* messages of one session, before it was opened */
	PARKED_MAX = 1024,                  /* posts for a room whose owner is not known yet, */
	PARKED_BYTES_MAX = 4 * 1024 * 1024, /* and what they say */
	ROOM_PIN_MAX = 255,
	JOIN_BUCKETS = 1024,      /* of identities */
	JOIN_BURST = 20,          /* joins of one identity at once, */
	JOIN_RATE_S = 1,          /* and a second */
	MOVED_KEPT_S = 24 * 3600, /* how long posts follow a session that has moved */
	RESUME_WAIT_MS = 5000,    /* how long its old hub may take to answer, */
	RESUME_WAIT_LOST_MS =
		12000, /* and on a cluster, where it may be that its node is gone, and nobody knows yet */
	RETURN_WAIT_MS = 5000,    /* how long nobody is told that who was at a lost node has left */
	SEATS_OF_A_HUB = 1 << 16, /* more than a session takes where it is cut off */
	SNAPSHOT_DELAY_MS = 100   /* how long changes of a session are gathered before it is kept */
};

struct identity_share { /* sessions that are nobody in particular are so together */
	unsigned references;
	struct identity identity;
};

/* Messages for a client, oldest first: those handed to the host and not sent yet, then those that are not handed. */
struct out_queue {
	struct buffer **at; /* owned; a ring */
	uint32_t head, count, handed, capacity;
	size_t bytes;
};

struct bucket { /* of tokens, in thousandths */
	uint64_t key;
	timestamp filled;
	int64_t tokens;
};

/* A room, as a hub sees it that has sessions in it. */
struct view {
	struct hub *hub;
	uint64_t hash;
	char *names;           /* owned: tenant, type, name, each with its end */
	char *owner_user;      /* owned */
	struct room_info info; /* its texts are these */
	uint64_t generation;
	struct hub_place owner;
	bool is_placed;      /* owner is known */
	uint64_t cookie;     /* of the question where it is; 0: not asked */
	struct mail *parked; /* owned: posts for the owner, once it is known, in order */
	struct mail **parked_end;
	unsigned parked_count;
	size_t parked_bytes;
	struct list members;     /* sessions in it */
	struct list moved;       /* sessions that were, and are elsewhere now */
	unsigned seats;          /* sessions in it, or on their way; and those that have moved */
	struct resident *roster; /* owned: of a cluster, who is in it, wherever they are */
	size_t roster_count, roster_room;
	struct timer
		awaited; /* until then those come back who were in it when its owner was lost */
};

struct resident {
	char id[SESSION_ID_SIZE];
	bool is_awaited;
};

struct session {
	struct hub *hub;
	struct list dirty;      /* hub->dirty: there is something to do on its path */
	struct list in_view;    /* view->members */
	struct list same_fate;  /* hub->doomed */
	struct list of_user;    /* of hub->users */
	struct list in_changed; /* hub->changed: what is kept of it is old */
	const struct dialect *dialect;
	void *path; /* owner: host; NULL: away */
	struct identity_share *identity;
	struct out_queue queue;
	struct view *view; /* the room it is in, or has asked for; NULL: none */
	uint32_t seat;     /* grows with each join and each move: the owner goes by the latest */
	uint32_t join_seat,
		welcomed_seat; /* of the last join, and of the last that was answered by EVENT_WELCOME */
	bool is_in, is_hidden;
	bool joins_again; /* whom it asked is lost */
	bool is_opened;   /* EVENT_OPENED was encoded */
	bool is_held;     /* waits for credentials or its old self: input is kept */
	bool is_resuming, is_paused, was_told_paused, is_over_rate;
	bool is_closing, is_slow, is_doomed, is_gone;
	uint16_t close_code;
	uint16_t asks,
		identifying; /* questions that the host has not answered; claims among them */
	uint32_t revision;
	uint64_t opened_ms; /* its connection */
	uint64_t joined_ms;
	char *close_reason; /* owned; NULL: "" */
	char *alias;        /* owned; NULL: none */
	char *attributes;   /* owned; NULL: none */
	size_t attributes_len;
	char *attestation; /* owned; NULL: none yet */
	uint64_t attestation_made_ms;
	char *turn_username;           /* owned: of its last credentials; NULL: none */
	struct held *held, **held_end; /* owned: input, in order */
	unsigned held_count;
	struct watcher *watchers;  /* owned: who wants to hear when it goes */
	struct reference *opening; /* owned: of a resume; NULL: none */
	struct post *missed;       /* owned: its old self, until EVENT_RESUMED was encoded */
	struct wanted *wanted;     /* owned: whose place it wants; NULL: nobody's */
	struct post *joining;      /* owned: of a cluster, its join, until it was answered */
	uint32_t tenure;           /* how many hubs had it before this one */
	bool is_kept;              /* the host has a snapshot of it */
	struct bucket rate;
	struct timer away, expiry, credentials, pause;
	char id[SESSION_ID_SIZE], address[46];
	_Alignas(max_align_t) unsigned char own[];
};

struct wanted {
	uint32_t node; /* that was asked */
	bool is_by_id, is_sought;
	char id[SESSION_ID_SIZE];
};
struct held {
	struct held *next;
	size_t len;
	char text[];
};
struct watcher {
	struct watcher *next;
	char id[SESSION_ID_SIZE];
};
/* A session that is at another hub now: what arrives for it follows. */
struct moved {
	struct list in_view;
	struct hub *hub;
	struct view *view; /* NULL: it was in no room */
	struct hub_place place;
	struct timer end;
	char id[SESSION_ID_SIZE];
};

/* A question to the host. */
struct ask {
	struct list node; /* hub->questions, until the host has it */
	enum hub_action_kind kind;
	uint64_t cookie;
	char session[SESSION_ID_SIZE];
	struct view *view;     /* of HUB_FIND_ROOM */
	struct recall *recall; /* of HUB_RECALL_ROOM */
	struct claim claim;
	char *proof, *name, *tenant; /* owned: the claim's */
	struct identity identity;
	char wanted[SESSION_ID_SIZE]; /* of HUB_FIND_SESSION */
	bool is_by_id;
	bool is_for_self, has_reference;
	struct reference reference;
};

/* Something the host is to know: a post lends it its memory. */
struct notice {
	struct list node;
	enum hub_action_kind kind;
	struct post *post; /* owned */
	bool is_gone;
};

struct mail_queue {
	struct mail *head, **end;
};

struct hub {
	struct hub_settings settings;
	struct seal *seal;         /* owned */
	struct timer_wheel *wheel; /* owned */
	timestamp now;
	uint64_t wall_ms;
	struct hash_table sessions, views, rooms, recalls, asks, moved, requests;
	struct hash_table users, searches;
	struct tenant_counts *tenants; /* owned, unless the settings have them */
	uint64_t next_cookie;
	struct mail_queue local;  /* owned: posts to itself */
	struct mail_queue posted; /* owned: posts to others, with their destinations */
	struct list questions, notices, dirty, doomed, changed;
	struct timer keep; /* when those that have changed are kept */
	bool may_keep;
	struct encoder encoder;
	struct identity_share *recent; /* the last identity that came */
	struct bucket joins[JOIN_BUCKETS];
	struct notice *lent_notice; /* told to the host by the last action */
	struct event lent_event;
	struct identity lent_identity;
	bool is_draining, is_running, is_waiting;
	timestamp drain_deadline;
	struct timer drain;
	struct hub_counters counters;
};

uint64_t id_hash(const char *id);
static inline uint64_t number_hash(uint64_t number)
{
	return number * 0x9E3779B97F4A7C15u ^ number >> 29;
}

/* hub.c */
struct session *hub_find_session(const struct hub *hub, const char *id);
uint64_t hub_cookie(struct hub *hub);
void hub_run(struct hub *hub); /* handles what hubs write to themselves until nothing is left */

/* hub_post.c: gives a draft, or a post that was made, to a hub. */
void hub_post_draft(struct hub *hub, struct hub_place to, const struct post *draft);
void hub_post(struct hub *hub, struct hub_place to, struct post *post);
bool hub_is_reachable(const struct hub *hub, struct hub_place place);
bool hub_is_own(const struct hub *hub, struct hub_place place);
void hub_handle_post(struct hub *hub, const struct post *post); /* lent */
void hub_dispatch_post(struct hub *hub,
                       const struct post *post); /* lent; no room is recalled for it */
void mail_queue_init(struct mail_queue *queue);
void mail_queue_put(struct mail_queue *queue, struct mail *mail);
struct mail *mail_queue_take(struct mail_queue *queue);
bool hub_next_post(struct hub *hub, struct hub_action *action);
void hub_drop_posts(struct hub *hub);

/* hub_notice.c */
void hub_notify(struct hub *hub, enum hub_action_kind kind, const struct post *draft, bool is_gone);
bool hub_next_notice(struct hub *hub, struct hub_action *action);
void notice_destroy(struct notice *notice);

/* session_snapshot.c: what is kept of a session elsewhere, so that it outlives its node. */
void session_changed(struct session *session);
void session_forget_snapshot(struct session *session, bool is_moved);
bool hub_next_snapshot(struct hub *hub, struct hub_action *action);
void session_seek(struct session *session); /* the node that it asked is gone */

/* hub_ask.c */
/* Gives the ask that is answered, and its session, or NULL where either is gone. */
struct ask *ask_answered(struct hub *hub, uint64_t cookie, enum hub_action_kind kind,
                         struct session **session);
struct ask *ask_create(struct hub *hub, enum hub_action_kind kind, struct session *session,
                       const struct reference *reference);
void ask_destroy(struct hub *hub, struct ask *ask);
void ask_forget(struct hub *hub, uint64_t cookie); /* nobody waits for the answer any more */
bool hub_next_question(struct hub *hub, struct hub_action *action);
void hub_ask_credentials(struct session *session, const struct reference *reference,
                         bool is_for_self);

/* hub_deliver.c: events to the sessions of this hub. */
void deliver_post(struct hub *hub, const struct post *post);
void deliver_to(struct session *session, struct event *event);
void deliver_opened(struct session *session, const struct turn_credentials *credentials,
                    const struct reference *reference);
struct participant session_participant(struct session *session, bool has_attributes);

/* session_queue.c */
void queue_push(struct session *session, struct buffer *buffer); /* takes a reference of its own */
void queue_sent(struct session *session, size_t messages);
void queue_keep_unsent(struct session *session, size_t unsent);
/* Takes out those that must not be sent any more. */
void queue_withhold(struct session *session, bool (*is_it)(struct slice message));
void queue_deinit(struct out_queue *queue);
/* Empties later behind what is there now. */
void queue_put_back(struct session *session, struct out_queue *later);
void queue_put_missed(struct session *session, struct slice message);

/* session_life.c */
struct session *session_create(struct hub *hub, const struct dialect *dialect, void *path,
                               const char *address, const struct identity *identity);
void session_make_dirty(struct session *session);
void session_doom(struct session *session);
void session_detach(struct session *session); /* its path is gone: it may come back */
void session_wait_away(struct session *session);
void session_forget_home(struct session *session);
void view_heard(struct view *view, const struct post *post);
void session_gone(struct session *session, bool is_soft); /* for good: all are told */
void session_end(struct session *session, unsigned code, const char *reason);
void session_set_identity(struct session *session, const struct identity *identity);
void session_forget_recent(struct hub *hub);
void session_reap(struct hub *hub);
void session_free(struct session *session);
bool session_next_action(struct session *session, struct hub_action *action);

/* session_hold.c */
void session_hold(struct session *session);
void session_release(struct session *session); /* where nothing else holds it */
void session_keep_input(struct session *session, struct slice text);
void session_drop_input(struct session *session);

/* also session_hold.c */
bool session_may_speak(struct session *session); /* takes a token of its rate */
bool session_may_join(struct session *session);

/* session_resume.c */
struct post *snapshot_create(struct session *session, const char *to, bool has_queue);
void session_ask_old_self(struct session *session, const struct hub_place *place);
void session_resume_refused(struct session *session);
void session_give_up(struct session *session);
void session_take_over(struct hub *hub, struct session *session, const struct post *snapshot);
struct moved *moved_insert(struct hub *hub, const char *id, struct hub_place place);
void resume_handle(struct hub *hub, const struct post *post);
void snapshot_handle(struct hub *hub, const struct post *post);
void seated_handle(struct hub *hub, const struct post *post);
void moved_handle(struct hub *hub, const struct post *post);
void session_finish_resume(struct session *session, const struct turn_credentials *credentials);
/* Sends a post for a session on to where it is now; false: it is not known. */
bool moved_pass_on(struct hub *hub, const struct post *post);
struct moved *moved_find(const struct hub *hub, const char *id);
void moved_destroy(struct moved *moved);

/* session_watch.c */
void watch_handle_look_up(struct hub *hub, const struct post *post);
void watch_add(struct session *session, const char *id);
void watch_tell(struct session *session);
bool session_may_show(const struct session *session); /* its attributes, outside of its room */

/* hub_users.c: sessions of those who are somebody */
void users_add(struct session *session);
void users_remove(struct session *session);
void users_handle_find(struct hub *hub, const struct post *post);
void users_handle_found(struct hub *hub, const struct post *post);
void users_deinit(struct hub *hub);

/* room_view.c */
struct view *view_take(struct hub *hub, const char *tenant, const char *type, const char *name);
struct view *view_find(const struct hub *hub, const struct room_info *room);
void view_give(struct view *view);                     /* one seat less; NULL is fine */
void view_post(struct view *view, struct post *draft); /* to the owner of the room */
void view_placed(struct view *view, const struct hub_place *place, uint64_t generation);
size_t post_weight(const struct post *post); /* of what clients said in it; all else is small */
uint64_t room_hash(const struct hub *hub, const char *tenant, const char *type, const char *name);
struct hub_place room_place(const struct hub *hub, uint64_t hash);

/* session.c: to the owner of its room. */
void session_ask_owner(struct session *session, struct post *draft,
                       const struct reference *reference);
void session_leave_room(struct session *session, bool is_soft, const struct reference *reference);
void session_lose_seat(struct session *session);
void session_forget_joining(struct session *session);
void session_put_out(
	struct session *session); /* its room ended; a join that is on its way goes on */
enum err session_keep_attribute(struct session *session, const char *name, struct slice value);
enum err session_keep_attributes(struct session *session, struct slice attributes);
void post_change(struct post *draft, const struct room_change *change, char pin[ROOM_PIN_MAX + 1]);
void post_refer(struct post *draft, const struct reference *reference);

/* hub_cluster.c */
void session_rejoin(struct session *session); /* a room that it was in before */
void roster_heard(struct view *view, const struct post *post);
/* Its members know that this one is there: nobody told them that it had gone. */
bool roster_knows(const struct view *view, const struct post *joined);
/* Those who were on their way back to a room that was lost are there: the others have gone. */
void roster_settle(struct view *view, const struct post *post);
/* Tells who has come and gone while the room was out of reach. */
void roster_compare(struct view *view, const struct post *post);

/* hub_page.c: what the operator sees of a hub, a page at a time. */
void page_handle_rooms(struct hub *hub, const struct post *ask);
void page_handle_sessions(struct hub *hub, const struct post *ask);
void session_handle_cancel(struct hub *hub, const struct post *ask);

/* hub_request.c */
void request_handle(struct hub *hub, const struct post *post);
void request_answer_handle(struct hub *hub, const struct post *post);
void requests_deinit(struct hub *hub);

/* hub_tenants.c: how many sessions and rooms of a tenant are at this node. */
struct tenant_limits hub_tenant_limits(const struct hub *hub, const char *tenant);
bool tenant_add_session(struct hub *hub, const char *tenant);
void tenant_remove_session(struct hub *hub, const char *tenant);
bool tenant_is_full(const struct hub *hub, const char *tenant);
/* Counted whatever the limit is: one that comes back is counted twice until its old self has ended. */
bool tenant_move_session(struct hub *hub, const char *from, const char *to);
bool tenant_is_relay_only(const struct hub *hub, const char *tenant);
bool tenant_add_room(struct hub *hub, const char *tenant);
void tenant_remove_room(struct hub *hub, const char *tenant);
