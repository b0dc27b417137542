/* Other settings for a server that runs. What was made by the old ones goes on, but for peers that are no
 * longer allowed: who forbids one wants an end of it, and not in the five minutes of a permission. */
#include <assert.h>
#include <string.h>

#include "turn/arrival.h"
#include "turn/channel.h"

static void update(struct turn_allocation *allocation, bool is_same_filter);
static void update_judgement(struct permission *permission);

void turn_server_configure(struct turn_server *server, const struct turn_settings *settings,
                           timestamp now)
{
	struct turn_settings *own = &server->settings;
	int64_t wall_offset_ms = own->wall_offset_ms;
	bool is_same_filter = own->filter == settings->filter;

	assert(settings->thread == own->thread && settings->thread_count == own->thread_count);
	assert(strcmp(settings->realm, own->realm) == 0 && settings->is_door == own->is_door);
	server->now = now;
	*own = *settings;
	own->wall_offset_ms = wall_offset_ms; /* nonces tell the time by a clock that nobody sets */
	LIST_FOR_EACH (node, &server->sessions)
		update(CONTAINER_OF(node, struct turn_allocation, node), is_same_filter);
}

bool turn_has_sessions_at(const struct turn_server *server, const struct transport_addr *addr)
{
	LIST_FOR_EACH (node, &server->sessions) {
		const struct turn_allocation *allocation =
			CONTAINER_OF(node, struct turn_allocation, node);
		if (!allocation->is_adrift && addr_equal(&allocation->tuple.server, addr))
			return true;
	}
	return arrival_is_at(server, addr);
}

static void update(struct turn_allocation *allocation, bool is_same_filter)
{
	limits_update(allocation);
	if (is_same_filter)
		return;
	(void)allocation_judge_peers(allocation);
	LIST_FOR_EACH (node, &allocation->permissions)
		update_judgement(CONTAINER_OF(node, struct permission, node));
}

/* An IP may have become one of ours: a listener has been opened on it. */
static void update_judgement(struct permission *permission)
{
	const struct turn_server *server = permission->allocation->server;
	bool needs_judgement =
		peer_filter_judge_ip(server->settings.filter, permission->allocation->peer_lists,
	                             &permission->peer, NULL) == PEER_ALLOWED_IF_RELAYED;

	if (permission->needs_judgement == needs_judgement)
		return;
	permission->needs_judgement = needs_judgement;
	LIST_FOR_EACH (node, &permission->channels)
		channel_update_flow(CONTAINER_OF(node, struct channel, node));
}
