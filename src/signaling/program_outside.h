/* What turnsignal talks to besides clients, store and other nodes: the sinks of events, and the remote TURN service. Opened at the start
 * and by a reload, which has the new ones before it lets go of the old. */
#pragma once

#include "base/err.h"
#include "config/config.h"

struct program;
struct reload_outcome;
struct sinks;
struct sinks_change;
struct turn_service;

struct outside_change {
	struct sinks *
		sinks; /* owned: the first ones; NULL: those that there are stay, or none are wanted */
	struct sinks_change
		*sinks_change; /* owned: what becomes of those that there are; NULL: nothing */
	struct turn_service *service; /* owned: its thread runs; NULL: none */
	bool has_other_service;       /* service is instead of the one there is */
};

/* Opens what config has, as far as it is another than what runs. outcome says which options are others; NULL: at the start. Not OK:
 * nothing is left, and problem is a line about an option. */
MUST_CHECK enum err outside_prepare(struct program *program, const struct config *config,
                                    const struct reload_outcome *outcome,
                                    struct outside_change *change, char problem[256],
                                    enum option_id *about);
/* The sinks that there are with the change. NULL: none. */
struct sinks *outside_sinks(const struct program *program, const struct outside_change *change);
/* From here on these are the program's. */
void outside_apply(struct program *program, const struct config *config,
                   struct outside_change *change);
/* Without it. */
void outside_cancel(struct outside_change *change);
void outside_close_service(struct program *program);
void outside_close_sinks(struct program *program);
/* For outcome_compare. */
const char *outside_reason(enum option_id id, const struct config *config, void *program);
