/* What a hub lends to dialects: keys of their own, made of the one that all hubs have; and where pictures are kept. */
#include <string.h>

#include <openssl/hmac.h>

#include "base/random.h"
#include "signaling/hub_private.h"

const struct hub *session_hub(const struct session *session)
{
	return session->hub;
}

/* The seal derives its own in the same way: a use here begins with the name of who uses it, and is none of those. */
void hub_derive_key(const struct hub *hub, const char *use, uint8_t key[32])
{
	unsigned len = 32;

	if (HMAC(EVP_sha256(), hub->settings.seal_key, sizeof hub->settings.seal_key,
	         (const uint8_t *)use, strlen(use), key, &len) == NULL)
		random_bytes(key, 32); /* nothing that is made with it holds */
}

struct buddy_images *hub_images(const struct hub *hub)
{
	return hub->settings.images;
}
