/* Datagrams in: one round reads from each socket that has something, batch by batch, cuts GRO trains
 * into packets and lends them to the socket's owner; ICMP errors are told to it. What it answers
 * leaves by mmsg_send.c. */
#include "io/mmsg.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include "base/bytes.h"

enum {
	EVENTS = 256,       /* sockets asked for in one epoll_wait */
	SEGMENTS_MAX = 128, /* of one GRO train: UDP_MAX_SEGMENTS of Linux */
	DATAGRAM_MAX = 65536,
	SLOT_ROOM =
		PACKET_HEADROOM + DATAGRAM_MAX + SEGMENTS_MAX * (PACKET_HEADROOM + PACKET_TAILROOM),
	/* Slots begin in different cache sets: with a multiple of 4096 the first lines of all would
	 * share one set. */
	SLOT_STRIDE = (SLOT_ROOM + 4095) / 4096 * 4096 + 320,
};

static void slot_reset(struct mmsg *mmsg, unsigned slot);
static void socket_read(struct mmsg *mmsg, struct mmsg_socket *socket);
static void socket_read_error(struct mmsg_socket *socket);
static void end_batch(struct mmsg *mmsg);

enum err mmsg_slots_init(struct mmsg *mmsg)
{
	/* Mapped and not allocated: pages that no datagram is long enough for are never touched. */
	mmsg->slots = mmap(NULL, (size_t)MMSG_SLOTS * SLOT_STRIDE, PROT_READ | PROT_WRITE,
	                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mmsg->slots == MAP_FAILED)
		return ERR_NO_MEMORY;
	for (unsigned i = 0; i < MMSG_SLOTS; i++)
		slot_reset(mmsg, i);
	return OK;
}

void mmsg_slots_deinit(struct mmsg *mmsg)
{
	munmap(mmsg->slots, (size_t)MMSG_SLOTS * SLOT_STRIDE);
}

void mmsg_on_readable(evutil_socket_t fd, short what, void *context)
{
	struct mmsg *mmsg = context;
	struct epoll_event events[EVENTS];
	int n = epoll_wait(fd, events, EVENTS, 0);
	bool is_patient = fd == mmsg->patient_epoll;

	(void)what;
	mmsg->is_in_round = true;
	mmsg->has_more |= is_patient; /* during the round */
	mmsg->is_cut_short = n == EVENTS;
	for (int i = 0; i < n; i++) {
		struct mmsg_socket *socket = events[i].data.ptr;

		if (events[i].events & EPOLLERR && socket->fd >= 0)
			socket_read_error(socket);
		if (events[i].events & EPOLLIN && socket->fd >= 0)
			socket_read(mmsg, socket);
	}
	if (is_patient)
		mmsg->has_more = mmsg->is_cut_short;
	end_batch(mmsg); /* may hold what comes next */
	mmsg->is_in_round = false;
	mmsg_bury_dead(mmsg);
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
		if (++*packet_count == MMSG_PACKETS)
			deliver(socket, mmsg->packets, packet_count);
	}
}

/* Takes what the socket has, as far as there are free slots. Returns whether there may be more. */
static bool socket_read_once(struct mmsg *mmsg, struct mmsg_socket *socket)
{
	unsigned first = mmsg->slots_used;
	size_t packet_count = 0;
	int n = recvmmsg(socket->fd, &mmsg->in[first], MMSG_SLOTS - first, MSG_DONTWAIT, NULL);

	if (n <= 0)
		return false; /* an ICMP error came first; epoll tells again */
	counter_add(mmsg->settings.counters, COUNT_io_receive_calls, 1);
	histogram_add(&mmsg->settings.counters->histogram[HISTOGRAM_receive_batch], (uint64_t)n);
	for (unsigned slot = first; slot < first + (unsigned)n; slot++) {
		slot_deliver(mmsg, socket, slot, &packet_count);
		mmsg->in[slot].msg_hdr.msg_namelen = sizeof mmsg->in_src[slot];
		mmsg->in[slot].msg_hdr.msg_controllen = MMSG_CONTROL_SIZE;
	}
	deliver(socket, mmsg->packets, &packet_count);
	mmsg->slots_used += (unsigned)n;
	if (mmsg->slots_used < MMSG_SLOTS)
		return false;
	end_batch(mmsg);
	return true;
}

/* Takes a batch of what the socket has. No call is made to hear EAGAIN: when more was left behind, epoll
 * tells again, after the other sockets had their turn. */
static void socket_read(struct mmsg *mmsg, struct mmsg_socket *socket)
{
	bool is_whole_batch = mmsg->slots_used == 0;
	bool has_more = socket_read_once(mmsg, socket);

	if (has_more && !is_whole_batch && socket->fd >= 0)
		has_more = socket_read_once(mmsg, socket); /* others had used slots */
	mmsg->is_cut_short |= has_more;
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

/* A connected socket is told of ICMP errors beside the queue of them; until that is read, epoll would
 * tell for ever. */
static void clear_error(const struct mmsg_socket *socket)
{
	int error;
	socklen_t len = sizeof error;

	(void)getsockopt(socket->fd, SOL_SOCKET, SO_ERROR, &error, &len);
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

	if (recvmsg(socket->fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
		clear_error(socket);
		return;
	}
	if (socket->handler.icmp == NULL)
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
