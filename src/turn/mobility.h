/* Mobility (RFC 8016), the owner's side: who may move an allocation, and what happens to it. Identity is
 * the allocation; the 5-tuple is only where to answer. arrival.h is the side of the new 5-tuple. Private
 * to the folder. */
#pragma once

#include "turn/handoff.h"

/* What a Refresh with a ticket last asked for, and what it was answered. */
struct move {
	bool is_pending; /* the new 5-tuple has not been used yet; else it is the allocation's */
	unsigned thread; /* of the new 5-tuple */
	struct five_tuple tuple;
	timestamp deadline; /* of a pending one: the arrival waits no longer */
	uint8_t transaction_id[STUN_TRANSACTION_ID_SIZE];
	uint32_t lifetime_s;
	uint8_t ticket[TICKET_SIZE];
};

/* Requests. */

/* True for a Refresh that names its allocation by a ticket, not by its 5-tuple. */
bool request_is_move(const struct request *request);
/* Asks the owner: OUTCOME_PARKED or DROPPED, or an error when the ticket is none. */
int mobility_ask(struct request *request);
/* Refresh with a ticket, from any 5-tuple. */
int handle_move(struct request *request);
/* 405 or 400 for an Allocate whose MOBILITY-TICKET cannot be. */
int mobility_check_allocate(const struct request *request);
/* Adds a ticket to a success response, when the allocation is mobile. */
void mobility_put_ticket(struct request *request, const struct turn_allocation *allocation);

/* The life of a mobile allocation. */

/* Lets it be found by its id. */
MUST_CHECK enum err mobility_enable(struct turn_allocation *allocation);
/* Its path has gone. */
void mobility_path_closed(struct turn_allocation *allocation);
/* It ends: tells whoever waits for it. */
void mobility_end(struct turn_allocation *allocation);
/* It goes on elsewhere. */
void mobility_forget(struct turn_allocation *allocation);

/* What arrivals say. */

/* Answers an ASK, forwards it, or has it wait; true when it keeps the handoff. */
bool mobility_asked(struct turn_server *server, struct handoff *ask);
void mobility_claimed(struct turn_server *server, const struct handoff *claim);
