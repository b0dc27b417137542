/* DTLS associations over one UDP listener. The engine is OpenSSL over memory: a datagram is lent to
 * it, and what it writes is copied to where io may send it from at the end of the batch.
 *
 *   datagram ─┬─ of an association ─────────────────► its engine ─► host->input
 *             └─ ClientHello of no one, or of a client that begins anew ─► the door
 *
 *   the door: ClientHello without cookie ─► HelloVerifyRequest, nothing is kept
 *             ClientHello with our cookie ─► the door's engine becomes an association
 *
 *   HANDSHAKE ── Finished ──► OPEN ── close_notify, path.close, silence ──► CLOSED ──► gone
 *       └─────── failed, too late ─────────────────────────────────────────────┘
 *
 * An association never goes away while the host is called: it becomes CLOSED, and its timer or the
 * next datagram of its client destroys it. */
#include "listeners/dtls.h"

#include <openssl/err.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "base/bytes.h"
#include "base/hash_table.h"
#include "base/list.h"
#include "base/log.h"
#include "base/random.h"
#include "base/timestamp.h"
#include "listeners/arena.h"
#include "listeners/demux.h"
#include "listeners/engine_bio.h"
#include "listeners/tls.h"

enum {
	MTU = 1200,            /* of handshake datagrams: passes any path that carries IPv6 */
	PLAINTEXT_MAX = 16384, /* RFC 6347 section 4.1.1 */
	DATAGRAM_MAX = PLAINTEXT_MAX + 13 + 256,
	FRAME_MAX = PACKET_HEADROOM + PLAINTEXT_MAX + PACKET_TAILROOM,
	ARENA_SIZE = 32 * DATAGRAM_MAX,
	COOKIE_SIZE = 32,
	SECRET_SIZE = 32,
	SECRET_LIFETIME_MS = 60 * 1000, /* a cookie is good for one to two of these */
	RANDOM_SIZE = 32,
};

enum dtls_state { DTLS_AT_DOOR, DTLS_HANDSHAKE, DTLS_OPEN, DTLS_CLOSED };

struct dtls_association {
	struct path path;
	struct dtls_server *server;
	struct engine_bio bio;
	SSL *ssl; /* owned */
	struct timer timer;
	struct five_tuple tuple;
	timestamp handshake_deadline;
	timestamp active_at; /* the last message */
	/* Of the ClientHello that began it: tells a retransmission from a client that begins anew. */
	uint8_t client_random[RANDOM_SIZE];
	uint8_t state;
	bool is_known; /* the host has seen this path */
};

struct dtls_server {
	const struct listener_host *host;
	struct transport_addr addr;
	struct io_socket *socket;  /* lent */
	struct hash_table clients; /* owned: associations by the client's address */
	uint64_t hash_seed;
	struct dtls_association *door; /* owned; NULL until a ClientHello comes */
	BIO_ADDR *unused;              /* owned: DTLSv1_listen insists on writing one */
	BIO_METHOD *bio_method;        /* owned */
	struct {
		uint8_t bytes[SECRET_SIZE];
	} secrets[2]; /* of cookies: the present one and the one before */
	timestamp secret_since;
	/* Decrypted messages, and datagrams, that io may still have to send. Two, because a message is
	 * with the host while datagrams are written. */
	struct arena messages, datagrams;
	uint8_t ttl, tos; /* of the message being encrypted */
	struct log_limit failures;
};

struct client_hello { /* the parts that decide who deals with it */
	const uint8_t *random;
};

static struct dtls_association *find(const struct dtls_server *server,
                                     const struct transport_addr *client);
static bool client_hello_get(const struct packet *packet, struct client_hello *hello);
static bool begins_anew(const struct dtls_association *association,
                        const struct client_hello *hello);
static void knock(struct dtls_server *server, const struct packet *packet,
                  const struct client_hello *hello);
static struct dtls_association *door_create(struct dtls_server *server);
static bool is_full(const struct listener_host *host);
static void admit(struct dtls_server *server, const struct client_hello *hello);
static int cookie_make(SSL *ssl, unsigned char *cookie, unsigned int *len);
static int cookie_check(SSL *ssl, const unsigned char *cookie, unsigned int len);
static void run(struct dtls_association *association);
static void handshake(struct dtls_association *association);
static void read_messages(struct dtls_association *association);
static void deliver(struct dtls_association *association, uint8_t *frame, size_t len);
static void failed(struct dtls_association *association);
static bool on_write(struct engine_bio *bio, const uint8_t *bytes, size_t len);
static void path_send(struct path *path, const struct packet *packet,
                      const struct transport_addr *dst);
static void path_close(struct path *path);
static void arm(struct dtls_association *association, timestamp now);
static void on_timer(struct timer *timer, timestamp now);
static void association_close(struct dtls_association *association);
static void association_destroy(struct dtls_association *association);

static const struct path_ops dtls_path = {.send = path_send, .close = path_close};

enum err dtls_server_create(const struct listener_host *host, const struct transport_addr *addr,
                            struct io_socket *socket, struct dtls_server **result)
{
	struct dtls_server *server = calloc(1, sizeof *server);

	if (server == NULL)
		return ERR_NO_MEMORY;
	server->host = host;
	server->addr = *addr;
	server->socket = socket;
	server->failures.per_second = 1;
	server->secret_since = timestamp_now();
	random_bytes(server->secrets, sizeof server->secrets);
	random_bytes(&server->hash_seed, sizeof server->hash_seed);
	hash_table_init(&server->clients);
	server->unused = BIO_ADDR_new();
	if (server->unused == NULL)
		goto fail_address;
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
	BIO_ADDR_free(server->unused);
fail_address:
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
		path_close(&association->path);
		association_destroy(association);
	}
	association_destroy(server->door);
	io_flush(server->host->io);
	arena_deinit(&server->datagrams);
	arena_deinit(&server->messages);
	BIO_meth_free(server->bio_method);
	BIO_ADDR_free(server->unused);
	hash_table_deinit(&server->clients);
	bytes_wipe(server->secrets, sizeof server->secrets);
	free(server);
}

void dtls_server_prepare(SSL_CTX *context)
{
	SSL_CTX_set_cookie_generate_cb(context, cookie_make);
	SSL_CTX_set_cookie_verify_cb(context, cookie_check);
}

void dtls_server_input(struct dtls_server *server, const struct packet *packet)
{
	struct dtls_association *association = find(server, &packet->src);
	struct client_hello hello;
	bool is_hello = client_hello_get(packet, &hello);

	if (association != NULL && association->state == DTLS_CLOSED) {
		association_destroy(association);
		association = NULL;
	}
	if (is_hello && (association == NULL || begins_anew(association, &hello))) {
		knock(server, packet, &hello);
		return;
	}
	if (association == NULL) {
		counter_add(server->host->counters, COUNT_dtls_stray, 1);
		return;
	}
	association->bio.in = packet->data;
	association->bio.in_len = packet->len;
	run(association);
	association->bio.in_len = 0;
}

static timestamp seconds(unsigned n)
{
	return (timestamp)n * 1000;
}

static void count(const struct dtls_server *server, enum counter counter)
{
	counter_add(server->host->counters, counter, 1);
}

static bool is_of_client(const void *item, const void *key)
{
	const struct dtls_association *association = item;

	return addr_equal(&association->tuple.client, key);
}

static uint64_t hash(const struct dtls_server *server, const struct transport_addr *client)
{
	return addr_hash(client, server->hash_seed);
}

static struct dtls_association *find(const struct dtls_server *server,
                                     const struct transport_addr *client)
{
	return hash_table_find(&server->clients, hash(server, client), is_of_client, client);
}

/* RFC 6347 sections 4.1 and 4.2.2: a handshake record of epoch 0 whose message is a ClientHello.
 *
 *   | 22 | 254 minor | epoch | sequence | length | 1 | length | seq | offset | length | version |
 *   0    1           3       5          11       13  14       17    19       22       25
 *   | random | ...
 *   27       59 */
static bool client_hello_get(const struct packet *packet, struct client_hello *hello)
{
	enum { MAJOR = 1, EPOCH = 3, MESSAGE = 13, RANDOM = 27, LEAST = RANDOM + RANDOM_SIZE + 1 };
	const uint8_t *bytes = packet->data;

	if (packet->len < LEAST || bytes[0] != 22 || bytes[MAJOR] != 254 ||
	    get_u16(bytes + EPOCH) != 0 || bytes[MESSAGE] != 1)
		return false;
	hello->random = bytes + RANDOM;
	return true;
}

/* RFC 6347 section 4.2.8: a client that lost its state sends a ClientHello where an association is.
 * That one stays until the new one has proved by its cookie that it comes from there. */
static bool begins_anew(const struct dtls_association *association,
                        const struct client_hello *hello)
{
	return memcmp(association->client_random, hello->random, RANDOM_SIZE) != 0;
}

/* ---- the door ---- */

/* One engine meets all who have not shown a cookie yet, and forgets each at the next. */
static void knock(struct dtls_server *server, const struct packet *packet,
                  const struct client_hello *hello)
{
	int result;

	if (server->door == NULL)
		server->door = door_create(server);
	if (server->door == NULL) {
		count(server, COUNT_drop_no_memory);
		return;
	}
	server->door->tuple.client = packet->src;
	server->door->bio.in = packet->data;
	server->door->bio.in_len = packet->len;
	ERR_clear_error();
	result = DTLSv1_listen(server->door->ssl, server->unused);
	server->door->bio.in_len = 0;
	ERR_clear_error();
	if (result == 1) {
		admit(server, hello);
	} else if (result < 0) {
		association_destroy(server->door);
		server->door = NULL;
	}
}

static struct dtls_association *door_create(struct dtls_server *server)
{
	struct dtls_association *door = calloc(1, sizeof *door);
	BIO *bio;

	if (door == NULL)
		return NULL;
	door->path.ops = &dtls_path;
	door->server = server;
	door->tuple.server = server->addr;
	door->tuple.transport = TRANSPORT_DTLS;
	door->bio.is_datagram = true;
	door->bio.write = on_write;
	door->ssl = SSL_new(server->host->dtls);
	bio = engine_bio_create(server->bio_method, &door->bio);
	if (door->ssl == NULL || bio == NULL) {
		BIO_free(bio);
		association_destroy(door);
		return NULL;
	}
	SSL_set_bio(door->ssl, bio, bio);
	SSL_set_app_data(door->ssl, door);
	SSL_set_accept_state(door->ssl);
	SSL_set_mode(door->ssl, SSL_MODE_RELEASE_BUFFERS);
	SSL_set_options(door->ssl, SSL_OP_NO_QUERY_MTU);
	SSL_set_mtu(door->ssl, MTU);
	return door;
}

/* The levels are those of the thread's counters: its listeners share the bounds. */
static bool is_full(const struct listener_host *host)
{
	return counter_read(host->counters, COUNT_dtls_sessions_now) >= host->dtls_sessions_max ||
	       counter_read(host->counters, COUNT_dtls_half_open_now) >= host->dtls_half_open_max;
}

/* The client is where it says: the door's engine becomes its association. */
static void admit(struct dtls_server *server, const struct client_hello *hello)
{
	struct dtls_association *association = server->door;
	struct dtls_association *old = find(server, &association->tuple.client);

	/* The one that it replaces makes room for it. */
	association_destroy(old);
	if (is_full(server->host)) {
		count(server, COUNT_dtls_refused);
		return;
	}
	if (hash_table_insert(&server->clients, hash(server, &association->tuple.client),
	                      association) != OK) {
		count(server, COUNT_drop_no_memory);
		return;
	}
	server->door = NULL;
	association->state = DTLS_HANDSHAKE;
	memcpy(association->client_random, hello->random, RANDOM_SIZE);
	association->handshake_deadline =
		timestamp_now() + seconds(server->host->handshake_timeout_s);
	count(server, COUNT_dtls_sessions_now);
	count(server, COUNT_dtls_half_open_now);
	run(association);
}

/* ---- cookies ---- */

static void secrets_rotate(struct dtls_server *server, timestamp now)
{
	timestamp age = now - server->secret_since;

	if (age < SECRET_LIFETIME_MS)
		return;
	server->secrets[1] = server->secrets[0];
	random_bytes(&server->secrets[0], sizeof server->secrets[0]);
	if (age >= 2 * SECRET_LIFETIME_MS)
		random_bytes(&server->secrets[1], sizeof server->secrets[1]);
	server->secret_since = now;
}

/* RFC 6347 section 4.2.1: HMAC(secret, client's address). */
static bool cookie_of(const struct dtls_association *association, int generation,
                      uint8_t cookie[COOKIE_SIZE])
{
	const struct transport_addr *client = &association->tuple.client;
	uint8_t text[16 + 2];
	size_t ip_len;
	const uint8_t *ip = addr_ip(client, &ip_len);
	unsigned len = COOKIE_SIZE;

	memcpy(text, ip, ip_len);
	put_u16(text + ip_len, addr_port(client));
	return HMAC(EVP_sha256(), association->server->secrets[generation].bytes, SECRET_SIZE, text,
	            ip_len + 2, cookie, &len) != NULL;
}

static int cookie_make(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	const struct dtls_association *association = SSL_get_app_data(ssl);

	secrets_rotate(association->server, timestamp_now());
	*len = COOKIE_SIZE;
	return cookie_of(association, 0, cookie);
}

static int cookie_check(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	const struct dtls_association *association = SSL_get_app_data(ssl);
	uint8_t ours[COOKIE_SIZE];
	bool is_ours = false;

	secrets_rotate(association->server, timestamp_now());
	for (int generation = 0; generation < 2 && len == COOKIE_SIZE; generation++)
		if (cookie_of(association, generation, ours))
			is_ours |= bytes_equal_secret(ours, cookie, COOKIE_SIZE);
	return is_ours;
}

/* ---- an association ---- */

static void run(struct dtls_association *association)
{
	if (association->state == DTLS_HANDSHAKE)
		handshake(association);
	if (association->state == DTLS_OPEN)
		read_messages(association);
	if (association->state != DTLS_CLOSED)
		arm(association, timestamp_now());
}

static void opened(struct dtls_association *association)
{
	struct dtls_server *server = association->server;

	association->state = DTLS_OPEN;
	association->active_at = timestamp_now();
	timer_cancel(server->host->timers, &association->timer);
	counter_sub(server->host->counters, COUNT_dtls_half_open_now, 1);
	count(server, COUNT_dtls_handshakes);
}

static void handshake(struct dtls_association *association)
{
	ERR_clear_error();
	int result = SSL_do_handshake(association->ssl);

	if (result == 1)
		opened(association);
	else if (SSL_get_error(association->ssl, result) != SSL_ERROR_WANT_READ)
		failed(association);
}

/* A datagram may hold several records, and a record is a message. */
static void read_messages(struct dtls_association *association)
{
	struct arena *arena = &association->server->messages;
	int result = 1;
	size_t len;

	while (association->state == DTLS_OPEN) {
		uint8_t *frame = arena_room(arena, FRAME_MAX);

		ERR_clear_error();
		result =
			SSL_read_ex(association->ssl, frame + PACKET_HEADROOM, PLAINTEXT_MAX, &len);
		if (result != 1)
			break;
		arena_keep(arena, PACKET_HEADROOM + len + PACKET_TAILROOM);
		deliver(association, frame, len);
	}
	if (result == 1)
		return; /* the host has closed it */
	switch (SSL_get_error(association->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return;
	case SSL_ERROR_ZERO_RETURN:
		path_close(&association->path);
		return;
	default:
		failed(association);
	}
}

static void deliver(struct dtls_association *association, uint8_t *frame, size_t len)
{
	const struct listener_host *host = association->server->host;
	struct packet packet = {
		.data = frame + PACKET_HEADROOM,
		.len = len,
		.frame = frame,
		.size = PACKET_HEADROOM + len + PACKET_TAILROOM,
		.src = association->tuple.client,
		.dst = association->tuple.server,
	};
	enum demux kind = demux_datagram(packet.data[0]);

	if (kind != DEMUX_STUN && kind != DEMUX_CHANNEL_DATA) {
		count(association->server, COUNT_drop_malformed);
		return;
	}
	association->is_known = true;
	association->active_at = timestamp_now();
	host->input(host->context, &association->path, &association->tuple, &packet, 1);
}

static void failed(struct dtls_association *association)
{
	struct dtls_server *server = association->server;
	char client[ADDR_TEXT_SIZE], reason[TLS_REASON_SIZE];
	unsigned held_back;

	tls_error_take(reason);
	association_close(association);
	if (log_limit_passes(&server->failures, timestamp_now(), &held_back))
		log_info("DTLS association failed", "client=%s reason=\"%s\" held_back=%u",
		         addr_format(&association->tuple.client, client), reason, held_back);
}

/* ---- out ---- */

/* The engine's buffer is gone when this returns, and io sends later: the datagram is copied. */
static bool on_write(struct engine_bio *bio, const uint8_t *bytes, size_t len)
{
	struct dtls_association *association = CONTAINER_OF(bio, struct dtls_association, bio);
	struct dtls_server *server = association->server;
	struct packet packet = {.len = len, .size = len, .ttl = server->ttl, .tos = server->tos};

	if (len > DATAGRAM_MAX) {
		count(server, COUNT_drop_send_failed);
		return false;
	}
	packet.data = packet.frame = arena_room(&server->datagrams, len);
	memcpy(packet.data, bytes, len);
	arena_keep(&server->datagrams, len);
	io_send(server->socket, &packet, &association->tuple.client);
	if (association->state == DTLS_AT_DOOR)
		count(server, COUNT_dtls_cookies_sent);
	return true;
}

static void path_send(struct path *path, const struct packet *packet,
                      const struct transport_addr *dst)
{
	struct dtls_association *association = (struct dtls_association *)path;
	struct dtls_server *server = association->server;
	size_t written;

	(void)dst; /* an association has one other end */
	if (association->state != DTLS_OPEN)
		return;
	server->ttl = packet->ttl;
	server->tos = packet->tos;
	ERR_clear_error();
	if (SSL_write_ex(association->ssl, packet->data, packet->len, &written) != 1) {
		count(server, COUNT_drop_send_failed);
		ERR_clear_error();
	}
	server->ttl = server->tos = 0;
}

static void path_close(struct path *path)
{
	struct dtls_association *association = (struct dtls_association *)path;

	if (association->state == DTLS_OPEN) {
		ERR_clear_error();
		(void)SSL_shutdown(association->ssl); /* close_notify */
		ERR_clear_error();
	}
	association_close(association);
}

/* ---- time ---- */

/* When the flight that was sent last is due again, should no answer come. */
static timestamp retransmission_time(const struct dtls_association *association, timestamp now)
{
	struct timeval left;

	if (DTLSv1_get_timeout(association->ssl, &left) != 1)
		return TIMESTAMP_NEVER;
	return now + (timestamp)left.tv_sec * 1000 + (timestamp)(left.tv_usec + 999) / 1000;
}

/* An open association's timer is not moved to a later time: when it expires too early it is set
 * anew, which costs less than moving it for each message. */
static void arm(struct dtls_association *association, timestamp now)
{
	const struct listener_host *host = association->server->host;
	timestamp next = association->active_at + seconds(host->idle_timeout_s);

	if (association->state == DTLS_HANDSHAKE) {
		next = retransmission_time(association, now);
		if (association->handshake_deadline < next)
			next = association->handshake_deadline;
	} else if (timer_is_set(&association->timer)) {
		return;
	}
	timer_set(host->timers, &association->timer, next, on_timer);
}

static void handshake_timeout(struct dtls_association *association, timestamp now)
{
	ERR_clear_error();
	if (association->handshake_deadline <= now)
		association_close(association);
	else if (DTLSv1_handle_timeout(association->ssl) < 0)
		failed(association);
}

static void idle_timeout(struct dtls_association *association, timestamp now)
{
	const struct listener_host *host = association->server->host;

	if (association->active_at + seconds(host->idle_timeout_s) > now)
		return;
	if (host->has_session(host->context, &association->tuple)) {
		association->active_at = now;
		return;
	}
	count(association->server, COUNT_dtls_timed_out);
	path_close(&association->path);
}

static void on_timer(struct timer *timer, timestamp now)
{
	struct dtls_association *association = CONTAINER_OF(timer, struct dtls_association, timer);

	if (association->state == DTLS_HANDSHAKE)
		handshake_timeout(association, now);
	else if (association->state == DTLS_OPEN)
		idle_timeout(association, now);
	if (association->state == DTLS_CLOSED)
		association_destroy(association);
	else
		arm(association, now);
}

/* ---- the end ---- */

/* What it counted for ends now; its memory goes when no one can be using it. */
static void association_close(struct dtls_association *association)
{
	const struct listener_host *host = association->server->host;

	if (association->state == DTLS_CLOSED || association->state == DTLS_AT_DOOR)
		return;
	if (association->state == DTLS_HANDSHAKE) {
		counter_sub(host->counters, COUNT_dtls_half_open_now, 1);
		count(association->server, COUNT_dtls_failures);
	}
	counter_sub(host->counters, COUNT_dtls_sessions_now, 1);
	association->state = DTLS_CLOSED;
	timer_set(host->timers, &association->timer, 0, on_timer);
}

static void association_destroy(struct dtls_association *association)
{
	struct dtls_server *server;

	if (association == NULL)
		return;
	server = association->server;
	association_close(association);
	if (association->state != DTLS_AT_DOOR)
		hash_table_remove(&server->clients, hash(server, &association->tuple.client),
		                  association);
	timer_cancel(server->host->timers, &association->timer);
	if (association->is_known)
		server->host->closed(server->host->context, &association->path,
		                     &association->tuple);
	SSL_free(association->ssl);
	free(association);
}
