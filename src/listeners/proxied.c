/* Clients of one UDP socket who come through proxies. Reading a header is left to proxy_protocol.c.
 *
 * A client is kept while datagrams of it come, and for as long as the host has a session with it. When there
 * are too many, a new one takes the place of the one without a session that was silent longest: whoever
 * forges sources behind a proxy drives out nobody else, and takes no place of other sockets' clients. */
#include "listeners/proxied.h"

#include <stdlib.h>

#include "base/hash_table.h"
#include "base/list.h"
#include "base/random.h"
#include "base/timestamp.h"
#include "listeners/proxy_protocol.h"

enum { LOOKS = 256 }; /* clients looked at before others have a turn */

struct proxied {
	const struct listener_host *host;
	struct transport_addr server;
	struct hash_table clients; /* owned: by their address */
	uint64_t hash_seed;
	struct list by_silence; /* of proxied_client.node, who was silent longest first */
	struct timer timer;
};

struct proxied_client {
	struct transport_addr addr, proxy;
	struct list node;
	timestamp active_at;
};

static struct proxied_client *find(const struct proxied *proxied,
                                   const struct transport_addr *addr);
static struct proxied_client *create(struct proxied *proxied, const struct transport_addr *addr);
static void destroy(struct proxied *proxied, struct proxied_client *client);
static void arm(struct proxied *proxied);
static void forget(struct proxied *proxied, timestamp now, unsigned wanted);
static void on_timer(struct timer *timer, timestamp now);

bool proxy_is_trusted(const struct listener_host *host, const struct transport_addr *addr)
{
	for (size_t i = 0; i < host->proxy_count; i++)
		if (addr_range_contains(&host->proxies[i], addr))
			return true;
	return false;
}

enum err proxied_create(const struct listener_host *host, const struct transport_addr *server,
                        struct proxied **result)
{
	struct proxied *proxied = calloc(1, sizeof *proxied);

	if (proxied == NULL)
		return ERR_NO_MEMORY;
	proxied->host = host;
	proxied->server = *server;
	hash_table_init(&proxied->clients);
	random_bytes(&proxied->hash_seed, sizeof proxied->hash_seed);
	list_init(&proxied->by_silence);
	*result = proxied;
	return OK;
}

void proxied_destroy(struct proxied *proxied)
{
	if (proxied == NULL)
		return;
	LIST_FOR_EACH (node, &proxied->by_silence)
		destroy(proxied, CONTAINER_OF(node, struct proxied_client, node));
	timer_cancel(proxied->host->timers, &proxied->timer);
	hash_table_deinit(&proxied->clients);
	free(proxied);
}

static bool drop(const struct proxied *proxied, enum counter counter)
{
	counter_add(proxied->host->counters, counter, 1);
	return false;
}

bool proxied_input(struct proxied *proxied, struct packet *packet, timestamp now)
{
	struct proxy_header header;
	struct proxied_client *client;

	if (!proxy_is_trusted(proxied->host, &packet->src))
		return drop(proxied, COUNT_proxies_refused);
	if (proxy_header_of_datagram(packet->data, packet->len, &header) != OK)
		return drop(proxied, COUNT_proxy_header_errors);
	if (!header.has_client)
		header.client = packet->src; /* the proxy asks for itself */
	client = find(proxied, &header.client);
	if (client == NULL)
		client = create(proxied, &header.client);
	if (client == NULL)
		return drop(proxied, COUNT_drop_proxied_full);
	client->proxy = packet->src;
	client->active_at = now;
	list_remove(&client->node);
	list_append(&proxied->by_silence, &client->node);
	packet_pull(packet, header.len);
	packet->src = header.client;
	return true;
}

const struct transport_addr *proxied_route(const struct proxied *proxied,
                                           const struct transport_addr *client)
{
	const struct proxied_client *found = find(proxied, client);

	return found != NULL ? &found->proxy : NULL;
}

/* ---- the clients ---- */

static bool has_addr(const void *item, const void *key)
{
	return addr_equal(&((const struct proxied_client *)item)->addr, key);
}

static uint64_t hash(const struct proxied *proxied, const struct transport_addr *addr)
{
	return addr_hash(addr, proxied->hash_seed);
}

static struct proxied_client *find(const struct proxied *proxied, const struct transport_addr *addr)
{
	return hash_table_find(&proxied->clients, hash(proxied, addr), has_addr, addr);
}

static bool is_full(const struct proxied *proxied)
{
	return proxied->clients.count >= proxied->host->endpoints_max;
}

/* NULL when there are too many, or out of memory. */
static struct proxied_client *create(struct proxied *proxied, const struct transport_addr *addr)
{
	struct proxied_client *client;

	if (is_full(proxied))
		forget(proxied, TIMESTAMP_NEVER, 1);
	if (is_full(proxied))
		return NULL;
	client = calloc(1, sizeof *client);
	if (client == NULL)
		return NULL;
	client->addr = *addr;
	client->active_at = timestamp_now();
	if (hash_table_insert(&proxied->clients, hash(proxied, addr), client) != OK) {
		free(client);
		return NULL;
	}
	list_append(&proxied->by_silence, &client->node);
	counter_add(proxied->host->counters, COUNT_proxied_clients_now, 1);
	if (!timer_is_set(&proxied->timer))
		arm(proxied);
	return client;
}

static void destroy(struct proxied *proxied, struct proxied_client *client)
{
	counter_sub(proxied->host->counters, COUNT_proxied_clients_now, 1);
	hash_table_remove(&proxied->clients, hash(proxied, &client->addr), client);
	list_remove(&client->node);
	free(client);
}

/* ---- time ---- */

static struct proxied_client *most_silent(const struct proxied *proxied)
{
	struct list *node = list_first(&proxied->by_silence);

	return node != NULL ? CONTAINER_OF(node, struct proxied_client, node) : NULL;
}

static timestamp deadline(const struct proxied *proxied, const struct proxied_client *client)
{
	return client->active_at + (timestamp)proxied->host->idle_timeout_s * 1000;
}

static void arm(struct proxied *proxied)
{
	const struct proxied_client *client = most_silent(proxied);

	if (client != NULL)
		timer_set(proxied->host->timers, &proxied->timer, deadline(proxied, client),
		          on_timer);
}

static bool has_session(const struct proxied *proxied, const struct proxied_client *client)
{
	static const uint8_t transports[] = {TRANSPORT_UDP, TRANSPORT_DTLS};
	const struct listener_host *host = proxied->host;
	struct five_tuple tuple = {.client = client->addr, .server = proxied->server};

	for (size_t i = 0; i < sizeof transports; i++) {
		tuple.transport = transports[i];
		if (host->has_session(host->context, &tuple))
			return true;
	}
	return false;
}

/* Forgets up to so many clients without a session, of those whose deadline has come. */
static void forget(struct proxied *proxied, timestamp now, unsigned wanted)
{
	for (int i = 0; i < LOOKS && wanted > 0; i++) {
		struct proxied_client *client = most_silent(proxied);

		if (client == NULL || deadline(proxied, client) > now)
			break;
		if (has_session(proxied, client)) {
			client->active_at = timestamp_now();
			list_remove(&client->node);
			list_append(&proxied->by_silence, &client->node);
		} else {
			destroy(proxied, client);
			wanted--;
		}
	}
}

static void on_timer(struct timer *timer, timestamp now)
{
	struct proxied *proxied = CONTAINER_OF(timer, struct proxied, timer);

	forget(proxied, now, LOOKS);
	arm(proxied);
}
