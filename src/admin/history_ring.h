/* What the answers of "metrics" come to over an hour: series of levels and of rates. No thread, no lock, no clock: history.c has them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "admin/history.h"

/* HISTORY_SERIES(name, metric, is_rate): the sum over all samples of a metric; a counter becomes a rate. */
#define HISTORY_ROWS                                                          \
	HISTORY_SERIES(allocations, turnstone_allocations, false)             \
	HISTORY_SERIES(allocations_made, turnstone_allocations_created, true) \
	HISTORY_SERIES(client_bytes_in, turn_traffic_rcvb, true)              \
	HISTORY_SERIES(client_bytes_out, turn_traffic_sentb, true)            \
	HISTORY_SERIES(peer_bytes_in, turn_traffic_peer_rcvb, true)           \
	HISTORY_SERIES(peer_bytes_out, turn_traffic_peer_sentb, true)         \
	HISTORY_SERIES(client_packets_in, turn_traffic_rcvp, true)            \
	HISTORY_SERIES(client_packets_out, turn_traffic_sentp, true)          \
	HISTORY_SERIES(peer_packets_in, turn_traffic_peer_rcvp, true)         \
	HISTORY_SERIES(peer_packets_out, turn_traffic_peer_sentp, true)       \
	HISTORY_SERIES(drops, turnstone_drops, true)                          \
	HISTORY_SERIES(errors, turnstone_stun_errors, true)                   \
	HISTORY_SERIES(cpu_seconds, process_cpu_seconds, true)                \
	HISTORY_SERIES(memory, process_resident_memory_bytes, false)

enum history_row {
#define HISTORY_SERIES(name, metric, is_rate) HISTORY_##name,
	HISTORY_ROWS
#undef HISTORY_SERIES
		HISTORY_ROW_COUNT /* the number of series */
};

struct history_sample {
	double time;                     /* seconds since 1970 */
	double value[HISTORY_ROW_COUNT]; /* NAN: unknown */
};

struct history_ring {                              /* all zero at first */
	double sums[HISTORY_ROW_COUNT], sums_time; /* of the last answer */
	bool has_sums;
	json_t *threads; /* owned: as history_threads tells them; NULL: none yet */
	struct history_sample samples[HISTORY_SAMPLES];
	size_t count, next;
};

void history_ring_deinit(struct history_ring *ring);
/* Takes an answer of "metrics", lent. */
void history_ring_take(struct history_ring *ring, const json_t *answer);
/* There was none at that time. */
void history_ring_take_gap(struct history_ring *ring, double time);
json_t *history_ring_describe(const struct history_ring *ring, double since);
/* [{name, cpu_seconds, load}]; load: the share of a CPU between the last two answers, null is unknown. */
json_t *history_ring_threads(const struct history_ring *ring);
