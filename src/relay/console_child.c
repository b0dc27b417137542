/* fork, and exec of the program that lies beside this one. */
#include "relay/console_child.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/timestamp.h"

enum { PATIENCE_MS = 5000 }; /* longer than the keeper's */

struct console_child {
	int fd;              /* owned */
	struct event *event; /* owned */
};

/* Where this program lies, there the other does: in a build's folder, or where both were installed. */
static bool find_program(char path[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);

	if (len <= 0)
		return false;
	self[len] = '\0';
	return snprintf(path, PATH_MAX, "%s/turnconsole", dirname(self)) < PATH_MAX &&
	       access(path, X_OK) == 0;
}

/* What the service manager told this process is for it alone. */
static void forget_service_manager(void)
{
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_PID");
	unsetenv("WATCHDOG_USEC");
}

/* A signal that is ignored stays so in the program that is executed; those that are handled do not. */
static void reset_signals(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		if (number != SIGPIPE && number != SIGHUP)
			signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Nearly all are so already. A kernel before 5.11 has no such call for it. */
static void close_on_exec(void)
{
	long max = sysconf(_SC_OPEN_MAX);

	if (close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	for (int fd = STDERR_FILENO + 1; fd < max; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* Its command line is this program's: another reader of the same options finds the same files. */
static void become(const char *path, const struct config_sources *sources, int fd)
{
	char **argv = calloc((size_t)sources->argc + 3, sizeof *argv);

	if (argv == NULL)
		_exit(EXIT_FAILURE);
	argv[0] = (char[]){"turnconsole"};
	argv[1] = (char[]){"--supervised"};
	for (int i = 1; i < sources->argc; i++)
		argv[i + 1] = sources->argv[i];
	reset_signals();
	forget_service_manager();
	if (dup2(fd, STDIN_FILENO) != STDIN_FILENO)
		_exit(EXIT_FAILURE);
	close_on_exec();
	execv(path, argv);
	_exit(EXIT_FAILURE);
}

static enum err start(const char *path, const struct config_sources *sources, int *fd,
                      char problem[256])
{
	int ends[2];
	pid_t pid;

	/* From inside of the fence nobody is waited for: the kernel is to forget the keeper at its end. */
	signal(SIGCHLD, SIG_IGN);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
		snprintf(problem, 256, "turnconsole: %s", strerror(errno));
		return ERR_SYSTEM;
	}
	pid = fork();
	if (pid == 0)
		become(path, sources, ends[1]);
	close(ends[1]);
	if (pid < 0) {
		snprintf(problem, 256, "turnconsole: %s", strerror(errno));
		close(ends[0]);
		return ERR_SYSTEM;
	}
	(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
	*fd = ends[0];
	return OK;
}

enum err console_child_start(const struct config *config, const struct config_sources *sources,
                             struct console_child **child, char problem[256])
{
	struct console_child *made;
	char path[PATH_MAX];
	enum err err;

	*child = NULL;
	if (!config->web_admin && !config->prometheus)
		return OK;
	if (!find_program(path)) {
		log_warning("no console",
		            "reason=\"there is no turnconsole beside turnserver: install it, "
		            "or turn web-admin and prometheus off\"");
		return OK;
	}
	made = calloc(1, sizeof *made);
	if (made == NULL)
		return ERR_NO_MEMORY;
	err = start(path, sources, &made->fd, problem);
	if (err != OK) {
		free(made);
		return err;
	}
	*child = made;
	return OK;
}

static void unwatch(struct console_child *child)
{
	if (child->event != NULL)
		event_free(child->event);
	child->event = NULL;
}

/* Nothing is ever said on it but its end. */
static void on_end(evutil_socket_t fd, short what, void *context)
{
	struct console_child *child = context;
	char bytes[64];

	(void)what;
	if (recv(fd, bytes, sizeof bytes, 0) > 0)
		return;
	log_error("console lost",
	          "reason=\"its keeper has ended: restart the server to have a console\"");
	unwatch(child);
}

enum err console_child_watch(struct console_child *child, struct event_base *base)
{
	if (child == NULL)
		return OK;
	child->event = event_new(base, child->fd, EV_READ | EV_PERSIST, on_end, child);
	if (child->event == NULL || event_add(child->event, NULL) != 0)
		return ERR_NO_MEMORY;
	return OK;
}

/* Where there is no room the keeper has enough to read: it takes all of it for one. */
void console_child_tell(struct console_child *child, enum console_child_word word)
{
	const char byte = (char)word;

	if (child != NULL && send(child->fd, &byte, 1, MSG_NOSIGNAL) != 1 && errno != EAGAIN &&
	    errno != EPIPE)
		log_warning("console not told of the reload", "reason=\"%s\"", strerror(errno));
}

void console_child_end(struct console_child *child)
{
	if (child == NULL)
		return;
	unwatch(child);
	(void)shutdown(child->fd, SHUT_WR);
}

/* Its end of the socket closes with its last process. */
static void await_end(const struct console_child *child)
{
	struct pollfd end = {.fd = child->fd, .events = POLLIN};
	timestamp deadline = timestamp_now() + PATIENCE_MS, now = 0;
	char bytes[64];

	while ((now = timestamp_now()) < deadline && poll(&end, 1, (int)(deadline - now)) >= 0)
		if (end.revents != 0 && recv(child->fd, bytes, sizeof bytes, 0) <= 0)
			return;
}

void console_child_destroy(struct console_child *child)
{
	if (child == NULL)
		return;
	console_child_end(child);
	await_end(child);
	close(child->fd);
	free(child);
}
