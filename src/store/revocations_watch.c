/* Revoked usernames as one letter: names that each have their end. */
#include "store/revocations_watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "store/tenants.h"

enum { NAMES_MAX = 100000, FIRST_ROOM = 1024 };

/* The list being read. */
struct reading {
	struct store_revocations *letter;
	size_t room;
	enum err err;
};

static store_each_revocation name_add;
static enum err reading_make_room(struct reading *reading, size_t len);
static bool is_same(const struct store_revocations *a, const struct store_revocations *b);

void revocations_watch_deinit(struct revocations_watch *watch)
{
	free(watch->known);
}

enum err revocations_watch_read(struct revocations_watch *watch, struct store *store)
{
	struct reading reading = {.letter = NULL};
	enum err err = reading_make_room(&reading, 0);

	if (err == OK)
		err = store_revocation_list(store, name_add, &reading);
	if (err == OK)
		err = reading.err;
	if (err != OK || is_same(reading.letter, watch->known)) {
		free(reading.letter);
		return err;
	}
	free(watch->known);
	watch->known = reading.letter;
	watch->version++;
	return OK;
}

bool revocations_watch_tell(const struct revocations_watch *watch,
                            const struct store_watch *watcher)
{
	size_t size = sizeof *watch->known + watch->known->len;
	struct store_revocations *letter = malloc(size);

	if (letter == NULL)
		return false;
	memcpy(letter, watch->known, size);
	letter->mail.deliver = watcher->revoked;
	letter->context = watcher->context;
	mailbox_post(watcher->notify, &letter->mail);
	return true;
}

static bool name_add(const struct store_revocation *revocation, void *context)
{
	struct reading *reading = context;
	size_t size = strlen(revocation->username) + 1;

	if (reading->letter->count == NAMES_MAX) {
		log_error("revocations not read", "value=%d reason=\"there are more than that\"",
		          NAMES_MAX);
		return false;
	}
	reading->err = reading_make_room(reading, size);
	if (reading->err != OK)
		return false;
	memcpy(reading->letter->texts + reading->letter->len, revocation->username, size);
	reading->letter->len += size;
	reading->letter->count++;
	return true;
}

static enum err reading_make_room(struct reading *reading, size_t len)
{
	bool is_first = reading->letter == NULL;
	size_t used = is_first ? 0 : reading->letter->len, room = reading->room;

	while (room < used + len || room == 0)
		room = room == 0 ? FIRST_ROOM : 2 * room;
	if (room == reading->room)
		return OK;
	struct store_revocations *grown = realloc(reading->letter, sizeof *grown + room);
	if (grown == NULL)
		return ERR_NO_MEMORY;
	if (is_first)
		*grown = (struct store_revocations){.len = 0};
	reading->letter = grown;
	reading->room = room;
	return OK;
}

static bool is_same(const struct store_revocations *a, const struct store_revocations *b)
{
	return b != NULL && a->len == b->len && memcmp(a->texts, b->texts, a->len) == 0;
}
