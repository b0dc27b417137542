/* The users that the configuration names, with their keys computed once. */
#pragma once

#include "base/hash_table.h"
#include "relay/credentials.h"
#include "relay/user_keys.h"
#include "stun/integrity.h"

struct static_user;
struct static_users {
	struct static_user *users; /* owned */
	size_t count;
	struct hash_table by_name, by_userhash;
	struct stun_hasher *hasher; /* owner: the credentials */
	uint8_t seed[16];
};

/* Computes the keys of all. After a failure static_users_deinit is due too. */
MUST_CHECK enum err static_users_init(struct static_users *users, struct stun_hasher *hasher,
                                      const char *realm, const struct credentials_user *from,
                                      size_t count);
void static_users_deinit(struct static_users *users);

/* Return the keys and the name, lent; NULL when there is no such user. */
const struct user_keys *static_users_find(const struct static_users *users, const char *username,
                                          const char **name);
const struct user_keys *static_users_find_hash(const struct static_users *users,
                                               const uint8_t userhash[STUN_USERHASH_SIZE],
                                               const char **name);
