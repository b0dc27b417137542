/* Watching turn_origin_to_realm. SQLite says for the price of reading a number whether any other program
 * has written; only then the table is read, and only when it is another one is it told of. */
#include "store/origins_watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum { ORIGINS_MAX = 100000, FIRST_ROOM = 4096 };

/* Origins being read. */
struct reading {
	struct store_origins *origins;
	size_t room;
	enum err err;
};

static enum err origins_read(struct origins_watch *watch, struct store *store);
static bool origin_add(const char *origin, const char *realm, void *context);
static enum err reading_make_room(struct reading *reading, size_t len);
static bool is_same(const struct store_origins *a, const struct store_origins *b);
static void tell(struct origins_watch *watch, struct store_watch *watcher);

void origins_watch_init(struct origins_watch *watch)
{
	*watch = (struct origins_watch){.origins = NULL};
	list_init(&watch->watches);
}

void origins_watch_deinit(struct origins_watch *watch)
{
	free(watch->origins);
}

void origins_watch_add(struct origins_watch *watch, struct store_watch *watcher)
{
	watcher->told = 0;
	list_append(&watch->watches, &watcher->node);
}

void origins_watch_reset(struct origins_watch *watch)
{
	watch->is_fresh = false;
}

enum err origins_watch_look(struct origins_watch *watch, struct store *store)
{
	int64_t version = 0;
	enum err err = store_data_version(store, &version);

	if (err == OK && (!watch->is_fresh || version != watch->data_version))
		err = origins_read(watch, store);
	if (err != OK)
		return err;
	watch->is_fresh = true;
	watch->data_version = version;
	LIST_FOR_EACH (node, &watch->watches)
		tell(watch, CONTAINER_OF(node, struct store_watch, node));
	return OK;
}

static enum err origins_read(struct origins_watch *watch, struct store *store)
{
	struct reading reading = {.origins = NULL};
	enum err err = reading_make_room(&reading, 0);

	if (err == OK)
		err = store_origin_list(store, NULL, origin_add, &reading);
	if (err == OK)
		err = reading.err;
	if (err != OK || is_same(reading.origins, watch->origins)) {
		free(reading.origins);
		return err;
	}
	free(watch->origins);
	watch->origins = reading.origins;
	watch->version++;
	return OK;
}

static bool origin_add(const char *origin, const char *realm, void *context)
{
	struct reading *reading = context;
	size_t origin_size = strlen(origin) + 1, realm_size = strlen(realm) + 1;

	if (reading->origins->count == ORIGINS_MAX) {
		log_warning("origins not read", "value=%d reason=\"there are more than that\"",
		            ORIGINS_MAX);
		return false;
	}
	reading->err = reading_make_room(reading, origin_size + realm_size);
	if (reading->err != OK)
		return false;
	char *at = reading->origins->texts + reading->origins->len;
	memcpy(at, origin, origin_size);
	memcpy(at + origin_size, realm, realm_size);
	reading->origins->len += origin_size + realm_size;
	reading->origins->count++;
	return true;
}

static enum err reading_make_room(struct reading *reading, size_t len)
{
	bool is_first = reading->origins == NULL;
	size_t used = is_first ? 0 : reading->origins->len, room = reading->room;

	while (room < used + len || room == 0)
		room = room == 0 ? FIRST_ROOM : 2 * room;
	if (room == reading->room)
		return OK;
	struct store_origins *grown = realloc(reading->origins, sizeof *grown + room);
	if (grown == NULL)
		return ERR_NO_MEMORY;
	if (is_first)
		*grown = (struct store_origins){.count = 0};
	reading->origins = grown;
	reading->room = room;
	return OK;
}

static bool is_same(const struct store_origins *a, const struct store_origins *b)
{
	return b != NULL && a->len == b->len && memcmp(a->texts, b->texts, a->len) == 0;
}

/* Without memory it is told at the next look. */
static void tell(struct origins_watch *watch, struct store_watch *watcher)
{
	size_t size = sizeof *watch->origins + watch->origins->len;
	struct store_origins *letter;

	if (watcher->told == watch->version)
		return;
	letter = malloc(size);
	if (letter == NULL)
		return;
	memcpy(letter, watch->origins, size);
	letter->mail.deliver = watcher->deliver;
	letter->context = watcher->context;
	watcher->told = watch->version;
	mailbox_post(watcher->notify, &letter->mail);
}
