/* What a connection reads: into the worker's buffer, and on from there. */
#include <errno.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include "signaling/net_private.h"

static void shake_hands(struct connection *connection);
static bool refuse_clear_text(struct connection *connection);
static ssize_t read_clear(struct connection *connection, char *to, size_t size);
static ssize_t read_tls(struct connection *connection, char *to, size_t size);
static void take(struct connection *connection, char *bytes, size_t len);

/* What is left is told of by the next turn: one connection does not keep the others waiting. */
void connection_read(struct connection *connection)
{
	struct worker *worker = connection->worker;

	if (connection->phase == PHASE_TLS)
		shake_hands(connection);
	if (connection->phase == PHASE_TLS || connection->phase == PHASE_GONE)
		return;
	bool is_tls = connection->tls != NULL && connection->phase != PHASE_LINGERING;
	ssize_t len = is_tls ? read_tls(connection, worker->input, sizeof worker->input)
	                     : read_clear(connection, worker->input, sizeof worker->input);
	if (len == 0)
		return;
	if (len < 0) {
		connection_end(connection);
		return;
	}
	net_count(&worker->counters, NET_COUNT_bytes_in, len);
	take(connection, worker->input, (size_t)len);
}

static void take(struct connection *connection, char *bytes, size_t len)
{
	switch (connection->phase) {
	case PHASE_HTTP:
		connection_http_input(connection, (struct slice){bytes, len});
		break;
	case PHASE_WEBSOCKET:
	case PHASE_CLOSING:
		connection_websocket_input(connection, bytes, len);
		break;
	default:
		break; /* nobody wants it */
	}
}

/* Returns how much was read; 0: nothing for now; -1: the peer has closed, or is gone. */
static ssize_t read_clear(struct connection *connection, char *to, size_t size)
{
	ssize_t len = recv(connection->fd, to, size, 0);

	if (len > 0)
		return len;
	return len < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

/* A record at a time, as many as have come and there is room for. */
static ssize_t read_tls(struct connection *connection, char *to, size_t size)
{
	size_t len = 0, n;

	ERR_clear_error();
	while (size - len >= RECORD_SIZE &&
	       SSL_read_ex(connection->tls, to + len, size - len, &n) == 1)
		len += n;
	/* A key update of the peer's may have us answer before anything else is written. */
	if (connection->unsent != NULL)
		connection_make_dirty(connection);
	if (len > 0)
		return (ssize_t)len;
	int error = SSL_get_error(connection->tls, 0);
	ERR_clear_error();
	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static void shake_hands(struct connection *connection)
{
	struct worker *worker = connection->worker;

	if (!connection->has_looked && refuse_clear_text(connection))
		return;
	ERR_clear_error();
	int result = SSL_accept(connection->tls);
	if (result == 1) {
		connection->is_blocked = false;
		if (!connection_begin_http(connection))
			connection_end(connection);
		else
			connection_watch(connection);
		return;
	}
	int error = SSL_get_error(connection->tls, result);
	ERR_clear_error();
	if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
		net_count(&worker->counters, NET_COUNT_tls_failures, 1);
		connection_end(connection);
		return;
	}
	connection->is_blocked = error == SSL_ERROR_WANT_WRITE;
	connection_watch(connection);
}

/* A person who types http:// in front of a port of TLS gets an answer that can be read. */
static bool refuse_clear_text(struct connection *connection)
{
	char first;

	if (recv(connection->fd, &first, 1, MSG_PEEK) != 1)
		return false;
	connection->has_looked = true;
	if (first < 'A' || first > 'Z')
		return false;
	SSL_free(connection->tls);
	connection->tls = NULL;
	connection->is_tls = false;
	connection_queue(
		connection,
		http_error_answer(400, SLICE("This port speaks TLS: use https:// or wss://\n")));
	connection_say_last_words(connection);
	return true;
}
