/* A store in Redis: opening it, and asking. What is asked is the other files' matter. It is used by one
 * thread, which may wait; no question takes longer than REDIS_ANSWER_MS. */
#include "store/redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

static void redis_close(struct store *store);
static enum err redis_ask_ahead(struct store *store, const struct store_request *request);
static enum err get_checked(struct redis_store *redis, timestamp deadline, redisReply **reply);
static enum err get_unchecked(struct redis_store *redis, timestamp deadline, redisReply **reply);
static enum err reconnect(struct redis_store *redis, unsigned within_ms);
static enum err first_connect(struct redis_store *redis);

static const struct store_driver driver = {
	.close = redis_close,
	.ask_ahead = redis_ask_ahead,
	.version = redis_version,
	.user_find = redis_user_find,
	.user_find_hash = redis_user_find_hash,
	.user_put = redis_user_put,
	.user_delete = redis_user_delete,
	.user_list = redis_user_list,
	.user_page = redis_user_page,
	.user_counts = redis_user_counts,
	.secret_add = redis_secret_add,
	.secret_delete = redis_secret_delete,
	.secret_list = redis_secret_list,
	.origin_put = redis_origin_put,
	.origin_delete = redis_origin_delete,
	.origin_list = redis_origin_list,
	.realm_option_put = redis_realm_option_put,
	.realm_option_delete = redis_realm_option_delete,
	.realm_option_list = redis_realm_option_list,
	.peer_range_add = redis_peer_range_add,
	.peer_range_delete = redis_peer_range_delete,
	.peer_range_list = redis_peer_range_list,
	.realm_list = redis_realm_list,
	.oauth_key_find = redis_oauth_key_find,
	.oauth_key_put = redis_oauth_key_put,
	.oauth_key_delete = redis_oauth_key_delete,
	.oauth_key_list = redis_oauth_key_list,
	.administrator_find = redis_administrator_find,
	.administrator_put = redis_administrator_put,
	.administrator_delete = redis_administrator_delete,
	.administrator_list = redis_administrator_list,
	.record_put = redis_record_put,
	.record_delete = redis_record_delete,
	.record_list = redis_record_list,
	.revoke = redis_revoke,
	.audit_add = redis_audit_add,
	.audit_list = redis_audit_list,
	.secret_list_by_age = redis_secret_list_by_age,
};

enum err redis_store_open(const char *connection, bool is_patient, struct store **store,
                          char problem[256])
{
	struct redis_store *redis = calloc(1, sizeof *redis);
	char words[256];
	enum err err;

	problem[0] = '\0';
	if (redis == NULL)
		return ERR_NO_MEMORY;
	redis->store.driver = &driver;
	redis->is_patient = is_patient;
	snprintf(redis->store.path, sizeof redis->store.path, "Redis");
	err = redis_settings_parse(connection, &redis->settings, words);
	if (err != OK) {
		snprintf(problem, 256, "the connection to Redis: %.200s", words);
		redis_close(&redis->store);
		return err;
	}
	err = stun_hasher_create(&redis->hasher);
	if (err == OK)
		err = first_connect(redis);
	if (err != OK) {
		snprintf(problem, 256, "%s", redis->store.problem);
		redis_close(&redis->store);
		return err;
	}
	*store = &redis->store;
	return OK;
}

void store_location_files(const struct store_location *location,
                          void (*each)(const char *path, void *context), void *context)
{
	struct redis_settings settings;
	const char *const files[] = {settings.ca_file, settings.ca_path, settings.cert_file,
	                             settings.key_file};
	char problem[256];

	if (location->redis == NULL ||
	    redis_settings_parse(location->redis, &settings, problem) != OK)
		return;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		if (files[i][0] != '\0')
			each(files[i], context);
	bytes_wipe(&settings, sizeof settings);
}

static void redis_close(struct store *store)
{
	struct redis_store *redis = redis_of(store);

	redis_connection_close(redis->connection);
	redis_changes_destroy(redis->changes);
	redis_userhashes_destroy(redis->userhashes);
	stun_hasher_destroy(redis->hasher);
	bytes_wipe(redis, sizeof *redis);
	free(redis);
}

static enum err first_connect(struct redis_store *redis)
{
	enum err err = reconnect(redis, 1000 * redis->settings.connect_timeout_s);

	return err == ERR_UNAVAILABLE && redis->is_patient ? OK : err;
}

/* Whoever asks a server that hangs does not wait for it each time anew. */
static enum err connect_again(struct redis_store *redis)
{
	enum err err;

	if (timestamp_now() < redis->retry_at)
		return ERR_UNAVAILABLE;
	err = reconnect(redis, REDIS_ANSWER_MS);
	redis->retry_at = timestamp_now() + REDIS_RETRY_MS;
	return err;
}

static bool is_lost(const struct redis_store *redis)
{
	return redis->connection == NULL || redis_connection_is_lost(redis->connection);
}

static enum err reconnect(struct redis_store *redis, unsigned within_ms)
{
	timestamp deadline = timestamp_now() + within_ms;
	char words[256] = "";
	enum err err;

	redis_connection_close(redis->connection);
	redis->connection = NULL;
	redis_changes_restart(redis->changes);
	redis->asked = 0;
	redis->at = redis->settings.address;
	err = redis_connect(&redis->settings, deadline, &redis->at, &redis->connection, words);
	snprintf(redis->store.path, sizeof redis->store.path, "Redis at %.200s:%u", redis->at.host,
	         redis->at.port);
	return err == OK ? OK : redis_say(redis, err, words[0] != '\0' ? words : err_string(err));
}

enum err redis_say(struct redis_store *redis, enum err err, const char *words)
{
	snprintf(redis->store.problem, sizeof redis->store.problem, "%.100s: %.150s",
	         redis->store.path, words);
	return err;
}

enum err redis_put(struct redis_store *redis, const char *const *words, size_t count)
{
	enum err err = redis->is_patient && is_lost(redis) ? connect_again(redis) : OK;

	if (err != OK || redis->connection == NULL)
		return ERR_UNAVAILABLE;
	err = redis_connection_put(redis->connection, words, count);
	return err == OK ? OK : redis_say(redis, err, err_string(err));
}

static enum err get_unchecked(struct redis_store *redis, timestamp deadline, redisReply **reply)
{
	enum err err = redis_connection_get(redis->connection, deadline, reply);

	return err == OK ? OK : redis_say(redis, err, redis_connection_problem(redis->connection));
}

static enum err get_checked(struct redis_store *redis, timestamp deadline, redisReply **reply)
{
	enum err err = get_unchecked(redis, deadline, reply);
	char words[256];

	if (err == OK)
		err = redis_reply_check(*reply, words);
	else
		return err;
	if (err == OK)
		return OK;
	redis_reply_free(*reply);
	*reply = NULL;
	return redis_say(redis, err, words);
}

enum err redis_get(struct redis_store *redis, redisReply **reply)
{
	return get_checked(redis, timestamp_now() + REDIS_ANSWER_MS, reply);
}

enum err redis_call(struct redis_store *redis, redisReply **reply, const char *const *words,
                    size_t count)
{
	enum err err = redis_put(redis, words, count);

	return err != OK ? err : redis_get(redis, reply);
}

/* They have one deadline together: who asks last does not wait for as many as asked before. */
void redis_asked_ahead(struct redis_store *redis, unsigned count)
{
	if (redis->asked == 0)
		redis->asked_until = timestamp_now() + REDIS_ANSWER_MS;
	redis->asked += count;
}

enum err redis_ask(struct redis_store *redis, redisReply **reply, const char *const *words,
                   size_t count)
{
	if (redis->asked == 0)
		return redis_call(redis, reply, words, count);
	redis->asked--;
	return get_checked(redis, redis->asked_until, reply);
}

/* Only what is one command can be asked ahead; a question of several would take the replies of others
 * for its own. */
static enum err redis_ask_ahead(struct store *store, const struct store_request *request)
{
	struct redis_store *redis = redis_of(store);
	enum err err = ERR_INVALID;

	if (request->question == STORE_FIND_USER)
		err = redis_user_ask(redis, request->realm, request->name);
	else if (request->question == STORE_LIST_SECRETS)
		err = redis_secret_ask(redis, request->realm);
	if (err == OK)
		redis_asked_ahead(redis, 1);
	return err;
}

/* A master that has become a replica says READONLY, and the sentinels know by then who is master. */
enum err redis_change(struct redis_store *redis, long long *changed, const char *const *words,
                      size_t count)
{
	redisReply *reply = NULL;
	enum err err = redis_call(redis, &reply, words, count);

	if (err == ERR_AGAIN && redis->settings.sentinel_count > 0 &&
	    reconnect(redis, 1000 * redis->settings.connect_timeout_s) == OK)
		err = redis_call(redis, &reply, words, count);
	if (err != OK)
		return err;
	*changed = reply->type == REDIS_REPLY_INTEGER ? reply->integer : 1;
	redis_reply_free(reply);
	return OK;
}

enum err redis_begin(struct redis_store *redis)
{
	return redis_put(redis, WORDS("MULTI"));
}

/* A command that could not be queued is answered where it stands, and EXEC with EXECABORT: what it said
 * first is why. An error inside the array is one of type. */
enum err redis_commit(struct redis_store *redis, redisReply **reply)
{
	enum err err = redis_put(redis, WORDS("EXEC")), first = OK;
	char words[256];

	*reply = NULL;
	while (err == OK) {
		redis_reply_free(*reply);
		err = get_unchecked(redis, timestamp_now() + REDIS_ANSWER_MS, reply);
		if (err != OK)
			return err;
		if (first == OK && redis_reply_check(*reply, words) != OK)
			first = redis_say(redis, redis_reply_check(*reply, words), words);
		if ((*reply)->type == REDIS_REPLY_ARRAY ||
		    ((*reply)->type == REDIS_REPLY_ERROR &&
		     strncmp((*reply)->str, "EXECABORT", 9) == 0))
			break;
	}
	for (size_t i = 0; err == OK && first == OK && i < (*reply)->elements; i++)
		if (redis_reply_check((*reply)->element[i], words) != OK)
			first = redis_say(redis, redis_reply_check((*reply)->element[i], words),
			                  words);
	if (err == OK && first == OK)
		return OK;
	redis_reply_free(*reply);
	*reply = NULL;
	return err != OK ? err : first;
}

enum err redis_text(const redisReply *reply, char *text, size_t size)
{
	size_t len;

	if (!redis_reply_is_text(reply))
		return ERR_INVALID;
	len = (size_t)reply->len;
	if (len >= size || memchr(reply->str, 0, len) != NULL)
		return ERR_INVALID;
	memcpy(text, reply->str, len);
	text[len] = '\0';
	return OK;
}

/* Names and values in turn. */
const redisReply *redis_field(const redisReply *reply, const char *name)
{
	for (size_t i = 0; i + 1 < reply->elements; i += 2)
		if (redis_reply_is_text(reply->element[i]) &&
		    strcmp(reply->element[i]->str, name) == 0)
			return reply->element[i + 1];
	return NULL;
}
