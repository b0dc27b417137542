/* The signaling core of one worker thread: sessions of its connections, and the rooms that it owns.
 *
 *   a client's message ──► hub_input ──► dialect.decode ──► session_...() ──► post ──► the hub that owns the room
 *   a room's event ──► post to each hub with members ──► dialect.encode, once for each dialect ──► HUB_SEND to each path
 *
 * Nothing here opens a socket, reads a clock, starts a thread or takes a lock. The host hands in messages, answers, letters of other
 * hubs and the time, and carries out hub_next_action() until it is empty. Hubs of other threads and of other nodes look the same. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "base/timestamp.h"
#include "signaling/dialect.h"
#include "signaling/event.h"
#include "signaling/identity.h"

struct hub;
struct buddy_images;      /* signaling/channelling_images.h */
struct channelling_rules; /* signaling/channelling_rules.h */
struct post;              /* a letter between hubs: signaling/post.h */
struct seal;              /* signaling/seal.h */
struct tenant_counts;     /* signaling/tenant_counts.h */

/* Where a hub is. Nodes have numbers that they never share at one time. */
struct hub_place {
	uint32_t node;
	uint16_t worker;
};
/* Each hub of all other nodes. */
static const struct hub_place hub_everywhere = {0};

/* How long a room stays at least that is empty, where somebody was removed from it. */
enum { ROOM_KICKS_STAY_S = 3600 };

/* What is kept of a room beyond the life of who owns it. */
struct room_facts {
	struct room_info
		info; /* owner, lock, capacity, relay-only, empty_s, created_ms; what else is in it says nothing */
	uint64_t generation; /* of who said it: whoever makes the room anew has a higher one */
	const char *pin;     /* as room_pin.h has it; "": none */
	struct slice kicked; /* as HUB_ROOM_CHANGED has it */
	bool has_forgotten;  /* of whom it tells: there were too many */
};

struct tenant_limits { /* of this node; 0: as the settings have it */
	uint32_t sessions_max, rooms_max, room_capacity;
};

struct hub_settings { /* what it points at outlives the hub */
	struct hub_place place;
	uint16_t workers;     /* of this node */
	uint8_t seal_key[32]; /* ids and tokens; one for all hubs that may see them */
	const struct dialect *const *dialects;
	size_t dialect_count;
	size_t queue_bytes_max;           /* out, for each session */
	size_t replay_bytes_max;          /* that a lost session may miss and get back */
	uint32_t sessions_max, rooms_max; /* of this hub */
	uint32_t room_capacity;           /* default */
	bool is_cluster;                  /* rooms are found by HUB_FIND_ROOM */
	bool has_legacy_room_size;        /* the rpc dialect counts as its old server did */
	/* Whether rooms of a tenant take relayed candidates alone; NULL: none does. */
	bool (*is_relay_only)(void *context, const char *tenant);
	/* What a tenant may have; NULL: no more bounds than these. */
	struct tenant_limits (*tenant_limits)(void *context, const char *tenant);
	struct tenant_counts *tenants; /* of all hubs of this node; NULL: of this one alone */
	void *context;
	/* Has the host say (hub_path_sent) what of a path's messages has arrived by now, before another connection takes the session
	 * over: what the client has it is not sent again. NULL: it has said so already. */
	void (*look_for_sent)(void *path);
	struct buddy_images *images; /* of all hubs of this node; NULL: none are kept */
	const struct channelling_rules *channelling; /* NULL: the protocol's own */
};

MUST_CHECK enum err hub_create(const struct hub_settings *settings, timestamp now, uint64_t wall_ms,
                               struct hub **hub);
void hub_destroy(struct hub *hub);
/* Nobody comes in from here on, before its first client, until hub_admit. */
void hub_wait(struct hub *hub);
/* While it waits: takes the seal over, which was made with the key. */
void hub_take_key(struct hub *hub, const uint8_t key[32], struct seal *seal);
void hub_admit(struct hub *hub);
bool hub_is_waiting(const struct hub *hub);

/* What the host tells. path is its connection, and stays the host's. exchange is the upgrade request, lent. NULL: no memory, or too many. */
struct session *hub_open(struct hub *hub, const struct dialect *dialect, void *path,
                         const char *client_address, const struct identity *identity,
                         const struct http_exchange *exchange, timestamp now);
void hub_input(struct hub *hub, struct session *session, struct slice text, timestamp now);
/* The connection is gone; it sent none of the last `unsent` messages of HUB_SEND to the end. is_clean: by a close of the client's (1000 or 1001): it does not come back. */
void hub_path_closed(struct hub *hub, struct session *session, size_t unsent, bool is_clean,
                     timestamp now);
/* Messages given to the path have left, and need not be kept for a resume. */
void hub_path_sent(struct hub *hub, struct session *session, size_t messages);
void hub_post_input(struct hub *hub, struct post *post, timestamp now); /* takes it over */
void hub_tick(struct hub *hub, timestamp now,
              uint64_t wall_ms); /* once for each turn of the loop, before input */
timestamp hub_next_timeout(const struct hub *hub);
void hub_handle_timeout(struct hub *hub, timestamp now);

/* Answers to actions, by cookie. An answer nobody waits for any more is ignored. */
void hub_identified(struct hub *hub, uint64_t cookie, const struct identity *identity,
                    enum signaling_error error, timestamp now);
void hub_credentials(struct hub *hub, uint64_t cookie, const struct turn_credentials *credentials,
                     timestamp now); /* NULL: none now */
void hub_room_found(struct hub *hub, uint64_t cookie, const struct hub_place *place,
                    uint64_t generation, timestamp now); /* NULL: nowhere */
/* facts NULL: nothing is kept of it. is_known false: nobody can say now, and nobody comes in. */
void hub_room_recalled(struct hub *hub, uint64_t cookie, bool is_known,
                       const struct room_facts *facts, timestamp now);
/* A source of credentials has others than before, for those of a tenant at an address whom it concerns (NULL: all): their sessions that
 * wait for some, or have old ones, ask again. */
typedef bool hub_concerns(const void *context, const char *tenant, const char *client_address);
void hub_renew_credentials(struct hub *hub, hub_concerns *concerns, const void *context,
                           timestamp now);
/* Nobody new comes in; everyone is told, and closed (1001) when the time has come. */
void hub_drain(struct hub *hub, timestamp deadline, timestamp now);
bool hub_is_draining(const struct hub *hub);
/* What HUB_FIND_SESSION asked for. place: its hub is there. Else snapshot, which is taken over: its node is gone, and whoever it was
 * given to has its place from here on. Neither: there is none, or it is not for who asked. */
void hub_session_found(struct hub *hub, uint64_t cookie, const struct hub_place *place,
                       struct post *snapshot, timestamp now);
/* While this node was cut off a session of it was taken over elsewhere: it ends here, without a word. */
void hub_session_taken(struct hub *hub, const char *id, uint32_t tenure,
                       const struct hub_place *place, timestamp now);
/* What was kept of a session (NULL: of all) may be lost: HUB_KEEP_SESSION tells it again. */
void hub_keep_sessions(struct hub *hub, const char *id, timestamp now);
/* A node is gone: its rooms are made anew by those who are still in them; its participants have left unless they come back elsewhere
 * in some seconds. */
void hub_node_lost(struct hub *hub, uint32_t node, timestamp now);
/* A room that lived at this node was made anew at another, while this one was cut off: who is in it here goes there. */
void hub_room_moved(struct hub *hub, const struct room_info *info, timestamp now);

enum hub_action_kind {
	HUB_SEND,  /* buffer, a reference of it is the host's, as one text message over path */
	HUB_PAUSE, /* path: read nothing of it until HUB_RESUME: it is over its rate, or waits for an answer. What was read already may be handed in */
	HUB_RESUME,
	HUB_CLOSE, /* path: after what was sent; with code and reason. session is gone */
	HUB_POST, /* post, the host's, to the hub at place; of a cluster that may be hub_everywhere */
	HUB_IDENTIFY,    /* claim: answered by hub_identified */
	HUB_CREDENTIALS, /* for identity: answered by hub_credentials */
	HUB_REVOKE,      /* credentials by their username */
	HUB_FIND_ROOM, /* room: which hub owns it: answered by hub_room_found. Asked on a cluster only */
	/* post, the host's: session_id as it is now, to be kept for when this node is gone. NULL: it has ended, or, is_moved, lives at another
	 * hub, which keeps it. On a cluster only. */
	HUB_KEEP_SESSION,
	/* session_id, for session, from address where that has to be the same (NULL: any): answered by hub_session_found */
	HUB_FIND_SESSION,
	HUB_RECALL_ROOM, /* room, which this hub is about to make: what is kept of it: answered by hub_room_recalled. Asked on a cluster only */
	HUB_ROOM_CHANGED, /* room, pin, kicked, generation, is_gone: to be kept for a cold boot, and for who makes it anew */
	HUB_EMIT, /* event (room, from, name, value) for the sinks */
};
struct hub_action { /* what it points at is lent until the next call of the hub */
	enum hub_action_kind kind;
	void *path;
	struct session *session;
	struct buffer *buffer;
	unsigned code;
	const char *reason;
	struct hub_place place;
	struct post *post;
	uint64_t cookie;
	const struct claim *claim;
	const struct identity *identity;
	const char *session_id, *username;
	const struct room_info *room;
	struct slice pin; /* of HUB_ROOM_CHANGED: a text with an end */
	/* Of HUB_ROOM_CHANGED: who does not come in again, oldest first, and since which generations; empty: nobody.
	 * {"since": that of the room, "who": [[identity, that of the kick],...], "forgotten": how many there was no room for} */
	struct slice kicked;
	uint64_t generation; /* of the room: for the registry, which removes no other */
	bool is_gone, is_moved;
	const char *address;
	const struct event *event;
};
bool hub_next_action(struct hub *hub, struct hub_action *action);

/* Asking from outside: REST, the control socket. answered is called once, now or later, with a JSON text, lent; empty where error is set. */
enum room_request_kind {
	ROOM_REQUEST_LIST,   /* rooms of the tenant ("": all): [{tenant,type,name,count,...}] */
	ROOM_REQUEST_SHOW,   /* with participants */
	ROOM_REQUEST_CREATE, /* stays while it is empty, until expires_s after the last has left */
	ROOM_REQUEST_CHANGE, /* change */
	ROOM_REQUEST_KICK,   /* participant (id or user), for good: its generation is remembered */
	ROOM_REQUEST_MUTE,
	ROOM_REQUEST_CLOSE,
	ROOM_REQUEST_COUNTS, /* {rooms, sessions, participants, ...} of all hubs of this node */
	/* The operator's, of all hubs of this node and of nodes: the parts (hub_page.c) that came within a second. */
	ROOM_REQUEST_PAGE_OF_ROOMS,
	ROOM_REQUEST_PAGE_OF_SESSIONS,
	ROOM_REQUEST_CANCEL, /* the session whose id participant is, wherever it lives */
};
struct hub_node { /* another */
	uint32_t number;
	unsigned workers;
};
struct room_request {
	enum room_request_kind kind;
	const struct identity *identity; /* who asks; NULL: the operator */
	const char *tenant, *type, *name;
	const char *participant, *what, *reason;
	struct room_change change;
	uint32_t expires_s;
	const struct hub_node *nodes; /* of a page */
	size_t node_count;
	struct slice page; /* JSON: what it is to have */
	struct slice
		kicked; /* of ROOM_REQUEST_CREATE, where it is brought back: as HUB_ROOM_CHANGED had it */
	uint64_t created_ms; /* of the room that is meant; 0: any of this name */
	bool is_owner_only; /* refused unless identity made the room, or MAY_CLOSE_ROOM / MAY_MODERATE */
};
typedef void room_request_answered(void *context, enum signaling_error error, struct slice json);
void hub_request(struct hub *hub, const struct room_request *request,
                 room_request_answered *answered, void *context, timestamp now);

/* Gives a key for one use alone, the same in all hubs that may see what is made with it. The caller wipes it. */
void hub_derive_key(const struct hub *hub, const char *use, uint8_t key[32]);
/* Where the pictures of its participants are kept; NULL: nowhere. */
struct buddy_images *hub_images(const struct hub *hub);

/* Counters of this hub, read by any thread. */
struct hub_counters;
const struct hub_counters *hub_counters(const struct hub *hub);
