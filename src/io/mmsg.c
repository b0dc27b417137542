/* Datagrams on ordinary sockets: a batch in by recvmmsg, a batch out by sendmmsg, equal datagrams to
 * one address as one GSO send. What the packets mean is left to the owners of the sockets.
 *
 * One round, which is one call of on_readable:
 *
 *     epoll_wait ─► for each socket: recvmmsg into free slots ─► owner ─► io_send queues
 *                   slots used up, or no socket left: batch_ended ─► flush: one sendmmsg a socket
 *
 * The sockets have an epoll instance of their own inside libevent's: an event costs no look-up and
 * an idle allocation no struct event. */
#include "io/io.h"

#include <errno.h>
#include <event2/event.h>
#include <linux/errqueue.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/list.h"
#include "io/mmsg_cmsg.h"

enum {
	/* Datagrams in flight between recvmmsg and flush. Long runs of the same system call stay in the
	 * instruction cache: at saturation a relayed packet took 4.5 us with 64 of them, 4.0 with 128, 3.7
	 * with 256 and no less with 512. */
	SLOTS = 256,
	EVENTS = 256,       /* sockets asked for in one epoll_wait */
	PACKETS = 256,      /* handed to an owner at once */
	QUEUE = 1024,       /* packets waiting for the flush */
	SEGMENTS_MAX = 128, /* of one GRO train: UDP_MAX_SEGMENTS of Linux */
	GSO_SEGMENTS = 64,  /* of one GSO send: what Linux 4.18 to 6.8 allow */
	GSO_BYTES = 65000,  /* below the largest IP packet with all its headers */
	DATAGRAM_MAX = 65536,
	SLOT_ROOM =
		PACKET_HEADROOM + DATAGRAM_MAX + SEGMENTS_MAX * (PACKET_HEADROOM + PACKET_TAILROOM),
	/* Slots begin in different cache sets: with a multiple of 4096 the first lines of all would
	 * share one set. */
	SLOT_STRIDE = (SLOT_ROOM + 4095) / 4096 * 4096 + 320,
};

struct outgoing {
	uint8_t *data;
	uint32_t len;
	uint8_t ttl, tos;
	struct outgoing *next; /* of the same socket */
	struct transport_addr dst;
};

struct mmsg_socket {
	struct io_socket socket;
	int fd; /* owned; -1 once detached */
	int family;
	struct io_handler handler;
	struct list node; /* in mmsg.dirty while something waits, in mmsg.dead at the end */
	struct outgoing *first, **last;
	size_t gso_limit; /* longest segment of a train; beyond, datagrams go one by one */
	/* The address that last took no train of its size, and what it takes: one client with a small
	 * MTU does not slow down the others of a listener. */
	struct transport_addr narrow_dst;
	size_t narrow_limit;
};

struct mmsg {
	struct io io;
	struct io_settings settings;
	int epoll;           /* owned */
	struct event *event; /* owned: the epoll instance is readable */
	uint8_t *slots;      /* owned: SLOTS of SLOT_STRIDE */
	unsigned slots_used;
	bool is_in_round;
	struct list dirty, dead;

	struct mmsghdr in[SLOTS];
	struct iovec in_iov[SLOTS];
	struct transport_addr in_src[SLOTS];
	_Alignas(struct cmsghdr) uint8_t in_control[SLOTS][MMSG_CONTROL_SIZE];
	struct packet packets[PACKETS];

	unsigned queued;
	struct outgoing queue[QUEUE];
	struct mmsghdr out[SLOTS];
	struct iovec out_iov[QUEUE];
	_Alignas(struct cmsghdr) uint8_t out_control[SLOTS][MMSG_CONTROL_SIZE];
};

static void on_readable(evutil_socket_t fd, short what, void *context);
static void slot_reset(struct mmsg *mmsg, unsigned slot);
static void socket_read(struct mmsg *mmsg, struct mmsg_socket *socket);
static void socket_read_error(struct mmsg_socket *socket);
static void end_batch(struct mmsg *mmsg);
static void socket_send_queue(struct mmsg *mmsg, struct mmsg_socket *socket);
static void bury_dead(struct mmsg *mmsg);

static struct mmsg *mmsg_of(struct io *io)
{
	return CONTAINER_OF(io, struct mmsg, io);
}

static struct mmsg_socket *socket_of(struct io_socket *socket)
{
	return CONTAINER_OF(socket, struct mmsg_socket, socket);
}

static enum err mmsg_open(struct event_base *base, const struct io_settings *settings,
                          struct io **io)
{
	enum err err = ERR_NO_MEMORY;
	struct mmsg *mmsg = calloc(1, sizeof *mmsg);

	if (mmsg == NULL)
		return ERR_NO_MEMORY;
	mmsg->io.backend = &io_mmsg;
	mmsg->settings = *settings;
	list_init(&mmsg->dirty);
	list_init(&mmsg->dead);
	/* Mapped and not allocated: pages that no datagram is long enough for are never touched. */
	mmsg->slots = mmap(NULL, (size_t)SLOTS * SLOT_STRIDE, PROT_READ | PROT_WRITE,
	                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mmsg->slots == MAP_FAILED)
		goto fail_slots;
	err = ERR_SYSTEM;
	mmsg->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (mmsg->epoll < 0)
		goto fail_epoll;
	err = ERR_NO_MEMORY;
	mmsg->event = event_new(base, mmsg->epoll, EV_READ | EV_PERSIST, on_readable, mmsg);
	if (mmsg->event == NULL || event_add(mmsg->event, NULL) != 0)
		goto fail_event;
	for (unsigned i = 0; i < SLOTS; i++)
		slot_reset(mmsg, i);
	*io = &mmsg->io;
	return OK;

fail_event:
	if (mmsg->event != NULL)
		event_free(mmsg->event);
	close(mmsg->epoll);
fail_epoll:
	munmap(mmsg->slots, (size_t)SLOTS * SLOT_STRIDE);
fail_slots:
	free(mmsg);
	return err;
}

static void mmsg_close(struct io *io)
{
	struct mmsg *mmsg = mmsg_of(io);

	bury_dead(mmsg);
	event_free(mmsg->event);
	close(mmsg->epoll);
	munmap(mmsg->slots, (size_t)SLOTS * SLOT_STRIDE);
	free(mmsg);
}

static enum err mmsg_attach(struct io *io, int fd, int family, const struct io_handler *handler,
                            struct io_socket **result)
{
	struct mmsg *mmsg = mmsg_of(io);
	struct mmsg_socket *socket = calloc(1, sizeof *socket);
	struct epoll_event interest = {.events = EPOLLIN, .data.ptr = socket};

	if (socket == NULL)
		return ERR_NO_MEMORY;
	socket->socket.io = io;
	socket->fd = fd;
	socket->family = family;
	socket->handler = *handler;
	socket->last = &socket->first;
	socket->gso_limit = mmsg->settings.gso ? GSO_BYTES / 2 : 0;
	if (mmsg_control_enable(fd, family, mmsg->settings.gro, handler->icmp != NULL) != OK ||
	    epoll_ctl(mmsg->epoll, EPOLL_CTL_ADD, fd, &interest) != 0) {
		free(socket);
		return ERR_SYSTEM;
	}
	*result = &socket->socket;
	return OK;
}

/* The structure outlives the call until the round ends: epoll may have named it already. */
static int mmsg_release(struct io_socket *io_socket)
{
	struct mmsg *mmsg = mmsg_of(io_socket->io);
	struct mmsg_socket *socket = socket_of(io_socket);
	int fd = socket->fd;

	socket_send_queue(mmsg, socket);
	epoll_ctl(mmsg->epoll, EPOLL_CTL_DEL, fd, NULL);
	socket->fd = -1;
	list_append(&mmsg->dead, &socket->node);
	if (!mmsg->is_in_round)
		bury_dead(mmsg);
	return fd;
}

static void mmsg_detach(struct io_socket *socket)
{
	close(mmsg_release(socket));
}

static void bury_dead(struct mmsg *mmsg)
{
	LIST_FOR_EACH (node, &mmsg->dead) {
		list_remove(node);
		free(CONTAINER_OF(node, struct mmsg_socket, node));
	}
}

/* ---- in ---- */

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	struct mmsg *mmsg = context;
	struct epoll_event events[EVENTS];
	int n = epoll_wait(fd, events, EVENTS, 0);

	(void)what;
	mmsg->is_in_round = true;
	for (int i = 0; i < n; i++) {
		struct mmsg_socket *socket = events[i].data.ptr;

		if (events[i].events & EPOLLERR && socket->fd >= 0)
			socket_read_error(socket);
		if (events[i].events & EPOLLIN && socket->fd >= 0)
			socket_read(mmsg, socket);
	}
	end_batch(mmsg);
	mmsg->is_in_round = false;
	bury_dead(mmsg);
}

static uint8_t *slot_frame(struct mmsg *mmsg, unsigned slot)
{
	return mmsg->slots + (size_t)slot * SLOT_STRIDE;
}

static void slot_reset(struct mmsg *mmsg, unsigned slot)
{
	mmsg->in_iov[slot] = (struct iovec){
		.iov_base = slot_frame(mmsg, slot) + PACKET_HEADROOM,
		.iov_len = DATAGRAM_MAX,
	};
	mmsg->in[slot].msg_hdr = (struct msghdr){
		.msg_name = &mmsg->in_src[slot],
		.msg_namelen = sizeof mmsg->in_src[slot],
		.msg_iov = &mmsg->in_iov[slot],
		.msg_iovlen = 1,
		.msg_control = mmsg->in_control[slot],
		.msg_controllen = sizeof mmsg->in_control[slot],
	};
}

static void end_batch(struct mmsg *mmsg)
{
	mmsg->settings.batch_ended(mmsg->settings.context);
	io_flush(&mmsg->io);
	mmsg->slots_used = 0;
}

static void deliver(struct mmsg_socket *socket, struct packet *packets, size_t *n)
{
	/* The owner may have detached the socket while it handled the packets before these. */
	if (*n > 0 && socket->fd >= 0)
		socket->handler.receive(socket->handler.owner, packets, *n);
	*n = 0;
}

static void packet_init(struct packet *packet, uint8_t *frame, size_t headroom, size_t len,
                        size_t tailroom)
{
	packet->frame = frame;
	packet->data = frame + headroom;
	packet->len = len;
	packet->size = headroom + len + tailroom;
}

/* Moves the segments of a GRO train apart, the last one first, so that each has room for what is
 * written before and behind it. Returns how many there are. */
static size_t train_spread(uint8_t *frame, size_t len, size_t segment_len)
{
	size_t n = (len + segment_len - 1) / segment_len;
	size_t gap = PACKET_HEADROOM + PACKET_TAILROOM;

	for (size_t i = n; i-- > 1;) {
		size_t at = i * segment_len;
		size_t part = len - at < segment_len ? len - at : segment_len;

		memmove(frame + PACKET_HEADROOM + at + i * gap, frame + PACKET_HEADROOM + at, part);
	}
	return n;
}

/* Gives a received slot to the owner packet by packet: one, or as many as a GRO train has. */
static void slot_deliver(struct mmsg *mmsg, struct mmsg_socket *socket, unsigned slot,
                         size_t *packet_count)
{
	struct mmsg_control control;
	uint8_t *frame = slot_frame(mmsg, slot);
	size_t len = mmsg->in[slot].msg_len, segment_len, n = 1, gap = 0;

	mmsg_control_get(&mmsg->in[slot].msg_hdr, &control);
	segment_len =
		control.segment_len != 0 && control.segment_len < len ? control.segment_len : len;
	if (segment_len < len) {
		n = (len + segment_len - 1) / segment_len;
		if (n > SEGMENTS_MAX)
			return;
		if (socket->handler.needs_headroom) {
			train_spread(frame, len, segment_len);
			gap = PACKET_HEADROOM + PACKET_TAILROOM;
		}
		counter_add(mmsg->settings.counters, COUNT_io_gro_packets, n);
	}
	counter_add(mmsg->settings.counters, COUNT_io_receive_packets, n);
	for (size_t i = 0; i < n; i++) {
		size_t at = i * segment_len;
		struct packet *packet = &mmsg->packets[*packet_count];

		packet_init(packet, frame + at + i * gap, PACKET_HEADROOM,
		            len - at < segment_len ? len - at : segment_len, PACKET_TAILROOM);
		packet->src = mmsg->in_src[slot];
		packet->ttl = control.ttl;
		packet->tos = control.tos;
		if (++*packet_count == PACKETS)
			deliver(socket, mmsg->packets, packet_count);
	}
}

/* Takes what the socket has, as far as there are slots. No call is made to hear EAGAIN: when more
 * was left behind, epoll tells again, after the other sockets had their turn. */
static void socket_read(struct mmsg *mmsg, struct mmsg_socket *socket)
{
	unsigned first = mmsg->slots_used;
	size_t packet_count = 0;
	int n = recvmmsg(socket->fd, &mmsg->in[first], SLOTS - first, MSG_DONTWAIT, NULL);

	if (n <= 0)
		return; /* an ICMP error came first; epoll tells again */
	counter_add(mmsg->settings.counters, COUNT_io_receive_calls, 1);
	for (unsigned slot = first; slot < first + (unsigned)n; slot++) {
		slot_deliver(mmsg, socket, slot, &packet_count);
		mmsg->in[slot].msg_hdr.msg_namelen = sizeof mmsg->in_src[slot];
		mmsg->in[slot].msg_hdr.msg_controllen = MMSG_CONTROL_SIZE;
	}
	deliver(socket, mmsg->packets, &packet_count);
	mmsg->slots_used += (unsigned)n;
	if (mmsg->slots_used == SLOTS)
		end_batch(mmsg);
}

/* What an ICMP error looks like to a client: its type and code, and four bytes of its header. The
 * kernel's own refusal of a datagram with DF is told as the ICMP error that it stands for. */
static bool error_to_icmp(const struct sock_extended_err *error, uint8_t *type, uint8_t *code,
                          uint8_t data[4])
{
	put_u32(data, error->ee_info);
	if (error->ee_origin == SO_EE_ORIGIN_ICMP || error->ee_origin == SO_EE_ORIGIN_ICMP6) {
		*type = error->ee_type;
		*code = error->ee_code;
		return true;
	}
	if (error->ee_origin != SO_EE_ORIGIN_LOCAL || error->ee_errno != EMSGSIZE)
		return false;
	*type = ICMP_DEST_UNREACH;
	*code = ICMP_FRAG_NEEDED;
	return true;
}

/* Takes one error; the socket stays readable while there are more. */
static void socket_read_error(struct mmsg_socket *socket)
{
	struct transport_addr dst;
	_Alignas(struct cmsghdr) uint8_t control[512];
	uint8_t bytes[1];
	struct iovec iov = {bytes, sizeof bytes};
	struct msghdr message = {
		.msg_name = &dst,
		.msg_namelen = sizeof dst,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof control,
	};

	if (recvmsg(socket->fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0 ||
	    socket->handler.icmp == NULL)
		return;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
		struct sock_extended_err error;
		uint8_t type, code, data[4];

		if (!(c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) &&
		    !(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
			continue;
		memcpy(&error, CMSG_DATA(c), sizeof error);
		if (error_to_icmp(&error, &type, &code, data))
			socket->handler.icmp(socket->handler.owner, &dst, type, code, data);
		return;
	}
}

/* ---- out ---- */

static void mmsg_send(struct io_socket *io_socket, const struct packet *packet,
                      const struct transport_addr *dst)
{
	struct mmsg *mmsg = mmsg_of(io_socket->io);
	struct mmsg_socket *socket = socket_of(io_socket);

	if (mmsg->queued == QUEUE)
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

static void mmsg_flush(struct io *io)
{
	struct mmsg *mmsg = mmsg_of(io);

	while (!list_is_empty(&mmsg->dirty))
		socket_send_queue(mmsg,
		                  CONTAINER_OF(list_first(&mmsg->dirty), struct mmsg_socket, node));
	mmsg->queued = 0;
}

/* May the packet be one more segment of a train whose segments are segment_len long? */
static bool train_takes(const struct outgoing *head, const struct outgoing *next, size_t segments,
                        size_t bytes)
{
	return next != NULL && next->len <= head->len && next->len > 0 && segments < GSO_SEGMENTS &&
	       bytes + next->len <= GSO_BYTES && next->ttl == head->ttl && next->tos == head->tos &&
	       addr_equal(&next->dst, &head->dst);
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
		for (int i = 0; i < sent; i++)
			count_sent(mmsg, &mmsg->out[done + (unsigned)i].msg_hdr);
		if (sent > 0)
			done += (unsigned)sent;
		else if (errno != EINTR)
			send_refused(mmsg, socket, &mmsg->out[done++].msg_hdr);
	}
}

static void socket_send_queue(struct mmsg *mmsg, struct mmsg_socket *socket)
{
	struct outgoing *packet = socket->first;

	while (packet != NULL) {
		unsigned n = 0;
		size_t iov_used = 0;

		while (packet != NULL && n < SLOTS) {
			packet = message_fill(mmsg, socket, n, &mmsg->out_iov[iov_used], packet);
			iov_used += mmsg->out[n++].msg_hdr.msg_iovlen;
		}
		send_messages(mmsg, socket, n);
	}
	socket->first = NULL;
	socket->last = &socket->first;
	list_remove(&socket->node);
}

/* DF is the socket's property in Linux, not a datagram's: set, send, clear. */
static void mmsg_send_whole(struct io_socket *io_socket, const struct packet *packet,
                            const struct transport_addr *dst)
{
	struct mmsg *mmsg = mmsg_of(io_socket->io);
	struct mmsg_socket *socket = socket_of(io_socket);

	socket_send_queue(mmsg, socket);
	mmsg_control_dont_fragment(socket->fd, socket->family, true);
	mmsg_send(io_socket, packet, dst);
	socket_send_queue(mmsg, socket);
	mmsg_control_dont_fragment(socket->fd, socket->family, false);
}

const struct io_backend io_mmsg = {
	.name = "mmsg",
	.open = mmsg_open,
	.close = mmsg_close,
	.attach = mmsg_attach,
	.detach = mmsg_detach,
	.release = mmsg_release,
	.send = mmsg_send,
	.send_whole = mmsg_send_whole,
	.flush = mmsg_flush,
};
