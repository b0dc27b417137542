/* A key of an authorization server (RFC 7635) as whoever adds it gives it: in base64, as those servers write it, or made. */
#pragma once

#include "base/bytes.h"
#include "store/store.h"

enum { OAUTH_KEY_TEXT_SIZE = BASE64_SIZE(STORE_OAUTH_KEY_MAX) };
#define OAUTH_KEY_ALGORITHM "A256GCM" /* where none is named */

/* Has it valid from now on, for ever where lifetime_s is 0. */
void oauth_key_start(struct store_oauth_key *key, uint64_t lifetime_s, uint64_t now_s);
/* Makes a random key, that every algorithm takes. */
void oauth_key_generate(struct store_oauth_key *key);
/* Reads one. ERR_INVALID or ERR_FULL: it is not base64 of at most STORE_OAUTH_KEY_MAX bytes. */
MUST_CHECK enum err oauth_key_read(struct store_oauth_key *key, const char *text);
/* Writes it, for whoever is told it once and wipes it. */
void oauth_key_write(const struct store_oauth_key *key, char text[OAUTH_KEY_TEXT_SIZE]);
/* Whether the algorithm is known, and the key long enough for it. */
bool oauth_key_is_usable(const struct store_oauth_key *key);
/* Says what is usable. */
extern const char oauth_key_rule[];
