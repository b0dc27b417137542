/* The long-term credential mechanism: the checks of RFC 8489 section 9.2.4 in their order, with one
 * difference. A nonce is checked before anything is looked up for its bearer: only who has been
 * seen to receive at the address it sends from makes the host work. */
#include <string.h>

#include "base/bytes.h"
#include "turn/connection.h"
#include "turn/mobility.h"
#include "turn/pending.h"

static int check_integrity_is_there(struct request *request);
static int check_credentials_are_there(struct request *request);
static int check_nonce(struct request *request);
static int check_door(struct request *request);
static int check_password_algorithm(struct request *request);
static int check_realm(struct request *request);
static int check_username(struct request *request);
static int check_integrity(struct request *request);
static int check_password_integrity(struct request *request);
static int check_integrity_by_owner(struct request *request);
static int check_owner(struct request *request);

int authenticate(struct request *request)
{
	static int (*const checks[])(struct request * request) = {
		check_integrity_is_there,    /* 401 */
		check_credentials_are_there, /* 400 */
		check_nonce,                 /* 438 */
		check_door,                  /* handed over: the rest is another server's */
		check_password_algorithm,    /* 400 */
		check_realm,                 /* 401 */
		check_username,              /* 401 */
		check_integrity,             /* 401 */
		check_owner,                 /* 441 */
		check_origin,                /* 441 */
	};
	int error = STUN_NO_ERROR;

	if (request->is_authenticated)
		return STUN_NO_ERROR;
	request->username = "";
	if (request->server->settings.is_open)
		return request->message.method == STUN_ALLOCATE || request_is_move(request)
		               ? check_door(request)
		               : check_origin(request);
	for (size_t i = 0; i < sizeof checks / sizeof checks[0] && error == STUN_NO_ERROR; i++)
		error = checks[i](request);
	if (error == STUN_NO_ERROR)
		keep_access_token(request);
	return error;
}

static int check_integrity_is_there(struct request *request)
{
	return stun_has(&request->message, STUN_ATTR_MESSAGE_INTEGRITY) ||
	                       stun_has(&request->message, STUN_ATTR_MESSAGE_INTEGRITY_SHA256)
	               ? STUN_NO_ERROR
	               : STUN_UNAUTHENTICATED;
}

static int check_credentials_are_there(struct request *request)
{
	const struct stun_message *message = &request->message;
	bool has_user =
		stun_has(message, STUN_ATTR_USERNAME) || stun_has(message, STUN_ATTR_USERHASH);

	return has_user && stun_has(message, STUN_ATTR_REALM) && stun_has(message, STUN_ATTR_NONCE)
	               ? STUN_NO_ERROR
	               : STUN_BAD_REQUEST;
}

static int check_nonce(struct request *request)
{
	struct turn_server *server = request->server;
	const struct turn_settings *settings = &server->settings;
	struct transport_addr bearer = request_nonce_addr(request);
	size_t len;
	const uint8_t *nonce = stun_get(&request->message, STUN_ATTR_NONCE, &len);
	enum stun_nonce_state state = stun_nonce_check(
		server->hasher, settings->nonce_secret, &bearer, settings->security_features,
		wall_s(server), settings->nonce_lifetime_s, nonce, len);

	request->is_nonce_fresh = state == STUN_NONCE_FRESH;
	return request->is_nonce_fresh ? STUN_NO_ERROR : STUN_STALE_NONCE;
}

/* What a client is given at a door is a socket and a place on another thread. A fresh nonce shows that
 * it receives where it sends from, so that no forger has any of it; an open server gives Allocate
 * requests more than that without asking. */
static int check_door(struct request *request)
{
	return request->server->settings.is_door ? OUTCOME_HAND_OVER : STUN_NO_ERROR;
}

/* Someone on the way may have cut the better algorithms out of our 401: the client says back what it
 * was offered. A client of RFC 5389 says nothing and means MD5. */
static int check_password_algorithm(struct request *request)
{
	static const uint8_t offered[] = {0, STUN_PASSWORD_SHA256, 0, 0,
	                                  0, STUN_PASSWORD_MD5,    0, 0};
	const struct stun_message *message = &request->message;
	bool has_offer = stun_has(message, STUN_ATTR_PASSWORD_ALGORITHMS);
	bool has_choice = stun_has(message, STUN_ATTR_PASSWORD_ALGORITHM);
	size_t len, choice_len;

	request->algorithm = STUN_PASSWORD_MD5;
	request->names_algorithm = false;
	if (!(request->server->settings.security_features & STUN_FEATURE_PASSWORD_ALGORITHMS) ||
	    (!has_offer && !has_choice))
		return STUN_NO_ERROR;
	if (!has_offer || !has_choice)
		return STUN_BAD_REQUEST;

	const uint8_t *offer = stun_get(message, STUN_ATTR_PASSWORD_ALGORITHMS, &len);
	const uint8_t *choice = stun_get(message, STUN_ATTR_PASSWORD_ALGORITHM, &choice_len);
	if (len != sizeof offered || memcmp(offer, offered, len) != 0 || choice_len != 4 ||
	    (memcmp(choice, offered, 4) != 0 && memcmp(choice, offered + 4, 4) != 0))
		return STUN_BAD_REQUEST;
	request->algorithm = (enum stun_password_algorithm)get_u16(choice);
	request->names_algorithm = true;
	return STUN_NO_ERROR;
}

static bool is_on_token_allocation(const struct request *request)
{
	return request->allocation != NULL && allocation_is_by_token(request->allocation) &&
	       request->message.method != STUN_ALLOCATE;
}

static int check_realm(struct request *request)
{
	const char *ours = request_realm(request);
	size_t len;
	const uint8_t *realm = stun_get(&request->message, STUN_ATTR_REALM, &len);

	/* An access token may have led to another realm than the 401 named; no key depends on it. */
	if (is_on_token_allocation(request))
		return STUN_NO_ERROR;
	return len == strlen(ours) && memcmp(realm, ours, len) == 0
	               ? STUN_NO_ERROR
	               : refuse(request, STUN_UNAUTHENTICATED, "another realm");
}

/* Keeps the name as text. One with a zero in it would be another name to the host. */
static int check_username(struct request *request)
{
	char *text = request->server->username;
	size_t len;
	const uint8_t *name = stun_get(&request->message, STUN_ATTR_USERNAME, &len);

	if (name == NULL) {
		stun_get(&request->message, STUN_ATTR_USERHASH, &len);
		/* RFC 7635 section 5: the kid of an access token is the USERNAME. */
		return len == STUN_USERHASH_SIZE && !has_access_token(request) ? STUN_NO_ERROR
		                                                               : STUN_BAD_REQUEST;
	}
	if (len > TURN_USERNAME_MAX || memchr(name, 0, len) != NULL)
		return STUN_UNAUTHENTICATED;
	memcpy(text, name, len);
	text[len] = 0;
	request->username = text;
	return STUN_NO_ERROR;
}

static bool is_signed_with(const struct request *request, const uint8_t *key, size_t len)
{
	bool has_sha256 = stun_has(&request->message, STUN_ATTR_MESSAGE_INTEGRITY_SHA256);

	return stun_integrity_is_right(request->server->hasher, &request->message,
	                               has_sha256 ? STUN_ATTR_MESSAGE_INTEGRITY_SHA256
	                                          : STUN_ATTR_MESSAGE_INTEGRITY,
	                               key, len);
}

static bool is_right_key(const struct request *request, const uint8_t *key, size_t len)
{
	size_t wanted = request->algorithm == STUN_PASSWORD_SHA256 ? STUN_SHA256_KEY_SIZE
	                                                           : STUN_MD5_KEY_SIZE;

	return len == wanted && is_signed_with(request, key, len);
}

static int accept_key(struct request *request, const char *username, const uint8_t *key, size_t len)
{
	request->is_authenticated = true;
	request->username = username;
	memcpy(request->key, key, len);
	request->key_len = len;
	return STUN_NO_ERROR;
}

static int try_keys(struct request *request)
{
	bool is_hashed = !stun_has(&request->message, STUN_ATTR_USERNAME);

	for (size_t i = 0; i < request->key_count; i++) {
		const struct turn_key *key = &request->keys[i];
		if (!is_right_key(request, key->key, key->len))
			continue;
		if (key->uses != NULL)
			++*key->uses;
		return accept_key(request, is_hashed ? key->username : request->username, key->key,
		                  key->len);
	}
	return refuse(request, STUN_UNAUTHENTICATED, "wrong password");
}

static int find_key(struct request *request)
{
	bool is_hashed = !stun_has(&request->message, STUN_ATTR_USERNAME);
	size_t len;

	return pending_find_key(request,
	                        &(struct turn_find_key){
					.username = is_hashed ? NULL : request->username,
					.userhash = is_hashed ? stun_get(&request->message,
	                                                                 STUN_ATTR_USERHASH, &len)
	                                                      : NULL,
					.realm = request_realm(request),
					.algorithm = request->algorithm,
				});
}

static bool names_owner(const struct request *request)
{
	const char *owner = request->allocation->username;
	uint8_t hash[STUN_USERHASH_SIZE];
	size_t len;

	if (stun_has(&request->message, STUN_ATTR_USERNAME))
		return strcmp(request->username, owner) == 0;
	stun_userhash(request->server->hasher, (const uint8_t *)owner, strlen(owner),
	              allocation_realm(request->allocation), hash);
	return bytes_equal_secret(stun_get(&request->message, STUN_ATTR_USERHASH, &len), hash,
	                          sizeof hash);
}

/* RFC 7635 section 9 keeps ACCESS-TOKEN to Allocate and Refresh, and RFC 6062 section 4.3 wants of a
 * client data connection what its control connection had: the key that the token brought. */
static const struct turn_allocation *keeper_of_key(const struct request *request)
{
	return request->message.method == STUN_CONNECTION_BIND && request->allocation == NULL
	               ? connection_token_allocation(request)
	               : request->allocation;
}

static bool is_signed_with_kept_key(const struct request *request)
{
	const struct turn_allocation *allocation = keeper_of_key(request);

	if (allocation == NULL)
		return false;
	if (allocation_is_by_token(allocation))
		return allocation->token_deadline > request->server->now &&
		       is_signed_with(request, allocation->key, allocation->key_len);
	return names_owner(request) && is_right_key(request, allocation->key, allocation->key_len);
}

static int accept_kept_key(struct request *request)
{
	const struct turn_allocation *allocation = keeper_of_key(request);

	request->token_deadline = allocation->token_deadline;
	if (allocation_is_by_token(allocation))
		request->names_algorithm =
			stun_has(&request->message, STUN_ATTR_MESSAGE_INTEGRITY_SHA256);
	return accept_key(request, allocation->username, allocation->key, allocation->key_len);
}

/* A token that comes again may be one that lasts longer. The key that is kept will do while the store
 * is away. */
static int check_token_integrity(struct request *request)
{
	int outcome = check_access_token(request);

	return outcome == STUN_INSUFFICIENT_CAPACITY && is_signed_with_kept_key(request)
	               ? accept_kept_key(request)
	               : outcome;
}

/* The key of an allocation is kept with it: the host is asked once, not for each request. */
static int check_integrity(struct request *request)
{
	bool is_kept = request->allocation != NULL && names_owner(request);

	if (request_is_move(request))
		return check_integrity_by_owner(request);
	if (has_access_token(request))
		return check_token_integrity(request);
	if (is_signed_with_kept_key(request))
		return accept_kept_key(request);
	if (is_kept && request->message.method != STUN_ALLOCATE)
		return refuse(request, STUN_UNAUTHENTICATED, "wrong password");

	int outcome = check_password_integrity(request);
	/* What a token client's connection is for is known to the thread that has it, and to no store. */
	bool may_be_elsewhere = request->server->settings.oauth &&
	                        request->message.method == STUN_CONNECTION_BIND &&
	                        outcome == STUN_UNAUTHENTICATED;
	return may_be_elsewhere && connection_move_client(request) ? OUTCOME_DONE : outcome;
}

static int check_password_integrity(struct request *request)
{
	switch (request->key_answer) {
	case ANSWER_NONE:
		return find_key(request);
	case ANSWER_FOUND:
		return try_keys(request);
	case ANSWER_NOT_FOUND:
		return refuse(request, STUN_UNAUTHENTICATED,
		              "user unknown, or time-limited credentials expired");
	case ANSWER_UNAVAILABLE:
		break;
	}
	return refuse(request, STUN_INSUFFICIENT_CAPACITY, "the store is away");
}

/* RFC 8016 section 3.2.2: the key is the one of the allocation that the ticket names. */
static int check_integrity_by_owner(struct request *request)
{
	const struct owner_answer *answer = request->owner_answer;

	if (answer == NULL)
		return mobility_ask(request);
	if (answer->key_len == 0)
		return answer->error;
	request->names_algorithm = answer->names_algorithm;
	return accept_key(request, request->username, answer->key, answer->key_len);
}

bool request_is_from_owner(struct request *request)
{
	if (check_integrity_is_there(request) != STUN_NO_ERROR ||
	    check_credentials_are_there(request) != STUN_NO_ERROR ||
	    check_origin(request) != STUN_NO_ERROR ||
	    check_password_algorithm(request) != STUN_NO_ERROR ||
	    check_username(request) != STUN_NO_ERROR || !is_signed_with_kept_key(request))
		return false;
	accept_kept_key(request);
	return true;
}

/* RFC 8656 section 5: who did not make the allocation has no say in it, and is told so once he has
 * proven who he is. An Allocate on a 5-tuple in use may well be another's, behind a NAT that has
 * forgotten the first: that is a 437. */
static int check_owner(struct request *request)
{
	const struct turn_allocation *allocation = request->allocation;

	if (allocation == NULL || request->message.method == STUN_ALLOCATE)
		return STUN_NO_ERROR;
	if ((request->token_deadline != 0) != allocation_is_by_token(allocation))
		return STUN_WRONG_CREDENTIALS;
	return strcmp(request->username, allocation->username) == 0
	               ? STUN_NO_ERROR
	               : refuse(request, STUN_WRONG_CREDENTIALS,
	                        "the allocation is another user's");
}
