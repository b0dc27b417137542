/* Tokens of machines and secrets of codes: checks, and the hash by which a token is found. */
#include "store/console_tokens.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/random.h"
#include "store/driver.h"
#include "store/records.h"
#include "stun/integrity.h"

enum { DAY_S = 24 * 3600 };

/* All that there are, in one piece. */
struct tokens {
	struct store_console_token *all; /* owned */
	size_t count;
};

static enum err tokens_take(struct store *store, struct tokens *tokens);
static void tokens_give_back(struct tokens *tokens);
static const struct store_console_token *tokens_find(const struct tokens *tokens, const char *name);
static bool name_is_valid(const char *name);
static record_each token_copy, totp_copy;

/* It is as long as the hash: there is nothing for a slow hash or a salt to protect. */
static enum err hash_of(const char *text, char hash[CONSOLE_TOKEN_HASH_SIZE])
{
	uint8_t sum[STUN_SHA256_SIZE];
	struct stun_hasher *hasher;
	enum err err = stun_hasher_create(&hasher);

	if (err != OK)
		return err;
	stun_sha256(hasher, text, strlen(text), sum);
	stun_hasher_destroy(hasher);
	hex_put(sum, sizeof sum, hash);
	return OK;
}

enum err store_console_token_make(struct store_console_token *token, char text[CONSOLE_TOKEN_SIZE])
{
	uint8_t bytes[(CONSOLE_TOKEN_SIZE - 1) / 2];

	random_bytes(bytes, sizeof bytes);
	hex_put(bytes, sizeof bytes, text);
	bytes_wipe(bytes, sizeof bytes);
	return hash_of(text, token->hash);
}

enum err store_console_token_add(struct store *store, const struct store_console_token *token)
{
	struct tokens tokens;
	enum err err;

	if (!name_is_valid(token->name) || strlen(token->hash) != CONSOLE_TOKEN_HASH_SIZE - 1)
		return ERR_INVALID;
	err = tokens_take(store, &tokens);
	if (err != OK)
		return err;
	if (tokens_find(&tokens, token->name) != NULL)
		err = ERR_EXISTS;
	else if (tokens.count >= CONSOLE_TOKENS_MAX)
		err = ERR_FULL;
	else
		err = store->driver->record_put(store, RECORD_CONSOLE_TOKEN, token);
	tokens_give_back(&tokens);
	return err;
}

struct found {
	void *row; /* that it is copied to */
	bool is_there;
};

enum err store_console_token_find(struct store *store, const char *text,
                                  struct store_console_token *token)
{
	struct found found = {.row = token};
	char hash[CONSOLE_TOKEN_HASH_SIZE];
	enum err err = hash_of(text, hash);

	if (err == OK)
		err = store->driver->record_list(store, RECORD_CONSOLE_TOKEN, hash, token_copy,
		                                 &found);
	return err == OK && !found.is_there ? ERR_NOT_FOUND : err;
}

static bool token_copy(const void *record, void *context)
{
	struct found *found = context;

	memcpy(found->row, record, sizeof(struct store_console_token));
	found->is_there = true;
	return false;
}

enum err store_console_token_used(struct store *store, struct store_console_token *token,
                                  uint64_t now_s)
{
	if (token->used_s / DAY_S == now_s / DAY_S || store_is_read_only(store))
		return OK;
	token->used_s = now_s / DAY_S * DAY_S;
	return store->driver->record_put(store, RECORD_CONSOLE_TOKEN, token);
}

enum err store_console_token_delete(struct store *store, const char *name)
{
	const struct store_console_token *token;
	struct tokens tokens;
	enum err err = tokens_take(store, &tokens);

	if (err != OK)
		return err;
	token = tokens_find(&tokens, name);
	err = token == NULL ? ERR_NOT_FOUND
	                    : store->driver->record_delete(store, RECORD_CONSOLE_TOKEN,
	                                                   (const char *const[]){token->hash});
	tokens_give_back(&tokens);
	return err;
}

enum err store_console_token_list(struct store *store, store_each_console_token *each,
                                  void *context)
{
	struct tokens tokens;
	enum err err = tokens_take(store, &tokens);

	for (size_t i = 0; err == OK && i < tokens.count && each(&tokens.all[i], context); i++)
		continue;
	tokens_give_back(&tokens);
	return err;
}

static bool token_gather(const void *record, void *context)
{
	struct tokens *tokens = context;

	tokens->all[tokens->count++] = *(const struct store_console_token *)record;
	return tokens->count < CONSOLE_TOKENS_MAX;
}

static int compare_names(const void *a, const void *b)
{
	const struct store_console_token *left = a, *right = b;

	return strcmp(left->name, right->name);
}

/* Redis has them in the order of their hashes. */
static enum err tokens_take(struct store *store, struct tokens *tokens)
{
	enum err err;

	*tokens = (struct tokens){.all = calloc(CONSOLE_TOKENS_MAX, sizeof *tokens->all)};
	if (tokens->all == NULL)
		return ERR_NO_MEMORY;
	err = store->driver->record_list(store, RECORD_CONSOLE_TOKEN, NULL, token_gather, tokens);
	if (err != OK)
		tokens_give_back(tokens);
	else
		qsort(tokens->all, tokens->count, sizeof *tokens->all, compare_names);
	return err;
}

static void tokens_give_back(struct tokens *tokens)
{
	free(tokens->all);
	*tokens = (struct tokens){.all = NULL};
}

static const struct store_console_token *tokens_find(const struct tokens *tokens, const char *name)
{
	for (size_t i = 0; i < tokens->count; i++)
		if (strcmp(tokens->all[i].name, name) == 0)
			return &tokens->all[i];
	return NULL;
}

static bool name_is_valid(const char *name)
{
	size_t len =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	return len > 0 && len <= CONSOLE_TOKEN_NAME_MAX && name[len] == '\0';
}

/* ---- codes ---- */

enum err store_totp_find(struct store *store, const char *administrator, struct store_totp *totp)
{
	struct found found = {.row = totp};
	enum err err =
		store->driver->record_list(store, RECORD_TOTP, administrator, totp_copy, &found);

	return err == OK && !found.is_there ? ERR_NOT_FOUND : err;
}

static bool totp_copy(const void *record, void *context)
{
	const struct record_totp *read = record;
	struct found *found = context;
	struct store_totp *totp = found->row;

	memcpy(totp->secret, read->secret, sizeof totp->secret);
	totp->last_step = read->last_step;
	found->is_there = true;
	return false;
}

enum err store_totp_put(struct store *store, const char *administrator,
                        const struct store_totp *totp)
{
	struct record_totp row = {.last_step = totp->last_step};
	enum err err = text_copy(row.administrator, sizeof row.administrator, administrator);

	if (err != OK || administrator[0] == '\0')
		return ERR_INVALID;
	memcpy(row.secret, totp->secret, sizeof row.secret);
	err = store->driver->record_put(store, RECORD_TOTP, &row);
	bytes_wipe(&row, sizeof row);
	return err;
}

enum err store_totp_delete(struct store *store, const char *administrator)
{
	return store->driver->record_delete(store, RECORD_TOTP,
	                                    (const char *const[]){administrator});
}
