/* The keys of a user with long-term credentials, as far as they are known. */
#pragma once

#include <stdbool.h>

#include "stun/integrity.h"

struct user_keys {
	uint8_t md5[STUN_MD5_KEY_SIZE], sha256[STUN_SHA256_KEY_SIZE];
	bool has_md5, has_sha256; /* one at least */
};
