/* Administrators in Redis: coturn's turn/admin_user/NAME, a hash with realm and password. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis.h"

#include "base/bytes.h"
#include "base/log.h"

static const char begin[] = "turn/admin_user/";

struct administrators {
	struct store_administrator *item; /* owned */
	size_t count;
};

static enum err administrator_read(const redisReply *reply, const char *name,
                                   struct store_administrator *read);
static enum err read_all(struct store *store, const struct redis_texts *keys,
                         struct administrators *all);
static int compare(const void *a, const void *b);

enum err redis_administrator_find(struct store *store, const char *name,
                                  struct store_administrator *administrator)
{
	char key[REDIS_KEY_MAX];
	redisReply *reply = NULL;
	enum err err;

	snprintf(key, sizeof key, "%s%s", begin, name);
	err = redis_call(redis_of(store), &reply, WORDS("HMGET", key, "realm", "password"));
	if (err == OK)
		err = administrator_read(reply, name, administrator);
	redis_reply_free(reply);
	return err == ERR_INVALID ? ERR_NOT_FOUND : err;
}

enum err redis_administrator_put(struct store *store,
                                 const struct store_administrator *administrator)
{
	char key[REDIS_KEY_MAX];
	long long changed;

	snprintf(key, sizeof key, "%s%s", begin, administrator->name);
	return redis_change(redis_of(store), &changed,
	                    WORDS("HSET", key, "realm", administrator->realm, "password",
	                          administrator->password));
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

/* All are read before the first is told of: they are few, and come in no order of realms. */
enum err redis_administrator_list(struct store *store, const char *realm,
                                  store_each_administrator *each, void *context)
{
	struct administrators all = {NULL, 0};
	struct redis_texts keys;
	enum err err = redis_scan(redis_of(store), "turn/admin_user/*", &keys);

	if (err == OK)
		err = read_all(store, &keys, &all);
	redis_texts_deinit(&keys);
	if (err == OK && all.count > 1)
		qsort(all.item, all.count, sizeof *all.item, compare);
	for (size_t i = 0; err == OK && i < all.count; i++)
		if ((realm == NULL || strcmp(realm, all.item[i].realm) == 0) &&
		    !each(&all.item[i], context))
			break;
	if (all.item != NULL)
		bytes_wipe(all.item, all.count * sizeof *all.item);
	free(all.item);
	return err;
}

static enum err read_all(struct store *store, const struct redis_texts *keys,
                         struct administrators *all)
{
	char name[STORE_TEXT_MAX];
	enum err err = OK;

	all->item = calloc(keys->count + 1, sizeof *all->item);
	if (all->item == NULL)
		return ERR_NO_MEMORY;
	for (size_t i = 0; err == OK && i < keys->count; i++) {
		if (!redis_key_part(keys->item[i], begin, "", name, sizeof name))
			continue;
		err = redis_administrator_find(store, name, &all->item[all->count]);
		if (err == OK)
			all->count++;
		if (err == ERR_NOT_FOUND)
			err = OK;
	}
	return err;
}

static int compare(const void *a, const void *b)
{
	const struct store_administrator *left = a, *right = b;
	int order = strcmp(left->realm, right->realm);

	return order != 0 ? order : strcmp(left->name, right->name);
}

/* ERR_INVALID: it is not one that anybody could sign in by. */
static enum err administrator_read(const redisReply *reply, const char *name,
                                   struct store_administrator *read)
{
	const redisReply *realm, *password;

	memset(read, 0, sizeof *read);
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
		return ERR_NOT_FOUND;
	realm = reply->element[0];
	password = reply->element[1];
	if (realm->type == REDIS_REPLY_NIL && password->type == REDIS_REPLY_NIL)
		return ERR_NOT_FOUND;
	if (text_copy(read->name, sizeof read->name, name) == OK &&
	    (realm->type == REDIS_REPLY_NIL ||
	     redis_text(realm, read->realm, sizeof read->realm) == OK) &&
	    redis_text(password, read->password, sizeof read->password) == OK &&
	    read->password[0] != '\0')
		return OK;
	log_warning("administrator skipped: name, realm or password is too long or no text",
	            "name=%s", read->name);
	return ERR_INVALID;
}
