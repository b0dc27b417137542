/* Shared secrets as they are made, and as they are spoken of: a secret is told once; after that it is known by its mark. */
#pragma once

#include "store/store.h"
#include "stun/integrity.h"

enum { SECRET_MARK_SIZE = 13, SECRET_GENERATED_SIZE = 65 }; /* with their ends */

/* Writes the mark of a realm's secret: the first 12 hex digits of SHA-256 of realm, a zero byte and the secret. Of a secret worth the name
 * it tells nothing, and the same secret in two realms has two. */
void secret_mark(struct stun_hasher *hasher, const char *realm, const char *secret,
                 char mark[SECRET_MARK_SIZE]);
/* Makes a random one of 256 bits, as hex digits: they survive each configuration file and shell that they are copied through. */
void secret_generate(char secret[SECRET_GENERATED_SIZE]);
