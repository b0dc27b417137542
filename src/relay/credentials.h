/* Who may relay: the answers to the core's TURN_FIND_KEY. Static users, time-limited names under a
 * shared secret (the TURN REST interface), and what the store knows, of every realm that the core asks
 * for; and the authorization servers whose access tokens are taken (RFC 7635).
 *
 *     find ──► static user? ──► name under a secret? ──► remembered? ──► ask the store
 *               at once            at once                at once          by mail
 *
 * One for each relay thread. Static users and static secrets are answered at once. An answer of the
 * store is remembered for a short time (credentials.c says how long), so that a change in the store
 * counts after that time, and a storm of requests is one question. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mailbox.h"
#include "base/timestamp.h"
#include "store/store.h"
#include "turn/turn.h"

struct secret_use;

enum { CREDENTIALS_PASSWORD_MAX = 512, CREDENTIALS_SECRET_MAX = 255 };

/* user=NAME:PASSWORD, or NAME:0xKEY where KEY is 32 hex digits (MD5) or 64 (SHA-256). */
struct credentials_user {
	char name[TURN_USERNAME_MAX + 1];
	char password[CREDENTIALS_PASSWORD_MAX + 1]; /* when key_len is 0 */
	uint8_t key[STUN_SHA256_KEY_SIZE];
	size_t key_len; /* STUN_MD5_KEY_SIZE, STUN_SHA256_KEY_SIZE, or 0 */
};

/* Reads the value of a user option. problem says in one line what is wrong, without the password. */
MUST_CHECK enum err credentials_user_parse(const char *text, struct credentials_user *user,
                                           char problem[256]);

struct credentials_settings { /* copied, but for the store and the mailbox */
	const char
		*realm; /* the default one, and that of the users below; the secrets count in any */
	const struct credentials_user *users;
	size_t user_count;
	bool lt_cred_mech; /* with use_auth_secret: static users count beside the secrets */
	bool use_auth_secret;
	const char *const *secrets; /* static-auth-secret, at most STORE_SECRETS_MAX count */
	size_t secret_count;
	char separator; /* rest-api-separator, ':' by default */
	/* Gives the realm whose secrets vouch for a name, lent until mail is delivered; NULL: that of the
	 * request. May be NULL itself. */
	const char *(*realm_of_name)(void *context, const char *username);
	void *context;
	struct store_thread *store; /* NULL: there is none */
	struct mailbox *replies;    /* the relay thread's; it delivers */
	struct counters *counters;  /* of the thread: questions to the store; NULL: not counted */
};

/* What of the settings a reload may change: all but realm, dynamic_realms, store and replies. Made for the
 * credentials of one thread, by any thread. */
struct fixed_credentials;
MUST_CHECK enum err fixed_credentials_create(const struct credentials_settings *settings,
                                             struct fixed_credentials **fixed);
/* Wipes what was secret. NULL is fine. */
void fixed_credentials_destroy(struct fixed_credentials *fixed);

struct credentials;
MUST_CHECK enum err credentials_create(const struct credentials_settings *settings,
                                       struct credentials **credentials);
/* Wipes what was secret. No question is under way any more: the store thread was stopped, which
 * answers all, and the mailbox delivered after it; or the mailbox of the letters is never delivered
 * again. */
void credentials_destroy(struct credentials *credentials);

/* Has the store tell of writes from now on: what it answered before is then asked anew. The watch ends
 * with the store thread. */
void credentials_watch(struct credentials *credentials);

/* Goes by other fixed ones from now on, and gives back those of before. Whoever is no user any more keeps
 * the allocations that there are. */
void credentials_exchange_fixed(struct credentials *credentials, struct fixed_credentials **fixed);

/* Answers a TURN_FIND_KEY with turn_key_found, _not_found or _unavailable, now or when mail from the
 * store is delivered; the host carries out the server's actions after either. wall_s is the time in
 * seconds since 1970, for names that expire. The action is lent; the server outlives the question. */
void credentials_find(struct credentials *credentials, struct turn_server *server,
                      const struct turn_action *action, timestamp now, uint64_t wall_s);

/* Secrets of one realm, and how often each of them has let somebody in; those of the configuration, which
 * count in every realm, are told as one more list, by their marks in that realm. */
struct credentials_uses {
	const char *realm; /* lent; "" for those of the configuration when all realms are told */
	bool is_configured;
	const struct secret_use *uses; /* lent: count of them, each with its mark */
	size_t count;
};
/* Calls each for the secrets that are known by now: those of the store that somebody has asked for. realm NULL: of all. */
void credentials_tell_uses(struct credentials *credentials, const char *realm,
                           void (*each)(const struct credentials_uses *told, void *context),
                           void *context);

/* How many answers of the store are remembered or awaited; it has a bound. */
size_t credentials_cached(const struct credentials *credentials);
