/* How a connection of PeerJS's begins: by what its query says. */
#include <openssl/evp.h>
#include <string.h>

#include "base/bytes.h"
#include "signaling/json_text.h"
#include "signaling/peerjs.h"

static const char no_parameters[] = "No id, token, or key supplied to websocket server",
		  bad_token[] = "Invalid token provided", bad_key[] = "Invalid key provided",
		  too_many[] = "Server has reached its concurrent user limit";

/* It is told to others as JSON, and named in logs. */
static bool is_printable(const char *text)
{
	const char *end = text + strlen(text);
	size_t len;

	for (; text < end; text += len) {
		len = json_utf8_len(text, end);
		if (len == 0 || (unsigned char)*text < 0x20 || *text == 0x7F)
			return false;
	}
	return true;
}

static bool get_word(const struct http_exchange *exchange, const char *name, char *to, size_t size)
{
	return http_query(exchange, name, to, size) && to[0] != '\0' && is_printable(to);
}

/* Who comes back with the same token has its id back: what is kept of the token is its hash. */
static bool hash_token(const char *token, char secret[PEERJS_SECRET_SIZE])
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len;

	if (EVP_Digest(token, strlen(token), digest, &len, EVP_sha256(), NULL) != 1 ||
	    2 * len >= PEERJS_SECRET_SIZE)
		return false;
	hex_put(digest, len, secret);
	return true;
}

/* A JWT has two dots (RFC 7515 section 3.1); the client's own tokens are digits and letters. */
static bool is_proof(const char *token)
{
	const char *dot = strchr(token, '.');

	return dot != NULL && strchr(dot + 1, '.') != NULL;
}

static void put_message(struct text *text, const char *type, const char *words)
{
	json_open(text, '{');
	json_member_string(text, "type", slice_of(type));
	json_name(text, "payload");
	json_open(text, '{');
	json_member_string(text, "msg", slice_of(words));
	json_close(text, '}');
	json_close(text, '}');
}

static void refuse_query(struct session *session)
{
	struct text text;

	text_init(&text, 0);
	put_message(&text, "ERROR", no_parameters);
	session_reply(session, text_slice(&text));
	text_deinit(&text);
	session_close(session, 1000, no_parameters);
}

void peerjs_open(struct session *session, const struct http_exchange *exchange)
{
	static const struct reference opening = {.number = PEERJS_OPENING};
	struct peerjs *own = session_own(session);
	char token[CLAIM_PROOF_MAX + 1];

	if (!get_word(exchange, "id", own->id, sizeof own->id) ||
	    !get_word(exchange, "key", own->key, sizeof own->key) ||
	    !get_word(exchange, "token", token, sizeof token) || !hash_token(token, own->secret)) {
		refuse_query(session);
		return;
	}
	if (is_proof(token)) {
		struct claim claim = {.kind = CLAIM_BEARER, .proof = token, .tenant = ""};
		session_identify(session, &claim, &opening);
	} else {
		peerjs_join(session);
	}
	bytes_wipe(token, sizeof token);
}

void peerjs_join(struct session *session)
{
	static const struct reference opening = {.number = PEERJS_OPENING};
	struct peerjs *own = session_own(session);
	struct join join = {
		.name = slice_of(own->key), .alias = own->id, .alias_secret = own->secret};

	session_join(session, &join, &opening);
}

void peerjs_tell_refused(struct encoder *encoder, enum signaling_error error)
{
	static const char *const words[SIGNALING_ERRORS] = {
		[SIGNALING_NOT_AUTHENTICATED] = bad_token,
		[SIGNALING_BAD_PROOF] = bad_token,
		[SIGNALING_EXPIRED] = bad_token,
		[SIGNALING_FORBIDDEN] = bad_token,
		[SIGNALING_KICKED] = bad_token,
		[SIGNALING_NO_ROOM_NAME] = bad_key,
		[SIGNALING_BAD_ROOM_NAME] = bad_key,
		[SIGNALING_NO_SUCH_ROOM] = bad_key,
		[SIGNALING_PIN_REQUIRED] = bad_key,
		[SIGNALING_ROOM_LOCKED] = bad_key,
		[SIGNALING_ROOM_FULL] = too_many,
		[SIGNALING_TOO_MANY] = too_many,
		[SIGNALING_DRAINING] = too_many,
		[SIGNALING_RATE_LIMITED] = too_many,
	};
	const char *why = words[error] == NULL ? signaling_error_words(error)->text : words[error];

	if (error == SIGNALING_ALIAS_TAKEN)
		put_message(&encoder->text, "ID-TAKEN", "ID is taken");
	else
		put_message(&encoder->text, "ERROR", why);
	encoder_end_message(encoder);
	encoder->close_code = 1000; /* RFC 6455 section 7.4.1 */
	encoder->close_reason = "";
}
