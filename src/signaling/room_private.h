/* Rooms that a hub owns: what it decides on, and whom it tells. */
#pragma once

#include "signaling/hub_private.h"

enum { KICKS_MAX = 256, KICKED_ALIAS_SIZE = 258, LIVE_FACT_S = 60, RETURN_MS = 10000 };

struct member {
	struct list node; /* room->members, in order of joining */
	struct hub_place place;
	uint32_t seat;
	char id[SESSION_ID_SIZE];
	char *user, *alias, *address, *alias_secret; /* owned */
	const struct dialect *dialect;
	char *attributes; /* owned; NULL: none */
	size_t attributes_len;
	uint32_t revision, permissions;
	uint64_t joined_ms;
	bool is_hidden, is_away;
	bool is_lost; /* its node is gone: it may come back at another */
};

struct kick {      /* who was removed for good: a user, or a session of nobody in particular */
	char *who; /* owned */
	uint64_t
		generation; /* of the room, when it was: one of the same name that began later forgives */
};

/* How many participants are at a hub: it is told once, whatever their number. */
struct room_hub {
	struct hub_place place;
	uint32_t members;
};

struct room {
	struct hub *hub;
	uint64_t hash, generation;
	uint64_t since;      /* the generation that it began with: it may have been made anew */
	char *names, *owner; /* owned */
	char *pin;           /* owned; NULL: none */
	struct room_info info;
	struct list members;
	struct hash_table by_id, by_alias;
	struct room_hub *hubs; /* owned */
	size_t hub_count;
	struct kick *kicks;  /* owned; a ring of KICKS_MAX, once there is one */
	uint32_t kick_count; /* ever */
	uint64_t facts;
	struct list waiting; /* messages for aliases that nobody has yet */
	unsigned waiting_count;
	size_t waiting_bytes;
	uint32_t empty_s;
	timestamp restored_until; /* until then those come back who were in it at its old owner */
	struct timer empty, live, returned;
	struct timer lost; /* when those have left who are lost and not back */
};

/* room.c */
struct room *room_find(const struct hub *hub, const struct room_info *info);
struct room *room_create(struct hub *hub, const struct post *ask);
void room_destroy(struct room *room);
void room_became_empty(struct room *room);
bool room_set_pin(struct room *room, const char *pin);
bool room_has_pin(const struct room *room, const char *pin);
void rooms_deinit(struct hub *hub);

/* room_kicks.c: who does not come in again. */
void room_remember_kick(struct room *room, const char *who);
bool room_is_kicked(const struct room *room, const char *who);
void room_remember_alias(struct room *room, const char *alias);
bool room_alias_is_kicked(const struct room *room, const char *alias);
/* As HUB_ROOM_CHANGED has them; nothing where there are none. */
void room_kicks_write(const struct room *room, struct text *text);
bool room_kicks_read(struct room *room, struct slice kicked);
/* To another owner of this room, who may not know of them. */
void room_pass_kicks_on(const struct room *room);
void room_kicks_deinit(struct room *room);

/* room_recall.c: a room that is about to be made, while the host looks what is kept of it. True: the post waits for that. */
bool recall_takes(struct hub *hub, const struct post *post);
void recall_answered(struct recall *recall, bool is_known, const struct room_facts *facts);
const struct room_info *recall_room(const struct recall *recall);
void recalls_deinit(struct hub *hub);

/* room_request.c */
void request_answer(struct hub *hub, const struct post *ask, enum signaling_error error,
                    struct slice json);
void request_answer_text(struct hub *hub, const struct post *ask,
                         struct text *text);               /* takes it over */
void room_put(struct text *text, const struct room *room); /* as members of a JSON object */

/* room_members.c */
struct member *member_find(const struct room *room, const char *id);
struct member *member_find_any(const struct room *room, const char *id_or_alias);
struct member *member_of_user(const struct room *room, const char *user);
struct member *member_create(struct room *room, const struct post *ask);
bool member_update(struct room *room, struct member *member, const struct post *ask);
bool member_set_attributes(struct member *member, struct slice attributes);
bool member_set_attribute(struct member *member, const char *name, struct slice value);
/* Takes out of its attributes what does not pass where relayed candidates alone do. */
void member_withhold(struct room *room, struct member *member);
void member_destroy(struct room *room, struct member *member);
void member_move(struct room *room, struct member *member, struct hub_place place);
struct participant member_participant(const struct member *member, bool has_attributes);
bool member_is_owner(const struct room *room, const struct member *member);
bool member_may(const struct room *room, const struct member *member, unsigned permission);

bool member_has_secret(const struct member *member, const char *secret);

/* room_wait.c: messages for an alias that nobody has yet. */
bool wait_put(struct room *room, const struct post *ask); /* false: it is too much */
void wait_deliver(struct room *room, const char *alias);
void wait_drop(struct room *room, const char *id); /* of this sender; NULL: all */
void room_send(struct room *room, const struct post *ask);
void room_unreachable(struct room *room, const struct post *ask);

/* room_tell.c: whom it tells what. */
struct post room_draft(const struct room *room, enum event_kind event);
void room_tell_all(struct room *room, struct post *draft, const struct member *except);
void room_tell_one(struct room *room, struct post *draft, const struct member *member);
void room_answer(const struct room *room, struct hub *hub, const struct post *ask,
                 struct post *draft);
void room_done(const struct room *room, struct hub *hub, const struct post *ask);
void room_refuse(const struct room *room, struct hub *hub, const struct post *ask,
                 enum signaling_error error);
void room_tell_people(struct room *room, struct post *draft, const struct member *self);
void room_tell_who_returned(struct room *room);
void room_is_none(struct hub *hub, const struct post *ask);
void room_changed(struct room *room, bool is_gone);
void room_fact(struct room *room, const char *what, const struct member *member,
               struct slice value);
void room_fact_of(struct room *room, const char *what, const struct member *member);

/* room_join.c, room_ask.c, room_moderate.c: what sessions ask. */
void room_handle_join(struct hub *hub, const struct post *post);
void room_handle_leave(struct hub *hub, const struct post *post);
void room_remove(struct room *room, struct member *member, bool is_soft);
void room_handle_send(struct hub *hub, const struct post *post);
void room_handle_broadcast(struct hub *hub, const struct post *post);
void room_handle_attribute(struct hub *hub, const struct post *post);
void room_handle_participants(struct hub *hub, const struct post *post);
void room_handle_fact(struct hub *hub, const struct post *post);
void room_handle_seat(struct hub *hub, const struct post *post);
void room_handle_change(struct hub *hub, const struct post *post);
void room_handle_moderate(struct hub *hub, const struct post *post);
enum signaling_error room_change(struct room *room, const struct post *change);
/* Its tenant may take relayed candidates alone since. */
void room_follow_tenant(struct room *room);
void room_kick(struct room *room, struct member *member, const struct participant *by,
               const char *reason);
void room_mute(struct room *room, struct member *member, const struct participant *by,
               const char *what);
void room_close(struct room *room, const struct participant *by, const char *reason);
