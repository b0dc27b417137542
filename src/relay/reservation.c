/* RESERVATION-TOKEN across threads.
 *
 *     asking thread                      holder: token[0] % thread_count
 *       TURN_OPEN_RELAY ── claim ───────► turn_reservation_take, release the socket
 *       adopt, turn_relay_opened ◄─ claim ┘
 */
#include "relay/reservation.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "relay/relay_socket.h"

struct claim { /* one letter, there and back */
	struct mail mail;
	struct relay_thread *asker;
	uint64_t cookie;
	struct turn_open_relay open; /* the token, and who asks: its texts are these */
	char username[TURN_USERNAME_MAX + 1], realm[TURN_REALM_MAX + 1];
	int fd; /* -1: not found */
	const struct relay_address *address;
	uint16_t port;
};

static void on_claim(struct mail *mail, void *holder);
static void on_answer(struct mail *mail, void *asker);

static void answer_opened(struct relay_thread *thread, uint64_t cookie, struct relay_socket *socket,
                          timestamp now)
{
	struct turn_opened opened = {0};
	enum turn_family family = addr_family(&socket->addr) == AF_INET ? TURN_IPV4 : TURN_IPV6;

	opened.relay[family] = relay_socket_describe(socket);
	socket->allocation = turn_relay_opened(thread->server, cookie, &opened, now);
}

static void claim_here(struct relay_thread *thread, const struct turn_action *action, timestamp now)
{
	struct turn_relay relay;

	if (turn_reservation_take(thread->server, &action->open, &relay))
		answer_opened(thread, action->cookie, relay.relay, now);
	else
		turn_relay_failed(thread->server, action->cookie, now);
}

static void claim_there(struct relay_thread *thread, struct relay_thread *holder,
                        const struct turn_action *action, timestamp now)
{
	struct claim *claim = calloc(1, sizeof *claim);

	if (claim == NULL) {
		turn_relay_failed(thread->server, action->cookie, now);
		return;
	}
	claim->mail.deliver = on_claim;
	claim->asker = thread;
	claim->cookie = action->cookie;
	claim->fd = -1;
	claim->open = (struct turn_open_relay){
		.username = claim->username,
		.realm = claim->realm,
	};
	memcpy(claim->open.token, action->open.token, sizeof claim->open.token);
	strncpy(claim->username, action->open.username, sizeof claim->username - 1);
	strncpy(claim->realm, action->open.realm, sizeof claim->realm - 1);
	mailbox_post(holder->mailbox, &claim->mail);
}

void reservation_claim(struct relay_thread *thread, const struct turn_action *action, timestamp now)
{
	unsigned holder = action->open.token[0] % thread->relay->thread_count;

	if (holder == thread->index)
		claim_here(thread, action, now);
	else
		claim_there(thread, thread->relay->threads[holder], action, now);
}

static void on_claim(struct mail *mail, void *receiver)
{
	struct relay_thread *holder = receiver;
	struct claim *claim = CONTAINER_OF(mail, struct claim, mail);
	struct turn_relay relay;

	if (turn_reservation_take(holder->server, &claim->open, &relay)) {
		struct relay_socket *socket = relay.relay;
		claim->address = socket->address;
		claim->port = addr_port(&socket->addr);
		claim->fd = relay_socket_release(socket);
	}
	mail->deliver = on_answer;
	mailbox_post(claim->asker->mailbox, mail);
}

static void on_answer(struct mail *mail, void *receiver)
{
	struct relay_thread *asker = receiver;
	struct claim *claim = CONTAINER_OF(mail, struct claim, mail);
	struct relay_socket *socket;
	timestamp now = timestamp_now();

	if (claim->fd >= 0 &&
	    relay_socket_adopt(asker, claim->fd, claim->address, claim->port, &socket) == OK)
		answer_opened(asker, claim->cookie, socket, now);
	else
		turn_relay_failed(asker->server, claim->cookie, now);
	free(claim);
}
