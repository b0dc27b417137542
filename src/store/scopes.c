/* The words of scopes. */
#include "store/scopes.h"

#include <stdio.h>
#include <string.h>

#include "base/slice.h"

/* A new area is added at the end. tests/unit/test_sign_in.c holds them against routes.def of the console. */
static const char *const areas[] = {
	"overview", "sessions", "options",        "log",         "realms",
	"users",    "secrets",  "administrators", "credentials", "rooms",
};
static const char *const ways[] = {"read", "write"};
enum { AREAS = sizeof areas / sizeof areas[0], WAYS = 2, SCOPE_SIZE = 32 };

static const char *name_put(unsigned number, char name[SCOPE_SIZE])
{
	snprintf(name, SCOPE_SIZE, "%s:%s", areas[number / WAYS], ways[number % WAYS]);
	return name;
}

static uint64_t bit_of(struct slice scope)
{
	char name[SCOPE_SIZE];

	for (unsigned i = 0; i < AREAS * WAYS; i++)
		if (slice_is(scope, name_put(i, name)))
			return UINT64_C(1) << i;
	return 0;
}

uint64_t scope_bit(const char *scope)
{
	return bit_of(slice_of(scope));
}

void scope_names(uint64_t scopes, void (*each)(const char *name, void *context), void *context)
{
	char name[SCOPE_SIZE];

	for (unsigned i = 0; i < AREAS * WAYS; i++)
		if ((scopes >> i & 1) != 0)
			each(name_put(i, name), context);
}

_Static_assert(AREAS *WAYS <= 64, "a bit for each");
_Static_assert(AREAS *WAYS *(SCOPE_SIZE - 8) <= SCOPES_TEXT_SIZE, "room for all");

static void name_append(const char *name, void *context)
{
	char *text = context;
	size_t len = strlen(text);

	snprintf(text + len, SCOPES_TEXT_SIZE - len, "%s%s", len > 0 ? " " : "", name);
}

const char *scopes_put(uint64_t scopes, char text[SCOPES_TEXT_SIZE])
{
	text[0] = '\0';
	scope_names(scopes, name_append, text);
	return text;
}

uint64_t scopes_get(const char *text, const char **unknown)
{
	uint64_t scopes = 0;

	if (unknown != NULL)
		*unknown = NULL;
	for (text += strspn(text, ", "); *text != '\0'; text += strspn(text, ", ")) {
		struct slice word = {text, strcspn(text, ", ")};
		uint64_t bit = bit_of(word);

		if (bit == 0 && unknown != NULL && *unknown == NULL)
			*unknown = text;
		scopes |= bit;
		text += word.len;
	}
	return scopes;
}
