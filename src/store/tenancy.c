/* Three lists that are read one after the other: what changes meanwhile is another version of the store, and read again. */
#include "store/tenancy.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"

enum { ROWS_MAX = 100000, ROWS_FIRST = 16 };

/* A list being read. */
struct list_reading {
	const char *name;
	void **rows;
	size_t *count, size;
	enum err err;
};

static enum err tenants_read(struct tenancy *tenancy, struct store *store);
static enum err api_keys_read(struct tenancy *tenancy, struct store *store);
static enum err secrets_read(struct tenancy *tenancy, struct store *store, const char *realm);
static void *row_add(struct list_reading *reading);
static enum err tenants_copy(struct tenancy *tenancy, const struct tenancy *from);
static enum err rows_copy(void *to_pointer, const void *from, size_t count, size_t size);
static bool is_same(const void *a, size_t a_count, const void *b, size_t b_count, size_t size);

enum err tenancy_read(struct store *store, const char *realm, const struct tenancy *before,
                      struct tenancy **result)
{
	struct tenancy *tenancy = calloc(1, sizeof *tenancy);
	enum err err = tenancy == NULL ? ERR_NO_MEMORY : OK;

	if (err == OK && before != NULL)
		err = tenants_copy(tenancy, before);
	if (err == OK && before == NULL)
		err = tenants_read(tenancy, store);
	if (err == OK && before == NULL)
		err = api_keys_read(tenancy, store);
	if (err == OK)
		err = secrets_read(tenancy, store, realm);
	if (err == OK)
		*result = tenancy;
	else
		tenancy_destroy(tenancy);
	return err;
}

enum err tenancy_copy(const struct tenancy *from, struct tenancy **result)
{
	struct tenancy *tenancy = calloc(1, sizeof *tenancy);
	enum err err = tenancy == NULL ? ERR_NO_MEMORY : tenants_copy(tenancy, from);

	if (err == OK)
		err = rows_copy(&tenancy->secrets, from->secrets, from->secret_count,
		                sizeof from->secrets[0]);
	if (err != OK) {
		tenancy_destroy(tenancy);
		return err;
	}
	tenancy->secret_count = from->secret_count;
	*result = tenancy;
	return OK;
}

static void rows_free(void *rows, size_t count, size_t size)
{
	if (rows != NULL)
		bytes_wipe(rows, count * size);
	free(rows);
}

void tenancy_destroy(struct tenancy *tenancy)
{
	if (tenancy == NULL)
		return;
	rows_free(tenancy->tenants, tenancy->tenant_count, sizeof tenancy->tenants[0]);
	rows_free(tenancy->api_keys, tenancy->api_key_count, sizeof tenancy->api_keys[0]);
	rows_free(tenancy->secrets, tenancy->secret_count, sizeof tenancy->secrets[0]);
	free(tenancy);
}

bool tenancy_has_same_tenants(const struct tenancy *a, const struct tenancy *b)
{
	static const struct tenancy none = {.tenants = NULL};

	a = a == NULL ? &none : a;
	b = b == NULL ? &none : b;
	return is_same(a->tenants, a->tenant_count, b->tenants, b->tenant_count,
	               sizeof a->tenants[0]) &&
	       is_same(a->api_keys, a->api_key_count, b->api_keys, b->api_key_count,
	               sizeof a->api_keys[0]);
}

bool tenancy_has_same_secrets(const struct tenancy *a, const struct tenancy *b)
{
	static const struct tenancy none = {.tenants = NULL};

	a = a == NULL ? &none : a;
	b = b == NULL ? &none : b;
	return is_same(a->secrets, a->secret_count, b->secrets, b->secret_count,
	               sizeof a->secrets[0]);
}

const char *tenancy_newest_secret(const struct tenancy *tenancy, const char *realm)
{
	size_t low = 0, high = tenancy == NULL ? 0 : tenancy->secret_count, end = high;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(tenancy->secrets[middle].realm, realm) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < end && strcmp(tenancy->secrets[low].realm, realm) == 0
	               ? tenancy->secrets[low].secret
	               : NULL;
}

/* ---- reading ---- */

static bool tenant_add(const struct store_tenant *tenant, void *context)
{
	void *row = row_add(context);

	/* With what is between the members, which is zero: rows are compared as bytes. */
	if (row != NULL)
		memcpy(row, tenant, sizeof *tenant);
	return row != NULL;
}

static enum err tenants_read(struct tenancy *tenancy, struct store *store)
{
	struct list_reading reading = {"tenants", (void **)&tenancy->tenants,
	                               &tenancy->tenant_count, sizeof tenancy->tenants[0], OK};
	enum err err = store_tenant_list(store, tenant_add, &reading);

	return err == OK ? reading.err : err;
}

static bool api_key_add(const struct store_api_key *key, void *context)
{
	void *row = row_add(context);

	if (row != NULL)
		memcpy(row, key, sizeof *key);
	return row != NULL;
}

static enum err api_keys_read(struct tenancy *tenancy, struct store *store)
{
	struct list_reading reading = {"API keys", (void **)&tenancy->api_keys,
	                               &tenancy->api_key_count, sizeof tenancy->api_keys[0], OK};
	enum err err = store_api_key_list(store, NULL, api_key_add, &reading);

	return err == OK ? reading.err : err;
}

static bool secret_add(const char *realm, const char *secret, void *context)
{
	struct tenancy_secret *row = row_add(context);

	return row != NULL && text_copy(row->realm, sizeof row->realm, realm) == OK &&
	       text_copy(row->secret, sizeof row->secret, secret) == OK;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Each realm once, in order. */
static enum err secrets_read(struct tenancy *tenancy, struct store *store, const char *realm)
{
	struct list_reading reading = {"secrets", (void **)&tenancy->secrets,
	                               &tenancy->secret_count, sizeof tenancy->secrets[0], OK};
	const char **realms = calloc(tenancy->tenant_count + 1, sizeof *realms);
	size_t count = 0;
	enum err err = OK;

	if (realms == NULL)
		return ERR_NO_MEMORY;
	realms[count++] = realm;
	for (size_t i = 0; i < tenancy->tenant_count; i++)
		if (tenancy->tenants[i].realm[0] != '\0')
			realms[count++] = tenancy->tenants[i].realm;
	qsort(realms, count, sizeof *realms, compare_texts);
	for (size_t i = 0; i < count && err == OK; i++)
		if (i == 0 || strcmp(realms[i], realms[i - 1]) != 0)
			err = store_secret_list_by_age(store, realms[i], secret_add, &reading);
	free(realms);
	return err == OK ? reading.err : err;
}

/* NULL: no memory, or there are too many. What moves is wiped. */
static void *row_add(struct list_reading *reading)
{
	size_t count = *reading->count, size = reading->size;

	if (count == ROWS_MAX) {
		log_error("tenants not read",
		          "value=%d of=\"%s\" reason=\"there are more than that\"", ROWS_MAX,
		          reading->name);
		return NULL;
	}
	/* The count is the room when it is a power of two that is not less than the first one. */
	if (count == 0 || (count >= ROWS_FIRST && (count & (count - 1)) == 0)) {
		void *grown = calloc(count == 0 ? ROWS_FIRST : 2 * count, size);

		if (grown == NULL) {
			reading->err = ERR_NO_MEMORY;
			return NULL;
		}
		if (count > 0)
			memcpy(grown, *reading->rows, count * size);
		rows_free(*reading->rows, count, size);
		*reading->rows = grown;
	}
	(*reading->count)++;
	return (char *)*reading->rows + count * size;
}

/* ---- copying and comparing ---- */

static enum err tenants_copy(struct tenancy *tenancy, const struct tenancy *from)
{
	enum err err = rows_copy(&tenancy->tenants, from->tenants, from->tenant_count,
	                         sizeof from->tenants[0]);

	if (err != OK)
		return err;
	tenancy->tenant_count = from->tenant_count;
	err = rows_copy(&tenancy->api_keys, from->api_keys, from->api_key_count,
	                sizeof from->api_keys[0]);
	if (err == OK)
		tenancy->api_key_count = from->api_key_count;
	return err;
}

static enum err rows_copy(void *to_pointer, const void *from, size_t count, size_t size)
{
	void **to = to_pointer;

	if (count == 0)
		return OK;
	*to = calloc(count, size);
	if (*to == NULL)
		return ERR_NO_MEMORY;
	memcpy(*to, from, count * size);
	return OK;
}

static bool is_same(const void *a, size_t a_count, const void *b, size_t b_count, size_t size)
{
	return a_count == b_count && (a_count == 0 || memcmp(a, b, a_count * size) == 0);
}
