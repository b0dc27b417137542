/* The BIO beneath a TLS or DTLS engine: bytes in from lent memory, bytes out to a function. It never
 * touches a socket. */
#pragma once

#include <openssl/bio.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct engine_bio {
	const uint8_t *in; /* lent while the engine is called; what is left of it */
	size_t in_len;
	bool is_datagram; /* a read takes a whole datagram, a write makes one */
	/* Takes len bytes; false when they had to be dropped. */
	bool (*write)(struct engine_bio *bio, const uint8_t *bytes, size_t len);
};

/* Makes the method that all BIOs of a listener share. */
MUST_CHECK enum err engine_bio_method_create(BIO_METHOD **method);

/* Makes a BIO over an engine_bio, which outlives it. NULL when out of memory. */
BIO *engine_bio_create(const BIO_METHOD *method, struct engine_bio *engine_bio);
