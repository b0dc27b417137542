/* Entries by question, and in the order in which they were confirmed. */
#include "store/last_known.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash_table.h"
#include "base/random.h"
#include "stun/integrity.h"

/* A question as bytes: what is asked, the realm with its end, a name or a USERHASH. */
struct question_key {
	size_t len;
	uint8_t bytes[1 + 2 * STORE_TEXT_MAX];
};

struct known_user {
	uint8_t key[STUN_MD5_KEY_SIZE], sha256_key[STUN_SHA256_KEY_SIZE];
	bool has_sha256;
	char name[STORE_TEXT_MAX]; /* as much as it takes, with its end */
};

struct known_answer {
	struct list node; /* in last_known.entries, the one confirmed last is the last */
	timestamp known_at;
	uint64_t hash;
	struct question_key *question; /* owned; as long as it has to be */
	void *bytes;                   /* owned: a known_user, a store_oauth_key, or secrets */
	size_t len;
};

struct last_known {
	struct hash_table table;
	struct list entries; /* owned */
	struct stun_hasher *hasher;
	uint8_t seed[16];
};

static void question_key_init(struct question_key *key, const struct store_request *request);
static struct known_answer *find(const struct last_known *known, const struct question_key *key);
static uint64_t key_hash(const struct last_known *known, const struct question_key *key);
static bool key_equal(const void *item, const void *key);
static struct known_answer *entry_create(struct last_known *known, const struct question_key *key);
static void entry_remove(struct last_known *known, struct known_answer *entry);
static void *answer_pack(const struct store_request *request, size_t *len);
static void *user_pack(const struct store_user *user, size_t *len);
static void *bytes_copy(const void *bytes, size_t len);
static void answer_unpack(struct store_request *request, const struct known_answer *entry);
static void user_unpack(struct store_request *request, const struct known_user *packed);

enum err last_known_create(struct last_known **result)
{
	struct last_known *known = calloc(1, sizeof *known);

	if (known == NULL || stun_hasher_create(&known->hasher) != OK) {
		free(known);
		return ERR_NO_MEMORY;
	}
	hash_table_init(&known->table);
	list_init(&known->entries);
	random_bytes(known->seed, sizeof known->seed);
	*result = known;
	return OK;
}

void last_known_destroy(struct last_known *known)
{
	struct list *node;

	if (known == NULL)
		return;
	while ((node = list_first(&known->entries)) != NULL)
		entry_remove(known, CONTAINER_OF(node, struct known_answer, node));
	hash_table_deinit(&known->table);
	stun_hasher_destroy(known->hasher);
	free(known);
}

void last_known_learn(struct last_known *known, const struct store_request *request, timestamp now)
{
	struct question_key key;
	struct known_answer *entry;
	void *bytes;
	size_t len;

	question_key_init(&key, request);
	entry = find(known, &key);
	if (request->result == ERR_NOT_FOUND && entry != NULL)
		entry_remove(known, entry);
	if (request->result != OK || (bytes = answer_pack(request, &len)) == NULL)
		return;
	if (entry == NULL)
		entry = entry_create(known, &key);
	if (entry == NULL) {
		bytes_wipe(bytes, len);
		free(bytes);
		return;
	}
	if (entry->bytes != NULL)
		bytes_wipe(entry->bytes, entry->len);
	free(entry->bytes);
	entry->bytes = bytes;
	entry->len = len;
	entry->known_at = now;
	list_remove(&entry->node);
	list_append(&known->entries, &entry->node);
}

bool last_known_answer(struct last_known *known, struct store_request *request, timestamp now)
{
	struct question_key key;
	struct known_answer *entry;

	question_key_init(&key, request);
	entry = find(known, &key);
	if (entry == NULL || now - entry->known_at > LAST_KNOWN_MS)
		return false;
	answer_unpack(request, entry);
	return true;
}

static void question_key_init(struct question_key *key, const struct store_request *request)
{
	bool is_hashed = request->question == STORE_FIND_USERHASH;
	bool has_name = request->question != STORE_LIST_SECRETS;
	const void *what = is_hashed ? (const void *)request->userhash : request->name;
	size_t realm_size = strlen(request->realm) + 1;
	size_t len = is_hashed ? sizeof request->userhash : strlen(request->name);

	key->bytes[0] = (uint8_t)request->question;
	memcpy(key->bytes + 1, request->realm, realm_size);
	key->len = 1 + realm_size;
	if (!has_name)
		return;
	memcpy(key->bytes + key->len, what, len);
	key->len += len;
}

static struct known_answer *find(const struct last_known *known, const struct question_key *key)
{
	return hash_table_find(&known->table, key_hash(known, key), key_equal, key);
}

/* A MAC under a secret of ours, as names are chosen by others. */
static uint64_t key_hash(const struct last_known *known, const struct question_key *key)
{
	uint8_t mac[STUN_SHA1_SIZE];

	stun_hmac_sha1(known->hasher, known->seed, sizeof known->seed, key->bytes, key->len, mac);
	return get_u64(mac);
}

static bool key_equal(const void *item, const void *key)
{
	const struct question_key *question = ((const struct known_answer *)item)->question;
	const struct question_key *wanted = key;

	return question->len == wanted->len &&
	       memcmp(question->bytes, wanted->bytes, wanted->len) == 0;
}

static struct known_answer *entry_create(struct last_known *known, const struct question_key *key)
{
	struct known_answer *entry = calloc(1, sizeof *entry);

	if (entry == NULL)
		return NULL;
	entry->question = bytes_copy(key, offsetof(struct question_key, bytes) + key->len);
	entry->hash = key_hash(known, key);
	if (entry->question == NULL || hash_table_insert(&known->table, entry->hash, entry) != OK) {
		free(entry->question);
		free(entry);
		return NULL;
	}
	list_append(&known->entries, &entry->node);
	if (known->table.count > LAST_KNOWN_MAX)
		entry_remove(known,
		             CONTAINER_OF(list_first(&known->entries), struct known_answer, node));
	return entry;
}

static void entry_remove(struct last_known *known, struct known_answer *entry)
{
	hash_table_remove(&known->table, entry->hash, entry);
	list_remove(&entry->node);
	if (entry->bytes != NULL)
		bytes_wipe(entry->bytes, entry->len);
	free(entry->bytes);
	free(entry->question);
	free(entry);
}

static void *answer_pack(const struct store_request *request, size_t *len)
{
	switch (request->question) {
	case STORE_FIND_USER:
	case STORE_FIND_USERHASH:
		return user_pack(&request->user, len);
	case STORE_LIST_SECRETS:
		*len = request->secret_count * sizeof request->secrets[0];
		return bytes_copy(request->secrets, *len);
	case STORE_FIND_OAUTH_KEY:
		*len = sizeof request->oauth_key;
		return bytes_copy(&request->oauth_key, *len);
	}
	return NULL;
}

static void *user_pack(const struct store_user *user, size_t *len)
{
	struct known_user packed = {.has_sha256 = user->has_sha256};
	size_t size = strlen(user->name) + 1;
	void *copy;

	if (user->key_len != sizeof packed.key)
		return NULL;
	memcpy(packed.key, user->key, sizeof packed.key);
	memcpy(packed.sha256_key, user->sha256_key, sizeof packed.sha256_key);
	memcpy(packed.name, user->name, size);
	*len = offsetof(struct known_user, name) + size;
	copy = bytes_copy(&packed, *len);
	bytes_wipe(&packed, sizeof packed);
	return copy;
}

static void *bytes_copy(const void *bytes, size_t len)
{
	void *copy = malloc(len > 0 ? len : 1);

	if (copy != NULL && len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

static void answer_unpack(struct store_request *request, const struct known_answer *entry)
{
	switch (request->question) {
	case STORE_FIND_USER:
	case STORE_FIND_USERHASH:
		user_unpack(request, entry->bytes);
		return;
	case STORE_LIST_SECRETS:
		request->secret_count = entry->len / sizeof request->secrets[0];
		memcpy(request->secrets, entry->bytes, entry->len);
		return;
	case STORE_FIND_OAUTH_KEY:
		memcpy(&request->oauth_key, entry->bytes, entry->len);
		return;
	}
}

static void user_unpack(struct store_request *request, const struct known_user *packed)
{
	struct store_user *user = &request->user;

	*user = (struct store_user){
		.key_len = sizeof packed->key,
		.has_sha256 = packed->has_sha256,
	};
	memcpy(user->realm, request->realm, sizeof user->realm);
	memcpy(user->name, packed->name, strlen(packed->name) + 1);
	memcpy(user->key, packed->key, sizeof packed->key);
	memcpy(user->sha256_key, packed->sha256_key, sizeof packed->sha256_key);
}
