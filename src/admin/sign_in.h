/* Who is at the console: administrators by password and, where it is set, a code (RFC 6238), then by a cookie; machines by a token.
 *
 * Sign-ins are in memory: the end of turnconsole ends them. Cookie: 32 random bytes, of which the hash is kept; __Host- prefixed, Secure, HttpOnly,
 * SameSite=Strict (RFC 6265bis). Guessing is slowed, for each name and for each address apart, and nobody is ever locked out for good: a
 * name that is attacked still takes one attempt in a while from addresses that have signed in with it before. Any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/timestamp.h"
#include "store/console_tokens.h"
#include "store/scopes.h"
#include "store/store.h"

struct sign_in;

enum { SIGN_IN_COOKIE_SIZE = 65, SIGN_IN_CSRF_SIZE = 65, SIGN_IN_NAME_MAX = 16 };

enum principal_kind { NOBODY, ADMINISTRATOR, MACHINE };
struct principal {
	enum principal_kind kind;
	char name[STORE_TEXT_MAX];
	char realm[STORE_TEXT_MAX];   /* "": all */
	char csrf[SIGN_IN_CSRF_SIZE]; /* of an administrator */
	uint64_t areas;               /* of a machine: bits of scope_bit */
	bool has_totp;
	uint64_t signed_in_ms; /* since 1970 */
};

struct sign_in_settings {
	unsigned idle_s,
		life_s; /* a sign-in ends after idle_s without a request, and after life_s in any case */
	unsigned
		count_max; /* sign-ins at one time; of one name, SIGN_IN_NAME_MAX: the oldest makes room */
	/* The store, taken for as long as it is asked and never while a password is hashed. take_store: NULL, it is away. */
	struct store *(*take_store)(void *context);
	void (*release_store)(void *context);
	void *context;
	timestamp (*clock)(void *context); /* NULL: timestamp_now */
};
MUST_CHECK enum err sign_in_create(const struct sign_in_settings *settings, struct sign_in **made);
void sign_in_destroy(struct sign_in *sign_in); /* NULL is fine */

/* ---- by name and password ---- */

struct sign_in_attempt {                    /* lent */
	const char *name, *password, *code; /* code NULL: none was given */
	const struct transport_addr *from;
};
/* ERR_DENIED: a wrong one, whichever it was. ERR_AGAIN: later, wait_s: too many attempts. ERR_NOT_FOUND: the password is right and
 * a code is asked for. ERR_UNAVAILABLE: the store. The cookie is set when it is OK, and principal filled in. It takes some tenths of a second. */
MUST_CHECK enum err sign_in_try(struct sign_in *sign_in, const struct sign_in_attempt *attempt,
                                char cookie[SIGN_IN_COOKIE_SIZE], struct principal *principal,
                                unsigned *wait_s);
/* Whether a password is right of one who is signed in already: slowed in the same way, and no code is looked at. administrator is as it is stored. */
MUST_CHECK enum err sign_in_prove(struct sign_in *sign_in, const struct sign_in_attempt *attempt,
                                  struct store_administrator *administrator, unsigned *wait_s);
/* Sets the hash of a new password in administrator, which nobody has stored yet. ERR_AGAIN: too many hashes are made at this time. */
MUST_CHECK enum err sign_in_hash(struct sign_in *sign_in, const char *password,
                                 struct store_administrator *administrator, unsigned *wait_s);

/* ---- by cookie ---- */

/* Looks at the clock, and now and then at the store; counts as activity. False: nobody. */
bool sign_in_find(struct sign_in *sign_in, const char *cookie, struct principal *principal);
void sign_in_end(struct sign_in *sign_in, const char *cookie);
/* Also of who was removed, or got a new password. */
void sign_in_end_all(struct sign_in *sign_in, const char *name);
/* The same but for this cookie's, which goes on with what was stored of the administrator just now. */
void sign_in_end_others(struct sign_in *sign_in, const char *cookie,
                        const struct store_administrator *administrator);
/* The next request of each sign-in of that name looks at the store. */
void sign_in_changed(struct sign_in *sign_in, const char *name);
/* A secret for codes that is shown to its owner and not asked for yet. False: nobody is signed in so; none was kept. */
bool sign_in_keep_secret(struct sign_in *sign_in, const char *cookie,
                         const uint8_t secret[TOTP_SECRET_SIZE]);
bool sign_in_kept_secret(struct sign_in *sign_in, const char *cookie,
                         uint8_t secret[TOTP_SECRET_SIZE]);

/* ---- by token ---- */

/* By a machine's token (Authorization: Bearer); the store, which the caller has taken, is asked at most each second for the same one. */
bool sign_in_machine(struct sign_in *sign_in, struct store *store, const char *token,
                     struct principal *principal);
/* Tokens were removed: none is known without the store. */
void sign_in_forget_machines(struct sign_in *sign_in);
