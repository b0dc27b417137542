/* No database: this program was built without libmaxminddb. */
#include "signaling/zones_geo.h"

#include <stdio.h>

enum err zones_geo_open(const char *file, struct zones_geo **geo, char problem[256])
{
	(void)geo;
	snprintf(problem, 256,
	         "geo-database %.100s: this program was built without it: build it with "
	         "libmaxminddb-dev installed, or use zone-networks",
	         file);
	return ERR_INVALID;
}

void zones_geo_close(struct zones_geo *geo)
{
	(void)geo;
}

void zones_geo_find(const struct zones_geo *geo, const struct sockaddr *address,
                    struct zones_place *place)
{
	(void)geo;
	(void)address;
	*place = (struct zones_place){.country = ""};
}
