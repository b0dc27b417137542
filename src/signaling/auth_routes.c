/* TURN credentials by REST: draft-uberti-behave-turn-rest-00, Matrix, v1/webrtc. They differ in the names of members and in what they say
 * when there are none. */
#include "signaling/auth_routes.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "signaling/authority.h"
#include "signaling/json_text.h"
#include "signaling/services.h"
#include "signaling/text.h"
#include "signaling/turn_source.h"

enum { JSON_MAX = 64 * 1024, URIS = 1 << 0, URLS = 1 << 1, PASSWORD = 1 << 2, CREDENTIAL = 1 << 3 };

typedef void identified_fn(struct http_exchange *exchange, const struct identity *identity,
                           enum signaling_error error);

static void handle_turn_rest(struct http_exchange *exchange);
static void handle_matrix(struct http_exchange *exchange);
static void handle_v1(struct http_exchange *exchange);
static identified_fn turn_rest_identified, matrix_identified, v1_identified;
static void name_take(const struct http_exchange *exchange, struct identity *identity);
static bool may_relay(const struct identity *identity);
static enum err issue(struct http_exchange *exchange, const struct identity *identity,
                      struct turn_credentials_room *room);
static void answer(struct http_exchange *exchange, const struct turn_credentials *credentials,
                   unsigned members);
static void uris_put(struct text *json, const char *name,
                     const struct turn_credentials *credentials);

enum { READ = 1 << HTTP_GET, POST = 1 << HTTP_POST };

const struct http_route auth_routes[AUTH_ROUTES] = {
	{READ | POST, "/turn", handle_turn_rest},
	{READ | POST, "/turn/credentials", handle_turn_rest},
	{READ, "/_matrix/client/v3/voip/turnServer", handle_matrix},
	{READ, "/_matrix/client/r0/voip/turnServer", handle_matrix},
	{POST, "/v1/webrtc/turn/credentials", handle_v1},
	{POST, "/api/v1/turn/credentials", turn_service_credentials},
	{POST, "/api/v1/turn/geo", turn_service_geo},
};

/* ---- TURN REST ---- */

static void handle_turn_rest(struct http_exchange *exchange)
{
	char service[16] = "";

	http_allow_origins(exchange);
	if (!http_query(exchange, "service", service, sizeof service))
		(void)http_form(exchange, "service", service, sizeof service);
	if (service[0] != '\0' && strcmp(service, "turn") != 0)
		http_refuse(exchange, SIGNALING_BAD_REQUEST, "service is to be turn");
	else
		http_identify(exchange, turn_rest_identified);
}

static void turn_rest_identified(struct http_exchange *exchange, const struct identity *identity,
                                 enum signaling_error error)
{
	struct turn_credentials_room room;
	struct identity named;

	if (identity == NULL) {
		http_refuse(exchange, error, "this takes a token or an API key");
		return;
	}
	if (!may_relay(identity)) {
		http_refuse(exchange, SIGNALING_FORBIDDEN, NULL);
		return;
	}
	named = *identity;
	name_take(exchange, &named);
	if (issue(exchange, &named, &room) != OK)
		http_refuse(exchange, SIGNALING_UNAVAILABLE, "there are no TURN credentials now");
	else
		answer(exchange, &room.credentials, URIS | PASSWORD);
	bytes_wipe(&room, sizeof room);
}

/* A server that has an API key asks in the name of its users; others have their own. */
static void name_take(const struct http_exchange *exchange, struct identity *identity)
{
	char name[USER_NAME_MAX + 1];

	if (strncmp(identity->user, AUTHORITY_KEY_USER, strlen(AUTHORITY_KEY_USER)) != 0)
		return;
	if (http_query(exchange, "username", name, sizeof name) ||
	    http_form(exchange, "username", name, sizeof name))
		snprintf(identity->user, sizeof identity->user, "%s", name);
}

/* ---- Matrix: client-server API, "Voice over IP" ---- */

static void handle_matrix(struct http_exchange *exchange)
{
	http_allow_origins(exchange);
	http_identify(exchange, matrix_identified);
}

static void matrix_identified(struct http_exchange *exchange, const struct identity *identity,
                              enum signaling_error error)
{
	struct turn_credentials_room room;

	if (identity == NULL)
		http_answer_json(
			exchange, signaling_error_words(error)->http,
			error == SIGNALING_NOT_AUTHENTICATED
				? SLICE("{\"errcode\":\"M_MISSING_TOKEN\",\"error\":\"This "
		                        "takes an access token.\"}")
				: SLICE("{\"errcode\":\"M_UNKNOWN_TOKEN\",\"error\":\"The "
		                        "access token does not hold.\"}"));
	else if (!may_relay(identity))
		http_answer_json(exchange, 403,
		                 SLICE("{\"errcode\":\"M_FORBIDDEN\",\"error\":\"The access token "
		                       "does not allow calls.\"}"));
	else if (issue(exchange, identity, &room) != OK)
		http_answer_json(exchange, 200, SLICE("{}")); /* as homeservers say "none" */
	else
		answer(exchange, &room.credentials, URIS | PASSWORD);
	bytes_wipe(&room, sizeof room);
}

/* ---- v1/webrtc ---- */

static void handle_v1(struct http_exchange *exchange)
{
	http_allow_origins(exchange);
	http_identify(exchange, v1_identified);
}

static void v1_identified(struct http_exchange *exchange, const struct identity *identity,
                          enum signaling_error error)
{
	struct turn_credentials_room room;

	if (identity == NULL && error == SIGNALING_FORBIDDEN)
		http_answer_json(exchange, 403, SLICE("{\"error\":\"namespace not resolved\"}"));
	else if (identity == NULL)
		http_refuse(exchange, error, signaling_error_words(error)->text);
	else if (!may_relay(identity))
		http_refuse(exchange, SIGNALING_FORBIDDEN, NULL);
	else if (issue(exchange, identity, &room) != OK)
		http_answer_json(exchange, 503, SLICE("{\"error\":\"TURN not configured\"}"));
	else
		answer(exchange, &room.credentials, URIS | URLS | PASSWORD | CREDENTIAL);
	bytes_wipe(&room, sizeof room);
}

/* ---- */

/* Who may join nothing calls nobody: as the hub has it. */
static bool may_relay(const struct identity *identity)
{
	return (identity->permissions & MAY_JOIN) != 0;
}

static enum err issue(struct http_exchange *exchange, const struct identity *identity,
                      struct turn_credentials_room *room)
{
	const struct turn_source *source = http_services(exchange)->turn_source;

	return source == NULL
	               ? ERR_UNAVAILABLE
	               : turn_source_issue(source, identity, "", http_client_address(exchange),
	                                   http_wall_ms(exchange), room);
}

static void answer(struct http_exchange *exchange, const struct turn_credentials *credentials,
                   unsigned members)
{
	struct slice password = slice_of(credentials->password);
	struct text json;

	text_init(&json, JSON_MAX);
	json_open(&json, '{');
	json_member_string(&json, "username", slice_of(credentials->username));
	if ((members & PASSWORD) != 0)
		json_member_string(&json, "password", password);
	if ((members & CREDENTIAL) != 0)
		json_member_string(&json, "credential", password);
	json_member_integer(&json, "ttl", credentials->ttl_s);
	if ((members & URIS) != 0)
		uris_put(&json, "uris", credentials);
	if ((members & URLS) != 0)
		uris_put(&json, "urls", credentials);
	json_close(&json, '}');
	http_set_header(exchange, "Cache-Control", "no-store");
	if (json.has_failed)
		http_refuse(exchange, SIGNALING_INTERNAL, "out of memory");
	else
		http_answer_json(exchange, 200, text_slice(&json));
	if (json.at != NULL)
		bytes_wipe(json.at, json.len);
	text_deinit(&json);
}

/* Those of the nearest zone: they know none of others. */
static void uris_put(struct text *json, const char *name,
                     const struct turn_credentials *credentials)
{
	json_name(json, name);
	json_open(json, '[');
	for (size_t i = 0; i < credentials->zones[0].uri_count; i++)
		json_put_string(json, slice_of(credentials->zones[0].uris[i]));
	json_close(json, ']');
}
