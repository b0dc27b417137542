/* Tenants, API keys, rooms and revocations: checks, and what becomes of keys and PINs before they are kept. */
#include "store/tenants.h"

#include <string.h>

#include "base/bytes.h"
#include "base/random.h"
#include "store/driver.h"
#include "store/records.h"
#include "stun/integrity.h"

static const char name_characters[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

/* Rows that go with a tenant, gathered before they are deleted: each does not use the store. */
enum { GATHERED_MAX = 256 };
struct gathered {
	enum record_kind kind;
	union record_room rows[GATHERED_MAX];
	size_t count;
};
struct found {
	const char *name;
	struct store_tenant *tenant;
	bool is_there;
};

static bool is_name(const char *text, size_t max);
static record_each tenant_find, row_gather;
static enum err rows_delete(struct store *store, enum record_kind kind, const char *tenant);
static enum err sha256(const void *first, size_t first_len, const void *second, size_t second_len,
                       uint8_t hash[STORE_HASH_SIZE]);

bool store_tenant_name_is_valid(const char *name)
{
	return is_name(name, STORE_TENANT_MAX);
}

enum err store_tenant_put(struct store *store, const struct store_tenant *tenant)
{
	if (!store_tenant_name_is_valid(tenant->name))
		return ERR_INVALID;
	return store->driver->record_put(store, RECORD_TENANT, tenant);
}

enum err store_tenant_delete(struct store *store, const char *name)
{
	enum err err =
		store->driver->record_delete(store, RECORD_TENANT, (const char *const[]){name});

	if (err == OK)
		err = rows_delete(store, RECORD_API_KEY, name);
	if (err == OK)
		err = rows_delete(store, RECORD_ROOM_KICKS, name);
	return err == OK ? rows_delete(store, RECORD_ROOM, name) : err;
}

enum err store_tenant_find(struct store *store, const char *name, struct store_tenant *tenant)
{
	struct found found = {name, tenant, false};
	enum err err = store->driver->record_list(store, RECORD_TENANT, name, tenant_find, &found);

	return err == OK && !found.is_there ? ERR_NOT_FOUND : err;
}

static bool tenant_find(const void *record, void *context)
{
	struct found *found = context;

	*found->tenant = *(const struct store_tenant *)record;
	found->is_there = true;
	return false;
}

/* A typed each behind an untyped one. */
struct typed {
	union {
		store_each_tenant *tenant;
		store_each_api_key *api_key;
		store_each_room *room;
		store_each_room_kicks *kicks;
		store_each_revocation *revocation;
	};
	void *context;
};

static bool tenant_give(const void *record, void *context)
{
	const struct typed *typed = context;

	return typed->tenant(record, typed->context);
}

enum err store_tenant_list(struct store *store, store_each_tenant *each, void *context)
{
	struct typed typed = {.tenant = each, .context = context};

	return store->driver->record_list(store, RECORD_TENANT, NULL, tenant_give, &typed);
}

/* ---- API keys ---- */

enum err store_api_key_make(struct store_api_key *key, char text[STORE_API_KEY_SIZE])
{
	uint8_t bytes[(STORE_API_KEY_SIZE - 1) / 2];

	random_bytes(bytes, sizeof bytes);
	hex_put(bytes, sizeof bytes, text);
	bytes_wipe(bytes, sizeof bytes);
	/* It is as long as the hash: there is nothing for a slow hash or a salt to protect. */
	return sha256(text, strlen(text), NULL, 0, key->hash);
}

enum err store_api_key_put(struct store *store, const struct store_api_key *key)
{
	if (!store_tenant_name_is_valid(key->tenant) || !is_name(key->name, STORE_KEY_NAME_MAX))
		return ERR_INVALID;
	return store->driver->record_put(store, RECORD_API_KEY, key);
}

enum err store_api_key_delete(struct store *store, const char *tenant, const char *name)
{
	return store->driver->record_delete(store, RECORD_API_KEY,
	                                    (const char *const[]){tenant, name});
}

static bool api_key_give(const void *record, void *context)
{
	const struct typed *typed = context;

	return typed->api_key(record, typed->context);
}

enum err store_api_key_list(struct store *store, const char *tenant, store_each_api_key *each,
                            void *context)
{
	struct typed typed = {.api_key = each, .context = context};

	return store->driver->record_list(store, RECORD_API_KEY, tenant, api_key_give, &typed);
}

/* ---- rooms ---- */

enum err store_room_set_pin(struct store_room *room, const char *pin, size_t len)
{
	room->has_pin = len > 0;
	memset(room->pin_salt, 0, sizeof room->pin_salt);
	memset(room->pin_hash, 0, sizeof room->pin_hash);
	if (len == 0)
		return OK;
	random_bytes(room->pin_salt, sizeof room->pin_salt);
	return sha256(room->pin_salt, sizeof room->pin_salt, pin, len, room->pin_hash);
}

bool store_room_pin_is(const struct store_room *room, const char *pin, size_t len)
{
	uint8_t hash[STORE_HASH_SIZE];

	return room->has_pin &&
	       sha256(room->pin_salt, sizeof room->pin_salt, pin, len, hash) == OK &&
	       bytes_equal_secret(hash, room->pin_hash, sizeof hash);
}

enum err store_room_put(struct store *store, const struct store_room *room)
{
	if (!store_tenant_name_is_valid(room->tenant) || room->name[0] == '\0' ||
	    !is_name(room->type, STORE_ROOM_TYPE_MAX))
		return ERR_INVALID;
	return store->driver->record_put(store, RECORD_ROOM, room);
}

enum err store_room_delete(struct store *store, const char *tenant, const char *type,
                           const char *name)
{
	const char *const keys[] = {tenant, type, name};
	enum err err = store->driver->record_delete(store, RECORD_ROOM, keys),
		 kicks = store->driver->record_delete(store, RECORD_ROOM_KICKS, keys);

	return err != OK || kicks == ERR_NOT_FOUND ? err : kicks;
}

static bool room_give(const void *record, void *context)
{
	const struct typed *typed = context;

	return typed->room(record, typed->context);
}

enum err store_room_list(struct store *store, const char *tenant, store_each_room *each,
                         void *context)
{
	struct typed typed = {.room = each, .context = context};

	return store->driver->record_list(store, RECORD_ROOM, tenant, room_give, &typed);
}

enum err store_room_kicks_put(struct store *store, const struct store_room_kicks *kicks)
{
	enum err err;

	if (!store_tenant_name_is_valid(kicks->tenant) || kicks->name[0] == '\0' ||
	    !is_name(kicks->type, STORE_ROOM_TYPE_MAX))
		return ERR_INVALID;
	if (kicks->kicked[0] != '\0')
		return store->driver->record_put(store, RECORD_ROOM_KICKS, kicks);
	err = store->driver->record_delete(
		store, RECORD_ROOM_KICKS,
		(const char *const[]){kicks->tenant, kicks->type, kicks->name});
	return err == ERR_NOT_FOUND ? OK : err;
}

static bool kicks_give(const void *record, void *context)
{
	const struct typed *typed = context;

	return typed->kicks(record, typed->context);
}

enum err store_room_kicks_list(struct store *store, const char *tenant, store_each_room_kicks *each,
                               void *context)
{
	struct typed typed = {.kicks = each, .context = context};

	return store->driver->record_list(store, RECORD_ROOM_KICKS, tenant, kicks_give, &typed);
}

/* ---- revocations ---- */

enum err store_revoke(struct store *store, const struct store_revocation *revocation,
                      uint64_t now_s)
{
	if (revocation->username[0] == '\0')
		return ERR_INVALID;
	if (revocation->expires_s <= now_s)
		return OK;
	return store->driver->revoke(store, revocation, now_s);
}

static bool revocation_give(const void *record, void *context)
{
	const struct typed *typed = context;

	return typed->revocation(record, typed->context);
}

enum err store_revocation_list(struct store *store, store_each_revocation *each, void *context)
{
	struct typed typed = {.revocation = each, .context = context};

	return store->driver->record_list(store, RECORD_REVOCATION, NULL, revocation_give, &typed);
}

enum err store_secret_list_by_age(struct store *store, const char *realm,
                                  bool (*each)(const char *realm, const char *secret,
                                               void *context),
                                  void *context)
{
	return store->driver->secret_list_by_age(store, realm, each, context);
}

/* ---- */

/* What stands in keys of Redis beside others: no slash, and nothing that has to be escaped anywhere. */
static bool is_name(const char *text, size_t max)
{
	size_t len = strlen(text);

	return len > 0 && len <= max && strspn(text, name_characters) == len;
}

static bool row_gather(const void *record, void *context)
{
	struct gathered *gathered = context;

	memcpy(&gathered->rows[gathered->count], record, record_kinds[gathered->kind].size);
	return ++gathered->count < GATHERED_MAX;
}

/* As many at a time as there is room for. */
static enum err rows_delete(struct store *store, enum record_kind kind, const char *tenant)
{
	const struct record *record = &record_kinds[kind];
	struct gathered gathered = {.kind = kind};
	enum err err = OK;

	do {
		gathered.count = 0;
		err = store->driver->record_list(store, kind, tenant, row_gather, &gathered);
		for (size_t i = 0; err == OK && i < gathered.count; i++) {
			const char *keys[RECORD_KEYS_MAX];

			for (size_t key = 0; key < record->key_count; key++)
				keys[key] = (const char *)&gathered.rows[i] +
				            record->fields[key].offset;
			err = store->driver->record_delete(store, kind, keys);
			if (err == ERR_NOT_FOUND) /* another was faster */
				err = OK;
		}
	} while (err == OK && gathered.count == GATHERED_MAX);
	return err;
}

static enum err sha256(const void *first, size_t first_len, const void *second, size_t second_len,
                       uint8_t hash[STORE_HASH_SIZE])
{
	enum { ALL_MAX = 1024 };
	uint8_t all[ALL_MAX];
	struct stun_hasher *hasher;
	enum err err =
		first_len + second_len > sizeof all ? ERR_INVALID : stun_hasher_create(&hasher);

	if (err != OK)
		return err;
	memcpy(all, first, first_len);
	if (second_len > 0)
		memcpy(all + first_len, second, second_len);
	stun_sha256(hasher, all, first_len + second_len, hash);
	bytes_wipe(all, sizeof all);
	stun_hasher_destroy(hasher);
	return OK;
}
