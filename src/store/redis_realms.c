/* Which realm an origin belongs to, and what a realm has of its own. */
#include <stdio.h>
#include <string.h>

#include "store/redis.h"

static const char origins_begin[] = "turn/origin/", realms_begin[] = "turn/realm/";

static enum err value_get(struct redis_store *redis, const char *key, char *value, size_t size);
static redis_part_fn realm_of_key;
static void option_key(const char *realm, const char *name, char key[REDIS_KEY_MAX]);
static bool option_key_read(const char *key, char *realm, const char **name);

enum err redis_origin_put(struct store *store, const char *origin, const char *realm)
{
	char key[REDIS_KEY_MAX];
	long long changed;

	snprintf(key, sizeof key, "%s%s", origins_begin, origin);
	return redis_change(redis_of(store), &changed, WORDS("SET", key, realm));
}

enum err redis_origin_delete(struct store *store, const char *origin)
{
	char key[REDIS_KEY_MAX];
	long long changed;
	enum err err;

	snprintf(key, sizeof key, "%s%s", origins_begin, origin);
	err = redis_change(redis_of(store), &changed, WORDS("DEL", key));
	return err == OK && changed == 0 ? ERR_NOT_FOUND : err;
}

enum err redis_origin_list(struct store *store, const char *realm,
                           bool (*each)(const char *origin, const char *realm, void *context),
                           void *context)
{
	struct redis_store *redis = redis_of(store);
	char origin[STORE_TEXT_MAX], of_realm[STORE_TEXT_MAX];
	struct redis_texts keys;
	bool goes_on = true;
	enum err err = redis_scan(redis, "turn/origin/*", &keys);

	for (size_t i = 0; err == OK && i < keys.count && goes_on; i++) {
		if (!redis_key_part(keys.item[i], origins_begin, "", origin, sizeof origin))
			continue;
		err = value_get(redis, keys.item[i], of_realm, sizeof of_realm);
		if (err == OK && (realm == NULL || strcmp(realm, of_realm) == 0))
			goes_on = each(origin, of_realm, context);
		if (err == ERR_NOT_FOUND)
			err = OK;
	}
	redis_texts_deinit(&keys);
	return err;
}

enum err redis_realm_option_put(struct store *store, const char *realm, const char *name,
                                const char *value)
{
	char key[REDIS_KEY_MAX];
	long long changed;

	option_key(realm, name, key);
	return redis_change(redis_of(store), &changed, WORDS("SET", key, value));
}

enum err redis_realm_option_delete(struct store *store, const char *realm, const char *name)
{
	struct redis_store *redis = redis_of(store);
	char key[STORE_REALM_OPTION_COUNT][REDIS_KEY_MAX];
	long long changed = 0;
	enum err err;

	for (size_t i = 0; i < STORE_REALM_OPTION_COUNT; i++)
		option_key(realm, store_realm_option_name((enum store_realm_option)i), key[i]);
	_Static_assert(STORE_REALM_OPTION_COUNT == 3, "all are named here");
	if (name == NULL) {
		err = redis_change(redis, &changed, WORDS("DEL", key[0], key[1], key[2]));
	} else {
		option_key(realm, name, key[0]);
		err = redis_change(redis, &changed, WORDS("DEL", key[0]));
	}
	return err == OK && changed == 0 ? ERR_NOT_FOUND : err;
}

/* Whatever else is a key of a realm is no option. */
enum err redis_realm_option_list(struct store *store, const char *realm,
                                 bool (*each)(const char *realm, const char *name,
                                              const char *value, void *context),
                                 void *context)
{
	struct redis_store *redis = redis_of(store);
	char of_realm[STORE_TEXT_MAX], value[STORE_VALUE_MAX + 1];
	struct redis_texts keys;
	bool goes_on = true;
	enum err err = redis_scan(redis, "turn/realm/*/*-[bq][pu]*", &keys);

	for (size_t i = 0; err == OK && i < keys.count && goes_on; i++) {
		const char *name;

		if (!option_key_read(keys.item[i], of_realm, &name) ||
		    (realm != NULL && strcmp(realm, of_realm) != 0))
			continue;
		err = value_get(redis, keys.item[i], value, sizeof value);
		if (err == OK)
			goes_on = each(of_realm, name, value, context);
		if (err == ERR_NOT_FOUND)
			err = OK;
	}
	redis_texts_deinit(&keys);
	return err;
}

/* Of those with users or secrets. */
enum err redis_realm_list(struct store *store, bool (*each)(const char *realm, void *context),
                          void *context)
{
	struct redis_texts realms;
	enum err err = redis_scan_parts(redis_of(store), "turn/realm/*/*", realm_of_key, &realms);

	for (size_t i = 0; err == OK && i < realms.count && each(realms.item[i], context); i++)
		continue;
	redis_texts_deinit(&realms);
	return err;
}

static bool realm_of_key(const char *key, char realm[REDIS_KEY_MAX])
{
	char *user;

	if (redis_key_part(key, realms_begin, "/secret", realm, REDIS_KEY_MAX))
		return true;
	if (!redis_key_part(key, realms_begin, "/key", realm, REDIS_KEY_MAX))
		return false;
	user = strstr(realm, "/user/");
	if (user == NULL)
		return false;
	*user = '\0';
	return true;
}

static void option_key(const char *realm, const char *name, char key[REDIS_KEY_MAX])
{
	snprintf(key, REDIS_KEY_MAX, "%s%s/%s", realms_begin, realm, name);
}

static bool option_key_read(const char *key, char *realm, const char **name)
{
	for (size_t i = 0; i < STORE_REALM_OPTION_COUNT; i++) {
		char end[STORE_OPTION_MAX + 2];

		*name = store_realm_option_name((enum store_realm_option)i);
		snprintf(end, sizeof end, "/%s", *name);
		if (redis_key_part(key, realms_begin, end, realm, STORE_TEXT_MAX))
			return true;
	}
	return false;
}

/* ERR_NOT_FOUND also for a key that is gone by now, is no text, or too long a one. */
static enum err value_get(struct redis_store *redis, const char *key, char *value, size_t size)
{
	redisReply *reply = NULL;
	enum err err = redis_call(redis, &reply, WORDS("GET", key));

	if (err == OK)
		err = redis_text(reply, value, size);
	redis_reply_free(reply);
	return err == ERR_INVALID ? ERR_NOT_FOUND : err;
}
