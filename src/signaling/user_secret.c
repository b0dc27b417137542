/* What user-secret signs. */
#include "signaling/user_secret.h"

#include <stdio.h>
#include <string.h>

#include <openssl/hmac.h>

#include "base/bytes.h"
#include "config/config.h"

enum { MAC_SIZE = 32 };
_Static_assert(BASE64_SIZE(MAC_SIZE) <= USER_PROOF_SIZE, "a proof fits");

bool user_secret_sign(const struct config *config, const char *name, char proof[USER_PROOF_SIZE])
{
	uint8_t mac[MAC_SIZE];
	unsigned len = sizeof mac;

	if (config == NULL || config->user_secret.count == 0)
		return false;
	const char *secret = config->user_secret.item[0];
	if (HMAC(EVP_sha256(), secret, (int)strlen(secret), (const uint8_t *)name, strlen(name),
	         mac, &len) == NULL)
		return false;
	base64_put(mac, sizeof mac, true, proof);
	return true;
}

bool user_secret_vouch(const struct config *config, const char *user, uint64_t wall_ms,
                       uint64_t lives_s, char *name, size_t name_size, char proof[USER_PROOF_SIZE])
{
	int len = snprintf(name, name_size, "%llu:%s",
	                   (unsigned long long)(wall_ms / 1000 + lives_s), user);

	return len > 0 && (size_t)len < name_size && user_secret_sign(config, name, proof);
}
