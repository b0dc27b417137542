/* top: a loop around keys, signals and answers. The server is asked by a thread of its own, so that keys
 * work while it takes its time:
 *
 *     loop ── order of sessions ──► asker ── a sample ──► loop        one way each, by a pipe
 */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "admin/turnadmin_ask.h"
#include "admin/turnadmin_terminal.h"
#include "admin/turnadmin_top_screen.h"
#include "admin/turnadmin_top_view.h"
#include "admin/turnadmin_verbs.h"
#include "control/client.h"

enum { REFRESH_MS = 1000, SESSIONS = 100, PROBLEM_SIZE = 256 };

struct order {
	char key;
	const char *name;
};
static const struct order orders[] = {{'r', "rate"}, {'b', "bytes"}, {'a', "age"}};
enum { ORDERS = sizeof orders / sizeof orders[0] };

struct sample {
	json_t *answers; /* owned; NULL: problem says why */
	char problem[PROBLEM_SIZE];
};

struct top {
	const struct turnadmin_request *request;
	struct terminal terminal;
	int signals;               /* a descriptor of those that are blocked */
	int wishes[2], samples[2]; /* pipes: of struct order's index, of struct sample * */
	bool is_asked;             /* a sample is on its way */
	unsigned order;            /* of the sessions */
	bool is_paused, is_over;
	int64_t next_ms;             /* when to ask again */
	struct sample *before, *now; /* owned; the last two with answers */
	json_t *view;                /* owned; of the two */
	char problem[PROBLEM_SIZE];  /* "": none */
	struct top_history history;
};

static int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- samples ---- */

static bool ask_into(json_t *answers, const struct turnadmin_request *request, const char *what,
                     json_t *arguments, char problem[PROBLEM_SIZE])
{
	json_t *result;

	if (control_ask(request->control_socket, what, arguments, &result, problem) != OK)
		return false;
	return json_object_set_new(answers, what, result) == 0;
}

static void sample_destroy(struct sample *sample)
{
	if (sample == NULL)
		return;
	json_decref(sample->answers);
	free(sample);
}

/* Sessions come first: whoever is the first to ask for their rates waits a second. */
static struct sample *sample_take(const struct turnadmin_request *request, unsigned order)
{
	struct sample *sample = calloc(1, sizeof *sample);
	json_t *wish = json_pack("{s:s, s:i}", "sort", orders[order].name, "limit", SESSIONS);
	bool is_whole;

	if (sample == NULL) {
		json_decref(wish);
		return NULL;
	}
	sample->answers = json_object();
	is_whole = ask_into(sample->answers, request, "session list", wish, sample->problem) &&
	           ask_into(sample->answers, request, "status", NULL, sample->problem) &&
	           ask_into(sample->answers, request, "counters",
	                    json_pack("{s:b}", "by_thread", 1), sample->problem) &&
	           ask_into(sample->answers, request, "threads", NULL, sample->problem);
	if (!is_whole) {
		json_decref(sample->answers);
		sample->answers = NULL;
	}
	return sample;
}

/* The asker: it ends with the pipe of wishes. */
static void *ask_for_ever(void *context)
{
	const struct top *top = context;
	unsigned order;

	while (read(top->wishes[0], &order, sizeof order) == (ssize_t)sizeof order) {
		struct sample *sample = sample_take(top->request, order);
		if (write(top->samples[1], &sample, sizeof sample) != (ssize_t)sizeof sample)
			sample_destroy(sample);
	}
	return NULL;
}

static void top_ask(struct top *top)
{
	top->is_asked =
		write(top->wishes[1], &top->order, sizeof top->order) == (ssize_t)sizeof top->order;
	top->next_ms = clock_ms() + REFRESH_MS;
}

static void top_take(struct top *top, struct sample *sample)
{
	if (sample == NULL || sample->answers == NULL) {
		snprintf(top->problem, sizeof top->problem, "%s",
		         sample != NULL ? sample->problem : "out of memory");
		sample_destroy(sample);
		return;
	}
	top->problem[0] = 0;
	sample_destroy(top->before);
	top->before = top->now;
	top->now = sample;
	if (top->before == NULL)
		return;
	json_decref(top->view);
	top->view = top_view(top->before->answers, top->now->answers);
	top_history_add(&top->history, top->view);
}

/* ---- once, and for programs ---- */

static bool print_view(const struct top *top)
{
	struct top_screen screen = {
		.view = top->view, .columns = 132, .lines = 1000, .sort = orders[top->order].name};

	if (top->request->as_json) {
		json_dumpf(top->view, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		top_draw(&screen, &top->history, stdout);
	}
	return fflush(stdout) == 0;
}

/* Two samples make the first view, and each one more the next. */
static enum turnadmin_exit print_views(struct top *top)
{
	static const struct timespec second = {1, 0};

	for (;;) {
		top_take(top, sample_take(top->request, top->order));
		if (top->problem[0] != 0) {
			turnadmin_say("%s", top->problem);
			return TURNADMIN_PROBLEM;
		}
		if (top->view != NULL && (!print_view(top) || top->request->once))
			return TURNADMIN_DONE;
		nanosleep(&second, NULL);
	}
}

/* ---- on a terminal ---- */

static void draw(struct top *top)
{
	struct top_screen screen = {
		.view = top->view,
		.problem = top->problem[0] != 0 ? top->problem
	                   : top->view == NULL  ? "asking ..."
	                                        : NULL,
		.sort = orders[top->order].name,
		.is_paused = top->is_paused,
		.has_unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
		.is_terminal = true,
	};
	char *bytes = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&bytes, &len);

	if (memory == NULL)
		return;
	terminal_size(&screen.columns, &screen.lines);
	top_draw(&screen, &top->history, memory);
	fclose(memory);
	(void)!write(STDOUT_FILENO, bytes, len);
	free(bytes);
}

static void on_key(struct top *top, char key)
{
	if (key == 'q' || key == 'Q')
		top->is_over = true;
	if (key == 'p' || key == ' ')
		top->is_paused = !top->is_paused;
	for (unsigned i = 0; i < ORDERS; i++)
		if (orders[i].key == key && top->order != i) {
			top->order = i;
			top->next_ms = 0;
		}
	draw(top);
}

/* The terminal is the shell's while we are stopped. */
static void stop(struct top *top)
{
	terminal_close(&top->terminal);
	raise(SIGSTOP);
	(void)terminal_open(&top->terminal);
	draw(top);
}

static void on_signal(struct top *top)
{
	struct signalfd_siginfo info;

	if (read(top->signals, &info, sizeof info) != (ssize_t)sizeof info)
		return;
	if (info.ssi_signo == SIGWINCH)
		draw(top);
	else if (info.ssi_signo == SIGTSTP)
		stop(top);
	else
		top->is_over = true;
}

static void on_input(struct top *top)
{
	char keys[64];
	ssize_t n = read(STDIN_FILENO, keys, sizeof keys);

	if (n <= 0 && errno != EINTR)
		top->is_over = true; /* the terminal has gone */
	for (ssize_t i = 0; i < n; i++)
		on_key(top, keys[i]);
}

static void on_sample(struct top *top)
{
	struct sample *sample;

	if (read(top->samples[0], &sample, sizeof sample) != (ssize_t)sizeof sample)
		return;
	top->is_asked = false;
	if (top->is_paused) {
		sample_destroy(sample);
		return;
	}
	top_take(top, sample);
	if (top->view == NULL && top->problem[0] == 0)
		top->next_ms =
			clock_ms() + REFRESH_MS / 2; /* half a second is enough to begin with */
	draw(top);
}

static int wait_ms(const struct top *top)
{
	int64_t left = top->next_ms - clock_ms();

	if (top->is_asked || top->is_paused)
		return -1;
	return left > 0 ? (int)left : 0;
}

static void run(struct top *top)
{
	struct pollfd files[] = {
		{STDIN_FILENO, POLLIN, 0}, {top->signals, POLLIN, 0}, {top->samples[0], POLLIN, 0}};

	while (!top->is_over) {
		if (!top->is_asked && !top->is_paused && clock_ms() >= top->next_ms)
			top_ask(top);
		if (poll(files, 3, wait_ms(top)) <= 0)
			continue;
		if (files[2].revents != 0)
			on_sample(top);
		if (files[1].revents != 0)
			on_signal(top);
		if (files[0].revents != 0)
			on_input(top);
	}
}

/* All that would end us, so that the terminal is restored first; blocked in the asker too. */
static int open_signals(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		sigaddset(&set, numbers[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* The asker may be in the middle of an answer that never comes: nobody waits for it, and it ends with the
 * process. */
static enum turnadmin_exit run_on_terminal(struct top *top)
{
	pthread_t asker;

	top->signals = open_signals();
	if (top->signals < 0 || pipe(top->wishes) != 0 || pipe(top->samples) != 0 ||
	    pthread_create(&asker, NULL, ask_for_ever, top) != 0) {
		turnadmin_say("top: %s", strerror(errno));
		return TURNADMIN_PROBLEM;
	}
	pthread_detach(asker);
	if (!terminal_open(&top->terminal)) {
		turnadmin_say(
			"top needs a terminal: with --once it prints one view, with --json one a "
			"second");
		return TURNADMIN_PROBLEM;
	}
	run(top);
	terminal_close(&top->terminal);
	return TURNADMIN_DONE;
}

static bool order_find(const char *name, unsigned *order)
{
	for (unsigned i = 0; name != NULL && i < ORDERS; i++)
		if (strcmp(orders[i].name, name) == 0) {
			*order = i;
			return true;
		}
	return name == NULL;
}

enum turnadmin_exit turnadmin_top(const struct turnadmin_request *request)
{
	struct top *top = calloc(1, sizeof *top);
	enum turnadmin_exit status;

	if (top == NULL)
		return TURNADMIN_PROBLEM;
	setlocale(LC_CTYPE, "");
	top->request = request;
	if (!order_find(request->sort, &top->order)) {
		turnadmin_say("--sort %s: give age, rate or bytes", request->sort);
		free(top);
		return TURNADMIN_USAGE;
	}
	if (!request->once && !request->as_json)
		return run_on_terminal(
			top); /* what it has is its asker's too, until the process ends */
	status = print_views(top);
	sample_destroy(top->before);
	sample_destroy(top->now);
	json_decref(top->view);
	free(top);
	return status;
}
