/* A connection: bytes out, bytes in, and until when. */
#include "store/redis_connection.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "store/redis_tls.h"

enum {
	OUTPUT_FIRST = 4096,
	OUTPUT_MAX = 64 << 20, /* tens of thousands of questions */
	REPLY_MAX = 256 << 20, /* nothing here asks for more in one reply */
};

struct redis_connection {
	int fd;                /* owned */
	struct redis_tls *tls; /* owned; NULL: none */
	redisReader *reader;   /* owned */
	char *output;          /* owned */
	size_t output_len, output_sent, output_size;
	size_t unread; /* bytes of replies that are not given out yet */
	bool is_lost;
	char problem[160];
};

static enum err socket_open(struct redis_connection *connection,
                            const struct redis_address *address, timestamp deadline);
static enum err socket_open_unix(struct redis_connection *connection, const char *path,
                                 timestamp deadline);
static enum err socket_connect(struct redis_connection *connection, int family,
                               const struct sockaddr *addr, socklen_t len, timestamp deadline);
static enum err login(struct redis_connection *connection, const char *user, const char *password,
                      timestamp deadline, char problem[256]);
static enum err say(struct redis_connection *connection, const char *words);
static enum err wait_for(struct redis_connection *connection, short events, timestamp deadline);
static enum err output_send(struct redis_connection *connection, timestamp deadline);
static enum err reply_next(struct redis_connection *connection, redisReply **reply, short *wants);
static enum err input_read(struct redis_connection *connection, short *wants);

enum err redis_connection_open(const struct redis_settings *settings,
                               const struct redis_address *address, const char *user,
                               const char *password, timestamp deadline,
                               struct redis_connection **result, char problem[256])
{
	struct redis_connection *connection = calloc(1, sizeof *connection);
	enum err err;

	if (connection == NULL)
		return ERR_NO_MEMORY;
	connection->fd = -1;
	connection->reader = redisReaderCreate();
	err = connection->reader == NULL ? ERR_NO_MEMORY
	                                 : socket_open(connection, address, deadline);
	if (err == OK && settings->tls) {
		const char *name =
			settings->server_name[0] != '\0' ? settings->server_name : address->host;
		err = redis_tls_begin(settings, name, connection->fd, deadline, &connection->tls,
		                      connection->problem, sizeof connection->problem);
	}
	if (err != OK)
		snprintf(problem, 256, "%s",
		         connection->problem[0] != '\0' ? connection->problem : err_string(err));
	if (err == OK)
		err = login(connection, user, password, deadline, problem);
	if (err != OK) {
		redis_connection_close(connection);
		return err;
	}
	*result = connection;
	return OK;
}

void redis_connection_close(struct redis_connection *connection)
{
	if (connection == NULL)
		return;
	redis_tls_end(connection->tls);
	if (connection->fd >= 0)
		close(connection->fd);
	if (connection->reader != NULL)
		redisReaderFree(connection->reader);
	if (connection->output != NULL)
		bytes_wipe(connection->output, connection->output_size);
	free(connection->output);
	free(connection);
}

/* Each of its addresses in turn, which the name's server may be slow to tell: whoever must not wait opens
 * connections on a thread of their own. */
static enum err socket_open(struct redis_connection *connection,
                            const struct redis_address *address, timestamp deadline)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	enum err err = ERR_UNAVAILABLE;
	char port[8];
	int failure;

	if (address->host[0] == '/')
		return socket_open_unix(connection, address->host, deadline);
	snprintf(port, sizeof port, "%u", address->port);
	failure = getaddrinfo(address->host, port, &hints, &found);
	if (failure != 0)
		return say(connection, gai_strerror(failure));
	for (const struct addrinfo *one = found; one != NULL && err != OK; one = one->ai_next)
		err = socket_connect(connection, one->ai_family, one->ai_addr, one->ai_addrlen,
		                     deadline);
	freeaddrinfo(found);
	return err;
}

static enum err socket_open_unix(struct redis_connection *connection, const char *path,
                                 timestamp deadline)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	if (text_copy(addr.sun_path, sizeof addr.sun_path, path) != OK)
		return say(connection, "the path of the socket is too long");
	return socket_connect(connection, AF_UNIX, (const struct sockaddr *)&addr, sizeof addr,
	                      deadline);
}

static enum err socket_connect(struct redis_connection *connection, int family,
                               const struct sockaddr *addr, socklen_t len, timestamp deadline)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1,
	    failure = 0;
	socklen_t failure_len = sizeof failure;

	if (fd < 0)
		return say(connection, strerror(errno));
	connection->fd = fd;
	if (family != AF_UNIX) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	}
	enum err err = OK;
	if (connect(fd, addr, len) != 0) {
		err = errno == EINPROGRESS ? wait_for(connection, POLLOUT, deadline)
		                           : say(connection, strerror(errno));
		if (err == OK &&
		    getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &failure_len) == 0 &&
		    failure != 0)
			err = say(connection, strerror(failure));
	}
	if (err != OK) {
		close(fd);
		connection->fd = -1;
	}
	return err;
}

/* PING where there is no password: a server that wants one says so, and one that hangs does not
 * answer. */
static enum err login(struct redis_connection *connection, const char *user, const char *password,
                      timestamp deadline, char problem[256])
{
	redisReply *reply = NULL;
	enum err err;

	if (password[0] == '\0')
		err = redis_connection_call(connection, deadline, &reply, WORDS("PING"));
	else if (user[0] == '\0')
		err = redis_connection_call(connection, deadline, &reply, WORDS("AUTH", password));
	else
		err = redis_connection_call(connection, deadline, &reply,
		                            WORDS("AUTH", user, password));
	if (err != OK)
		snprintf(problem, 256, "%s", connection->problem);
	else
		err = redis_reply_check(reply, problem);
	redis_reply_free(reply);
	return err;
}

enum err redis_connection_put(struct redis_connection *connection, const char *const *words,
                              size_t count)
{
	char *bytes = NULL;
	int len = redisFormatCommandArgv(&bytes, (int)count, (const char **)words, NULL);
	size_t needed = connection->output_len + (size_t)(len > 0 ? len : 0);
	size_t size = connection->output_size == 0 ? OUTPUT_FIRST : connection->output_size;
	enum err err = len > 0 ? OK : ERR_NO_MEMORY;

	while (size < needed)
		size *= 2;
	if (err == OK && needed > OUTPUT_MAX)
		err = ERR_FULL;
	if (err == OK && size != connection->output_size) {
		char *grown = malloc(size);
		if (grown == NULL) {
			err = ERR_NO_MEMORY;
		} else {
			if (connection->output_len > 0)
				memcpy(grown, connection->output, connection->output_len);
			if (connection->output != NULL)
				bytes_wipe(connection->output, connection->output_size);
			free(connection->output);
			connection->output = grown;
			connection->output_size = size;
		}
	}
	if (err == OK) {
		memcpy(connection->output + connection->output_len, bytes, (size_t)len);
		connection->output_len = needed;
	}
	if (len > 0) {
		bytes_wipe(bytes, (size_t)len);
		free(bytes);
	}
	return err;
}

enum err redis_connection_get(struct redis_connection *connection, timestamp deadline,
                              redisReply **reply)
{
	short wants = POLLIN;
	enum err err;

	if (connection->is_lost)
		return ERR_UNAVAILABLE;
	err = output_send(connection, deadline);
	while (err == OK) {
		err = reply_next(connection, reply, &wants);
		if (err != ERR_AGAIN)
			break;
		err = wait_for(connection, wants, deadline);
	}
	connection->is_lost = err != OK;
	return err;
}

enum err redis_connection_poll(struct redis_connection *connection, redisReply **reply)
{
	short wants;

	return reply_next(connection, reply, &wants);
}

/* ERR_AGAIN: nothing is there; wants says what to wait for. */
static enum err reply_next(struct redis_connection *connection, redisReply **reply, short *wants)
{
	void *found = NULL;
	enum err err = OK;

	*reply = NULL;
	while (err == OK) {
		if (redisReaderGetReply(connection->reader, &found) != REDIS_OK)
			return say(connection, "it does not speak Redis's protocol");
		if (found != NULL) {
			connection->unread = 0;
			*reply = found;
			return OK;
		}
		err = input_read(connection, wants);
	}
	return err;
}

enum err redis_connection_call(struct redis_connection *connection, timestamp deadline,
                               redisReply **reply, const char *const *words, size_t count)
{
	enum err err = redis_connection_put(connection, words, count);

	return err != OK ? err : redis_connection_get(connection, deadline, reply);
}

bool redis_connection_is_lost(const struct redis_connection *connection)
{
	return connection->is_lost;
}

const char *redis_connection_problem(const struct redis_connection *connection)
{
	return connection->problem;
}

int redis_connection_fd(const struct redis_connection *connection)
{
	return connection->fd;
}

static enum err say(struct redis_connection *connection, const char *words)
{
	snprintf(connection->problem, sizeof connection->problem, "%s", words);
	return ERR_UNAVAILABLE;
}

static enum err wait_for(struct redis_connection *connection, short events, timestamp deadline)
{
	struct pollfd wait = {.fd = connection->fd, .events = events};

	for (;;) {
		timestamp now = timestamp_now();
		int ready;

		if (now >= deadline)
			return say(connection, "it does not answer in time");
		ready = poll(&wait, 1, (int)(deadline - now));
		if (ready > 0)
			return OK;
		if (ready < 0 && errno != EINTR)
			return say(connection, strerror(errno));
	}
}

static enum err output_send(struct redis_connection *connection, timestamp deadline)
{
	while (connection->output_sent < connection->output_len) {
		const char *bytes = connection->output + connection->output_sent;
		size_t len = connection->output_len - connection->output_sent;
		short wants = POLLOUT;
		ssize_t sent;

		if (connection->tls != NULL)
			sent = redis_tls_write(connection->tls, bytes, len, &wants);
		else
			sent = send(connection->fd, bytes, len, MSG_NOSIGNAL);
		if (sent > 0)
			connection->output_sent += (size_t)sent;
		else if (errno != EAGAIN && errno != EINTR)
			return say(connection, strerror(errno));
		else if (wait_for(connection, wants, deadline) != OK)
			return ERR_UNAVAILABLE;
	}
	if (connection->output_len > 0)
		bytes_wipe(connection->output, connection->output_len);
	connection->output_len = connection->output_sent = 0;
	return OK;
}

/* ERR_AGAIN: nothing is there; wants says what to wait for. */
static enum err input_read(struct redis_connection *connection, short *wants)
{
	char bytes[16384];
	ssize_t len;

	if (connection->tls != NULL)
		len = redis_tls_read(connection->tls, bytes, sizeof bytes, wants);
	else
		len = recv(connection->fd, bytes, sizeof bytes, 0);
	if (len == 0)
		return say(connection, "it closed the connection");
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return ERR_AGAIN;
	if (len < 0)
		return say(connection, strerror(errno));
	connection->unread += (size_t)len;
	if (connection->unread > REPLY_MAX)
		return say(connection, "a reply is too long");
	int result = redisReaderFeed(connection->reader, bytes, (size_t)len);
	bytes_wipe(bytes, (size_t)len);
	return result == REDIS_OK ? OK : say(connection, "out of memory");
}

void redis_reply_free(redisReply *reply)
{
	if (reply == NULL)
		return;
	if (reply->str != NULL)
		bytes_wipe(reply->str, (size_t)reply->len);
	if (reply->type == REDIS_REPLY_ARRAY)
		for (size_t i = 0; i < reply->elements; i++) {
			redis_reply_free(reply->element[i]);
			reply->element[i] = NULL;
		}
	freeReplyObject(reply);
}

/* The first word of an error of Redis, what it means to us, and how a person mends it. */
static const struct {
	const char *word;
	enum err err;
	const char *words;
} errors[] = {
	{"NOAUTH", ERR_DENIED, "it wants a password: put user and password into the connection"},
	{"WRONGPASS", ERR_DENIED, "user or password is wrong"},
	{"NOPERM", ERR_DENIED, "the user may not do that: look at its ACL"},
	{"READONLY", ERR_AGAIN,
         "it is a replica and takes no changes: name the master or sentinels"},
	{"OOM", ERR_FULL, "its memory is full: raise maxmemory or remove keys"},
	{"MISCONF", ERR_UNAVAILABLE, "it cannot save to its disk and takes no changes"},
	{"LOADING", ERR_UNAVAILABLE, "it is loading its data"},
	{"MASTERDOWN", ERR_UNAVAILABLE, "its master is away"},
	{"BUSY", ERR_UNAVAILABLE, "it is busy with a script"},
	{"WRONGTYPE", ERR_INVALID, "a key has another type than coturn's"},
	{"MOVED", ERR_UNAVAILABLE, "it is a cluster, which keeps keys in several places"},
};

enum err redis_reply_check(const redisReply *reply, char problem[256])
{
	if (reply->type != REDIS_REPLY_ERROR)
		return OK;
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		size_t len = strlen(errors[i].word);
		if (strncmp(reply->str, errors[i].word, len) == 0 &&
		    (reply->str[len] == ' ' || reply->str[len] == '\0')) {
			snprintf(problem, 256, "%s", errors[i].words);
			return errors[i].err;
		}
	}
	if (strstr(reply->str, "AUTH") != NULL || strstr(reply->str, "password") != NULL) {
		snprintf(problem, 256, "user or password is wrong");
		return ERR_DENIED;
	}
	snprintf(problem, 256, "it says \"%.120s\"", reply->str);
	return ERR_UNAVAILABLE;
}
