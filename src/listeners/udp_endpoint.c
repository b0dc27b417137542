/* Client endpoints: their life, and what is not for them. Sorting what arrives is left to
 * datagrams.c.
 *
 *   door: open ─► adopt ─► datagrams ─► silence, no session ─► ended
 *
 * Before connect() was done the socket was one of many on its address, and the kernel may have put
 * datagrams of any client into it. */
#include "listeners/udp_endpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hash_table.h"
#include "base/list.h"
#include "base/random.h"
#include "base/timestamp.h"
#include "listeners/datagrams.h"
#include "listeners/socket.h"

enum { BUFFER_SIZE_DEFAULT = 1024 * 1024 }; /* of one client's burst, not of all clients' */

struct udp_endpoints {
	struct hash_table clients; /* owned: endpoints by their client's address */
	uint64_t hash_seed;
	struct datagrams datagrams;
};

struct udp_endpoint {
	struct path path;
	struct udp_endpoints *endpoints;
	struct io_socket *socket; /* owned */
	struct five_tuple tuple;
	void *guest; /* the host's */
	struct timer timer;
	timestamp active_at; /* the last datagram */
};

static void path_send(struct path *path, const struct packet *packet,
                      const struct transport_addr *dst);
static void path_close(struct path *path);
static enum err insert(struct udp_endpoint *endpoint);
static void remove_endpoint(struct udp_endpoint *endpoint);
static void on_receive(void *owner, struct packet *packets, size_t n);
static void on_timer(struct timer *timer, timestamp now);
static void end(struct udp_endpoint *endpoint);

static const struct path_ops endpoint_path = {.send = path_send, .close = path_close};

enum err udp_endpoints_create(const struct listener_host *host, const struct transport_addr *server,
                              bool serve_udp, struct udp_endpoints **result)
{
	struct udp_endpoints *endpoints = calloc(1, sizeof *endpoints);
	enum err err;

	if (endpoints == NULL)
		return ERR_NO_MEMORY;
	hash_table_init(&endpoints->clients);
	random_bytes(&endpoints->hash_seed, sizeof endpoints->hash_seed);
	err = datagrams_init(&endpoints->datagrams, host, server, serve_udp);
	if (err != OK) {
		free(endpoints);
		return err;
	}
	*result = endpoints;
	return OK;
}

void udp_endpoints_destroy(struct udp_endpoints *endpoints)
{
	struct udp_endpoint *endpoint;
	size_t position;

	if (endpoints == NULL)
		return;
	datagrams_deinit(&endpoints->datagrams);
	while (position = 0, endpoint = hash_table_next(&endpoints->clients, &position),
	       endpoint != NULL)
		end(endpoint);
	hash_table_deinit(&endpoints->clients);
	free(endpoints);
}

enum err udp_endpoints_serve_dtls(struct udp_endpoints *endpoints)
{
	return datagrams_serve_dtls(&endpoints->datagrams);
}

const struct transport_addr *udp_endpoints_addr(const struct udp_endpoints *endpoints)
{
	return &endpoints->datagrams.server;
}

enum err udp_endpoint_open(const struct listener_host *host, const struct five_tuple *tuple,
                           int socket_buffer_size, int *fd)
{
	const struct transport_addr *client = &tuple->client;
	struct transport_addr bound;
	enum err err = socket_open(&tuple->server, SOCK_DGRAM, host->device, fd, &bound);

	if (err != OK)
		return err;
	/* At once, as until then it gets datagrams of others. */
	if (connect(*fd, &client->any, addr_len(client)) != 0) {
		int saved = errno;

		close(*fd);
		errno = saved;
		return ERR_SYSTEM;
	}
	socket_set_buffers(*fd, socket_buffer_size > 0 ? socket_buffer_size : BUFFER_SIZE_DEFAULT);
	return OK;
}

enum err udp_endpoint_adopt(struct udp_endpoints *endpoints, const struct transport_addr *client,
                            int fd, void *guest)
{
	const struct listener_host *host = endpoints->datagrams.host;
	struct udp_endpoint *endpoint;
	enum err err;

	if (counter_read(host->counters, COUNT_endpoints_now) >= host->endpoints_max)
		return ERR_FULL;
	endpoint = calloc(1, sizeof *endpoint);
	if (endpoint == NULL)
		return ERR_NO_MEMORY;
	endpoint->path.ops = &endpoint_path;
	endpoint->endpoints = endpoints;
	endpoint->guest = guest;
	endpoint->active_at = timestamp_now();
	endpoint->tuple = (struct five_tuple){.client = *client,
	                                      .server = endpoints->datagrams.server,
	                                      .transport = TRANSPORT_UDP};
	err = insert(endpoint);
	if (err != OK)
		goto fail_insert;

	const struct io_handler handler = {.receive = on_receive, .owner = endpoint};
	err = io_attach(host->io, fd, addr_family(client), &handler, &endpoint->socket);
	if (err != OK)
		goto fail_attach;
	on_timer(&endpoint->timer, endpoint->active_at); /* sets itself */
	counter_add(host->counters, COUNT_endpoints_now, 1);
	return OK;

fail_attach:
	remove_endpoint(endpoint);
fail_insert:
	free(endpoint);
	return err;
}

static void path_send(struct path *path, const struct packet *packet,
                      const struct transport_addr *dst)
{
	io_send(((struct udp_endpoint *)path)->socket, packet, dst);
}

/* The client may speak DTLS as well; silence ends both. */
static void path_close(struct path *path)
{
	(void)path;
}

/* ---- the clients ---- */

static bool is_of_client(const void *item, const void *key)
{
	const struct udp_endpoint *endpoint = item;

	return addr_equal(&endpoint->tuple.client, key);
}

static uint64_t hash(const struct udp_endpoints *endpoints, const struct transport_addr *client)
{
	return addr_hash(client, endpoints->hash_seed);
}

static enum err insert(struct udp_endpoint *endpoint)
{
	struct udp_endpoints *endpoints = endpoint->endpoints;

	return hash_table_insert(&endpoints->clients, hash(endpoints, &endpoint->tuple.client),
	                         endpoint);
}

static void remove_endpoint(struct udp_endpoint *endpoint)
{
	struct udp_endpoints *endpoints = endpoint->endpoints;

	hash_table_remove(&endpoints->clients, hash(endpoints, &endpoint->tuple.client), endpoint);
}

/* ---- in ---- */

static void input(struct udp_endpoint *endpoint, struct packet *packets, size_t n)
{
	endpoint->active_at = timestamp_now();
	datagrams_input(&endpoint->endpoints->datagrams, &endpoint->path, endpoint->socket, packets,
	                n);
}

bool udp_endpoints_input(struct udp_endpoints *endpoints, struct packet *packet)
{
	struct udp_endpoint *endpoint = hash_table_find(
		&endpoints->clients, hash(endpoints, &packet->src), is_of_client, &packet->src);

	if (endpoint != NULL)
		input(endpoint, packet, 1);
	return endpoint != NULL;
}

static void on_receive(void *owner, struct packet *packets, size_t n)
{
	struct udp_endpoint *endpoint = owner;
	const struct listener_host *host = endpoint->endpoints->datagrams.host;
	size_t first = 0;

	for (size_t i = 0; i < n; i++) {
		if (addr_equal(&packets[i].src, &endpoint->tuple.client))
			continue;
		if (i > first)
			input(endpoint, packets + first, i - first);
		host->stray(host->context, endpoint->guest, &packets[i]);
		first = i + 1;
	}
	if (n > first)
		input(endpoint, packets + first, n - first);
}

/* ---- time ---- */

static bool is_in_use(const struct udp_endpoint *endpoint)
{
	const struct datagrams *datagrams = &endpoint->endpoints->datagrams;

	return datagrams->host->has_session(datagrams->host->context, &endpoint->tuple) ||
	       (datagrams->dtls != NULL &&
	        dtls_server_has(datagrams->dtls, &endpoint->tuple.client));
}

/* The timer is not moved for each datagram: when it expires too early it is set anew. */
static void on_timer(struct timer *timer, timestamp now)
{
	struct udp_endpoint *endpoint = CONTAINER_OF(timer, struct udp_endpoint, timer);
	const struct listener_host *host = endpoint->endpoints->datagrams.host;
	timestamp timeout = (timestamp)host->idle_timeout_s * 1000;

	if (endpoint->active_at + timeout <= now && is_in_use(endpoint))
		endpoint->active_at = now;
	if (endpoint->active_at + timeout > now)
		timer_set(host->timers, timer, endpoint->active_at + timeout, on_timer);
	else
		end(endpoint);
}

/* The host hears of it before the socket is closed: what the client sends from then on meets a door
 * that is about to know. */
static void end(struct udp_endpoint *endpoint)
{
	const struct listener_host *host = endpoint->endpoints->datagrams.host;

	host->closed(host->context, &endpoint->path, &endpoint->tuple);
	host->ended(host->context, endpoint->guest);
	timer_cancel(host->timers, &endpoint->timer);
	remove_endpoint(endpoint);
	io_detach(endpoint->socket);
	counter_sub(host->counters, COUNT_endpoints_now, 1);
	free(endpoint);
}
