/* The network engines: how frontends and relay threads meet. Each is a row of a table that says which
 * threads there are and what each of them opens. */
#pragma once

#include <stdbool.h>

#include "base/addr.h"

struct engine;
struct relay;

/* What clients come by, as bits. */
enum {
	ENGINE_DATAGRAMS = 1 << 0, /* UDP and DTLS */
	ENGINE_STREAMS = 1 << 1,   /* TCP and TLS */
};

/* What a thread is there for. */
struct engine_role {
	unsigned opens; /* listeners, of what */
	unsigned takes; /* clients that a door has met, by what */
	bool is_door;   /* has no client for longer than it takes to hand it over */
	/* The frontend IP whose listeners it opens; NULL: those of all. */
	const struct transport_addr *ip;
	unsigned ip_index;
};

/* Finds the engine of a name, or of coturn's number for it. NULL: there is none. */
const struct engine *engine_find(const char *name);
const char *engine_name(const struct engine *engine);

/* How many threads there are of each kind: those that relay-threads counts come first in
 * relay->threads, those of the frontend IPs behind them. */
unsigned engine_relay_threads(const struct relay *relay);
unsigned engine_ip_threads(const struct relay *relay);
/* Whether the engine has threads for frontend IPs, if there is anything for them to do. */
bool engine_has_ip_threads(const struct engine *engine);
void engine_role(const struct relay *relay, unsigned thread, struct engine_role *role);
/* True when a thread of this role opens something on the frontend. */
bool engine_opens_on(const struct relay *relay, const struct engine_role *role,
                     const struct transport_addr *frontend);
/* True when no thread before this one opens what it opens. */
bool engine_is_first(const struct relay *relay, unsigned thread);
/* What one of the threads that have clients by datagrams, or by streams, may have of a bound that is
 * the whole server's. */
unsigned engine_share(const struct relay *relay, unsigned total, unsigned kind);
