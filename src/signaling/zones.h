/* Which zone is near an address: by a file of networks, and by a MaxMind database of countries. Made whole from the configuration, never
 * changed, shared by all threads. */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "config/config.h"

struct zones;

enum { ZONE_ID_MAX = 64, ZONES_NEAR_MAX = 3 };
struct zones_near { /* nearest first */
	char id[ZONES_NEAR_MAX][ZONE_ID_MAX + 1];
	size_t count;
};

/* Gives NULL in *zones where nothing is configured. ERR_INVALID: problem is one line for a person, about the option it is about. */
MUST_CHECK enum err zones_create(const struct config *config, struct zones **zones,
                                 char problem[256], enum option_id *about);
void zones_destroy(struct zones *zones); /* NULL is fine */
/* Finds zones for an IP address as text; none for what is no address. zones may be NULL. */
void zones_find(const struct zones *zones, const char *address, struct zones_near *near);
