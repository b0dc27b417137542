/* The functions of store.h, each by way of the driver of the store, and what no driver is needed for. */
#include "store/store.h"

#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "store/console_tokens.h"
#include "store/driver.h"
#include "stun/integrity.h"

_Static_assert((int)STORE_KEY_MAX >= (int)STUN_KEY_MAX, "a key fits a user");

static enum err codes_of_predecessor_end(struct store *store, const char *name);

enum err store_open_at(const struct store_location *location, bool may_create, struct store **store,
                       char problem[256])
{
	if (location->redis != NULL)
		return redis_store_open(location->redis, location->is_patient, store, problem);
	return sqlite_store_open(location->file, may_create, location->is_checked, store, problem);
}

enum err store_open(const char *path, bool may_create, struct store **store, char problem[256])
{
	const struct store_location location = {.file = path};

	return store_open_at(&location, may_create, store, problem);
}

void store_close(struct store *store)
{
	if (store != NULL)
		store->driver->close(store);
}

bool store_is_read_only(const struct store *store)
{
	return store->is_read_only;
}

const char *store_problem(const struct store *store)
{
	return store->problem;
}

const char *store_path(const struct store *store)
{
	return store->path;
}

bool store_has_moved(struct store *store)
{
	return store->driver->has_moved != NULL && store->driver->has_moved(store);
}

enum err store_ask_ahead(struct store *store, const struct store_request *request)
{
	return store->driver->ask_ahead == NULL ? ERR_INVALID
	                                        : store->driver->ask_ahead(store, request);
}

enum err store_version(struct store *store, struct store_version *version)
{
	return store->driver->version(store, version);
}

/* ---- users ---- */

enum err store_user_set_password(struct store_user *user, const char *password)
{
	uint8_t key[STUN_KEY_MAX];
	struct stun_hasher *hasher;
	enum err err = stun_hasher_create(&hasher);

	if (err != OK)
		return err;
	user->key_len = stun_long_term_key(hasher, STUN_PASSWORD_MD5, user->name, user->realm,
	                                   password, user->key);
	stun_long_term_key(hasher, STUN_PASSWORD_SHA256, user->name, user->realm, password, key);
	memcpy(user->sha256_key, key, sizeof user->sha256_key);
	user->has_sha256 = true;
	bytes_wipe(key, sizeof key);
	stun_hasher_destroy(hasher);
	return OK;
}

enum err store_user_find(struct store *store, const char *realm, const char *name,
                         struct store_user *user)
{
	return store->driver->user_find(store, realm, name, user);
}

enum err store_user_find_hash(struct store *store, const char *realm, const uint8_t userhash[32],
                              struct store_user *user)
{
	return store->driver->user_find_hash(store, realm, userhash, user);
}

enum err store_user_put(struct store *store, const struct store_user *user)
{
	return store->driver->user_put(store, user);
}

enum err store_user_delete(struct store *store, const char *realm, const char *name)
{
	return store->driver->user_delete(store, realm, name);
}

enum err store_user_list(struct store *store, const char *realm,
                         bool (*each)(const struct store_user *user, void *context), void *context)
{
	return store->driver->user_list(store, realm, each, context);
}

enum err store_user_page(struct store *store, const struct store_user_page *page,
                         bool (*each)(const struct store_user *user, void *context), void *context)
{
	if (page->limit == 0 || page->limit > STORE_PAGE_MAX)
		return ERR_INVALID;
	return store->driver->user_page(store, page, each, context);
}

enum err store_user_counts(struct store *store, const char *const *realms, size_t realm_count,
                           uint64_t *counts)
{
	return store->driver->user_counts(store, realms, realm_count, counts);
}

/* ---- secrets ---- */

enum err store_secret_add(struct store *store, const char *realm, const char *secret)
{
	return store->driver->secret_add(store, realm, secret);
}

enum err store_secret_delete(struct store *store, const char *realm, const char *secret)
{
	return store->driver->secret_delete(store, realm, secret);
}

enum err store_secret_list(struct store *store, const char *realm,
                           bool (*each)(const char *realm, const char *secret, void *context),
                           void *context)
{
	return store->driver->secret_list(store, realm, each, context);
}

/* ---- origins ---- */

enum err store_origin_put(struct store *store, const char *origin, const char *realm)
{
	return store->driver->origin_put(store, origin, realm);
}

enum err store_origin_delete(struct store *store, const char *origin)
{
	return store->driver->origin_delete(store, origin);
}

enum err store_origin_list(struct store *store, const char *realm,
                           bool (*each)(const char *origin, const char *realm, void *context),
                           void *context)
{
	return store->driver->origin_list(store, realm, each, context);
}

/* ---- realms ---- */

enum err store_realm_option_put(struct store *store, const char *realm, const char *name,
                                const char *value)
{
	enum store_realm_option option;
	uint64_t number;
	enum err err = store_realm_option_parse(name, value, &option, &number);

	return err != OK ? err : store->driver->realm_option_put(store, realm, name, value);
}

enum err store_realm_option_delete(struct store *store, const char *realm, const char *name)
{
	return store->driver->realm_option_delete(store, realm, name);
}

enum err store_realm_option_list(struct store *store, const char *realm,
                                 bool (*each)(const char *realm, const char *name,
                                              const char *value, void *context),
                                 void *context)
{
	return store->driver->realm_option_list(store, realm, each, context);
}

enum err store_peer_range_add(struct store *store, enum store_peer_list list, const char *realm,
                              const char *range)
{
	char text[STORE_RANGE_MAX + 1];
	enum err err = store_peer_range_normalise(range, text);

	return err != OK ? err : store->driver->peer_range_add(store, list, realm, text);
}

enum err store_peer_range_delete(struct store *store, enum store_peer_list list, const char *realm,
                                 const char *range)
{
	char text[STORE_RANGE_MAX + 1];
	bool is_range = range != NULL && store_peer_range_normalise(range, text) == OK;

	return store->driver->peer_range_delete(store, list, realm, range, is_range ? text : NULL);
}

enum err store_peer_range_list(struct store *store, enum store_peer_list list, const char *realm,
                               bool (*each)(const char *realm, const char *range, void *context),
                               void *context)
{
	return store->driver->peer_range_list(store, list, realm, each, context);
}

enum err store_peer_range_normalise(const char *range, char text[STORE_RANGE_MAX + 1])
{
	char low[ADDR_TEXT_SIZE], high[ADDR_TEXT_SIZE];
	struct addr_range read;
	enum err err = addr_range_parse(range, &read);

	if (err != OK)
		return err;
	addr_format_ip(&read.low, low);
	if (addr_equal_ip(&read.low, &read.high))
		snprintf(text, STORE_RANGE_MAX + 1, "%s", low);
	else
		snprintf(text, STORE_RANGE_MAX + 1, "%s-%s", low, addr_format_ip(&read.high, high));
	return OK;
}

/* ---- keys of authorization servers ---- */

enum err store_oauth_key_find(struct store *store, const char *kid, struct store_oauth_key *key)
{
	return store->driver->oauth_key_find(store, kid, key);
}

enum err store_oauth_key_put(struct store *store, const struct store_oauth_key *key)
{
	return store->driver->oauth_key_put(store, key);
}

enum err store_oauth_key_delete(struct store *store, const char *kid)
{
	return store->driver->oauth_key_delete(store, kid);
}

enum err store_oauth_key_list(struct store *store, const char *realm,
                              bool (*each)(const struct store_oauth_key *key, void *context),
                              void *context)
{
	return store->driver->oauth_key_list(store, realm, each, context);
}

enum err store_realm_list(struct store *store, bool (*each)(const char *realm, void *context),
                          void *context)
{
	return store->driver->realm_list != NULL ? store->driver->realm_list(store, each, context)
	                                         : OK;
}

/* ---- administrators ---- */

enum err store_administrator_find(struct store *store, const char *name,
                                  struct store_administrator *administrator)
{
	return store->driver->administrator_find(store, name, administrator);
}

enum err store_administrator_put(struct store *store,
                                 const struct store_administrator *administrator)
{
	enum err err = codes_of_predecessor_end(store, administrator->name);

	return err != OK ? err : store->driver->administrator_put(store, administrator);
}

enum err store_administrator_delete(struct store *store, const char *name)
{
	enum err err = store->driver->administrator_delete(store, name), codes;

	if (err != OK)
		return err;
	codes = store_totp_delete(store, name);
	return codes == ERR_NOT_FOUND ? OK : codes;
}

enum err store_administrator_list(struct store *store, const char *realm,
                                  store_each_administrator *each, void *context)
{
	return store->driver->administrator_list(store, realm, each, context);
}

/* coturn's turnadmin removes administrators from Redis and leaves the secret of their codes there: it is not for whoever is given
 * that name next. */
static enum err codes_of_predecessor_end(struct store *store, const char *name)
{
	struct store_administrator there;
	enum err err = store->driver->administrator_find(store, name, &there);

	bytes_wipe(&there, sizeof there);
	if (err == ERR_NOT_FOUND)
		err = store_totp_delete(store, name);
	return err == ERR_NOT_FOUND ? OK : err;
}
