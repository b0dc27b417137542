/* Randomness that a stranger cannot guess, from OpenSSL's generator. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Fills len bytes. Ends the program when the system has no randomness: nothing is safe then. */
void random_bytes(void *bytes, size_t len);
/* Returns an unbiased number in 0 .. bound - 1; bound is at least 1. */
uint32_t random_below(uint32_t bound);
