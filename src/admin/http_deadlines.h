/* Connections that have to get on. libmicrohttpd ends one that is silent, but one that sends or takes a byte now and then would hold its thread
 * for ever. Any thread. */
#pragma once

struct http_deadlines;
struct http_deadline; /* of one connection */

/* Starts a thread of its own. NULL: no memory, or no thread. */
struct http_deadlines *http_deadlines_create(void);
/* No connection is left. NULL is fine. */
void http_deadlines_destroy(struct http_deadlines *deadlines);
/* Gives one that is not running; NULL: no memory, and the connection has none. fd outlives it. */
struct http_deadline *http_deadline_add(struct http_deadlines *deadlines, int fd);
void http_deadline_remove(struct http_deadlines *deadlines, struct http_deadline *deadline);
/* In so many seconds the connection is shut down, which its thread sees as its end; 0: it is not. NULL is fine. */
void http_deadline_set(struct http_deadlines *deadlines, struct http_deadline *deadline,
                       unsigned seconds);
