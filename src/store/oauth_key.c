/* What turnadmin and the console hold a key against before it is put into the store. */
#include "store/oauth_key.h"

#include <string.h>

#include "base/random.h"
#include "stun/access_token.h"

enum { GENERATED_SIZE = 32 };

const char oauth_key_rule[] =
	"the algorithm is A256GCM with 32 bytes of key at least, or A128GCM with 16";

void oauth_key_start(struct store_oauth_key *key, uint64_t lifetime_s, uint64_t now_s)
{
	key->lifetime_s = lifetime_s;
	key->timestamp = lifetime_s == 0 ? 0 : now_s;
}

void oauth_key_generate(struct store_oauth_key *key)
{
	key->key_len = GENERATED_SIZE;
	random_bytes(key->key, key->key_len);
}

enum err oauth_key_read(struct store_oauth_key *key, const char *text)
{
	return base64_get(text, strlen(text), key->key, sizeof key->key, &key->key_len);
}

void oauth_key_write(const struct store_oauth_key *key, char text[OAUTH_KEY_TEXT_SIZE])
{
	base64_put(key->key, key->key_len, true, text);
}

bool oauth_key_is_usable(const struct store_oauth_key *key)
{
	struct aead_key sealing;
	bool is_right = access_token_key(key->algorithm, key->key, key->key_len, &sealing) == OK;

	bytes_wipe(&sealing, sizeof sealing);
	return is_right;
}
