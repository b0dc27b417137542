/* Tenants, and which of the proofs it is that someone has. What a token says is authority_jwt.c's matter, where keys come from
 * authority_keys.c's. */
#include "signaling/authority.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "config/config.h"
#include "signaling/authority_private.h"
#include "store/permissions.h"

enum { MILLISECONDS = 1000, API_KEY_LEN_MIN = 16 };

_Static_assert(MAY_JOIN == 1 && MAY_CREATE == 2 && MAY_SEND == 4 && MAY_CHAT == 8 &&
                       MAY_MODERATE == 16 && MAY_CHANGE_ROOM == 32 && MAY_CLOSE_ROOM == 64 &&
                       MAY_LIST == 128 && MAY_HIDE == 256 && MAY_ALL == 511,
               "the words of store/permissions.c mean these");

static enum err config_read(struct authority *authority, const struct config *config,
                            char problem[256]);
static enum err texts_copy(char *const *texts, size_t text_count, char ***copies, size_t *count);
static enum err api_key_read(struct authority *authority, const char *text, char problem[256]);
static enum err configured_copy(struct authority *authority, const struct authority *from);
static enum err tenancy_take(struct authority *authority, const struct tenancy *tenancy);
static enum err tenant_add(struct authority *authority, const struct store_tenant *stored);
static enum err default_tenant_add(struct authority *authority);
static int compare_tenants(const void *a, const void *b);

static enum signaling_error anybody_identify(const struct authority *authority, const char *tenant,
                                             struct identity *identity);
static enum signaling_error api_key_identify(const struct authority *authority, const char *key,
                                             uint64_t wall_ms, struct identity *identity);
static enum signaling_error secret_user_identify(const struct authority *authority,
                                                 const struct claim *claim, uint64_t wall_ms,
                                                 struct identity *identity);
static bool secret_user_read(const char *name, uint64_t *expiry_s, const char **user);
static bool mac_is_right(const struct user_secret *secret, const char *name, const uint8_t *mac,
                         size_t len);

enum err authority_create(const struct config *config, const struct tenancy *tenancy,
                          struct authority **result, char problem[256])
{
	struct authority *authority = calloc(1, sizeof *authority);
	enum err err;

	snprintf(problem, 256, "%s", err_string(ERR_NO_MEMORY));
	if (authority == NULL)
		return ERR_NO_MEMORY;
	err = config_read(authority, config, problem);
	if (err == OK)
		err = tenancy_take(authority, tenancy);
	if (err != OK) {
		authority_destroy(authority);
		return err;
	}
	problem[0] = '\0';
	*result = authority;
	return OK;
}

enum err authority_change(const struct authority *before, const struct tenancy *tenancy,
                          struct authority **result)
{
	struct authority *authority = calloc(1, sizeof *authority);
	enum err err;

	if (authority == NULL)
		return ERR_NO_MEMORY;
	err = configured_copy(authority, before);
	if (err == OK)
		err = tenancy_take(authority, tenancy);
	if (err != OK)
		authority_destroy(authority);
	else
		*result = authority;
	return err;
}

static void texts_free(char **texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(texts[i]);
	free(texts);
}

void authority_destroy(struct authority *authority)
{
	if (authority == NULL)
		return;
	for (size_t i = 0; i < authority->jwt_key_count; i++) {
		bytes_wipe(authority->jwt_keys[i].bytes, authority->jwt_keys[i].len);
		free(authority->jwt_keys[i].bytes);
	}
	free(authority->jwt_keys);
	if (authority->user_secrets != NULL)
		bytes_wipe(authority->user_secrets,
		           authority->user_secret_count * sizeof authority->user_secrets[0]);
	free(authority->user_secrets);
	free(authority->api_keys);
	free(authority->tenants);
	texts_free(authority->audiences, authority->audience_count);
	texts_free(authority->issuers, authority->issuer_count);
	free(authority);
}

const struct tenant *authority_tenant(const struct authority *authority, const char *name)
{
	struct tenant wanted = {.name = ""};

	if (text_copy(wanted.name, sizeof wanted.name, name) != OK)
		return NULL;
	return bsearch(&wanted, authority->tenants, authority->tenant_count,
	               sizeof authority->tenants[0], compare_tenants);
}

static bool lets_anybody_in(const struct authority *authority)
{
	return authority_tenant(authority, TENANT_DEFAULT)->lets_anybody_in;
}

static bool is_same(const struct unused_keys *a, const struct unused_keys *b)
{
	return a->count == b->count && a->number == b->number && a->reason == b->reason &&
	       strcmp(a->file, b->file) == 0;
}

/* It is made anew with each change of the store: what was told is not told again. */
void authority_warn(const struct authority *authority, const struct authority *before)
{
	const struct unused_keys *unused = &authority->unused;

	if (unused->count > 0 && (before == NULL || !is_same(unused, &before->unused)))
		log_info("keys of tokens not used", "count=%u file=%s number=%zu reason=\"%s\"",
		         unused->count, unused->file, unused->number, unused->reason);
	if (lets_anybody_in(authority) && (before == NULL || !lets_anybody_in(before)))
		log_warning(
			"anybody may join rooms",
			"tenant=%s advice=\"set jwt-secret, jwt-key-file, jwks-file, api-key or "
			"user-secret, and signaling-anybody=no\"",
			TENANT_DEFAULT);
}

void authority_tenants(const struct authority *authority,
                       bool (*each)(const struct tenant *tenant, void *context), void *context)
{
	for (size_t i = 0; i < authority->tenant_count; i++)
		if (!each(&authority->tenants[i], context))
			return;
}

enum signaling_error authority_identify(const struct authority *authority,
                                        const struct claim *claim, uint64_t wall_ms,
                                        struct identity *identity)
{
	const char *tenant =
		claim->tenant == NULL || claim->tenant[0] == '\0' ? TENANT_DEFAULT : claim->tenant;
	enum signaling_error error = SIGNALING_BAD_PROOF;

	memset(identity, 0, sizeof *identity);
	if (claim->kind == CLAIM_ANYBODY)
		return anybody_identify(authority, tenant, identity);
	if (claim->proof == NULL || strnlen(claim->proof, CLAIM_PROOF_MAX + 1) > CLAIM_PROOF_MAX)
		return SIGNALING_BAD_PROOF;
	if (claim->kind == CLAIM_BEARER && jwt_has_form(claim->proof))
		error = jwt_identify(authority, claim->proof, wall_ms, identity);
	else if (claim->kind == CLAIM_BEARER || claim->kind == CLAIM_KEY)
		error = api_key_identify(authority, claim->proof, wall_ms, identity);
	else if (claim->kind == CLAIM_SECRET_USER)
		error = secret_user_identify(authority, claim, wall_ms, identity);
	if (error == SIGNALING_OK && authority_tenant(authority, identity->tenant) == NULL)
		error = SIGNALING_FORBIDDEN;
	if (error != SIGNALING_OK)
		memset(identity, 0, sizeof *identity);
	identity->is_authenticated = error == SIGNALING_OK;
	return error;
}

/* ---- what is configured ---- */

static enum err config_read(struct authority *authority, const struct config *config,
                            char problem[256])
{
	enum err err = texts_copy(config->jwt_audience.item, config->jwt_audience.count,
	                          &authority->audiences, &authority->audience_count);

	snprintf(authority->anybody, sizeof authority->anybody, "%s", config->signaling_anybody);
	authority->leeway_ms = (uint64_t)config->jwt_leeway * MILLISECONDS;
	if (err == OK)
		err = texts_copy(config->jwt_issuer.item, config->jwt_issuer.count,
		                 &authority->issuers, &authority->issuer_count);
	for (size_t i = 0; err == OK && i < config->jwt_secret.count; i++)
		err = authority_add_secret(authority, "", "", config->jwt_secret.item[i],
		                           strlen(config->jwt_secret.item[i]));
	for (size_t i = 0; err == OK && i < config->jwt_key_file.count; i++)
		err = authority_add_key_file(authority, config->jwt_key_file.item[i], problem);
	for (size_t i = 0; err == OK && i < config->jwks_file.count; i++)
		err = authority_add_jwks_file(authority, config->jwks_file.item[i], problem);
	for (size_t i = 0; err == OK && i < config->api_key.count; i++)
		err = api_key_read(authority, config->api_key.item[i], problem);
	for (size_t i = 0; err == OK && i < config->user_secret.count; i++) {
		struct user_secret *secret =
			authority_grow(&authority->user_secrets, &authority->user_secret_count,
		                       sizeof *secret, API_KEYS_MAX);
		if (secret == NULL)
			return ERR_NO_MEMORY;
		snprintf(secret->tenant, sizeof secret->tenant, "%s", TENANT_DEFAULT);
		snprintf(secret->secret, sizeof secret->secret, "%s", config->user_secret.item[i]);
	}
	authority->configured.jwt_keys = authority->jwt_key_count;
	authority->configured.user_secrets = authority->user_secret_count;
	authority->configured.api_keys = authority->api_key_count;
	return err;
}

static enum err texts_copy(char *const *texts, size_t text_count, char ***copies, size_t *count)
{
	if (text_count == 0)
		return OK;
	*copies = calloc(text_count, sizeof **copies);
	for (size_t i = 0; *copies != NULL && i < text_count; i++) {
		(*copies)[i] = strdup(texts[i]);
		if ((*copies)[i] == NULL)
			return ERR_NO_MEMORY;
		*count = i + 1;
	}
	return *copies == NULL ? ERR_NO_MEMORY : OK;
}

/* NAME:KEY[:PERMISSIONS]. The problem never quotes the key. */
static enum err api_key_read(struct authority *authority, const char *text, char problem[256])
{
	const char *key = strchr(text, ':'), *end;
	struct store_api_key *read;
	unsigned permissions = MAY_ALL;

	if (key == NULL || key == text || key - text > STORE_KEY_NAME_MAX) {
		snprintf(problem, 256, "api-key: give a name, a colon and the key");
		return ERR_INVALID;
	}
	end = strchr(++key, ':');
	if (end != NULL && permissions_parse(end + 1, &permissions) != OK) {
		snprintf(problem, 256,
		         "api-key %.*s: behind the key there is a permission that "
		         "there is not",
		         (int)(key - 1 - text), text);
		return ERR_INVALID;
	}
	size_t len = end == NULL ? strlen(key) : (size_t)(end - key);
	if (len < API_KEY_LEN_MIN) {
		snprintf(problem, 256,
		         "api-key %.*s: the key is shorter than %d characters and "
		         "can be guessed",
		         (int)(key - 1 - text), text, API_KEY_LEN_MIN);
		return ERR_INVALID;
	}
	read = authority_grow(&authority->api_keys, &authority->api_key_count, sizeof *read,
	                      API_KEYS_MAX);
	if (read == NULL || EVP_Digest(key, len, read->hash, NULL, EVP_sha256(), NULL) != 1)
		return ERR_NO_MEMORY;
	snprintf(read->tenant, sizeof read->tenant, "%s", TENANT_DEFAULT);
	snprintf(read->name, sizeof read->name, "%.*s", (int)(key - 1 - text), text);
	read->permissions = permissions;
	return OK;
}

void *authority_grow(void *list_pointer, size_t *count, size_t size, size_t max)
{
	void **list = list_pointer, *grown;
	size_t room = 1;

	if (*count == max)
		return NULL;
	/* Room is a power of two: it is full when the count is one. What moves is wiped: it may be secret. */
	while (room < *count)
		room *= 2;
	if (*count == 0 || *count == room) {
		grown = calloc(*count == 0 ? 1 : 2 * room, size);
		if (grown == NULL)
			return NULL;
		if (*count > 0) {
			memcpy(grown, *list, *count * size);
			bytes_wipe(*list, *count * size);
		}
		free(*list);
		*list = grown;
	}
	return (char *)*list + (*count)++ * size;
}

/* ---- what another has of it ---- */

static enum err jwt_key_copy(struct authority *authority, const struct jwt_key *from)
{
	struct jwt_key *key = authority_grow(&authority->jwt_keys, &authority->jwt_key_count,
	                                     sizeof *key, JWT_KEYS_MAX + TENANTS_MAX);
	unsigned char *bytes = malloc(from->len + 1);

	if (key == NULL || bytes == NULL) {
		free(bytes);
		return ERR_NO_MEMORY;
	}
	*key = *from;
	key->bytes = memcpy(bytes, from->bytes, from->len);
	return OK;
}

/* Rows that own nothing. */
static enum err rows_copy(void *list, size_t *count, const void *from, size_t from_count,
                          size_t size)
{
	for (size_t i = 0; i < from_count; i++) {
		void *row = authority_grow(list, count, size, API_KEYS_MAX);

		if (row == NULL)
			return ERR_NO_MEMORY;
		memcpy(row, (const char *)from + i * size, size);
	}
	return OK;
}

static enum err configured_copy(struct authority *authority, const struct authority *from)
{
	enum err err = texts_copy(from->audiences, from->audience_count, &authority->audiences,
	                          &authority->audience_count);

	authority->leeway_ms = from->leeway_ms;
	authority->unused = from->unused;
	authority->configured = from->configured;
	memcpy(authority->anybody, from->anybody, sizeof authority->anybody);
	if (err == OK)
		err = texts_copy(from->issuers, from->issuer_count, &authority->issuers,
		                 &authority->issuer_count);
	for (size_t i = 0; err == OK && i < from->configured.jwt_keys; i++)
		err = jwt_key_copy(authority, &from->jwt_keys[i]);
	if (err == OK)
		err = rows_copy(&authority->user_secrets, &authority->user_secret_count,
		                from->user_secrets, from->configured.user_secrets,
		                sizeof from->user_secrets[0]);
	if (err == OK)
		err = rows_copy(&authority->api_keys, &authority->api_key_count, from->api_keys,
		                from->configured.api_keys, sizeof from->api_keys[0]);
	return err;
}

/* ---- what is in the store ---- */

static enum err tenancy_take(struct authority *authority, const struct tenancy *tenancy)
{
	static const struct tenancy none = {.tenants = NULL};
	const struct tenancy *from = tenancy == NULL ? &none : tenancy;
	enum err err = OK;

	for (size_t i = 0; i < from->tenant_count && err == OK; i++)
		err = tenant_add(authority, &from->tenants[i]);
	if (err == OK)
		err = rows_copy(&authority->api_keys, &authority->api_key_count, from->api_keys,
		                from->api_key_count, sizeof from->api_keys[0]);
	if (err == OK)
		err = default_tenant_add(authority);
	if (err == OK)
		qsort(authority->tenants, authority->tenant_count, sizeof authority->tenants[0],
		      compare_tenants);
	return err;
}

static enum err tenant_add(struct authority *authority, const struct store_tenant *stored)
{
	struct tenant *tenant = authority_grow(&authority->tenants, &authority->tenant_count,
	                                       sizeof *tenant, TENANTS_MAX);
	struct user_secret *secret;
	enum err err;

	if (tenant == NULL)
		return ERR_NO_MEMORY;
	snprintf(tenant->name, sizeof tenant->name, "%s", stored->name);
	snprintf(tenant->realm, sizeof tenant->realm, "%s", stored->realm);
	tenant->lets_anybody_in = stored->lets_anybody_in;
	tenant->is_relay_only = stored->is_relay_only;
	tenant->sessions_max = stored->sessions_max;
	tenant->rooms_max = stored->rooms_max;
	tenant->room_capacity = stored->room_capacity;
	tenant->credentials_ttl_s = stored->credentials_ttl_s;
	if (stored->secret[0] == '\0')
		return OK;
	err = authority_add_secret(authority, stored->name, "", stored->secret,
	                           strlen(stored->secret));
	if (err != OK)
		return err;
	secret = authority_grow(&authority->user_secrets, &authority->user_secret_count,
	                        sizeof *secret, API_KEYS_MAX);
	if (secret == NULL)
		return ERR_NO_MEMORY;
	snprintf(secret->tenant, sizeof secret->tenant, "%s", stored->name);
	snprintf(secret->secret, sizeof secret->secret, "%s", stored->secret);
	return OK;
}

/* It is there even where no store is. */
static enum err default_tenant_add(struct authority *authority)
{
	struct tenant *tenant = NULL;

	for (size_t i = 0; i < authority->tenant_count; i++)
		if (strcmp(authority->tenants[i].name, TENANT_DEFAULT) == 0)
			tenant = &authority->tenants[i];
	if (tenant == NULL) {
		tenant = authority_grow(&authority->tenants, &authority->tenant_count,
		                        sizeof *tenant, TENANTS_MAX + 1);
		if (tenant == NULL)
			return ERR_NO_MEMORY;
		snprintf(tenant->name, sizeof tenant->name, "%s", TENANT_DEFAULT);
	}
	if (strcmp(authority->anybody, "auto") != 0)
		tenant->lets_anybody_in = strcmp(authority->anybody, "yes") == 0;
	return OK;
}

static int compare_tenants(const void *a, const void *b)
{
	const struct tenant *left = a, *right = b;

	return strcmp(left->name, right->name);
}

/* ---- proofs ---- */

static enum signaling_error anybody_identify(const struct authority *authority, const char *name,
                                             struct identity *identity)
{
	const struct tenant *tenant = authority_tenant(authority, name);

	if (tenant == NULL || !tenant->lets_anybody_in)
		return SIGNALING_NOT_AUTHENTICATED;
	snprintf(identity->tenant, sizeof identity->tenant, "%s", tenant->name);
	identity->permissions = MAY_ALL_OF_A_PARTICIPANT;
	return SIGNALING_OK;
}

/* All are compared, and only hashes are: how long it takes tells nothing of any. */
static enum signaling_error api_key_identify(const struct authority *authority, const char *key,
                                             uint64_t wall_ms, struct identity *identity)
{
	const struct store_api_key *found = NULL;
	uint8_t hash[STORE_HASH_SIZE];

	if (EVP_Digest(key, strlen(key), hash, NULL, EVP_sha256(), NULL) != 1)
		return SIGNALING_INTERNAL;
	for (size_t i = 0; i < authority->api_key_count; i++)
		if (bytes_equal_secret(authority->api_keys[i].hash, hash, sizeof hash))
			found = &authority->api_keys[i];
	if (found == NULL)
		return SIGNALING_BAD_PROOF;
	identity->expires_ms = found->expires_s * MILLISECONDS;
	if (found->expires_s != 0 && identity->expires_ms <= wall_ms)
		return SIGNALING_EXPIRED;
	snprintf(identity->tenant, sizeof identity->tenant, "%s", found->tenant);
	snprintf(identity->user, sizeof identity->user, AUTHORITY_KEY_USER "%s", found->name);
	identity->permissions = found->permissions & MAY_ALL;
	return SIGNALING_OK;
}

/* The secret is the tenant's: a name that the client chose with the tenant proves nothing to another. */
static enum signaling_error secret_user_identify(const struct authority *authority,
                                                 const struct claim *claim, uint64_t wall_ms,
                                                 struct identity *identity)
{
	const char *tenant =
		claim->tenant == NULL || claim->tenant[0] == '\0' ? TENANT_DEFAULT : claim->tenant;
	uint8_t mac[EVP_MAX_MD_SIZE];
	uint64_t expiry_s;
	const char *user;
	bool is_right = false;
	size_t len;

	if (claim->name == NULL || !secret_user_read(claim->name, &expiry_s, &user) ||
	    base64_get(claim->proof, strlen(claim->proof), mac, sizeof mac, &len) != OK)
		return SIGNALING_BAD_PROOF;
	for (size_t i = 0; i < authority->user_secret_count; i++)
		if (strcmp(authority->user_secrets[i].tenant, tenant) == 0)
			is_right |=
				mac_is_right(&authority->user_secrets[i], claim->name, mac, len);
	if (!is_right || text_copy(identity->user, sizeof identity->user, user) != OK)
		return SIGNALING_BAD_PROOF;
	if (expiry_s <= wall_ms / MILLISECONDS)
		return SIGNALING_EXPIRED;
	snprintf(identity->tenant, sizeof identity->tenant, "%s", tenant);
	identity->permissions = MAY_ALL_OF_A_PARTICIPANT;
	identity->expires_ms = expiry_s * MILLISECONDS;
	return SIGNALING_OK;
}

/* EXPIRY:USER; nobody is called as an API key is. */
static bool secret_user_read(const char *name, uint64_t *expiry_s, const char **user)
{
	enum { DIGITS_MAX = 15 };
	size_t digits = strspn(name, "0123456789");

	if (strlen(name) > CLAIM_NAME_MAX || digits == 0 || digits > DIGITS_MAX ||
	    name[digits] != ':' || name[digits + 1] == '\0')
		return false;
	*user = name + digits + 1;
	*expiry_s = strtoull(name, NULL, 10);
	return strncmp(*user, AUTHORITY_KEY_USER, strlen(AUTHORITY_KEY_USER)) != 0;
}

/* HMAC-SHA256, or SHA1, by its length. */
static bool mac_is_right(const struct user_secret *secret, const char *name, const uint8_t *mac,
                         size_t len)
{
	enum { SHA1_SIZE = 20, SHA256_SIZE = 32 };
	const EVP_MD *digest = len == SHA1_SIZE ? EVP_sha1() : EVP_sha256();
	uint8_t right[EVP_MAX_MD_SIZE];
	unsigned right_len;

	if (len != SHA1_SIZE && len != SHA256_SIZE)
		return false;
	if (HMAC(digest, secret->secret, (int)strlen(secret->secret), (const uint8_t *)name,
	         strlen(name), right, &right_len) == NULL ||
	    right_len != len)
		return false;
	bool is_right = bytes_equal_secret(right, mac, len);
	bytes_wipe(right, sizeof right);
	return is_right;
}
