/* A blocking client, for programs that do nothing else meanwhile. */
#include "control/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/message.h"
#include "control/socket.h"

enum { PATIENCE_S = 30, ANSWER_MAX = 64 * 1024 * 1024 };

static enum err describe_connect(const char *path, char problem[256]);
static enum err send_all(int fd, const char *line);
static char *receive_line(int fd);
static enum err read_answer(const char *line, json_t **result, char problem[256]);

static enum err connect_to(const char *path, int *fd, char problem[256])
{
	struct timeval patience = {PATIENCE_S, 0};

	if (control_socket_connect(path, fd) != OK)
		return describe_connect(path, problem);
	setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(*fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	return OK;
}

/* A server that turns us away writes why and closes: our line may then not be taken any more. */
enum err control_ask(const char *path, const char *request, json_t *arguments, json_t **result,
                     char problem[256])
{
	char *line = control_request_line(request, arguments), *answer = NULL;
	enum err err = ERR_NO_MEMORY;
	int fd = -1;

	json_decref(arguments);
	snprintf(problem, 256, "%s", err_string(err));
	if (line != NULL)
		err = connect_to(path, &fd, problem);
	if (err == OK) {
		(void)!send_all(fd, line);
		answer = receive_line(fd);
		close(fd);
		err = read_answer(answer, result, problem);
	}
	free(answer);
	free(line);
	return err;
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

/* A line without its end, to be freed; NULL when none came whole. */
static char *receive_line(int fd)
{
	size_t size = 4096, used = 0;
	char *line = malloc(size);

	while (line != NULL) {
		ssize_t n = recv(fd, line + used, size - used - 1, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || size > ANSWER_MAX)
			break;
		used += (size_t)n;
		line[used] = 0;
		char *end = memchr(line, '\n', used);
		if (end != NULL) {
			*end = 0;
			return line;
		}
		if (size - used > 1)
			continue;
		char *larger = realloc(line, size *= 2);
		if (larger == NULL)
			break;
		line = larger;
	}
	free(line);
	return NULL;
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
