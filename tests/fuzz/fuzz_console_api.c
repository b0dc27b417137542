/* The console's interface, from the target of a request to its answer: any method, path, query and body is answered once, a problem as RFC 9457 has
 * it, and what functions are given is plain text.
 *
 *     METHOD TARGET\n
 *     Content-Type\n
 *     query: a value, as it was sent\n
 *     body */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api.h"
#include "admin/api_path.h"
#include "admin/console.h"
#include "admin/http_framing.h"
#include "store/audit.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* ---- what the interface stands on ---- */

struct http_call {
	const char *method, *path, *type;
	char *query; /* decoded; NULL: it cannot be */
	struct slice body;
	unsigned status, answers;
};

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
	(void)name;
	return call->query;
}
const char *http_header(const struct http_call *call, const char *name)
{
	return strcmp(name, "Content-Type") == 0   ? call->type
	       : strcmp(name, "X-CSRF-Token") == 0 ? "secret"
	                                           : NULL;
}
const char *http_cookie(const struct http_call *call, const char *name)
{
	(void)call;
	(void)name;
	return "known";
}
struct slice http_body(const struct http_call *call)
{
	return call->body;
}
const struct transport_addr *http_client(const struct http_call *call)
{
	static struct transport_addr client;

	(void)call;
	return &client;
}
void http_set_header(struct http_call *call, const char *name, const char *value)
{
	(void)call;
	must(name[0] != '\0' && strpbrk(value, "\r\n") == NULL);
}

static void check_problem(unsigned status, const void *body, size_t len)
{
	json_t *problem = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
	const char *code = json_string_value(json_object_get(problem, "code"));

	must(json_integer_value(json_object_get(problem, "status")) == (json_int_t)status);
	must(code != NULL && strspn(code, "abcdefghijklmnopqrstuvwxyz-") == strlen(code));
	must(json_is_string(json_object_get(problem, "detail")));
	json_decref(problem);
}

void http_answer(struct http_call *call, unsigned status, const char *type, const void *body,
                 size_t len)
{
	must(++call->answers == 1);
	call->status = status;
	if (status >= 400)
		must(strcmp(type, "application/problem+json") == 0);
	if (status >= 400)
		check_problem(status, body, len);
}
void http_answer_lent(struct http_call *call, unsigned status, const char *type, const void *body,
                      size_t len)
{
	http_answer(call, status, type, body, len);
}
bool http_is_answered(const struct http_call *call)
{
	return call->answers > 0;
}
bool sign_in_find(struct sign_in *sign_in, const char *cookie, struct principal *principal)
{
	(void)sign_in;
	(void)cookie;
	*principal = (struct principal){.kind = ADMINISTRATOR, .name = "root", .csrf = "secret"};
	return true;
}
bool sign_in_machine(struct sign_in *sign_in, struct store *store, const char *token,
                     struct principal *principal)
{
	(void)sign_in;
	(void)store;
	(void)token;
	(void)principal;
	return false;
}
struct store *console_take_store(struct console *console)
{
	(void)console;
	return NULL;
}
void console_release_store(struct console *console)
{
	(void)console;
}
enum err store_audit_add(struct store *store, const struct store_audit_entry *entry)
{
	(void)store;
	(void)entry;
	return OK;
}

/* ---- functions of routes ---- */

static void check_parts(const struct api_call *call)
{
	size_t braces = 0;

	for (const char *at = call->route->path; (at = strchr(at, '{')) != NULL; at++) {
		must(call->parts[braces][0] != '\0' && api_text_is_plain(call->parts[braces]));
		braces++;
	}
	must(braces <= API_PARTS_MAX);
}

/* Reads members of each type, and tells what it has read. */
static void use(struct api_call *call)
{
	const char *text = "", *needed = NULL, *realm = NULL;
	json_int_t number = 7, limit = 7;
	bool flag = false;

	check_parts(call);
	if (!api_get_text(call, "text", &text) || !api_need_text(call, "name", &needed) ||
	    !api_get_number(call, "number", -5, 500, &number) ||
	    !api_get_flag(call, "flag", &flag) ||
	    !api_query_number(call, "limit", 1, 500, &limit) || !api_realm(call, text, &realm))
		return;
	must(api_text_is_plain(text) && needed[0] != '\0' && api_text_is_plain(needed));
	must(number >= -5 && number <= 500 && limit >= 1 && limit <= 500);
	api_answer(call, json_pack("{s:s, s:s, s:b}", "text", text, "name", needed, "flag", flag));
}

#define ROUTE(function, method, path, who, area, summary) \
	void function(struct api_call *call)              \
	{                                                 \
		use(call);                                \
	}
#include "admin/routes.def"

/* ---- input ---- */

/* Gives a copy of what comes before the separator, which the rest begins behind. */
static char *take(struct slice *rest, char separator)
{
	const char *end = rest->len == 0 ? NULL : memchr(rest->at, separator, rest->len);
	size_t len = end == NULL ? rest->len : (size_t)(end - rest->at);
	char *text = calloc(1, len + 1);

	must(text != NULL);
	if (len > 0)
		memcpy(text, rest->at, len);
	rest->at += end == NULL ? len : len + 1;
	rest->len -= end == NULL ? len : len + 1;
	return text;
}

static char *decode(const char *raw)
{
	size_t size = strlen(raw) + 1;
	char *text = malloc(size);

	must(text != NULL);
	if (http_decode(slice_of(raw), true, text, size)) {
		must(strlen(text) < size);
		return text;
	}
	free(text);
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct slice rest = {(const char *)bytes, len};
	struct console console = {.relay_socket = "", .signaling_socket = ""};
	struct http_framing framing = {0};
	char *method = take(&rest, ' '), *target = take(&rest, '\n'), *type = take(&rest, '\n');
	char *raw = take(&rest, '\n');
	struct http_call call = {
		.method = method, .path = http_framing_path(target), .type = type, .body = rest};

	call.query = decode(raw);
	must(api_handle(&console, &call) == (call.answers == 1));
	http_framing_take(&framing, slice_of(method), slice_of(type));
	http_framing_take(&framing, slice_of(target), rest);
	if (http_framing_is_clear(&framing, raw))
		must(strncmp(raw, "HTTP/1.", 7) == 0 && framing.lengths + framing.codings <= 1);
	free(call.query);
	free(raw);
	free(type);
	free(target);
	free(method);
	return 0;
}
