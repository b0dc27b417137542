/* Snapshots of sessions on their way through Redis: nobody reads them, or makes one, who has not the nodes' secret.
 * base64 of {nonce, AES-256-GCM, tag}; the name of the session is bound to it, so that none passes for another's. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "signaling/text.h"

enum { SNAPSHOT_MAX = 1024 * 1024 };

struct snapshot_seal;

MUST_CHECK enum err snapshot_seal_create(const uint8_t key[32], struct snapshot_seal **seal);
void snapshot_seal_destroy(struct snapshot_seal *seal); /* NULL is fine */

/* Appends it to sealed, whose has_failed says whether that worked. */
void snapshot_seal_close(struct snapshot_seal *seal, const char *id, struct slice plain,
                         struct text *sealed);
/* Appends what was sealed to plain. ERR_INVALID: it is none; ERR_DENIED: others made it, or for another session. */
MUST_CHECK enum err snapshot_seal_open(struct snapshot_seal *seal, const char *id,
                                       struct slice sealed, struct text *plain);
