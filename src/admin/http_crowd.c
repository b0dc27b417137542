/* Connections are few, so the addresses are a list that is walked. */
#include "admin/http_crowd.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

enum { PREFIX_BYTES = 8 }; /* of IPv6 that one customer has */

struct group {
	struct list node;
	struct transport_addr of;
	unsigned count;
};

struct http_crowd {
	pthread_mutex_t lock;
	unsigned max;
	struct list groups;
};

struct http_crowd *http_crowd_create(unsigned max)
{
	struct http_crowd *crowd = calloc(1, sizeof *crowd);

	if (crowd == NULL)
		return NULL;
	pthread_mutex_init(&crowd->lock, NULL);
	list_init(&crowd->groups);
	crowd->max = max;
	return crowd;
}

void http_crowd_destroy(struct http_crowd *crowd)
{
	if (crowd == NULL)
		return;
	LIST_FOR_EACH (node, &crowd->groups)
		free(CONTAINER_OF(node, struct group, node));
	pthread_mutex_destroy(&crowd->lock);
	free(crowd);
}

static struct transport_addr group_of(const struct transport_addr *from)
{
	struct transport_addr of = *from;

	if (addr_family(&of) == AF_INET6)
		memset(of.v6.sin6_addr.s6_addr + PREFIX_BYTES, 0, 16 - PREFIX_BYTES);
	return of;
}

static struct group *find(struct http_crowd *crowd, const struct transport_addr *of)
{
	LIST_FOR_EACH (node, &crowd->groups) {
		struct group *group = CONTAINER_OF(node, struct group, node);
		if (addr_equal_ip(&group->of, of))
			return group;
	}
	return NULL;
}

bool http_crowd_has_room(struct http_crowd *crowd, const struct transport_addr *from)
{
	struct transport_addr of = group_of(from);
	const struct group *group;
	bool has_room;

	pthread_mutex_lock(&crowd->lock);
	group = find(crowd, &of);
	has_room = group == NULL || group->count < crowd->max;
	pthread_mutex_unlock(&crowd->lock);
	return has_room;
}

static void add(struct http_crowd *crowd, const struct transport_addr *of)
{
	struct group *group = find(crowd, of);

	if (group == NULL) {
		group = calloc(1, sizeof *group);
		if (group == NULL)
			return; /* it is not counted, and does not leave */
		group->of = *of;
		list_append(&crowd->groups, &group->node);
	}
	group->count++;
}

void http_crowd_enter(struct http_crowd *crowd, const struct transport_addr *from)
{
	struct transport_addr of = group_of(from);

	pthread_mutex_lock(&crowd->lock);
	add(crowd, &of);
	pthread_mutex_unlock(&crowd->lock);
}

void http_crowd_leave(struct http_crowd *crowd, const struct transport_addr *from)
{
	struct transport_addr of = group_of(from);
	struct group *group;

	pthread_mutex_lock(&crowd->lock);
	group = find(crowd, &of);
	if (group != NULL && --group->count == 0) {
		list_remove(&group->node);
		free(group);
	}
	pthread_mutex_unlock(&crowd->lock);
}
