/* The main thread: it waits for signals and for requests on the control socket, and asks the relay
 * threads by mail. */
#pragma once

#include "base/timestamp.h"
#include "control/server.h"
#include "process/main_loop.h"
#include "relay/drain.h"
#include "relay/relay.h"
#include "relay/circular.h"
#include "relay/sessions.h"

struct console;
struct console_child;
struct reload;
struct revoker;
struct config_sources;
struct log_ring;
struct log_tails;

struct main_thread {
	struct relay *relay;            /* owner: main */
	struct main_loop loop;          /* owned, as all below */
	struct circulars circulars;     /* by the loop's mailbox */
	struct control_server *control; /* NULL: there is none */
	struct drain *drain;
	struct reload *reload;
	struct notify *notify;
	struct sessions *sessions;
	struct revoker *revoker;
	struct log_tails *tails;
	struct control_settings table; /* of requests; the control socket's and the console's */
	struct console *console;       /* NULL: there is none */
	struct console_child *child;   /* owner: main; NULL: there is no turnconsole */
	timestamp started;
	uint64_t started_wall_ms; /* the same since 1970: read once, for clocks are set */
};

/* Makes the loop. opened is not open when there is no control socket; it stays the caller's, as log does, where
 * lines of the log are. sources is where the configuration came from. */
MUST_CHECK enum err main_thread_create(struct relay *relay, const struct control_socket *opened,
                                       const struct config_sources *sources, struct log_ring *log,
                                       struct main_thread **main_thread);
/* Opens the text console, when there is to be one. ERR_SYSTEM, ERR_NO_MEMORY, ERR_INVALID: problem
 * is a line. */
MUST_CHECK enum err main_thread_open_console(struct main_thread *main_thread, char problem[256]);
/* Has turnconsole told of reloads, and its end told of; it stays the caller's. ERR_NO_MEMORY. */
MUST_CHECK enum err main_thread_adopt_child(struct main_thread *main_thread,
                                            struct console_child *child);
/* The relay threads may have ended. NULL is fine. */
void main_thread_destroy(struct main_thread *main_thread);

/* Whether a thread does not answer: then the request, which would ask all of them, has been refused. Of those
 * that are given up each keeps memory until the thread goes on, so that no more may join them. */
MUST_CHECK bool main_thread_refuses(const struct main_thread *main_thread,
                                    struct control_request *request);

/* Has it end when the loop turns again. by is static, for the log. */
void main_thread_stop(struct main_thread *main_thread, const char *by);

/* Runs until the server is to end. */
void main_thread_run(struct main_thread *main_thread);
