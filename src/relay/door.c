/* A listener thread's side of handing clients over: whom it has given to which thread. What relay
 * threads do with them is left to arrivals.c, whether a client is worth it to the core. */
#include "relay/door.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash_table.h"
#include "base/list.h"
#include "base/log.h"
#include "base/random.h"
#include "listeners/udp_endpoint.h"
#include "relay/hand_over.h"
#include "relay/thread.h"

struct guest { /* a UDP or DTLS client that another thread has */
	struct five_tuple tuple;
	struct relay_thread *taker;
};

struct door {
	struct relay_thread *thread;
	struct hash_table guests; /* owned: by 5-tuple */
	uint64_t hash_seed;
	unsigned *arriving; /* owned: for each relay thread the clients on their way to it */
	unsigned last;      /* the relay thread chosen last */
};

static enum err try_endpoint(const struct relay_thread *thread, const struct transport_addr *server,
                             char problem[256]);
static bool hand_over_datagrams(struct door *door, const struct five_tuple *tuple,
                                const struct packet *packet);
static struct relay_thread *choose(struct door *door, enum counter level, unsigned most);
static enum err give(struct door *door, struct relay_thread *taker, const struct five_tuple *tuple,
                     int fd);
static bool count_refused(struct door *door, const struct five_tuple *tuple, const char *reason);
static void refuse(struct relay_thread *thread, struct path *path, struct packet *packet);
static struct guest *guest_find(const struct door *door, const struct five_tuple *tuple);
static struct guest *guest_create(struct door *door, const struct five_tuple *tuple,
                                  struct relay_thread *taker);
static void guest_destroy(struct door *door, struct guest *guest);
static void pass(struct door *door, const struct guest *guest, const struct packet *packet,
                 bool is_first);

enum err door_create(struct relay_thread *thread, struct door **result)
{
	struct door *door = calloc(1, sizeof *door);

	if (door == NULL)
		return ERR_NO_MEMORY;
	door->arriving = calloc(thread->relay->relay_threads, sizeof *door->arriving);
	if (door->arriving == NULL) {
		free(door);
		return ERR_NO_MEMORY;
	}
	door->thread = thread;
	hash_table_init(&door->guests);
	random_bytes(&door->hash_seed, sizeof door->hash_seed);
	*result = door;
	return OK;
}

enum err door_check(const struct relay *relay, char problem[256])
{
	for (unsigned i = 0; i < relay->thread_count; i++) {
		const struct relay_thread *thread = relay->threads[i];

		for (size_t j = 0; j < thread->serving.udp_count && thread->door != NULL; j++)
			if (try_endpoint(thread, udp_listener_addr(thread->serving.udp[j]),
			                 problem) != OK)
				return ERR_SYSTEM;
	}
	return OK;
}

static enum err try_endpoint(const struct relay_thread *thread, const struct transport_addr *server,
                             char problem[256])
{
	const struct five_tuple tuple = {.client = *server, .server = *server};
	char text[ADDR_TEXT_SIZE];
	int fd;

	if (udp_endpoint_open(&thread->host, &tuple, 0, &fd) == OK) {
		close(fd);
		return OK;
	}
	snprintf(problem, 256,
	         "network-engine=dedicated opens a socket on %s for each client: %s: use another "
	         "engine, or a port that proc-user may open",
	         addr_format(server, text), strerror(errno));
	return ERR_SYSTEM;
}

void door_destroy(struct door *door)
{
	struct guest *guest;
	size_t position;

	if (door == NULL)
		return;
	while (position = 0, guest = hash_table_next(&door->guests, &position), guest != NULL)
		guest_destroy(door, guest);
	hash_table_deinit(&door->guests);
	free(door->arriving);
	free(door);
}

/* ---- what its listeners call ---- */

void door_client_input(void *context, struct path *path, const struct five_tuple *tuples,
                       struct packet *packets, size_t n)
{
	struct relay_thread *thread = context;
	struct turn_forward forward;
	timestamp now = timestamp_now();

	for (size_t i = 0; i < n; i++) {
		switch (turn_client_input(thread->server, &tuples[i], path, &packets[i], now,
		                          &forward)) {
		case TURN_HAND_OVER:
			if (hand_over_datagrams(thread->door, &tuples[i], &packets[i]))
				break;
			turn_hand_over_failed(thread->server, &tuples[i], path, &packets[i], now);
			relay_thread_act(thread, now);
			break;
		case TURN_CONSUMED:
		case TURN_DROP: /* of a limit, to be logged */
			relay_thread_act(thread, now);
			break;
		case TURN_TO_PEER: /* nobody has an allocation here */
		case TURN_TO_CLIENT:
			break;
		}
	}
}

static struct five_tuple tuple_of(const struct transport_addr *client,
                                  const struct transport_addr *server, enum transport transport)
{
	return (struct five_tuple){
		.client = *client, .server = *server, .transport = (uint8_t)transport};
}

static bool on_datagram(void *context, const struct transport_addr *server,
                        const struct packet *packet)
{
	struct relay_thread *thread = context;
	struct five_tuple tuple = tuple_of(&packet->src, server, TRANSPORT_UDP);
	struct guest *guest = guest_find(thread->door, &tuple);

	if (guest != NULL)
		pass(thread->door, guest, packet, false);
	return guest != NULL;
}

static void on_dtls_client(void *context, const struct transport_addr *server,
                           const struct packet *packet)
{
	struct relay_thread *thread = context;
	struct five_tuple tuple = tuple_of(&packet->src, server, TRANSPORT_UDP);

	(void)hand_over_datagrams(thread->door, &tuple, packet); /* it repeats its ClientHello */
}

static void on_stream(void *context, const struct transport_addr *server,
                      const struct transport_addr *client, int fd)
{
	struct relay_thread *thread = context;
	struct five_tuple tuple = tuple_of(client, server, TRANSPORT_TCP);
	struct relay_thread *taker =
		choose(thread->door, COUNT_connections_now, thread->host.connections_max);

	if (taker != NULL && give(thread->door, taker, &tuple, fd) == OK)
		return;
	close(fd);
	counter_add(&thread->counters, COUNT_connections_refused, 1);
}

const struct listener_door door_listeners = {
	.pass_on = on_datagram,
	.hand_over = on_dtls_client,
	.hand_over_stream = on_stream,
};

/* ---- handing over ---- */

/* The socket is the client's from connect() on: what the listener reads after that had come before, and
 * is passed on behind the one that led to it. What the client sends meanwhile may overtake it, as
 * datagrams may anywhere. False: there is no place for it. */
static bool hand_over_datagrams(struct door *door, const struct five_tuple *tuple,
                                const struct packet *packet)
{
	int size = (int)door->thread->config->sock_buf_size, fd;
	struct relay_thread *taker =
		choose(door, COUNT_endpoints_now, door->thread->host.endpoints_max);
	struct guest *guest;

	if (taker == NULL)
		return count_refused(door, tuple, "max-endpoints");
	guest = guest_create(door, tuple, taker);
	if (guest == NULL)
		return count_refused(door, tuple, err_string(ERR_NO_MEMORY));
	if (udp_endpoint_open(&door->thread->host, tuple, size, &fd) != OK) {
		guest_destroy(door, guest);
		return count_refused(door, tuple, strerror(errno));
	}
	if (give(door, taker, tuple, fd) != OK) {
		close(fd);
		guest_destroy(door, guest);
		return count_refused(door, tuple, err_string(ERR_NO_MEMORY));
	}
	pass(door, guest, packet, true);
	return true;
}

/* What a thread has or will have to do. Clients and not sessions are counted: who has just come has
 * none yet. The counters of another thread may be a moment old. */
static uint64_t load(const struct door *door, const struct relay_thread *thread)
{
	return counter_read(&thread->counters, COUNT_endpoints_now) +
	       counter_read(&thread->counters, COUNT_connections_now) +
	       door->arriving[thread->index];
}

/* Finds the relay thread with the fewest clients that may have one more; of several, the next behind
 * the one chosen last, so that a server without clients fills evenly. NULL when all are full. Each may have
 * as many as this thread's own host says, since they share a bound evenly: a reload changes theirs. */
static struct relay_thread *choose(struct door *door, enum counter level, unsigned most)
{
	const struct relay *relay = door->thread->relay;
	struct relay_thread *chosen = NULL;

	for (unsigned i = 1; i <= relay->relay_threads; i++) {
		struct relay_thread *thread =
			relay->threads[(door->last + i) % relay->relay_threads];

		if (counter_read(&thread->counters, level) < most &&
		    (chosen == NULL || load(door, thread) < load(door, chosen)))
			chosen = thread;
	}
	if (chosen != NULL)
		door->last = chosen->index;
	return chosen;
}

/* On failure fd stays the caller's. */
static enum err give(struct door *door, struct relay_thread *taker, const struct five_tuple *tuple,
                     int fd)
{
	struct hand_over *letter = calloc(1, sizeof *letter);

	if (letter == NULL)
		return ERR_NO_MEMORY;
	letter->mail.deliver = arrivals_on_hand_over;
	letter->door = door->thread;
	letter->taker = taker;
	letter->tuple = *tuple;
	letter->fd = fd;
	door->arriving[taker->index]++;
	counter_add(&door->thread->counters, COUNT_handed_over, 1);
	mailbox_post(taker->mailbox, &letter->mail);
	return OK;
}

/* Returns false for its caller to. */
static bool count_refused(struct door *door, const struct five_tuple *tuple, const char *reason)
{
	char client[ADDR_TEXT_SIZE];

	counter_add(&door->thread->counters, COUNT_endpoints_refused, 1);
	log_warning("client refused", "client=%s transport=%s reason*=\"%s\"",
	            addr_format(&tuple->client, client), transport_name(tuple->transport), reason);
	return false;
}

/* ---- letters ---- */

void door_on_answer(struct mail *mail, void *receiver)
{
	struct relay_thread *thread = receiver;
	struct hand_over *letter = CONTAINER_OF(mail, struct hand_over, mail);

	thread->door->arriving[letter->taker->index]--;
	if (letter->is_refused)
		guest_destroy(thread->door, guest_find(thread->door, &letter->tuple));
	free(letter);
}

void door_on_departure(struct mail *mail, void *receiver)
{
	struct relay_thread *thread = receiver;
	struct departure *departure = CONTAINER_OF(mail, struct departure, mail);

	guest_destroy(thread->door, guest_find(thread->door, &departure->tuple));
	free(departure);
}

/* One that is drained meets clients that come back from another address. NULL: it has been closed. */
static struct udp_listener *find_listener(const struct relay_thread *thread,
                                          const struct transport_addr *addr)
{
	struct udp_listener *listener = listener_set_udp(&thread->serving, addr);

	return listener != NULL ? listener : listener_set_udp(&thread->drained, addr);
}

/* It is dealt with as if it had just arrived: its client may be another thread's by now. */
void door_on_datagram(struct mail *mail, void *receiver)
{
	struct relay_thread *thread = receiver;
	struct datagram_letter *letter = CONTAINER_OF(mail, struct datagram_letter, mail);

	struct udp_listener *listener = find_listener(thread, &letter->packet.dst);

	if (listener != NULL && !thread->is_ending) {
		if (letter->is_first)
			refuse(thread, udp_listener_path(listener), &letter->packet);
		else
			udp_listener_input(listener, &letter->packet);
	}
	free(letter);
}

/* A relay thread had no place when its client came. Who sent a ClientHello repeats it. */
static void refuse(struct relay_thread *thread, struct path *path, struct packet *packet)
{
	struct five_tuple tuple = tuple_of(&packet->src, &packet->dst, TRANSPORT_UDP);

	turn_hand_over_failed(thread->server, &tuple, path, packet, timestamp_now());
}

static void pass(struct door *door, const struct guest *guest, const struct packet *packet,
                 bool is_first)
{
	struct datagram_letter *letter = datagram_letter_create(
		door->thread, packet, &guest->tuple.server, arrivals_on_datagram);

	if (letter == NULL) {
		counter_add(&door->thread->counters, COUNT_drop_no_memory, 1);
		return;
	}
	letter->is_first = is_first;
	counter_add(&door->thread->counters, COUNT_passed_on, 1);
	mailbox_post(guest->taker->mailbox, &letter->mail);
}

struct datagram_letter *datagram_letter_create(struct relay_thread *door,
                                               const struct packet *packet,
                                               const struct transport_addr *server,
                                               void (*deliver)(struct mail *mail, void *receiver))
{
	size_t size = PACKET_HEADROOM + packet->len + PACKET_TAILROOM;
	struct datagram_letter *letter = calloc(1, sizeof *letter + size);

	if (letter == NULL)
		return NULL;
	letter->mail.deliver = deliver;
	letter->door = door;
	letter->packet = *packet;
	letter->packet.dst = *server;
	letter->packet.frame = letter->frame;
	letter->packet.size = size;
	letter->packet.data = letter->frame + PACKET_HEADROOM;
	memcpy(letter->packet.data, packet->data, packet->len);
	return letter;
}

/* ---- guests ---- */

static bool has_tuple(const void *item, const void *key)
{
	return five_tuple_equal(&((const struct guest *)item)->tuple, key);
}

static struct guest *guest_find(const struct door *door, const struct five_tuple *tuple)
{
	return hash_table_find(&door->guests, five_tuple_hash(tuple, door->hash_seed), has_tuple,
	                       tuple);
}

static struct guest *guest_create(struct door *door, const struct five_tuple *tuple,
                                  struct relay_thread *taker)
{
	struct guest *guest = calloc(1, sizeof *guest);

	if (guest == NULL)
		return NULL;
	guest->tuple = *tuple;
	guest->taker = taker;
	if (hash_table_insert(&door->guests, five_tuple_hash(tuple, door->hash_seed), guest) !=
	    OK) {
		free(guest);
		return NULL;
	}
	return guest;
}

static void guest_destroy(struct door *door, struct guest *guest)
{
	hash_table_remove(&door->guests, five_tuple_hash(&guest->tuple, door->hash_seed), guest);
	free(guest);
}
