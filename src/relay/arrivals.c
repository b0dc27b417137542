/* A relay thread's side of handing clients over: those that arrive get a place among its endpoints or
 * connections. Who comes here is left to door.c. */
#include <stdlib.h>
#include <unistd.h>

#include "base/list.h"
#include "listeners/udp_endpoint.h"
#include "relay/hand_over.h"
#include "relay/thread.h"

static void adopt_stream(struct relay_thread *thread, const struct hand_over *letter);
static bool adopt_endpoint(struct relay_thread *thread, const struct hand_over *letter);
static struct udp_endpoints *endpoints_of(const struct relay_thread *thread,
                                          const struct transport_addr *server);

void arrivals_on_hand_over(struct mail *mail, void *receiver)
{
	struct relay_thread *thread = receiver;
	struct hand_over *letter = CONTAINER_OF(mail, struct hand_over, mail);

	if (thread->is_ending) {
		close(letter->fd);
		free(letter);
		return;
	}
	if (transport_is_stream(letter->tuple.transport))
		adopt_stream(thread, letter);
	else
		letter->is_refused = !adopt_endpoint(thread, letter);
	mail->deliver = door_on_answer;
	mailbox_post(letter->door->mailbox, mail);
}

/* Too many are refused by the listener. The door may have accepted it before it heard that the listener is
 * to go. */
static void adopt_stream(struct relay_thread *thread, const struct hand_over *letter)
{
	const struct transport_addr *server = &letter->tuple.server;
	struct tcp_listener *listener = listener_set_tcp(&thread->serving, server);

	if (listener == NULL)
		listener = listener_set_tcp(&thread->drained, server);
	if (listener != NULL)
		tcp_listener_adopt(listener, &letter->tuple.client, letter->fd);
	else
		close(letter->fd);
}

static bool adopt_endpoint(struct relay_thread *thread, const struct hand_over *letter)
{
	struct udp_endpoints *endpoints = endpoints_of(thread, &letter->tuple.server);
	struct departure *departure = calloc(1, sizeof *departure);

	if (departure == NULL || endpoints == NULL)
		goto refuse;
	departure->mail.deliver = door_on_departure;
	departure->door = letter->door;
	departure->tuple = letter->tuple;
	if (udp_endpoint_adopt(endpoints, &letter->tuple.client, letter->fd, departure) == OK)
		return true;

refuse:
	free(departure);
	close(letter->fd);
	counter_add(&thread->counters, COUNT_endpoints_refused, 1);
	return false;
}

static struct udp_endpoints *endpoints_of(const struct relay_thread *thread,
                                          const struct transport_addr *server)
{
	struct udp_endpoints *endpoints = listener_set_endpoints(&thread->serving, server);

	return endpoints != NULL ? endpoints : listener_set_endpoints(&thread->drained, server);
}

void arrivals_on_datagram(struct mail *mail, void *receiver)
{
	struct relay_thread *thread = receiver;
	struct datagram_letter *letter = CONTAINER_OF(mail, struct datagram_letter, mail);
	struct udp_endpoints *endpoints = endpoints_of(thread, &letter->packet.dst);

	if (!thread->is_ending && endpoints != NULL) {
		if (!udp_endpoints_input(endpoints, &letter->packet)) {
			mail->deliver = door_on_datagram;
			mailbox_post(letter->door->mailbox, mail);
			return;
		}
		relay_thread_act(thread, timestamp_now());
		relay_thread_settle(thread); /* a peer may be about to be sent its bytes */
	}
	free(letter);
}

void arrivals_stray(void *context, void *guest, const struct packet *packet)
{
	struct relay_thread *thread = context;
	const struct departure *departure = guest;
	struct datagram_letter *letter = datagram_letter_create(
		departure->door, packet, &departure->tuple.server, door_on_datagram);

	if (letter == NULL) {
		counter_add(&thread->counters, COUNT_drop_no_memory, 1);
		return;
	}
	counter_add(&thread->counters, COUNT_passed_on, 1);
	mailbox_post(letter->door->mailbox, &letter->mail);
}

/* At the end of the server nobody reads letters any more. */
void arrivals_ended(void *context, void *guest)
{
	struct relay_thread *thread = context;
	struct departure *departure = guest;

	if (thread->is_ending)
		free(departure);
	else
		mailbox_post(departure->door->mailbox, &departure->mail);
}
