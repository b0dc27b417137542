#include "signaling/room_keeper.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/timestamp.h"
#include "signaling/room_pin.h"

enum { PENDING_MAX = 65536 };

struct room_keeper {
	struct store *store; /* owned; the thread's */
	struct mailbox *mailbox;
	pthread_t thread;
	bool has_ended; /* the thread's */
	bool is_away;   /* the thread's: the store has failed, and that was told */
	/* Both by any thread; relaxed: they order nothing. */
	_Atomic uint32_t pending;
	_Atomic uint64_t lost;
};

struct letter {
	struct mail mail;
	enum err (*write)(struct room_keeper *keeper, const struct letter *letter);
	struct store_room room;
	char *kicked; /* owned; NULL: none */
	struct store_revocation revocation;
};

static void *run(void *context);
static void on_letter(struct mail *mail, void *receiver);
static void on_end(struct mail *mail, void *receiver);

static void discard(struct room_keeper *keeper)
{
	mailbox_destroy(keeper->mailbox);
	if (keeper->store != NULL)
		store_close(keeper->store);
	free(keeper);
}

enum err room_keeper_create(const struct store_location *location, struct room_keeper **result,
                            char problem[256])
{
	struct room_keeper *keeper = calloc(1, sizeof *keeper);
	enum err err;

	snprintf(problem, 256, "%s", err_string(ERR_NO_MEMORY));
	if (keeper == NULL)
		return ERR_NO_MEMORY;
	err = mailbox_create(&keeper->mailbox);
	if (err == OK)
		err = store_open_at(location, true, &keeper->store, problem);
	if (err == OK && pthread_create(&keeper->thread, NULL, run, keeper) != 0) {
		snprintf(problem, 256, "no thread for the rooms in the store");
		err = ERR_SYSTEM;
	}
	if (err != OK) {
		discard(keeper);
		return err;
	}
	*result = keeper;
	return OK;
}

void room_keeper_destroy(struct room_keeper *keeper)
{
	struct mail end = {.deliver = on_end};

	if (keeper == NULL)
		return;
	mailbox_post(keeper->mailbox, &end);
	pthread_join(keeper->thread, NULL);
	discard(keeper);
}

uint64_t room_keeper_lost(const struct room_keeper *keeper)
{
	return atomic_load_explicit(&keeper->lost, memory_order_relaxed);
}

/* ---- the thread ---- */

static void *run(void *context)
{
	struct room_keeper *keeper = context;
	struct pollfd mail = {.fd = mailbox_fd(keeper->mailbox), .events = POLLIN};

	while (!keeper->has_ended)
		if (poll(&mail, 1, -1) > 0)
			mailbox_deliver(keeper->mailbox, keeper);
	return NULL;
}

static void on_end(struct mail *mail, void *receiver)
{
	(void)mail;
	((struct room_keeper *)receiver)->has_ended = true;
}

/* Told once for each time that the store is away. */
static void tell(struct room_keeper *keeper, enum err err)
{
	bool is_away = err != OK && err != ERR_NOT_FOUND;

	if (is_away)
		atomic_fetch_add_explicit(&keeper->lost, 1, memory_order_relaxed);
	if (is_away && !keeper->is_away)
		log_warning("rooms not kept",
		            "reason=\"%s\" effect=\"after a crash they are not there again\"",
		            store_problem(keeper->store));
	if (!is_away && keeper->is_away)
		log_always("rooms kept again", "lost=%llu",
		           (unsigned long long)room_keeper_lost(keeper));
	keeper->is_away = is_away;
}

static void letter_free(struct letter *letter)
{
	free(letter->kicked);
	bytes_wipe(letter, sizeof *letter);
	free(letter);
}

static void on_letter(struct mail *mail, void *receiver)
{
	struct room_keeper *keeper = receiver;
	struct letter *letter = CONTAINER_OF(mail, struct letter, mail);

	tell(keeper, letter->write(keeper, letter));
	atomic_fetch_sub_explicit(&keeper->pending, 1, memory_order_relaxed);
	letter_free(letter);
}

/* Who was removed before: whoever is interrupted in between has not let them in. */
static enum err write_room(struct room_keeper *keeper, const struct letter *letter)
{
	struct store_room_kicks kicks = {.kicked = letter->kicked == NULL ? "" : letter->kicked};
	enum err err;

	memcpy(kicks.tenant, letter->room.tenant, sizeof kicks.tenant);
	memcpy(kicks.type, letter->room.type, sizeof kicks.type);
	memcpy(kicks.name, letter->room.name, sizeof kicks.name);
	err = store_room_kicks_put(keeper->store, &kicks);
	return err == OK ? store_room_put(keeper->store, &letter->room) : err;
}

static enum err write_gone(struct room_keeper *keeper, const struct letter *letter)
{
	return store_room_delete(keeper->store, letter->room.tenant, letter->room.type,
	                         letter->room.name);
}

static enum err write_revocation(struct room_keeper *keeper, const struct letter *letter)
{
	return store_revoke(keeper->store, &letter->revocation, timestamp_wall_ms() / 1000);
}

/* ---- what it is told of ---- */

static struct letter *letter_create(struct room_keeper *keeper,
                                    enum err (*write)(struct room_keeper *keeper,
                                                      const struct letter *letter))
{
	struct letter *letter = NULL;

	if (atomic_load_explicit(&keeper->pending, memory_order_relaxed) < PENDING_MAX)
		letter = calloc(1, sizeof *letter);
	if (letter == NULL) {
		atomic_fetch_add_explicit(&keeper->lost, 1, memory_order_relaxed);
		return NULL;
	}
	letter->mail.deliver = on_letter;
	letter->write = write;
	return letter;
}

static void post(struct room_keeper *keeper, struct letter *letter)
{
	atomic_fetch_add_explicit(&keeper->pending, 1, memory_order_relaxed);
	mailbox_post(keeper->mailbox, &letter->mail);
}

/* The core's bounds are the store's. */
static void name_room(struct store_room *to, const struct room_info *room)
{
	snprintf(to->tenant, sizeof to->tenant, "%s", room->tenant);
	snprintf(to->type, sizeof to->type, "%s", room->type);
	snprintf(to->name, sizeof to->name, "%s", room->name);
	snprintf(to->owner, sizeof to->owner, "%s", room->owner);
}

static bool set_pin(struct store_room *to, const char *pin)
{
	char kept[ROOM_PIN_KEPT_SIZE];

	if (pin[0] == '\0')
		return true;
	to->has_pin = room_pin_make(pin, kept) && room_pin_read(kept, to->pin_salt, to->pin_hash);
	return to->has_pin;
}

static bool set_kicked(struct letter *letter, struct slice kicked)
{
	if (slice_is_empty(kicked))
		return true;
	letter->kicked = strndup(kicked.at, kicked.len);
	return letter->kicked != NULL;
}

void room_keeper_put(struct room_keeper *keeper, const struct room_facts *facts)
{
	struct letter *letter = letter_create(keeper, write_room);
	const struct room_info *room = &facts->info;

	if (letter == NULL)
		return;
	name_room(&letter->room, room);
	letter->room.is_locked = room->is_locked;
	letter->room.is_relay_only = room->is_relay_only;
	letter->room.capacity = room->capacity;
	letter->room.created_ms = room->created_ms;
	letter->room.empty_s = room->empty_s;
	if (set_pin(&letter->room, facts->pin) && set_kicked(letter, facts->kicked)) {
		post(keeper, letter);
		return;
	}
	atomic_fetch_add_explicit(&keeper->lost, 1, memory_order_relaxed);
	letter_free(letter);
}

void room_keeper_delete(struct room_keeper *keeper, const struct room_info *room)
{
	struct letter *letter = letter_create(keeper, write_gone);

	if (letter == NULL)
		return;
	name_room(&letter->room, room);
	post(keeper, letter);
}

void room_keeper_revoke(struct room_keeper *keeper, const struct store_revocation *revocation)
{
	struct letter *letter = letter_create(keeper, write_revocation);

	if (letter == NULL)
		return;
	letter->revocation = *revocation;
	post(keeper, letter);
}
