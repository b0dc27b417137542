/* One packet's way through the server: from a listener or relay socket to the core, and where the
 * core's verdict sends it. Nothing is allocated, logged or copied here. */
#include "relay/relay_socket.h"
#include "relay/thread.h"

static void send_to_peer(const struct packet *packet, const struct turn_forward *forward)
{
	struct relay_socket *socket = forward->relay;

	if (forward->dont_fragment)
		io_send_whole(socket->io, packet, &forward->dst);
	else
		io_send(socket->io, packet, &forward->dst);
}

void relay_thread_client_input(void *context, struct path *path, const struct five_tuple *tuples,
                               struct packet *packets, size_t n)
{
	struct relay_thread *thread = context;
	struct turn_forward forward;
	timestamp now = timestamp_now();

	for (size_t i = 0; i < n; i++) {
		switch (turn_client_input(thread->server, &tuples[i], path, &packets[i], now,
		                          &forward)) {
		case TURN_TO_PEER:
			send_to_peer(&packets[i], &forward);
			break;
		case TURN_CONSUMED:
		case TURN_DROP: /* of a limit, to be logged */
			relay_thread_act(thread, now);
			break;
		case TURN_TO_CLIENT: /* peers' packets alone */
		case TURN_HAND_OVER: /* doors alone */
			break;
		}
	}
}

/* It is lent for less time than io keeps what it is given. */
void relay_thread_client_again(struct relay_thread *thread, const struct turn_action *action,
                               timestamp now)
{
	struct packet packet = *action->message;
	struct turn_forward forward;

	if (turn_client_input(thread->server, action->tuple, action->path, &packet, now,
	                      &forward) != TURN_TO_PEER)
		return;
	send_to_peer(&packet, &forward);
	io_flush(thread->io);
}

void relay_thread_peer_input(void *owner, struct packet *packets, size_t n)
{
	struct relay_socket *socket = owner;
	struct relay_thread *thread = socket->thread;
	struct turn_forward forward;
	timestamp now = timestamp_now();

	/* A reserved address has no allocation yet, and so no permission. */
	if (socket->allocation == NULL) {
		counter_add(&thread->counters, COUNT_drop_no_permission, n); /* of no client yet */
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (turn_peer_input(thread->server, socket->allocation, &packets[i], now,
		                    &forward) != TURN_TO_CLIENT) {
			relay_thread_act(thread, now);
			continue;
		}
		struct path *path = forward.path;
		path->ops->send(path, &packets[i], &forward.dst);
	}
}

void relay_thread_peer_icmp(void *owner, const struct transport_addr *dst, uint8_t type,
                            uint8_t code, const uint8_t data[4])
{
	struct relay_socket *socket = owner;
	struct relay_thread *thread = socket->thread;
	timestamp now = timestamp_now();

	if (socket->allocation == NULL)
		return;
	turn_peer_icmp(thread->server, socket->allocation, dst, type, code, data, now);
	relay_thread_act(thread, now);
}
