/* Users under a shared secret (user-secret): their name is "<expiry>:<user>", their proof base64(HMAC-SHA256(secret, name)). Most come with a
 * proof that somebody else made; here the server vouches for a user itself, who was registered, or whom a trusted proxy has named. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;

enum {
	USER_PROOF_SIZE = 64,
	VOUCHED_LIVES_S = 12 * 3600 /* for whom a proxy has named: then it names him once more */
};

/* Signs the name with the first secret; false: there is none. */
bool user_secret_sign(const struct config *config, const char *name, char proof[USER_PROOF_SIZE]);
/* The same for a user until so many seconds from now, and writes his name; false also where that does not fit. */
bool user_secret_vouch(const struct config *config, const char *user, uint64_t wall_ms,
                       uint64_t lives_s, char *name, size_t name_size, char proof[USER_PROOF_SIZE]);
