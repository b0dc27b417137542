/* The only place that answers: it makes a response of what a handler returned, adds what RFC 8489
 * wants in it, and keeps answers from being worth a forger's while. */
#include "turn/action.h"
#include "turn/request.h"
#include "turn/source_limit.h"

static void count_reply(const struct request *request, int error);
static bool is_told(const struct request *request);
static void build_error(struct request *request, int error);
static void put_challenge(struct request *request);
static void put_integrity(struct request *request);
static bool is_reflection(const struct request *request, size_t len);

void reply(struct request *request, int error)
{
	struct turn_server *server = request->server;
	struct stun_builder *answer = &request->answer;
	size_t len;

	if (error != STUN_NO_ERROR) {
		if (!is_told(request)) {
			drop(server, COUNT_drop_source_rate);
			return;
		}
		build_error(request, error);
	}
	if (server->settings.software != NULL)
		stun_put_text(answer, STUN_ATTR_SOFTWARE, server->settings.software);
	put_integrity(request);
	if (server->settings.fingerprint || stun_has(&request->message, STUN_ATTR_FINGERPRINT))
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
	action_send(server, request->tuple, request->path, answer->bytes, len);
}

static void count_reply(const struct request *request, int error)
{
	struct turn_server *server = request->server;

	if (error == STUN_UNAUTHENTICATED)
		count(server, COUNT_unauthorized);
	if (error == STUN_STALE_NONCE)
		count(server, COUNT_stale_nonces);
	if (error != STUN_NO_ERROR)
		count(server, COUNT_error_responses);
	else if (request->message.method == STUN_BINDING)
		count(server, COUNT_binding_requests);
	else
		count(server, COUNT_success_responses);
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
	if (!request->server->settings.reason_phrases)
		return NULL;
	return request->reason != NULL ? request->reason
	                               : stun_error_reason((enum stun_error)error);
}

static void build_error(struct request *request, int error)
{
	struct turn_server *server = request->server;
	const struct stun_message *message = &request->message;

	stun_build(&request->answer, server->reply, sizeof server->reply, message->method,
	           STUN_ERROR_RESPONSE, stun_transaction_id(message));
	stun_put_error(&request->answer, (enum stun_error)error, reason_of(request, error));
	if (error == STUN_UNKNOWN_ATTRIBUTE)
		stun_put_unknown_attributes(&request->answer, message->unknown,
		                            message->unknown_count);
	if (error == STUN_UNAUTHENTICATED || error == STUN_STALE_NONCE)
		put_challenge(request);
}

/* RFC 8489 section 9.2.4: what a client needs for its next attempt. */
static void put_challenge(struct request *request)
{
	struct turn_server *server = request->server;
	char nonce[STUN_NONCE_SIZE];

	stun_nonce_make(server->hasher, server->settings.nonce_secret, &request->tuple->client,
	                server->settings.security_features, wall_s(server), nonce);
	stun_put_text(&request->answer, STUN_ATTR_REALM, server->settings.realm);
	stun_put(&request->answer, STUN_ATTR_NONCE, nonce, sizeof nonce);
	if (server->settings.security_features & STUN_FEATURE_PASSWORD_ALGORITHMS)
		stun_put_password_algorithms(&request->answer);
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
 * factor is what the challenge of RFC 8489 costs. */
static bool is_reflection(const struct request *request, size_t len)
{
	enum { SMALLEST_ALLOCATE = STUN_HEADER_SIZE + 8, IPV4_UDP = 28, IPV6_UDP = 48 };
	size_t headers = family_of(&request->tuple->client) == TURN_IPV6 ? IPV6_UDP : IPV4_UDP;
	size_t asked = request->message.len;

	if (request->is_authenticated || request->tuple->transport != TRANSPORT_UDP)
		return false;
	return asked < SMALLEST_ALLOCATE && 2 * (len + headers) > 5 * (asked + headers);
}
