/* The audit log in Redis: a stream, whose entries Redis keeps in order and lets go when they are too many. Their ids are N-0, where N
 * counts up: 1, 2, 3. Redis refuses one that is no larger than the last: of two programs that add at the same time one tries the next. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis.h"

#include "base/log.h"

enum { ID_SIZE = 32, PAGE = 100, TRIES = 16 };

static const char stream[] = "turnstone/audit";

static enum err next_id(struct redis_store *redis, char id[ID_SIZE]);
static enum err page_give(struct redis_store *redis, const redisReply *page,
                          store_each_audit_entry *each, void *context, uint64_t *before,
                          bool *goes_on);
static enum err entry_read(const redisReply *item, struct store_audit_entry *entry);

enum err redis_audit_add(struct store *store, const struct store_audit_entry *entry)
{
	struct redis_store *redis = redis_of(store);
	char id[ID_SIZE], time_ms[ID_SIZE], max[ID_SIZE];
	enum err err;

	snprintf(time_ms, sizeof time_ms, "%" PRIu64, entry->time_ms);
	snprintf(max, sizeof max, "%d", AUDIT_ENTRIES_MAX);
	for (int i = 0; i < TRIES; i++) {
		redisReply *reply = NULL;

		err = next_id(redis, id);
		if (err != OK)
			return err;
		err = redis_call(redis, &reply,
		                 WORDS("XADD", stream, "MAXLEN", "=", max, id, "time_ms", time_ms,
		                       "who", entry->who, "client", entry->from, "what",
		                       entry->what, "subject", entry->on));
		redis_reply_free(reply);
		if (err == OK || strstr(store->problem, "equal or smaller") == NULL)
			return err;
	}
	return err;
}

enum err redis_audit_list(struct store *store, uint64_t before, store_each_audit_entry *each,
                          void *context)
{
	struct redis_store *redis = redis_of(store);
	char from[ID_SIZE] = "+", count[ID_SIZE];
	bool goes_on = true;
	enum err err = OK;

	snprintf(count, sizeof count, "%d", PAGE);
	while (err == OK && goes_on && before != 1) {
		redisReply *reply = NULL;

		if (before != 0)
			snprintf(from, sizeof from, "%" PRIu64 "-0", before - 1);
		err = redis_call(redis, &reply,
		                 WORDS("XREVRANGE", stream, from, "-", "COUNT", count));
		if (err == OK)
			err = page_give(redis, reply, each, context, &before, &goes_on);
		redis_reply_free(reply);
	}
	return err;
}

static enum err next_id(struct redis_store *redis, char id[ID_SIZE])
{
	struct store_audit_entry last = {.id = 0};
	redisReply *reply = NULL;
	enum err err =
		redis_call(redis, &reply, WORDS("XREVRANGE", stream, "+", "-", "COUNT", "1"));

	if (err == OK && reply->type == REDIS_REPLY_ARRAY && reply->elements == 1)
		(void)entry_read(reply->element[0], &last);
	redis_reply_free(reply);
	snprintf(id, ID_SIZE, "%" PRIu64 "-0", last.id + 1);
	return err;
}

/* before becomes the id of the last one. */
static enum err page_give(struct redis_store *redis, const redisReply *page,
                          store_each_audit_entry *each, void *context, uint64_t *before,
                          bool *goes_on)
{
	struct store_audit_entry entry;

	if (page->type != REDIS_REPLY_ARRAY)
		return redis_say(redis, ERR_UNAVAILABLE, "its reply is no list");
	*goes_on = page->elements == PAGE;
	for (size_t i = 0; i < page->elements; i++) {
		enum err err = entry_read(page->element[i], &entry);

		if (entry.id == 0)
			return redis_say(redis, ERR_UNAVAILABLE,
			                 "the audit log has an entry without id");
		*before = entry.id;
		if (err != OK)
			log_warning("Redis key skipped", "key=%s reason=\"entry %" PRIu64 "\"",
			            stream, entry.id);
		else if (!each(&entry, context)) {
			*goes_on = false;
			return OK;
		}
	}
	return OK;
}

/* An id, and names and values in turn. ERR_INVALID: they are not what we write. */
static enum err entry_read(const redisReply *item, struct store_audit_entry *entry)
{
	const struct {
		const char *name;
		char *text;
		size_t size;
	} texts[] = {
		{"who", entry->who, sizeof entry->who},
		{"client", entry->from, sizeof entry->from},
		{"what", entry->what, sizeof entry->what},
		{"subject", entry->on, sizeof entry->on},
	};
	const redisReply *value;
	char number[ID_SIZE];

	memset(entry, 0, sizeof *entry);
	if (item->type != REDIS_REPLY_ARRAY || item->elements != 2 ||
	    redis_text(item->element[0], number, sizeof number) != OK)
		return ERR_INVALID;
	entry->id = strtoull(number, NULL, 10);
	value = redis_field(item->element[1], "time_ms");
	if (value == NULL || redis_text(value, number, sizeof number) != OK)
		return ERR_INVALID;
	entry->time_ms = strtoull(number, NULL, 10);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		value = redis_field(item->element[1], texts[i].name);
		if (value == NULL || redis_text(value, texts[i].text, texts[i].size) != OK)
			return ERR_INVALID;
	}
	return OK;
}
