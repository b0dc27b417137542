/* Fields of a request that tell where it ends. */
#include "admin/http_framing.h"

#include <string.h>
#include <strings.h>

enum { LENGTH_DIGITS = 18 };

static bool is_named(struct slice name, const char *wanted)
{
	return name.len == strlen(wanted) && strncasecmp(name.at, wanted, name.len) == 0;
}

/* RFC 9110 section 5.6.2: a space before the colon is in no name, and others may have passed over it. */
static bool is_token(struct slice name)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < name.len; i++) {
		char c = name.at[i];
		bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!is_letter && (c < '0' || c > '9') && (c == '\0' || strchr(marks, c) == NULL))
			return false;
	}
	return name.len > 0;
}

static bool is_length(struct slice value)
{
	for (size_t i = 0; i < value.len; i++)
		if (value.at[i] < '0' || value.at[i] > '9')
			return false;
	return value.len > 0 && value.len <= LENGTH_DIGITS;
}

void http_framing_take(struct http_framing *framing, struct slice name, struct slice value)
{
	if (!is_token(name))
		framing->is_unclear = true;
	if (is_named(name, "Host"))
		framing->hosts++;
	if (is_named(name, "Content-Length")) {
		framing->lengths++;
		framing->is_unclear |= !is_length(value);
	}
	if (is_named(name, "Transfer-Encoding")) {
		framing->codings++;
		framing->is_unclear |= !is_named(value, "chunked");
	}
}

/* RFC 9112 sections 3.2, 6.1 and 6.3. */
bool http_framing_is_clear(const struct http_framing *framing, const char *version)
{
	bool is_old = strcmp(version, "HTTP/1.0") == 0;

	if (!is_old && strcmp(version, "HTTP/1.1") != 0)
		return false;
	return !framing->is_unclear && framing->hosts <= 1 &&
	       framing->lengths + framing->codings <= 1 && !(is_old && framing->codings > 0);
}

const char *http_framing_path(const char *target)
{
	static const char *const schemes[] = {"http://", "https://"};

	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
		size_t len = strlen(schemes[i]);
		if (strncasecmp(target, schemes[i], len) != 0)
			continue;
		target += len;
		target += strcspn(target, "/");
		return *target == '\0' ? "/" : target;
	}
	return target;
}
