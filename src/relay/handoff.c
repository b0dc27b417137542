/* Mobility across threads. A letter lies in the handoff that it carries, so that none is lost for want of
 * memory. Sockets leave their thread before the letter does; what peers send meanwhile waits in the
 * kernel's queue.
 *
 *     owner's thread                              thread of the new 5-tuple
 *       release the sockets ── letter ──────────►  adopt them, turn_handoff_input
 */
#include "relay/handoff.h"

#include <assert.h>
#include <unistd.h>

#include "relay/relay_socket.h"

struct passenger {                           /* a socket between threads */
	const struct relay_address *address; /* NULL: none */
	int fd;
	uint16_t port;
};

struct letter {
	struct mail mail;
	struct passenger passengers[TURN_FAMILY_COUNT];
};
static_assert(sizeof(struct letter) <= sizeof((struct turn_handoff *)0)->carrier,
              "a letter fits in its handoff");
static_assert(_Alignof(struct letter) <= _Alignof(struct turn_handoff), "and is aligned there");

static void on_letter(struct mail *mail, void *receiver);
static struct turn_relay get_on(struct relay_thread *thread, const struct passenger *passenger);
static void lose(struct relay_thread *thread, const struct letter *letter,
                 struct turn_handoff *handoff);

static struct letter *letter_of(struct turn_handoff *handoff)
{
	return (struct letter *)handoff->carrier;
}

static struct passenger get_off(struct relay_socket *socket)
{
	if (socket == NULL)
		return (struct passenger){.fd = -1};

	struct passenger passenger = {.address = socket->address, .port = addr_port(&socket->addr)};
	passenger.fd = relay_socket_release(socket);
	return passenger;
}

void handoff_send(struct relay_thread *thread, const struct turn_action *action, timestamp now)
{
	struct turn_handoff *handoff = action->handoff;
	struct letter *letter = letter_of(handoff);

	if (action->thread == thread->index) {
		turn_handoff_input(thread->server, handoff, now); /* sockets stay where they are */
		return;
	}
	letter->mail.deliver = on_letter;
	for (int family = 0; family < TURN_FAMILY_COUNT; family++)
		letter->passengers[family] = get_off(handoff->relay[family].relay);
	mailbox_post(thread->relay->threads[action->thread]->mailbox, &letter->mail);
}

static void on_letter(struct mail *mail, void *receiver)
{
	struct relay_thread *thread = receiver;
	struct letter *letter = CONTAINER_OF(mail, struct letter, mail);
	struct turn_handoff *handoff = CONTAINER_OF((void *)letter, struct turn_handoff, carrier);
	struct relay_socket *sockets[TURN_FAMILY_COUNT];

	if (thread->is_ending) {
		lose(thread, letter, handoff);
		return;
	}
	for (int family = 0; family < TURN_FAMILY_COUNT; family++) {
		struct turn_relay relay = get_on(thread, &letter->passengers[family]);
		sockets[family] = relay.relay;
		handoff->relay[family] = relay;
	}
	struct turn_allocation *allocation =
		turn_handoff_input(thread->server, handoff, timestamp_now());
	for (int family = 0; family < TURN_FAMILY_COUNT; family++)
		if (sockets[family] != NULL)
			sockets[family]->allocation = allocation;
}

/* On failure the socket was closed, and the core is told that there is none. */
static struct turn_relay get_on(struct relay_thread *thread, const struct passenger *passenger)
{
	struct relay_socket *socket = NULL;

	if (passenger->address != NULL &&
	    relay_socket_adopt(thread, passenger->fd, passenger->address, passenger->port,
	                       &socket) != OK)
		socket = NULL;
	return relay_socket_describe(socket);
}

/* The process ends. */
static void lose(struct relay_thread *thread, const struct letter *letter,
                 struct turn_handoff *handoff)
{
	for (int family = 0; family < TURN_FAMILY_COUNT; family++) {
		const struct passenger *passenger = &letter->passengers[family];
		if (passenger->address == NULL)
			continue;
		close(passenger->fd);
		port_pool_give(passenger->address->ports, passenger->port);
	}
	turn_handoff_destroy(thread->server, handoff);
}
