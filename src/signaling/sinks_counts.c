/* Counters of sinks: written by their thread and by those who hand facts in, read by any. */
#include "signaling/sinks.h"

#include <stdio.h>

static const struct {
	const char *name, *help;
} sink_counts[SINK_COUNTS] = {
	[SINK_WAITING] = {"waiting", "events on disk that wait for the sink"},
	[SINK_SENT] = {"sent", "events that the sink has taken"},
	[SINK_FAILED] = {"failed", "events that the sink did not take, and that are sent again"},
	[SINK_REPEATED] = {"repeated", "events that were sent again, and marked so"},
	[SINK_LOST] = {"lost", "events that the sink never took: too old, or it is gone"},
};

const char *sink_count_name(enum sink_count count)
{
	return sink_counts[count].name;
}

const char *sink_count_help(enum sink_count count)
{
	return sink_counts[count].help;
}

uint64_t sinks_read(const atomic_uint_least64_t *counter)
{
	/* Counters order nothing: whoever reads them wants a number, not what it was counted for. So below. */
	return atomic_load_explicit(counter, memory_order_relaxed);
}

uint64_t sinks_add(atomic_uint_least64_t *counter, uint64_t number)
{
	return atomic_fetch_add_explicit(counter, number, memory_order_relaxed);
}

void sinks_subtract(atomic_uint_least64_t *counter, uint64_t number)
{
	atomic_fetch_sub_explicit(counter, number, memory_order_relaxed);
}

void sinks_count_of(struct sinks *sinks, unsigned sink, enum sink_count count, uint64_t number)
{
	sinks_add(&sinks->counters.of[sink][count], number);
}

void sinks_count_waiting(struct sinks *sinks)
{
	for (unsigned i = 0; i < SPOOL_SINKS_MAX; i++)
		atomic_store_explicit(&sinks->counters.of[i][SINK_WAITING],
		                      spool_waiting(sinks->spool, i), memory_order_relaxed);
}

static uint64_t sum_of(const struct sinks *sinks, enum sink_count count)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SPOOL_SINKS_MAX; i++)
		sum += sinks_read(&sinks->counters.of[i][count]);
	return sum;
}

static void count_one(const struct sinks *sinks, unsigned sink, unsigned brokers,
                      struct sink_counts *counts)
{
	if (sink < brokers)
		snprintf(counts->name, sizeof counts->name, "amqp");
	else
		snprintf(counts->name, sizeof counts->name, "webhook-%u", sink - brokers + 1);
	for (unsigned i = 0; i < SINK_COUNTS; i++)
		counts->value[i] = sinks_read(&sinks->counters.of[sink][i]);
}

void sinks_count(const struct sinks *sinks, struct sinks_counts *counts)
{
	unsigned brokers;

	*counts = (struct sinks_counts){.taken = 0};
	if (sinks == NULL)
		return;
	counts->taken = sinks_read(&sinks->counters.taken);
	counts->refused = sinks_read(&sinks->counters.refused);
	counts->kept = sinks_read(&sinks->counters.kept);
	counts->confirmed = sum_of(sinks, SINK_SENT);
	counts->repeated = sum_of(sinks, SINK_REPEATED);
	counts->given_up = sum_of(sinks, SINK_LOST);
	counts->bytes_now = sinks_read(&sinks->counters.bytes);
	brokers = atomic_load_explicit(&sinks->counters.brokers, memory_order_relaxed);
	counts->sink_count =
		brokers + atomic_load_explicit(&sinks->counters.webhooks, memory_order_relaxed);
	for (unsigned i = 0; i < counts->sink_count; i++)
		count_one(sinks, i, brokers, &counts->sinks[i]);
}
