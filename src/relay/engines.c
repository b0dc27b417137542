/* The network engines as a table.
 *
 *   sharded     every relay thread has a listener of every frontend; the kernel's hash of the 5-tuple
 *               decides which one a client meets
 *   paired      each frontend IP has a thread that is listener and relay for its UDP and DTLS; the
 *               relay threads that are counted share TCP and TLS
 *   dedicated   each frontend IP has a thread that only listens (a door); it hands every client over
 *               to the relay thread with the fewest
 *
 * Threads are there for the life of the server. Of an IP that a reload brings one of the IP threads that
 * there are takes care: frontends.c chooses it. */
#include "relay/engines.h"

#include <string.h>

#include "relay/relay.h"

enum { BOTH = ENGINE_DATAGRAMS | ENGINE_STREAMS };

struct part {
	unsigned opens, takes;
	bool is_door;
};

/* clang-format off */
static const struct engine {
	const char *name, *number;
	struct part relay_thread, ip_thread; /* each of them; one that does nothing is not there */
} engines[] = {
	{"dedicated", "1", {.takes = BOTH},           {.opens = BOTH, .is_door = true}},
	{"paired",    "2", {.opens = ENGINE_STREAMS}, {.opens = ENGINE_DATAGRAMS}},
	{"sharded",   "3", {.opens = BOTH},           {0}},
};
/* clang-format on */

const struct engine *engine_find(const char *name)
{
	for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++)
		if (strcmp(engines[i].name, name) == 0 || strcmp(engines[i].number, name) == 0)
			return &engines[i];
	return NULL;
}

const char *engine_name(const struct engine *engine)
{
	return engine->name;
}

static unsigned work_of(const struct part *part)
{
	return part->opens | part->takes;
}

static unsigned kinds_of(bool has_datagrams, bool has_streams)
{
	return (has_datagrams ? ENGINE_DATAGRAMS : 0) | (has_streams ? ENGINE_STREAMS : 0);
}

/* What the configuration has clients come by. */
static unsigned served(const struct relay *relay)
{
	const struct config *config = relay->config;

	return kinds_of(config->udp || relay->dtls != NULL, config->tcp || relay->tls != NULL);
}

static bool has_work(const struct relay *relay, const struct part *part)
{
	return (work_of(part) & served(relay)) != 0;
}

unsigned engine_relay_threads(const struct relay *relay)
{
	return has_work(relay, &relay->engine->relay_thread) ? relay->relay_threads : 0;
}

unsigned engine_ip_threads(const struct relay *relay)
{
	return has_work(relay, &relay->engine->ip_thread) ? (unsigned)relay->frontend_ip_count : 0;
}

unsigned engine_ip_threads_now(const struct relay *relay)
{
	return relay->thread_count - relay->relay_threads;
}

bool engine_can_serve(const struct relay *relay, const struct config *config)
{
	bool has_datagrams = config->udp || (config->cert != NULL && config->dtls);
	bool has_streams = config->tcp || (config->cert != NULL && config->tls);
	unsigned kinds = kinds_of(has_datagrams, has_streams), left_undone = 0;

	if (relay->relay_threads == 0)
		left_undone |= work_of(&relay->engine->relay_thread);
	if (engine_ip_threads_now(relay) == 0)
		left_undone |= work_of(&relay->engine->ip_thread);
	return (kinds & left_undone) == 0;
}

void engine_role(const struct relay *relay, unsigned thread, struct engine_role *role)
{
	bool is_of_ip = thread >= relay->relay_threads;
	const struct part *part =
		is_of_ip ? &relay->engine->ip_thread : &relay->engine->relay_thread;

	*role = (struct engine_role){
		.opens = part->opens & served(relay),
		.takes = part->takes & served(relay),
		.is_door = part->is_door,
		.is_of_ip = is_of_ip,
		.ip_index = is_of_ip ? thread - relay->relay_threads : 0,
	};
}

bool engine_is_first(const struct relay *relay, unsigned thread)
{
	return thread == 0 || thread >= relay->relay_threads;
}

static unsigned count_serving(const struct part *part, unsigned kind, unsigned threads)
{
	return work_of(part) & kind && !part->is_door ? threads : 0;
}

/* At least 1. */
static unsigned serving(const struct relay *relay, unsigned kind)
{
	const struct engine *engine = relay->engine;
	unsigned count = count_serving(&engine->relay_thread, kind, relay->relay_threads) +
	                 count_serving(&engine->ip_thread, kind, engine_ip_threads_now(relay));

	return count > 0 ? count : 1;
}

unsigned engine_share(const struct relay *relay, unsigned total, unsigned kind)
{
	unsigned threads = serving(relay, kind);

	return total / threads + (total % threads != 0);
}
