/* Mobility tickets (RFC 8016 section 3.3 and appendix A): where an allocation is to be asked for, sealed
 * so that nobody else can read, change or make one. Private to the folder.
 *
 *   nonce | sealed: thread, generation, allocation, expiry | tag
 *   12      24                                               16
 */
#pragma once

#include "turn/server.h"

enum {
	TICKET_PLAIN_SIZE = 24,
	TICKET_SIZE = AEAD_NONCE_SIZE + TICKET_PLAIN_SIZE + AEAD_TAG_SIZE,
	/* A new one comes with each Refresh; one that was kept for longer is not taken. */
	TICKET_LIFETIME_S = 24 * 60 * 60,
};

struct ticket {
	unsigned
		thread; /* to ask: there the allocation is, or is about to come, or is known to be */
	uint32_t generation; /* grows with each move; the allocation knows which it takes */
	uint64_t allocation; /* its id */
};

/* Writes a ticket. ERR_UNAVAILABLE when OpenSSL fails. */
MUST_CHECK enum err ticket_seal(const struct turn_server *server, const struct ticket *ticket,
                                uint8_t bytes[TICKET_SIZE]);
/* Reads one: STUN_NO_ERROR, or 400 (RFC 8016 section 3.2.2) when it is not valid: this process has not
 * sealed it like this, or has too long ago. Whether its allocation exists is for the owner to say. */
int ticket_open(const struct turn_server *server, const uint8_t *bytes, size_t len,
                struct ticket *ticket);
