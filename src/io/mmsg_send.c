/* Datagrams out: what is sent during a batch is queued as it lies, and leaves with one sendmmsg a
 * socket; equal datagrams to one address in a row are one GSO send. When a batch ends is left to
 * mmsg_receive.c. */
#include "io/mmsg.h"

#include <errno.h>
#include <string.h>

enum { GSO_SEGMENTS = 64 }; /* of one GSO send: what Linux 4.18 to 6.8 allow */

static struct outgoing *message_fill(struct mmsg *mmsg, struct mmsg_socket *socket, unsigned index,
                                     struct iovec *iov, struct outgoing *head);
static void send_messages(struct mmsg *mmsg, struct mmsg_socket *socket, unsigned n);

void mmsg_send(struct io_socket *io_socket, const struct packet *packet,
               const struct transport_addr *dst)
{
	struct mmsg *mmsg = mmsg_of(io_socket->io);
	struct mmsg_socket *socket = mmsg_socket_of(io_socket);

	if (mmsg->queued == MMSG_QUEUE)
		io_flush(&mmsg->io);

	struct outgoing *outgoing = &mmsg->queue[mmsg->queued++];
	outgoing->data = packet->data;
	outgoing->len = (uint32_t)packet->len;
	outgoing->ttl = packet->ttl;
	outgoing->tos = packet->tos;
	outgoing->dst = *dst;
	outgoing->next = NULL;
	if (socket->first == NULL)
		list_append(&mmsg->dirty, &socket->node);
	*socket->last = outgoing;
	socket->last = &outgoing->next;
}

/* DF is the socket's property in Linux, not a datagram's: set, send, clear. */
void mmsg_send_whole(struct io_socket *io_socket, const struct packet *packet,
                     const struct transport_addr *dst)
{
	struct mmsg *mmsg = mmsg_of(io_socket->io);
	struct mmsg_socket *socket = mmsg_socket_of(io_socket);

	mmsg_socket_send_queue(mmsg, socket);
	mmsg_control_dont_fragment(socket->fd, socket->family, true);
	mmsg_send(io_socket, packet, dst);
	mmsg_socket_send_queue(mmsg, socket);
	mmsg_control_dont_fragment(socket->fd, socket->family, false);
}

void mmsg_flush(struct io *io)
{
	struct mmsg *mmsg = mmsg_of(io);

	while (!list_is_empty(&mmsg->dirty))
		mmsg_socket_send_queue(
			mmsg, CONTAINER_OF(list_first(&mmsg->dirty), struct mmsg_socket, node));
	mmsg->queued = 0;
}

void mmsg_socket_send_queue(struct mmsg *mmsg, struct mmsg_socket *socket)
{
	struct outgoing *packet = socket->first;

	while (packet != NULL) {
		unsigned n = 0;
		size_t iov_used = 0;

		while (packet != NULL && n < MMSG_SLOTS) {
			packet = message_fill(mmsg, socket, n, &mmsg->out_iov[iov_used], packet);
			iov_used += mmsg->out[n++].msg_hdr.msg_iovlen;
		}
		send_messages(mmsg, socket, n);
	}
	socket->first = NULL;
	socket->last = &socket->first;
	list_remove(&socket->node);
}

/* May the packet be one more segment of a train whose segments are segment_len long? */
static bool train_takes(const struct outgoing *head, const struct outgoing *next, size_t segments,
                        size_t bytes)
{
	return next != NULL && next->len <= head->len && next->len > 0 && segments < GSO_SEGMENTS &&
	       bytes + next->len <= MMSG_GSO_BYTES && next->ttl == head->ttl &&
	       next->tos == head->tos && addr_equal(&next->dst, &head->dst);
}

static size_t segment_limit(const struct mmsg_socket *socket, const struct transport_addr *dst)
{
	return addr_equal(dst, &socket->narrow_dst) ? socket->narrow_limit : socket->gso_limit;
}

/* Makes one message out of the packets at the head of a queue: as many of one size to one address
 * as a GSO send takes, of which the last may be shorter. Returns the packet after them. */
static struct outgoing *message_fill(struct mmsg *mmsg, struct mmsg_socket *socket, unsigned index,
                                     struct iovec *iov, struct outgoing *head)
{
	struct msghdr *message = &mmsg->out[index].msg_hdr;
	struct outgoing *packet = head;
	struct mmsg_control control = {.ttl = head->ttl, .tos = head->tos};
	size_t segments = 0, bytes = 0, limit = segment_limit(socket, &head->dst);

	do {
		iov[segments++] = (struct iovec){packet->data, packet->len};
		bytes += packet->len;
		bool is_last = packet->len < head->len;
		packet = packet->next;
		if (is_last)
			break;
	} while (head->len <= limit && train_takes(head, packet, segments, bytes));
	if (segments > 1)
		control.segment_len = (uint16_t)head->len;
	*message = (struct msghdr){
		.msg_name = &head->dst,
		.msg_namelen = addr_len(&head->dst),
		.msg_iov = iov,
		.msg_iovlen = segments,
		.msg_control = mmsg->out_control[index],
	};
	mmsg_control_put(message, socket->family, &control);
	if (message->msg_controllen == 0)
		message->msg_control = NULL;
	return packet;
}

static void count_sent(struct mmsg *mmsg, const struct msghdr *message)
{
	counter_add(mmsg->settings.counters, COUNT_io_send_packets, message->msg_iovlen);
	if (message->msg_iovlen > 1)
		counter_add(mmsg->settings.counters, COUNT_io_gso_packets, message->msg_iovlen);
}

/* An error that an earlier datagram met is told to whoever calls next, and told once: what Linux
 * makes of ICMP and ICMPv6. EMSGSIZE is not among them, which is mostly the datagram's own. */
static bool is_of_another(int error)
{
	static const int errors[] = {ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, EPROTO,
	                             ENOPROTOOPT,  EOPNOTSUPP,   ENONET,      EACCES};

	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
		if (errors[i] == error)
			return true;
	return false;
}

static bool send_single(struct mmsg *mmsg, struct mmsg_socket *socket, const struct msghdr *message)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		counter_add(mmsg->settings.counters, COUNT_io_send_calls, 1);
		if (sendmsg(socket->fd, message, MSG_DONTWAIT) >= 0) {
			count_sent(mmsg, message);
			return true;
		}
		if (!is_of_another(errno) && errno != EINTR)
			break;
	}
	return false;
}

/* A train was refused though its datagrams are not: an interface that computes no checksums takes
 * none at all, and a smaller MTU only shorter ones. */
static void limit_trains(struct mmsg_socket *socket, const struct msghdr *train, int error)
{
	if (error == EIO) {
		socket->gso_limit = 0;
	} else {
		memcpy(&socket->narrow_dst, train->msg_name, sizeof socket->narrow_dst);
		socket->narrow_limit = train->msg_iov[0].iov_len - 1;
	}
}

/* Where a train may be what was refused, its datagrams go one by one. What refuses those too, such as
 * port 0 that strangers can send from, says nothing about trains. */
static void send_train_singly(struct mmsg *mmsg, struct mmsg_socket *socket,
                              const struct msghdr *train)
{
	int error = errno;
	bool is_any_sent = false;

	for (size_t i = 0; i < train->msg_iovlen; i++) {
		struct msghdr single = *train;

		single.msg_iov = &train->msg_iov[i];
		single.msg_iovlen = 1;
		/* UDP_SEGMENT was put last. */
		single.msg_controllen -= CMSG_SPACE(sizeof(uint16_t));
		if (single.msg_controllen == 0)
			single.msg_control = NULL;
		if (send_single(mmsg, socket, &single))
			is_any_sent = true;
		else
			counter_add(mmsg->settings.counters, COUNT_drop_send_failed, 1);
	}
	if (is_any_sent)
		limit_trains(socket, train, error);
}

/* Deals with the message that sendmmsg or sendmsg stopped at. */
static void send_refused(struct mmsg *mmsg, struct mmsg_socket *socket,
                         const struct msghdr *message)
{
	bool is_train = message->msg_iovlen > 1;

	if (is_train && (errno == EINVAL || errno == EMSGSIZE || errno == EIO))
		send_train_singly(mmsg, socket, message);
	else if (!is_of_another(errno) || !send_single(mmsg, socket, message))
		counter_add(mmsg->settings.counters, COUNT_drop_send_failed, message->msg_iovlen);
}

static void send_messages(struct mmsg *mmsg, struct mmsg_socket *socket, unsigned n)
{
	for (unsigned done = 0; done < n;) {
		int sent =
			n - done == 1
				? (sendmsg(socket->fd, &mmsg->out[done].msg_hdr, MSG_DONTWAIT) < 0
		                           ? -1
		                           : 1)
				: sendmmsg(socket->fd, &mmsg->out[done], n - done, MSG_DONTWAIT);

		counter_add(mmsg->settings.counters, COUNT_io_send_calls, 1);
		if (sent > 0)
			histogram_add(&mmsg->settings.counters->histogram[HISTOGRAM_send_batch],
			              (uint64_t)sent);
		for (int i = 0; i < sent; i++)
			count_sent(mmsg, &mmsg->out[done + (unsigned)i].msg_hdr);
		if (sent > 0)
			done += (unsigned)sent;
		else if (errno != EINTR)
			send_refused(mmsg, socket, &mmsg->out[done++].msg_hdr);
	}
}
