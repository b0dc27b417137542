/* A libevent loop with few events: signals come by a descriptor, and so does the mail. */
#include "process/main_loop.h"

#include <event2/event.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/mailbox.h"

enum {
	CLIENTS_MAX = 32,
	IDLE_TIMEOUT_S = 60,
};

typedef void signal_fn(struct main_loop *loop);
static signal_fn on_interrupt, on_terminate, on_hangup, on_user_1, on_user_2;

static const struct {
	int number;
	signal_fn *handle;
} signals[] = {
	{SIGINT, on_interrupt}, {SIGTERM, on_terminate}, {SIGHUP, on_hangup},
	{SIGUSR1, on_user_1},   {SIGUSR2, on_user_2},
};
enum { SIGNAL_COUNT = sizeof signals / sizeof signals[0] };

static enum err open_events(struct main_loop *loop);
static void on_mail(evutil_socket_t fd, short what, void *context);
static void on_signal(evutil_socket_t fd, short what, void *context);

static void fill_set(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		sigaddset(set, signals[i].number);
}

void main_loop_block_signals(void)
{
	sigset_t set;

	fill_set(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a log that may not grow is told so by write */
}

enum err main_loop_open(struct main_loop *loop, const struct main_loop_ops *ops, void *context,
                        void *receiver)
{
	enum err err;

	*loop = (struct main_loop){
		.base = event_base_new(),
		.signal_fd = -1,
		.ops = ops,
		.context = context,
		.receiver = receiver,
	};
	if (loop->base == NULL)
		return ERR_NO_MEMORY;
	err = mailbox_create(&loop->mailbox);
	if (err == OK)
		err = open_events(loop);
	return err;
}

static enum err open_events(struct main_loop *loop)
{
	sigset_t set;

	fill_set(&set);
	loop->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (loop->signal_fd < 0)
		return ERR_SYSTEM;
	loop->mail_event = event_new(loop->base, mailbox_fd(loop->mailbox), EV_READ | EV_PERSIST,
	                             on_mail, loop);
	loop->signal_event =
		event_new(loop->base, loop->signal_fd, EV_READ | EV_PERSIST, on_signal, loop);
	if (loop->mail_event == NULL || loop->signal_event == NULL ||
	    event_add(loop->mail_event, NULL) != 0 || event_add(loop->signal_event, NULL) != 0)
		return ERR_NO_MEMORY;
	return OK;
}

void main_loop_close(struct main_loop *loop)
{
	if (loop->base == NULL)
		return;
	if (loop->signal_event != NULL)
		event_free(loop->signal_event);
	if (loop->mail_event != NULL)
		event_free(loop->mail_event);
	if (loop->signal_fd >= 0)
		close(loop->signal_fd);
	mailbox_destroy(loop->mailbox);
	event_base_free(loop->base);
}

struct control_settings main_loop_requests(const struct main_loop *loop,
                                           const struct control_row *rows, size_t count)
{
	return (struct control_settings){
		.base = loop->base,
		.rows = rows,
		.row_count = count,
		.context = loop->context,
		.clients_max = CLIENTS_MAX,
		.idle_timeout_s = IDLE_TIMEOUT_S,
	};
}

void main_loop_run(struct main_loop *loop)
{
	event_base_dispatch(loop->base);
}

void main_loop_stop(struct main_loop *loop)
{
	event_base_loopbreak(loop->base);
}

static void on_mail(evutil_socket_t fd, short what, void *context)
{
	struct main_loop *loop = context;

	(void)fd;
	(void)what;
	mailbox_deliver(loop->mailbox, loop->receiver);
}

/* ---- signals ---- */

static void on_signal(evutil_socket_t fd, short what, void *context)
{
	struct signalfd_siginfo info;

	(void)what;
	while (read(fd, &info, sizeof info) == (ssize_t)sizeof info)
		for (size_t i = 0; i < SIGNAL_COUNT; i++)
			if (signals[i].number == (int)info.ssi_signo)
				signals[i].handle(context);
}

static void on_interrupt(struct main_loop *loop)
{
	loop->ops->stop(loop->context, "SIGINT");
}

/* The second one means it. */
static void on_terminate(struct main_loop *loop)
{
	if (!loop->ops->has_patience(loop->context) ||
	    loop->ops->drain_state(loop->context) == MAIN_LOOP_ENDS)
		loop->ops->stop(loop->context, "SIGTERM");
	else
		loop->ops->drain(loop->context, "SIGTERM", true);
}

static void on_hangup(struct main_loop *loop)
{
	loop->ops->reload(loop->context, "SIGHUP");
}

/* As coturn does. A drain under way goes on as it was wished. */
static void on_user_1(struct main_loop *loop)
{
	if (loop->ops->drain_state(loop->context) == MAIN_LOOP_SERVES)
		loop->ops->drain(loop->context, "SIGUSR1", false);
}

/* As coturn does. */
static void on_user_2(struct main_loop *loop)
{
	loop->ops->reload_certificates(loop->context, "SIGUSR2");
}
