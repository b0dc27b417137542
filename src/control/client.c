/* A blocking client, for programs and threads that do nothing else meanwhile. Connecting, sending and receiving have one deadline together: a
 * server that hangs, or says a little now and then, holds nobody for longer. */
#include "control/client.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "control/message.h"
#include "control/socket.h"

enum { ANSWER_MAX = 64 * 1024 * 1024, MS_PER_S = 1000 };

static enum err describe_connect(const char *path, char problem[256]);
static enum err send_all(int fd, const char *line);
static enum err receive_line(int fd, timestamp deadline, char **line);
static enum err read_answer(const char *line, json_t **result, char problem[256]);

static enum err exchange(const char *path, const char *line, unsigned patience_s, char **answer,
                         char problem[256])
{
	timestamp deadline = timestamp_now() + (timestamp)patience_s * MS_PER_S;
	enum err err;
	int fd;

	if (control_socket_connect_within(patience_s, path, &fd) != OK)
		return describe_connect(path, problem);
	/* A server that turns us away writes why and closes: our line may then not be taken any more. */
	(void)!send_all(fd, line);
	err = receive_line(fd, deadline, answer);
	close(fd);
	if (err == ERR_UNAVAILABLE)
		snprintf(problem, 256,
		         "%.100s: no answer within %u s: the server hangs, or is overloaded", path,
		         patience_s);
	return err;
}

enum err control_ask_within(unsigned patience_s, const char *path, const char *request,
                            json_t *arguments, json_t **result, char problem[256])
{
	char *line = control_request_line(request, arguments), *answer = NULL;
	enum err err = ERR_NO_MEMORY;

	*result = NULL;
	json_decref(arguments);
	snprintf(problem, 256, "%s", err_string(err));
	if (line != NULL)
		err = exchange(path, line, patience_s, &answer, problem);
	if (err == OK)
		err = read_answer(answer, result, problem);
	free(answer);
	free(line);
	return err;
}

enum err control_ask(const char *path, const char *request, json_t *arguments, json_t **result,
                     char problem[256])
{
	return control_ask_within(CONTROL_PATIENCE_S, path, request, arguments, result, problem);
}

static enum err describe_connect(const char *path, char problem[256])
{
	if (errno == ENOENT || errno == ECONNREFUSED) {
		snprintf(problem, 256,
		         "%.100s: no server listens there: start turnserver, or give its "
		         "control-socket: --control-socket FILE",
		         path);
		return ERR_UNAVAILABLE;
	}
	if (errno == EAGAIN) { /* others are waiting to be let in, and nobody lets them */
		snprintf(problem, 256, "%.100s: the server hangs, or is overloaded", path);
		return ERR_UNAVAILABLE;
	}
	if (errno == EACCES || errno == EPERM) {
		snprintf(problem, 256, "%.100s: be root, or the user that the server runs as",
		         path);
		return ERR_DENIED;
	}
	snprintf(problem, 256, "%.100s: %s", path, strerror(errno));
	return ERR_SYSTEM;
}

static enum err send_all(int fd, const char *line)
{
	size_t len = strlen(line), sent = 0;

	while (sent < len) {
		ssize_t n = send(fd, line + sent, len - sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ERR_SYSTEM;
		sent += (size_t)n;
	}
	return OK;
}

/* False: it took too long. Whatever else there is recv tells. */
static bool wait_readable(int fd, timestamp deadline)
{
	struct pollfd readable = {.fd = fd, .events = POLLIN};
	timestamp now = timestamp_now();

	return now < deadline && (poll(&readable, 1, (int)(deadline - now)) != 0);
}

/* Gives a line without its end, to be freed; NULL when none came whole. ERR_UNAVAILABLE: it took too long. */
static enum err receive_line(int fd, timestamp deadline, char **result)
{
	size_t size = 4096, used = 0;
	char *line = malloc(size);
	enum err err = OK;

	while (line != NULL) {
		if (!wait_readable(fd, deadline)) {
			err = ERR_UNAVAILABLE;
			break;
		}
		ssize_t n = recv(fd, line + used, size - used - 1, MSG_DONTWAIT);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0 || size > ANSWER_MAX)
			break;
		used += (size_t)n;
		line[used] = 0;
		char *end = memchr(line + used - n, '\n', (size_t)n);
		if (end != NULL) {
			*end = 0;
			*result = line;
			return OK;
		}
		if (size - used > 1)
			continue;
		char *larger = realloc(line, size *= 2);
		if (larger == NULL)
			break;
		line = larger;
	}
	free(line);
	return err;
}

static enum err read_answer(const char *line, json_t **result, char problem[256])
{
	json_t *answer = line != NULL ? json_loads(line, JSON_REJECT_DUPLICATES, NULL) : NULL;
	const char *refusal = json_string_value(json_object_get(answer, "problem"));
	enum err err = OK;

	*result = json_incref(json_object_get(answer, "result"));
	if (refusal != NULL) {
		snprintf(problem, 256, "%.255s", refusal);
		err = ERR_DENIED;
	} else if (*result == NULL) {
		snprintf(problem, 256, "the server gave no answer: its log may say why");
		err = ERR_INVALID;
	}
	json_decref(answer);
	return err;
}
