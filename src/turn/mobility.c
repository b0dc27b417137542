/* Mobility (RFC 8016), the owner's side.
 *
 *            ASK, accepted                 CLAIM
 *   settled ───────────────► move pending ───────► settled, on the new 5-tuple
 *      ▲                      │   │    │
 *      └── nobody came ───────┘   │    └── ASK for another 5-tuple: that one is pending
 *                                 └── the old path closes: INVITE, and the arrival claims
 *
 * There is one move at most, in memory that the allocation owns, so that asking again costs nothing. */
#include "turn/mobility.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "turn/action.h"
#include "turn/arrival.h"
#include "turn/detached.h"
#include "turn/pending.h"

enum { PROTOCOL_UDP = 17 }; /* as REQUESTED-TRANSPORT has it */

static struct turn_allocation *mobile_find(const struct turn_server *server, uint64_t id);
static int judge(struct request *request, const struct handoff *ask, struct owner_answer *answer);
static int begin_move(struct request *request, const struct handoff *ask, uint32_t lifetime_s);
static bool is_pending(const struct turn_allocation *allocation);
static bool is_this_move(const struct turn_allocation *allocation, const struct five_tuple *tuple,
                         const uint8_t *transaction_id);
static void release_arrival(struct turn_allocation *allocation, bool is_superseded);
static void deliver(struct turn_allocation *allocation, unsigned thread);
static void move_here(struct turn_allocation *allocation);
static void settle(struct turn_allocation *allocation);

/* ---- requests ---- */

/* Connections to peers (RFC 6062) stay on the thread and the control connection that have them. */
static bool relays_udp(const struct request *request)
{
	return stun_get_u32(&request->message, STUN_ATTR_REQUESTED_TRANSPORT) >> 24 == PROTOCOL_UDP;
}

int mobility_check_allocate(const struct request *request)
{
	size_t len;

	if (stun_get(&request->message, STUN_ATTR_MOBILITY_TICKET, &len) == NULL)
		return STUN_NO_ERROR;
	if (len > 0)
		return STUN_BAD_REQUEST;
	return request->server->settings.mobility && relays_udp(request) ? STUN_NO_ERROR
	                                                                 : STUN_MOBILITY_FORBIDDEN;
}

bool request_is_move(const struct request *request)
{
	return request->allocation == NULL && request->server->settings.mobility &&
	       request->message.class == STUN_REQUEST && request->message.method == STUN_REFRESH &&
	       stun_has(&request->message, STUN_ATTR_MOBILITY_TICKET);
}

/* RFC 8016 section 3.2.2: the 5-tuple of the packet is not what tells the allocation. */
int mobility_ask(struct request *request)
{
	struct turn_server *server = request->server;
	struct ticket ticket;
	size_t len;
	const uint8_t *bytes = stun_get(&request->message, STUN_ATTR_MOBILITY_TICKET, &len);
	int error = ticket_open(server, bytes, len, &ticket);

	if (error != STUN_NO_ERROR)
		return error;
	if (arrival_is_of_another(server, request->tuple, ticket.allocation))
		return STUN_ALLOCATION_MISMATCH;
	return pending_ask_owner(request, &ticket);
}

/* On a 5-tuple that has an allocation: the answer of the Refresh that brought it here may have been
 * lost. Else a client that did not move MUST NOT show its ticket (section 3.2.1). */
static int refuse_or_repeat(struct request *request)
{
	struct turn_allocation *allocation = request->allocation;
	struct ticket ticket;
	size_t len;
	const uint8_t *bytes = stun_get(&request->message, STUN_ATTR_MOBILITY_TICKET, &len);
	int error = ticket_open(request->server, bytes, len, &ticket);

	if (error != STUN_NO_ERROR)
		return error;
	if (ticket.allocation != allocation->id)
		return STUN_ALLOCATION_MISMATCH;
	if (!is_this_move(allocation, request->tuple, stun_transaction_id(&request->message)))
		return STUN_BAD_REQUEST;
	stun_put_u32(&request->answer, STUN_ATTR_LIFETIME, allocation->move->lifetime_s);
	stun_put(&request->answer, STUN_ATTR_MOBILITY_TICKET, allocation->move->ticket,
	         TICKET_SIZE);
	return STUN_NO_ERROR;
}

int handle_move(struct request *request)
{
	const struct owner_answer *answer = request->owner_answer;

	if (!request->server->settings.mobility)
		return STUN_MOBILITY_FORBIDDEN;
	if (request->allocation != NULL)
		return refuse_or_repeat(request);
	if (answer == NULL) /* nobody authenticates on an open server */
		return mobility_ask(request);
	if (answer->error != STUN_NO_ERROR)
		return answer->error;
	stun_put_u32(&request->answer, STUN_ATTR_LIFETIME, answer->lifetime_s);
	if (answer->lifetime_s == 0)
		return STUN_NO_ERROR;
	stun_put(&request->answer, STUN_ATTR_MOBILITY_TICKET, answer->ticket, TICKET_SIZE);
	return arrival_expect(request, answer);
}

/* While a move is pending its answer has the newest ticket, which leads to where it is going. */
void mobility_put_ticket(struct request *request, const struct turn_allocation *allocation)
{
	const struct ticket ticket = {
		.thread = request->server->settings.thread,
		.generation = allocation->generation,
		.allocation = allocation->id,
	};
	uint8_t bytes[TICKET_SIZE];

	if (allocation->is_mobile && !is_pending(allocation) &&
	    ticket_seal(request->server, &ticket, bytes) == OK)
		stun_put(&request->answer, STUN_ATTR_MOBILITY_TICKET, bytes, sizeof bytes);
}

/* ---- the life of a mobile allocation ---- */

enum err mobility_enable(struct turn_allocation *allocation)
{
	struct turn_server *server = allocation->server;
	enum err err = hash_table_insert(&server->mobile, hash_mix(allocation->id), allocation);

	allocation->is_mobile = err == OK;
	return err;
}

/* Section 3.2.2: the end of the old connection is also a sign that the client is on the new one. */
void mobility_path_closed(struct turn_allocation *allocation)
{
	struct turn_server *server = allocation->server;

	allocation_leave_path(allocation);
	if (is_pending(allocation))
		handoff_post(server, allocation->move->thread,
		             handoff_create(server, HANDOFF_INVITE, allocation->id, 0));
}

void mobility_end(struct turn_allocation *allocation)
{
	if (!allocation->is_mobile)
		return;
	release_arrival(allocation, false);
	mobility_forget(allocation);
}

void mobility_forget(struct turn_allocation *allocation)
{
	struct turn_server *server = allocation->server;

	if (allocation->is_mobile)
		hash_table_remove(&server->mobile, hash_mix(allocation->id), allocation);
}

static bool has_id(const void *item, const void *key)
{
	return ((const struct turn_allocation *)item)->id == *(const uint64_t *)key;
}

static struct turn_allocation *mobile_find(const struct turn_server *server, uint64_t id)
{
	return hash_table_find(&server->mobile, hash_mix(id), has_id, &id);
}

static bool is_pending(const struct turn_allocation *allocation)
{
	const struct move *move = allocation->move;

	return move != NULL && move->is_pending && move->deadline > allocation->server->now;
}

static bool is_this_move(const struct turn_allocation *allocation, const struct five_tuple *tuple,
                         const uint8_t *transaction_id)
{
	const struct move *move = allocation->move;

	return move != NULL && five_tuple_equal(&move->tuple, tuple) &&
	       memcmp(move->transaction_id, transaction_id, STUN_TRANSACTION_ID_SIZE) == 0;
}

/* ---- ASK ---- */

static void answer_ask(struct turn_server *server, const struct handoff *ask,
                       struct turn_allocation *allocation, struct owner_answer *answer)
{
	struct request request = {
		.server = server,
		.tuple = &ask->tuple,
		.allocation = allocation,
	};

	if (allocation == NULL ||
	    stun_message_parse(ask->message, ask->len, &request.message) != OK)
		answer->error = STUN_ALLOCATION_MISMATCH;
	else
		answer->error = judge(&request, ask, answer);
	bytes_wipe(request.key, sizeof request.key);
}

bool mobility_asked(struct turn_server *server, struct handoff *ask)
{
	struct turn_allocation *allocation = mobile_find(server, ask->allocation);

	if (allocation == NULL && arrival_forward(server, ask))
		return true;

	struct handoff *answer = handoff_create(server, HANDOFF_ANSWER, ask->allocation, 0);
	if (answer == NULL)
		return false;
	answer->cookie = ask->cookie;
	answer->answer.allocation = ask->allocation;
	answer->answer.owner = server->settings.thread;
	answer_ask(server, ask, allocation, &answer->answer);
	handoff_post(server, ask->asker, answer);
	return false;
}

/* A ticket is spent when the move that it began is done. Until then the client may not have its
 * successor, and takes it again when it has to go elsewhere. */
static bool takes_generation(const struct turn_allocation *allocation, uint32_t generation)
{
	return generation == allocation->generation ||
	       (is_pending(allocation) && generation + 1 == allocation->generation);
}

static void keep_key(struct owner_answer *answer, const struct request *request)
{
	memcpy(answer->key, request->key, request->key_len);
	answer->key_len = (uint8_t)request->key_len;
	answer->names_algorithm = request->names_algorithm;
}

static void tell_move(const struct turn_allocation *allocation, struct owner_answer *answer)
{
	answer->has_old_path = !allocation->is_adrift;
	answer->lifetime_s = allocation->move->lifetime_s;
	memcpy(answer->ticket, allocation->move->ticket, TICKET_SIZE);
}

/* Section 3.2.2, with the nonce left to the arrival, whose client's address it is bound to. Nothing is
 * changed before all is known to be right. */
static int judge(struct request *request, const struct handoff *ask, struct owner_answer *answer)
{
	struct turn_allocation *allocation = request->allocation;

	if (!request->server->settings.is_open && !request_is_from_owner(request))
		return STUN_WRONG_CREDENTIALS;
	keep_key(answer, request);
	if (request->message.unknown_count > 0 || request->message.has_bad_attribute)
		return STUN_BAD_REQUEST; /* the arrival says it in detail */
	if (!allocation->is_adrift && five_tuple_equal(&allocation->tuple, &ask->tuple))
		return STUN_BAD_REQUEST;
	if (is_pending(allocation) &&
	    is_this_move(allocation, &ask->tuple, stun_transaction_id(&request->message))) {
		tell_move(allocation, answer);
		return STUN_NO_ERROR;
	}
	if (!takes_generation(allocation, ask->generation))
		return STUN_ALLOCATION_MISMATCH;
	int error = refresh_allocation(request, &answer->lifetime_s);
	if (error != STUN_NO_ERROR || answer->lifetime_s == 0)
		return error;
	error = begin_move(request, ask, answer->lifetime_s);
	if (error == STUN_NO_ERROR)
		tell_move(allocation, answer);
	return error;
}

static int begin_move(struct request *request, const struct handoff *ask, uint32_t lifetime_s)
{
	struct turn_server *server = request->server;
	struct turn_allocation *allocation = request->allocation;
	const struct ticket ticket = {
		.thread = ask->asker, /* which leads back here until the client has used it */
		.generation = ask->generation + 1,
		.allocation = allocation->id,
	};
	struct move move = {
		.is_pending = true,
		.thread = ask->asker,
		.tuple = ask->tuple,
		.deadline = server->now + (timestamp)lifetime_s * MS_PER_S,
		.lifetime_s = lifetime_s,
	};

	memcpy(move.transaction_id, stun_transaction_id(&request->message),
	       sizeof move.transaction_id);
	if (ticket_seal(server, &ticket, move.ticket) != OK)
		return STUN_SERVER_ERROR;
	if (allocation->move == NULL)
		allocation->move = calloc(1, sizeof move);
	if (allocation->move == NULL)
		return STUN_INSUFFICIENT_CAPACITY;
	if (is_pending(allocation) && allocation->move->thread != move.thread)
		release_arrival(allocation, true);
	*allocation->move = move;
	allocation->generation = ticket.generation;
	return STUN_NO_ERROR;
}

/* Whoever waits for the allocation waits in vain. */
static void release_arrival(struct turn_allocation *allocation, bool is_superseded)
{
	struct turn_server *server = allocation->server;

	if (!is_pending(allocation))
		return;
	struct handoff *gone = handoff_create(server, HANDOFF_GONE, allocation->id, 0);
	if (gone != NULL)
		gone->is_superseded = is_superseded;
	handoff_post(server, allocation->move->thread, gone);
}

/* ---- CLAIM ---- */

void mobility_claimed(struct turn_server *server, const struct handoff *claim)
{
	struct turn_allocation *allocation = mobile_find(server, claim->allocation);
	struct handoff *gone;

	if (allocation == NULL || !is_pending(allocation) ||
	    allocation->move->thread != claim->from ||
	    !five_tuple_equal(&allocation->move->tuple, &claim->tuple)) {
		gone = handoff_create(server, HANDOFF_GONE, claim->allocation, 0);
		if (gone != NULL)
			gone->is_superseded = allocation != NULL;
		handoff_post(server, claim->from, gone);
	} else if (claim->from == server->settings.thread) {
		move_here(allocation);
	} else {
		deliver(allocation, claim->from);
	}
}

/* The new 5-tuple is one of this thread. */
static void move_here(struct turn_allocation *allocation)
{
	if (arrival_place(allocation))
		settle(allocation);
}

static void settle(struct turn_allocation *allocation)
{
	allocation->move->is_pending = false;
	count(allocation->server, COUNT_allocations_moved);
}

/* The allocation stays here, with what it owns. The client's next packet claims it once more. */
static void discard(struct turn_server *server, struct handoff *handoff)
{
	if (handoff->detached != NULL)
		allocation_disown(&handoff->detached->allocation);
	handoff_destroy(server, handoff);
}

/* All that can fail is done before the allocation is let go: until then it is here, from then on it is in
 * the handoff. */
static void deliver(struct turn_allocation *allocation, unsigned thread)
{
	struct turn_server *server = allocation->server;
	struct handoff *handoff = handoff_create(server, HANDOFF_DELIVER, allocation->id, 0);
	struct queued_action *entry = action_prepare(server);

	if (handoff != NULL)
		handoff->detached = detached_create(allocation);
	if (handoff == NULL || entry == NULL || handoff->detached == NULL)
		goto fail;
	if (!allocation->is_adrift)
		allocation_leave_path(
			allocation); /* an offload hears of it before the next owner's */
	settle(allocation);
	memcpy(handoff->head.relay, allocation->relay, sizeof handoff->head.relay);
	allocation_forget(allocation);
	action_handoff(server, entry, thread, &handoff->head);
	return;

fail:
	drop(server, COUNT_drop_no_memory);
	action_discard(entry);
	if (handoff != NULL)
		discard(server, handoff);
}
