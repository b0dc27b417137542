/* The channelling protocol's REST calls. Each can be answered by any worker of any node: nothing is kept for them but pictures. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/random.h"
#include "config/config.h"
#include "signaling/channelling.h"
#include "signaling/channelling_images.h"
#include "signaling/services.h"
#include "signaling/user_secret.h"

enum { TOKEN_MAX = 100, USER_LIVES_S = 365 * 24 * 3600 };

static void get_well_known(struct http_exchange *exchange);
static void post_tokens(struct http_exchange *exchange);
static void post_rooms(struct http_exchange *exchange);
static void patch_session(struct http_exchange *exchange);
static void post_users(struct http_exchange *exchange);
static void get_stats(struct http_exchange *exchange);
static void no_pipelines(struct http_exchange *exchange);
static void get_image(struct http_exchange *exchange);

#define GET   (1u << HTTP_GET)
#define HEAD  (1u << HTTP_HEAD)
#define POST  (1u << HTTP_POST)
#define PATCH (1u << HTTP_PATCH)

const struct http_route channelling_routes[CHANNELLING_ROUTES] = {
	{GET, "/.well-known/spreed-configuration", get_well_known},
	{GET, "/api/v1/config", channelling_get_config},
	{POST, "/api/v1/tokens", post_tokens},
	{POST, "/api/v1/rooms", post_rooms},
	{PATCH, "/api/v1/sessions/:id/", patch_session},
	{PATCH, "/api/v1/sessions/:id", patch_session},
	{POST, "/api/v1/users", post_users},
	{GET, "/api/v1/stats", get_stats},
	{GET | POST, "/api/v1/pipelines/*", no_pipelines},
	{GET | HEAD, "/static/img/buddy/:flags/:image/*", get_image},
};

/* Answers. */

static void answer(struct http_exchange *exchange, struct text *text)
{
	json_close(text, '}');
	if (text->has_failed)
		http_answer(exchange, 503, "text/plain", SLICE("no memory\n"));
	else
		http_answer_json(exchange, 200, text_slice(text));
	text_deinit(text);
}

static void refuse(struct http_exchange *exchange, unsigned status, const char *code,
                   const char *message)
{
	struct text text;

	text_init(&text, 0);
	json_open(&text, '{');
	json_member_bool(&text, "success", false);
	json_member_string(&text, "code", slice_of(code));
	json_member_string(&text, "message", slice_of(message));
	json_close(&text, '}');
	http_answer_json(exchange, status, text_slice(&text));
	text_deinit(&text);
}

static void not_found(struct http_exchange *exchange)
{
	http_answer(exchange, 404, "text/plain", SLICE("404 page not found\n"));
}

/* What clients begin with. */

static void get_well_known(struct http_exchange *exchange)
{
	char base[512];
	struct text text;

	http_base_url(exchange, base, sizeof base);
	text_init(&text, 0);
	json_open(&text, '{');
	json_member_string(&text, "spreed-webrtc_endpoint", slice_of(base));
	answer(exchange, &text);
}

static const struct config *config_of(struct http_exchange *exchange)
{
	return http_services(exchange)->config;
}

/* Tokens: is this access code one? */

static void token_checked(struct http_exchange *exchange, const struct identity *identity,
                          enum signaling_error error)
{
	char token[TOKEN_MAX + 1];
	struct text text;

	(void)error;
	if (identity == NULL || !http_form(exchange, "a", token, sizeof token)) {
		refuse(exchange, 403, "invalid_token", "Authentication failed");
		return;
	}
	text_init(&text, 0);
	json_open(&text, '{');
	json_member_string(&text, "token", slice_of(token));
	json_member_bool(&text, "success", true);
	answer(exchange, &text);
}

static void post_tokens(struct http_exchange *exchange)
{
	char token[HTTP_HEAD_MAX];
	struct claim claim = {.kind = CLAIM_BEARER, .proof = token, .tenant = ""};

	if (http_body(exchange).len > sizeof token ||
	    (http_form(exchange, "a", token, sizeof token) && strlen(token) > TOKEN_MAX))
		refuse(exchange, 413, "auth_too_large", "The token is too long");
	else if (!http_form(exchange, "a", token, sizeof token) || token[0] == '\0')
		refuse(exchange, 403, "invalid_token", "Authentication failed");
	else
		http_identify_claim(exchange, &claim, token_checked);
}

/* A name that nobody has; the room is made by the first who joins. */
static void post_rooms(struct http_exchange *exchange)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	char url[] = "/12345678901";
	struct text text;

	for (char *c = url + 1; *c != '\0'; c++)
		*c = letters[random_below(sizeof letters - 1)];
	text_init(&text, 0);
	json_open(&text, '{');
	json_member_bool(&text, "success", true);
	json_member_string(&text, "name", slice_of(url + 1));
	json_member_string(&text, "url", slice_of(url));
	answer(exchange, &text);
}

/* Users. */

struct session_names {
	char id[SESSION_ID_SIZE], sid[SID_SIZE];
};

static bool read_names(struct slice body, struct session_names *names)
{
	return json_get_string(json_member(body, "id"), names->id, sizeof names->id) == OK &&
	       json_get_string(json_member(body, "sid"), names->sid, sizeof names->sid) == OK;
}

static bool are_of_session(struct http_exchange *exchange, const struct session_names *names)
{
	return channelling_sid_is(http_hub(exchange), names->id, names->sid);
}

static bool read_proof(struct slice body, struct channelling_proof *proof)
{
	return json_get_string(json_member(body, "useridcombo"), proof->combo,
	                       sizeof proof->combo) == OK &&
	       json_get_string(json_member(body, "secret"), proof->mac, sizeof proof->mac) == OK;
}

static void refuse_patch(struct http_exchange *exchange)
{
	refuse(exchange, 403, "session_patch_failed", "Failed to authenticate");
}

/* The nonce is for the session's Authentication. */
static void answer_nonce(struct http_exchange *exchange, const char *id,
                         const struct channelling_proof *proof)
{
	char nonce[NONCE_SIZE];
	struct text text;

	if (channelling_make_nonce(http_hub(exchange), id, http_wall_ms(exchange), proof, nonce) !=
	    OK) {
		refuse_patch(exchange);
		return;
	}
	text_init(&text, 0);
	json_open(&text, '{');
	json_member_string(&text, "nonce", slice_of(nonce));
	json_member_string(&text, "userid", slice_of(combo_user(proof->combo)));
	json_member_bool(&text, "success", true);
	http_set_header(exchange, "Cache-Control", "no-store");
	answer(exchange, &text);
	bytes_wipe(nonce, sizeof nonce);
}

/* What the client shows, or whom a trusted proxy names. */
static bool find_user(struct http_exchange *exchange, struct channelling_proof *proof)
{
	char user[USER_NAME_MAX + 1];

	if (http_vouched_user(exchange, user))
		return user_secret_vouch(config_of(exchange), user, http_wall_ms(exchange),
		                         VOUCHED_LIVES_S, proof->combo, sizeof proof->combo,
		                         proof->mac);
	return read_proof(http_body(exchange), proof);
}

/* The body was read before, and is still there. */
static void patch_checked(struct http_exchange *exchange, const struct identity *identity,
                          enum signaling_error error)
{
	struct channelling_proof proof;
	struct session_names names;

	(void)error;
	if (identity == NULL || identity->user[0] == '\0' ||
	    !read_names(http_body(exchange), &names) || !find_user(exchange, &proof)) {
		refuse_patch(exchange);
		return;
	}
	answer_nonce(exchange, names.id, &proof);
	bytes_wipe(&proof, sizeof proof);
}

static void patch_session(struct http_exchange *exchange)
{
	struct slice body = http_body(exchange);
	struct channelling_proof proof;
	struct session_names names;
	struct claim claim = {
		.kind = CLAIM_SECRET_USER, .proof = proof.mac, .name = proof.combo, .tenant = ""};

	if (!channelling_has_users(config_of(exchange))) {
		not_found(exchange);
		return;
	}
	if (json_check(body) != OK || !read_names(body, &names) || !find_user(exchange, &proof) ||
	    !slice_is(http_segment(exchange, "id"), names.id) || !are_of_session(exchange, &names))
		refuse_patch(exchange);
	else
		http_identify_claim(exchange, &claim, patch_checked);
	bytes_wipe(&proof, sizeof proof);
}

/* A user name of 128 random bits, as a UUID is written (RFC 9562 section 5.4). */
static bool make_user(struct http_exchange *exchange, uint64_t expiry,
                      struct channelling_proof *proof)
{
	const struct config *config = config_of(exchange);
	const char *realm = config->realm == NULL ? "turnstone" : config->realm;
	uint8_t bytes[16];
	char digits[33];
	int len;

	random_bytes(bytes, sizeof bytes);
	bytes[6] = (uint8_t)((bytes[6] & 0x0F) | 0x40);
	bytes[8] = (uint8_t)((bytes[8] & 0x3F) | 0x80);
	hex_put(bytes, sizeof bytes, digits);
	len = snprintf(proof->combo, sizeof proof->combo, "%llu:%.8s-%.4s-%.4s-%.4s-%.12s@%s",
	               (unsigned long long)expiry, digits, digits + 8, digits + 12, digits + 16,
	               digits + 20, realm);
	return len > 0 && (size_t)len < sizeof proof->combo &&
	       user_secret_sign(config, proof->combo, proof->mac);
}

static void answer_user(struct http_exchange *exchange, const char *id, uint64_t expiry,
                        const struct channelling_proof *proof)
{
	char nonce[NONCE_SIZE];
	struct text text;

	if (channelling_make_nonce(http_hub(exchange), id, http_wall_ms(exchange), proof, nonce) !=
	    OK) {
		refuse(exchange, 400, "users_request_failed", "Failed to create user");
		return;
	}
	text_init(&text, 0);
	json_open(&text, '{');
	json_member_string(&text, "nonce", slice_of(nonce));
	json_member_string(&text, "userid", slice_of(combo_user(proof->combo)));
	json_member_string(&text, "useridcombo", slice_of(proof->combo));
	json_member_string(&text, "secret", slice_of(proof->mac));
	json_member_integer(&text, "timestamp", (int64_t)expiry);
	json_member_bool(&text, "success", true);
	http_set_header(exchange, "Cache-Control", "no-store");
	answer(exchange, &text);
	bytes_wipe(nonce, sizeof nonce);
}

/* Where a proxy says who users are, nobody else makes any. */
static void register_user(struct http_exchange *exchange, const char *id)
{
	uint64_t expiry = http_wall_ms(exchange) / 1000 + USER_LIVES_S;
	struct channelling_proof proof;

	if (config_of(exchange)->user_header == NULL && make_user(exchange, expiry, &proof))
		answer_user(exchange, id, expiry, &proof);
	else
		refuse(exchange, 400, "users_create_failed", "Failed to create user");
	bytes_wipe(&proof, sizeof proof);
}

static void post_users(struct http_exchange *exchange)
{
	struct slice body = http_body(exchange);
	struct session_names names;

	if (!channelling_has_users(config_of(exchange)) || !config_of(exchange)->user_registration)
		not_found(exchange);
	else if (json_check(body) != OK)
		refuse(exchange, 400, "users_bad_request", "Failed to decode request");
	else if (!read_names(body, &names))
		refuse(exchange, 400, "users_invalid_request", "Invalid request");
	else if (!are_of_session(exchange, &names))
		refuse(exchange, 403, "users_invalid_session", "Invalid session");
	else
		register_user(exchange, names.id);
}

/* Numbers, to those who may list rooms. What the protocol's old server said of its own language's runtime there is none of here. */

static void put_stats(struct text *text, struct slice counts)
{
	int64_t sessions = 0, away = 0;

	if (json_get_integer(json_member(counts, "sessions"), 0, INT64_MAX, &sessions) != OK ||
	    json_get_integer(json_member(counts, "away"), 0, INT64_MAX, &away) != OK)
		sessions = away = 0;
	json_name(text, "runtime");
	json_open(text, '{');
	json_close(text, '}');
	json_name(text, "hub");
	json_open(text, '{');
	json_member_raw(text, "rooms", json_member(counts, "rooms"));
	json_member_integer(text, "connections", sessions - away);
	json_member_integer(text, "sessions", sessions);
	json_member_raw(text, "users", json_member(counts, "users"));
	json_member_raw(text, "count", json_member(counts, "opened"));
	json_member_raw(text, "broadcastchatmessages", json_member(counts, "chats_to_all"));
	json_member_raw(text, "unicastchatmessages", json_member(counts, "chats_to_one"));
	json_close(text, '}');
}

static void stats_counted(void *context, enum signaling_error error, struct slice counts)
{
	struct http_exchange *exchange = context;
	const struct signaling_error_words *words = signaling_error_words(error);
	struct text text;

	if (error != SIGNALING_OK) {
		refuse(exchange, (unsigned)words->http, words->channelling, words->text);
		return;
	}
	text_init(&text, 0);
	json_open(&text, '{');
	put_stats(&text, counts);
	answer(exchange, &text);
}

static void stats_identified(struct http_exchange *exchange, const struct identity *identity,
                             enum signaling_error error)
{
	const struct room_request request = {.kind = ROOM_REQUEST_COUNTS, .identity = identity};

	if (identity == NULL)
		stats_counted(exchange, error == SIGNALING_OK ? SIGNALING_BAD_PROOF : error,
		              (struct slice){0});
	else
		hub_request(http_hub(exchange), &request, stats_counted, exchange, 0);
}

static void get_stats(struct http_exchange *exchange)
{
	http_allow_origins(exchange);
	http_identify(exchange, stats_identified);
}

/* Buffers of events that the protocol has as an option: they are off. */
static void no_pipelines(struct http_exchange *exchange)
{
	not_found(exchange);
}

/* Pictures. */

static bool has_etag(struct http_exchange *exchange, const char *etag)
{
	return slice_is(http_header(exchange, "If-None-Match"), etag);
}

static void answer_image(struct http_exchange *exchange, const struct buddy_image *image,
                         const struct text *bytes)
{
	char etag[BUDDY_IMAGE_CHANGE_SIZE + 2];

	snprintf(etag, sizeof etag, "\"%s\"", image->change);
	http_set_header(exchange, "ETag", etag);
	http_set_header(exchange, "Cache-Control", "public, max-age=86400");
	/* It came from a client: it is a picture, and nothing else. */
	http_set_header(exchange, "X-Content-Type-Options", "nosniff");
	http_set_header(exchange, "Content-Security-Policy", "default-src 'none'; sandbox");
	if (has_etag(exchange, etag))
		http_answer(exchange, 304, buddy_image_content_type(image->type),
		            (struct slice){0});
	else
		http_answer(exchange, 200, buddy_image_content_type(image->type),
		            text_slice(bytes));
}

static void get_image(struct http_exchange *exchange)
{
	struct buddy_images *images = hub_images(http_hub(exchange));
	struct slice segment = http_segment(exchange, "image");
	char name[BUDDY_IMAGE_NAME_MAX + 1] = "";
	struct buddy_image image;
	struct text bytes;

	if (segment.len < sizeof name && segment.len > 0)
		memcpy(name, segment.at, segment.len);
	text_init(&bytes, 0);
	if (images != NULL && buddy_images_get(images, name, &image, &bytes) == OK &&
	    !bytes.has_failed)
		answer_image(exchange, &image, &bytes);
	else
		not_found(exchange);
	text_deinit(&bytes);
}
