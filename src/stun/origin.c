/* The text of an origin, made comparable. */
#include "stun/origin.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct span {
	const char *start;
	size_t len;
};

/* scheme ":" "//" [ userinfo "@" ] host [ ":" port ], RFC 3986 section 3. */
struct parts {
	struct span scheme, host;
	unsigned port; /* 0: not named */
};

static bool is_printable(const char *text, size_t len);
static bool parts_get(const char *text, struct parts *parts);
static bool is_scheme(struct span scheme);
static bool host_and_port_get(struct span authority, struct parts *parts);
static bool port_get(struct span text, unsigned *port);
static unsigned port_of_scheme(struct span scheme);
static void text_lower(char *text);

enum err stun_origin_normalise(const uint8_t *text, size_t len, char normal[STUN_ORIGIN_MAX + 1])
{
	char copy[STUN_ORIGIN_MAX + 1];
	struct parts parts;

	normal[0] = '\0';
	if (len == 0 || len > STUN_ORIGIN_MAX || !is_printable((const char *)text, len))
		return ERR_INVALID;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (!parts_get(copy, &parts)) {
		memcpy(normal, copy, len + 1);
		return OK;
	}
	if (parts.port == 0)
		parts.port = port_of_scheme(parts.scheme);
	int written = snprintf(normal, STUN_ORIGIN_MAX + 1, "%.*s://%.*s", (int)parts.scheme.len,
	                       parts.scheme.start, (int)parts.host.len, parts.host.start);
	if (parts.port != 0)
		written += snprintf(normal + written, (size_t)(STUN_ORIGIN_MAX + 1 - written),
		                    ":%u", parts.port);
	if (written > STUN_ORIGIN_MAX) {
		normal[0] = '\0';
		return ERR_INVALID;
	}
	text_lower(normal);
	return OK;
}

static bool is_printable(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7F)
			return false;
	return true;
}

static bool parts_get(const char *text, struct parts *parts)
{
	const char *colon = strstr(text, "://");

	*parts = (struct parts){{"", 0}, {"", 0}, 0};
	if (colon == NULL)
		return false;
	parts->scheme = (struct span){text, (size_t)(colon - text)};
	struct span authority = {colon + 3, strcspn(colon + 3, "/?#")};
	for (const char *at; (at = memchr(authority.start, '@', authority.len)) != NULL;) {
		authority.len -= (size_t)(at + 1 - authority.start);
		authority.start = at + 1;
	}
	return is_scheme(parts->scheme) && host_and_port_get(authority, parts);
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_scheme(struct span scheme)
{
	if (scheme.len == 0 || !is_letter(scheme.start[0]))
		return false;
	for (size_t i = 0; i < scheme.len; i++) {
		char c = scheme.start[i];
		if (!is_letter(c) && !is_digit(c) && c != '+' && c != '-' && c != '.')
			return false;
	}
	return true;
}

/* An IPv6 address stands in brackets, with colons of its own. */
static bool host_and_port_get(struct span authority, struct parts *parts)
{
	const char *end = authority.start + authority.len;
	const char *bracket = memchr(authority.start, ']', authority.len);
	const char *from = bracket != NULL ? bracket + 1 : authority.start;
	const char *colon = memchr(from, ':', (size_t)(end - from));

	parts->host = (struct span){authority.start,
	                            (size_t)((colon != NULL ? colon : end) - authority.start)};
	if (parts->host.len == 0)
		return false;
	return colon == NULL ||
	       port_get((struct span){colon + 1, (size_t)(end - colon - 1)}, &parts->port);
}

static bool port_get(struct span text, unsigned *port)
{
	*port = 0;
	for (size_t i = 0; i < text.len && *port <= UINT16_MAX; i++) {
		if (!is_digit(text.start[i]))
			return false;
		*port = *port * 10 + (unsigned)(text.start[i] - '0');
	}
	return *port <= UINT16_MAX;
}

static unsigned port_of_scheme(struct span scheme)
{
	static const struct {
		const char *name;
		unsigned port;
	} schemes[] = {
		{"ftp", 21},     {"http", 80},     {"https", 443},  {"ldap", 389},
		{"ldaps", 636},  {"radius", 1645}, {"sip", 5060},   {"sips", 5061},
		{"ssh", 22},     {"stun", 3478},   {"stuns", 5349}, {"svn", 3690},
		{"svn+ssh", 22}, {"telnet", 23},   {"turn", 3478},  {"turns", 5349},
	};
	char name[8];

	if (scheme.len >= sizeof name)
		return 0;
	memcpy(name, scheme.start, scheme.len);
	name[scheme.len] = '\0';
	text_lower(name);
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
		if (strcmp(name, schemes[i].name) == 0)
			return schemes[i].port;
	return 0;
}

static void text_lower(char *text)
{
	for (char *p = text; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
}
