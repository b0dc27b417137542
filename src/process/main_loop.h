/* The loop of a server's main thread: it waits for signals, for mail of the other threads, and for requests on the
 * control socket.
 *
 *     SIGINT              stop
 *     SIGTERM             drain to the end; stop where nothing is waited for, and when it comes again
 *     SIGHUP              reload, and the log opened anew
 *     SIGUSR1             drain, and go on
 *     SIGUSR2             certificates read anew
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "control/server.h"

struct event;
struct event_base;
struct mailbox;

enum main_loop_drain {
	MAIN_LOOP_SERVES,
	MAIN_LOOP_DRAINS,
	MAIN_LOOP_ENDS, /* when all have gone */
};

/* What a program does about signals. */
struct main_loop_ops {
	void (*stop)(void *context, const char *by); /* by is static, for the log; as below */
	void (*drain)(void *context, const char *by, bool is_final);
	void (*reload)(void *context, const char *by);
	void (*reload_certificates)(void *context, const char *by);
	enum main_loop_drain (*drain_state)(const void *context);
	/* Whether calls may end by themselves when the server is to end. */
	bool (*has_patience)(const void *context);
};

struct main_loop {
	struct event_base *base; /* owned, as all below */
	struct mailbox *mailbox;
	struct event *mail_event, *signal_event; /* NULL: not open */
	int signal_fd;
	const struct main_loop_ops *ops;
	void *context;
	void *receiver; /* of mail */
};

/* Blocks the signals that it will wait for; before any thread is started, so that none gets them. */
void main_loop_block_signals(void);
/* In place. Mail is delivered to receiver. On failure, and before it was opened, main_loop_close is fine. */
MUST_CHECK enum err main_loop_open(struct main_loop *loop, const struct main_loop_ops *ops,
                                   void *context, void *receiver);
void main_loop_close(struct main_loop *loop);

/* The settings of the control socket and the console: the loop's and the program's, how many may ask, and for how long
 * they may say nothing. */
struct control_settings main_loop_requests(const struct main_loop *loop,
                                           const struct control_row *rows, size_t count);

/* Runs until main_loop_stop. */
void main_loop_run(struct main_loop *loop);
void main_loop_stop(struct main_loop *loop);
