/* libmaxminddb reads the database, which is the same for all threads. It is a copy in memory: the library maps the file that it is given,
 * and would take the program with it where somebody writes a new one over that in place. */
#include "signaling/zones_geo.h"

#include <errno.h>
#include <fcntl.h>
#include <maxminddb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file_refusal.h"

enum { CHUNK = 256 * 1024, GEO_FILE_MAX = 1024 * 1024 * 1024 };

struct zones_geo {
	MMDB_s database;
};

static int copy_make(const char *file);
static int database_open(int copy, MMDB_s *database);
static const char *database_fault(const MMDB_s *database);
static void code_get(MMDB_entry_s *entry, const char *what, const char *member, char *to,
                     size_t size);

static enum err refuse(struct zones_geo *geo, const char *file, const char *why, char problem[256])
{
	snprintf(problem, 256, "geo-database %.80s: %.150s", file, why);
	free(geo);
	return ERR_INVALID;
}

enum err zones_geo_open(const char *file, struct zones_geo **result, char problem[256])
{
	struct zones_geo *geo = calloc(1, sizeof *geo);
	const char *fault;
	char refusal[FILE_REFUSAL_SIZE];
	int copy, status;

	if (geo == NULL)
		return ERR_NO_MEMORY;
	copy = copy_make(file);
	if (copy < 0)
		return refuse(geo, file, file_refusal(file, R_OK, errno, refusal), problem);
	status = database_open(copy, &geo->database);
	close(copy); /* the map stays */
	if (status != MMDB_SUCCESS)
		return refuse(geo, file, MMDB_strerror(status), problem);
	fault = database_fault(&geo->database);
	if (fault != NULL) {
		MMDB_close(&geo->database);
		return refuse(geo, file, fault, problem);
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

static void place_get(MMDB_entry_s *entry, struct zones_place *place)
{
	*place = (struct zones_place){.country = ""};
	code_get(entry, "country", "iso_code", place->country, sizeof place->country);
	code_get(entry, "continent", "code", place->continent, sizeof place->continent);
}

void zones_geo_find(const struct zones_geo *geo, const struct sockaddr *address,
                    struct zones_place *place)
{
	int error = MMDB_SUCCESS;
	MMDB_lookup_result_s found = MMDB_lookup_sockaddr(&geo->database, address, &error);

	*place = (struct zones_place){.country = ""};
	if (error == MMDB_SUCCESS && found.found_entry)
		place_get(&found.entry, place);
}

static void code_get(MMDB_entry_s *entry, const char *what, const char *member, char *to,
                     size_t size)
{
	MMDB_entry_data_s data;

	if (MMDB_get_value(entry, &data, what, member, NULL) != MMDB_SUCCESS || !data.has_data ||
	    data.type != MMDB_DATA_TYPE_UTF8_STRING || data.data_size >= size)
		return;
	memcpy(to, data.utf8_string, data.data_size);
	to[data.data_size] = '\0';
}

/* ---- the copy ---- */

static bool write_all(int to, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t written = write(to, bytes, len);
		if (written < 0 && errno != EINTR)
			return false;
		if (written > 0) {
			bytes += written;
			len -= (size_t)written;
		}
	}
	return true;
}

static bool copy_all(int from, int to, char *chunk)
{
	size_t copied = 0;
	ssize_t got;

	while ((got = read(from, chunk, CHUNK)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || !write_all(to, chunk, (size_t)got))
			return false;
		copied += (size_t)got;
		if (copied > GEO_FILE_MAX) {
			errno = EFBIG;
			return false;
		}
	}
	return true;
}

/* A descriptor of it; -1: errno says why. A FIFO would be waited for. */
static int copy_make(const char *file)
{
	char *chunk = malloc(CHUNK);
	int from = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK), to = -1;

	if (chunk != NULL && from >= 0)
		to = memfd_create("geo-database", MFD_CLOEXEC);
	if (to >= 0 && !copy_all(from, to, chunk)) {
		int why = errno;
		close(to);
		errno = why;
		to = -1;
	}
	int why = errno;
	if (from >= 0)
		close(from);
	free(chunk);
	errno = why;
	return to;
}

static int database_open(int copy, MMDB_s *database)
{
	char name[32];

	snprintf(name, sizeof name, "/proc/self/fd/%d", copy);
	return MMDB_open(name, MMDB_MODE_MMAP, database);
}

/* ---- whether it is whole ---- */

/* The record behind one side of a node. The library has looked at the metadata alone; what a look-up would stumble over is found
 * here. */
static bool side_is_sound(const MMDB_s *database, uint8_t type, MMDB_entry_s entry,
                          bool *names_place)
{
	struct zones_place place;

	if (type == MMDB_RECORD_TYPE_INVALID)
		return false;
	if (type != MMDB_RECORD_TYPE_DATA || *names_place)
		return true;
	entry.mmdb = database;
	place_get(&entry, &place);
	*names_place = place.country[0] != '\0' || place.continent[0] != '\0';
	return true;
}

/* Says what is wrong with it; NULL: nothing. One of networks' owners, say, opens like any other and would never find a zone. */
static const char *database_fault(const MMDB_s *database)
{
	bool names_place = false;
	MMDB_search_node_s node;

	for (uint32_t i = 0; i < database->metadata.node_count; i++)
		if (MMDB_read_node(database, i, &node) != MMDB_SUCCESS ||
		    !side_is_sound(database, node.left_record_type, node.left_record_entry,
		                   &names_place) ||
		    !side_is_sound(database, node.right_record_type, node.right_record_entry,
		                   &names_place))
			return "its search tree is damaged";
	return names_place ? NULL : "no record in it names a country or a continent";
}
