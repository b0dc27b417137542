/* One client's DTLS association. The engine is OpenSSL over memory: a datagram is lent to it, and what
 * it writes is copied to where io may send it from at the end of the batch. Who may have one is left
 * to dtls_door.c.
 *
 *   AT_DOOR ── let in ──► HANDSHAKE ── Finished ──► OPEN
 *                             │                       │ close_notify, path.close, silence
 *                             └── failed, too late ───┴──► CLOSED ──► gone
 *
 * An association never goes away while the host is called: it becomes CLOSED, and its timer or the
 * next datagram of its client destroys it. */
#include "listeners/dtls_private.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "base/list.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "listeners/demux.h"
#include "listeners/proxied.h"
#include "listeners/tls.h"

enum {
	MTU = 1200, /* of handshake datagrams: passes any path that carries IPv6 */
	FRAME_MAX = PACKET_HEADROOM + DTLS_PLAINTEXT_MAX + PACKET_TAILROOM,
};

static void run(struct dtls_association *association);
static void handshake(struct dtls_association *association);
static void read_messages(struct dtls_association *association);
static void deliver(struct dtls_association *association, uint8_t *frame, size_t len);
static void failed(struct dtls_association *association);
static bool on_write(struct engine_bio *bio, const uint8_t *bytes, size_t len);
static void path_send(struct path *path, const struct packet *packet,
                      const struct transport_addr *dst);
static void path_close(struct path *path);
static const SSL *path_ssl(const struct path *path);
static void arm(struct dtls_association *association, timestamp now);
static void on_timer(struct timer *timer, timestamp now);
static void finish(struct dtls_association *association);

static const struct path_ops dtls_path = {.send = path_send, .close = path_close, .ssl = path_ssl};

static timestamp seconds(unsigned n)
{
	return (timestamp)n * 1000;
}

struct dtls_association *dtls_association_create(struct dtls_server *server)
{
	struct dtls_association *association = calloc(1, sizeof *association);
	BIO *bio;

	if (association == NULL)
		return NULL;
	association->path.ops = &dtls_path;
	association->server = server;
	association->tuple.server = server->addr;
	association->tuple.transport = TRANSPORT_DTLS;
	association->bio.is_datagram = true;
	association->bio.write = on_write;
	association->ssl = SSL_new(server->host->dtls);
	bio = engine_bio_create(server->bio_method, &association->bio);
	if (association->ssl == NULL || bio == NULL) {
		BIO_free(bio);
		dtls_association_destroy(association);
		return NULL;
	}
	SSL_set_bio(association->ssl, bio, bio);
	SSL_set_app_data(association->ssl, association);
	SSL_set_accept_state(association->ssl);
	SSL_set_mode(association->ssl, SSL_MODE_RELEASE_BUFFERS);
	SSL_set_options(association->ssl, SSL_OP_NO_QUERY_MTU);
	SSL_set_mtu(association->ssl, MTU);
	return association;
}

void dtls_association_destroy(struct dtls_association *association)
{
	struct dtls_server *server;

	if (association == NULL)
		return;
	server = association->server;
	finish(association);
	if (association->state != DTLS_AT_DOOR)
		dtls_server_remove(server, association);
	timer_cancel(server->host->timers, &association->timer);
	if (association->is_known)
		server->host->closed(server->host->context, &association->path,
		                     &association->tuple);
	SSL_free(association->ssl);
	free(association);
}

void dtls_association_begin(struct dtls_association *association,
                            const struct dtls_client_hello *hello)
{
	struct dtls_server *server = association->server;

	association->state = DTLS_HANDSHAKE;
	memcpy(association->client_random, hello->random, DTLS_RANDOM_SIZE);
	association->handshake_deadline =
		timestamp_now() + seconds(server->host->handshake_timeout_s);
	dtls_count(server, COUNT_dtls_sessions_now);
	dtls_count(server, COUNT_dtls_half_open_now);
	run(association);
}

void dtls_association_input(struct dtls_association *association, const struct packet *packet)
{
	association->bio.in = packet->data;
	association->bio.in_len = packet->len;
	run(association);
	association->bio.in_len = 0;
}

void dtls_association_close(struct dtls_association *association)
{
	if (association->state == DTLS_OPEN) {
		ERR_clear_error();
		(void)SSL_shutdown(association->ssl); /* close_notify */
		ERR_clear_error();
	}
	finish(association);
}

/* ---- in ---- */

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
	dtls_count(server, COUNT_dtls_handshakes);
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

/* Bytes of the datagram, or records that the engine took with the one before. */
static bool has_input(const struct dtls_association *association)
{
	return association->bio.in_len > 0 || SSL_has_pending(association->ssl) == 1;
}

/* A datagram may hold several records, and a record is a message. */
static void read_messages(struct dtls_association *association)
{
	struct arena *arena = &association->server->messages;
	int result = 1;
	size_t len;

	while (association->state == DTLS_OPEN && has_input(association)) {
		uint8_t *frame = arena_room(arena, FRAME_MAX);

		ERR_clear_error();
		result = SSL_read_ex(association->ssl, frame + PACKET_HEADROOM, DTLS_PLAINTEXT_MAX,
		                     &len);
		if (result != 1)
			break;
		arena_keep(arena, PACKET_HEADROOM + len + PACKET_TAILROOM);
		deliver(association, frame, len);
	}
	if (result == 1)
		return; /* all is read, or the host has closed it */
	switch (SSL_get_error(association->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return;
	case SSL_ERROR_ZERO_RETURN:
		association->path.reason = "closed by its client";
		dtls_association_close(association);
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
		dtls_count(association->server, COUNT_drop_malformed);
		return;
	}
	association->is_known = true;
	association->active_at = timestamp_now();
	host->input(host->context, &association->path, &association->tuple, &packet, 1);
}

static void failed(struct dtls_association *association)
{
	char client[ADDR_TEXT_SIZE], reason[TLS_REASON_SIZE];

	tls_error_take(reason);
	association->path.reason = "connection broke: DTLS failed";
	finish(association);
	log_info("DTLS association failed", "client=%s transport=DTLS reason=\"%s\"",
	         addr_format(&association->tuple.client, client), reason);
}

/* ---- out ---- */

/* The engine's buffer is gone when this returns, and io sends later: the datagram is copied. */
static bool on_write(struct engine_bio *bio, const uint8_t *bytes, size_t len)
{
	struct dtls_association *association = CONTAINER_OF(bio, struct dtls_association, bio);
	struct dtls_server *server = association->server;
	struct packet packet = {.len = len, .size = len, .ttl = server->ttl, .tos = server->tos};
	const struct transport_addr *dst = &association->tuple.client;

	if (server->proxied != NULL)
		dst = proxied_route(server->proxied, dst);
	if (len > DTLS_DATAGRAM_MAX || dst == NULL) {
		dtls_count(server, COUNT_drop_send_failed);
		return false;
	}
	packet.data = packet.frame = arena_room(&server->datagrams, len);
	memcpy(packet.data, bytes, len);
	arena_keep(&server->datagrams, len);
	io_send(association->socket, &packet, dst);
	if (association->state == DTLS_AT_DOOR)
		dtls_count(server, COUNT_dtls_cookies_sent);
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
		dtls_count(server, COUNT_drop_send_failed);
		ERR_clear_error();
	}
	server->ttl = server->tos = 0;
}

static void path_close(struct path *path)
{
	path->reason = "closed by this server";
	dtls_association_close((struct dtls_association *)path);
}

static const SSL *path_ssl(const struct path *path)
{
	return ((const struct dtls_association *)path)->ssl;
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
	if (association->handshake_deadline <= now) {
		association->path.reason = "no handshake in time: handshake-timeout";
		finish(association);
	} else if (DTLSv1_handle_timeout(association->ssl) < 0) {
		failed(association);
	}
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
	dtls_count(association->server, COUNT_dtls_timed_out);
	association->path.reason = "idle without an allocation: idle-timeout";
	dtls_association_close(association);
}

static void on_timer(struct timer *timer, timestamp now)
{
	struct dtls_association *association = CONTAINER_OF(timer, struct dtls_association, timer);

	if (association->state == DTLS_HANDSHAKE)
		handshake_timeout(association, now);
	else if (association->state == DTLS_OPEN)
		idle_timeout(association, now);
	if (association->state == DTLS_CLOSED)
		dtls_association_destroy(association);
	else
		arm(association, now);
}

/* ---- the end ---- */

static void log_closed(struct dtls_association *association)
{
	char client[ADDR_TEXT_SIZE];

	if (association->path.reason == NULL)
		association->path.reason = "its client began anew";
	log_debug("connection closed", "client=%s transport=DTLS reason=\"%s\"",
	          addr_format(&association->tuple.client, client), association->path.reason);
}

/* What it counted for ends now; its memory goes when no one can be using it. */
static void finish(struct dtls_association *association)
{
	const struct listener_host *host = association->server->host;

	if (association->state == DTLS_CLOSED || association->state == DTLS_AT_DOOR)
		return;
	if (association->state == DTLS_HANDSHAKE) {
		counter_sub(host->counters, COUNT_dtls_half_open_now, 1);
		dtls_count(association->server, COUNT_dtls_failures);
	}
	counter_sub(host->counters, COUNT_dtls_sessions_now, 1);
	association->state = DTLS_CLOSED;
	log_closed(association);
	timer_set(host->timers, &association->timer, 0, on_timer);
}
