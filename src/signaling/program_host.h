/* What the workers and their hubs ask of the program, and what they go by. */
#pragma once

#include "signaling/program.h"

/* Makes this a node of a cluster, with so many threads; before program_host_fill. */
MUST_CHECK enum err program_host_join(struct program *program, const struct config *config,
                                      unsigned threads, char problem[256]);
/* Fills in hub, host and limits for so many threads; services are not there yet. */
void program_host_fill(struct program *program, const struct config *config, unsigned threads,
                       struct workers_settings *settings);
/* What the workers are to go by now; lent from the current set. */
struct worker_policy program_host_policy(const struct program *program);
