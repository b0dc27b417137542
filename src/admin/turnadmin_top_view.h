/* What top shows, made of two samples of a server: rates are differences, over the server's own clock. */
#pragma once

#include <jansson.h>

/* A sample: what the server answered at one moment, by the names of the requests: "status", "counters",
 * "threads", "session list". Returns
 *
 *     {"version", "uptime", "engine", "allocations", "draining": true,
 *      "to_peers": {"bytes_s", "packets_s"}, "to_clients": ...,
 *      "set_ups_s", "refused_s", "unauthorized_s", "drops_s": {"bandwidth": ...},
 *      "threads": [{"name", "cpu_pct", "packets_s", "bytes_s", "allocations"}],
 *      "sessions": [...], "matched"}
 *
 * the caller's. drops_s has the reasons that there are, most first. NULL when there is no memory. */
json_t *top_view(const json_t *before, const json_t *now);
