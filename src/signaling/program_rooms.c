/* A question goes to one worker as a task. Its hub asks whoever has the room, and answers later, still on that worker's
 * thread; what it says comes back by mail. */
#include "signaling/program_rooms.h"

#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/log.h"
#include "signaling/program.h"
#include "signaling/room_keeper.h"
#include "signaling/room_pin.h"

enum {
	PIN_SIZE = 256,
	EXPIRES_DEFAULT_S = 3600,
	EXPIRES_MAX_S = 31536000,
	REASON_SIZE = 256,
	USER_SIZE = USER_NAME_MAX + 1,
};

struct question {
	struct program *program;
	struct control_request *request; /* NULL: nobody waits, a room is brought back */
	struct worker_task task;
	struct mail back;
	unsigned waits_for; /* the task and the answer; either may be the first to come back */
	enum signaling_error error;
	json_t *json; /* owned */

	struct room_request ask; /* its texts are these */
	struct identity owner;   /* of a room that is brought back */
	char tenant[TENANT_NAME_MAX + 1], type[ROOM_TYPE_MAX + 1], name[ROOM_NAME_MAX + 1];
	char participant[USER_SIZE], what[16], reason[REASON_SIZE], pin[PIN_SIZE];
	char *kicked; /* owned; NULL: nobody */
};

/* ---- there and back ---- */

static void question_destroy(struct question *question)
{
	json_decref(question->json);
	bytes_wipe(question->pin, sizeof question->pin);
	free(question->kicked);
	free(question);
}

/* Who was put out by whom is asked later. */
static void log_order(const struct question *question)
{
	static const char *const orders[ROOM_REQUEST_COUNTS] = {
		[ROOM_REQUEST_CREATE] = "create", [ROOM_REQUEST_CHANGE] = "change",
		[ROOM_REQUEST_KICK] = "kick",     [ROOM_REQUEST_MUTE] = "mute",
		[ROOM_REQUEST_CLOSE] = "close",
	};
	const struct room_request *ask = &question->ask;
	const char *order = ask->kind < ROOM_REQUEST_COUNTS ? orders[ask->kind] : NULL;

	if (ask->change.sets_lock)
		order = ask->change.is_locked ? "lock" : "unlock";
	if (order != NULL && question->error == SIGNALING_OK)
		log_info("room order",
		         "order=%s tenant=%s room=\"%s\" participant?=\"%s\" reason?=\"%s\"", order,
		         question->tenant, question->name, question->participant, question->reason);
}

static void finish(struct question *question)
{
	if (--question->waits_for > 0)
		return;
	question->program->tasks--;
	if (question->request != NULL)
		log_order(question);
	if (question->request == NULL && question->error != SIGNALING_OK &&
	    question->error != SIGNALING_ROOM_EXISTS)
		log_warning("room not brought back", "tenant=%s room=%s reason=\"%s\"",
		            question->tenant, question->name,
		            signaling_error_words(question->error)->text);
	if (question->request != NULL && question->error != SIGNALING_OK)
		control_refuse(question->request, "%s",
		               signaling_error_words(question->error)->text);
	else if (question->request != NULL)
		control_answer(question->request, question->json != NULL
		                                          ? json_incref(question->json)
		                                          : json_object());
	question_destroy(question);
}

static void on_back(struct mail *mail, void *receiver)
{
	(void)receiver;
	finish(CONTAINER_OF(mail, struct question, back));
}

static void on_task_done(struct worker_task *task)
{
	finish(CONTAINER_OF(task, struct question, task));
}

/* On the worker's thread, now or later. */
static void on_answered(void *context, enum signaling_error error, struct slice json)
{
	struct question *question = context;

	question->error = error;
	if (error == SIGNALING_OK && !slice_is_empty(json) && question->request != NULL)
		question->json = json_loadb(json.at, json.len, JSON_DECODE_ANY, NULL);
	mailbox_post(question->program->mailbox, &question->back);
}

static void on_worker(struct worker_task *task, struct worker *worker)
{
	struct question *question = CONTAINER_OF(task, struct question, task);

	hub_request(worker_hub(worker), &question->ask, on_answered, question, worker_now(worker));
}

static struct question *question_create(struct program *program, struct control_request *request,
                                        enum room_request_kind kind)
{
	struct question *question = calloc(1, sizeof *question);

	if (question == NULL)
		return NULL;
	question->program = program;
	question->request = request;
	question->back.deliver = on_back;
	question->task = (struct worker_task){.run = on_worker, .done = on_task_done};
	question->waits_for = 2;
	question->ask = (struct room_request){
		.kind = kind,
		.tenant = question->tenant,
		.type = question->type,
		.name = question->name,
		.participant = question->participant,
		.what = question->what,
		.reason = question->reason,
	};
	return question;
}

static enum err question_send(struct question *question)
{
	struct program *program = question->program;
	enum err err = workers_ask_one(program->workers, 0, program->mailbox, &question->task);

	if (err == OK)
		program->tasks++;
	return err;
}

/* ---- what the operator asks ---- */

static bool get(struct control_request *request, const char *name, const char *default_text,
                char *to, size_t size)
{
	const char *text = default_text;

	if (!control_get_text(request, name, &text))
		return false;
	if (text_copy(to, size, text) == OK)
		return true;
	control_refuse(request, "%s: longer than %zu bytes", name, size - 1);
	return false;
}

static bool get_room(struct control_request *request, struct question *question)
{
	if (!get(request, "tenant", TENANT_DEFAULT, question->tenant, sizeof question->tenant) ||
	    !get(request, "type", "room", question->type, sizeof question->type) ||
	    !get(request, "name", "", question->name, sizeof question->name))
		return false;
	if (question->name[0] != 0)
		return true;
	control_refuse(request, "name: say which room");
	return false;
}

/* Gives a question about the room that the request names; NULL: the request was refused. */
static struct question *about_room(struct control_request *request, void *context,
                                   enum room_request_kind kind)
{
	struct question *question = question_create(context, request, kind);

	if (question == NULL) {
		control_refuse(request, "%s", err_string(ERR_NO_MEMORY));
		return NULL;
	}
	if (get_room(request, question))
		return question;
	question_destroy(question);
	return NULL;
}

/* question NULL, or is_right false: the request was refused. */
static void ask(struct question *question, bool is_right)
{
	if (question == NULL)
		return;
	if (is_right && question_send(question) == OK)
		return;
	if (is_right)
		control_refuse(question->request, "%s", err_string(ERR_NO_MEMORY));
	question_destroy(question);
}

void ask_room_show(struct control_request *request, void *context)
{
	ask(about_room(request, context, ROOM_REQUEST_SHOW), true);
}

static bool get_settings(struct control_request *request, struct question *question)
{
	struct room_change *change = &question->ask.change;
	json_int_t expires_s = EXPIRES_DEFAULT_S, capacity = 0;

	if (!get(request, "pin", "", question->pin, sizeof question->pin) ||
	    !control_get_number(request, "expires", 0, EXPIRES_MAX_S, &expires_s) ||
	    !control_get_number(request, "capacity", 0, UINT32_MAX, &capacity) ||
	    !control_get_flag(request, "relay_only", &change->is_relay_only))
		return false;
	change->sets_pin = question->pin[0] != 0;
	change->pin = slice_of(question->pin);
	change->sets_capacity = capacity > 0;
	change->capacity = (uint32_t)capacity;
	change->sets_relay_only = change->is_relay_only;
	question->ask.expires_s = (uint32_t)expires_s;
	return true;
}

void ask_room_create(struct control_request *request, void *context)
{
	struct question *question = about_room(request, context, ROOM_REQUEST_CREATE);

	ask(question, question != NULL && get_settings(request, question));
}

void ask_room_kick(struct control_request *request, void *context)
{
	struct question *question = about_room(request, context, ROOM_REQUEST_KICK);

	ask(question,
	    question != NULL &&
	            get(request, "participant", "", question->participant,
	                sizeof question->participant) &&
	            get(request, "reason", "", question->reason, sizeof question->reason));
}

void ask_room_mute(struct control_request *request, void *context)
{
	struct question *question = about_room(request, context, ROOM_REQUEST_MUTE);

	ask(question, question != NULL &&
	                      get(request, "participant", "", question->participant,
	                          sizeof question->participant) &&
	                      get(request, "what", "audio", question->what, sizeof question->what));
}

static void set_lock(struct control_request *request, void *context, bool is_locked)
{
	struct question *question = about_room(request, context, ROOM_REQUEST_CHANGE);

	if (question != NULL) {
		question->ask.change.sets_lock = true;
		question->ask.change.is_locked = is_locked;
	}
	ask(question, true);
}

void ask_room_lock(struct control_request *request, void *context)
{
	set_lock(request, context, true);
}

void ask_room_unlock(struct control_request *request, void *context)
{
	set_lock(request, context, false);
}

/* What is not said stays as it is. */
static bool get_said_flag(struct control_request *request, const char *name, bool *is_said,
                          bool *flag)
{
	bool if_missing = !*flag;

	if (!control_get_flag(request, name, flag) || !control_get_flag(request, name, &if_missing))
		return false;
	*is_said = *flag == if_missing;
	return true;
}

static bool get_change(struct control_request *request, struct question *question)
{
	struct room_change *change = &question->ask.change;
	json_int_t capacity = -1;

	if (!get_said_flag(request, "locked", &change->sets_lock, &change->is_locked) ||
	    !get_said_flag(request, "relay_only", &change->sets_relay_only,
	                   &change->is_relay_only) ||
	    !control_get_number(request, "capacity", 0, UINT32_MAX, &capacity))
		return false;
	change->sets_capacity = capacity >= 0;
	change->capacity = change->sets_capacity ? (uint32_t)capacity : 0;
	return true;
}

void ask_room_change(struct control_request *request, void *context)
{
	struct question *question = about_room(request, context, ROOM_REQUEST_CHANGE);

	ask(question, question != NULL && get_change(request, question));
}

void ask_room_close(struct control_request *request, void *context)
{
	struct question *question = about_room(request, context, ROOM_REQUEST_CLOSE);

	ask(question, question != NULL && get(request, "reason", "", question->reason,
	                                      sizeof question->reason));
}

/* ---- rooms that the store had ---- */

struct removed { /* who was, from one room */
	char tenant[TENANT_NAME_MAX + 1], type[ROOM_TYPE_MAX + 1], name[ROOM_NAME_MAX + 1];
	char *kicked; /* owned */
};

struct restoring {
	struct program *program;
	struct removed *removed; /* owned; in order of the rooms' names */
	size_t removed_count, removed_room;
	size_t count;
	enum err err;
};

static int removed_compare(const void *one, const void *other)
{
	const struct removed *a = one, *b = other;
	int order = strcmp(a->tenant, b->tenant);

	if (order == 0)
		order = strcmp(a->type, b->type);
	return order != 0 ? order : strcmp(a->name, b->name);
}

static bool removed_make_room(struct restoring *restoring)
{
	size_t room = restoring->removed_room == 0 ? 64 : 2 * restoring->removed_room;
	void *grown;

	if (restoring->removed_count < restoring->removed_room)
		return true;
	grown = realloc(restoring->removed, room * sizeof *restoring->removed);
	if (grown == NULL)
		return false;
	restoring->removed = grown;
	restoring->removed_room = room;
	return true;
}

static bool gather_removed(const struct store_room_kicks *kicks, void *context)
{
	struct restoring *restoring = context;
	struct removed *removed;

	restoring->err = ERR_NO_MEMORY;
	if (!removed_make_room(restoring))
		return false;
	removed = &restoring->removed[restoring->removed_count];
	snprintf(removed->tenant, sizeof removed->tenant, "%s", kicks->tenant);
	snprintf(removed->type, sizeof removed->type, "%s", kicks->type);
	snprintf(removed->name, sizeof removed->name, "%s", kicks->name);
	removed->kicked = strdup(kicks->kicked);
	if (removed->kicked == NULL)
		return false;
	restoring->removed_count++;
	restoring->err = OK;
	return true;
}

/* Those of this room are the question's from here on. */
static void take_removed(struct restoring *restoring, struct question *question)
{
	struct removed wanted, *found;

	memcpy(wanted.tenant, question->tenant, sizeof wanted.tenant);
	memcpy(wanted.type, question->type, sizeof wanted.type);
	memcpy(wanted.name, question->name, sizeof wanted.name);
	if (restoring->removed_count == 0)
		return;
	found = bsearch(&wanted, restoring->removed, restoring->removed_count, sizeof wanted,
	                removed_compare);
	if (found == NULL || found->kicked == NULL)
		return;
	question->kicked = found->kicked;
	question->ask.kicked = slice_of(found->kicked);
	found->kicked = NULL;
}

static void forget_removed(struct restoring *restoring)
{
	for (size_t i = 0; i < restoring->removed_count; i++)
		free(restoring->removed[i].kicked);
	free(restoring->removed);
}

static void restore_change(struct question *question, const struct store_room *room)
{
	struct room_change *change = &question->ask.change;

	if (room->has_pin)
		room_pin_keep(room->pin_salt, room->pin_hash, question->pin);
	*change = (struct room_change){
		.sets_pin = room->has_pin,
		.pin = slice_of(question->pin),
		.sets_lock = true,
		.is_locked = room->is_locked,
		.sets_capacity = true, /* 0: a room that has no bound of its own */
		.capacity = room->capacity,
		.sets_relay_only = true,
		.is_relay_only = room->is_relay_only,
	};
}

static bool bring_back(const struct store_room *room, void *context)
{
	struct restoring *restoring = context;
	struct question *question = question_create(restoring->program, NULL, ROOM_REQUEST_CREATE);

	if (question == NULL) {
		restoring->err = ERR_NO_MEMORY;
		return false;
	}
	snprintf(question->tenant, sizeof question->tenant, "%s", room->tenant);
	snprintf(question->type, sizeof question->type, "%s", room->type);
	snprintf(question->name, sizeof question->name, "%s", room->name);
	snprintf(question->owner.tenant, sizeof question->owner.tenant, "%s", room->tenant);
	snprintf(question->owner.user, sizeof question->owner.user, "%s", room->owner);
	question->owner.permissions = MAY_ALL;
	question->ask.identity = &question->owner;
	question->ask.expires_s = room->empty_s;
	restore_change(question, room);
	take_removed(restoring, question);
	restoring->err = question_send(question);
	if (restoring->err != OK)
		question_destroy(question);
	restoring->count += restoring->err == OK;
	return restoring->err == OK;
}

static enum err bring_all_back(struct restoring *restoring, struct store *store)
{
	enum err err = store_room_kicks_list(store, NULL, gather_removed, restoring);

	if (err == OK && restoring->err == OK && restoring->removed_count > 0)
		qsort(restoring->removed, restoring->removed_count, sizeof *restoring->removed,
		      removed_compare);
	if (err == OK && restoring->err == OK)
		err = store_room_list(store, NULL, bring_back, restoring);
	return err == OK ? restoring->err : err;
}

enum err program_bring_rooms_back(struct program *program, char problem[256])
{
	struct restoring restoring = {.program = program};
	enum err err;

	if (program->store == NULL)
		return OK;
	err = bring_all_back(&restoring, program->store);
	forget_removed(&restoring);
	if (err != OK && err != ERR_NO_MEMORY) {
		/* Redis may come later: who joins makes the rooms anew. */
		log_warning("rooms not brought back", "reason=\"%s\"",
		            store_problem(program->store));
		err = OK;
	}
	snprintf(problem, 256, "%s", err_string(err));
	if (restoring.count > 0)
		log_always("rooms brought back", "count=%zu", restoring.count);
	return err;
}
