/* One loop over two descriptors: signals, and the socket of turnserver. */
#include "admin/keeper.h"

#include <errno.h>
#include <fcntl.h>
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
#include "process/privileges.h"
#include "process/process.h"
#include "process/reload_outcome.h"

enum {
	FIRST_RETRY_MS = 200,
	LAST_RETRY_MS = 30000,
	PAUSE_MS = 20,      /* between two readings of the socket */
	PATIENCE_MS = 4000, /* of a console that is to end: longer than its own */
	RELOAD_INTERVAL_MS = 1000,
};

enum wish { NO_WISH, FILES_ANEW, CONFIGURATION_ANEW };

struct keeper {
	const struct config *config; /* lent, or read anew: then owned_config */
	struct config *owned_config;
	const struct config_sources *sources;
	struct backoff retry;
	int signal_fd;
	pid_t console;         /* 0: there is none now */
	int life;              /* of it: it ends when this is closed. -1: it is to end */
	timestamp kill_at;     /* when it is to end and does not */
	enum wish wish;        /* of turnserver, not yet followed */
	timestamp may_read_at; /* the configuration */
	timestamp hears_at;    /* it reads the socket again */
	bool is_ending;
};

static void begin(struct keeper *keeper);
static void look(struct keeper *keeper);
static void stop_console(struct keeper *keeper);

/* Those that end all of the group come to turnserver too: the console is there for as long as it drains. */
static bool open_signals(struct keeper *keeper)
{
	static const int numbers[] = {SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		sigaddset(&signals, numbers[i]);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	keeper->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
	return keeper->signal_fd >= 0;
}

static bool open_keeper(struct keeper *keeper)
{
	char problem[256] = "no descriptor for signals";

	(void)prctl(PR_SET_NAME, "console-keeper");
	backoff_init(&keeper->retry, FIRST_RETRY_MS, LAST_RETRY_MS);
	if (process_open_log(keeper->config, problem) == OK && open_signals(keeper) &&
	    privileges_drop_as_parent(keeper->config, problem) == OK)
		return true;
	fprintf(stderr, "turnconsole: %s\n", problem);
	return false;
}

int keeper_run(const struct config *config, const struct config_sources *sources)
{
	struct keeper keeper = {.config = config, .sources = sources, .life = -1};

	if (!open_keeper(&keeper))
		return EXIT_FAILURE;
	while (!keeper.is_ending) {
		begin(&keeper);
		look(&keeper);
	}
	stop_console(&keeper);
	while (keeper.console != 0)
		look(&keeper);
	config_destroy(keeper.owned_config);
	close(keeper.signal_fd);
	return EXIT_SUCCESS;
}

/* ---- the console ---- */

/* It has no part in what the keeper listens to, and turnserver is not to wait for its end. */
static _Noreturn void be_console(const struct keeper *keeper, const int life[2])
{
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)prctl(PR_SET_NAME, "turnconsole");
	close(life[1]);
	close(keeper->signal_fd);
	if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0)
		_exit(EXIT_FAILURE);
	close(nothing);
	exit(console_serve(keeper->config, life[0]));
}

static bool is_wanted(const struct keeper *keeper)
{
	return !keeper->is_ending && (keeper->config->web_admin || keeper->config->prometheus);
}

static bool start_console(struct keeper *keeper)
{
	int life[2];

	if (pipe2(life, O_CLOEXEC) != 0)
		return false;
	keeper->console = fork();
	if (keeper->console == 0)
		be_console(keeper, life);
	close(life[0]);
	if (keeper->console > 0) {
		keeper->life = life[1];
		return true;
	}
	keeper->console = 0;
	close(life[1]);
	return false;
}

static void begin(struct keeper *keeper)
{
	timestamp now = timestamp_now();

	if (keeper->console != 0 || !is_wanted(keeper) || !backoff_is_due(&keeper->retry, now))
		return;
	if (start_console(keeper)) {
		backoff_worked(&keeper->retry, now);
		return;
	}
	log_error("console not started", "reason=\"%s\"", strerror(errno));
	backoff_failed(&keeper->retry, now);
}

static void stop_console(struct keeper *keeper)
{
	if (keeper->console == 0 || keeper->life < 0)
		return;
	close(keeper->life);
	keeper->life = -1;
	keeper->kill_at = timestamp_now() + PATIENCE_MS;
}

static void tell_end(int status)
{
	if (WIFSIGNALED(status))
		log_error("console crashed", "signal=\"%s\" effect=\"it is started again\"",
		          strsignal(WTERMSIG(status)));
	else
		log_error("console ended", "status=%d effect=\"it is started again\"",
		          WEXITSTATUS(status));
}

/* One that was to end makes room at once for another. */
static void reap(struct keeper *keeper)
{
	int status;

	if (keeper->console == 0 || waitpid(keeper->console, &status, WNOHANG) != keeper->console)
		return;
	keeper->console = 0;
	if (keeper->life < 0) {
		backoff_init(&keeper->retry, FIRST_RETRY_MS, LAST_RETRY_MS);
		return;
	}
	close(keeper->life);
	keeper->life = -1;
	tell_end(status);
	backoff_failed(&keeper->retry, timestamp_now());
}

/* ---- a reload ---- */

static bool has_change(const struct reload_outcome *outcome)
{
	for (size_t i = 0; i < outcome->change_count; i++)
		if (outcome->changes[i].is_applied)
			return true;
	return false;
}

/* Gives another configuration where options of the console have changed; NULL: they have not, or it has errors, which turnserver tells of.
 * What takes a restart, such as proc-user, stays as it was. */
static struct config *read_anew(const struct keeper *keeper)
{
	struct reload_outcome outcome = {0};
	struct config *config = NULL;

	if (config_load(keeper->sources, &outcome.report, &config) != OK)
		config = NULL;
	if (config != NULL &&
	    (outcome_compare(&outcome, keeper->config, config, NULL, NULL) != OK ||
	     !has_change(&outcome))) {
		config_destroy(config);
		config = NULL;
	}
	outcome_deinit(&outcome);
	return config;
}

/* Another configuration takes another console. */
static void follow(struct keeper *keeper)
{
	struct config *config = keeper->wish == CONFIGURATION_ANEW ? read_anew(keeper) : NULL;

	keeper->wish = NO_WISH;
	keeper->may_read_at = timestamp_now() + RELOAD_INTERVAL_MS;
	if (config != NULL) {
		config_destroy(keeper->owned_config);
		keeper->config = keeper->owned_config = config;
		log_always("console starts anew", "reason=\"its options have changed\"");
		stop_console(keeper);
		backoff_init(&keeper->retry, FIRST_RETRY_MS, LAST_RETRY_MS);
	}
	process_reopen_log(keeper->config);
	if (config == NULL && keeper->console != 0)
		kill(keeper->console, SIGHUP);
}

/* ---- waiting ---- */

static void wish(struct keeper *keeper, enum wish wish)
{
	if (wish > keeper->wish)
		keeper->wish = wish;
}

static void take_signals(struct keeper *keeper)
{
	struct signalfd_siginfo info;

	while (read(keeper->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
		if (info.ssi_signo == SIGHUP)
			wish(keeper, CONFIGURATION_ANEW);
	reap(keeper);
}

/* What came together is one. A byte that means nothing has nothing done. */
static void take_bytes(struct keeper *keeper)
{
	char bytes[4096];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);

	keeper->hears_at = timestamp_now() + PAUSE_MS;

	if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
		keeper->is_ending = true;
	for (ssize_t i = 0; i < n; i++)
		wish(keeper, bytes[i] == 'r'   ? CONFIGURATION_ANEW
		             : bytes[i] == 'f' ? FILES_ANEW
		                               : NO_WISH);
}

static bool is_leaving(const struct keeper *keeper)
{
	return keeper->console != 0 && keeper->life < 0;
}

/* Whoever writes without end keeps no CPU busy; the end of the socket is heard in any case. */
static bool is_resting(const struct keeper *keeper)
{
	return timestamp_now() < keeper->hears_at;
}

/* -1: for as long as nothing comes. */
static int wait_ms(const struct keeper *keeper)
{
	const struct {
		bool is_set;
		timestamp at;
	} times[] = {
		{is_leaving(keeper), keeper->kill_at},
		{keeper->console == 0 && is_wanted(keeper), keeper->retry.due},
		{keeper->wish != NO_WISH, keeper->may_read_at},
		{is_resting(keeper), keeper->hears_at},
	};
	timestamp now = timestamp_now();
	int wait = -1;

	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		int left = times[i].at > now ? (int)(times[i].at - now) : 0;
		if (times[i].is_set && (wait < 0 || left < wait))
			wait = left;
	}
	return wait;
}

static void look(struct keeper *keeper)
{
	/* Nothing comes by a socket that has ended, again and again. */
	struct pollfd fds[] = {
		{.fd = keeper->signal_fd, .events = POLLIN},
		{.fd = keeper->is_ending ? -1 : STDIN_FILENO,
	         .events = is_resting(keeper) ? 0 : POLLIN},
	};

	if (poll(fds, 2, wait_ms(keeper)) < 0)
		return;
	if (fds[0].revents != 0)
		take_signals(keeper);
	if (fds[1].revents != 0)
		take_bytes(keeper);
	if (keeper->wish != NO_WISH && timestamp_now() >= keeper->may_read_at)
		follow(keeper);
	if (is_leaving(keeper) && timestamp_now() >= keeper->kill_at) {
		kill(keeper->console, SIGKILL);
		keeper->kill_at = timestamp_now() + PATIENCE_MS; /* it may be busy with a disk */
	}
}
