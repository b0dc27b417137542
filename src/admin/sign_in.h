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
#include "store/store.h"

struct sign_in;

enum { SIGN_IN_COOKIE_SIZE = 65, SIGN_IN_CSRF_SIZE = 65, AREAS_MAX = 64 };

enum principal_kind { NOBODY, ADMINISTRATOR, MACHINE };
struct principal {
	enum principal_kind kind;
	char name[STORE_TEXT_MAX];
	char realm[STORE_TEXT_MAX];   /* "": all */
	char csrf[SIGN_IN_CSRF_SIZE]; /* of an administrator */
	uint64_t areas;               /* of a machine: bits of area_bit */
	bool has_totp;
	uint64_t signed_in_ms; /* since 1970 */
};

struct sign_in_settings {
	unsigned idle_s,
		life_s; /* a sign-in ends after idle_s without a request, and after life_s in any case */
	unsigned count_max; /* sign-ins at one time; of one name, 16: the oldest makes room */
};
MUST_CHECK enum err sign_in_create(const struct sign_in_settings *settings, struct sign_in **made);
void sign_in_destroy(struct sign_in *sign_in); /* NULL is fine */

struct sign_in_attempt {                    /* lent */
	const char *name, *password, *code; /* code NULL: none was given */
	const struct transport_addr *from;
};
/* ERR_DENIED: a wrong one, whichever it was. ERR_AGAIN: later, wait_s: too many attempts. ERR_NOT_FOUND: the password is right and
 * a code is asked for. ERR_UNAVAILABLE: the store. The cookie is set when it is OK, and principal filled in. It takes some tenths of a second. */
MUST_CHECK enum err sign_in_try(struct sign_in *sign_in, struct store *store,
                                const struct sign_in_attempt *attempt,
                                char cookie[SIGN_IN_COOKIE_SIZE], struct principal *principal,
                                unsigned *wait_s);
/* By cookie; looks at the clock, and counts as activity. False: nobody. */
bool sign_in_find(struct sign_in *sign_in, const char *cookie, struct principal *principal);
/* By a machine's token (Authorization: Bearer); the store is asked at most each second for the same one. */
bool sign_in_machine(struct sign_in *sign_in, struct store *store, const char *token,
                     struct principal *principal);
void sign_in_end(struct sign_in *sign_in, const char *cookie);
void sign_in_end_all(struct sign_in *sign_in,
                     const char *name); /* also of who was removed, or got a new password */

/* Areas of routes.def as bits: read and write of each. 0: there is no such scope ("users:read"). */
uint64_t scope_bit(const char *scope);
/* Calls each scope's name for the bits. */
void scope_names(uint64_t areas, void (*each)(const char *name, void *context), void *context);
