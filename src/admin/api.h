/* What a function of routes.def works with: who asks and for what, and the ways to answer. It runs on the thread of the
 * connection and may wait. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "admin/http.h"
#include "admin/sign_in.h"
#include "base/err.h"

struct api_call;
struct console;
struct store;

enum { API_PARTS_MAX = 3, API_PART_SIZE = 768 };

enum api_who { ANYBODY, ANY_REALM, ALL_REALMS };
struct api_route {
	const char *name, *method, *path, *area, *summary;
	enum api_who who;
	void (*function)(struct api_call *call);
};
extern const struct api_route api_routes[];
extern const size_t api_route_count;

struct api_call {
	struct http_call *http;
	struct console *console;
	const struct api_route *route;
	struct principal who; /* nobody, where anybody may ask */
	char parts[API_PARTS_MAX]
		  [API_PART_SIZE]; /* of the path, decoded: UTF-8 without control characters */
	json_t *body; /* an object; NULL: there was none. A body that is no JSON object was refused */
};
#define ROUTE(function, method, path, who, area, summary) void function(struct api_call *call);
#include "admin/routes.def"

/* Finds the route, looks at who asks, and calls its function: cookie or token, CSRF, method (405 with Allow), body. What is no path of
 * the interface is not answered: false. */
bool api_handle(struct console *console, struct http_call *http);

/* ---- answers: exactly one of them ---- */

/* 200; json is taken over. NULL: there was no memory, 500. */
void api_answer(struct api_call *call, json_t *json);
void api_answer_status(struct api_call *call, unsigned status, json_t *json);
void api_answer_nothing(struct api_call *call); /* 204 */
/* A problem as RFC 9457 has it: status, a code of a few words for programs ("unknown-user"), a line for people. */
PRINTF_LIKE(4, 5)
void api_refuse(struct api_call *call, unsigned status, const char *code, const char *text, ...);

/* ---- what was asked: each refuses by itself, and returns false then ---- */

/* A member of the body. What is missing keeps the value it had; *_needed: it has to be there. Texts are lent, UTF-8, without
 * control characters. */
bool api_get_text(struct api_call *call, const char *name, const char **text);
bool api_need_text(struct api_call *call, const char *name, const char **text);
bool api_get_number(struct api_call *call, const char *name, json_int_t low, json_int_t high,
                    json_int_t *number);
bool api_get_flag(struct api_call *call, const char *name, bool *flag);
bool api_query_number(struct api_call *call, const char *name, json_int_t low, json_int_t high,
                      json_int_t *number);
/* Gives the realm that the call is about: of who asks where they have but one, else asked ("": all). Another's is refused with 403. */
bool api_realm(struct api_call *call, const char *asked, const char **realm);

/* ---- the cookie ---- */

const char *api_cookie(const struct api_call *call);           /* NULL: none was shown */
void api_set_cookie(struct api_call *call, const char *value); /* NULL: it is to be forgotten */

/* ---- the programs and the store ---- */

enum api_daemon { API_RELAY, API_SIGNALING };
/* Asks over the control socket; arguments are taken over. NULL: refused (503 where nobody listens, 400 where they refuse). The result is the caller's. */
json_t *api_ask(struct api_call *call, enum api_daemon daemon, const char *request,
                json_t *arguments);
/* Takes the store; NULL: refused with 503. Short: others wait. What store_... returned goes to api_release: OK is true, all else was refused. */
struct store *api_take_store(struct api_call *call);
bool api_release_store(struct api_call *call, enum err err);

/* Writes who did what into the audit log, and into the log. what: "user put"; on: "realm=example.org user=anna". No secret is in it. Called when
 * it was done; a change whose entry cannot be written is told to the caller by a warning header, as it is done. */
PRINTF_LIKE(3, 4)
void api_audit_done(struct api_call *call, const char *what, const char *on, ...);
