/* Names and proofs of the channelling dialect that are made of others: HMAC-SHA256 under keys of the hub, one for each use. Nothing is
 * kept, so each worker and each node can check what another made.
 *
 *   nonce   base64url of {when it ends, MAC, "<expiry>:<user>", 0, the user's proof, 0}
 *
 * The nonce holds the proof itself, and who shows it is asked for it again by the authority: the MAC only binds it to its session and its
 * minute. It hides nothing, since it is given to the one who showed the proof. */
#include <string.h>

#include <openssl/hmac.h>

#include "base/bytes.h"
#include "base/random.h"
#include "signaling/channelling.h"

enum {
	KEY_SIZE = 32,
	MAC_SIZE = 32,
	SID_BYTES = 24,
	IMAGE_ID_BYTES = 15,
	NONCE_MAC_SIZE = 16,
	NONCE_HEAD = 8 + NONCE_MAC_SIZE,
	NONCE_BYTES_MAX = NONCE_HEAD + COMBO_MAX + 1 + COMBO_PROOF_MAX + 1,
	SIGNED_MAX = SESSION_ID_SIZE + NONCE_BYTES_MAX,
};
_Static_assert(BASE64_SIZE(NONCE_BYTES_MAX) <= NONCE_SIZE, "a nonce fits");

static void mac(const struct hub *hub, const char *use, const void *bytes, size_t len,
                uint8_t result[MAC_SIZE])
{
	uint8_t key[KEY_SIZE];
	unsigned result_len = MAC_SIZE;

	hub_derive_key(hub, use, key);
	if (HMAC(EVP_sha256(), key, KEY_SIZE, bytes, len, result, &result_len) == NULL)
		random_bytes(result, MAC_SIZE); /* nothing matches it */
	bytes_wipe(key, sizeof key);
}

void channelling_put_bytes(const uint8_t *bytes, size_t len, char *text)
{
	base64_put(bytes, len, false, text);
	for (char *c = text; *c != '\0'; c++)
		*c = (char)(*c == '+' ? '-' : *c == '/' ? '_' : *c);
}

enum err channelling_get_bytes(const char *text, uint8_t *bytes, size_t size, size_t *len)
{
	char plain[NONCE_SIZE];
	size_t text_len = strnlen(text, sizeof plain);

	if (text_len == sizeof plain || strcspn(text, "+/=") != text_len)
		return ERR_INVALID;
	for (size_t i = 0; i < text_len; i++)
		plain[i] = (char)(text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i]);
	return base64_get(plain, text_len, bytes, size, len);
}

void channelling_sid(const struct hub *hub, const char *id, char sid[SID_SIZE])
{
	uint8_t result[MAC_SIZE];

	mac(hub, "channelling sid", id, strlen(id), result);
	channelling_put_bytes(result, SID_BYTES, sid);
}

bool channelling_sid_is(const struct hub *hub, const char *id, const char *sid)
{
	char wanted[SID_SIZE];

	if (strlen(id) != SESSION_ID_SIZE - 1 || strlen(sid) != SID_SIZE - 1)
		return false;
	channelling_sid(hub, id, wanted);
	return bytes_equal_secret(wanted, sid, SID_SIZE - 1);
}

void channelling_suserid(const struct hub *hub, const char *user, char suserid[SUSERID_SIZE])
{
	uint8_t result[MAC_SIZE];

	mac(hub, "channelling user", user, strlen(user), result);
	base64_put(result, MAC_SIZE, true, suserid);
}

void channelling_image_id(const struct hub *hub, const char *id, char image[IMAGE_ID_SIZE])
{
	uint8_t result[MAC_SIZE];

	mac(hub, "channelling image", id, strlen(id), result);
	channelling_put_bytes(result, IMAGE_ID_BYTES, image);
}

/* No more than by chance is there a session of this name: of 2^128. */
void channelling_nobody(const struct hub *hub, const char *user, char id[SESSION_ID_SIZE])
{
	uint8_t result[MAC_SIZE];

	mac(hub, "channelling nobody", user, strlen(user), result);
	hex_put(result, (SESSION_ID_SIZE - 1) / 2, id);
	for (char *c = id; *c != '\0'; c++)
		*c = (char)(*c >= 'a' && *c <= 'f' ? *c - 'a' + 'A' : *c);
}

/* Over the session, the time and the proof; bytes are a whole nonce, whose MAC is left out. */
static void sign(const struct hub *hub, const char *id, const uint8_t *bytes, size_t len,
                 uint8_t result[MAC_SIZE])
{
	uint8_t all[SIGNED_MAX] = {0};
	size_t rest = len - NONCE_HEAD;

	memcpy(all, id, strnlen(id, SESSION_ID_SIZE - 1));
	memcpy(all + SESSION_ID_SIZE, bytes, 8);
	memcpy(all + SESSION_ID_SIZE + 8, bytes + NONCE_HEAD, rest);
	mac(hub, "channelling nonce", all, SESSION_ID_SIZE + 8 + rest, result);
	bytes_wipe(all, sizeof all);
}

enum err channelling_make_nonce(const struct hub *hub, const char *id, uint64_t wall_ms,
                                const struct channelling_proof *proof, char nonce[NONCE_SIZE])
{
	size_t combo_size = strlen(proof->combo) + 1, mac_size = strlen(proof->mac) + 1;
	size_t len = NONCE_HEAD + combo_size + mac_size;
	uint8_t bytes[NONCE_BYTES_MAX], result[MAC_SIZE];

	nonce[0] = '\0';
	if (combo_size > COMBO_MAX + 1 || mac_size > COMBO_PROOF_MAX + 1)
		return ERR_FULL;
	put_u64(bytes, wall_ms + NONCE_LIVES_MS);
	memcpy(bytes + NONCE_HEAD, proof->combo, combo_size);
	memcpy(bytes + NONCE_HEAD + combo_size, proof->mac, mac_size);
	sign(hub, id, bytes, len, result);
	memcpy(bytes + 8, result, NONCE_MAC_SIZE);
	channelling_put_bytes(bytes, len, nonce);
	bytes_wipe(bytes, sizeof bytes);
	return OK;
}

/* What was signed was written above, and has its two ends. */
static enum err get_proof(const uint8_t *bytes, size_t len, struct channelling_proof *proof)
{
	const char *combo = (const char *)bytes + NONCE_HEAD;
	size_t combo_size = strnlen(combo, len - NONCE_HEAD) + 1;

	if (NONCE_HEAD + combo_size >= len || bytes[len - 1] != '\0' ||
	    text_copy(proof->combo, sizeof proof->combo, combo) != OK ||
	    text_copy(proof->mac, sizeof proof->mac, combo + combo_size) != OK)
		return ERR_DENIED;
	return OK;
}

enum err channelling_open_nonce(const struct hub *hub, const char *id, uint64_t wall_ms,
                                const char *nonce, struct channelling_proof *proof)
{
	uint8_t bytes[NONCE_BYTES_MAX], wanted[MAC_SIZE];
	enum err err = ERR_DENIED;
	size_t len;

	if (channelling_get_bytes(nonce, bytes, sizeof bytes, &len) != OK || len < NONCE_HEAD + 2)
		return ERR_DENIED;
	sign(hub, id, bytes, len, wanted);
	if (bytes_equal_secret(bytes + 8, wanted, NONCE_MAC_SIZE) && get_u64(bytes) >= wall_ms)
		err = get_proof(bytes, len, proof);
	bytes_wipe(bytes, sizeof bytes);
	return err;
}

const char *combo_user(const char *combo)
{
	const char *colon = strchr(combo, ':');

	return colon == NULL ? "" : colon + 1;
}
