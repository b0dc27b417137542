/* URIs of TURN and STUN servers, and the words before them. */
#include "config/turn_uri.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum { PORT_DIGITS = 5, PORT_MAX = 65535 };

static bool word_take(const char **text, const char *name, char *to, size_t size, bool *has);
static bool number_read(const char *text, int *number);
static const char *scheme_skip(const char *text, const char *scheme);
static const char *host_skip(const char *text);
static const char *port_skip(const char *text);

enum err turn_uri_parse(const char *text, struct turn_uri *uri)
{
	char priority[16] = "";
	bool has_word = true;

	*uri = (struct turn_uri){.priority = 0};
	while (has_word) {
		has_word = false;
		if (!word_take(&text, "zone=", uri->zone, sizeof uri->zone, &has_word) ||
		    !word_take(&text, "prio=", priority, sizeof priority, &has_word) ||
		    !word_take(&text, "label=", uri->label, sizeof uri->label, &has_word))
			return ERR_INVALID;
	}
	uri->has_priority = priority[0] != '\0';
	if (uri->has_priority && !number_read(priority, &uri->priority))
		return ERR_INVALID;
	if (!turn_uri_is_valid(text) || text_copy(uri->uri, sizeof uri->uri, text) != OK)
		return ERR_INVALID;
	return OK;
}

/* RFC 7065 section 3.1: scheme ":" host [ ":" port ] [ "?transport=" transport ]. */
bool turn_uri_is_valid(const char *text)
{
	const char *at = scheme_skip(text, "turn");

	if (at == NULL || (at = host_skip(at)) == NULL || (at = port_skip(at)) == NULL)
		return false;
	return *at == '\0' || strcmp(at, "?transport=udp") == 0 ||
	       strcmp(at, "?transport=tcp") == 0;
}

/* RFC 7064 section 3.1. */
bool stun_uri_is_valid(const char *text)
{
	const char *at = scheme_skip(text, "stun");

	return at != NULL && (at = host_skip(at)) != NULL && (at = port_skip(at)) != NULL &&
	       *at == '\0' && strlen(text) <= TURN_URI_MAX;
}

/* "name=value " at the beginning; false: the value is empty or too long, or it is there twice. */
static bool word_take(const char **text, const char *name, char *to, size_t size, bool *has)
{
	size_t name_len = strlen(name), len;

	if (strncmp(*text, name, name_len) != 0)
		return true;
	*text += name_len;
	len = strcspn(*text, " ");
	if (to[0] != '\0' || len == 0 || len >= size || (*text)[len] != ' ')
		return false;
	memcpy(to, *text, len);
	to[len] = '\0';
	*text += len + strspn(*text + len, " ");
	return *has = true;
}

static bool number_read(const char *text, int *number)
{
	size_t len = strspn(text, "0123456789");

	if (len == 0 || len > 7 || text[len] != '\0')
		return false;
	*number = (int)strtoul(text, NULL, 10);
	return *number <= TURN_URI_PRIORITY_MAX;
}

static const char *scheme_skip(const char *text, const char *scheme)
{
	size_t len = strlen(scheme);

	if (strncmp(text, scheme, len) != 0)
		return NULL;
	text += len + (text[len] == 's');
	return *text == ':' ? text + 1 : NULL;
}

/* A name, an IPv4 address, or an IPv6 address in brackets. */
static const char *host_skip(const char *text)
{
	static const char name[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
	size_t len;

	if (*text != '[') {
		len = strspn(text, name);
		return len > 0 ? text + len : NULL;
	}
	len = strspn(text + 1, "0123456789abcdefABCDEF:.");
	return len > 1 && text[1 + len] == ']' ? text + len + 2 : NULL;
}

static const char *port_skip(const char *text)
{
	size_t len;
	int port;

	if (*text != ':')
		return text;
	len = strspn(++text, "0123456789");
	if (len == 0 || len > PORT_DIGITS)
		return NULL;
	port = (int)strtoul(text, NULL, 10);
	return port > 0 && port <= PORT_MAX ? text + len : NULL;
}
