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
 * an idle allocation no struct event. */
#include "io/mmsg.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

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
	err = ERR_SYSTEM;
	mmsg->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (mmsg->epoll < 0)
		goto fail_epoll;
	err = ERR_NO_MEMORY;
	mmsg->event = event_new(base, mmsg->epoll, EV_READ | EV_PERSIST, mmsg_on_readable, mmsg);
	if (mmsg->event == NULL || event_add(mmsg->event, NULL) != 0)
		goto fail_event;
	*io = &mmsg->io;
	return OK;

fail_event:
	if (mmsg->event != NULL)
		event_free(mmsg->event);
	close(mmsg->epoll);
fail_epoll:
	mmsg_slots_deinit(mmsg);
fail_slots:
	free(mmsg);
	return err;
}

static void mmsg_close(struct io *io)
{
	struct mmsg *mmsg = mmsg_of(io);

	mmsg_bury_dead(mmsg);
	event_free(mmsg->event);
	close(mmsg->epoll);
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
	socket->family = family;
	socket->handler = *handler;
	socket->last = &socket->first;
	socket->gso_limit = mmsg->settings.gso ? MMSG_GSO_BYTES / 2 : 0;
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
	struct mmsg_socket *socket = mmsg_socket_of(io_socket);
	int fd = socket->fd;

	mmsg_socket_send_queue(mmsg, socket);
	epoll_ctl(mmsg->epoll, EPOLL_CTL_DEL, fd, NULL);
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
};
