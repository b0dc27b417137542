/* Random bytes and numbers. */
#include "base/random.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/rand.h>

void random_bytes(void *bytes, size_t len)
{
	unsigned char *at = bytes;

	while (len > 0) {
		int part = len < INT_MAX ? (int)len : INT_MAX;

		if (RAND_bytes(at, part) != 1) {
			fputs("no randomness from OpenSSL: stopping, nothing would be safe\n",
			      stderr);
			abort();
		}
		at += part;
		len -= (size_t)part;
	}
}

uint32_t random_below(uint32_t bound)
{
	uint64_t product;
	uint32_t number;

	assert(bound > 0);
	/* The upper half of number * bound is the result. Of the 2^32 numbers, 2^32 % bound are too many
	 * for a fair share each; those are the ones with the smallest lower halves. */
	uint32_t surplus = (0 - bound) % bound;
	do {
		random_bytes(&number, sizeof number);
		product = (uint64_t)number * bound;
	} while ((uint32_t)product < surplus);
	return (uint32_t)(product >> 32);
}
