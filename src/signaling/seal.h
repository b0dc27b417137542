/* Names and tokens that this server made, and that tell it where to look, but nobody else anything.
 *
 *   id            32 digits: one AES block of {node, worker, 10 random bytes}
 *   resume token  base64url of {id, MAC}
 *   attestation   base64url of {id, when it ends, MAC}
 *
 * MACs are the first half of HMAC-SHA256 with keys of their own. All hubs that may see one have the same key. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "signaling/event.h"
#include "signaling/hub.h"

enum { RESUME_TOKEN_SIZE = 48, SEAL_MAC_SIZE = 16 };

struct seal;

MUST_CHECK enum err seal_create(const uint8_t key[32], struct seal **seal);
void seal_destroy(struct seal *seal);
/* Gives a key for one use alone. */
void seal_derive_key(const uint8_t key[32], const char *use, uint8_t derived[32]);

void seal_make_id(struct seal *seal, const struct hub_place *place, char id[SESSION_ID_SIZE]);
/* ERR_INVALID: it does not look like one. What it gives for a forged one is anywhere. */
MUST_CHECK enum err seal_open_id(struct seal *seal, const char *id, struct hub_place *place);

void seal_make_token(struct seal *seal, const char *id, char token[RESUME_TOKEN_SIZE]);
/* ERR_DENIED: it was not made here. */
MUST_CHECK enum err seal_open_token(struct seal *seal, const char *token, char id[SESSION_ID_SIZE]);

void seal_make_attestation(struct seal *seal, const char *id, uint64_t until_ms,
                           char attestation[ATTESTATION_SIZE]);
MUST_CHECK enum err seal_open_attestation(struct seal *seal, const char *attestation,
                                          uint64_t wall_ms, char id[SESSION_ID_SIZE]);

/* A hash that strangers who choose what is hashed cannot steer (SipHash-2-4); the same in all hubs. */
uint64_t seal_hash(const struct seal *seal, struct slice bytes);
