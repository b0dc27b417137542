/* From a request to a function of routes.def, and what is looked at on the way: the path, who asks, where they come from, the body. */
#include "admin/api.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api_path.h"
#include "admin/console.h"
#include "base/utf8.h"

const struct api_route api_routes[] = {
#define ROUTE(function, method, path, who, area, summary) \
	{#function, #method, path, area, summary, who, function},
#include "admin/routes.def"
};
const size_t api_route_count = sizeof api_routes / sizeof api_routes[0];

enum { BEARER_LEN = sizeof "Bearer " - 1 };

static bool is_change(const struct api_call *call);
static bool find_asker(struct api_call *call);
static bool may_ask(struct api_call *call);
static bool comes_from_our_page(struct api_call *call);
static bool read_body(struct api_call *call);
static void refuse_method(struct api_call *call);

static bool method_fits(const char *method, const struct api_route *route)
{
	return strcmp(method, route->method) == 0 ||
	       (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

/* Gives the route of this path and method; of another method, where the path alone fits, in is_path. */
static const struct api_route *find_route(struct api_call *call, bool *is_path)
{
	*is_path = false;
	for (size_t i = 0; i < api_route_count; i++) {
		if (!api_path_fits(api_routes[i].path, http_path(call->http), call->parts))
			continue;
		*is_path = true;
		if (method_fits(http_method(call->http), &api_routes[i]))
			return &api_routes[i];
	}
	return NULL;
}

/* Nothing of an answer is to be kept by a cache or read as something else. */
static void set_headers(struct http_call *http)
{
	http_set_header(http, "Cache-Control", "no-store");
	http_set_header(http, "X-Content-Type-Options", "nosniff");
	http_set_header(http, "Content-Security-Policy",
	                "default-src 'none'; frame-ancestors 'none'");
	http_set_header(http, "Referrer-Policy", "no-referrer");
}

/* No file of the pages is below this: what is not known there is told to programs in their way. */
static bool is_ours(const char *path)
{
	static const char prefix[] = "/api/";

	return strncmp(path, prefix, sizeof prefix - 1) == 0;
}

static void run(struct api_call *call)
{
	if (find_asker(call) && may_ask(call) && comes_from_our_page(call) && read_body(call))
		call->route->function(call);
	json_decref(call->body);
	explicit_bzero(&call->who.csrf, sizeof call->who.csrf);
}

bool api_handle(struct console *console, struct http_call *http)
{
	struct api_call *call = calloc(1, sizeof *call);
	bool is_path = false;

	if (call == NULL)
		return false;
	call->console = console;
	call->http = http;
	call->route = find_route(call, &is_path);
	if (call->route != NULL || is_path || is_ours(http_path(http)))
		set_headers(http);
	if (call->route != NULL)
		run(call);
	else if (is_path)
		refuse_method(call);
	else if (is_ours(http_path(http)))
		api_refuse(call, 404, "no-such-path", "there is no such path in this interface");
	free(call);
	return http_is_answered(http);
}

static void refuse_method(struct api_call *call)
{
	char allow[64] = "";
	size_t len = 0;
	char parts[API_PARTS_MAX][API_PART_SIZE];

	for (size_t i = 0; i < api_route_count && len < sizeof allow; i++)
		if (api_path_fits(api_routes[i].path, http_path(call->http), parts))
			len += (size_t)snprintf(allow + len, sizeof allow - len, "%s%s",
			                        len > 0 ? ", " : "", api_routes[i].method);
	http_set_header(call->http, "Allow", allow);
	api_refuse(call, 405, "method-not-allowed", "%s is not for this path: %s",
	           http_method(call->http), allow);
}

/* ---- who asks ---- */

static bool is_change(const struct api_call *call)
{
	return strcmp(call->route->method, "GET") != 0;
}

static bool find_machine(struct api_call *call, const char *token)
{
	struct store *store = api_take_store(call);
	bool is_known;

	if (store == NULL)
		return false;
	is_known = sign_in_machine(call->console->sign_in, store, token, &call->who);
	if (!api_release_store(call, OK))
		return false;
	if (is_known)
		return true;
	http_set_header(call->http, "WWW-Authenticate", "Bearer error=\"invalid_token\"");
	api_refuse(call, 401, "invalid-token", "the token is not known, or no longer");
	return false;
}

/* draft-uberti-behave-turn-rest-00 section 2.1 has the token in the query. It is taken there alone: addresses are kept in many places. */
static const char *key_of_query(struct api_call *call)
{
	return call->route->function == api_turn_rest ? http_query(call->http, "key") : NULL;
}

/* A token says who asks where there is one; else a cookie; else it is nobody, which is for may_ask to judge. */
static bool find_asker(struct api_call *call)
{
	const char *authorization = http_header(call->http, "Authorization");
	const char *cookie, *key = key_of_query(call);

	if (authorization != NULL && strncasecmp(authorization, "Bearer ", BEARER_LEN) == 0)
		return find_machine(call, authorization + BEARER_LEN);
	if (key != NULL)
		return find_machine(call, key);
	cookie = api_cookie(call);
	if (cookie != NULL && !sign_in_find(call->console->sign_in, cookie, &call->who))
		call->who = (struct principal){.kind = NOBODY};
	return true;
}

static bool machine_may(struct api_call *call)
{
	char scope[64];

	snprintf(scope, sizeof scope, "%s:%s", call->route->area,
	         is_change(call) ? "write" : "read");
	if (call->route->area[0] != '\0' && (call->who.areas & scope_bit(scope)) != 0)
		return true;
	if (call->route->area[0] == '\0')
		api_refuse(call, 403, "not-for-tokens", "no token may do this");
	else
		api_refuse(call, 403, "scope-missing", "the token lacks the scope %s", scope);
	return false;
}

static bool may_ask(struct api_call *call)
{
	if (call->route->who == ANYBODY)
		return true;
	if (call->who.kind == NOBODY) {
		api_refuse(call, 401, "not-signed-in", "sign in first");
		return false;
	}
	if (call->who.kind == MACHINE && !machine_may(call))
		return false;
	if (call->route->who == ANY_REALM || call->who.realm[0] == '\0')
		return true;
	api_refuse(call, 403, "all-realms-only", "this is for administrators of all realms");
	return false;
}

static bool tokens_are_equal(const char *a, const char *b)
{
	size_t len = strlen(a);

	return len > 0 && len == strlen(b) && CRYPTO_memcmp(a, b, len) == 0;
}

/* A change by cookie has to come from a page of ours: its script alone knows the CSRF token, and browsers tell where a request comes from
 * (Sec-Fetch-Site). Signing in, which has no cookie yet, is looked at as well: nobody is to be signed in as somebody else. */
static bool comes_from_our_page(struct api_call *call)
{
	const char *site = http_header(call->http, "Sec-Fetch-Site");
	const char *shown = http_header(call->http, "X-CSRF-Token");

	if (!is_change(call) || call->who.kind == MACHINE)
		return true;
	if (site != NULL && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0) {
		api_refuse(call, 403, "cross-site", "the request comes from another site");
		return false;
	}
	if (call->who.kind == NOBODY || (shown != NULL && tokens_are_equal(shown, call->who.csrf)))
		return true;
	api_refuse(call, 403, "csrf", "the header X-CSRF-Token is missing or wrong");
	return false;
}

/* ---- the body ---- */

/* Other types can be sent by a form of any page, without asking the server first (Fetch, "CORS-safelisted request-header"). */
static bool is_json(const char *type)
{
	static const char json[] = "application/json";
	size_t len = sizeof json - 1;

	return type != NULL && strncasecmp(type, json, len) == 0 &&
	       (type[len] == '\0' || type[len] == ';' || type[len] == ' ');
}

static bool read_body(struct api_call *call)
{
	struct slice body = http_body(call->http);
	json_error_t error;

	if (slice_is_empty(body))
		return true;
	if (!is_json(http_header(call->http, "Content-Type"))) {
		api_refuse(call, 415, "not-json", "the body has to be application/json");
		return false;
	}
	call->body = json_loadb(body.at, body.len, JSON_REJECT_DUPLICATES, &error);
	if (json_is_object(call->body))
		return true;
	if (call->body == NULL)
		api_refuse(call, 400, "bad-json", "line %d: %.100s", error.line, error.text);
	else
		api_refuse(call, 400, "bad-json", "the body has to be an object");
	return false;
}
