/* A connection to one Redis server, over TCP, TLS or a Unix socket. Commands are gathered and sent
 * together; each reply is waited for until a deadline and no longer. Words of a command are arguments of
 * their own and never part of a format. hiredis makes the bytes and reads them; sockets and time are
 * ours, as its own calls know no deadline, and Debian 12's no TLS. Of this folder, and of signaling's cluster. */
#pragma once

#include <hiredis/hiredis.h>

#include "base/timestamp.h"
#include "store/redis_settings.h"

struct redis_connection;

/* The words of a command as two arguments: WORDS("GET", key). */
#define WORDS(...)                            \
	((const char *const[]){__VA_ARGS__}), \
		(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* Connects, says who we are where user and password are given, and begins TLS. problem is one line for a
 * person. ERR_DENIED: the password or the certificate is wrong; ERR_UNAVAILABLE. */
MUST_CHECK enum err redis_connection_open(const struct redis_settings *settings,
                                          const struct redis_address *address, const char *user,
                                          const char *password, timestamp deadline,
                                          struct redis_connection **connection, char problem[256]);
void redis_connection_close(struct redis_connection *connection); /* NULL is fine */

/* Gathers a command. */
MUST_CHECK enum err redis_connection_put(struct redis_connection *connection,
                                         const char *const *words, size_t count);
/* Sends what was gathered, and waits for the next reply, the caller's. ERR_UNAVAILABLE: it did not
 * come, redis_connection_problem says why, and the connection is of no more use. A reply that is an
 * error is OK. */
MUST_CHECK enum err redis_connection_get(struct redis_connection *connection, timestamp deadline,
                                         redisReply **reply);
/* Gives the next reply, or message of a subscription, without waiting; ERR_AGAIN: none is there. */
MUST_CHECK enum err redis_connection_poll(struct redis_connection *connection, redisReply **reply);
/* Both in one. */
MUST_CHECK enum err redis_connection_call(struct redis_connection *connection, timestamp deadline,
                                          redisReply **reply, const char *const *words,
                                          size_t count);
/* True once it is of no more use: a reply that comes late would be taken for that to another question. */
bool redis_connection_is_lost(const struct redis_connection *connection);
const char *redis_connection_problem(const struct redis_connection *connection);
int redis_connection_fd(const struct redis_connection *connection);

/* Frees a reply after wiping its texts, which may be secrets. NULL is fine. */
void redis_reply_free(redisReply *reply);
/* Turns a reply that is an error into ours, with words for a person; OK when it is none. */
MUST_CHECK enum err redis_reply_check(const redisReply *reply, char problem[256]);
static inline bool redis_reply_is_text(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS;
}
