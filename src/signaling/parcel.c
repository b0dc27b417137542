/* Facts: copies, names, and how a webhook sees them. */
#include "signaling/parcel.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "signaling/identity.h"
#include "signaling/json_text.h"

enum {
	ROW_OVERHEAD = 128, /* of a fact in the spool besides its texts: about what SQLite needs */
	ESCAPED_ROOM_MAX = 100,
	DIGEST_SIZE = 32,
	ESCAPED_SIZE = 3 * (ROOM_NAME_MAX + ROOM_TYPE_MAX + 2) + 1,
};

/* Appends text and its zero to *at. */
static const char *copy_text(char **at, const char *text)
{
	size_t size = strlen(text) + 1;
	char *start = *at;

	memcpy(start, text, size);
	*at += size;
	return start;
}

struct parcel *parcel_create(const struct fact *fact)
{
	size_t size = strlen(fact->key) + strlen(fact->tenant) + strlen(fact->room) + 3;
	struct parcel *parcel = calloc(1, sizeof *parcel + size + fact->body.len + 1);

	if (parcel == NULL)
		return NULL;
	char *at = parcel->text;
	parcel->fact = *fact;
	parcel->fact.key = copy_text(&at, fact->key);
	parcel->fact.tenant = copy_text(&at, fact->tenant);
	parcel->fact.room = copy_text(&at, fact->room);
	if (fact->body.len > 0)
		memcpy(at, fact->body.at, fact->body.len);
	parcel->fact.body.at = at;
	return parcel;
}

void parcel_destroy(struct parcel *parcel)
{
	free(parcel);
}

size_t fact_size(const struct fact *fact)
{
	return ROW_OVERHEAD + strlen(fact->key) + strlen(fact->tenant) + strlen(fact->room) +
	       fact->body.len;
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("-._:", c) != NULL);
}

/* Escapes what fits; false: there is more of it. */
static bool escape(const char *text, char *to, size_t size)
{
	size_t len = 0;

	for (; *text != '\0' && len + 4 <= size; text++)
		if (is_plain(*text))
			to[len++] = *text;
		else
			len += (size_t)snprintf(to + len, size - len, "%%%02X",
			                        (unsigned char)*text);
	to[len] = '\0';
	return *text == '\0';
}

/* Hexadecimal, with "~" before it, which no escaped name has. */
static void digest(const char *text, char to[2 + 2 * DIGEST_SIZE])
{
	unsigned char sum[DIGEST_SIZE];

	to[0] = '~';
	to[1] = '\0';
	if (EVP_Digest(text, strlen(text), sum, NULL, EVP_sha256(), NULL) != 1)
		return;
	for (size_t i = 0; i < sizeof sum; i++)
		snprintf(to + 1 + 2 * i, 3, "%02x", sum[i]);
}

/* Escaped where that is short, else its digest. */
static void short_name(const char *text, char to[ESCAPED_ROOM_MAX + 1])
{
	char escaped[ESCAPED_SIZE];

	if (escape(text, escaped, sizeof escaped) && strlen(escaped) <= ESCAPED_ROOM_MAX)
		memcpy(to, escaped, strlen(escaped) + 1);
	else
		digest(text, to);
}

void fact_name(const struct fact *fact, char name[FACT_NAME_SIZE])
{
	char tenant[ESCAPED_ROOM_MAX + 1], room[ESCAPED_ROOM_MAX + 1];

	short_name(fact->tenant, tenant);
	short_name(fact->room, room);
	snprintf(name, FACT_NAME_SIZE, "%s/%s/%" PRIu64 "/%" PRIu64, tenant, room, fact->sequence,
	         fact->wall_ms);
}

void fact_write(const struct fact *fact, bool is_again, struct text *text)
{
	char name[FACT_NAME_SIZE];

	fact_name(fact, name);
	json_open(text, '{');
	json_member_string(text, "id", slice_of(name));
	json_member_string(text, "event", slice_of(fact->key));
	json_member_string(text, "tenant", slice_of(fact->tenant));
	json_member_string(text, "room", slice_of(fact->room));
	json_member_integer(text, "sequence", (int64_t)fact->sequence);
	json_member_integer(text, "timeMs", (int64_t)fact->wall_ms);
	json_member_bool(text, "redelivered", is_again);
	json_member_raw(text, "data", fact->body);
	json_close(text, '}');
}
