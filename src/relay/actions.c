/* What the core asks for, carried out: messages, relayed addresses, keys, reports. */
#include <string.h>

#include "relay/client_move.h"
#include "relay/coturn_log.h"
#include "relay/handoff.h"
#include "relay/peer_connection.h"
#include "relay/relay_socket.h"
#include "relay/report.h"
#include "relay/reservation.h"
#include "relay/statsdb.h"
#include "relay/thread.h"

/* RFC 5780: the client asked to be answered from another address than it came to. So rare that it is
 * worth no batch, and that address may well be another thread's. */
static void act_send_elsewhere(struct relay_thread *thread, const struct turn_action *action)
{
	const struct udp_listener *listener =
		relay_thread_find_sender(thread, &action->message->src);

	if (listener == NULL ||
	    udp_listener_send_now(listener, action->message, &action->dst) != OK)
		counter_add(&thread->counters, COUNT_drop_send_failed, 1);
}

/* The core lends its message until it is asked again, io wants it until the flush: a copy. */
static void act_send(struct relay_thread *thread, const struct turn_action *action)
{
	struct path *path = action->path;
	struct packet packet = *action->message;

	if (path == NULL) {
		act_send_elsewhere(thread, action);
		return;
	}
	if (packet.len > REPLY_SIZE) {
		counter_add(&thread->counters, COUNT_drop_reply_full, 1);
		return;
	}
	if (thread->replies_used == REPLIES) {
		relay_thread_count_setups(thread);
		io_flush(thread->io);
		thread->replies_used = 0;
	}
	if (action->began_us != 0)
		thread->setup_began_us[thread->setups_used++] = action->began_us;
	packet.frame = packet.data = thread->replies[thread->replies_used++];
	packet.size = REPLY_SIZE;
	memcpy(packet.data, action->message->data, packet.len);
	path->ops->send(path, &packet, &action->dst);
}

/* One family, with the next higher port where EVEN-PORT reserves it. */
static bool open_family(struct relay_thread *thread, const struct turn_open_relay *open, int family,
                        struct relay_socket **socket, struct relay_socket **reserved)
{
	const struct transport_addr *frontend = &open->tuple->server;

	if (open->is_tcp)
		return relay_socket_listen(thread, family, frontend, socket) == OK;
	if (open->reserve_next)
		return relay_socket_open_pair(thread, family, frontend, socket, reserved) == OK;
	return relay_socket_open(thread, family, frontend, open->even_port, socket) == OK;
}

static void act_open_relay(struct relay_thread *thread, const struct turn_action *action,
                           timestamp now)
{
	static const int families[TURN_FAMILY_COUNT] = {AF_INET, AF_INET6};
	struct relay_socket *sockets[TURN_FAMILY_COUNT] = {NULL}, *reserved = NULL;
	struct turn_opened opened = {0};
	bool is_any = false;

	if (action->open.has_token) {
		reservation_claim(thread, action, now);
		return;
	}
	for (int i = 0; i < TURN_FAMILY_COUNT; i++)
		if (action->open.family[i] &&
		    open_family(thread, &action->open, families[i], &sockets[i], &reserved)) {
			opened.relay[i] = relay_socket_describe(sockets[i]);
			is_any = true;
		}
	if (!is_any) {
		turn_relay_failed(thread->server, action->cookie, now);
		return;
	}
	opened.reserved = relay_socket_describe(reserved);

	struct turn_allocation *allocation =
		turn_relay_opened(thread->server, action->cookie, &opened, now);
	for (int i = 0; i < TURN_FAMILY_COUNT; i++)
		if (sockets[i] != NULL)
			sockets[i]->allocation = allocation;
}

void relay_thread_act(struct relay_thread *thread, timestamp now)
{
	struct turn_action action;

	while (turn_next_action(thread->server, &action)) {
		switch (action.type) {
		case TURN_SEND:
			act_send(thread, &action);
			break;
		case TURN_OPEN_RELAY:
			act_open_relay(thread, &action, now);
			break;
		case TURN_CLOSE_RELAY:
			relay_socket_close(action.relay);
			break;
		case TURN_FIND_KEY:
			credentials_find(thread->credentials, thread->server, &action, now,
			                 timestamp_wall_ms() / 1000);
			break;
		case TURN_FLOW_ADDED:
		case TURN_FLOW_REMOVED:
			break; /* sockets carry every flow; an offload would be told here */
		case TURN_HANDOFF:
			handoff_send(thread, &action, now);
			break;
		case TURN_KEPT:
			relay_thread_client_again(thread, &action, now);
			break;
		case TURN_REPORT:
			report_log(thread->index, &action.report);
			statsdb_report(thread, &action.report);
			if (thread->config->log_coturn_sessions)
				coturn_log_report(&action.report);
			break;
		case TURN_CONNECT_PEER:
			peer_connection_open(thread, &action, now);
			break;
		case TURN_CLOSE_PEER:
			peer_connection_close(thread, action.cookie);
			break;
		case TURN_JOIN:
			peer_connection_join(thread, &action, now);
			break;
		case TURN_MOVE_CLIENT:
			client_move(thread, &action);
			break;
		case TURN_ANSWERED:
			report_log_answer(&action.answered);
			if (thread->config->log_coturn_sessions)
				coturn_log_answer(&action.answered, thread->index);
			break;
		case TURN_LIMIT_REACHED:
			report_log_limit(&action.reached);
			break;
		}
	}
}
