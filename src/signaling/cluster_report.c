/* What the cluster's thread tells the program of the nodes, so that nobody who asks waits for Redis. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/cluster_private.h"

static uint64_t sum(const struct cluster *cluster, enum hub_counter counter)
{
	uint64_t all = 0;

	for (unsigned i = 0; cluster->workers != NULL && i < workers_count(cluster->workers); i++)
		all += hub_counter_read(workers_hub_counters(cluster->workers, i), counter);
	return all;
}

struct cluster_load report_load(const struct cluster *cluster)
{
	return (struct cluster_load){sum(cluster, HUB_COUNT_sessions_now),
	                             sum(cluster, HUB_COUNT_rooms_now)};
}

static struct cluster_node_report describe_self(const struct cluster *cluster)
{
	struct cluster_load load = report_load(cluster);
	struct cluster_node_report self = {
		.number = cluster->number,
		.version = PACKAGE_VERSION,
		.threads = cluster->threads,
		.is_self = true,
		.is_alive = true,
		.is_ready = atomic_load_explicit(&cluster->is_ready, memory_order_relaxed),
		.sessions = load.sessions,
		.rooms = load.rooms,
		.last_beat = cluster->last_beat,
	};

	snprintf(self.name, sizeof self.name, "%s", cluster->name);
	return self;
}

static struct cluster_node_report describe(const struct cluster_node *node)
{
	struct cluster_node_report report = {
		.number = node->number,
		.threads = node->threads,
		.is_alive = node->is_alive,
		.is_ready = node->is_ready,
		.sessions = node->sessions,
		.rooms = node->rooms,
		.last_beat = node->last_beat,
	};

	snprintf(report.name, sizeof report.name, "%s", node->name);
	snprintf(report.version, sizeof report.version, "%s", node->version);
	return report;
}

static size_t count_nodes(const struct cluster *cluster)
{
	size_t count = 1;

	LIST_FOR_EACH (at, (struct list *)&cluster->nodes)
		count++;
	return count;
}

/* Without memory the next one tells it. */
void report_send(const struct cluster *cluster)
{
	size_t count = count_nodes(cluster);
	struct cluster_report *report =
		cluster->notify == NULL
			? NULL
			: calloc(1, sizeof *report + count * sizeof report->nodes[0]);

	if (report == NULL)
		return;
	report->mail.deliver = cluster->reported;
	report->is_connected = cluster->commands != NULL;
	report->is_joined = cluster_is_joined(cluster);
	report->lost_at = cluster->lost_at;
	report->nodes[report->count++] = describe_self(cluster);
	LIST_FOR_EACH (at, (struct list *)&cluster->nodes) {
		const struct cluster_node *node = CONTAINER_OF(at, struct cluster_node, node);
		/* One that wrote and whose beat has not been seen yet has no name. */
		if (node->instance[0] != '\0')
			report->nodes[report->count++] = describe(node);
	}
	mailbox_post(cluster->notify, &report->mail);
}
