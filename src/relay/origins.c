/* A table of origins, made anew whenever the store tells of another one. */
#include "relay/origins.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/random.h"
#include "stun/origin.h"
#include "turn/turn.h"

struct origin_row {
	char origin[STUN_ORIGIN_MAX + 1];
	const char *realm; /* lent */
};

static uint64_t origin_hash(const struct origins *origins, const char *origin);
static bool origin_equal(const void *item, const void *key);

void origins_init(struct origins *origins, struct stun_hasher *hasher)
{
	*origins = (struct origins){.hasher = hasher};
	hash_table_init(&origins->table);
	random_bytes(origins->seed, sizeof origins->seed);
}

void origins_deinit(struct origins *origins)
{
	hash_table_deinit(&origins->table);
	free(origins->rows);
}

/* Rows that were written by hand may be in another form; of two that say the same the first counts. */
enum err origins_set(struct origins *origins, const char *texts, size_t count)
{
	struct origin_row *row = calloc(count + 1, sizeof *row);

	if (row == NULL)
		return ERR_NO_MEMORY;
	origins->rows = row;
	for (size_t i = 0; i < count; i++) {
		const char *origin = texts, *realm = origin + strlen(origin) + 1;

		texts = realm + strlen(realm) + 1;
		if (stun_origin_normalise((const uint8_t *)origin, strlen(origin), row->origin) !=
		            OK ||
		    strlen(realm) > TURN_REALM_MAX || realm[0] == '\0' ||
		    origins_find(origins, row->origin) != NULL)
			continue;
		row->realm = realm;
		enum err err =
			hash_table_insert(&origins->table, origin_hash(origins, row->origin), row);
		if (err != OK)
			return err;
		row++;
	}
	return OK;
}

const char *origins_find(const struct origins *origins, const char *origin)
{
	const struct origin_row *row = hash_table_find(
		&origins->table, origin_hash(origins, origin), origin_equal, origin);

	return row != NULL ? row->realm : NULL;
}

/* Strangers choose what is looked for, but not what is in the table: the seed is for good measure. */
static uint64_t origin_hash(const struct origins *origins, const char *origin)
{
	uint8_t mac[STUN_SHA1_SIZE];

	stun_hmac_sha1(origins->hasher, origins->seed, sizeof origins->seed, origin, strlen(origin),
	               mac);
	return get_u64(mac);
}

static bool origin_equal(const void *item, const void *key)
{
	return strcmp(((const struct origin_row *)item)->origin, key) == 0;
}
