/* Networks of a file, by the longest prefix; then the country; then the continent. */
#include "signaling/zones.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "config/config.h"
#include "config/whole_file.h"
#include "signaling/zones_geo.h"

enum { NETWORKS_FILE_MAX = 16 * 1024 * 1024, NETWORKS_MAX = 500000 };

struct network {
	struct addr_range range;
	uint64_t order; /* the smallest first, where ranges lie within each other */
	char zone[ZONE_ID_MAX + 1];
};
struct place {
	char code[8];
	bool is_continent;
	char zone[ZONE_ID_MAX + 1];
};
struct zones {
	struct network *networks; /* owned, sorted by order */
	size_t network_count;
	struct place *places; /* owned */
	size_t place_count;
	struct zones_geo *geo; /* owned; NULL: none */
};

static enum err networks_read(struct zones *zones, const char *file, char problem[256]);
static enum err line_read(struct zones *zones, char *line);
static uint64_t range_order(const struct addr_range *range);
static int compare_networks(const void *a, const void *b);
static enum err places_read(struct zones *zones, const struct config *config);
static void near_add(struct zones_near *near, const char *zone);
static void place_add(const struct zones *zones, bool is_continent, const char *code,
                      struct zones_near *near);

enum err zones_create(const struct config *config, struct zones **result, char problem[256],
                      enum option_id *about)
{
	struct zones *zones = NULL;
	enum err err;

	*result = NULL;
	if (config->zone_networks == NULL && config->geo_database == NULL)
		return OK;
	zones = calloc(1, sizeof *zones);
	err = zones == NULL ? ERR_NO_MEMORY : places_read(zones, config);
	if (err == OK && config->zone_networks != NULL)
		err = networks_read(zones, config->zone_networks, problem);
	*about = err == OK ? OPTION_ID_geo_database : OPTION_ID_zone_networks;
	if (err == OK && config->geo_database != NULL)
		err = zones_geo_open(config->geo_database, &zones->geo, problem);
	if (err != OK) {
		zones_destroy(zones);
		return err;
	}
	*result = zones;
	return OK;
}

void zones_destroy(struct zones *zones)
{
	if (zones == NULL)
		return;
	zones_geo_close(zones->geo);
	free(zones->places);
	free(zones->networks);
	free(zones);
}

void zones_find(const struct zones *zones, const char *address, struct zones_near *near)
{
	struct transport_addr addr;
	struct zones_place place;

	near->count = 0;
	if (zones == NULL || address == NULL || addr_parse(address, 0, &addr) != OK)
		return;
	addr_normalise(&addr, NULL, 0);
	for (size_t i = 0; i < zones->network_count && near->count == 0; i++)
		if (addr_range_contains(&zones->networks[i].range, &addr))
			near_add(near, zones->networks[i].zone);
	if (zones->geo == NULL)
		return;
	zones_geo_find(zones->geo, &addr.any, &place);
	place_add(zones, false, place.country, near);
	place_add(zones, true, place.continent, near);
}

/* ---- the file of networks ---- */

static enum err networks_read(struct zones *zones, const char *file, char problem[256])
{
	char words[WHOLE_FILE_PROBLEM_SIZE], *bytes, *rest, *line;
	unsigned number = 0;
	size_t len;
	enum err err = whole_file_read(file, NETWORKS_FILE_MAX, &bytes, &len, words);

	if (err != OK) {
		snprintf(problem, 256, "zone-networks: %.240s", words);
		return ERR_INVALID;
	}
	for (rest = bytes; err == OK && (line = strsep(&rest, "\n")) != NULL;) {
		number++;
		err = line_read(zones, line);
	}
	free(bytes);
	if (err == ERR_INVALID)
		snprintf(problem, 256,
		         "zone-networks %.120s:%u: give a network and its zone, 192.0.2.0/24 eu",
		         file, number);
	if (err == OK && zones->network_count > 0)
		qsort(zones->networks, zones->network_count, sizeof zones->networks[0],
		      compare_networks);
	return err;
}

/* NETWORK ZONE, and behind # what is for people. */
static enum err line_read(struct zones *zones, char *line)
{
	static const char spaces[] = " \t\r";
	struct network *grown, read;
	char *range, *zone;

	line[strcspn(line, "#")] = '\0';
	range = strtok_r(line, spaces, &line);
	if (range == NULL)
		return OK;
	zone = strtok_r(NULL, spaces, &line);
	if (zone == NULL || strtok_r(NULL, spaces, &line) != NULL ||
	    addr_range_parse(range, &read.range) != OK ||
	    text_copy(read.zone, sizeof read.zone, zone) != OK ||
	    zones->network_count == NETWORKS_MAX)
		return ERR_INVALID;
	read.order = range_order(&read.range);
	/* As many as double each time: the count is the room when it is a power of two. */
	if ((zones->network_count & (zones->network_count - 1)) == 0) {
		size_t room = zones->network_count == 0 ? 1 : 2 * zones->network_count;

		grown = realloc(zones->networks, room * sizeof *grown);
		if (grown == NULL)
			return ERR_NO_MEMORY;
		zones->networks = grown;
	}
	zones->networks[zones->network_count++] = read;
	return OK;
}

/* The highest bit in which its ends differ: the length of a prefix, from behind. */
static uint64_t range_order(const struct addr_range *range)
{
	bool is_v6 = addr_family(&range->low) == AF_INET6;
	const uint8_t *low =
		is_v6 ? range->low.v6.sin6_addr.s6_addr : (const uint8_t *)&range->low.v4.sin_addr;
	const uint8_t *high = is_v6 ? range->high.v6.sin6_addr.s6_addr
	                            : (const uint8_t *)&range->high.v4.sin_addr;
	size_t size = is_v6 ? 16 : 4;

	for (size_t i = 0; i < size; i++)
		for (int bit = 7; bit >= 0; bit--)
			if (((low[i] ^ high[i]) >> bit & 1) != 0)
				return 8 * (size - 1 - i) + (uint64_t)bit + 1;
	return 0;
}

static int compare_networks(const void *a, const void *b)
{
	const struct network *left = a, *right = b;

	return left->order < right->order ? -1 : left->order > right->order;
}

/* ---- countries and continents ---- */

static enum err places_read(struct zones *zones, const struct config *config)
{
	static const char continent[] = "continent:";
	size_t count = config->geo_zone.count;

	zones->places = calloc(count + 1, sizeof zones->places[0]);
	if (zones->places == NULL)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < count; i++) { /* each was checked: CODE=ZONE */
		const char *text = config->geo_zone.item[i];
		struct place *place = &zones->places[i];

		place->is_continent = strncmp(text, continent, strlen(continent)) == 0;
		text += place->is_continent ? strlen(continent) : 0;
		snprintf(place->code, sizeof place->code, "%.2s", text);
		snprintf(place->zone, sizeof place->zone, "%s", text + 3);
	}
	zones->place_count = count;
	return OK;
}

static void place_add(const struct zones *zones, bool is_continent, const char *code,
                      struct zones_near *near)
{
	for (size_t i = 0; code[0] != '\0' && i < zones->place_count; i++)
		if (zones->places[i].is_continent == is_continent &&
		    strcmp(zones->places[i].code, code) == 0)
			near_add(near, zones->places[i].zone);
}

static void near_add(struct zones_near *near, const char *zone)
{
	for (size_t i = 0; i < near->count; i++)
		if (strcmp(near->id[i], zone) == 0)
			return;
	if (near->count < ZONES_NEAR_MAX)
		snprintf(near->id[near->count++], sizeof near->id[0], "%s", zone);
}
