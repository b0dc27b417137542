/* An allocation on its way. */
#include "turn/detached.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "turn/action.h"

static void copy_permissions(struct detached *detached, const struct turn_allocation *allocation);
static bool restore_permissions(const struct detached *detached,
                                struct turn_allocation *allocation);
static bool restore_channels(struct permission *permission, const struct detached_channel *channels,
                             uint32_t count);
static void end_unadopted(const struct detached *detached, struct turn_server *server,
                          const struct turn_relay relay[TURN_FAMILY_COUNT]);

struct detached *detached_create(const struct turn_allocation *allocation)
{
	uint32_t permissions = 0, channels = allocation->channel_count;
	struct detached *detached;

	LIST_FOR_EACH (node, &allocation->permissions)
		permissions++; /* the count of the allocation is of those alive */
	detached = calloc(1, sizeof *detached + permissions * sizeof detached->permissions[0] +
	                             channels * sizeof detached->channels[0]);
	if (detached == NULL)
		return NULL;
	detached->allocation = *allocation;
	detached->permission_count = permissions;
	detached->channels = (struct detached_channel *)(detached->permissions + permissions);
	copy_permissions(detached, allocation);
	return detached;
}

struct turn_allocation *detached_adopt(struct detached *detached, struct turn_server *server,
                                       const struct turn_relay relay[TURN_FAMILY_COUNT])
{
	struct turn_allocation *allocation = allocation_adopt(server, &detached->allocation, relay);

	if (allocation == NULL) {
		end_unadopted(detached, server, relay);
		return NULL;
	}
	allocation_disown(&detached->allocation);
	if (allocation_is_empty(allocation))
		allocation_end_as(allocation, COUNT_ended_in_move,
		                  "its relayed addresses could not move");
	else if (!restore_permissions(detached, allocation))
		allocation_end_as(allocation, COUNT_ended_in_move, "no memory where it moved to");
	else {
		/* The servers may be told of new rules at different times. */
		allocation_judge_peers(allocation);
		return allocation;
	}
	return NULL;
}

void detached_destroy(struct turn_server *server, struct detached *detached)
{
	if (detached == NULL)
		return;
	allocation_free_owned(server, &detached->allocation);
	bytes_wipe(&detached->allocation, sizeof detached->allocation);
	free(detached);
}

static void copy_permissions(struct detached *detached, const struct turn_allocation *allocation)
{
	struct detached_permission *permission = detached->permissions;
	struct detached_channel *channel = detached->channels;

	LIST_FOR_EACH (node, &allocation->permissions) {
		permission->original = *CONTAINER_OF(node, struct permission, node);
		LIST_FOR_EACH (inner, &CONTAINER_OF(node, struct permission, node)->channels) {
			const struct channel *original = CONTAINER_OF(inner, struct channel, node);
			*channel++ = (struct detached_channel){
				.peer = original->peer,
				.deadline = original->timer.deadline,
				.number = original->number,
			};
			permission->channel_count++;
		}
		permission++;
	}
}

/* What belonged to a relayed transport address that was lost goes with it. */
static bool restore_permissions(const struct detached *detached, struct turn_allocation *allocation)
{
	const struct detached_channel *channels = detached->channels;

	for (uint32_t i = 0; i < detached->permission_count; i++) {
		const struct detached_permission *one = &detached->permissions[i];
		if (allocation_has_family(allocation, family_of(&one->original.peer))) {
			struct permission *permission =
				permission_restore(allocation, &one->original);
			if (permission == NULL ||
			    !restore_channels(permission, channels, one->channel_count))
				return false;
		}
		channels += one->channel_count;
	}
	return true;
}

static bool restore_channels(struct permission *permission, const struct detached_channel *channels,
                             uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (channel_restore(permission, channels[i].number, &channels[i].peer,
		                    channels[i].deadline) == NULL)
			return false;
	return true;
}

static void end_unadopted(const struct detached *detached, struct turn_server *server,
                          const struct turn_relay relay[TURN_FAMILY_COUNT])
{
	struct turn_allocation lost = detached->allocation;

	lost.server = server;
	drop(server, COUNT_drop_no_memory);
	count(server, COUNT_allocations_deleted);
	count(server, COUNT_ended_in_move);
	action_report(&lost, TURN_DELETED, "no memory where it moved to");
	for (enum turn_family family = 0; family < TURN_FAMILY_COUNT; family++)
		if (relay[family].relay != NULL)
			action_close_relay(server, relay[family].relay);
	bytes_wipe(&lost, sizeof lost);
}
