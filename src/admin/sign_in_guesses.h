/* How often who may try a password. Attempts are counted for the name and for the address (a /64 of IPv6), and each is slowed apart: a few
 * are free, then each has to wait twice as long as the one before, until WAIT_MAX. An address that has signed in under a name before
 * has a count of its own for it, which others' attempts do not touch: whoever attacks a name does not lock out its owner.
 *
 * As many are remembered as there is room for; the oldest make room. Any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/timestamp.h"

enum {
	GUESSES_OF_NAME = 5, /* free ones */
	GUESSES_OF_ADDRESS = 10,
	GUESSES_WAIT_MAX_S = 300,
	GUESSES_FORGOTTEN_S = 3600, /* after so long without another */
};

struct guesses;
MUST_CHECK enum err guesses_create(struct guesses **made);
void guesses_destroy(struct guesses *guesses); /* NULL is fine */

/* What an attempt was counted as. */
struct guess {
	uint64_t name, address, pair;
	bool is_of_owner; /* counted for the pair alone */
};
/* Counts an attempt, before it is known to be a wrong one: those that run at the same time count too. Returns 0, or for how many
 * milliseconds there is to be no other, and has counted nothing then. */
uint64_t guesses_begin(struct guesses *guesses, const char *name, const struct transport_addr *from,
                       timestamp now, struct guess *guess);
/* It was no guess: it was right as far as it went, or nobody looked at it. */
void guesses_undo(struct guesses *guesses, const struct guess *guess);
/* It was right, and that address is the owner's. */
void guesses_right(struct guesses *guesses, const struct guess *guess, timestamp now);
