/* What the servers of one process say to each other about a mobile client that came to another thread
 * than its allocation (RFC 8016). The thread of the allocation is the owner, that of the new 5-tuple has
 * the arrival. When both are one thread it is all the same, but that nothing is detached.
 *
 *     client        arrival                     owner
 *       Refresh ──────►│ ASK ────────────────────►│ checks; remembers the move
 *       success ◄──────│◄──────────────── ANSWER ─│ still serves the old 5-tuple
 *       data ─────────►│ CLAIM ──────────────────►│ ends the old 5-tuple
 *                      │◄─────────────── DELIVER ─│ and forgets the allocation
 *
 * INVITE asks the arrival to claim, as the old path has gone. GONE tells it that there is nothing to
 * claim, or no longer. Private to the folder. */
#pragma once

#include "turn/request.h"
#include "turn/ticket.h"

struct detached;

enum handoff_type {
	HANDOFF_ASK,
	HANDOFF_ANSWER,
	HANDOFF_CLAIM,
	HANDOFF_DELIVER,
	HANDOFF_GONE,
	HANDOFF_INVITE,
};

/* What the owner makes of a Refresh with a ticket. */
struct owner_answer {
	int error;
	/* The allocation's, once the request is known to be its user's: length 0 before. */
	uint8_t key[STUN_SHA256_KEY_SIZE];
	uint8_t key_len;
	bool names_algorithm; /* answers carry SHA-256 */
	uint32_t lifetime_s;  /* 0: it was deleted */
	uint64_t allocation;
	unsigned owner;
	bool has_old_path; /* which serves until the new one is used */
	uint8_t ticket[TICKET_SIZE];
};

struct handoff {
	struct turn_handoff head;
	enum handoff_type type;
	unsigned from; /* thread */
	uint64_t allocation;

	struct five_tuple tuple;    /* ASK, CLAIM: the new one */
	uint64_t cookie;            /* ASK, ANSWER: of the request that waits */
	unsigned asker;             /* ASK: who waits for the answer; it may have been forwarded */
	unsigned hops;              /* ASK: how often */
	uint32_t generation;        /* ASK: of the ticket */
	struct owner_answer answer; /* ANSWER */
	struct detached *detached;  /* DELIVER; owned */
	bool is_superseded;         /* GONE: the client has asked to move elsewhere since */

	size_t len; /* ASK */
	uint8_t message[];
};

/* Makes one with room for a message of len bytes. NULL when there is no memory. */
struct handoff *handoff_create(struct turn_server *server, enum handoff_type type,
                               uint64_t allocation, size_t len);
void handoff_destroy(struct turn_server *server, struct handoff *handoff);
/* Gives it to another server, or this one. NULL is fine. */
void handoff_post(struct turn_server *server, unsigned thread, struct handoff *handoff);
