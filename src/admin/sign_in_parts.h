/* What the files of sign-in share: who is signed in, and how many hashes are made. Private to them. */
#pragma once

#include <pthread.h>

#include "admin/sign_in.h"
#include "admin/sign_in_guesses.h"
#include "base/hash_table.h"
#include "base/list.h"
#include "stun/integrity.h"

enum { SIGN_IN_HASH_SIZE = STUN_SHA256_SIZE, SIGN_IN_MACHINES = 64 };

/* Of an administrator's password as it is stored: another one, when it is set anew. */
struct password_mark {
	uint8_t hash[SIGN_IN_HASH_SIZE];
};

/* A machine's token and what the store has said of it. */
struct known_machine {
	uint8_t hash[SIGN_IN_HASH_SIZE];
	bool is_known;
	timestamp until; /* 0: free */
	struct principal who;
};

struct sign_in {
	struct sign_in_settings settings;
	struct guesses *guesses; /* owned */

	pthread_mutex_t lock;       /* of all until the next one */
	struct stun_hasher *hasher; /* owned */
	struct hash_table by_cookie;
	struct list sessions; /* the oldest first; each owned */
	unsigned count;
	struct known_machine *machines; /* owned: SIGN_IN_MACHINES */

	pthread_mutex_t hashing_lock; /* of the rest */
	pthread_cond_t hashing_ended;
	unsigned hashing, waiting;
};

timestamp sign_in_now(const struct sign_in *sign_in);
void sign_in_sum(struct sign_in *sign_in, const char *text, uint8_t hash[SIGN_IN_HASH_SIZE]);
/* Signs somebody in; principal has name, realm and has_totp, and is given the rest. ERR_NO_MEMORY. */
MUST_CHECK enum err sign_in_begin(struct sign_in *sign_in,
                                  const struct store_administrator *administrator,
                                  char cookie[SIGN_IN_COOKIE_SIZE], struct principal *principal);
/* An administrator's password is the same and stored in another way. */
void sign_in_renewed(struct sign_in *sign_in, const struct store_administrator *before,
                     const struct store_administrator *now);
