/* Worker threads: each has an event loop, a listening socket for each address, its connections, a hub, a mailbox.
 *
 *   sockets ──► connection ──► hub_input ─┐      one turn of the loop: what came in is handed to the hub, then the hub's
 *   mail ─────► hub_post_input ───────────┼─►    actions are carried out until there are none, then every connection that
 *   time ─────► hub_handle_timeout ───────┘      has something to send sends it, all that met in this turn, in one write */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/mailbox.h"
#include "base/timestamp.h"
#include "config/config.h"
#include "signaling/address_limits.h"
#include "signaling/http_exchange.h"
#include "signaling/hub.h"
#include "signaling/hub_counters.h"
#include "signaling/net_counters.h"
#include "signaling/services.h"

struct workers;
struct worker;
struct http_files;

struct worker_listener {
	struct transport_addr addr; /* port 0: any that is free, the same for all threads */
	bool is_tls;
};

/* What a reload replaces as a whole. What it points at stays until another was taken by all workers. */
struct worker_policy {
	struct signaling_services services;
	SSL_CTX *tls;                     /* NULL: none; each worker holds a reference */
	const struct range_list *proxies; /* whose X-Forwarded-For is believed; NULL: nobody's */
	const struct text_list *origins;  /* pages whose WebSockets are taken; NULL or none: any */
	struct address_limits_settings limits;
	const struct http_files *files; /* http_files.h; NULL: none */
};

/* What the program answers or takes, on the worker's thread. NULL: that needs nobody. */
struct worker_host {
	/* HUB_POST to a hub of another node; takes the post over. */
	void (*post)(void *context, struct worker *worker, struct hub_place place,
	             struct post *post);
	/* HUB_FIND_ROOM: answered by hub_room_found, now or later. */
	void (*find_room)(void *context, struct worker *worker, uint64_t cookie,
	                  const struct room_info *room);
	/* HUB_KEEP_SESSION; takes snapshot over. NULL: it has ended, or, is_moved, is kept by another. */
	void (*keep_session)(void *context, struct worker *worker, const char *id,
	                     struct post *snapshot, bool is_moved);
	/* HUB_FIND_SESSION, for asker: answered by hub_session_found, now or later. */
	void (*find_session)(void *context, struct worker *worker, uint64_t cookie, const char *id,
	                     const char *address, const struct session *asker);
	/* HUB_RECALL_ROOM: answered by hub_room_recalled. */
	void (*recall_room)(void *context, struct worker *worker, uint64_t cookie,
	                    const struct room_info *room);
	/* HUB_ROOM_CHANGED: facts->info names the room. */
	void (*room_changed)(void *context, struct worker *worker, const struct room_facts *facts,
	                     bool is_gone);
	void (*emit)(void *context, struct worker *worker, const struct event *event);
	void (*revoke)(void *context, struct worker *worker, const struct identity *identity,
	               const char *username);
	/* Why new clients had better go elsewhere, in a line, static; NULL: they need not. */
	const char *(*problem)(void *context);
	void *context;
};

struct worker_times {         /* in seconds; 0: as the defaults are */
	unsigned handshake_s; /* TLS; 10 */
	unsigned
		request_s; /* the first request, and every other from its first byte to its last; 10 */
	unsigned keep_alive_s; /* between requests; 60 */
	unsigned message_s;    /* a WebSocket message, from its first byte to its last; 60 */
	unsigned close_s;      /* for what is left to send, and the other's Close; 5 */
};

struct worker_route_table {
	const struct http_route *routes;
	size_t count;
};

struct workers_settings { /* what it points at outlives the workers, except what the policy does */
	unsigned threads;
	const struct worker_listener *listeners;
	size_t listener_count;
	struct hub_settings hub; /* place.worker and workers are set for each */
	struct worker_policy policy;
	struct worker_host host;
	struct worker_times times;
	size_t connections_max; /* of the process; 0: no bound */
	size_t incomplete_max; /* bytes of messages that are not whole yet, of a worker; 0: 64 MB */
	/* Paths, besides those of the dialects; they are looked at first. */
	const struct worker_route_table *routes;
	size_t route_table_count;
};

/* Opens all sockets, and starts no thread yet: who needs root for ports gives it back in between. ERR_SYSTEM, ERR_INVALID, ERR_NO_MEMORY: problem is one line. */
MUST_CHECK enum err workers_create(const struct workers_settings *settings,
                                   struct workers **workers, char problem[256]);
/* ERR_SYSTEM: some may run; workers_destroy ends them. */
MUST_CHECK enum err workers_start(struct workers *workers, char problem[256]);
/* Ends the threads, then closes everything. Nobody asks any more. */
void workers_destroy(struct workers *workers);

unsigned workers_count(const struct workers *workers);
uint16_t workers_port(const struct workers *workers, size_t listener);
struct worker *workers_at(struct workers *workers, unsigned number);
/* Read by any thread. */
const struct hub_counters *workers_hub_counters(const struct workers *workers, unsigned number);
const struct net_counters *workers_net_counters(const struct workers *workers, unsigned number);

/* Something that each worker does: run on each worker's thread, in the order that tasks began, then done, where reply_to is
 * delivered; what is found out is written to places of the struct that holds the task. Without reply_to done is called by the last worker. */
struct worker_task {
	void (*run)(struct worker_task *task, struct worker *worker);
	void (*done)(
		struct worker_task *task); /* the task is its maker's again; NULL: nobody waits */

	struct worker_letter *letters; /* owned; these are the workers' own */
	struct mailbox *reply_to;
	_Atomic unsigned waiting;
};
/* Any thread. ERR_NO_MEMORY: nothing was begun. */
MUST_CHECK enum err workers_ask(struct workers *workers, struct mailbox *reply_to,
                                struct worker_task *task);
MUST_CHECK enum err workers_ask_one(struct workers *workers, unsigned number,
                                    struct mailbox *reply_to, struct worker_task *task);

/* On the worker's own thread. */
struct hub *worker_hub(struct worker *worker);
struct workers *worker_workers(struct worker *worker);
unsigned worker_number(const struct worker *worker);
timestamp worker_now(const struct worker *worker);
uint64_t worker_wall_ms(const struct worker *worker);
struct event_base *worker_base(struct worker *worker);
/* Mail to it is delivered with the worker as its receiver. Any thread. */
struct mailbox *worker_mailbox(struct worker *worker);
const struct worker_policy *worker_policy(const struct worker *worker);
void worker_adopt(struct worker *worker, const struct worker_policy *policy);
/* Accepts nobody any more; who is there stays. */
void worker_stop_listening(struct worker *worker);
