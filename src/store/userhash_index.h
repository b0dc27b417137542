/* Which user a USERHASH (RFC 8489 section 14.4) is, for users whose hash is in no table: those that
 * coturn's turnadmin made. Computed once and again when the database has changed. */
#pragma once

#include "store/sqlite.h"

/* Finds the name. ERR_NOT_FOUND when it is no such user's. */
MUST_CHECK enum err userhash_index_find(struct store *store, const char *realm,
                                        const uint8_t userhash[STUN_USERHASH_SIZE], char *name,
                                        size_t size);
/* Forgets it after a change of our own, which data_version does not tell of. */
void userhash_index_forget(struct store *store);
