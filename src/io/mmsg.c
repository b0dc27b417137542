/* Datagrams on ordinary sockets: a batch in by recvmmsg, a batch out by sendmmsg, equal datagrams to
 * one address as one GSO send. This file is the back end and its sockets' life; the way in is left to
 * mmsg_receive.c, the way out to mmsg_send.c, what the packets mean to the owners of the sockets.
 *
 * One round, which is one call of mmsg_on_readable:
 *
 *     epoll_wait ─► for each socket: recvmmsg into free slots ─► owner ─► io_send queues
 *                   slots used up, or no socket left: batch_ended ─► flush: one sendmmsg a socket
 *
 * The sockets have an epoll instance of their own inside libevent's: an event costs no look-up and
 * an idle allocation no struct event. Patient sockets have another, so that none of them is told while
 * they are held. */
#include "io/mmsg.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

static enum err watch(struct mmsg *mmsg, struct event_base *base, int *epoll, struct event **event)
{
	*epoll = epoll_create1(EPOLL_CLOEXEC);
	if (*epoll < 0)
		return ERR_SYSTEM;
	*event = event_new(base, *epoll, EV_READ | EV_PERSIST, mmsg_on_readable, mmsg);
	if (*event != NULL && event_add(*event, NULL) == 0)
		return OK;
	if (*event != NULL)
		event_free(*event);
	close(*epoll);
	return ERR_NO_MEMORY;
}

static void unwatch(int epoll, struct event *event)
{
	event_free(event);
	close(epoll);
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
	if (mmsg_slots_init(mmsg) != OK)
		goto fail_slots;
	err = watch(mmsg, base, &mmsg->epoll, &mmsg->event);
	if (err != OK)
		goto fail_watch;
	err = watch(mmsg, base, &mmsg->patient_epoll, &mmsg->patient_event);
	if (err != OK)
		goto fail_patient;
	*io = &mmsg->io;
	return OK;

fail_patient:
	unwatch(mmsg->epoll, mmsg->event);
fail_watch:
	mmsg_slots_deinit(mmsg);
fail_slots:
	free(mmsg);
	return err;
}

static void mmsg_close(struct io *io)
{
	struct mmsg *mmsg = mmsg_of(io);

	mmsg_bury_dead(mmsg);
	unwatch(mmsg->patient_epoll, mmsg->patient_event);
	unwatch(mmsg->epoll, mmsg->event);
	mmsg_slots_deinit(mmsg);
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
	socket->epoll = handler->is_patient ? mmsg->patient_epoll : mmsg->epoll;
	socket->family = family;
	socket->handler = *handler;
	socket->last = &socket->first;
	socket->gso_limit = mmsg->settings.gso ? MMSG_GSO_BYTES / 2 : 0;
	if (mmsg_control_enable(fd, family, mmsg->settings.gro, handler->icmp != NULL) != OK ||
	    epoll_ctl(socket->epoll, EPOLL_CTL_ADD, fd, &interest) != 0) {
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
	struct mmsg_socket *socket = mmsg_socket_of(io_socket);
	int fd = socket->fd;

	mmsg_socket_send_queue(mmsg, socket);
	epoll_ctl(socket->epoll, EPOLL_CTL_DEL, fd, NULL);
	socket->fd = -1;
	list_append(&mmsg->dead, &socket->node);
	if (!mmsg->is_in_round)
		mmsg_bury_dead(mmsg);
	return fd;
}

static void mmsg_detach(struct io_socket *socket)
{
	close(mmsg_release(socket));
}

static bool mmsg_hold(struct io *io)
{
	struct mmsg *mmsg = mmsg_of(io);

	return !mmsg->has_more && event_del(mmsg->patient_event) == 0;
}

static void mmsg_unhold(struct io *io)
{
	struct mmsg *mmsg = mmsg_of(io);

	(void)event_add(mmsg->patient_event, NULL); /* had its place in the loop before */
	mmsg_on_readable(mmsg->patient_epoll, EV_READ, mmsg);
}

void mmsg_bury_dead(struct mmsg *mmsg)
{
	LIST_FOR_EACH (node, &mmsg->dead) {
		list_remove(node);
		free(CONTAINER_OF(node, struct mmsg_socket, node));
	}
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
	.hold = mmsg_hold,
	.unhold = mmsg_unhold,
};
