/* A relay thread: pinned to a CPU, it owns its listeners, its TURN server with all sessions, its
 * sockets, timers and counters, and takes no lock. Other threads send it mail. A listener thread is one
 * whose TURN server is a door. */
#pragma once

#include <pthread.h>

#include "base/counters.h"
#include "base/hash_table.h"
#include "base/list.h"
#include "base/mailbox.h"
#include "base/pool.h"
#include "base/timer_wheel.h"
#include "io/io.h"
#include "listeners/listener.h"
#include "listeners/pipe_pool.h"
#include "relay/listener_set.h"
#include "relay/realms.h"
#include "relay/relay.h"

struct door;
struct event;
struct event_base;

enum {
	REPLY_SIZE = 2048, /* more than the core writes in one message */
	REPLIES = 64,      /* messages of the core that wait for one flush */
};

struct relay_thread {
	struct relay *relay; /* owner of this */
	/* By which it goes now; owner: relay, which may have another one already. */
	const struct config *config;
	unsigned index; /* in relay->threads */
	struct engine_role role;
	pthread_t pthread;
	bool is_running;      /* main's */
	bool is_ending;       /* the thread's own; once it has ended, of who destroys it */
	struct mail farewell; /* the last letter */

	struct event_base *base; /* owned, as all below */
	struct io *io;
	struct rounds *rounds;
	struct turn_server *server;
	struct realms *realms;
	struct quota_view quota; /* as this thread comes to it */
	char name_separator;     /* of time-limited names; 0: there are none */
	struct credentials *credentials;
	struct mailbox *mailbox;
	struct event *mail_event, *timeout_event;
	timestamp timeout_at; /* when timeout_event fires; TIMESTAMP_NEVER: it is not set */
	struct timer_wheel *timers;
	struct listener_host host;
	/* What is in them is owned too; changed by a reload, while a circular is under way. */
	struct listener_set serving;
	struct listener_set drained; /* those that are to go, once nobody needs them */
	/* The relay's, as of when this thread was last configured. */
	const struct udp_listener *const *senders;
	size_t sender_count;
	struct door *door; /* NULL: a relay thread */
	struct pool relay_sockets;
	struct list open_sockets;           /* of relay_socket.node */
	struct hash_table peer_connections; /* by the core's cookie */
	struct pipe_pool pipes;

	unsigned stats_under_way; /* letters to the status database that have not come back */

	/* What the core wrote and io has not sent yet; of the first success responses to Allocates among it
	 * when their requests came. */
	unsigned setups_used;
	uint64_t setup_began_us[REPLIES];
	unsigned replies_used;
	uint8_t replies[REPLIES][REPLY_SIZE];

	/* On cache lines of their own: other threads read them. */
	_Alignas(64) struct counters counters;
};

/* Makes a thread and opens its listeners, but does not start it. problem is one line. */
MUST_CHECK enum err relay_thread_create(struct relay *relay, unsigned index,
                                        struct relay_thread **thread, char problem[256]);
/* The thread has ended or never started. Closes what it had. NULL is fine. */
void relay_thread_destroy(struct relay_thread *thread);

/* Goes by what its relay has now; *fixed are made of it, and those of before come back. On the thread,
 * between two batches. */
void relay_thread_configure(struct relay_thread *thread, struct fixed_credentials **fixed);
/* What it takes to make them. */
struct credentials_settings relay_credentials_settings(const struct relay *relay);

enum { RELAY_THREAD_NAME_SIZE = 16 };
/* Writes its name, as the kernel knows it, and returns it: "relay-0", or "listener-0" of a door. */
const char *relay_thread_name(const struct relay_thread *thread, char name[RELAY_THREAD_NAME_SIZE]);
MUST_CHECK enum err relay_thread_start(struct relay_thread *thread);
/* Asks the thread to end and waits until it has. */
void relay_thread_join(struct relay_thread *thread);

/* Carries out what the core asks for, until it asks for nothing. On the thread, after each call of
 * the core that may have led to actions. */
void relay_thread_act(struct relay_thread *thread, timestamp now);
/* Sends what was gathered; ends each piece of work outside a batch. */
void relay_thread_settle(struct relay_thread *thread);
/* Allocations whose success responses are leaving have been set up: says how long it took. */
void relay_thread_count_setups(struct relay_thread *thread);

/* Finds a UDP listener on this address, its own or another thread's, for udp_listener_send_now; NULL:
 * there is none. On the thread. */
const struct udp_listener *relay_thread_find_sender(const struct relay_thread *thread,
                                                    const struct transport_addr *addr);

/* What listeners and relay sockets call: src/relay/forward.c. */
void relay_thread_client_input(void *thread, struct path *path, const struct five_tuple *tuples,
                               struct packet *packets, size_t n);
/* TURN_KEPT. */
void relay_thread_client_again(struct relay_thread *thread, const struct turn_action *action,
                               timestamp now);
void relay_thread_peer_input(void *relay_socket, struct packet *packets, size_t n);
void relay_thread_peer_icmp(void *relay_socket, const struct transport_addr *dst, uint8_t type,
                            uint8_t code, const uint8_t data[4]);
