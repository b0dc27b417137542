/* The columns of tenants, API keys, rooms, revocations, and of what the console keeps. SQLite and Redis both have them in this order and by these
 * names. */
#include "store/records.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "store/scopes.h"

#define SIZE(type, member) sizeof(((struct type *)NULL)->member)
#define FIELD(type, member, kind)                                                         \
	{                                                                                 \
#member, RECORD_##kind, offsetof(struct type, member), SIZE(type, member) \
	}

static const struct record_field tenant_fields[] = {
	FIELD(store_tenant, name, TEXT),
	FIELD(store_tenant, realm, TEXT),
	FIELD(store_tenant, secret, TEXT),
	FIELD(store_tenant, lets_anybody_in, BOOL),
	FIELD(store_tenant, is_relay_only, BOOL),
	FIELD(store_tenant, sessions_max, U32),
	FIELD(store_tenant, rooms_max, U32),
	FIELD(store_tenant, room_capacity, U32),
	FIELD(store_tenant, credentials_ttl_s, U32),
};
static const struct record_field api_key_fields[] = {
	FIELD(store_api_key, tenant, TEXT),   FIELD(store_api_key, name, TEXT),
	FIELD(store_api_key, hash, BYTES),    FIELD(store_api_key, permissions, U32),
	FIELD(store_api_key, created_s, U64), FIELD(store_api_key, expires_s, U64),
};
static const struct record_field room_fields[] = {
	FIELD(store_room, tenant, TEXT),        FIELD(store_room, type, TEXT),
	FIELD(store_room, name, TEXT),          FIELD(store_room, owner, TEXT),
	FIELD(store_room, has_pin, BOOL),       FIELD(store_room, is_locked, BOOL),
	FIELD(store_room, is_relay_only, BOOL), FIELD(store_room, pin_salt, BYTES),
	FIELD(store_room, pin_hash, BYTES),     FIELD(store_room, capacity, U32),
	FIELD(store_room, created_ms, U64),     FIELD(store_room, empty_s, U32),
};
static const struct record_field room_kicks_fields[] = {
	FIELD(store_room_kicks, tenant, TEXT),
	FIELD(store_room_kicks, type, TEXT),
	FIELD(store_room_kicks, name, TEXT),
	FIELD(store_room_kicks, kicked, LENT),
};
static const struct record_field revocation_fields[] = {
	FIELD(store_revocation, username, TEXT),
	FIELD(store_revocation, expires_s, U64),
};
static const struct record_field console_token_fields[] = {
	FIELD(store_console_token, hash, TEXT),     FIELD(store_console_token, name, TEXT),
	FIELD(store_console_token, realm, TEXT),    FIELD(store_console_token, areas, SCOPES),
	FIELD(store_console_token, created_s, U64), FIELD(store_console_token, expires_s, U64),
	FIELD(store_console_token, used_s, U64),
};
static const struct record_field totp_fields[] = {
	FIELD(record_totp, administrator, TEXT),
	FIELD(record_totp, secret, BYTES),
	FIELD(record_totp, last_step, U64),
};

#define RECORD(table, redis, type, fields, keys)                                                  \
	{                                                                                         \
		table, redis, sizeof(struct type), sizeof fields / sizeof fields[0], keys, fields \
	}

const struct record record_kinds[RECORD_KINDS] = {
	[RECORD_TENANT] = RECORD("turnstone_tenant", "tenant", store_tenant, tenant_fields, 1),
	[RECORD_API_KEY] = RECORD("turnstone_api_key", "api-key", store_api_key, api_key_fields, 2),
	[RECORD_ROOM] = RECORD("turnstone_room", "room", store_room, room_fields, 3),
	[RECORD_ROOM_KICKS] = RECORD("turnstone_room_kicks", "room-kicks", store_room_kicks,
                                     room_kicks_fields, 3),
	[RECORD_REVOCATION] =
		RECORD("turnstone_revoked", "revoked", store_revocation, revocation_fields, 1),
	[RECORD_CONSOLE_TOKEN] = RECORD("turnstone_console_token", "console-token",
                                        store_console_token, console_token_fields, 1),
	[RECORD_TOTP] = RECORD("turnstone_totp", "totp", record_totp, totp_fields, 1),
};

static void scopes_field_put(const char *at, char text[RECORD_VALUE_SIZE]);
static void scopes_field_get(const char *text, char *at);
static uint64_t number_of(const struct record_field *field, const void *record);
static enum err number_read(const char *text, uint64_t max, uint64_t *number);
static void number_set(const struct record_field *field, uint64_t number, void *record);

const char *record_field_put(const struct record_field *field, const void *record,
                             char text[RECORD_VALUE_SIZE])
{
	const char *at = (const char *)record + field->offset, *lent;

	switch (field->type) {
	case RECORD_TEXT:
		snprintf(text, RECORD_VALUE_SIZE, "%s", at);
		break;
	case RECORD_LENT:
		memcpy(&lent, at, sizeof lent);
		return lent;
	case RECORD_BYTES:
		hex_put((const uint8_t *)at, field->size, text);
		break;
	case RECORD_SCOPES:
		scopes_field_put(at, text);
		break;
	case RECORD_U64:
	case RECORD_U32:
	case RECORD_BOOL:
		snprintf(text, RECORD_VALUE_SIZE, "%" PRIu64, number_of(field, record));
		break;
	}
	return text;
}

enum err record_field_get(const struct record_field *field, const char *text, void *record)
{
	char *at = (char *)record + field->offset;
	uint64_t number, max = field->type == RECORD_BOOL  ? 1
	                       : field->type == RECORD_U32 ? UINT32_MAX
	                                                   : INT64_MAX;
	size_t len;
	enum err err;

	if (field->type == RECORD_LENT) {
		memcpy(at, &text, sizeof text);
		return OK;
	}
	if (field->type == RECORD_TEXT)
		return text_copy(at, field->size, text) == OK ? OK : ERR_INVALID;
	if (field->type == RECORD_BYTES) {
		err = hex_get(text, (uint8_t *)at, field->size, &len);
		return err == OK && len == field->size ? OK : ERR_INVALID;
	}
	if (field->type == RECORD_SCOPES) {
		scopes_field_get(text, at);
		return OK;
	}
	err = number_read(text, max, &number);
	if (err == OK)
		number_set(field, number, record);
	return err;
}

_Static_assert((int)SCOPES_TEXT_SIZE <= (int)RECORD_VALUE_SIZE, "scopes fit a value");

static void scopes_field_put(const char *at, char text[RECORD_VALUE_SIZE])
{
	uint64_t scopes;

	memcpy(&scopes, at, sizeof scopes);
	scopes_put(scopes, text);
}

static void scopes_field_get(const char *text, char *at)
{
	uint64_t scopes = scopes_get(text, NULL);

	memcpy(at, &scopes, sizeof scopes);
}

static uint64_t number_of(const struct record_field *field, const void *record)
{
	const char *at = (const char *)record + field->offset;
	uint64_t u64 = 0;
	uint32_t u32 = 0;
	bool flag = false;

	switch (field->type) {
	case RECORD_U64:
		memcpy(&u64, at, sizeof u64);
		return u64 > INT64_MAX ? INT64_MAX : u64; /* what SQLite's numbers can be */
	case RECORD_U32:
		memcpy(&u32, at, sizeof u32);
		return u32;
	default:
		memcpy(&flag, at, sizeof flag);
		return flag;
	}
}

static void number_set(const struct record_field *field, uint64_t number, void *record)
{
	char *at = (char *)record + field->offset;
	uint32_t u32 = (uint32_t)number;
	bool flag = number != 0;

	if (field->type == RECORD_U64)
		memcpy(at, &number, sizeof number);
	else if (field->type == RECORD_U32)
		memcpy(at, &u32, sizeof u32);
	else
		memcpy(at, &flag, sizeof flag);
}

static enum err number_read(const char *text, uint64_t max, uint64_t *number)
{
	enum { DIGITS_MAX = 19 };
	size_t len = strspn(text, "0123456789");

	*number = 0;
	if (len == 0 || len > DIGITS_MAX || text[len] != '\0')
		return ERR_INVALID;
	for (; *text != '\0'; text++)
		*number = *number * 10 + (uint64_t)(*text - '0');
	return *number <= max ? OK : ERR_INVALID;
}
