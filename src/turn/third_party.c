/* Third-party authorization (RFC 7635): who has an access token needs no password. The token tells the
 * key of MESSAGE-INTEGRITY, and the key is the session's until the token ends or a new one comes. */
#include <string.h>

#include "base/bytes.h"
#include "stun/access_token.h"
#include "turn/pending.h"

static int find_token_key(struct request *request);
static int try_token(struct request *request);
static bool token_fits(const struct request *request, struct access_token *token);
static void accept_token(struct request *request, const struct access_token *token,
                         uint64_t remaining_ms);
static bool is_for_allocation(const struct request *request);

bool has_access_token(const struct request *request)
{
	return request->server->settings.oauth &&
	       stun_has(&request->message, STUN_ATTR_ACCESS_TOKEN);
}

const char *third_party_server_name(const struct request *request)
{
	const char *name = request->server->settings.server_name;

	return name != NULL && name[0] != '\0' ? name : request_challenge_realm(request);
}

/* RFC 7635 section 7; what does not hold is a 401. */
int check_access_token(struct request *request)
{
	switch (request->key_answer) {
	case ANSWER_NONE:
		return find_token_key(request);
	case ANSWER_FOUND:
		return try_token(request);
	case ANSWER_NOT_FOUND:
		return refuse(request, STUN_UNAUTHENTICATED, "kid of access token unknown");
	case ANSWER_UNAVAILABLE:
		break;
	}
	return refuse(request, STUN_INSUFFICIENT_CAPACITY, "the store is away");
}

/* The USERNAME is the kid: which authorization server made the token, and with which key. */
static int find_token_key(struct request *request)
{
	return pending_find_key(request, &(struct turn_find_key){
						 .is_token = true,
						 .username = request->username,
						 .realm = request_realm(request),
					 });
}

static int try_token(struct request *request)
{
	const struct turn_token_key *key = request->token_key;
	struct access_token token;
	size_t len;
	const uint8_t *sealed = stun_get(&request->message, STUN_ATTR_ACCESS_TOKEN, &len);
	int outcome = STUN_UNAUTHENTICATED;

	if (key == NULL || access_token_open(&key->key, third_party_server_name(request), sealed,
	                                     len, &token) != OK) {
		count(request->server, COUNT_access_tokens_refused);
		return refuse(request, outcome, "access token cannot be opened");
	}
	uint64_t remaining_ms = access_token_remaining_ms(&token, request->wall_ms);
	if (remaining_ms > 0 && token_fits(request, &token)) {
		accept_token(request, &token, remaining_ms);
		outcome = STUN_NO_ERROR;
	} else {
		count(request->server, COUNT_access_tokens_refused);
	}
	bytes_wipe(&token, sizeof token);
	return outcome;
}

static bool is_signed_with(const struct request *request, const struct access_token *token,
                           size_t key_len)
{
	bool has_sha256 = stun_has(&request->message, STUN_ATTR_MESSAGE_INTEGRITY_SHA256);

	return stun_integrity_is_right(request->server->hasher, &request->message,
	                               has_sha256 ? STUN_ATTR_MESSAGE_INTEGRITY_SHA256
	                                          : STUN_ATTR_MESSAGE_INTEGRITY,
	                               token->mac_key, key_len);
}

/* Leaves of the key what the client uses. Clients made for coturn use 128 bits of the 160, as if it
 * were the MD5 of a password. */
static bool token_fits(const struct request *request, struct access_token *token)
{
	if (is_signed_with(request, token, token->mac_key_len))
		return true;
	if (token->mac_key_len != ACCESS_TOKEN_SHA1_KEY ||
	    !is_signed_with(request, token, STUN_MD5_KEY_SIZE))
		return false;
	token->mac_key_len = STUN_MD5_KEY_SIZE;
	return true;
}

static void accept_token(struct request *request, const struct access_token *token,
                         uint64_t remaining_ms)
{
	request->is_authenticated = true;
	request->names_algorithm = stun_has(&request->message, STUN_ATTR_MESSAGE_INTEGRITY_SHA256);
	request->token_deadline = request->server->now + remaining_ms;
	memcpy(request->key, token->mac_key, token->mac_key_len);
	request->key_len = token->mac_key_len;
	count(request->server, COUNT_access_tokens_accepted);
	if (is_for_allocation(request))
		request->username = request->allocation->username;
	else if (request->token_key->realm[0] != '\0')
		request->realm = request->token_key->realm;
}

/* Section 9: a new token prolongs what an earlier one began. It may be of another key of the
 * authorization server, or of another one, as coturn's test client takes them in turn; whose the session
 * is does not change with it. */
void keep_access_token(struct request *request)
{
	struct turn_allocation *allocation = request->allocation;

	if (request->token_key == NULL || !is_for_allocation(request))
		return;
	memcpy(allocation->key, request->key, request->key_len);
	allocation->key_len = (uint8_t)request->key_len;
	allocation->token_deadline = request->token_deadline;
}

static bool is_for_allocation(const struct request *request)
{
	return request->allocation != NULL && allocation_is_by_token(request->allocation) &&
	       request->message.method != STUN_ALLOCATE;
}
