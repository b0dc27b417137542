/* Static users in two tables: by name, and by USERHASH. */
#include "relay/static_users.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/random.h"

struct static_user {
	struct user_keys keys; /* the first member: what is given out */
	char *name;            /* owned */
	uint8_t userhash[STUN_USERHASH_SIZE];
};

static enum err user_problem(char problem[256], const char *words);
static enum err user_add(struct static_users *users, const char *realm,
                         const struct credentials_user *from);
static void user_set_keys(struct static_users *users, struct static_user *user, const char *realm,
                          const struct credentials_user *from);
static uint64_t name_hash(const struct static_users *users, const char *name);
static bool name_equal(const void *item, const void *key);
static bool userhash_equal(const void *item, const void *key);

enum err credentials_user_parse(const char *text, struct credentials_user *user, char problem[256])
{
	const char *colon = strchr(text, ':');
	const char *value;

	memset(user, 0, sizeof *user);
	problem[0] = '\0';
	if (colon == NULL)
		return user_problem(problem, "write it as NAME:PASSWORD or NAME:0xKEY");
	if (colon == text)
		return user_problem(problem, "the name before the colon is missing");
	if ((size_t)(colon - text) > TURN_USERNAME_MAX)
		return user_problem(problem, "the name is longer than 513 bytes");
	memcpy(user->name, text, (size_t)(colon - text));
	value = colon + 1;
	if (value[0] == '\0')
		return user_problem(problem, "the password behind the colon is missing");
	if (value[0] == '0' && value[1] == 'x') {
		if (hex_get(value + 2, user->key, sizeof user->key, &user->key_len) == OK &&
		    (user->key_len == STUN_MD5_KEY_SIZE || user->key_len == STUN_SHA256_KEY_SIZE))
			return OK;
		user->key_len = 0;
		return user_problem(problem, "a key after 0x has 32 hex digits (MD5) or 64 "
		                             "(SHA-256); turnadmin user key prints it");
	}
	if (text_copy(user->password, sizeof user->password, value) != OK)
		return user_problem(problem, "the password is longer than 512 bytes");
	return OK;
}

static enum err user_problem(char problem[256], const char *words)
{
	snprintf(problem, 256, "user: %s", words);
	return ERR_INVALID;
}

enum err static_users_init(struct static_users *users, struct stun_hasher *hasher,
                           const char *realm, const struct credentials_user *from, size_t count)
{
	enum err err = OK;

	*users = (struct static_users){.hasher = hasher};
	hash_table_init(&users->by_name);
	hash_table_init(&users->by_userhash);
	random_bytes(users->seed, sizeof users->seed);
	if (count == 0)
		return OK;
	users->users = calloc(count, sizeof users->users[0]);
	if (users->users == NULL)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < count && err == OK; i++)
		err = user_add(users, realm, &from[i]);
	return err;
}

void static_users_deinit(struct static_users *users)
{
	hash_table_deinit(&users->by_userhash);
	hash_table_deinit(&users->by_name);
	for (size_t i = 0; i < users->count; i++)
		free(users->users[i].name);
	if (users->users != NULL)
		bytes_wipe(users->users, users->count * sizeof users->users[0]);
	free(users->users);
}

const struct user_keys *static_users_find(const struct static_users *users, const char *username,
                                          const char **name)
{
	const struct static_user *user =
		hash_table_find(&users->by_name, name_hash(users, username), name_equal, username);

	if (user == NULL)
		return NULL;
	*name = user->name;
	return &user->keys;
}

const struct user_keys *static_users_find_hash(const struct static_users *users,
                                               const uint8_t userhash[STUN_USERHASH_SIZE],
                                               const char **name)
{
	const struct static_user *user =
		hash_table_find(&users->by_userhash, get_u64(userhash), userhash_equal, userhash);

	if (user == NULL)
		return NULL;
	*name = user->name;
	return &user->keys;
}

/* A name that comes again replaces the earlier keys, as in coturn. */
static enum err user_add(struct static_users *users, const char *realm,
                         const struct credentials_user *from)
{
	uint64_t hash = name_hash(users, from->name);
	struct static_user *user = hash_table_find(&users->by_name, hash, name_equal, from->name);
	enum err err;

	if (user != NULL) {
		user_set_keys(users, user, realm, from);
		return OK;
	}
	user = &users->users[users->count];
	user->name = strdup(from->name);
	if (user->name == NULL)
		return ERR_NO_MEMORY;
	users->count++;
	user_set_keys(users, user, realm, from);
	stun_userhash(users->hasher, (const uint8_t *)user->name, strlen(user->name), realm,
	              user->userhash);
	err = hash_table_insert(&users->by_name, hash, user);
	if (err != OK)
		return err;
	return hash_table_insert(&users->by_userhash, get_u64(user->userhash), user);
}

static void user_set_keys(struct static_users *users, struct static_user *user, const char *realm,
                          const struct credentials_user *from)
{
	struct user_keys *keys = &user->keys;
	uint8_t key[STUN_KEY_MAX];

	keys->has_md5 = from->key_len != STUN_SHA256_KEY_SIZE;
	keys->has_sha256 = from->key_len != STUN_MD5_KEY_SIZE;
	if (from->key_len != 0) {
		memcpy(keys->has_md5 ? keys->md5 : keys->sha256, from->key, from->key_len);
		return;
	}
	stun_long_term_key(users->hasher, STUN_PASSWORD_MD5, from->name, realm, from->password,
	                   key);
	memcpy(keys->md5, key, sizeof keys->md5);
	stun_long_term_key(users->hasher, STUN_PASSWORD_SHA256, from->name, realm, from->password,
	                   key);
	memcpy(keys->sha256, key, sizeof keys->sha256);
	bytes_wipe(key, sizeof key);
}

/* Strangers choose what is looked for: a MAC. A userhash is its own hash: only our users are in
 * the table. */
static uint64_t name_hash(const struct static_users *users, const char *name)
{
	uint8_t mac[STUN_SHA1_SIZE];

	stun_hmac_sha1(users->hasher, users->seed, sizeof users->seed, name, strlen(name), mac);
	return get_u64(mac);
}

static bool name_equal(const void *item, const void *key)
{
	return strcmp(((const struct static_user *)item)->name, key) == 0;
}

static bool userhash_equal(const void *item, const void *key)
{
	return memcmp(((const struct static_user *)item)->userhash, key, STUN_USERHASH_SIZE) == 0;
}
