/* What tests and fuzz targets of listeners share: a clock that stands still until it is told, an io
 * back end that keeps what it is given, a host that writes down what it hears, and certificates. */
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/packet.h"
#include "base/timer_wheel.h"
#include "base/timestamp.h"
#include "io/io.h"
#include "listeners/dtls.h"
#include "listeners/listener.h"
#include "listeners/rounds.h"
#include "stun/channel_data.h"
#include "stun/message.h"

#define MAYBE_UNUSED __attribute__((unused))

/* ---- a clock ---- */

/* Takes the place of libc's for the whole program: OpenSSL's retransmission timers follow it too. */
static uint64_t fixture_ms = 1000 * 1000;

int clock_gettime(clockid_t clock, struct timespec *time)
{
	if (clock != CLOCK_MONOTONIC && clock != CLOCK_MONOTONIC_COARSE)
		return (int)syscall(SYS_clock_gettime, clock, time);
	time->tv_sec = (time_t)(fixture_ms / 1000);
	time->tv_nsec = (long)(fixture_ms % 1000) * 1000000;
	return 0;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
	(void)zone;
	time->tv_sec = (time_t)(fixture_ms / 1000);
	time->tv_usec = (suseconds_t)(fixture_ms % 1000) * 1000;
	return 0;
}

/* ---- an io back end that only remembers ---- */

struct datagram {
	struct transport_addr addr; /* where to, or where from */
	uint8_t ttl, tos;
	size_t len;
	uint8_t bytes[2048];
};

struct fake_io {
	struct io io;
	struct io_socket socket;
	struct io_handler handler;
	int fd;
	bool is_attached, is_held;
	/* Lent until the flush, as io.h says: read only then. */
	struct {
		const uint8_t *data;
		size_t len;
		uint8_t ttl, tos;
		struct transport_addr dst;
	} lent[1024];
	size_t lent_count;
	struct datagram sent[256]; /* the latest ones */
	size_t sent_count;         /* all of them */
	unsigned flushes;
};

static struct fake_io *fake_of(struct io *io)
{
	return (struct fake_io *)io;
}

static enum err fake_attach(struct io *io, int fd, int family, const struct io_handler *handler,
                            struct io_socket **socket)
{
	(void)family;
	fake_of(io)->fd = fd;
	fake_of(io)->handler = *handler;
	fake_of(io)->socket.io = io;
	fake_of(io)->is_attached = true;
	*socket = &fake_of(io)->socket;
	return OK;
}

static void fake_flush(struct io *io)
{
	struct fake_io *fake = fake_of(io);

	for (size_t i = 0; i < fake->lent_count; i++) {
		struct datagram *datagram = &fake->sent[fake->sent_count++ % 256];
		size_t len = fake->lent[i].len;

		datagram->addr = fake->lent[i].dst;
		datagram->ttl = fake->lent[i].ttl;
		datagram->tos = fake->lent[i].tos;
		datagram->len = len < sizeof datagram->bytes ? len : sizeof datagram->bytes;
		memcpy(datagram->bytes, fake->lent[i].data, datagram->len);
	}
	fake->lent_count = 0;
	fake->flushes++;
}

static void fake_send(struct io_socket *socket, const struct packet *packet,
                      const struct transport_addr *dst)
{
	struct fake_io *fake = fake_of(socket->io);

	if (fake->lent_count == 1024)
		fake_flush(socket->io);
	fake->lent[fake->lent_count].data = packet->data;
	fake->lent[fake->lent_count].len = packet->len;
	fake->lent[fake->lent_count].ttl = packet->ttl;
	fake->lent[fake->lent_count].tos = packet->tos;
	fake->lent[fake->lent_count++].dst = *dst;
}

static int fake_release(struct io_socket *socket)
{
	fake_flush(socket->io);
	fake_of(socket->io)->is_attached = false;
	return fake_of(socket->io)->fd;
}

static void fake_detach(struct io_socket *socket)
{
	close(fake_release(socket));
}

static bool fake_hold(struct io *io)
{
	fake_of(io)->is_held = true;
	return true;
}

static void fake_unhold(struct io *io)
{
	fake_of(io)->is_held = false;
}

static const struct io_backend fake_backend = {
	.name = "fake",
	.attach = fake_attach,
	.detach = fake_detach,
	.release = fake_release,
	.send = fake_send,
	.flush = fake_flush,
	.hold = fake_hold,
	.unhold = fake_unhold,
};

/* ---- a host that writes down what it hears ---- */

enum { HEARD_BYTES = 1 << 20, HEARD_CALLS = 4096 };

struct fake_host {
	struct listener_host host;
	struct counters counters;
	struct fake_io io;
	unsigned calls, messages, closed;
	size_t runs[HEARD_CALLS]; /* messages in each call */
	size_t byte_count;
	uint8_t bytes[HEARD_BYTES]; /* of all messages, one behind the other */
	struct packet last;         /* its bytes are the last ones of bytes */
	struct path *path;
	struct five_tuple tuple;
	bool has_session, echoes, closes, flushes_inside;
	unsigned strays, ended;
	void *guest; /* of the last of them */
	bool passes_on;
	unsigned passed_on, handed_over;
	struct datagram handed; /* the ClientHello */
	int handed_fd;
};

static void fake_input(void *context, struct path *path, const struct five_tuple *tuples,
                       struct packet *packets, size_t n)
{
	struct fake_host *fake = context;

	fake->runs[fake->calls++ % HEARD_CALLS] = n;
	fake->path = path;
	for (size_t i = 0; i < n; i++) {
		if (fake->byte_count + packets[i].len > HEARD_BYTES)
			fake->byte_count = 0;
		memcpy(fake->bytes + fake->byte_count, packets[i].data, packets[i].len);
		fake->byte_count += packets[i].len;
		fake->last = packets[i];
		fake->tuple = tuples[i];
		fake->messages++;
		if (fake->echoes)
			path->ops->send(path, &packets[i], &tuples[i].client);
	}
	if (fake->flushes_inside)
		rounds_flush(fake->host.rounds);
	if (fake->closes)
		path->ops->close(path);
}

static void fake_closed(void *context, struct path *path, const struct five_tuple *tuple)
{
	struct fake_host *fake = context;

	(void)tuple;
	fake->closed++;
	if (fake->path == path)
		fake->path = NULL;
}

static bool fake_has_session(void *context, const struct five_tuple *tuple)
{
	(void)tuple;
	return ((struct fake_host *)context)->has_session;
}

static void fake_stray(void *context, void *guest, const struct packet *packet)
{
	struct fake_host *fake = context;

	fake->strays++;
	fake->guest = guest;
	fake->last = *packet;
}

static void fake_ended(void *context, void *guest)
{
	struct fake_host *fake = context;

	fake->ended++;
	fake->guest = guest;
}

static bool fake_pass_on(void *context, const struct transport_addr *server,
                         const struct packet *packet)
{
	struct fake_host *fake = context;

	(void)server;
	(void)packet;
	fake->passed_on += fake->passes_on;
	return fake->passes_on;
}

static void fake_hand_over(void *context, const struct transport_addr *server,
                           const struct packet *packet)
{
	struct fake_host *fake = context;

	(void)server;
	fake->handed_over++;
	fake->handed.addr = packet->src;
	fake->handed.len = packet->len;
	memcpy(fake->handed.bytes, packet->data, packet->len);
}

static void fake_hand_over_stream(void *context, const struct transport_addr *server,
                                  const struct transport_addr *client, int fd)
{
	struct fake_host *fake = context;

	(void)server;
	fake->handed_over++;
	fake->handed.addr = *client;
	fake->handed_fd = fd;
}

MAYBE_UNUSED static const struct listener_door fake_door = {
	.pass_on = fake_pass_on,
	.hand_over = fake_hand_over,
	.hand_over_stream = fake_hand_over_stream,
};

MAYBE_UNUSED static struct fake_host *fake_host_create(void)
{
	struct fake_host *fake = calloc(1, sizeof *fake);

	if (fake == NULL)
		abort();
	fake->io.io.backend = &fake_backend;
	fake->host = (struct listener_host){
		.io = &fake->io.io,
		.counters = &fake->counters,
		.stream_queue_size = 65536,
		.connections_max = 100,
		.dtls_sessions_max = 1000,
		.dtls_half_open_max = 100,
		.handshake_timeout_s = 10,
		.message_timeout_s = 5,
		.idle_timeout_s = 60,
		.input = fake_input,
		.closed = fake_closed,
		.endpoints_max = 2,
		.has_session = fake_has_session,
		.stray = fake_stray,
		.ended = fake_ended,
		.context = fake,
	};
	if (timer_wheel_create(timestamp_now(), &fake->host.timers) != OK)
		abort();
	return fake;
}

MAYBE_UNUSED static void fake_host_destroy(struct fake_host *fake)
{
	timer_wheel_destroy(fake->host.timers);
	SSL_CTX_free(fake->host.tls);
	SSL_CTX_free(fake->host.dtls);
	free(fake);
}

MAYBE_UNUSED static uint64_t counted(const struct fake_host *fake, enum counter counter)
{
	return counter_read(&fake->counters, counter);
}

MAYBE_UNUSED static void pass_time(struct fake_host *fake, uint64_t ms)
{
	fixture_ms += ms;
	timer_wheel_advance(fake->host.timers, timestamp_now());
}

/* ---- messages ---- */

/* A Binding request with body_len bytes behind its header. Returns its length. */
MAYBE_UNUSED static size_t put_stun(uint8_t *bytes, size_t body_len)
{
	memset(bytes, 0, STUN_HEADER_SIZE + body_len);
	put_u16(bytes, 0x0001);
	put_u16(bytes + 2, (uint16_t)body_len);
	put_u32(bytes + 4, STUN_MAGIC_COOKIE);
	for (size_t i = 8; i < STUN_HEADER_SIZE + body_len; i++)
		bytes[i] = (uint8_t)i;
	return STUN_HEADER_SIZE + body_len;
}

/* ChannelData with its padding. Returns the length with it. */
MAYBE_UNUSED static size_t put_channel_data(uint8_t *bytes, size_t len)
{
	channel_data_put(bytes, 0x4001, (uint16_t)len);
	for (size_t i = 0; i < len; i++)
		bytes[4 + i] = (uint8_t)(i * 7);
	memset(bytes + 4 + len, 0, channel_data_padding(len));
	return 4 + len + channel_data_padding(len);
}

/* ---- certificates ---- */

MAYBE_UNUSED static X509 *certificate_make(EVP_PKEY *key, long valid_from_s, long valid_to_s)
{
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);

	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), valid_from_s);
	X509_gmtime_adj(X509_getm_notAfter(certificate), valid_to_s);
	X509_set_pubkey(certificate, key);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1,
	                           -1, 0);
	X509_set_issuer_name(certificate, name);
	if (X509_sign(certificate, key, EVP_sha256()) == 0)
		abort();
	return certificate;
}

/* Has a context show a certificate made for it. */
MAYBE_UNUSED static void certificate_use(SSL_CTX *context)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = certificate_make(key, -3600, 3600);

	if (SSL_CTX_use_certificate(context, certificate) != 1 ||
	    SSL_CTX_use_PrivateKey(context, key) != 1)
		abort();
	X509_free(certificate);
	EVP_PKEY_free(key);
}
