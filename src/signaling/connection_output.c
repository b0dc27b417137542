/* What a connection sends. Whatever is queued in one turn of the loop leaves in one write; what does not fit into the
 * socket waits for it. Messages that several connections send are shared, and never copied but into records of TLS. */
#include <errno.h>
#include <linux/sockios.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "signaling/net_private.h"

/* After so many messages, or octets, the kernel is asked what has arrived; else once a second. */
enum { PIECES_MAX = 128, ASK_AFTER_MESSAGES = 16 };

static ssize_t write_clear(struct connection *connection);
static ssize_t write_tls(struct connection *connection);
static void advance(struct connection *connection, size_t len);
static void forget_written(struct connection *connection, uint64_t arrived);
static void sent_all(struct connection *connection);

static struct outgoing *append(struct connection *connection)
{
	struct outgoing *outgoing = pool_take(&connection->worker->outgoing);

	if (outgoing == NULL)
		return NULL;
	if (connection->last == NULL)
		connection->first = outgoing;
	else
		connection->last->next = outgoing;
	connection->last = outgoing;
	if (connection->unsent == NULL)
		connection->unsent = outgoing;
	connection_make_dirty(connection);
	return outgoing;
}

void connection_queue(struct connection *connection, struct buffer *buffer)
{
	struct outgoing *outgoing = buffer == NULL ? NULL : append(connection);

	if (outgoing == NULL) {
		buffer_release(buffer);
		connection_end(connection);
		return;
	}
	outgoing->buffer = buffer;
}

void connection_queue_frame(struct connection *connection, enum websocket_opcode opcode,
                            struct buffer *buffer, bool is_message)
{
	struct outgoing *outgoing = buffer == NULL ? NULL : append(connection);

	if (outgoing == NULL) {
		buffer_release(buffer);
		connection_end(connection);
		return;
	}
	outgoing->buffer = buffer;
	outgoing->is_message = is_message;
	outgoing->header_len = (uint8_t)websocket_put_header(outgoing->header, opcode, buffer->len);
	connection->pongs += opcode == WEBSOCKET_OPCODE_PONG;
	connection->unacknowledged_messages += is_message;
}

void connection_make_dirty(struct connection *connection)
{
	if (connection->phase != PHASE_GONE && !list_is_linked(&connection->dirty))
		list_append(&connection->worker->dirty, &connection->dirty);
}

void connection_flush(struct connection *connection)
{
	struct worker *worker = connection->worker;
	ssize_t len = 1;

	while (len > 0 && connection->unsent != NULL) {
		len = connection->tls != NULL ? write_tls(connection) : write_clear(connection);
		if (len > 0) {
			net_count(&worker->counters, NET_COUNT_bytes_out, len);
			net_count(&worker->counters, NET_COUNT_writes, 1);
			advance(connection, (size_t)len);
			if (connection->phase == PHASE_HTTP)
				connection_http_progress(connection);
		}
	}
	if (len < 0) {
		connection_end(connection);
		return;
	}
	connection->is_blocked = connection->unsent != NULL;
	if (connection->unacknowledged_messages > 0 && !list_is_linked(&connection->unacknowledged))
		list_append(&worker->unacknowledged, &connection->unacknowledged);
	if (connection->session == NULL)
		forget_written(connection, UINT64_MAX);
	else if (connection->unacknowledged_messages >= ASK_AFTER_MESSAGES)
		connection_look_for_acknowledgements(connection);
	if (connection->unsent == NULL)
		sent_all(connection);
	connection_watch(connection);
}

/* What comes after the last octet was written. */
static void sent_all(struct connection *connection)
{
	if (connection->phase == PHASE_HTTP)
		connection_http_sent(connection);
	else if (connection->phase == PHASE_LAST_WORDS)
		connection_linger(connection);
}

static size_t outgoing_len(const struct outgoing *outgoing)
{
	return outgoing->header_len + (outgoing->buffer == NULL ? 0 : outgoing->buffer->len);
}

/* The two parts of what is left of one, from an offset: header and buffer. Returns how many are not empty. */
static int parts_of(const struct outgoing *outgoing, size_t offset, struct iovec parts[2])
{
	int count = 0;
	size_t header_left = offset < outgoing->header_len ? outgoing->header_len - offset : 0;
	size_t from = offset > outgoing->header_len ? offset - outgoing->header_len : 0;

	if (header_left > 0)
		parts[count++] = (struct iovec){(uint8_t *)outgoing->header + offset, header_left};
	if (outgoing->buffer->len > from)
		parts[count++] = (struct iovec){outgoing->buffer->bytes + from,
		                                outgoing->buffer->len - from};
	return count;
}

/* Returns how much was written; 0: no room; -1: the peer is gone. */
static ssize_t write_clear(struct connection *connection)
{
	struct iovec pieces[PIECES_MAX];
	struct msghdr message = {.msg_iov = pieces};
	size_t offset = connection->offset;

	for (const struct outgoing *outgoing = connection->unsent;
	     outgoing != NULL && message.msg_iovlen + 2 <= PIECES_MAX; outgoing = outgoing->next) {
		message.msg_iovlen +=
			(size_t)parts_of(outgoing, offset, pieces + message.msg_iovlen);
		offset = 0;
	}
	ssize_t len = sendmsg(connection->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (len >= 0)
		return len;
	return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

/* The same by TLS: as much as a record holds. One that did not fit is written again with the same octets first,
 * as OpenSSL demands: what is queued does not change. */
static ssize_t write_tls(struct connection *connection)
{
	char *record = connection->worker->record;
	size_t len = 0, written, offset = connection->offset;
	struct iovec parts[2];

	for (const struct outgoing *outgoing = connection->unsent;
	     outgoing != NULL && len < RECORD_SIZE; outgoing = outgoing->next) {
		int count = parts_of(outgoing, offset, parts);
		for (int i = 0; i < count && len < RECORD_SIZE; i++) {
			size_t n = parts[i].iov_len < RECORD_SIZE - len ? parts[i].iov_len
			                                                : RECORD_SIZE - len;
			memcpy(record + len, parts[i].iov_base, n);
			len += n;
		}
		offset = 0;
	}
	ERR_clear_error();
	if (SSL_write_ex(connection->tls, record, len, &written) == 1)
		return (ssize_t)written;
	int error = SSL_get_error(connection->tls, 0);
	ERR_clear_error();
	return error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ ? 0 : -1;
}

/* Marks len octets as written: frames that end with them need their bytes no more. */
static void advance(struct connection *connection, size_t len)
{
	bool is_tls = connection->tls != NULL;
	uint64_t at = connection->written;

	connection->written = is_tls ? BIO_number_written(SSL_get_wbio(connection->tls)) : at + len;
	connection->offset += len;
	while (connection->unsent != NULL &&
	       connection->offset >= outgoing_len(connection->unsent)) {
		struct outgoing *outgoing = connection->unsent;
		connection->offset -= outgoing_len(outgoing);
		connection->pongs -= (outgoing->header[0] & 0x0f) == WEBSOCKET_OPCODE_PONG;
		net_count(&connection->worker->counters, NET_COUNT_messages_out,
		          outgoing->is_message);
		/* Where several leave in one write, the end of the write is taken for all: late, never early. */
		outgoing->end = connection->written;
		buffer_release(outgoing->buffer);
		outgoing->buffer = NULL;
		connection->unsent = outgoing->next;
	}
}

/* Drops what was written and has arrived, and tells the hub of messages. */
static void forget_written(struct connection *connection, uint64_t arrived)
{
	struct outgoing *outgoing;
	size_t messages = 0;

	while ((outgoing = connection->first) != connection->unsent &&
	       (!outgoing->is_message || outgoing->end <= arrived)) {
		messages += outgoing->is_message;
		connection->first = outgoing->next;
		pool_give(&connection->worker->outgoing, outgoing);
	}
	if (connection->first == NULL)
		connection->last = NULL;
	connection->unacknowledged_messages -= (uint32_t)messages;
	if (connection->unacknowledged_messages == 0)
		list_remove(&connection->unacknowledged);
	if (messages > 0 && connection->session != NULL)
		hub_path_sent(connection->worker->hub, connection->session, messages);
}

/* The kernel knows what the peer has acknowledged of what it was given. */
void connection_look_for_acknowledgements(struct connection *connection)
{
	int waiting = 0;

	if (ioctl(connection->fd, SIOCOUTQ, &waiting) != 0 || waiting < 0)
		return;
	forget_written(connection, connection->written - (uint64_t)waiting);
}

size_t connection_unsent_messages(const struct connection *connection)
{
	return connection->unacknowledged_messages;
}

static void drop(struct connection *connection, struct outgoing *outgoing)
{
	connection->unacknowledged_messages -= outgoing->is_message;
	connection->pongs -=
		outgoing->buffer != NULL && (outgoing->header[0] & 0x0f) == WEBSOCKET_OPCODE_PONG;
	buffer_release(outgoing->buffer);
	pool_give(&connection->worker->outgoing, outgoing);
}

/* Drops what waits, but for the frame that has begun; of TLS also what may be in a record that OpenSSL holds. */
void connection_drop_unsent(struct connection *connection)
{
	size_t kept = 0, keep = connection->tls != NULL ? RECORD_SIZE : connection->offset;
	struct outgoing **link = &connection->first, *last = NULL, *next;
	bool is_unsent = false;

	for (; *link != NULL; link = &last->next) {
		is_unsent |= *link == connection->unsent;
		if (is_unsent && kept >= keep)
			break;
		last = *link;
		kept += is_unsent ? outgoing_len(last) : 0;
	}
	if (*link == connection->unsent)
		connection->unsent = NULL;
	connection->last = last;
	next = *link;
	*link = NULL;
	while (next != NULL) {
		struct outgoing *dropped = next;
		next = dropped->next;
		drop(connection, dropped);
	}
}

void connection_drop_queue(struct connection *connection)
{
	struct outgoing *outgoing;

	while ((outgoing = connection->first) != NULL) {
		connection->first = outgoing->next;
		drop(connection, outgoing);
	}
	connection->unsent = connection->last = NULL;
}
