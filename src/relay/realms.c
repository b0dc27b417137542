/* What the store tells of realms, made into tables that are searched: another letter is another set of
 * them, and without the memory for it the ones before stay. */
#include "relay/realms.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "relay/origins.h"

struct limits_row {
	const char *realm;
	size_t order; /* in which they were read */
	struct quota_own_limits limits;
};

/* What is made of one letter. */
struct tables {
	struct store_realms *stored; /* owned: the texts; NULL: none were told yet */
	const char *section[STORE_SECTION_COUNT];
	struct origins origins;
	struct limits_row *limits; /* owned, in order of realm */
	size_t limits_count;
	const char **names; /* owned, in order; one may be there twice */
	size_t name_count;
	struct peer_rules *peers; /* owned; NULL: none */
};

struct realms {
	struct realms_settings settings;
	char default_realm[TURN_REALM_MAX + 1];
	struct stun_hasher *hasher; /* owned */
	struct store_watch watch;
	struct tables tables;
};

static void told(struct mail *mail, void *receiver);
static enum err tables_make(struct realms *realms, struct store_realms *stored,
                            struct tables *tables);
static void tables_free(struct tables *tables);
static bool has_same_peers(const struct tables *a, const struct tables *b);
static void find_sections(struct tables *tables);
static enum err make_limits(struct realms *realms, struct tables *tables);
static enum err make_peers(struct tables *tables);
static enum err make_names(struct tables *tables);

enum err realms_create(const struct realms_settings *settings, struct realms **result)
{
	struct realms *realms = calloc(1, sizeof *realms);

	if (realms == NULL)
		return ERR_NO_MEMORY;
	realms->settings = *settings;
	enum err err = text_copy(realms->default_realm, sizeof realms->default_realm,
	                         settings->default_realm);
	if (err == OK)
		err = stun_hasher_create(&realms->hasher);
	if (err != OK) {
		free(realms);
		return err;
	}
	origins_init(&realms->tables.origins, realms->hasher);
	*result = realms;
	return OK;
}

void realms_destroy(struct realms *realms)
{
	if (realms == NULL)
		return;
	tables_free(&realms->tables);
	stun_hasher_destroy(realms->hasher);
	free(realms);
}

static bool is_watching(const struct realms *realms)
{
	return realms->settings.store != NULL &&
	       (realms->settings.dynamic_realms || realms->settings.dynamic_peers ||
	        realms->settings.names_count);
}

void realms_watch(struct realms *realms)
{
	if (!is_watching(realms))
		return;
	realms->watch = (struct store_watch){
		.notify = realms->settings.replies,
		.deliver = told,
		.context = realms,
	};
	store_thread_watch(realms->settings.store, &realms->watch);
}

bool realms_are_known(const struct realms *realms)
{
	return !is_watching(realms) || realms->tables.stored != NULL;
}

const char *realms_of_origin(const struct realms *realms, const char *origin)
{
	return origins_find(&realms->tables.origins, origin);
}

/* A name on its way through bsearch has no end of its own. */
struct name_key {
	const char *text;
	size_t len;
};

static int compare_name(const void *key, const void *name)
{
	const struct name_key *wanted = key;
	const char *text = *(const char *const *)name;
	int order = strncmp(wanted->text, text, wanted->len);

	return order != 0 ? order : text[wanted->len] == '\0' ? 0 : -1;
}

const char *realms_find(const struct realms *realms, const char *name, size_t len)
{
	const struct tables *tables = &realms->tables;
	const char *const *found = NULL;

	if (tables->name_count > 0 && len > 0)
		found = bsearch(&(struct name_key){name, len}, tables->names, tables->name_count,
		                sizeof tables->names[0], compare_name);
	return found != NULL ? *found : NULL;
}

static int compare_realm(const void *realm, const void *row)
{
	return strcmp(realm, ((const struct limits_row *)row)->realm);
}

const struct quota_own_limits *realms_limits(const struct realms *realms, const char *realm)
{
	const struct tables *tables = &realms->tables;
	const struct limits_row *found = NULL;

	if (tables->limits_count > 0)
		found = bsearch(realm, tables->limits, tables->limits_count,
		                sizeof tables->limits[0], compare_realm);
	return found != NULL ? &found->limits : NULL;
}

const struct peer_lists *realms_peers(const struct realms *realms, const char *realm)
{
	return peer_rules_find(realms->tables.peers, realm);
}

/* The receiver is whoever owns the mailbox; the letter knows whose it is. */
static void told(struct mail *mail, void *receiver)
{
	struct store_realms *stored = CONTAINER_OF(mail, struct store_realms, mail);
	struct realms *realms = stored->context;
	struct tables next, last = realms->tables;

	(void)receiver;
	if (tables_make(realms, stored, &next) != OK) {
		log_warning("realms not updated", "bytes=%zu reason=\"out of memory\"",
		            stored->len);
		tables_free(&next);
		return;
	}
	realms->tables = next;
	if (!has_same_peers(&next, &last))
		realms->settings.peers_changed(realms->settings.context, next.peers);
	else {
		realms->tables.peers = last.peers;
		last.peers = next.peers;
	}
	tables_free(&last);
}

/* Takes the letter over in any case. */
static enum err tables_make(struct realms *realms, struct store_realms *stored,
                            struct tables *tables)
{
	const struct realms_settings *settings = &realms->settings;
	enum err err;

	*tables = (struct tables){.stored = stored};
	origins_init(&tables->origins, realms->hasher);
	find_sections(tables);
	err = make_names(tables);
	if (err == OK && settings->dynamic_realms)
		err = origins_set(&tables->origins, tables->section[STORE_ORIGINS],
		                  stored->count[STORE_ORIGINS]);
	if (err == OK && settings->dynamic_realms)
		err = make_limits(realms, tables);
	if (err == OK && settings->dynamic_peers)
		err = make_peers(tables);
	return err;
}

static void tables_free(struct tables *tables)
{
	origins_deinit(&tables->origins);
	peer_rules_destroy(tables->peers);
	free(tables->limits);
	free(tables->names);
	free(tables->stored);
}

/* Between two sections lies all that is in the first. */
static bool has_same_peers(const struct tables *a, const struct tables *b)
{
	size_t len;

	if (a->peers == NULL || b->peers == NULL)
		return a->peers == b->peers;
	len = (size_t)(a->section[STORE_NAMES] - a->section[STORE_ALLOWED]);
	return a->stored->count[STORE_ALLOWED] == b->stored->count[STORE_ALLOWED] &&
	       (size_t)(b->section[STORE_NAMES] - b->section[STORE_ALLOWED]) == len &&
	       memcmp(a->section[STORE_ALLOWED], b->section[STORE_ALLOWED], len) == 0;
}

/* Gives a text of a row, and goes on to the next. */
static const char *text_next(const char **at)
{
	const char *text = *at;

	*at += strlen(text) + 1;
	return text;
}

static void find_sections(struct tables *tables)
{
	static const unsigned columns[STORE_SECTION_COUNT] = {
		[STORE_ORIGINS] = 2, [STORE_OPTIONS] = 3, [STORE_ALLOWED] = 2,
		[STORE_DENIED] = 2,  [STORE_NAMES] = 1,
	};
	const char *at = tables->stored->texts;

	for (unsigned section = 0; section < STORE_SECTION_COUNT; section++) {
		tables->section[section] = at;
		for (size_t i = 0; i < columns[section] * tables->stored->count[section]; i++)
			text_next(&at);
	}
}

/* By realm, and what was read later behind what was read before it: it wins. */
static int compare_rows(const void *a, const void *b)
{
	const struct limits_row *one = a, *other = b;
	int order = strcmp(one->realm, other->realm);

	return order != 0 ? order : one->order < other->order ? -1 : 1;
}

static void limits_merge(struct quota_own_limits *into, const struct quota_own_limits *from)
{
	into->has_user_quota |= from->has_user_quota;
	into->has_total_quota |= from->has_total_quota;
	into->has_max_bps |= from->has_max_bps;
	if (from->has_user_quota)
		into->limits.user_quota = from->limits.user_quota;
	if (from->has_total_quota)
		into->limits.total_quota = from->limits.total_quota;
	if (from->has_max_bps)
		into->limits.max_bps = from->limits.max_bps;
}

static void limits_set(struct quota_own_limits *own, const char *name, const char *value)
{
	enum store_realm_option option;
	uint64_t number;

	if (store_realm_option_parse(name, value, &option, &number) != OK)
		return;
	own->has_user_quota = option == STORE_USER_QUOTA;
	own->has_total_quota = option == STORE_TOTAL_QUOTA;
	own->has_max_bps = option == STORE_MAX_BPS;
	own->limits = (struct quota_limits){
		.user_quota = own->has_user_quota ? (uint32_t)number : 0,
		.total_quota = own->has_total_quota ? (uint32_t)number : 0,
		.max_bps = own->has_max_bps ? number : 0,
	};
}

static enum err make_limits(struct realms *realms, struct tables *tables)
{
	size_t count = tables->stored->count[STORE_OPTIONS], used = 0;
	struct limits_row *rows = calloc(count + 1, sizeof *rows);
	const char *at = tables->section[STORE_OPTIONS];

	if (rows == NULL)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < count; i++) {
		const char *realm = text_next(&at), *name = text_next(&at);

		rows[i].realm = realm[0] != '\0' ? realm : realms->default_realm;
		rows[i].order = i;
		limits_set(&rows[i].limits, name, text_next(&at));
	}
	qsort(rows, count, sizeof *rows, compare_rows);
	for (size_t i = 0; i < count; i++)
		if (used > 0 && strcmp(rows[used - 1].realm, rows[i].realm) == 0)
			limits_merge(&rows[used - 1].limits, &rows[i].limits);
		else
			rows[used++] = rows[i];
	tables->limits = rows;
	tables->limits_count = used;
	return OK;
}

/* The two lists follow each other. */
static enum err make_peers(struct tables *tables)
{
	size_t allowed = tables->stored->count[STORE_ALLOWED];
	size_t count = allowed + tables->stored->count[STORE_DENIED], used = 0;
	struct peer_rule *rules = calloc(count + 1, sizeof *rules);
	const char *at = tables->section[STORE_ALLOWED];
	enum err err = OK;

	if (rules == NULL)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < count; i++) {
		struct peer_rule *rule = &rules[used];

		rule->realm = text_next(&at);
		rule->is_denied = i >= allowed;
		used += addr_range_parse(text_next(&at), &rule->range) == OK;
	}
	if (used > 0)
		err = peer_rules_create(rules, used, &tables->peers);
	free(rules);
	return err;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A realm is known by any row that names it. */
static enum err make_names(struct tables *tables)
{
	/* Which column of a row names it. */
	static const struct {
		unsigned columns, name;
	} rows[STORE_SECTION_COUNT] = {
		[STORE_ORIGINS] = {2, 1}, [STORE_OPTIONS] = {3, 0}, [STORE_ALLOWED] = {2, 0},
		[STORE_DENIED] = {2, 0},  [STORE_NAMES] = {1, 0},
	};
	const char *at = tables->stored->texts;
	size_t most = 1;

	for (unsigned section = 0; section < STORE_SECTION_COUNT; section++)
		most += tables->stored->count[section];
	tables->names = calloc(most, sizeof *tables->names);
	if (tables->names == NULL)
		return ERR_NO_MEMORY;
	for (unsigned section = 0; section < STORE_SECTION_COUNT; section++) {
		size_t texts = rows[section].columns * tables->stored->count[section];

		for (size_t i = 0; i < texts; i++) {
			const char *text = text_next(&at);
			if (i % rows[section].columns == rows[section].name && text[0] != '\0' &&
			    strlen(text) <= TURN_REALM_MAX)
				tables->names[tables->name_count++] = text;
		}
	}
	qsort(tables->names, tables->name_count, sizeof *tables->names, compare_texts);
	return OK;
}
