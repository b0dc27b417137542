/* What the claims of a token mean: until when, for whom, who, of which tenant, and what that allows. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "signaling/authority_private.h"
#include "signaling/json_text.h"
#include "store/permissions.h"

enum { MILLISECONDS = 1000 };

static enum signaling_error times_check(struct slice claims, uint64_t leeway_ms, uint64_t wall_ms,
                                        uint64_t *expires_ms);
static bool date_get(struct slice value, uint64_t *ms);
static bool is_one_of(struct slice value, char *const *wanted, size_t count);
static bool string_is_one_of(struct slice value, char *const *wanted, size_t count);
static bool first_text(struct slice claims, const char *const *names, char *to, size_t size);
static bool text_of(struct slice value, char *to, size_t size);
static bool room_get(struct slice claims, struct identity *identity, struct slice *permissions);
static bool permissions_get(struct slice value, unsigned *permissions);

enum signaling_error claims_identify(const struct authority *authority, struct slice claims,
                                     const char *tenant, uint64_t wall_ms,
                                     struct identity *identity)
{
	static const char *const users[] = {"sub", "userId", "user", NULL};
	struct slice permissions;
	enum signaling_error error;

	if (json_check(claims) != OK || json_kind(claims) != JSON_KIND_OBJECT)
		return SIGNALING_BAD_PROOF;
	error = times_check(claims, authority->leeway_ms, wall_ms, &identity->expires_ms);
	if (error != SIGNALING_OK)
		return error;
	if (!is_one_of(json_member(claims, "aud"), authority->audiences,
	               authority->audience_count) ||
	    !string_is_one_of(json_member(claims, "iss"), authority->issuers,
	                      authority->issuer_count))
		return SIGNALING_BAD_PROOF;
	if (!first_text(claims, users, identity->user, sizeof identity->user) ||
	    !claims_tenant(claims, identity->tenant) ||
	    strncmp(identity->user, AUTHORITY_KEY_USER, strlen(AUTHORITY_KEY_USER)) == 0)
		return SIGNALING_BAD_PROOF;
	/* A tenant's own key opens no other tenant. */
	if (tenant[0] != '\0' && identity->tenant[0] != '\0' &&
	    strcmp(tenant, identity->tenant) != 0)
		return SIGNALING_BAD_PROOF;
	if (identity->tenant[0] == '\0')
		snprintf(identity->tenant, sizeof identity->tenant, "%s",
		         tenant[0] != '\0' ? tenant : TENANT_DEFAULT);
	permissions = json_member(claims, "permissions");
	if (!room_get(claims, identity, &permissions) ||
	    !permissions_get(permissions, &identity->permissions))
		return SIGNALING_BAD_PROOF;
	return SIGNALING_OK;
}

bool claims_tenant(struct slice claims, char tenant[TENANT_NAME_MAX + 1])
{
	static const char *const names[] = {"tenant", "namespace", NULL};

	return first_text(claims, names, tenant, TENANT_NAME_MAX + 1);
}

/* RFC 7519 sections 4.1.4 and 4.1.5. */
static enum signaling_error times_check(struct slice claims, uint64_t leeway_ms, uint64_t wall_ms,
                                        uint64_t *expires_ms)
{
	struct slice expires = json_member(claims, "exp"), begins = json_member(claims, "nbf");
	uint64_t begins_ms = 0;

	*expires_ms = 0;
	if (!slice_is_empty(expires) && !date_get(expires, expires_ms))
		return SIGNALING_BAD_PROOF;
	if (!slice_is_empty(begins) && !date_get(begins, &begins_ms))
		return SIGNALING_BAD_PROOF;
	if (begins_ms > wall_ms + leeway_ms)
		return SIGNALING_BAD_PROOF;
	if (slice_is_empty(expires))
		return SIGNALING_OK;
	*expires_ms += leeway_ms;
	return wall_ms < *expires_ms ? SIGNALING_OK : SIGNALING_EXPIRED;
}

/* NumericDate: seconds, which need not be whole (RFC 7519 section 2). */
static bool date_get(struct slice value, uint64_t *ms)
{
	const double end = 1e12; /* seconds: farther than any clock goes */
	char text[64];
	double seconds;

	if (json_kind(value) != JSON_KIND_NUMBER || value.len >= sizeof text)
		return false;
	memcpy(text, value.at, value.len);
	text[value.len] = '\0';
	seconds = strtod(text, NULL);
	if (!isfinite(seconds) || seconds < 0)
		return false;
	*ms = (uint64_t)((seconds < end ? seconds : end) * MILLISECONDS);
	return true;
}

/* A string, or an array that has one of those wanted. Where none is wanted all will do. */
static bool is_one_of(struct slice value, char *const *wanted, size_t count)
{
	struct slice element;
	size_t position = 0;

	if (json_kind(value) != JSON_KIND_ARRAY)
		return string_is_one_of(value, wanted, count);
	while (count > 0 && json_next_element(value, &position, &element))
		if (string_is_one_of(element, wanted, count))
			return true;
	return count == 0;
}

static bool string_is_one_of(struct slice value, char *const *wanted, size_t count)
{
	char text[256];

	if (count == 0)
		return true;
	if (json_get_string(value, text, sizeof text) != OK)
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(text, wanted[i]) == 0)
			return true;
	return false;
}

/* The first of those that are there; "" where none is. False: it is no text, or does not fit. */
static bool first_text(struct slice claims, const char *const *names, char *to, size_t size)
{
	to[0] = '\0';
	for (; *names != NULL; names++) {
		struct slice value = json_member(claims, *names);

		if (!slice_is_empty(value))
			return text_of(value, to, size);
	}
	return true;
}

/* A number stands for its digits: many have numbers for users. */
static bool text_of(struct slice value, char *to, size_t size)
{
	int64_t number;

	if (json_kind(value) != JSON_KIND_NUMBER)
		return json_get_string(value, to, size) == OK;
	if (json_get_integer(value, INT64_MIN, INT64_MAX, &number) != OK)
		return false;
	return snprintf(to, size, "%lld", (long long)number) < (int)size;
}

/* "room": the only one that it may join; or an object of its name, and what is permitted in it. */
static bool room_get(struct slice claims, struct identity *identity, struct slice *permissions)
{
	static const char *const names[] = {"room", "roomId", NULL};
	static const char *const names_within[] = {"name", "roomId", NULL};
	struct slice room = json_member(claims, "room");

	if (json_kind(room) != JSON_KIND_OBJECT)
		return first_text(claims, names, identity->room, sizeof identity->room);
	if (!slice_is_empty(json_member(room, "permissions")))
		*permissions = json_member(room, "permissions");
	/* One that is bound to a room shall not open all for want of its name. */
	return first_text(room, names_within, identity->room, sizeof identity->room) &&
	       identity->room[0] != '\0';
}

/* A list of words, or one string of them. Words of other systems say nothing here. */
static bool permissions_get(struct slice value, unsigned *permissions)
{
	char text[512];
	struct slice element;
	size_t position = 0;

	*permissions = slice_is_empty(value) ? MAY_ALL_OF_A_PARTICIPANT : 0;
	if (slice_is_empty(value))
		return true;
	if (json_kind(value) == JSON_KIND_ARRAY) {
		while (json_next_element(value, &position, &element))
			if (json_get_string(element, text, sizeof text) == OK)
				permission_add(slice_of(text), permissions);
		return true;
	}
	if (json_get_string(value, text, sizeof text) != OK)
		return false;
	for (char *rest = text, *word; (word = strsep(&rest, ", ")) != NULL;)
		permission_add(slice_of(word), permissions);
	return true;
}
