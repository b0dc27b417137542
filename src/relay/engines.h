/* The network engines: how frontends and relay threads meet. Each is a row of a table that says which
 * threads there are and what each of them opens. */
#pragma once

#include <stdbool.h>

#include "base/addr.h"

struct config;
struct engine;
struct relay;

/* What clients come by, as bits. */
enum {
	ENGINE_DATAGRAMS = 1 << 0, /* UDP and DTLS */
	ENGINE_STREAMS = 1 << 1,   /* TCP and TLS */
};

/* What a thread is there for. */
struct engine_role {
	unsigned opens;    /* listeners, of what */
	unsigned takes;    /* clients that a door has met, by what */
	bool is_door;      /* has no client for longer than it takes to hand it over */
	bool is_of_ip;     /* opens the frontends that are its own alone; else those of all */
	unsigned ip_index; /* among the threads of frontend IPs */
};

/* Finds the engine of a name, or of coturn's number for it. NULL: there is none. */
const struct engine *engine_find(const char *name);
const char *engine_name(const struct engine *engine);

/* How many threads of each kind a server starts with: those that relay-threads counts come first in
 * relay->threads, those of the frontend IPs behind them. */
unsigned engine_relay_threads(const struct relay *relay);
unsigned engine_ip_threads(const struct relay *relay);
/* How many it has of the frontend IPs: as many as at its start. */
unsigned engine_ip_threads_now(const struct relay *relay);
/* Whether the threads there are can serve what a configuration has clients come by: it may bring the first
 * certificate where there was nothing else to do for one kind of them. */
bool engine_can_serve(const struct relay *relay, const struct config *config);
void engine_role(const struct relay *relay, unsigned thread, struct engine_role *role);
/* True when no thread before this one opens what it opens. */
bool engine_is_first(const struct relay *relay, unsigned thread);
/* What one of the threads that have clients by datagrams, or by streams, may have of a bound that is
 * the whole server's. */
unsigned engine_share(const struct relay *relay, unsigned total, unsigned kind);
