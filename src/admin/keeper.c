/* One loop over two descriptors: signals, and the socket of turnserver. */
#include "admin/keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin/console_serve.h"
#include "base/backoff.h"
#include "base/log.h"
#include "process/process.h"

enum {
	FIRST_RETRY_MS = 200,
	LAST_RETRY_MS = 30000,
	PATIENCE_MS = 3000, /* of a console that is to end */
};

struct keeper {
	const struct config *config; /* lent, or read anew: then owned_config */
	struct config *owned_config;
	const struct config_sources *sources;
	struct backoff retry;
	sigset_t signals;
	int signal_fd;
	pid_t console;    /* 0: there is none now */
	bool is_replaced; /* it ends because another configuration is to be served */
	bool is_ending;
};

static void begin(struct keeper *keeper);
static void look(struct keeper *keeper);
static void end(struct keeper *keeper);

static bool open_signals(struct keeper *keeper)
{
	static const int numbers[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};

	sigemptyset(&keeper->signals);
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		sigaddset(&keeper->signals, numbers[i]);
	sigprocmask(SIG_BLOCK, &keeper->signals, NULL);
	keeper->signal_fd = signalfd(-1, &keeper->signals, SFD_NONBLOCK | SFD_CLOEXEC);
	return keeper->signal_fd >= 0;
}

int keeper_run(const struct config *config, const struct config_sources *sources)
{
	struct keeper keeper = {.config = config, .sources = sources};
	char problem[256];

	if (process_open_log(config, problem) != OK || !open_signals(&keeper)) {
		fprintf(stderr, "turnconsole: %s\n", problem);
		return EXIT_FAILURE;
	}
	(void)prctl(PR_SET_NAME, "console-keeper");
	backoff_init(&keeper.retry, FIRST_RETRY_MS, LAST_RETRY_MS);
	while (!keeper.is_ending) {
		begin(&keeper);
		look(&keeper);
	}
	end(&keeper);
	config_destroy(keeper.owned_config);
	close(keeper.signal_fd);
	return EXIT_SUCCESS;
}

/* ---- the console ---- */

/* It dies with the keeper, and has no part in what the keeper listens to. */
static void be_console(const struct keeper *keeper, pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	(void)prctl(PR_SET_NAME, "turnconsole");
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	close(keeper->signal_fd);
	sigprocmask(SIG_UNBLOCK, &keeper->signals, NULL);
	fclose(stdin);
	exit(console_serve(keeper->config, keeper->sources));
}

static void begin(struct keeper *keeper)
{
	pid_t parent = getpid();

	if (keeper->console != 0 || !backoff_is_due(&keeper->retry, timestamp_now()))
		return;
	keeper->console = fork();
	if (keeper->console == 0)
		be_console(keeper, parent);
	if (keeper->console > 0) {
		backoff_worked(&keeper->retry, timestamp_now());
		return;
	}
	log_error("console not started", "reason=\"%s\"", strerror(errno));
	keeper->console = 0;
	backoff_failed(&keeper->retry, timestamp_now());
}

static void tell_end(int status)
{
	if (WIFSIGNALED(status))
		log_error("console crashed", "signal=\"%s\"", strsignal(WTERMSIG(status)));
	else
		log_error("console ended", "status=%d", WEXITSTATUS(status));
}

static void reap(struct keeper *keeper)
{
	int status;

	if (keeper->console == 0 || waitpid(keeper->console, &status, WNOHANG) != keeper->console)
		return;
	keeper->console = 0;
	if (keeper->is_replaced) {
		keeper->is_replaced = false;
		backoff_init(&keeper->retry, FIRST_RETRY_MS, LAST_RETRY_MS);
		return;
	}
	if (!keeper->is_ending)
		tell_end(status);
	backoff_failed(&keeper->retry, timestamp_now());
}

/* ---- a reload ---- */

static void note_difference(enum option_id id, const char *name, bool may_change, void *context)
{
	bool *differs = context;

	(void)id;
	(void)name;
	(void)may_change;
	*differs = true;
}

/* Gives a configuration that was read anew; NULL where it cannot be, which turnserver has told of. */
static struct config *read_anew(const struct keeper *keeper)
{
	struct config_report report = {0};
	struct config *config = NULL;

	if (config_load(keeper->sources, &report, &config) != OK)
		config = NULL;
	config_report_deinit(&report);
	return config;
}

/* Options of the console take another one; certificates and the log are read anew by the one that is there. */
static void reload(struct keeper *keeper)
{
	struct config *config = read_anew(keeper);
	bool differs = false;

	if (config != NULL)
		config_compare(keeper->config, config, note_difference, &differs);
	if (!differs) {
		config_destroy(config);
		if (keeper->console > 0)
			kill(keeper->console, SIGHUP);
		return;
	}
	config_destroy(keeper->owned_config);
	keeper->config = keeper->owned_config = config;
	log_always("console starts anew", "reason=\"its options have changed\"");
	keeper->is_replaced = keeper->console > 0;
	if (keeper->is_replaced)
		kill(keeper->console, SIGTERM);
}

/* ---- waiting ---- */

static void take_signals(struct keeper *keeper)
{
	struct signalfd_siginfo info;

	while (read(keeper->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
			keeper->is_ending = true;
		if (info.ssi_signo == SIGHUP)
			reload(keeper);
	}
	reap(keeper);
}

/* Any byte is a reload, and what came together is one. */
static void take_bytes(struct keeper *keeper)
{
	char bytes[64];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);

	if (n > 0)
		reload(keeper);
	else if (n == 0 || (errno != EINTR && errno != EAGAIN))
		keeper->is_ending = true;
}

static int wait_ms(const struct keeper *keeper)
{
	timestamp now = timestamp_now();

	if (keeper->console != 0)
		return -1;
	return backoff_is_due(&keeper->retry, now) ? 0 : (int)(keeper->retry.due - now);
}

static void look(struct keeper *keeper)
{
	struct pollfd fds[] = {
		{.fd = keeper->signal_fd, .events = POLLIN},
		{.fd = STDIN_FILENO, .events = POLLIN},
	};

	if (poll(fds, 2, wait_ms(keeper)) <= 0)
		return;
	if (fds[0].revents != 0)
		take_signals(keeper);
	if (fds[1].revents != 0)
		take_bytes(keeper);
}

/* Waits for the console, and no longer than it may take. */
static void end(struct keeper *keeper)
{
	struct pollfd signals = {.fd = keeper->signal_fd, .events = POLLIN};
	timestamp deadline = timestamp_now() + PATIENCE_MS;

	if (keeper->console > 0)
		kill(keeper->console, SIGTERM);
	while (keeper->console > 0) {
		timestamp now = timestamp_now();
		if (now >= deadline || poll(&signals, 1, (int)(deadline - now)) < 0)
			break;
		take_signals(keeper);
	}
	if (keeper->console > 0) {
		kill(keeper->console, SIGKILL);
		waitpid(keeper->console, NULL, 0);
	}
}
