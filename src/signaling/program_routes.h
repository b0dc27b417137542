/* Paths that are no dialect's: whether the server is well, TURN credentials, files. */
#pragma once

#include "signaling/worker.h"

extern const struct worker_route_table program_route_tables[];
extern const size_t program_route_table_count;
