/* The service that other signaling servers fetch TURN credentials from, and where their clients ask which zone is near.
 *
 *     POST /api/v1/turn/credentials   nonce, client_id; Authorization: Bearer base64("<access token>:<session>")
 *     POST /api/v1/turn/geo           nonce, username, password: of the credentials
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/random.h"
#include "config/config.h"
#include "signaling/auth_routes.h"
#include "signaling/authority.h"
#include "signaling/json_text.h"
#include "signaling/services.h"
#include "signaling/text.h"
#include "signaling/turn_source.h"
#include "signaling/zones.h"

enum {
	NONCE_MAX = 128,
	CLIENT_ID_MAX = 255,
	SESSION_MAX = 128,
	JSON_MAX = 64 * 1024,
	SHA256_SIZE = 32,
	DERIVED_TOKEN_LEN = 1 + 2 * SHA256_SIZE,
};

struct service_request {
	char nonce[NONCE_MAX + 1], client_id[CLIENT_ID_MAX + 1], session[SESSION_MAX + 1];
	char token[CLAIM_PROOF_MAX + 1];
};

static bool request_read(const struct http_exchange *exchange, struct service_request *request);
static bool authorization_read(struct slice header, struct service_request *request);
static bool token_is_derived(const struct http_exchange *exchange,
                             const struct service_request *request);
static void key_identified(struct http_exchange *exchange, const struct identity *identity,
                           enum signaling_error error);
static void credentials_answer(struct http_exchange *exchange, const struct identity *caller,
                               struct service_request *request);
static void credentials_put(struct text *json, const struct turn_credentials *credentials,
                            const struct service_request *request, uint64_t wall_ms);
static void zone_put(struct text *json, const struct turn_zone *zone);
static void near_put(struct http_exchange *exchange, const char *nonce);
static void forbid(struct http_exchange *exchange);
static void answer(struct http_exchange *exchange, struct text *json);

void turn_service_credentials(struct http_exchange *exchange)
{
	struct identity by_token = {.tenant = TENANT_DEFAULT, .permissions = MAY_JOIN};
	struct service_request request;

	if (!request_read(exchange, &request))
		forbid(exchange);
	else if (token_is_derived(exchange, &request))
		credentials_answer(exchange, &by_token, &request);
	else
		http_identify_claim(exchange, &(struct claim){CLAIM_KEY, request.token, NULL, ""},
		                    key_identified);
	bytes_wipe(&request, sizeof request);
}

/* The request is read again: it lives as long as its exchange. */
static void key_identified(struct http_exchange *exchange, const struct identity *identity,
                           enum signaling_error error)
{
	struct service_request request;

	if (identity == NULL && error == SIGNALING_RATE_LIMITED)
		http_refuse(exchange, error, signaling_error_words(error)->text);
	else if (identity == NULL || (identity->permissions & MAY_JOIN) == 0 ||
	         !request_read(exchange, &request))
		forbid(exchange);
	else
		credentials_answer(exchange, identity, &request);
	bytes_wipe(&request, sizeof request);
}

void turn_service_geo(struct http_exchange *exchange)
{
	const struct turn_source *source = http_services(exchange)->turn_source;
	char nonce[NONCE_MAX + 1], username[STORE_USERNAME_MAX + 1], password[256];

	http_allow_origins(exchange);
	if (!http_form(exchange, "nonce", nonce, sizeof nonce) ||
	    !http_form(exchange, "username", username, sizeof username) ||
	    !http_form(exchange, "password", password, sizeof password) || source == NULL ||
	    !turn_source_knows(source, username, password, http_wall_ms(exchange)))
		forbid(exchange);
	else
		near_put(exchange, nonce);
	bytes_wipe(password, sizeof password);
}

/* ---- what is asked ---- */

static bool request_read(const struct http_exchange *exchange, struct service_request *request)
{
	memset(request, 0, sizeof *request);
	return http_form(exchange, "nonce", request->nonce, sizeof request->nonce) &&
	       http_form(exchange, "client_id", request->client_id, sizeof request->client_id) &&
	       authorization_read(http_header(exchange, "Authorization"), request);
}

static bool authorization_read(struct slice header, struct service_request *request)
{
	static const char scheme[] = "Bearer ";
	char text[CLAIM_PROOF_MAX + SESSION_MAX + 2];
	size_t len, token_len;
	const char *colon;
	bool is_read;

	if (header.len < sizeof scheme || strncasecmp(header.at, scheme, sizeof scheme - 1) != 0 ||
	    base64_get(header.at + sizeof scheme - 1, header.len - (sizeof scheme - 1),
	               (uint8_t *)text, sizeof text - 1, &len) != OK)
		return false;
	text[len] = '\0';
	colon = strchr(text, ':');
	token_len = colon == NULL ? len : (size_t)(colon - text);
	is_read = token_len > 0 && token_len <= CLAIM_PROOF_MAX && strlen(text) == len;
	if (is_read) {
		memcpy(request->token, text, token_len);
		if (colon != NULL)
			is_read = text_copy(request->session, sizeof request->session, colon + 1) ==
			          OK;
	}
	bytes_wipe(text, sizeof text);
	return is_read;
}

/* "h" and hexadecimal HMAC-SHA256(turn-service-secret, client ID). */
static bool token_is_derived(const struct http_exchange *exchange,
                             const struct service_request *request)
{
	const char *secret = http_services(exchange)->config->turn_service_secret;
	char right[DERIVED_TOKEN_LEN + 1] = "h";
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned len;

	if (secret == NULL || request->client_id[0] == '\0' ||
	    strlen(request->token) != DERIVED_TOKEN_LEN ||
	    HMAC(EVP_sha256(), secret, (int)strlen(secret), (const uint8_t *)request->client_id,
	         strlen(request->client_id), mac, &len) == NULL)
		return false;
	hex_put(mac, SHA256_SIZE, right + 1);
	bool is_right = bytes_equal_secret(right, request->token, DERIVED_TOKEN_LEN);
	bytes_wipe(right, sizeof right);
	return is_right;
}

/* ---- what is answered ---- */

static void credentials_answer(struct http_exchange *exchange, const struct identity *caller,
                               struct service_request *request)
{
	const struct turn_source *source = http_services(exchange)->turn_source;
	uint64_t wall_ms = http_wall_ms(exchange);
	struct identity identity = *caller;
	struct turn_credentials_room room;
	uint8_t random[16];
	struct text json;

	if (request->session[0] == '\0') {
		random_bytes(random, sizeof random);
		hex_put(random, sizeof random, request->session);
	}
	/* In whose name: the client ID, but for one that is the access token itself. */
	if (request->client_id[0] != '\0' && strcmp(request->client_id, request->token) != 0)
		snprintf(identity.user, sizeof identity.user, "%s", request->client_id);
	if (source == NULL ||
	    turn_source_issue(source, &identity, "", http_client_address(exchange), wall_ms,
	                      &room) != OK) {
		http_refuse(exchange, SIGNALING_UNAVAILABLE, "there are no TURN credentials now");
		return;
	}
	text_init(&json, JSON_MAX);
	credentials_put(&json, &room.credentials, request, wall_ms);
	answer(exchange, &json);
	bytes_wipe(&room, sizeof room);
}

static void credentials_put(struct text *json, const struct turn_credentials *credentials,
                            const struct service_request *request, uint64_t wall_ms)
{
	time_t expires_s = (time_t)(wall_ms / 1000 + credentials->ttl_s);
	struct tm tm;
	char expires[32] = "";

	if (gmtime_r(&expires_s, &tm) != NULL)
		strftime(expires, sizeof expires, "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_open(json, '{');
	json_member_bool(json, "success", true);
	json_member_string(json, "nonce", slice_of(request->nonce));
	json_member_string(json, "expires", slice_of(expires));
	json_member_string(json, "session", slice_of(request->session));
	json_name(json, "turn");
	json_open(json, '{');
	json_member_integer(json, "ttl", credentials->ttl_s);
	json_member_string(json, "username", slice_of(credentials->username));
	json_member_string(json, "password", slice_of(credentials->password));
	json_name(json, "servers");
	json_open(json, '[');
	for (size_t i = 0; i < credentials->zone_count; i++)
		zone_put(json, &credentials->zones[i]);
	json_close(json, ']');
	if (credentials->geo_uri[0] != '\0')
		json_member_string(json, "geo_uri", slice_of(credentials->geo_uri));
	json_close(json, '}');
	json_close(json, '}');
}

static void zone_put(struct text *json, const struct turn_zone *zone)
{
	json_open(json, '{');
	json_member_string(json, "id", slice_of(zone->id[0] != '\0' ? zone->id : "default"));
	json_name(json, "urns");
	json_open(json, '[');
	for (size_t i = 0; i < zone->uri_count; i++)
		json_put_string(json, slice_of(zone->uris[i]));
	json_close(json, ']');
	json_member_integer(json, "prio", zone->priority);
	if (zone->label[0] != '\0')
		json_member_string(json, "label", slice_of(zone->label));
	if (!slice_is_empty(zone->labels))
		json_member_raw(json, "i18n", zone->labels);
	json_close(json, '}');
}

static void near_put(struct http_exchange *exchange, const char *nonce)
{
	struct zones_near near;
	struct text json;

	zones_find(http_services(exchange)->zones, http_client_address(exchange), &near);
	text_init(&json, JSON_MAX);
	json_open(&json, '{');
	json_member_bool(&json, "success", true);
	json_member_string(&json, "nonce", slice_of(nonce));
	json_name(&json, "geo");
	json_open(&json, '{');
	json_name(&json, "prefer");
	json_open(&json, '[');
	for (size_t i = 0; i < near.count; i++)
		json_put_string(&json, slice_of(near.id[i]));
	json_close(&json, ']');
	json_close(&json, '}');
	json_close(&json, '}');
	answer(exchange, &json);
}

/* The protocol has nothing but this to say, whatever was wrong. */
static void forbid(struct http_exchange *exchange)
{
	http_answer(exchange, 403, "text/plain; charset=utf-8", SLICE("forbidden\n"));
}

static void answer(struct http_exchange *exchange, struct text *json)
{
	http_set_header(exchange, "Cache-Control", "no-store");
	if (json->has_failed)
		http_refuse(exchange, SIGNALING_INTERNAL, "out of memory");
	else
		http_answer_json(exchange, 200, text_slice(json));
	if (json->at != NULL)
		bytes_wipe(json->at, json->len);
	text_deinit(json);
}
