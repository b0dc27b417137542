/* Tenants, API keys, rooms, revocations, and what the console keeps, in Redis: a hash for each, turnstone/KIND/NAME, with all columns in it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store/redis.h"

#include "base/bytes.h"
#include "base/log.h"
#include "store/records.h"

static void key_make(enum record_kind kind, const char *const *parts, size_t count,
                     char key[REDIS_KEY_MAX]);
static void key_of(enum record_kind kind, const void *row, char key[REDIS_KEY_MAX]);
static enum err row_put(struct redis_store *redis, enum record_kind kind, const char *key,
                        const void *row);
static enum err row_read(struct redis_store *redis, enum record_kind kind, const char *key,
                         redisReply **reply, union record_room *row);

enum err redis_record_put(struct store *store, enum record_kind kind, const void *record)
{
	struct redis_store *redis = redis_of(store);
	char key[REDIS_KEY_MAX];
	redisReply *reply = NULL;
	enum err err = redis_begin(redis);

	key_of(kind, record, key);
	if (err == OK)
		err = row_put(redis, kind, key, record);
	if (err == OK)
		err = redis_commit(redis, &reply);
	redis_reply_free(reply);
	return err;
}

enum err redis_record_delete(struct store *store, enum record_kind kind, const char *const *keys)
{
	char key[REDIS_KEY_MAX];
	long long changed;
	enum err err;

	key_make(kind, keys, record_kinds[kind].key_count, key);
	err = redis_change(redis_of(store), &changed, WORDS("DEL", key));
	return err == OK && changed == 0 ? ERR_NOT_FOUND : err;
}

/* Of that one key: Redis is not searched for it. */
static enum err row_give(struct redis_store *redis, enum record_kind kind, const char *name,
                         record_each *each, void *context)
{
	char key[REDIS_KEY_MAX];
	union record_room row;
	redisReply *reply;
	enum err err;

	key_make(kind, &name, 1, key);
	err = row_read(redis, kind, key, &reply, &row);
	if (err == OK)
		(void)each(&row, context);
	bytes_wipe(&row, sizeof row);
	redis_reply_free(reply);
	return err == ERR_NOT_FOUND || err == ERR_INVALID ? OK : err;
}

enum err redis_record_list(struct store *store, enum record_kind kind, const char *first,
                           record_each *each, void *context)
{
	struct redis_store *redis = redis_of(store);
	char pattern[REDIS_KEY_MAX], part[2 * STORE_TEXT_MAX];
	bool has_more_keys = record_kinds[kind].key_count > 1, goes_on = true;
	union record_room row;
	struct redis_texts keys;
	redisReply *reply;
	enum err err;

	if (first != NULL && !has_more_keys)
		return row_give(redis, kind, first, each, context);
	redis_pattern(first, part, sizeof part);
	snprintf(pattern, sizeof pattern, "turnstone/%s/%.*s%s", record_kinds[kind].redis,
	         REDIS_KEY_MAX / 2, part, first != NULL ? "/*" : "");
	err = redis_scan(redis, pattern, &keys);
	for (size_t i = 0; err == OK && i < keys.count && goes_on; i++) {
		err = row_read(redis, kind, keys.item[i], &reply, &row);
		if (err == OK)
			goes_on = each(&row, context);
		redis_reply_free(reply);
		if (err == ERR_NOT_FOUND || err == ERR_INVALID)
			err = OK;
	}
	bytes_wipe(&row, sizeof row);
	redis_texts_deinit(&keys);
	return err;
}

/* Redis itself forgets it when it has expired. */
enum err redis_revoke(struct store *store, const struct store_revocation *revocation,
                      uint64_t now_s)
{
	struct redis_store *redis = redis_of(store);
	char key[REDIS_KEY_MAX], expires[24];
	redisReply *reply = NULL;
	enum err err = redis_begin(redis);

	(void)now_s;
	key_of(RECORD_REVOCATION, revocation, key);
	snprintf(expires, sizeof expires, "%" PRIu64, revocation->expires_s);
	if (err == OK)
		err = row_put(redis, RECORD_REVOCATION, key, revocation);
	if (err == OK)
		err = redis_put(redis, WORDS("EXPIREAT", key, expires));
	if (err == OK)
		err = redis_commit(redis, &reply);
	redis_reply_free(reply);
	return err;
}

static void key_make(enum record_kind kind, const char *const *parts, size_t count,
                     char key[REDIS_KEY_MAX])
{
	int len = snprintf(key, REDIS_KEY_MAX, "turnstone/%s", record_kinds[kind].redis);

	/* The columns are shorter than the room there is. */
	for (size_t i = 0; i < count; i++)
		len += snprintf(key + len, REDIS_KEY_MAX - (size_t)len, "/%s", parts[i]);
}

static void key_of(enum record_kind kind, const void *row, char key[REDIS_KEY_MAX])
{
	const struct record *record = &record_kinds[kind];
	const char *parts[RECORD_KEYS_MAX];

	for (size_t i = 0; i < record->key_count; i++)
		parts[i] = (const char *)row + record->fields[i].offset;
	key_make(kind, parts, record->key_count, key);
}

static enum err row_put(struct redis_store *redis, enum record_kind kind, const char *key,
                        const void *row)
{
	const struct record *record = &record_kinds[kind];
	const char *words[2 + 2 * RECORD_FIELDS_MAX] = {"HSET", key};
	char values[RECORD_FIELDS_MAX][RECORD_VALUE_SIZE];
	enum err err;

	for (size_t i = 0; i < record->field_count; i++) {
		words[2 + 2 * i] = record->fields[i].name;
		words[3 + 2 * i] = record_field_put(&record->fields[i], row, values[i]);
	}
	err = redis_put(redis, words, 2 + 2 * record->field_count);
	bytes_wipe(values, sizeof values);
	return err;
}

/* Gives a field as a text: in this room, or the reply's own. */
static enum err field_text(const redisReply *reply, const struct record_field *field,
                           char room[RECORD_VALUE_SIZE], const char **text)
{
	const redisReply *value = redis_field(reply, field->name);

	*text = room;
	if (value == NULL)
		return ERR_INVALID;
	if (field->type != RECORD_LENT)
		return redis_text(value, room, RECORD_VALUE_SIZE);
	*text = value->str;
	return redis_reply_is_text(value) ? OK : ERR_INVALID;
}

/* ERR_INVALID: it is not one that can be used; the log says so. The reply is the caller's, and what is lent of the row is its. */
static enum err row_read(struct redis_store *redis, enum record_kind kind, const char *key,
                         redisReply **reply, union record_room *row)
{
	const struct record *record = &record_kinds[kind];
	char room[RECORD_VALUE_SIZE];
	const char *text;
	enum err err;

	*reply = NULL;
	err = redis_call(redis, reply, WORDS("HGETALL", key));
	memset(row, 0, sizeof *row);
	if (err == OK && ((*reply)->type != REDIS_REPLY_ARRAY || (*reply)->elements == 0))
		err = ERR_NOT_FOUND;
	for (size_t i = 0; err == OK && i < record->field_count; i++) {
		err = field_text(*reply, &record->fields[i], room, &text);
		if (err == OK)
			err = record_field_get(&record->fields[i], text, row);
		if (err != OK)
			log_warning("Redis key skipped", "key=%s reason=\"field %s\"", key,
			            record->fields[i].name);
	}
	bytes_wipe(room, sizeof room);
	return err;
}
