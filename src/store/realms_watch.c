/* Watching what realms have: their origins, options and lists of peers. A store says for the price of
 * reading a number whether any other program has written; only then the tables are read, and only when
 * there is something else in them it is told of. */
#include "store/realms_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/log.h"

enum { ROWS_MAX = 100000, FIRST_ROOM = 4096, COLUMNS_MAX = 3 };

/* The tables being read. */
struct reading {
	struct store_realms *realms;
	size_t room;
	enum store_section section;
	unsigned unused; /* rows that mean nothing; the first of them: */
	char first_table[32], first_realm[128], first_text[128];
	uint64_t unused_hash;
	enum err err;
};

typedef enum err read_fn(struct reading *reading, struct store *store);

static enum err tables_read(struct realms_watch *watch, struct store *store);
static read_fn origins_read, options_read, allowed_read, denied_read, names_read;
static bool row_add(struct reading *reading, const char *const *columns, unsigned count);
static enum err reading_make_room(struct reading *reading, size_t len);
static void row_is_unused(struct reading *reading, const char *table, const char *realm,
                          const char *text);
static void unused_tell(struct realms_watch *watch, const struct reading *reading,
                        const struct store *store);
static void change_tell(const struct store_realms *realms, const struct store *store);
static bool is_same(const struct store_realms *a, const struct store_realms *b);
static void tell_realms(struct realms_watch *watch, struct store_watch *watcher);
static void tell_write(const struct realms_watch *watch, struct store_watch *watcher);

void realms_watch_init(struct realms_watch *watch)
{
	*watch = (struct realms_watch){.realms = NULL};
	list_init(&watch->watches);
}

void realms_watch_deinit(struct realms_watch *watch)
{
	revocations_watch_deinit(&watch->revocations);
	tenancy_watch_deinit(&watch->tenancy);
	free(watch->realms);
}

void realms_watch_add(struct realms_watch *watch, struct store_watch *watcher)
{
	watcher->told = watcher->writes_told = watcher->tenants_told = watcher->revocations_told =
		0;
	list_append(&watch->watches, &watcher->node);
}

void realms_watch_reset(struct realms_watch *watch)
{
	watch->is_fresh = false;
}

/* What is read is what somebody watches: users that come by the thousand are nothing to turnsignal. */
static struct store_watch *find_watcher(const struct realms_watch *watch,
                                        bool (*wants)(const struct store_watch *watcher))
{
	LIST_FOR_EACH (node, &watch->watches) {
		struct store_watch *watcher = CONTAINER_OF(node, struct store_watch, node);

		if (wants(watcher))
			return watcher;
	}
	return NULL;
}

static bool wants_realms(const struct store_watch *watcher)
{
	return watcher->deliver != NULL;
}

static bool wants_tenants(const struct store_watch *watcher)
{
	return watcher->tenants != NULL;
}

static bool wants_revocations(const struct store_watch *watcher)
{
	return watcher->revoked != NULL;
}

/* Reads what is another one than it was, or was not wanted before. */
static enum err changes_read(struct realms_watch *watch, struct store *store,
                             const struct store_version *version)
{
	bool is_fresh = watch->is_fresh;
	bool has_realms = !is_fresh || version->realms != watch->seen.realms,
	     has_tenants = !is_fresh || version->tenants != watch->seen.tenants,
	     has_revocations = !is_fresh || version->revocations != watch->seen.revocations;
	const struct store_watch *tenants = find_watcher(watch, wants_tenants);
	enum err err = OK;

	if ((has_realms || watch->realms == NULL) && find_watcher(watch, wants_realms) != NULL)
		err = tables_read(watch, store);
	if (err == OK && (has_revocations || watch->revocations.known == NULL) &&
	    find_watcher(watch, wants_revocations) != NULL)
		err = revocations_watch_read(&watch->revocations, store);
	if (err == OK && tenants != NULL &&
	    (has_realms || has_tenants || watch->tenancy.known == NULL))
		err = tenancy_watch_read(&watch->tenancy, store, tenants->realm, has_tenants);
	return err;
}

/* The version is read first: what is written while the tables are read makes it another one. */
enum err realms_watch_look(struct realms_watch *watch, struct store *store)
{
	struct store_version version;
	enum err err = store_version(store, &version);

	if (err == OK)
		err = changes_read(watch, store, &version);
	if (err != OK)
		return err;
	watch->writes += !watch->is_fresh || version.data != watch->seen.data;
	watch->is_fresh = true;
	watch->seen = version;
	LIST_FOR_EACH (node, &watch->watches) {
		struct store_watch *watcher = CONTAINER_OF(node, struct store_watch, node);

		if (watcher->deliver != NULL && watcher->told != watch->version)
			tell_realms(watch, watcher);
		if (watcher->wrote != NULL && watcher->writes_told != watch->writes)
			tell_write(watch, watcher);
		if (watcher->tenants != NULL && watcher->tenants_told != watch->tenancy.version &&
		    tenancy_watch_tell(&watch->tenancy, watcher))
			watcher->tenants_told = watch->tenancy.version;
		if (watcher->revoked != NULL &&
		    watcher->revocations_told != watch->revocations.version &&
		    revocations_watch_tell(&watch->revocations, watcher))
			watcher->revocations_told = watch->revocations.version;
	}
	return OK;
}

static enum err tables_read(struct realms_watch *watch, struct store *store)
{
	static read_fn *const tables[STORE_SECTION_COUNT] = {
		[STORE_ORIGINS] = origins_read, [STORE_OPTIONS] = options_read,
		[STORE_ALLOWED] = allowed_read, [STORE_DENIED] = denied_read,
		[STORE_NAMES] = names_read,
	};
	struct reading reading = {.realms = NULL};
	enum err err = reading_make_room(&reading, 0);

	for (enum store_section section = 0; err == OK && section < STORE_SECTION_COUNT;
	     section++) {
		reading.section = section;
		err = tables[section](&reading, store);
		if (err == OK)
			err = reading.err;
	}
	if (err == OK)
		unused_tell(watch, &reading, store);
	if (err != OK || is_same(reading.realms, watch->realms)) {
		free(reading.realms);
		return err;
	}
	if (watch->realms != NULL)
		change_tell(reading.realms, store);
	free(watch->realms);
	watch->realms = reading.realms;
	watch->version++;
	return OK;
}

static bool origin_add(const char *origin, const char *realm, void *context)
{
	return row_add(context, (const char *const[]){origin, realm}, 2);
}

static enum err origins_read(struct reading *reading, struct store *store)
{
	return store_origin_list(store, NULL, origin_add, reading);
}

static bool option_add(const char *realm, const char *name, const char *value, void *context)
{
	enum store_realm_option option;
	uint64_t number;

	if (store_realm_option_parse(name, value, &option, &number) == OK)
		return row_add(context, (const char *const[]){realm, name, value}, 3);
	row_is_unused(context, "turn_realm_option", realm, name);
	return true;
}

static enum err options_read(struct reading *reading, struct store *store)
{
	return store_realm_option_list(store, NULL, option_add, reading);
}

static bool range_add(const char *realm, const char *range, void *context)
{
	struct reading *reading = context;
	bool is_denied = reading->section == STORE_DENIED;
	struct addr_range parsed;

	if (addr_range_parse(range, &parsed) == OK)
		return row_add(reading, (const char *const[]){realm, range}, 2);
	row_is_unused(reading, is_denied ? "denied_peer_ip" : "allowed_peer_ip", realm, range);
	return true;
}

static enum err allowed_read(struct reading *reading, struct store *store)
{
	return store_peer_range_list(store, STORE_ALLOWED_PEERS, NULL, range_add, reading);
}

static enum err denied_read(struct reading *reading, struct store *store)
{
	return store_peer_range_list(store, STORE_DENIED_PEERS, NULL, range_add, reading);
}

static bool name_add(const char *realm, void *context)
{
	return row_add(context, &realm, 1);
}

static enum err names_read(struct reading *reading, struct store *store)
{
	return store_realm_list(store, name_add, reading);
}

static bool row_add(struct reading *reading, const char *const *columns, unsigned count)
{
	size_t sizes[COLUMNS_MAX], size = 0;

	if (reading->realms->count[reading->section] == ROWS_MAX) {
		log_error("rows of realms not read",
		          "value=%d section=%u reason=\"there are more than that\"", ROWS_MAX,
		          reading->section);
		return false;
	}
	for (unsigned i = 0; i < count; i++)
		size += sizes[i] = strlen(columns[i]) + 1;
	reading->err = reading_make_room(reading, size);
	if (reading->err != OK)
		return false;
	for (unsigned i = 0; i < count; i++) {
		memcpy(reading->realms->texts + reading->realms->len, columns[i], sizes[i]);
		reading->realms->len += sizes[i];
	}
	reading->realms->count[reading->section]++;
	return true;
}

static enum err reading_make_room(struct reading *reading, size_t len)
{
	bool is_first = reading->realms == NULL;
	size_t used = is_first ? 0 : reading->realms->len, room = reading->room;

	while (room < used + len || room == 0)
		room = room == 0 ? FIRST_ROOM : 2 * room;
	if (room == reading->room)
		return OK;
	struct store_realms *grown = realloc(reading->realms, sizeof *grown + room);
	if (grown == NULL)
		return ERR_NO_MEMORY;
	if (is_first)
		*grown = (struct store_realms){.len = 0};
	reading->realms = grown;
	reading->room = room;
	return OK;
}

static uint64_t text_hash(uint64_t hash, const char *text)
{
	do
		hash = (hash ^ (uint8_t)*text) * 0x100000001B3u;
	while (*text++ != '\0');
	return hash;
}

static void row_is_unused(struct reading *reading, const char *table, const char *realm,
                          const char *text)
{
	if (reading->unused++ == 0) {
		snprintf(reading->first_table, sizeof reading->first_table, "%s", table);
		snprintf(reading->first_realm, sizeof reading->first_realm, "%s", realm);
		snprintf(reading->first_text, sizeof reading->first_text, "%s", text);
	}
	reading->unused_hash =
		text_hash(text_hash(text_hash(reading->unused_hash + 1, table), realm), text);
}

/* Once for the same rows, however often they are read. */
static void unused_tell(struct realms_watch *watch, const struct reading *reading,
                        const struct store *store)
{
	if (reading->unused > 0 && reading->unused_hash != watch->unused)
		log_warning("rows of realms not used",
		            "store=%s rows=%u table=%s realm=%s row=\"%s\" advice=\"correct or "
		            "delete them\"",
		            store_path(store), reading->unused, reading->first_table,
		            reading->first_realm, reading->first_text);
	watch->unused = reading->unused_hash;
}

static void change_tell(const struct store_realms *realms, const struct store *store)
{
	log_info("realms changed", "store=%s origins=%zu options=%zu allowed=%zu denied=%zu",
	         store_path(store), realms->count[STORE_ORIGINS], realms->count[STORE_OPTIONS],
	         realms->count[STORE_ALLOWED], realms->count[STORE_DENIED]);
}

static bool is_same(const struct store_realms *a, const struct store_realms *b)
{
	return b != NULL && a->len == b->len && memcmp(a->count, b->count, sizeof a->count) == 0 &&
	       memcmp(a->texts, b->texts, a->len) == 0;
}

/* Without memory it is told at the next look. */
static void tell_realms(struct realms_watch *watch, struct store_watch *watcher)
{
	size_t size = sizeof *watch->realms + watch->realms->len;
	struct store_realms *letter = malloc(size);

	if (letter == NULL)
		return;
	memcpy(letter, watch->realms, size);
	letter->mail.deliver = watcher->deliver;
	letter->context = watcher->context;
	watcher->told = watch->version;
	mailbox_post(watcher->notify, &letter->mail);
}

static void tell_write(const struct realms_watch *watch, struct store_watch *watcher)
{
	struct store_change *letter = calloc(1, sizeof *letter);

	if (letter == NULL)
		return;
	letter->mail.deliver = watcher->wrote;
	letter->context = watcher->context;
	watcher->writes_told = watch->writes;
	mailbox_post(watcher->notify, &letter->mail);
}
