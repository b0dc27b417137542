/* A node that began while Redis was away: its hubs wait without the key that all nodes share, and are given it here. */
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "signaling/cluster_private.h"

struct keys {
	struct worker_task task;
	unsigned count;
	uint8_t key[32];
	struct seal *seal[]; /* one for each worker, which takes it over */
};

static void on_worker(struct worker_task *task, struct worker *worker)
{
	struct keys *keys = CONTAINER_OF(task, struct keys, task);

	hub_take_key(worker_hub(worker), keys->key, keys->seal[worker_number(worker)]);
}

static void forget(struct keys *keys)
{
	bytes_wipe(keys->key, sizeof keys->key);
	free(keys);
}

static void on_done(struct worker_task *task)
{
	forget(CONTAINER_OF(task, struct keys, task));
}

static void destroy(struct keys *keys)
{
	for (unsigned i = 0; i < keys->count; i++)
		seal_destroy(keys->seal[i]);
	forget(keys);
}

/* All of them at once: what can fail is done before the first hub hears of it. */
static struct keys *make(const struct cluster *cluster)
{
	unsigned count = workers_count(cluster->workers);
	struct keys *keys = calloc(1, sizeof *keys + count * sizeof keys->seal[0]);

	if (keys == NULL)
		return NULL;
	keys->task = (struct worker_task){.run = on_worker, .done = on_done};
	cluster_seal_key(cluster, keys->key);
	while (keys->count < count && seal_create(keys->key, &keys->seal[keys->count]) == OK)
		keys->count++;
	if (keys->count == count)
		return keys;
	destroy(keys);
	return NULL;
}

enum err join_hubs(struct cluster *cluster, char problem[256])
{
	struct keys *keys = make(cluster);

	snprintf(problem, 256, "%s", err_string(ERR_NO_MEMORY));
	if (keys == NULL)
		return ERR_NO_MEMORY;
	if (cluster->seal == NULL && seal_create(keys->key, &cluster->seal) != OK)
		goto fail;
	if (sessions_init(cluster) != OK)
		goto fail;
	/* Letters of other nodes come to the workers behind this one. */
	if (workers_ask(cluster->workers, NULL, &keys->task) != OK)
		goto fail;
	/* Release: who sees it lets clients in behind that letter. */
	atomic_store_explicit(&cluster->is_joined, true, memory_order_release);
	return OK;
fail:
	destroy(keys);
	return ERR_NO_MEMORY;
}
