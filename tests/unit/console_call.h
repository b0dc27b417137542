/* What functions of the console's interface stand on, as a test wants it: requests and answers without a socket, two administrators, a
 * machine, a store, a relay that says what the test has it say. Routes whose functions the test does not have are refused with 501. A test
 * that defines CALL_SIGNS_IN has the real sign-in and the real audit log. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "admin/api.h"
#include "admin/console.h"
#include "control/client.h"
#include "store/audit.h"
#include "tap.h"
#include "test_files.h"

enum { ANSWER_SIZE = 256 * 1024, AUDITS_SIZE = 8192, HEADERS_SIZE = 4096, VALUES_MAX = 8 };

struct http_call {
	const char *method, *path, *query, *who, *body, *host, *key, *csrf;
	struct transport_addr client;
	unsigned status;
	char *answer, *headers; /* "" before there are some */
};

/* What a test looks at: one of them, as sign-in and audit have no other way to it. */
static struct {
	struct console console;
	struct config config;
	struct test_files files;
	struct http_call call; /* the last one */
	char answer[ANSWER_SIZE], headers[HEADERS_SIZE];
	char values[VALUES_MAX][1024]; /* of its query, decoded */
	size_t value_count;
	json_t *json;             /* of the last answer */
	char audits[AUDITS_SIZE]; /* "who: what on\n" of each change */
	const char *relay_says;   /* JSON; NULL: it is away */
	char relay_asked[512];
} box;

#define ROUTE(function, method, path, who, area, summary)                     \
	__attribute__((weak)) void function(struct api_call *call)            \
	{                                                                     \
		api_refuse(call, 501, "not-here", "not a part of this test"); \
	}
#include "admin/routes.def"

/* ---- HTTP ---- */

const char *http_method(const struct http_call *call)
{
	return call->method;
}
const char *http_path(const struct http_call *call)
{
	return call->path;
}
const char *http_query(struct http_call *call, const char *name)
{
	const char *at = call->query;
	size_t len = strlen(name);

	while (at != NULL && (strncmp(at, name, len) != 0 || at[len] != '=')) {
		at = strchr(at, '&');
		at = at == NULL ? NULL : at + 1;
	}
	if (at == NULL || box.value_count == VALUES_MAX)
		return NULL;
	char *value = box.values[box.value_count++];
	return http_decode((struct slice){at + len + 1, strcspn(at + len + 1, "&")}, true, value,
	                   sizeof box.values[0])
	               ? value
	               : NULL;
}
const char *http_header(const struct http_call *call, const char *name)
{
	static char bearer[128];

	snprintf(bearer, sizeof bearer, "Bearer %s", call->key == NULL ? "" : call->key);
	return strcmp(name, "Authorization") == 0 && call->key != NULL ? bearer
	       : strcmp(name, "X-CSRF-Token") == 0 ? (call->csrf != NULL ? call->csrf : "csrf")
	       : strcmp(name, "Content-Type") == 0 ? "application/json"
	       : strcmp(name, "Host") == 0         ? call->host
	                                           : NULL;
}
const char *http_cookie(const struct http_call *call, const char *name)
{
	return strcmp(name, "__Host-turnstone") == 0 ? call->who : NULL;
}
struct slice http_body(const struct http_call *call)
{
	return slice_of(call->body);
}
const struct transport_addr *http_client(const struct http_call *call)
{
	return &call->client;
}
bool http_is_secure(const struct http_call *call)
{
	(void)call;
	return true;
}
void http_set_header(struct http_call *call, const char *name, const char *value)
{
	size_t len = strlen(call->headers);

	snprintf(call->headers + len, HEADERS_SIZE - len, "%s: %s\n", name, value);
}
void http_answer(struct http_call *call, unsigned status, const char *type, const void *body,
                 size_t len)
{
	(void)type;
	call->status = status;
	snprintf(call->answer, ANSWER_SIZE, "%.*s", (int)len, (const char *)body);
}
void http_answer_lent(struct http_call *call, unsigned status, const char *type, const void *body,
                      size_t len)
{
	http_answer(call, status, type, body, len);
}
bool http_is_answered(const struct http_call *call)
{
	return call->status != 0;
}
static int call_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}
bool http_decode(struct slice from, bool plus, char *text, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < from.len; i++) {
		char c = plus && from.at[i] == '+' ? ' ' : from.at[i];
		if (len + 1 >= size || (c == '%' && i + 2 >= from.len))
			return false;
		if (c == '%') {
			c = (char)(call_digit(from.at[i + 1]) * 16 + call_digit(from.at[i + 2]));
			i += 2;
		}
		text[len++] = c;
	}
	text[len] = '\0';
	return true;
}

#ifndef CALL_SIGNS_IN
/* ---- who asks: root of all realms, anna of a.org, and a machine of a.org ---- */

static const struct principal call_root = {.kind = ADMINISTRATOR, .name = "root", .csrf = "csrf"};
static const struct principal call_anna = {
	.kind = ADMINISTRATOR, .name = "anna", .realm = "a.org", .csrf = "csrf"};
static const struct principal call_robot = {
	.kind = MACHINE, .name = "robot", .realm = "a.org", .areas = ~(uint64_t)0};

bool sign_in_find(struct sign_in *sign_in, const char *cookie, struct principal *principal)
{
	(void)sign_in;
	*principal = strcmp(cookie, "root") == 0 ? call_root : call_anna;
	return strcmp(cookie, "root") == 0 || strcmp(cookie, "anna") == 0;
}
bool sign_in_machine(struct sign_in *sign_in, struct store *store, const char *token,
                     struct principal *principal)
{
	(void)sign_in;
	(void)store;
	*principal = call_robot;
	return strcmp(token, "token") == 0;
}
enum err store_audit_add(struct store *store, const struct store_audit_entry *entry)
{
	size_t len = strlen(box.audits);

	(void)store;
	snprintf(box.audits + len, sizeof box.audits - len, "%s: %s %s\n", entry->who, entry->what,
	         entry->on);
	return OK;
}
#endif

/* ---- the store, and the programs ---- */

struct store *console_take_store(struct console *console)
{
	return console->store;
}
void console_release_store(struct console *console)
{
	(void)console;
}
enum err control_ask(const char *path, const char *request, json_t *arguments, json_t **result,
                     char problem[256])
{
	const char *realm = json_string_value(json_object_get(arguments, "realm"));
	size_t len = strlen(box.relay_asked);

	(void)path;
	snprintf(box.relay_asked + len, sizeof box.relay_asked - len, "%s %s\n", request,
	         realm == NULL ? "" : realm);
	json_decref(arguments);
	snprintf(problem, 256, "away");
	*result = box.relay_says == NULL ? NULL : json_loads(box.relay_says, 0, NULL);
	return *result == NULL ? ERR_UNAVAILABLE : OK;
}

/* ---- for the test ---- */

static void call_setup(void)
{
	char problem[256];

	box.audits[0] = '\0';
	test_files_init(&box.files);
	if (store_open(box.files.database, true, &box.console.store, problem) != OK)
		printf("Bail out! %s\n", problem), exit(1);
	box.console.config = &box.config;
	box.console.relay_socket = "relay";
	box.console.signaling_socket = "";
}

static void call_teardown(void)
{
	json_decref(box.json);
	box.json = NULL;
	store_close(box.console.store);
	test_files_deinit(&box.files);
}

/* Returns the status. */
static unsigned call_do(const struct http_call *call)
{
	box.call = *call;
	box.call.answer = box.answer;
	box.call.headers = box.headers;
	box.answer[0] = box.headers[0] = '\0';
	box.value_count = 0;
	box.relay_asked[0] = '\0';
	json_decref(box.json);
	box.json = NULL;
	if (!api_handle(&box.console, &box.call))
		return 0;
	if (box.call.answer[0] != '\0')
		box.json = json_loads(box.call.answer, 0, NULL);
	return box.call.status;
}
#define ASK(verb, at, ...) call_do(&(struct http_call){.method = verb, .path = at, __VA_ARGS__})

/* A text of the last answer: a member of it. */
__attribute__((unused)) static const char *answer_text(const char *name)
{
	const char *text = json_string_value(json_object_get(box.json, name));

	return text == NULL ? "" : text;
}
/* A list of the last answer, compactly. Not reentrant. */
__attribute__((unused)) static const char *answer_list(const char *name)
{
	static char text[ANSWER_SIZE];
	char *dump = json_dumps(json_object_get(box.json, name), JSON_COMPACT | JSON_ENCODE_ANY);

	snprintf(text, sizeof text, "%s", dump == NULL ? "" : dump);
	free(dump);
	return text;
}
