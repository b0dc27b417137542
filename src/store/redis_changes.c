/* Whether anyone has changed what is watched. Redis tells a second connection which keys of coturn's were
 * written, by whatever program (CLIENT TRACKING with BCAST, from Redis 6 on); names are all that it
 * tells, and to have read them costs nothing. A server that cannot tell is read anew now and then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis.h"

#include "base/log.h"

enum { READ_AGAIN_MS = 10000 }; /* where changes are not told */

struct redis_changes {
	struct redis_connection *connection; /* owned; NULL: changes are not told */
	bool has_begun;                      /* the server was asked to tell */
	timestamp again_at;                  /* where it does not tell */
	int64_t data, realms, users;         /* how often they changed */
	int64_t tenants, revocations;
};

static enum err look(struct redis_store *redis);
static void count_all(struct redis_changes *changes);
static enum err changes_take(struct redis_store *redis, struct redis_changes *changes);
static enum err changes_begin(struct redis_store *redis, struct redis_changes *changes);
static enum err subscribe(struct redis_store *redis, struct redis_connection *connection,
                          char id[24]);
static void message_count(struct redis_changes *changes, const redisReply *reply);
static void key_count(struct redis_changes *changes, const char *key);
static bool ends_with(const char *text, const char *end);

enum err redis_version(struct store *store, struct store_version *version)
{
	struct redis_store *redis = redis_of(store);
	enum err err = look(redis);

	if (err != OK)
		return err;
	*version = (struct store_version){redis->changes->data, redis->changes->realms,
	                                  redis->changes->tenants, redis->changes->revocations};
	return OK;
}

enum err redis_user_version(struct redis_store *redis, int64_t *version)
{
	enum err err = look(redis);

	if (err == OK)
		*version = redis->changes->users;
	return err;
}

void redis_changes_destroy(struct redis_changes *changes)
{
	if (changes == NULL)
		return;
	redis_connection_close(changes->connection);
	free(changes);
}

void redis_changes_restart(struct redis_changes *changes)
{
	if (changes == NULL)
		return;
	redis_connection_close(changes->connection);
	changes->connection = NULL;
	changes->has_begun = false;
	count_all(changes);
}

static void count_all(struct redis_changes *changes)
{
	changes->data++;
	changes->realms++;
	changes->users++;
	changes->tenants++;
	changes->revocations++;
}

/* The PING shows that the server is there; what it told before is on the other connection by then. */
static enum err look(struct redis_store *redis)
{
	redisReply *reply = NULL;
	enum err err;

	if (redis->changes == NULL)
		redis->changes = calloc(1, sizeof *redis->changes);
	if (redis->changes == NULL)
		return ERR_NO_MEMORY;
	if (!redis->changes->has_begun)
		return changes_begin(redis, redis->changes);
	err = redis_call(redis, &reply, WORDS("PING"));
	redis_reply_free(reply);
	if (err != OK)
		return err;
	if (redis->changes->connection != NULL)
		return changes_take(redis, redis->changes);
	if (timestamp_now() < redis->changes->again_at)
		return OK;
	redis->changes->again_at = timestamp_now() + READ_AGAIN_MS;
	count_all(redis->changes);
	return OK;
}

static enum err changes_take(struct redis_store *redis, struct redis_changes *changes)
{
	redisReply *reply = NULL;
	enum err err;

	while ((err = redis_connection_poll(changes->connection, &reply)) == OK) {
		message_count(changes, reply);
		redis_reply_free(reply);
	}
	if (err == ERR_AGAIN)
		return OK;
	return redis_say(redis, err, redis_connection_problem(changes->connection));
}

/* Only a server that answers can be one that does not tell. */
static enum err changes_begin(struct redis_store *redis, struct redis_changes *changes)
{
	timestamp deadline = timestamp_now() + REDIS_ANSWER_MS;
	char id[24], words[256] = "";
	redisReply *reply = NULL;
	enum err err = redis_connection_open(&redis->settings, &redis->at, redis->settings.user,
	                                     redis->settings.password, deadline,
	                                     &changes->connection, words);

	if (err == OK)
		err = subscribe(redis, changes->connection, id);
	if (err == OK)
		err = redis_call(redis, &reply,
		                 WORDS("CLIENT", "TRACKING", "ON", "REDIRECT", id, "BCAST",
		                       "PREFIX", "turn/origin/", "PREFIX", "turn/realm/", "PREFIX",
		                       "turn/oauth/", "PREFIX", "turnstone/tenant/", "PREFIX",
		                       "turnstone/api-key/", "PREFIX", "turnstone/revoked/"));
	redis_reply_free(reply);
	changes->has_begun = !redis_connection_is_lost(redis->connection);
	changes->again_at = timestamp_now() + READ_AGAIN_MS;
	if (err == OK)
		return OK;
	redis_connection_close(changes->connection);
	changes->connection = NULL;
	if (!changes->has_begun)
		return err;
	log_info("Redis does not tell of changes",
	         "store=%s reason=\"%s\" advice=\"they count within 10 s\"", redis->store.path,
	         words[0] != '\0' ? words : redis->store.problem);
	return OK;
}

static enum err subscribe(struct redis_store *redis, struct redis_connection *connection,
                          char id[24])
{
	timestamp deadline = timestamp_now() + REDIS_ANSWER_MS;
	redisReply *reply = NULL;
	enum err err = redis_connection_call(connection, deadline, &reply, WORDS("CLIENT", "ID"));

	if (err == OK && reply->type != REDIS_REPLY_INTEGER)
		err = redis_say(redis, ERR_UNAVAILABLE, "it has no CLIENT ID");
	if (err == OK)
		snprintf(id, 24, "%lld", reply->integer);
	redis_reply_free(reply);
	reply = NULL;
	if (err == OK)
		err = redis_connection_call(connection, deadline, &reply,
		                            WORDS("SUBSCRIBE", "__redis__:invalidate"));
	if (err == OK && reply->type != REDIS_REPLY_ARRAY)
		err = redis_say(redis, ERR_UNAVAILABLE, "it takes no subscription");
	redis_reply_free(reply);
	return err;
}

/* "message", the channel, and the keys; no keys at all: everything was flushed. */
static void message_count(struct redis_changes *changes, const redisReply *reply)
{
	const redisReply *keys;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3)
		return;
	keys = reply->element[2];
	if (keys->type != REDIS_REPLY_ARRAY) {
		count_all(changes);
		return;
	}
	for (size_t i = 0; i < keys->elements; i++)
		if (redis_reply_is_text(keys->element[i]))
			key_count(changes, keys->element[i]->str);
}

/* The status of allocations may be in the same Redis, and is none of these. Users are many and change often:
 * what realms have is not read again for one of them. */
static void key_count(struct redis_changes *changes, const char *key)
{
	static const char *const ends[] = {"/max-bps",         "/total-quota",    "/user-quota",
	                                   "/allowed-peer-ip", "/denied-peer-ip", "/secret"};
	bool is_of_realms = strncmp(key, "turn/origin/", 12) == 0;
	bool is_of_user = ends_with(key, "/key");

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
		is_of_realms |= ends_with(key, ends[i]);
	changes->tenants += strncmp(key, "turnstone/tenant/", 17) == 0 ||
	                    strncmp(key, "turnstone/api-key/", 18) == 0;
	changes->revocations += strncmp(key, "turnstone/revoked/", 18) == 0;
	changes->realms += is_of_realms;
	changes->users += is_of_user;
	changes->data += is_of_realms || is_of_user || strncmp(key, "turn/oauth/", 11) == 0;
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}
