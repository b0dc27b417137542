/* How a client of the load generator reaches the server. */
#include "connection.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
	HEADER = 20,
	ROOM = 1 << 17, /* more than one burst, or the longest message */
	HANDSHAKE_TRIES = 10,
};

const char *const TRANSPORTS[TRANSPORT_COUNT] = {"udp", "tcp", "tls", "dtls"};

static bool shake_hands(struct connection *connection, const struct sockaddr_in *server);
static bool drain(struct connection *connection);

bool connection_open(struct connection *connection, enum transport transport,
                     const struct sockaddr_in *server, const struct sockaddr_in *local,
                     const char **problem)
{
	int type = transport_is_stream(transport) ? SOCK_STREAM : SOCK_DGRAM;
	/* What waits here has not been offered to the server: little is enough. */
	int big = 1 << 20, small = 1 << 16, on = 1;

	*connection = (struct connection){.transport = transport, .fd = socket(AF_INET, type, 0)};
	*problem = "socket";
	if (connection->fd < 0)
		return false;
	setsockopt(connection->fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
	*problem = "bind";
	if (local && bind(connection->fd, (const struct sockaddr *)local, sizeof *local))
		return false;
	*problem = "connect";
	if (connect(connection->fd, (const struct sockaddr *)server, sizeof *server))
		return false;
	if (type == SOCK_STREAM) {
		setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		setsockopt(connection->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	}
	*problem = "out of memory";
	connection->in = malloc(ROOM);
	connection->out = transport_is_stream(transport) ? malloc(ROOM) : NULL;
	if (!connection->in || (transport_is_stream(transport) && !connection->out))
		return false;
	*problem = "TLS handshake";
	if ((transport == TLS || transport == DTLS) && !shake_hands(connection, server))
		return false;
	return fcntl(connection->fd, F_SETFL, O_NONBLOCK) == 0;
}

void connection_close(struct connection *connection)
{
	SSL_free(connection->ssl);
	free(connection->in);
	free(connection->out);
	if (connection->fd >= 0)
		close(connection->fd);
	*connection = (struct connection){.fd = -1};
}

/* ---- handshakes, on a blocking socket ---- */

static SSL_CTX *context_of(enum transport transport)
{
	static SSL_CTX *contexts[TRANSPORT_COUNT];
	SSL_CTX **context = &contexts[transport];

	if (!*context)
		*context =
			SSL_CTX_new(transport == TLS ? TLS_client_method() : DTLS_client_method());
	return *context;
}

static BIO *bio_of(const struct connection *connection, const struct sockaddr_in *server)
{
	const struct timeval second = {1, 0};
	BIO *bio;

	if (connection->transport == TLS)
		return BIO_new_socket(connection->fd, BIO_NOCLOSE);
	bio = BIO_new_dgram(connection->fd, BIO_NOCLOSE);
	if (bio) {
		BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, (void *)server);
		BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_RECV_TIMEOUT, 0, (void *)&second);
	}
	return bio;
}

static bool shake_hands(struct connection *connection, const struct sockaddr_in *server)
{
	BIO *bio = bio_of(connection, server);

	connection->ssl = SSL_new(context_of(connection->transport));
	if (!bio || !connection->ssl)
		return false;
	SSL_set_bio(connection->ssl, bio, bio);
	for (int i = 0; i < HANDSHAKE_TRIES; i++) {
		int result = SSL_connect(connection->ssl);

		if (result == 1)
			return true;
		if (SSL_get_error(connection->ssl, result) == SSL_ERROR_SSL)
			break;
	}
	return false;
}

/* ---- out ---- */

/* Whether an attempt failed because the socket is full, or has nothing. */
static bool is_for_later(const struct connection *connection, int result)
{
	int error;

	if (!connection->ssl)
		return errno == EAGAIN || errno == EINTR;
	error = SSL_get_error(connection->ssl, result);
	ERR_clear_error();
	return error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ;
}

static int write_some(const struct connection *connection, const uint8_t *bytes, size_t len)
{
	return connection->ssl ? SSL_write(connection->ssl, bytes, (int)len)
	                       : (int)send(connection->fd, bytes, len, MSG_NOSIGNAL);
}

static void closed_by_server(void)
{
	fputs("turn_load: the server closed a connection\n", stderr);
	exit(1);
}

/* Writes what was left over; true when nothing is left. */
static bool drain(struct connection *connection)
{
	while (connection->out_at < connection->out_len) {
		int n = write_some(connection, connection->out + connection->out_at,
		                   connection->out_len - connection->out_at);

		if (n <= 0 && is_for_later(connection, n))
			return false;
		if (n <= 0)
			closed_by_server();
		connection->out_at += (size_t)n;
	}
	return true;
}

int connection_send(struct connection *connection, const uint8_t *messages, size_t len, int count)
{
	if (transport_is_stream(connection->transport)) {
		if (!drain(connection))
			return 0;
		memcpy(connection->out, messages, len * (size_t)count);
		connection->out_at = 0;
		connection->out_len = len * (size_t)count;
		(void)drain(connection);
		return count;
	}
	for (int i = 0; i < count; i++)
		if (write_some(connection, messages + (size_t)i * len, len) <= 0)
			return i;
	return count;
}

void connection_flush(struct connection *connection)
{
	(void)drain(connection);
}

/* ---- in ---- */

static bool read_some(struct connection *connection)
{
	uint8_t *room = connection->in + connection->in_len;
	size_t size = ROOM - connection->in_len;
	int n = connection->ssl ? SSL_read(connection->ssl, room, (int)size)
	                        : (int)recv(connection->fd, room, size, 0);

	if (n <= 0 && transport_is_stream(connection->transport) && !is_for_later(connection, n))
		closed_by_server();
	if (n <= 0)
		return false;
	connection->in_len += (size_t)n;
	return true;
}

/* The length of the message that begins here on a stream, or 0 while that is not known. ChannelData
 * is padded to four bytes there. */
static size_t message_len(const uint8_t *bytes, size_t available, size_t *padded)
{
	size_t len;

	if (available < 4)
		return 0;
	len = (size_t)bytes[2] << 8 | bytes[3];
	len += (bytes[0] & 0xC0) == 0x40 ? 4 : HEADER;
	*padded = (len + 3) & ~(size_t)3;
	return available >= *padded ? len : 0;
}

static size_t receive_from_stream(struct connection *connection, const uint8_t **message)
{
	size_t len, padded;

	for (;;) {
		const uint8_t *next = connection->in + connection->in_at;

		len = message_len(next, connection->in_len - connection->in_at, &padded);
		if (len > 0) {
			*message = next;
			connection->in_at += padded;
			return len;
		}
		connection->in_len -= connection->in_at;
		memmove(connection->in, next, connection->in_len);
		connection->in_at = 0;
		if (!read_some(connection))
			return 0;
	}
}

size_t connection_receive(struct connection *connection, const uint8_t **message)
{
	if (transport_is_stream(connection->transport))
		return receive_from_stream(connection, message);
	connection->in_len = 0;
	if (!read_some(connection))
		return 0;
	*message = connection->in;
	return connection->in_len;
}
