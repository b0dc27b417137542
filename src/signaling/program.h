/* turnsignal's main thread: it starts the workers, waits for signals and for requests on the control socket, and asks the
 * workers by mail. What the parts of it share. */
#pragma once

#include <stdatomic.h>

#include "base/mailbox.h"
#include "base/timestamp.h"
#include "config/config.h"
#include "control/server.h"
#include "control/socket.h"
#include "process/main_loop.h"
#include "process/service_manager.h"
#include "process/watchdog.h"
#include "signaling/program_services.h"
#include "signaling/worker.h"
#include "store/store.h"

struct certificate_watch;
struct cluster;
struct cluster_report;
struct event;
struct event_base;
struct program_reload;
struct room_keeper;
struct sinks;
struct tenancy;
struct tenant_counts;
struct turn_service;
struct turn_source;

enum node_state { NODE_READY, NODE_DRAINING, NODE_LOST, NODE_STATES /* the count */ };

struct program_drain {
	bool is_on, is_final; /* is_final: the program ends with it */
	const char *by;       /* static: "SIGTERM", "control socket" */
	timestamp began, deadline;
};

struct program_wait {       /* for what the first clients need */
	_Atomic bool is_on; /* the main thread writes, any reads; relaxed: it orders nothing */
	struct event *timer;
};

struct program {
	const struct config_sources *sources; /* lent */
	/* What the workers go by. They look at it whenever they need it; one that was replaced is freed when each of them has
	 * been asked for something after that, and thus holds nothing of it. */
	_Atomic(struct service_set *) current; /* owned */

	struct main_loop loop;   /* owned, as all below */
	struct event_base *base; /* the loop's, and so is the mailbox */
	struct mailbox *mailbox;
	struct event *drain_timer, *alive_timer, *status_timer;

	struct cluster *cluster;      /* NULL: this node is alone */
	struct cluster_report *nodes; /* the last; NULL: none came yet */
	struct program_wait wait;
	struct workers *workers;
	struct buddy_images *images; /* of all workers; NULL: none are kept */
	struct channelling_rules *channelling;
	struct tenant_counts *tenants; /* of all workers */
	unsigned threads;
	struct store *store;               /* to read by at the start; NULL: there is none */
	struct store_thread *store_thread; /* tells of changes */
	struct store_watch store_watch;
	_Atomic bool has_told_of_forgotten; /* kicks; of any worker; relaxed: it orders nothing */
	char realm[512];                    /* of tenants without one of their own */
	struct tenancy *tenancy;            /* what the store said last; NULL: nothing yet */
	bool has_other_tenants;             /* than those that the workers go by */
	struct room_keeper *rooms;          /* NULL without a store */
	struct sinks *sinks;
	struct turn_service *turn_service; /* NULL: TURN credentials are made here */
	struct turn_source *fetched;       /* by it, the newest; NULL: none yet */
	unsigned turn_service_number; /* of all that there were: letters tell of which they are */
	struct control_socket control_socket;
	struct control_server *control; /* NULL: there is none */
	struct program_reload *reload;
	struct program_drain drain;
	struct service_manager manager;
	struct watchdog watchdog;
	struct worker_task question; /* of the watchdog */
	bool has_complained;
	timestamp started;
	uint64_t started_wall_ms;
	unsigned tasks; /* and questions, that have not come back */
};

/* Opens ports and files, becomes proc-user, and starts all threads. On success config is its own; on failure it stays
 * the caller's, and problem is a line about an option. sources is lent. */
MUST_CHECK enum err program_create(struct config *config, const struct config_sources *sources,
                                   struct program **program, char problem[256],
                                   enum option_id *about);
/* Runs until the program is to end. */
void program_run(struct program *program);
void program_destroy(struct program *program);

/* Has it end when the loop turns again. by is static, for the log. */
void program_stop(struct program *program, const char *by);

static inline struct service_set *program_current(const struct program *program)
{
	return atomic_load_explicit(&program->current, memory_order_acquire);
}
static inline const struct config *program_config(const struct program *program)
{
	return program_current(program)->config;
}

/* program_start.c */
MUST_CHECK enum err program_open(struct program *program, struct config *config, char problem[256],
                                 enum option_id *about);
void program_close(struct program *program);

/* Delivers mail until all tasks have come back, but no longer than patience_ms without any. */
void program_finish(struct program *program, int patience_ms);

/* program_drain.c: nobody new may join, all are told, and the program ends when they have gone, or at the deadline where it
 * is final. */
MUST_CHECK enum err program_drain_open(struct program *program);
void program_drain_close(struct program *program);
void program_drain_begin(struct program *program, const char *by, uint32_t timeout_s,
                         bool is_final);
uint64_t program_count(const struct program *program, enum hub_counter counter);

/* program_wait.c */
MUST_CHECK enum err program_wait_open(struct program *program);
void program_wait_close(struct program *program);
bool program_is_waiting(const struct program *program);
/* Why new clients had better go elsewhere, in a line, static; NULL: they need not. That it drains is told by others. Any thread. */
const char *program_problem(const struct program *program);

/* program_nodes.c: what the cluster tells. */
void program_hear_nodes(struct mail *mail, void *program);
void ask_nodes(struct control_request *request, void *context);
/* Of a node that it has heard of; else "". */
const char *program_node_name(const struct program *program, uint32_t number);
bool program_has_redis(const struct program *program); /* the cluster's, when it told last */
size_t program_count_nodes(const struct program *program, enum node_state state);

/* program_alive.c: the service manager. */
MUST_CHECK enum err program_alive_open(struct program *program);
void program_alive_close(struct program *program);
void program_alive_ready(struct program *program);

/* program_requests.c */
extern const struct control_row program_requests[];
extern const size_t program_request_count;
