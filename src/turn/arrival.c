/* Mobility (RFC 8016), the side of the new 5-tuple.
 *
 *                 first message, INVITE             DELIVER
 *   awaits client ─────────────────────► claimed ───────────► the allocation is here
 *      ▲    │ ▲                            │ │
 *      │    │ └──── no answer in time ─────┘ └─ GONE: what was kept finds no allocation
 *      │    └ time is up
 *      └ ANSWER
 *
 * One whose path closed, or whose client has asked to move elsewhere since, has no 5-tuple any more: it
 * only forwards, for there may be a ticket that names this thread. */
#include "turn/arrival.h"

#include <stdlib.h>
#include <string.h>

#include "turn/action.h"
#include "turn/detached.h"
#include "turn/mobility.h"

enum {
	/* What a client sends in the time that a letter takes from thread to thread and back. */
	KEPT_PACKETS_MAX = 64,
	KEPT_BYTES_MAX = 64 * 1024,
	CLAIM_TIMEOUT_MS = 2 * MS_PER_S,
	/* RFC 8016 section 3.2.2: so long may a retransmission with the old ticket come. */
	FORWARD_TIME_S = 30,
	ARRIVALS_MAX = 65536, /* on one thread */
	HOPS_MAX = 4,         /* of an ASK; each is a move that the client made and did not use */
};

struct arrival {
	struct list node; /* in the server's arrivals */
	struct turn_server *server;
	struct timer timer;
	timestamp deadline;  /* the allocation has ended by then, if it was not refreshed */
	uint64_t allocation; /* its id */
	unsigned owner;      /* thread */

	bool has_tuple; /* else it forwards only */
	struct five_tuple tuple;
	void *path;

	bool is_claimed;
	struct list kept; /* owned; of struct kept, oldest first */
	size_t kept_packets, kept_bytes;
	struct handoff *ask; /* owned; waits for the allocation; NULL: none */
};

struct kept { /* a message that was ahead of its allocation */
	struct list node;
	struct packet packet; /* its data are bytes */
	uint8_t bytes[];
};

static struct arrival *find_for(const struct turn_server *server, uint64_t allocation);
static struct arrival *create(struct turn_server *server, uint64_t allocation);
static void destroy(struct arrival *arrival);
static bool take_tuple(struct arrival *arrival, const struct request *request);
static void leave_tuple(struct arrival *arrival);
static void claim(struct arrival *arrival);
static bool keep(struct arrival *arrival, const struct packet *packet);
static void drop_kept(struct arrival *arrival);
static void hand_in_kept(struct arrival *arrival);
static void pass_on_ask(struct arrival *arrival);
static void expire(struct timer *timer, timestamp now);

static uint64_t hash_tuple(const struct turn_server *server, const struct five_tuple *tuple)
{
	return five_tuple_hash(tuple, server->hash_seed);
}

static bool has_tuple(const void *item, const void *key)
{
	return five_tuple_equal(&((const struct arrival *)item)->tuple, key);
}

struct arrival *arrival_find(const struct turn_server *server, const struct five_tuple *tuple)
{
	if (server->arrivals_by_tuple.count == 0)
		return NULL;
	return hash_table_find(&server->arrivals_by_tuple, hash_tuple(server, tuple), has_tuple,
	                       tuple);
}

bool arrival_is_of_another(const struct turn_server *server, const struct five_tuple *tuple,
                           uint64_t allocation)
{
	const struct arrival *arrival = arrival_find(server, tuple);

	return arrival != NULL && arrival->allocation != allocation;
}

/* With no old path there is nothing to wait for: the client is here. */
int arrival_expect(const struct request *request, const struct owner_answer *answer)
{
	struct turn_server *server = request->server;
	struct arrival *arrival = find_for(server, answer->allocation);

	if (arrival_is_of_another(server, request->tuple, answer->allocation))
		return STUN_ALLOCATION_MISMATCH;
	if (arrival == NULL)
		arrival = create(server, answer->allocation);
	if (arrival == NULL || !take_tuple(arrival, request))
		return STUN_INSUFFICIENT_CAPACITY;
	arrival->owner = answer->owner;
	arrival->deadline = server->now + (timestamp)answer->lifetime_s * MS_PER_S;
	if (!arrival->is_claimed)
		timer_set(server->timers, &arrival->timer, arrival->deadline, expire);
	if (!answer->has_old_path)
		claim(arrival);
	return STUN_NO_ERROR;
}

bool arrival_yields(struct turn_server *server, const struct five_tuple *tuple)
{
	struct arrival *arrival = arrival_find(server, tuple);

	if (arrival != NULL && arrival->is_claimed)
		return false;
	if (arrival != NULL)
		leave_tuple(arrival);
	return true;
}

bool arrival_is_at(const struct turn_server *server, const struct transport_addr *addr)
{
	LIST_FOR_EACH (node, &server->arrivals) {
		const struct arrival *arrival = CONTAINER_OF(node, struct arrival, node);
		if (arrival->has_tuple && addr_equal(&arrival->tuple.server, addr))
			return true;
	}
	return false;
}

bool arrival_is_claimed(const struct arrival *arrival)
{
	return arrival->is_claimed;
}

enum turn_verdict arrival_input(struct arrival *arrival, const struct packet *packet)
{
	struct turn_server *server = arrival->server;
	bool is_kept = keep(arrival, packet);

	claim(arrival);
	return is_kept ? TURN_CONSUMED : drop(server, COUNT_drop_moving);
}

void arrival_path_closed(struct turn_server *server, const struct five_tuple *tuple)
{
	struct arrival *arrival = arrival_find(server, tuple);

	if (arrival != NULL)
		leave_tuple(arrival);
}

bool arrival_place(struct turn_allocation *allocation)
{
	struct arrival *arrival = find_for(allocation->server, allocation->id);

	if (arrival == NULL || !arrival->has_tuple ||
	    !allocation_take_path(allocation, &arrival->tuple, arrival->path))
		return false;
	action_report(allocation, TURN_MOVED, "");
	hand_in_kept(arrival);
	destroy(arrival);
	return true;
}

/* ---- what owners say ---- */

bool arrival_forward(struct turn_server *server, struct handoff *ask)
{
	struct arrival *arrival = find_for(server, ask->allocation);

	if (arrival == NULL || ++ask->hops > HOPS_MAX)
		return false;
	if (!arrival->is_claimed) {
		handoff_post(server, arrival->owner, ask);
		return true;
	}
	if (arrival->ask != NULL)
		handoff_destroy(server, arrival->ask); /* whoever asked will ask again */
	arrival->ask = ask;
	return true;
}

/* Whoever awaited it, it is here now. Without a path it lives out its time, as its client may come
 * back. */
struct turn_allocation *arrival_delivered(struct turn_server *server, struct handoff *delivery)
{
	struct turn_allocation *allocation =
		detached_adopt(delivery->detached, server, delivery->head.relay);
	struct arrival *arrival = find_for(server, delivery->allocation);

	if (arrival == NULL || (allocation != NULL && arrival_place(allocation)))
		return allocation;
	hand_in_kept(arrival);
	destroy(arrival);
	return allocation;
}

void arrival_gone(struct turn_server *server, const struct handoff *gone)
{
	struct arrival *arrival = find_for(server, gone->allocation);

	if (arrival == NULL)
		return;
	hand_in_kept(arrival);
	if (!gone->is_superseded) {
		destroy(arrival);
		return;
	}
	leave_tuple(arrival);
	arrival->is_claimed = false;
	arrival->deadline = server->now + FORWARD_TIME_S * MS_PER_S;
	timer_set(server->timers, &arrival->timer, arrival->deadline, expire);
	pass_on_ask(arrival);
}

void arrival_invited(struct turn_server *server, const struct handoff *invitation)
{
	struct arrival *arrival = find_for(server, invitation->allocation);

	if (arrival != NULL && arrival->has_tuple)
		claim(arrival);
}

void arrival_deinit(struct turn_server *server)
{
	LIST_FOR_EACH (node, &server->arrivals)
		destroy(CONTAINER_OF(node, struct arrival, node));
}

/* ---- an arrival's life ---- */

static bool is_for(const void *item, const void *key)
{
	return ((const struct arrival *)item)->allocation == *(const uint64_t *)key;
}

static struct arrival *find_for(const struct turn_server *server, uint64_t allocation)
{
	return hash_table_find(&server->arrivals_by_allocation, hash_mix(allocation), is_for,
	                       &allocation);
}

static struct arrival *create(struct turn_server *server, uint64_t allocation)
{
	struct arrival *arrival = NULL;

	if (server->arrivals_by_allocation.count < ARRIVALS_MAX)
		arrival = calloc(1, sizeof *arrival);
	if (arrival == NULL)
		return NULL;
	arrival->server = server;
	arrival->allocation = allocation;
	list_init(&arrival->kept);
	if (hash_table_insert(&server->arrivals_by_allocation, hash_mix(allocation), arrival) !=
	    OK) {
		free(arrival);
		return NULL;
	}
	list_append(&server->arrivals, &arrival->node);
	/* Until it is told its deadline. */
	timer_set(server->timers, &arrival->timer, server->now, expire);
	return arrival;
}

static void destroy(struct arrival *arrival)
{
	struct turn_server *server = arrival->server;

	leave_tuple(arrival);
	timer_cancel(server->timers, &arrival->timer);
	list_remove(&arrival->node);
	hash_table_remove(&server->arrivals_by_allocation, hash_mix(arrival->allocation), arrival);
	pass_on_ask(arrival);
	free(arrival);
}

static bool take_tuple(struct arrival *arrival, const struct request *request)
{
	struct turn_server *server = arrival->server;

	if (arrival->has_tuple && !five_tuple_equal(&arrival->tuple, request->tuple))
		leave_tuple(arrival);
	if (!arrival->has_tuple &&
	    hash_table_insert(&server->arrivals_by_tuple, hash_tuple(server, request->tuple),
	                      arrival) != OK)
		return false;
	arrival->has_tuple = true;
	arrival->tuple = *request->tuple;
	arrival->path = request->path;
	return true;
}

static void leave_tuple(struct arrival *arrival)
{
	struct turn_server *server = arrival->server;

	drop_kept(arrival);
	if (arrival->has_tuple)
		hash_table_remove(&server->arrivals_by_tuple, hash_tuple(server, &arrival->tuple),
		                  arrival);
	arrival->has_tuple = false;
	arrival->path = NULL;
}

static void claim(struct arrival *arrival)
{
	struct turn_server *server = arrival->server;
	struct handoff *claim_it;

	if (arrival->is_claimed)
		return;
	claim_it = handoff_create(server, HANDOFF_CLAIM, arrival->allocation, 0);
	if (claim_it == NULL)
		return;
	claim_it->tuple = arrival->tuple;
	handoff_post(server, arrival->owner, claim_it);
	arrival->is_claimed = true;
	timer_set(server->timers, &arrival->timer, server->now + CLAIM_TIMEOUT_MS, expire);
}

static void expire(struct timer *timer, timestamp now)
{
	struct arrival *arrival = CONTAINER_OF(timer, struct arrival, timer);

	if (!arrival->is_claimed || arrival->deadline <= now) {
		destroy(arrival);
		return;
	}
	arrival->is_claimed = false; /* the next message claims again */
	drop_kept(arrival);
	timer_set(arrival->server->timers, timer, arrival->deadline, expire);
	pass_on_ask(arrival);
}

/* ---- what waits for the allocation ---- */

static bool keep(struct arrival *arrival, const struct packet *packet)
{
	struct kept *kept;

	if (arrival->kept_packets >= KEPT_PACKETS_MAX ||
	    arrival->kept_bytes + packet->len > KEPT_BYTES_MAX)
		return false;
	kept = calloc(1, sizeof *kept + packet->len);
	if (kept == NULL)
		return false;
	kept->packet = *packet;
	kept->packet.data = memcpy(kept->bytes, packet->data, packet->len);
	list_append(&arrival->kept, &kept->node);
	arrival->kept_packets++;
	arrival->kept_bytes += packet->len;
	return true;
}

static void forget_kept(struct arrival *arrival, struct kept *kept)
{
	list_remove(&kept->node);
	free(kept);
	arrival->kept_packets = list_is_empty(&arrival->kept) ? 0 : arrival->kept_packets;
	arrival->kept_bytes = list_is_empty(&arrival->kept) ? 0 : arrival->kept_bytes;
}

static void drop_kept(struct arrival *arrival)
{
	LIST_FOR_EACH (node, &arrival->kept) {
		drop(arrival->server, COUNT_drop_moving);
		forget_kept(arrival, CONTAINER_OF(node, struct kept, node));
	}
}

/* In the order in which they came, and ahead of what comes now. */
static void hand_in_kept(struct arrival *arrival)
{
	LIST_FOR_EACH (node, &arrival->kept) {
		struct kept *kept = CONTAINER_OF(node, struct kept, node);
		action_kept(arrival->server, &arrival->tuple, arrival->path, &kept->packet);
		forget_kept(arrival, kept);
	}
}

/* By way of the host, as who answers may be here by now, or elsewhere. */
static void pass_on_ask(struct arrival *arrival)
{
	struct turn_server *server = arrival->server;
	struct handoff *ask = arrival->ask;

	arrival->ask = NULL;
	handoff_post(server, server->settings.thread, ask);
}
