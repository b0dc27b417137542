/* The quotas: how many allocations a user and a realm have, and how much bandwidth has been granted,
 * counted over all relay threads. Asked at Allocate and told at the end of an allocation, never with
 * a packet. */
#pragma once

#include "turn/turn.h"

struct quota;

/* What allocations of a realm are held to; 0: no bound. */
struct quota_limits {
	uint32_t user_quota, total_quota;
	uint64_t max_bps;
};

/* What a realm has of its own instead. */
struct quota_own_limits {
	bool has_user_quota, has_total_quota, has_max_bps;
	struct quota_limits limits;
};

/* How the servers come to it: each thread knows by itself which realms have limits of their own. */
struct quota_view {
	struct quota *quota;
	/* NULL: none has, as when it returns NULL. */
	const struct quota_own_limits *(*own_limits)(const void *context, const char *realm);
	const void *context;
};

struct quota_settings {             /* copied */
	struct quota_limits limits; /* of every realm */
	uint64_t bps_capacity;      /* of all realms; 0: no bound */
	char separator;             /* of time-limited names; 0: there are none */
	uint64_t hash_seed;         /* random and secret */
};

MUST_CHECK enum err quota_create(const struct quota_settings *settings, struct quota **quota);
/* Has other limits from now on; what was granted stays. hash_seed is not looked at. Any thread. */
void quota_set_limits(struct quota *quota, const struct quota_settings *settings);
/* Places that are still taken, in letters that no thread read any more, end with it. NULL is fine. */
void quota_destroy(struct quota *quota);

/* For turn_settings.quotas; the context is a struct quota_view. Any thread. */
enum turn_limit quota_take(void *view, const struct turn_place_wish *wish, struct turn_place *place,
                           uint64_t *value);
void quota_give(void *view, const struct turn_place *place);

/* How many places a user of a realm has; "" for all of the realm. Any thread. */
uint32_t quota_count(struct quota *quota, const char *realm, const char *username);
uint64_t quota_granted_bps(const struct quota *quota);
