/* DTLS at one UDP transport address: which datagram is whose, by the client's address. Clients that have
 * shown no cookie are left to dtls_door.c, engines, timers and paths to dtls_association.c.
 *
 *   datagram ─┬─ of an association ─────────────────► its engine ─► host->input
 *             └─ ClientHello of no one, or of a client that begins anew ─► the door */
#include "listeners/dtls.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/random.h"
#include "listeners/dtls_private.h"

enum { ARENA_SIZE = 32 * DTLS_DATAGRAM_MAX };

static bool client_hello_get(const struct packet *packet, struct dtls_client_hello *hello);
static bool begins_anew(const struct dtls_association *association,
                        const struct dtls_client_hello *hello);

enum err dtls_server_create(const struct listener_host *host, const struct transport_addr *addr,
                            struct dtls_server **result)
{
	struct dtls_server *server = calloc(1, sizeof *server);

	if (server == NULL)
		return ERR_NO_MEMORY;
	server->host = host;
	server->addr = *addr;
	random_bytes(&server->hash_seed, sizeof server->hash_seed);
	hash_table_init(&server->clients);
	if (dtls_door_init(&server->door, host->dtls_cookie_secret) != OK)
		goto fail_door;
	if (engine_bio_method_create(&server->bio_method) != OK)
		goto fail_method;
	if (arena_init(&server->messages, host->io, ARENA_SIZE) != OK)
		goto fail_messages;
	if (arena_init(&server->datagrams, host->io, ARENA_SIZE) != OK)
		goto fail_datagrams;
	*result = server;
	return OK;

fail_datagrams:
	arena_deinit(&server->messages);
fail_messages:
	BIO_meth_free(server->bio_method);
fail_method:
	dtls_door_deinit(&server->door);
fail_door:
	free(server);
	return ERR_NO_MEMORY;
}

void dtls_server_destroy(struct dtls_server *server)
{
	struct dtls_association *association;
	size_t position;

	if (server == NULL)
		return;
	while (position = 0, association = hash_table_next(&server->clients, &position),
	       association != NULL) {
		dtls_association_close(association);
		dtls_association_destroy(association);
	}
	dtls_door_deinit(&server->door);
	io_flush(server->host->io);
	arena_deinit(&server->datagrams);
	arena_deinit(&server->messages);
	BIO_meth_free(server->bio_method);
	hash_table_deinit(&server->clients);
	free(server);
}

void dtls_server_expect_proxies(struct dtls_server *server, const struct proxied *proxied)
{
	server->proxied = proxied;
}

void dtls_server_prepare(SSL_CTX *context)
{
	dtls_door_prepare(context);
}

void dtls_server_input(struct dtls_server *server, struct io_socket *socket,
                       const struct packet *packet)
{
	struct dtls_association *association = dtls_server_find(server, &packet->src);
	struct dtls_client_hello hello;
	bool is_hello = client_hello_get(packet, &hello);

	if (association != NULL && association->state == DTLS_CLOSED) {
		dtls_association_destroy(association);
		association = NULL;
	}
	if (is_hello && (association == NULL || begins_anew(association, &hello))) {
		dtls_door_knock(server, socket, packet, &hello);
		return;
	}
	if (association == NULL) {
		dtls_count(server, COUNT_dtls_stray);
		return;
	}
	dtls_association_input(association, packet);
}

bool dtls_server_has(const struct dtls_server *server, const struct transport_addr *client)
{
	return dtls_server_find(server, client) != NULL;
}

/* RFC 6347 sections 4.1 and 4.2.2: a handshake record of epoch 0 whose message is a ClientHello.
 *
 *   | 22 | 254 minor | epoch | sequence | length | 1 | length | seq | offset | length | version |
 *   0    1           3       5          11       13  14       17    19       22       25
 *   | random | ...
 *   27       59 */
static bool client_hello_get(const struct packet *packet, struct dtls_client_hello *hello)
{
	enum { MAJOR = 1, EPOCH = 3, MESSAGE = 13, RANDOM = 27 };
	const uint8_t *bytes = packet->data;

	if (packet->len <= RANDOM + DTLS_RANDOM_SIZE || bytes[0] != 22 || bytes[MAJOR] != 254 ||
	    get_u16(bytes + EPOCH) != 0 || bytes[MESSAGE] != 1)
		return false;
	hello->random = bytes + RANDOM;
	return true;
}

/* RFC 6347 section 4.2.8: a client that lost its state sends a ClientHello where an association is.
 * That one stays until the new one has proved by its cookie that it comes from there. */
static bool begins_anew(const struct dtls_association *association,
                        const struct dtls_client_hello *hello)
{
	return memcmp(association->client_random, hello->random, DTLS_RANDOM_SIZE) != 0;
}

/* ---- the clients ---- */

static bool is_of_client(const void *item, const void *key)
{
	const struct dtls_association *association = item;

	return addr_equal(&association->tuple.client, key);
}

static uint64_t hash(const struct dtls_server *server, const struct transport_addr *client)
{
	return addr_hash(client, server->hash_seed);
}

struct dtls_association *dtls_server_find(const struct dtls_server *server,
                                          const struct transport_addr *client)
{
	return hash_table_find(&server->clients, hash(server, client), is_of_client, client);
}

enum err dtls_server_insert(struct dtls_server *server, struct dtls_association *association)
{
	return hash_table_insert(&server->clients, hash(server, &association->tuple.client),
	                         association);
}

void dtls_server_remove(struct dtls_server *server, struct dtls_association *association)
{
	hash_table_remove(&server->clients, hash(server, &association->tuple.client), association);
}
