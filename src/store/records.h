/* Rows of our own tables as structs: what columns each kind has, once for all drivers. Private to the folder. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/console_tokens.h"
#include "store/tenants.h"

enum record_kind {
	RECORD_TENANT,
	RECORD_API_KEY,
	RECORD_ROOM,
	RECORD_ROOM_KICKS,
	RECORD_REVOCATION,
	RECORD_CONSOLE_TOKEN,
	RECORD_TOTP,
	RECORD_KINDS /* the count */
};

enum record_type {
	RECORD_TEXT,
	RECORD_LENT, /* a text of any length, by a pointer: where it is read, until the row was given */
	RECORD_BYTES,
	RECORD_U64,
	RECORD_U32,
	RECORD_BOOL,
	RECORD_SCOPES /* bits, as words */
};
struct record_field {
	const char *name;
	enum record_type type;
	size_t offset, size;
};

enum { RECORD_FIELDS_MAX = 12, RECORD_KEYS_MAX = 3, RECORD_VALUE_SIZE = STORE_TEXT_MAX };
/* The first key_count fields say which one it is, and are texts. */
struct record {
	const char *table, *redis; /* names in SQLite and Redis */
	size_t size, field_count, key_count;
	const struct record_field *fields;
};
extern const struct record record_kinds[RECORD_KINDS];

/* A field as text: numbers decimal, bytes hexadecimal. Gives text, or what is lent. Not OK: it is none of that type, or too
 * long. */
const char *record_field_put(const struct record_field *field, const void *record,
                             char text[RECORD_VALUE_SIZE]);
MUST_CHECK enum err record_field_get(const struct record_field *field, const char *text,
                                     void *record);

/* A secret of codes, and whose it is. */
struct record_totp {
	char administrator[STORE_TEXT_MAX];
	uint8_t secret[TOTP_SECRET_SIZE];
	uint64_t last_step;
};

/* A row of any kind. The driver's each. */
typedef bool record_each(const void *record, void *context);
/* Largest of the kinds. */
union record_room {
	struct store_tenant tenant;
	struct store_api_key api_key;
	struct store_room room;
	struct store_room_kicks kicks;
	struct store_revocation revocation;
	struct store_console_token console_token;
	struct record_totp totp;
};
