/* Mobility between two servers, without a thread: what they say to each other arrives in every order,
 * one message of a run is lost or comes twice, time passes, and the client goes on meanwhile. Whatever
 * happens:
 *   - an allocation has one owner, a server or the message that it travels in;
 *   - its relayed transport address is used by the owner's thread alone, and closed exactly once;
 *   - its place in the quotas is held once, and given back once;
 *   - no answer goes to a path that has closed;
 *   - the client comes back with the newest ticket that it has;
 *   - after all lifetimes nothing is left.
 * Memory may be out at any time: the allocation stays where it is, or ends.
 * A run is a list of choices; the next one differs in the last choice that has another value. */
#include "turn/handoff.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/random.h"
#include "stun/channel_data.h"
#include "tap.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static unsigned fails_at; /* so many more are had; 0: all */

static bool fails(void)
{
	return fails_at > 0 && --fails_at == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

enum {
	SERVERS = 2,
	PATHS = 5,
	TRAVELLERS_MAX = 16,
	CHOICES_MAX = 40,
	RUNS_MAX = 400000, /* of one story, lest a mistake in here runs for ever */
	IN_TRANSIT = SERVERS,
	LIFETIME_S = 600,
};

struct path { /* a 5-tuple and where it is met */
	struct five_tuple tuple;
	unsigned server;
	bool is_closed;
};

struct relay {
	unsigned holder; /* server, or IN_TRANSIT */
	unsigned closed; /* how often */
	bool is_open;
	struct turn_allocation *allocation;
};

struct traveller {
	unsigned to;
	struct turn_handoff *handoff;
};

/* What the client does, in this order; a digit is the path. */
enum deed {
	END,
	SHOW = 0x10,    /* its newest ticket */
	AGAIN = 0x20,   /* the same bytes */
	TALK = 0x30,    /* on a channel */
	CLOSE = 0x40,   /* a connection breaks */
	DELETE = 0x50,  /* Refresh with LIFETIME 0 */
	RENEW = 0x60,   /* Refresh */
	ALLOCATE = 0x70 /* once more */
};

struct story {
	const char *name;
	unsigned char deeds[8];
};

struct choices {
	unsigned value[CHOICES_MAX], count[CHOICES_MAX], used;
};

struct world {
	struct turn_server *servers[SERVERS];
	struct counters counters[SERVERS];
	struct peer_filter *filter;
	timestamp now;
	struct path paths[PATHS];
	struct relay relays[2];
	unsigned relay_count;
	struct traveller travellers[TRAVELLERS_MAX];
	unsigned traveller_count;
	uint64_t id; /* of the allocation that moves */

	uint8_t ticket[TICKET_SIZE];
	bool has_ticket, has_success;
	uint8_t sent[512];
	size_t sent_len;
	uint32_t next_id;
	int places;                   /* in the quotas that are taken */
	uint32_t talked, talked_from; /* so many were sent, and left */
	bool is_in_order;             /* up to the first that was lost */

	struct choices *choices;
	const char *fault;
};

static void carry_out(struct world *world, unsigned server);
static void client_input(struct world *world, unsigned path, const uint8_t *bytes, size_t len);

static void demand(struct world *world, bool holds, const char *what)
{
	if (!holds && world->fault == NULL)
		world->fault = what;
}

static void draw(void *bytes, size_t len)
{
	random_bytes(bytes, len);
}

/* ---- the world ---- */

static struct transport_addr parse(const char *text, unsigned port)
{
	struct transport_addr addr;

	if (addr_parse(text, 0, &addr) != OK)
		abort();
	addr_set_port(&addr, (uint16_t)port);
	return addr;
}

static enum turn_limit take_place(void *context, const struct turn_place_wish *wish,
                                  struct turn_place *place, uint64_t *value)
{
	struct world *world = context;

	(void)wish, (void)value;
	world->places++;
	place->holder = (void *)world;
	return TURN_LIMIT_NONE;
}

static void give_place(void *context, const struct turn_place *place)
{
	struct world *world = context;

	demand(world, place->holder == (void *)world, "a place that was never taken");
	world->places--;
}

static void make_server(struct world *world, unsigned i)
{
	struct turn_settings settings = {
		.realm = "example.org",
		.is_open = true,
		.has_family = {true, false},
		.max_lifetime_s = 3600,
		.permission_lifetime_s = 300,
		.channel_lifetime_s = 600,
		.permissions_per_allocation = 4,
		.channels_per_allocation = 4,
		.pending_max = 16,
		.quotas = {take_place, give_place, world},
		.mobility = true,
		.ticket_key = {.bytes = "thirty-two bytes that all share", .len = 32},
		.thread = i,
		.thread_count = SERVERS,
		.stream_threads = SERVERS,
		.filter = world->filter,
		.random = draw,
		.counters = &world->counters[i],
	};

	if (turn_server_create(&settings, world->now, &world->servers[i]) != OK)
		abort();
}

static void world_init(struct world *world, struct peer_filter *filter, struct choices *choices)
{
	/* 0: where it begins, a connection to the first server; then by turns the other and the first. */
	static const unsigned servers[PATHS] = {0, 1, 0, 1, 1};

	memset(world, 0, sizeof *world);
	world->now = 1000000;
	world->is_in_order = true;
	world->filter = filter;
	world->choices = choices;
	for (unsigned i = 0; i < SERVERS; i++)
		make_server(world, i);
	for (unsigned i = 0; i < PATHS; i++) {
		world->paths[i].server = servers[i];
		world->paths[i].tuple.client = parse("198.51.100.7", 4000 + i);
		world->paths[i].tuple.server = parse("192.0.2.1", 3478);
		world->paths[i].tuple.transport = i % 2 ? TRANSPORT_UDP : TRANSPORT_TCP;
	}
}

static void world_deinit(struct world *world)
{
	for (unsigned i = 0; i < world->traveller_count; i++)
		turn_handoff_destroy(world->servers[0], world->travellers[i].handoff);
	for (unsigned i = 0; i < SERVERS; i++)
		turn_server_destroy(world->servers[i]);
}

static struct handoff *inside(struct turn_handoff *head)
{
	return CONTAINER_OF(head, struct handoff, head);
}

/* ---- the host ---- */

static void open_relay(struct world *world, unsigned server, const struct turn_action *action)
{
	struct relay *relay = &world->relays[world->relay_count++];
	struct turn_opened opened = {0};

	opened.relay[TURN_IPV4] =
		(struct turn_relay){.relay = relay,
	                            .addr = parse("192.0.2.1", 50000 + world->relay_count),
	                            .public_addr = parse("192.0.2.1", 50000 + world->relay_count)};
	relay->holder = server;
	relay->is_open = true;
	relay->allocation =
		turn_relay_opened(world->servers[server], action->cookie, &opened, world->now);
}

static void see_off(struct world *world, unsigned server, const struct turn_action *action)
{
	struct relay *relay = action->handoff->relay[TURN_IPV4].relay;

	if (action->thread == server) {
		turn_handoff_input(world->servers[server], action->handoff, world->now);
		return;
	}
	if (relay != NULL) {
		demand(world, relay->holder == server, "a relay of another thread was sent");
		relay->holder = IN_TRANSIT;
		relay->allocation = NULL;
	}
	if (world->traveller_count == TRAVELLERS_MAX)
		abort();
	world->travellers[world->traveller_count++] =
		(struct traveller){action->thread, action->handoff};
}

static void hand_in_again(struct world *world, const struct turn_action *action)
{
	struct path *path = action->path;

	demand(world, !path->is_closed, "what was kept came from a closed path");
	client_input(world, (unsigned)(path - world->paths), action->message->data,
	             action->message->len);
}

static void read_answer(struct world *world, const struct turn_action *action)
{
	struct stun_message message;
	size_t len;

	demand(world, !((struct path *)action->path)->is_closed, "an answer to a closed path");
	if (stun_message_parse(action->message->data, action->message->len, &message) != OK)
		abort();
	const uint8_t *ticket = stun_get(&message, STUN_ATTR_MOBILITY_TICKET, &len);
	world->has_success = message.class == STUN_SUCCESS;
	if (ticket == NULL)
		return;
	memcpy(world->ticket, ticket, sizeof world->ticket);
	world->has_ticket = true;
}

static void carry_out(struct world *world, unsigned server)
{
	struct turn_action action;
	struct relay *relay;

	while (turn_next_action(world->servers[server], &action)) {
		switch (action.type) {
		case TURN_SEND:
			read_answer(world, &action);
			break;
		case TURN_OPEN_RELAY:
			open_relay(world, server, &action);
			break;
		case TURN_CLOSE_RELAY:
			relay = action.relay;
			demand(world, relay->holder == server, "closed by another thread");
			demand(world, relay->closed++ == 0, "closed twice");
			relay->allocation = NULL;
			break;
		case TURN_HANDOFF:
			see_off(world, server, &action);
			break;
		case TURN_KEPT:
			hand_in_again(world, &action);
			break;
		default:
			break;
		}
	}
}

static void arrive(struct world *world, unsigned which)
{
	struct traveller traveller = world->travellers[which];
	struct relay *relay = traveller.handoff->relay[TURN_IPV4].relay;

	world->traveller_count--;
	memmove(&world->travellers[which], &world->travellers[which + 1],
	        (world->traveller_count - which) * sizeof traveller);
	if (relay != NULL)
		relay->holder = traveller.to;
	struct turn_allocation *allocation =
		turn_handoff_input(world->servers[traveller.to], traveller.handoff, world->now);
	if (relay != NULL)
		relay->allocation = allocation;
	carry_out(world, traveller.to);
}

static void arrive_all(struct world *world)
{
	while (world->fault == NULL && world->traveller_count > 0)
		arrive(world, 0);
}

static bool is_delivery(const struct world *world, unsigned which)
{
	return inside(world->travellers[which].handoff)->type == HANDOFF_DELIVER;
}

static void lose(struct world *world, unsigned which)
{
	turn_handoff_destroy(world->servers[0], world->travellers[which].handoff);
	world->traveller_count--;
	memmove(&world->travellers[which], &world->travellers[which + 1],
	        (world->traveller_count - which) * sizeof world->travellers[0]);
}

static void copy(struct world *world, unsigned which)
{
	const struct handoff *original = inside(world->travellers[which].handoff);
	struct handoff *other = malloc(sizeof *other + original->len);

	if (other == NULL || world->traveller_count == TRAVELLERS_MAX)
		abort();
	memcpy(other, original, sizeof *other + original->len);
	world->travellers[world->traveller_count++] =
		(struct traveller){world->travellers[which].to, &other->head};
}

static void wait_ms(struct world *world, timestamp ms)
{
	world->now += ms;
	for (unsigned i = 0; i < SERVERS; i++) {
		turn_handle_timeout(world->servers[i], world->now);
		carry_out(world, i);
	}
}

/* ---- the client ---- */

static void client_input(struct world *world, unsigned path, const uint8_t *bytes, size_t len)
{
	uint8_t frame[PACKET_HEADROOM + 512 + PACKET_TAILROOM];
	unsigned server = world->paths[path].server;
	struct turn_forward forward;
	struct packet packet = {
		.data = frame + PACKET_HEADROOM, .len = len, .frame = frame, .size = sizeof frame};

	memcpy(packet.data, bytes, len);
	if (turn_client_input(world->servers[server], &world->paths[path].tuple,
	                      &world->paths[path], &packet, world->now, &forward) != TURN_TO_PEER)
		return;
	struct relay *relay = forward.relay;
	demand(world, relay->holder == server && relay->closed == 0,
	       "sent from a relay of another thread");
	world->is_in_order &= get_u32(packet.data) == world->talked_from++;
}

static void transmit(struct world *world, unsigned path)
{
	if (world->paths[path].is_closed)
		return;
	client_input(world, path, world->sent, world->sent_len);
	carry_out(world, world->paths[path].server);
}

static void begin(struct world *world, struct stun_builder *builder, enum stun_method method)
{
	uint8_t id[STUN_TRANSACTION_ID_SIZE] = {0};

	put_u32(id, ++world->next_id);
	stun_build(builder, world->sent, sizeof world->sent, method, STUN_REQUEST, id);
}

static void finish(struct world *world, struct stun_builder *builder, unsigned path)
{
	if (stun_build_end(builder, &world->sent_len) != OK)
		abort();
	transmit(world, path);
}

static void allocate(struct world *world, unsigned path)
{
	struct stun_builder builder;

	begin(world, &builder, STUN_ALLOCATE);
	stun_put_u32(&builder, STUN_ATTR_REQUESTED_TRANSPORT, 17u << 24);
	if (world->relay_count == 0)
		stun_put(&builder, STUN_ATTR_MOBILITY_TICKET, NULL, 0);
	finish(world, &builder, path);
}

static void bind_channel(struct world *world, unsigned path)
{
	struct transport_addr peer = parse("8.8.8.8", 9000);
	struct stun_builder builder;

	begin(world, &builder, STUN_CHANNEL_BIND);
	stun_put_u32(&builder, STUN_ATTR_CHANNEL_NUMBER, 0x4000u << 16);
	stun_put_xor_address(&builder, STUN_ATTR_XOR_PEER_ADDRESS, &peer);
	finish(world, &builder, path);
}

static void refresh(struct world *world, unsigned path, bool with_ticket, bool deletes)
{
	struct stun_builder builder;

	if (with_ticket && !world->has_ticket)
		return;
	begin(world, &builder, STUN_REFRESH);
	if (with_ticket)
		stun_put(&builder, STUN_ATTR_MOBILITY_TICKET, world->ticket, TICKET_SIZE);
	if (deletes)
		stun_put_u32(&builder, STUN_ATTR_LIFETIME, 0);
	world->has_success = false;
	finish(world, &builder, path);
}

static void talk(struct world *world, unsigned path)
{
	uint8_t bytes[8] = {0};

	if (world->paths[path].is_closed)
		return;
	channel_data_put(bytes, 0x4000, 4);
	put_u32(bytes + 4, world->talked++);
	client_input(world, path, bytes, sizeof bytes);
	carry_out(world, world->paths[path].server);
}

static void close_path(struct world *world, unsigned path)
{
	world->paths[path].is_closed = true;
	turn_path_closed(world->servers[world->paths[path].server], &world->paths[path].tuple, NULL,
	                 world->now);
	carry_out(world, world->paths[path].server);
}

static void do_deed(struct world *world, unsigned deed)
{
	unsigned path = deed & 0xF;

	switch (deed & 0xF0) {
	case SHOW:
		refresh(world, path, true, false);
		break;
	case AGAIN:
		transmit(world, path);
		break;
	case TALK:
		talk(world, path);
		break;
	case CLOSE:
		close_path(world, path);
		break;
	case DELETE:
		refresh(world, path, false, true);
		break;
	case RENEW:
		refresh(world, path, false, false);
		break;
	case ALLOCATE:
		allocate(world, path);
		break;
	}
}

/* ---- what must hold ---- */

static bool is_owner(const struct world *world, unsigned server)
{
	size_t position = 0;
	const struct turn_allocation *allocation;

	while ((allocation = hash_table_next(&world->servers[server]->mobile, &position)) != NULL)
		if (allocation->id == world->id)
			return true;
	return false;
}

static unsigned count_owners(const struct world *world)
{
	unsigned owners = 0;

	for (unsigned i = 0; i < SERVERS; i++)
		owners += is_owner(world, i);
	for (unsigned i = 0; i < world->traveller_count; i++)
		owners += is_delivery(world, i);
	return owners;
}

static size_t count_arrivals(const struct world *world)
{
	size_t arrivals = 0;

	for (unsigned i = 0; i < SERVERS; i++)
		arrivals += world->servers[i]->arrivals_by_tuple.count;
	return arrivals;
}

static uint64_t level(const struct world *world, enum counter counter)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SERVERS; i++)
		sum += counter_read(&world->counters[i], counter);
	return sum;
}

/* Wherever it is: by this a drain knows when to end. */
static uint64_t not_ended(const struct world *world)
{
	return level(world, COUNT_allocations_created) - level(world, COUNT_allocations_expired) -
	       level(world, COUNT_allocations_deleted);
}

/* The peer speaks. */
static void check_way_down(struct world *world, struct relay *relay)
{
	uint8_t frame[PACKET_HEADROOM + 8 + PACKET_TAILROOM] = {0};
	struct packet packet = {.data = frame + PACKET_HEADROOM,
	                        .len = 4,
	                        .frame = frame,
	                        .size = sizeof frame,
	                        .src = parse("8.8.8.8", 9000)};
	struct turn_forward forward;

	if (relay->allocation == NULL || relay->closed || relay->holder == IN_TRANSIT)
		return;
	if (turn_peer_input(world->servers[relay->holder], relay->allocation, &packet, world->now,
	                    &forward) != TURN_TO_CLIENT)
		return;
	const struct path *path = forward.path;
	demand(world, !path->is_closed && path->server == relay->holder,
	       "a peer's packet to a path that is not there");
}

static void check(struct world *world)
{
	const struct relay *relay = &world->relays[0];
	unsigned in_transit = 0;

	for (unsigned i = 0; i < world->traveller_count; i++)
		in_transit += is_delivery(world, i);
	demand(world, count_owners(world) == (relay->closed ? 0 : 1), "not one owner");
	demand(world, relay->closed || (relay->holder == IN_TRANSIT) == (in_transit == 1),
	       "the relay is not with its owner");
	demand(world,
	       level(world, COUNT_allocations_now) + in_transit ==
	               world->relay_count - relay->closed - world->relays[1].closed,
	       "allocations_now is not what there is");
	demand(world,
	       not_ended(world) == world->relay_count - relay->closed - world->relays[1].closed,
	       "what was made and has not ended is not what there is");
	demand(world, (uint64_t)world->places == level(world, COUNT_allocations_now) + in_transit,
	       "places in the quotas are not those of allocations");
	for (unsigned i = 0; i < world->relay_count; i++)
		check_way_down(world, &world->relays[i]);
}

/* Nothing is lost any more; the client shows what it has from somewhere new. */
static void check_client_comes_back(struct world *world)
{
	bool was_there = !world->relays[0].closed;

	refresh(world, 4, true, false);
	arrive_all(world);
	demand(world, !was_there || world->has_success, "the client cannot come back");
	if (!was_there)
		return;
	talk(world, 4);
	arrive_all(world);
	check(world);
	demand(world, turn_has_session(world->servers[1], &world->paths[4].tuple),
	       "it is not where it came back to");
	demand(world, counter_read(&world->counters[1], COUNT_peer_packets_out) > 0,
	       "its data do not reach the peer");
}

static void check_nothing_is_left(struct world *world)
{
	for (unsigned i = 0; i < 3; i++)
		wait_ms(world, 2 * LIFETIME_S * MS_PER_S);
	for (unsigned i = 0; i < world->relay_count; i++)
		demand(world, world->relays[i].closed == 1, "a relay was not closed once");
	for (unsigned i = 0; i < SERVERS; i++) {
		demand(world, turn_next_timeout(world->servers[i]) == TIMESTAMP_NEVER,
		       "a timer is left");
		demand(world,
		       world->servers[i]->mobile.count == 0 &&
		               world->servers[i]->arrivals_by_allocation.count == 0 &&
		               world->servers[i]->arrivals_by_tuple.count == 0 &&
		               world->servers[i]->allocations.count == 0,
		       "an entry is left");
	}
	demand(world,
	       level(world, COUNT_allocations_now) == 0 && level(world, COUNT_channels_now) == 0 &&
	               level(world, COUNT_permissions_now) == 0 &&
	               level(world, COUNT_sessions_now) == 0,
	       "a level is not zero");
	demand(world, not_ended(world) == 0, "an allocation has ended without being counted");
}

/* ---- runs ---- */

/* One of count values: the one that the run is to have here, 0 where it is new. */
static unsigned choose(struct world *world, unsigned count)
{
	struct choices *choices = world->choices;
	unsigned at = choices->used++;

	if (at >= CHOICES_MAX)
		abort();
	choices->count[at] = count;
	return choices->value[at];
}

/* True when there is a next run. */
static bool next_run(struct choices *choices)
{
	unsigned at = choices->used;

	memset(choices->value + at, 0, (CHOICES_MAX - at) * sizeof choices->value[0]);
	while (at > 0 && choices->value[at - 1] + 1 == choices->count[at - 1])
		choices->value[--at] = 0;
	if (at > 0)
		choices->value[at - 1]++;
	choices->used = 0;
	return at > 0;
}

/* A step is: the client's next deed, a message arrives, or, once in a run, a message is lost, doubled or
 * held while time passes. */
static void step(struct world *world, const unsigned char **deed, bool *is_faulty)
{
	unsigned deeds = **deed != END, messages = world->traveller_count;
	unsigned faults = *is_faulty ? 0 : 2 * messages + 1;
	unsigned choice = choose(world, deeds + messages + faults);

	if (choice < messages) {
		arrive(world, choice);
		return;
	}
	choice -= messages;
	if (choice < deeds) {
		do_deed(world, *(*deed)++);
		return;
	}
	choice -= deeds;
	*is_faulty = true;
	if (choice == 0)
		wait_ms(world, 11 * MS_PER_S);
	else if (is_delivery(world, (choice - 1) / 2))
		return; /* it is not a message that can be lost or copied */
	else if (choice % 2)
		lose(world, (choice - 1) / 2);
	else
		copy(world, (choice - 1) / 2);
}

static const char *play(const struct story *story, struct peer_filter *filter,
                        struct choices *choices)
{
	const unsigned char *deed = story->deeds;
	struct world world;
	bool is_faulty = false;

	world_init(&world, filter, choices);
	allocate(&world, 0);
	bind_channel(&world, 0);
	world.id = world.relays[0].allocation->id;
	while (world.fault == NULL && (*deed != END || world.traveller_count > 0)) {
		step(&world, &deed, &is_faulty);
		check(&world);
	}
	if (is_faulty)
		wait_ms(&world, 11 * MS_PER_S); /* whoever waits in vain knows it */
	arrive_all(&world);
	demand(&world, is_faulty || count_arrivals(&world) <= 1, "it is awaited twice");
	if (world.fault == NULL)
		check_client_comes_back(&world);
	if (world.fault == NULL)
		check_nothing_is_left(&world);
	world_deinit(&world);
	return world.fault;
}

/* What is sent while the allocation is on its way reaches the peer, in order and up to a bound. */
static void test_kept(struct peer_filter *filter)
{
	enum { SENT = 70, KEPT = 64 };
	struct choices choices = {.used = 0};
	struct world world;

	world_init(&world, filter, &choices);
	allocate(&world, 0);
	bind_channel(&world, 0);
	world.id = world.relays[0].allocation->id;
	refresh(&world, 1, true, false);
	arrive_all(&world);
	for (unsigned i = 0; i < SENT; i++)
		talk(&world, 1);
	is_int(counter_read(&world.counters[1], COUNT_drop_moving), SENT - KEPT,
	       "beyond the bound nothing is kept");
	is_int(counter_read(&world.counters[1], COUNT_peer_packets_out), 0, "nothing left yet");
	allocate(&world, 1);
	ok(!world.has_success && world.relay_count == 2 && world.relays[1].closed == 1,
	   "nor does an Allocate take its place");
	arrive_all(&world);
	is_int(counter_read(&world.counters[1], COUNT_peer_packets_out), KEPT,
	       "what was kept leaves when it is there");
	ok(world.is_in_order && world.talked_from == KEPT, "in the order in which it came");
	talk(&world, 1);
	is_int(counter_read(&world.counters[1], COUNT_peer_packets_out), KEPT + 1,
	       "and what follows");
	world.talked_from = world.talked;
	refresh(&world, 1, false, true);
	check_nothing_is_left(&world);
	ok(world.fault == NULL, "%s", world.fault ? world.fault : "nothing is left");
	world_deinit(&world);
}

/* One piece of memory cannot be had, each of those in turn that a move takes. */
static void test_memory(struct peer_filter *filter, bool breaks)
{
	unsigned tries = 0, stayed = 0, ended = 0, moved = 0;
	struct choices choices = {.used = 0};
	const char *fault = NULL;
	struct world world;
	bool was_needed = true;

	while (was_needed && fault == NULL) {
		world_init(&world, filter, &choices);
		allocate(&world, 0);
		bind_channel(&world, 0);
		world.id = world.relays[0].allocation->id;
		fails_at = ++tries;
		refresh(&world, 1, true, false);
		arrive_all(&world);
		if (breaks)
			close_path(&world, 0);
		if (world.has_success)
			talk(&world, 1);
		arrive_all(&world);
		was_needed = fails_at == 0;
		fails_at = 0;
		demand(&world, count_owners(&world) <= 1, "two owners");
		stayed += is_owner(&world, 0);
		moved += is_owner(&world, 1);
		ended += count_owners(&world) == 0;
		if (count_owners(&world) == 1)
			check(&world);
		wait_ms(&world, 11 * MS_PER_S); /* whoever waits in vain knows it */
		if (!world.has_success)
			transmit(&world, 1); /* as clients do */
		arrive_all(&world);
		if (count_owners(&world) == 1)
			check_client_comes_back(&world);
		check_nothing_is_left(&world);
		fault = world.fault;
		world_deinit(&world);
	}
	ok(fault == NULL, "out of memory%s: %u times: %u stayed, %u moved, %u ended%s%s",
	   breaks ? " as the old path breaks" : "", tries, stayed, moved, ended, fault ? ": " : "",
	   fault ? fault : "");
	ok(stayed > 0 && moved > 0 && ended > 0, "each of which happens");
}

static void print_run(const struct choices *choices)
{
	printf("# choices:");
	for (unsigned i = 0; i < choices->used; i++)
		printf(" %u/%u", choices->value[i], choices->count[i]);
	printf("\n");
}

static void test_story(const struct story *story, struct peer_filter *filter)
{
	struct choices choices = {.used = 0};
	unsigned runs = 0;
	const char *fault;

	do {
		fault = play(story, filter, &choices);
		if (fault != NULL)
			print_run(&choices);
	} while (++runs < RUNS_MAX && fault == NULL && next_run(&choices));
	ok(fault == NULL && runs < RUNS_MAX, "%s: %u runs%s%s", story->name, runs,
	   fault ? ": " : "", fault ? fault : "");
}

int main(void)
{
	static const struct story stories[] = {
		{"a client moves and talks", {SHOW | 1, TALK | 1, TALK | 1}},
		{"its answer comes late", {SHOW | 1, AGAIN | 1, TALK | 1}},
		{"its old connection breaks before", {CLOSE | 0, SHOW | 1, TALK | 1}},
		{"its old connection breaks after", {SHOW | 1, CLOSE | 0, TALK | 1}},
		{"both break", {SHOW | 1, CLOSE | 1, CLOSE | 0}},
		{"the new one breaks in use", {SHOW | 1, TALK | 1, CLOSE | 1}},
		{"it moves twice", {SHOW | 1, SHOW | 2, TALK | 2}},
		{"it moves on before it is there", {SHOW | 1, TALK | 1, SHOW | 2, TALK | 2}},
		{"it changes its mind", {SHOW | 1, SHOW | 3, TALK | 1, TALK | 3}},
		{"it deletes on the old 5-tuple", {SHOW | 1, DELETE | 0, TALK | 1}},
		{"it deletes on the new 5-tuple", {SHOW | 1, DELETE | 1}},
		{"it stays", {SHOW | 1, RENEW | 0, TALK | 0}},
		{"it allocates there", {SHOW | 1, ALLOCATE | 1, TALK | 1}},
	};
	struct peer_filter_settings peers = {.listener_count = 0};
	struct peer_filter *filter;

	if (peer_filter_create(&peers, &filter) != OK)
		abort();
	test_kept(filter);
	test_memory(filter, false);
	test_memory(filter, true);
	for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++)
		test_story(&stories[i], filter);
	peer_filter_destroy(filter);
	return tap_end();
}
