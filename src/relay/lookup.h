/* A question for a key on its way through the credentials: copied as far as its answer needs it. Private to
 * credentials.c and store_questions.c. */
#pragma once

#include "base/counters.h"
#include "relay/credential_cache.h"
#include "relay/credentials.h"
#include "relay/fixed_credentials.h"
#include "relay/realm_secrets.h"
#include "relay/revocations.h"

struct credentials {
	struct store_thread *store; /* owner: the program; NULL: none */
	struct mailbox *replies;    /* owner: the relay thread */
	struct counters *counters;  /* owner: the relay thread; NULL: nothing is counted */
	struct stun_hasher *hasher; /* owned */
	const char *(*realm_of_name)(void *context, const char *username);
	void *context;

	struct fixed_credentials *fixed; /* owned; a reload exchanges them */
	struct secrets_table stored_secrets;
	struct revocations revocations;

	struct credential_cache cache;
	size_t waiting;
	struct store_watch watch;
};

/* One TURN_FIND_KEY, copied as far as its answer needs it. */
struct lookup {
	struct list node; /* while it waits */
	struct turn_server *server;
	uint64_t cookie;
	enum stun_password_algorithm algorithm;
	timestamp now;
	uint64_t wall_s;
	bool has_username, is_token;
	char realm[TURN_REALM_MAX + 1];
	char home[TURN_REALM_MAX + 1]; /* whose secrets vouch for the name */
	char username[TURN_USERNAME_MAX + 1];
	uint8_t userhash[STUN_USERHASH_SIZE];
};

/* What is asked of the store; the first byte of a cache_key. */
enum lookup_kind { LOOKUP_USERNAME = 1, LOOKUP_USERHASH, LOOKUP_SECRETS, LOOKUP_TOKEN_KEY };

/* Answer a lookup, each at once. */
void lookup_answer_token_key(const struct lookup *lookup, const struct cache_token_key *key);
void lookup_answer_user(const struct lookup *lookup, const char *name,
                        const struct user_keys *keys);
void lookup_answer_secret_keys(const struct credentials *credentials, const struct lookup *lookup);
void lookup_answer_not_found(const struct lookup *lookup);
void lookup_answer_unavailable(const struct lookup *lookup);

/* Answers from what the store is known to say, or asks it and answers when it has. What is asked for is a
 * kind, a realm, and a name or a USERHASH. */
void lookup_ask_store(struct credentials *credentials, const struct lookup *lookup,
                      enum lookup_kind kind, const char *realm, const void *bytes, size_t len);
