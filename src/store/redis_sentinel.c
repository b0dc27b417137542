/* Where the master is: named by the connection string, or asked of sentinels. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis.h"

#include "base/bytes.h"

enum { SENTINEL_MS = 1000 }; /* for each: the next may know */

static enum err master_ask(const struct redis_settings *settings,
                           const struct redis_address *sentinel, timestamp deadline,
                           struct redis_address *master, char problem[256]);
static enum err master_read(const redisReply *reply, struct redis_address *master);
static enum err database_select(const struct redis_settings *settings,
                                struct redis_connection *connection, timestamp deadline,
                                char problem[256]);
static enum err master_check(struct redis_connection *connection, timestamp deadline,
                             char problem[256]);

static enum err connect_to(const struct redis_settings *settings, const struct redis_address *at,
                           timestamp deadline, struct redis_connection **result, char problem[256])
{
	struct redis_connection *connection = NULL;
	enum err err = redis_connection_open(settings, at, settings->user, settings->password,
	                                     deadline, &connection, problem);

	if (err == OK)
		err = database_select(settings, connection, deadline, problem);
	if (err == OK && settings->sentinel_count > 0)
		err = master_check(connection, deadline, problem);
	if (err != OK) {
		redis_connection_close(connection);
		return err;
	}
	*result = connection;
	return OK;
}

enum err redis_connect(const struct redis_settings *settings, timestamp deadline,
                       struct redis_address *at, struct redis_connection **connection,
                       char problem[256])
{
	enum err err = ERR_UNAVAILABLE;

	if (settings->sentinel_count == 0)
		return connect_to(settings, at, deadline, connection, problem);
	for (size_t i = 0; i < settings->sentinel_count && err != OK; i++) {
		timestamp until = timestamp_now() + SENTINEL_MS;

		err = master_ask(settings, &settings->sentinels[i],
		                 until < deadline ? until : deadline, at, problem);
		if (err == OK)
			err = connect_to(settings, at, deadline, connection, problem);
	}
	return err;
}

static enum err master_ask(const struct redis_settings *settings,
                           const struct redis_address *sentinel, timestamp deadline,
                           struct redis_address *master, char problem[256])
{
	struct redis_connection *connection = NULL;
	redisReply *reply = NULL;
	char words[256] = "";
	enum err err =
		redis_connection_open(settings, sentinel, settings->sentinel_user,
	                              settings->sentinel_password, deadline, &connection, words);

	if (err == OK)
		err = redis_connection_call(
			connection, deadline, &reply,
			WORDS("SENTINEL", "get-master-addr-by-name", settings->master));
	if (err == OK)
		err = redis_reply_check(reply, words);
	if (err == OK && master_read(reply, master) != OK) {
		snprintf(words, sizeof words, "it does not know the master");
		err = ERR_UNAVAILABLE;
	}
	if (err != OK)
		snprintf(problem, 256, "sentinel %.60s:%u: %.150s", sentinel->host, sentinel->port,
		         words[0] != '\0' ? words : "it does not answer");
	redis_reply_free(reply);
	redis_connection_close(connection);
	return err;
}

static enum err master_read(const redisReply *reply, struct redis_address *master)
{
	char port[8];

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
	    redis_text(reply->element[0], master->host, sizeof master->host) != OK ||
	    redis_text(reply->element[1], port, sizeof port) != OK)
		return ERR_INVALID;
	master->port = (unsigned)strtoul(port, NULL, 10);
	return master->port > 0 && master->port <= UINT16_MAX ? OK : ERR_INVALID;
}

static enum err database_select(const struct redis_settings *settings,
                                struct redis_connection *connection, timestamp deadline,
                                char problem[256])
{
	redisReply *reply = NULL;
	char number[16];
	enum err err;

	snprintf(number, sizeof number, "%u", settings->database);
	err = redis_connection_call(connection, deadline, &reply, WORDS("SELECT", number));
	if (err != OK)
		snprintf(problem, 256, "%s", redis_connection_problem(connection));
	else
		err = redis_reply_check(reply, problem);
	redis_reply_free(reply);
	return err;
}

/* During a failover a sentinel may still tell of the old one. */
static enum err master_check(struct redis_connection *connection, timestamp deadline,
                             char problem[256])
{
	redisReply *reply = NULL;
	char role[16] = "";
	enum err err = redis_connection_call(connection, deadline, &reply, WORDS("ROLE"));

	if (err == OK && reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 &&
	    redis_text(reply->element[0], role, sizeof role) != OK)
		role[0] = '\0';
	redis_reply_free(reply);
	if (err == OK && strcmp(role, "master") == 0)
		return OK;
	snprintf(problem, 256, "it is no master yet: a failover is under way");
	return ERR_UNAVAILABLE;
}
