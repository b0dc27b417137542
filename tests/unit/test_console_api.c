/* From a path to a function: who may ask for what, and what is refused on the way. The functions are of this test: each says its name. */
#include <stdlib.h>
#include <string.h>

#include "admin/api.h"
#include "admin/api_path.h"
#include "admin/console.h"
#include "store/audit.h"
#include "tests/unit/tap.h"

/* ---- what the interface stands on: a call as the test wants it ---- */

struct http_call {
	const char *method, *path, *cookie, *authorization, *csrf, *site, *type, *body;
	struct transport_addr client;
	unsigned status;
	char answer[4096], headers[4096];
};

static char reached[64];

#define ROUTE(function, method, path, who, area, summary)     \
	void function(struct api_call *call)                  \
	{                                                     \
		snprintf(reached, sizeof reached, #function); \
		api_answer_nothing(call);                     \
	}
#include "admin/routes.def"

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
	(void)call;
	(void)name;
	return NULL;
}
const char *http_header(const struct http_call *call, const char *name)
{
	return strcmp(name, "Authorization") == 0    ? call->authorization
	       : strcmp(name, "X-CSRF-Token") == 0   ? call->csrf
	       : strcmp(name, "Sec-Fetch-Site") == 0 ? call->site
	       : strcmp(name, "Content-Type") == 0   ? call->type
	                                             : NULL;
}
const char *http_cookie(const struct http_call *call, const char *name)
{
	return strcmp(name, "__Host-turnstone") == 0 ? call->cookie : NULL;
}
struct slice http_body(const struct http_call *call)
{
	return slice_of(call->body);
}
const struct transport_addr *http_client(const struct http_call *call)
{
	return &call->client;
}
void http_set_header(struct http_call *call, const char *name, const char *value)
{
	size_t len = strlen(call->headers);

	snprintf(call->headers + len, sizeof call->headers - len, "%s: %s\n", name, value);
}
void http_answer(struct http_call *call, unsigned status, const char *type, const void *body,
                 size_t len)
{
	(void)type;
	call->status = status;
	snprintf(call->answer, sizeof call->answer, "%.*s", (int)len, (const char *)body);
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
static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}
bool http_decode(struct slice from, bool plus, char *text, size_t size)
{
	size_t len = 0;

	(void)plus;
	for (size_t i = 0; i < from.len; i++) {
		if (len + 1 >= size)
			return false;
		text[len++] = from.at[i] != '%'
		                      ? from.at[i]
		                      : (char)(digit(from.at[i + 1]) * 16 + digit(from.at[i + 2]));
		i += from.at[i] == '%' ? 2 : 0;
	}
	text[len] = '\0';
	return true;
}

/* ---- who asks ---- */

static const struct principal root = {.kind = ADMINISTRATOR, .name = "root", .csrf = "secret"};
static const struct principal of_realm = {
	.kind = ADMINISTRATOR, .name = "anna", .realm = "example.org", .csrf = "secret"};

bool sign_in_find(struct sign_in *sign_in, const char *cookie, struct principal *principal)
{
	(void)sign_in;
	*principal = strcmp(cookie, "root") == 0 ? root : of_realm;
	return strcmp(cookie, "root") == 0 || strcmp(cookie, "anna") == 0;
}
bool sign_in_machine(struct sign_in *sign_in, struct store *store, const char *token,
                     struct principal *principal)
{
	(void)sign_in;
	(void)store;
	*principal = (struct principal){
		.kind = MACHINE, .name = "robot", .areas = scope_bit("users:read")};
	return strcmp(token, "good") == 0;
}
struct store *console_take_store(struct console *console)
{
	return (struct store *)console;
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

/* ---- tests ---- */

static struct http_call asked;

/* Returns the status; 0: not of the interface. */
static unsigned ask(struct http_call call)
{
	static struct console console;

	asked = call;
	reached[0] = '\0';
	return api_handle(&console, &asked) ? asked.status : 0;
}

#define ASK(...) ask((struct http_call){__VA_ARGS__})

static bool says(const char *code)
{
	if (strstr(asked.answer, code) != NULL)
		return true;
	printf("# no %s in %s\n", code, asked.answer);
	return false;
}

static void test_paths(void)
{
	char parts[API_PARTS_MAX][API_PART_SIZE];

	ok(api_path_fits("/a/{x}/b/{y}", "/a/1%2F2/b/%C3%A9", parts), "a path with parts");
	is_text(parts[0], "1/2", "an encoded slash stays in its part");
	is_text(parts[1], "\xc3\xa9", "UTF-8");
	ok(!api_path_fits("/a/{x}", "/a/", parts), "an empty part");
	ok(!api_path_fits("/a/{x}", "/a/b/", parts), "a slash more");
	ok(!api_path_fits("/a/{x}", "/a", parts), "a part less");
	ok(!api_path_fits("/a/{x}", "/a/%C3", parts), "no UTF-8");
	ok(!api_path_fits("/a/{x}", "/a/%0A", parts), "a control character");
	ok(!api_path_fits("/a/{x}", "/a/%E2%80%AE", parts),
	   "a mark that turns the direction of writing");
	ok(!api_path_fits("/a", "/ab", parts), "another path");
}

static void test_methods(void)
{
	is_int(ASK(.method = "GET", .path = "/nothing"), 0, "another path is not of the interface");
	is_int(ASK(.method = "GET", .path = "/api/v1/nothing"), 404, "but below its own");
	ok(says("no-such-path") && strstr(asked.headers, "no-store") != NULL, "as a problem");
	is_int(ASK(.method = "GET", .path = "/healthz"), 204, "anybody may ask how it is");
	is_text(reached, "api_health", "and the function is called");
	is_int(ASK(.method = "HEAD", .path = "/healthz"), 204, "HEAD is GET");
	is_int(ASK(.method = "POST", .path = "/healthz"), 405, "another method is refused");
	ok(strstr(asked.headers, "Allow: GET\n") != NULL, "and the right one named");
	is_int(ASK(.method = "TRACE", .path = "/api/v1/users/a/b"), 405, "any method");
	ok(strstr(asked.headers, "Allow: PUT, DELETE\n") != NULL, "and all of the path named");
}

static void test_who(void)
{
	is_int(ASK(.method = "GET", .path = "/api/v1/users"), 401, "nobody may not");
	is_int(ASK(.method = "GET", .path = "/api/v1/users", .cookie = "old"), 401,
	       "nor who was signed in");
	is_int(ASK(.method = "GET", .path = "/api/v1/users", .cookie = "anna"), 204,
	       "an administrator may");
	is_int(ASK(.method = "GET", .path = "/api/v1/options", .cookie = "anna"), 403,
	       "of a realm not all");
	ok(says("all-realms-only"), "as is said");
	is_int(ASK(.method = "GET", .path = "/api/v1/options", .cookie = "root"), 204,
	       "of all realms, all");
	is_int(ASK(.method = "GET", .path = "/api/v1/users", .authorization = "Bearer good"), 204,
	       "a token");
	is_int(ASK(.method = "GET", .path = "/api/v1/secrets", .authorization = "Bearer good"), 403,
	       "for another area");
	ok(says("secrets:read"), "the scope is named");
	is_int(ASK(.method = "PUT", .path = "/api/v1/users/a/b", .authorization = "Bearer good"),
	       403, "to write");
	is_int(ASK(.method = "GET", .path = "/api/v1/me", .authorization = "Bearer good"), 403,
	       "what no token may");
	is_int(ASK(.method = "GET", .path = "/api/v1/users", .cookie = "root",
	           .authorization = "Bearer bad"),
	       401, "a wrong token beside a cookie is a wrong token");
	is_text(reached, "", "and nothing is called");
}

static void test_csrf(void)
{
	const char *path = "/api/v1/users/a/b";

	is_int(ASK(.method = "DELETE", .path = path, .cookie = "root"), 403,
	       "a change without the CSRF token");
	is_text(reached, "", "is not made");
	is_int(ASK(.method = "DELETE", .path = path, .cookie = "root", .csrf = "secreT"), 403,
	       "nor with another");
	is_int(ASK(.method = "DELETE", .path = path, .cookie = "root", .csrf = "secret"), 204,
	       "but with the right one");
	is_int(ASK(.method = "DELETE", .path = path, .cookie = "root", .csrf = "secret",
	           .site = "same-site"),
	       403, "not from another site");
	is_int(ASK(.method = "DELETE", .path = path, .cookie = "root", .csrf = "secret",
	           .site = "same-origin"),
	       204, "from our own page");
	is_int(ASK(.method = "POST", .path = "/api/v1/sign-in", .site = "cross-site"), 403,
	       "nobody is signed in by another site");
}

static void test_body(void)
{
#define PUT .method = "PUT", .path = "/api/v1/users/a/b", .cookie = "root", .csrf = "secret"
	is_int(ASK(PUT, .body = "{}", .type = "application/json; charset=utf-8"), 204, "an object");
	is_int(ASK(PUT, .body = "{}", .type = "text/plain"), 415, "of a type that forms can send");
	is_int(ASK(PUT, .body = "{}"), 415, "of none");
	is_int(ASK(PUT, .body = "[]", .type = "application/json"), 400, "a list");
	is_int(ASK(PUT, .body = "{\"a\":1,\"a\":2}", .type = "application/json"), 400,
	       "a member twice");
	is_int(ASK(PUT, .body = "{", .type = "application/json"), 400, "half an object");
	is_text(reached, "", "none of which is handed on");
}

static void test_all_routes(void)
{
	unsigned open = 0, changes_by_get = 0;

	for (size_t i = 0; i < api_route_count; i++) {
		const struct api_route *route = &api_routes[i];
		unsigned status = ASK(.method = route->method, .path = route->path);
		if (route->who == ANYBODY)
			open++;
		else if (status != 401)
			ok(false, "%s %s lets nobody in: %u", route->method, route->path, status);
		if (strcmp(route->method, "GET") == 0 && strpbrk(route->name, "_") != NULL &&
		    (strstr(route->name, "delete") != NULL || strstr(route->name, "put") != NULL))
			changes_by_get++;
	}
	is_int(open, 4, "signing in, the document and two states are all that is open");
	is_int(changes_by_get, 0, "nothing is changed by GET");
}

int main(void)
{
	test_paths();
	test_methods();
	test_who();
	test_csrf();
	test_body();
	test_all_routes();
	return tap_end();
}
