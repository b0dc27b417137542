/* Countries of addresses, out of a MaxMind database. zones_geo_none.c stands here where turnsignal is built without libmaxminddb. */
#pragma once

#include <sys/socket.h>

#include "base/err.h"

struct zones_geo;

/* Codes as the database has them: "DE", "EU"; "" where it has none. */
struct zones_place {
	char country[8], continent[8];
};

MUST_CHECK enum err zones_geo_open(const char *file, struct zones_geo **geo, char problem[256]);
void zones_geo_close(struct zones_geo *geo); /* NULL is fine */
void zones_geo_find(const struct zones_geo *geo, const struct sockaddr *address,
                    struct zones_place *place);
