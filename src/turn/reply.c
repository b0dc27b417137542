/* The only place that answers: it makes a response of what a handler returned, adds what RFC 8489
 * wants in it, and keeps answers from being worth a forger's while. */
#include <string.h>

#include "turn/action.h"
#include "turn/redirect.h"
#include "turn/source_limit.h"

static void count_reply(const struct request *request, int error);
static void count_code(struct turn_server *server, int error);
static void send_answer(const struct request *request, int error, size_t len);
static bool has_room(const struct request *request);
static bool is_told(const struct request *request);
static void build_error(struct request *request, int error);
static void put_unknown(struct request *request);
static void put_challenge(struct request *request);
static void put_integrity(struct request *request);
static bool is_reflection(const struct request *request, size_t len);

void reply(struct request *request, int error)
{
	struct turn_server *server = request->server;
	struct stun_builder *answer = &request->answer;
	size_t len;

	if ((error != STUN_NO_ERROR || request->is_probe) && !is_told(request)) {
		if (error == STUN_UNAUTHENTICATED)
			count(server, COUNT_unauthorized_unanswered);
		drop(server, COUNT_drop_source_rate);
		return;
	}
	if (error != STUN_NO_ERROR)
		build_error(request, error);
	if (server->settings.software != NULL && has_room(request))
		stun_put_text(answer, STUN_ATTR_SOFTWARE, server->settings.software);
	put_integrity(request);
	if (stun_has(&request->message, STUN_ATTR_FINGERPRINT) ||
	    (server->settings.fingerprint && has_room(request)))
		stun_put_fingerprint(answer);
	if (stun_build_end(answer, &len) != OK) {
		drop(server, COUNT_drop_reply_full);
		return;
	}
	if (is_reflection(request, len)) {
		drop(server, COUNT_drop_reflection);
		return;
	}
	count_reply(request, error);
	send_answer(request, error, len);
}

/* A Binding response may go another way; no error does. */
static void send_answer(const struct request *request, int error, size_t len)
{
	bool is_binding = request->message.method == STUN_BINDING && error == STUN_NO_ERROR;
	const struct five_tuple *way = is_binding ? &request->way : request->tuple;
	bool is_from_elsewhere = !addr_equal(&way->server, &request->tuple->server);

	if (request->is_adopted && error == STUN_NO_ERROR)
		action_send_setup(request->server, way, request->path, request->answer.bytes, len,
		                  request->began_us);
	else
		action_send(request->server, way, is_from_elsewhere ? NULL : request->path,
		            request->answer.bytes, len);
}

/* False where the addresses of RFC 5780 and RFC 3489 fill what a bare request may be answered with:
 * what nobody asked for then stays out. */
static bool has_room(const struct request *request)
{
	return request->message.method != STUN_BINDING ||
	       (!request->message.is_rfc3489 && !request->server->settings.nat_discovery);
}

static void count_reply(const struct request *request, int error)
{
	struct turn_server *server = request->server;

	if (error == STUN_UNAUTHENTICATED)
		count(server, COUNT_unauthorized);
	if (error == STUN_STALE_NONCE)
		count(server, COUNT_stale_nonces);
	if (error == STUN_TRY_ALTERNATE)
		count(server, COUNT_redirected);
	if (error != STUN_NO_ERROR) {
		count(server, COUNT_error_responses);
		count_code(server, error);
		if (request->message.method == STUN_BINDING)
			count(server, COUNT_binding_errors);
		return;
	}
	count(server, request->succeeded);
	count(server, request->message.method == STUN_BINDING ? COUNT_binding_requests
	                                                      : COUNT_success_responses);
}

/* Each row of errors.def has its counter. */
static void count_code(struct turn_server *server, int error)
{
	switch ((enum stun_error)error) {
#define STUN_ERROR(name, code, reason)            \
	case STUN_##name:                         \
		count(server, COUNT_code_##code); \
		break;
#include "stun/errors.def"
#undef STUN_ERROR
	case STUN_NO_ERROR:
		break;
	}
}

/* Only the sender of a plain datagram can be made up; whoever proved a key may be told all. */
static bool is_told(const struct request *request)
{
	struct turn_server *server = request->server;

	return request->is_authenticated || request->tuple->transport != TRANSPORT_UDP ||
	       source_limit_passes(server->settings.unproven, &request->tuple->client, server->now);
}

static const char *reason_of(const struct request *request, int error)
{
	/* RFC 3489 section 11.2.9 wants a phrase of so many bytes as ours do not have. */
	if (!request->server->settings.reason_phrases || request->message.is_rfc3489)
		return NULL;
	return request->reason != NULL ? request->reason
	                               : stun_error_reason((enum stun_error)error);
}

static void build_error(struct request *request, int error)
{
	struct turn_server *server = request->server;
	const struct stun_message *message = &request->message;

	stun_build_response(&request->answer, server->reply, sizeof server->reply,
	                    STUN_ERROR_RESPONSE, message);
	stun_put_error(&request->answer, (enum stun_error)error, reason_of(request, error));
	if (error == STUN_UNKNOWN_ATTRIBUTE)
		put_unknown(request);
	if (error == STUN_UNAUTHENTICATED || error == STUN_STALE_NONCE)
		put_challenge(request);
	if (error == STUN_TRY_ALTERNATE)
		redirect_put(request);
}

/* RFC 3489 section 11.2.10 fills an odd list up with its last entry: it knows no padding. */
static void put_unknown(struct request *request)
{
	const struct stun_message *message = &request->message;
	uint16_t types[STUN_UNKNOWN_MAX + 1];
	unsigned n = message->unknown_count;

	memcpy(types, message->unknown, n * sizeof types[0]);
	if (message->is_rfc3489 && n % 2 == 1) {
		types[n] = types[n - 1];
		n++;
	}
	stun_put_unknown_attributes(&request->answer, types, n);
}

/* RFC 8489 section 9.2.4: what a client needs for its next attempt. */
static void put_challenge(struct request *request)
{
	struct turn_server *server = request->server;
	struct transport_addr bearer = request_nonce_addr(request);
	char nonce[STUN_NONCE_SIZE];

	stun_nonce_make(server->hasher, server->settings.nonce_secret, &bearer,
	                server->settings.security_features, wall_s(server), nonce);
	stun_put_text(&request->answer, STUN_ATTR_REALM, request_realm(request));
	stun_put(&request->answer, STUN_ATTR_NONCE, nonce, sizeof nonce);
	if (server->settings.security_features & STUN_FEATURE_PASSWORD_ALGORITHMS)
		stun_put_password_algorithms(&request->answer);
	if (server->settings.oauth)
		stun_put_text(&request->answer, STUN_ATTR_THIRD_PARTY_AUTHORIZATION,
		              third_party_server_name(request));
}

/* RFC 8489 section 9.2.4: SHA-256 for clients that named an algorithm, SHA-1 for those that know
 * of none. 401 and 438 carry none: what they answer was not authenticated. */
static void put_integrity(struct request *request)
{
	if (request->key_len == 0)
		return;
	stun_put_integrity(&request->answer, request->server->hasher,
	                   request->names_algorithm ? STUN_ATTR_MESSAGE_INTEGRITY_SHA256
	                                            : STUN_ATTR_MESSAGE_INTEGRITY,
	                   request->key, request->key_len);
}

/* True when the answer would make a forger's bytes more than two and a half times as many, IP and
 * UDP headers counted. A request the size of the smallest Allocate is always answered: by then the
 * factor is what the challenge of RFC 8489 costs. Where a Binding is challenged (secure-stun), its
 * smallest is a header, and the client would wait in vain for a challenge that names a long realm. */
static bool is_reflection(const struct request *request, size_t len)
{
	enum { SMALLEST_ALLOCATE = STUN_HEADER_SIZE + 8, IPV4_UDP = 28, IPV6_UDP = 48 };
	size_t headers = family_of(&request->tuple->client) == TURN_IPV6 ? IPV6_UDP : IPV4_UDP;
	size_t asked = request->message.len;
	bool is_challenged =
		request->server->settings.secure_stun && request->message.method == STUN_BINDING;
	size_t smallest = is_challenged ? STUN_HEADER_SIZE : SMALLEST_ALLOCATE;

	if (request->is_authenticated || request->tuple->transport != TRANSPORT_UDP)
		return false;
	return asked < smallest && 2 * (len + headers) > 5 * (asked + headers);
}
