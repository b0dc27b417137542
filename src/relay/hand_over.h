/* What crosses threads where a listener thread, a door, meets clients for relay threads:
 *
 *   door                                   relay thread
 *     hand_over (its socket) ────────────► adopts it
 *     ◄──────────────────── hand_over ─┘   or refused it
 *     datagram of such a client ─────────► its endpoint's; or back: ended meanwhile
 *     ◄───────────────────── datagram ─┘   that an endpoint's socket got before it was connected,
 *                                          or whose client was refused
 *     forgets the client ◄─── departure    silent, without a session
 *
 * A door knows the thread of each of its clients from hand-over to end. Letters of one sender arrive in
 * the order they were posted, so that a datagram which comes back does so behind the end of its
 * client's endpoint, and is then a new client's. */
#pragma once

#include "base/addr.h"
#include "base/mailbox.h"
#include "base/packet.h"

struct relay_thread;

/* A client; one letter, there and back. */
struct hand_over {
	struct mail mail;
	struct relay_thread *door, *taker;
	struct five_tuple tuple; /* UDP, also of DTLS clients; or TCP, also of TLS ones */
	int fd;                  /* of an endpoint or connection; given away */
	bool is_refused;
};

/* The end of a client's endpoint; made with it, so that it can always be told. */
struct departure {
	struct mail mail;
	struct relay_thread *door;
	struct five_tuple tuple;
};

struct datagram_letter {
	struct mail mail;
	struct relay_thread *door;
	struct packet packet; /* .src: the client, .dst: the frontend */
	/* What its client was handed over for. If that was refused it comes back to be answered so, and
	 * not to be handed over again, or it would be for ever on its way. */
	bool is_first;
	uint8_t frame[];
};

/* Copies a datagram; deliver() takes it over. NULL when out of memory. */
struct datagram_letter *datagram_letter_create(struct relay_thread *door,
                                               const struct packet *packet,
                                               const struct transport_addr *server,
                                               void (*deliver)(struct mail *mail, void *receiver));

/* What arrives at the door: src/relay/door.c. All on its thread. */

void door_on_answer(struct mail *hand_over, void *door_thread);
void door_on_datagram(struct mail *datagram, void *door_thread);
void door_on_departure(struct mail *departure, void *door_thread);

/* What arrives at the relay thread: src/relay/arrivals.c. All on its thread. */

void arrivals_on_hand_over(struct mail *hand_over, void *thread);
void arrivals_on_datagram(struct mail *datagram, void *thread);
/* What its endpoints' host has as stray and ended. */
void arrivals_stray(void *thread, void *departure, const struct packet *packet);
void arrivals_ended(void *thread, void *departure);
