/* Usernames that a shared secret vouches for until a time, and their passwords (draft-uberti-behave-turn-rest-00 section 2.2, coturn's
 * use-auth-secret): one place for turnserver, which takes them, and for turnsignal and turnconsole, which make them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "config/config.h"
#include "store/tenants.h"
#include "stun/integrity.h"

enum { TIME_LIMITED_PASSWORD_SIZE = BASE64_SIZE(STUN_SHA1_SIZE) };

/* Writes the password of a username: base64 of HMAC-SHA1(secret, username). */
void time_limited_password(struct stun_hasher *hasher, const char *secret, const char *username,
                           char password[TIME_LIMITED_PASSWORD_SIZE]);

struct time_limited_name {  /* lent */
	uint64_t expires_s; /* since 1970 */
	char separator;     /* rest-api-separator */
	const char *user;
	const char *session; /* NULL or "": none; of at most 64 bytes */
	const char *realm;   /* "": the server's own; of at most STORE_TENANT_REALM_MAX bytes */
};
/* Writes EXPIRY:USER[:SESSION][@REALM]: the time before the first separator, and the realm behind the last @, as turnserver reads
 * it. No @ of a user's own stands for a realm, and a long user is cut, between two characters. */
void time_limited_username(const struct time_limited_name *name,
                           char username[STORE_USERNAME_MAX + 1]);

/* Writes the realm of those who have none of their own: that of config, or the host's name, as turnserver has it. */
void time_limited_own_realm(const struct config *config, char *realm, size_t size);
/* Returns what credentials of a realm are made with: of the static secrets, which turnserver takes in any realm, the first; a realm
 * that is not the server's own has its newest of the store (NULL: it has none) before them. "": there is none. */
const char *time_limited_secret(const struct config *config, const char *newest, bool is_own_realm);
