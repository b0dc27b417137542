/* Administrators in Redis: a hash for each, which has no realm for one of all realms. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis.h"

#include "base/bytes.h"
#include "base/log.h"

static const char begin[] = "turn/admin_user/";

static enum err administrator_read(const redisReply *reply, const char *name,
                                   struct store_administrator *read);
static int compare_realms(const void *a, const void *b);

enum err redis_administrator_find(struct store *store, const char *name,
                                  struct store_administrator *administrator)
{
	char key[REDIS_KEY_MAX];
	redisReply *reply = NULL;
	enum err err;

	snprintf(key, sizeof key, "%s%s", begin, name);
	err = redis_call(redis_of(store), &reply, WORDS("HGETALL", key));
	if (err == OK)
		err = administrator_read(reply, name, administrator);
	redis_reply_free(reply);
	return err == ERR_INVALID ? ERR_NOT_FOUND : err;
}

/* What it had before goes with it, as a realm may be no more. */
enum err redis_administrator_put(struct store *store,
                                 const struct store_administrator *administrator)
{
	struct redis_store *redis = redis_of(store);
	char key[REDIS_KEY_MAX];
	redisReply *reply = NULL;
	enum err err = redis_begin(redis);

	snprintf(key, sizeof key, "%s%s", begin, administrator->name);
	if (err == OK)
		err = redis_put(redis, WORDS("DEL", key));
	if (err == OK)
		err = redis_put(redis, WORDS("HSET", key, "password", administrator->password));
	if (err == OK && administrator->realm[0] != '\0')
		err = redis_put(redis, WORDS("HSET", key, "realm", administrator->realm));
	if (err == OK)
		err = redis_commit(redis, &reply);
	redis_reply_free(reply);
	return err;
}

enum err redis_administrator_delete(struct store *store, const char *name)
{
	char key[REDIS_KEY_MAX];
	long long changed;
	enum err err;

	snprintf(key, sizeof key, "%s%s", begin, name);
	err = redis_change(redis_of(store), &changed, WORDS("DEL", key));
	return err == OK && changed == 0 ? ERR_NOT_FOUND : err;
}

enum err redis_administrator_list(struct store *store, const char *realm,
                                  store_each_administrator *each, void *context)
{
	struct redis_store *redis = redis_of(store);
	struct store_administrator *found;
	struct redis_texts keys;
	size_t count = 0;
	enum err err = redis_scan(redis, "turn/admin_user/*", &keys);

	if (err != OK)
		return err;
	found = calloc(keys.count + 1, sizeof *found);
	if (found == NULL)
		err = ERR_NO_MEMORY;
	for (size_t i = 0; i < keys.count && err == OK; i++) {
		err = redis_administrator_find(store, keys.item[i] + strlen(begin), &found[count]);
		if (err == OK && (realm == NULL || strcmp(realm, found[count].realm) == 0))
			count++;
		if (err == ERR_NOT_FOUND)
			err = OK;
	}
	if (err == OK)
		qsort(found, count, sizeof *found, compare_realms);
	for (size_t i = 0; err == OK && i < count && each(&found[i], context); i++)
		continue;
	if (found != NULL)
		bytes_wipe(found, (keys.count + 1) * sizeof *found);
	free(found);
	redis_texts_deinit(&keys);
	return err;
}

/* Then by name. */
static int compare_realms(const void *a, const void *b)
{
	const struct store_administrator *left = a, *right = b;
	int order = strcmp(left->realm, right->realm);

	return order != 0 ? order : strcmp(left->name, right->name);
}

/* ERR_INVALID: it is not one that anybody could sign in by. */
static enum err administrator_read(const redisReply *reply, const char *name,
                                   struct store_administrator *read)
{
	const redisReply *password, *realm;

	*read = (struct store_administrator){.name = ""};
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0)
		return ERR_NOT_FOUND;
	password = redis_field(reply, "password");
	realm = redis_field(reply, "realm");
	if (text_copy(read->name, sizeof read->name, name) == OK && password != NULL &&
	    redis_text(password, read->password, sizeof read->password) == OK &&
	    read->password[0] != '\0' &&
	    (realm == NULL || redis_text(realm, read->realm, sizeof read->realm) == OK))
		return OK;
	log_warning("administrator skipped: no password, or too long a text", "name=%s", name);
	return ERR_INVALID;
}
