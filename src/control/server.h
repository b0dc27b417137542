/* The side that is asked: it listens on the control socket, reads requests, finds each in a table
 * and writes what its handler answers. It lives on one libevent loop; a handler that needs others
 * answers later, and its client waits for as long, unless the host says that it would wait in vain. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/err.h"
#include "control/message.h"
#include "control/socket.h"

struct event_base;
struct control_server;
struct control_request; /* one that is being answered */

/* A row of the table of requests. */
struct control_row {
	const char *name;
	const char *takes; /* its arguments, separated by a space; "": none */
	/* Calls control_answer or control_refuse exactly once, now or later. */
	void (*handle)(struct control_request *request, void *context);
};

struct control_settings {
	struct event_base *base;
	const struct control_row *rows; /* row_count of them */
	size_t row_count;
	void *context;
	unsigned clients_max;    /* at one time */
	unsigned idle_timeout_s; /* of a client that neither asks nor reads */
	/* Asked each patience_ms about who waits for an answer: true ends the wait, and problem is what is
	 * told. The answer that may still come is for nobody then. NULL: they wait for as long as it takes. */
	bool (*is_in_vain)(void *context, char problem[CONTROL_PROBLEM_SIZE]);
	unsigned patience_ms;
};

/* Listens on a socket that was opened; it stays the caller's. */
MUST_CHECK enum err control_server_create(const struct control_settings *settings,
                                          const struct control_socket *opened,
                                          struct control_server **server);
/* No request is being answered any more. What was answered is sent as far as it can be. NULL is
 * fine. */
void control_server_destroy(struct control_server *server);

/* result is lent; NULL: it was refused, and problem says why. */
typedef void control_answered(const json_t *result, const char *problem, void *context);
/* Has the program itself ask for a row of a table, as a client would; of the settings, which outlive the
 * answer, all that is about requests is looked at. arguments, an object that the row takes, are taken over. answered is called
 * once, now or later. */
void control_call(const struct control_settings *settings, const char *name, json_t *arguments,
                  control_answered *answered, void *context);

/* Answer a request, which ends with it. result is taken over; NULL means that there was no memory. */
void control_answer(struct control_request *request, json_t *result);
PRINTF_LIKE(2, 3) void control_refuse(struct control_request *request, const char *problem, ...);

/* Read an argument. They return false when it is there and not what it has to be, and have refused
 * the request then; what is missing keeps the value it had. The text is lent from the request. */
bool control_get_text(struct control_request *request, const char *name, const char **text);
bool control_get_number(struct control_request *request, const char *name, json_int_t low,
                        json_int_t high, json_int_t *number);
bool control_get_flag(struct control_request *request, const char *name, bool *flag);
