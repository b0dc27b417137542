/* libmaxminddb reads the database, which is mapped into memory and the same for all threads. */
#include "signaling/zones_geo.h"

#include <errno.h>
#include <maxminddb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file_refusal.h"

struct zones_geo {
	MMDB_s database;
};

static void code_get(MMDB_lookup_result_s *found, const char *what, const char *member, char *to,
                     size_t size);

static void describe(const char *file, int status, char problem[256])
{
	char refusal[FILE_REFUSAL_SIZE];
	bool is_refused = status == MMDB_FILE_OPEN_ERROR && errno == EACCES;

	snprintf(problem, 256, "geo-database %.80s: %.150s", file,
	         is_refused ? file_refusal(file, R_OK, errno, refusal) : MMDB_strerror(status));
}

enum err zones_geo_open(const char *file, struct zones_geo **result, char problem[256])
{
	struct zones_geo *geo = calloc(1, sizeof *geo);
	int status;

	if (geo == NULL)
		return ERR_NO_MEMORY;
	status = MMDB_open(file, MMDB_MODE_MMAP, &geo->database);
	if (status != MMDB_SUCCESS) {
		describe(file, status, problem);
		free(geo);
		return ERR_INVALID;
	}
	*result = geo;
	return OK;
}

void zones_geo_close(struct zones_geo *geo)
{
	if (geo == NULL)
		return;
	MMDB_close(&geo->database);
	free(geo);
}

void zones_geo_find(const struct zones_geo *geo, const struct sockaddr *address,
                    struct zones_place *place)
{
	int error = MMDB_SUCCESS;
	MMDB_lookup_result_s found = MMDB_lookup_sockaddr(&geo->database, address, &error);

	*place = (struct zones_place){.country = ""};
	if (error != MMDB_SUCCESS || !found.found_entry)
		return;
	code_get(&found, "country", "iso_code", place->country, sizeof place->country);
	code_get(&found, "continent", "code", place->continent, sizeof place->continent);
}

static void code_get(MMDB_lookup_result_s *found, const char *what, const char *member, char *to,
                     size_t size)
{
	MMDB_entry_data_s data;

	if (MMDB_get_value(&found->entry, &data, what, member, NULL) != MMDB_SUCCESS ||
	    !data.has_data || data.type != MMDB_DATA_TYPE_UTF8_STRING || data.data_size >= size)
		return;
	memcpy(to, data.utf8_string, data.data_size);
	to[data.data_size] = '\0';
}
