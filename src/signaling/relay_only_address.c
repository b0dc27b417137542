/* Addresses in a text: whether it names one anywhere, also beside other words. */
#include "signaling/relay_only.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

static bool names_ipv4(struct slice text);
static bool names_ipv6(struct slice text);
static bool names_local(struct slice text);

bool relay_only_names_address(struct slice text)
{
	return names_ipv4(text) || names_ipv6(text) || names_local(text);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Takes the digits of a number up to 255, and returns how many; 0: there are none. */
static size_t take_octet(struct slice text, size_t at, unsigned *octet)
{
	size_t len = 0;

	*octet = 0;
	for (; len < 3 && at + len < text.len && is_digit(text.at[at + len]); len++) {
		unsigned more = *octet * 10 + (unsigned)(text.at[at + len] - '0');
		if (more > 255)
			break;
		*octet = more;
	}
	return len;
}

/* Whether four numbers with dots begin at at, and not 0.0.0.0. What stands around them does not matter. */
static bool is_ipv4_at(struct slice text, size_t at)
{
	unsigned octet, sum = 0;

	for (unsigned i = 0; i < 4; i++) {
		size_t len = take_octet(text, at, &octet);
		if (len == 0)
			return false;
		at += len;
		sum += octet;
		if (i < 3 && (at == text.len || text.at[at++] != '.'))
			return false;
	}
	return sum > 0;
}

static bool names_ipv4(struct slice text)
{
	for (size_t at = 0; at < text.len; at++)
		if (is_digit(text.at[at]) && is_ipv4_at(text, at))
			return true;
	return false;
}

static bool is_ipv6(const char *at, size_t len)
{
	char address[INET6_ADDRSTRLEN];
	struct in6_addr ip;

	if (len < 3 || len >= sizeof address)
		return false;
	memcpy(address, at, len);
	address[len] = '\0';
	return inet_pton(AF_INET6, address, &ip) == 1 && !IN6_IS_ADDR_UNSPECIFIED(&ip);
}

static bool is_separator(char c)
{
	return c == ':' || c == '.';
}

/* Whether some groups of a run of hexadecimal digits, colons and dots are an address: a port may stand behind it. */
static bool run_holds_ipv6(const char *at, size_t len)
{
	for (size_t first = 0; first < len; first++) {
		if (first > 0 && !is_separator(at[first - 1]))
			continue;
		for (size_t end = first + 3; end <= len; end++)
			if ((end == len || is_separator(at[end]) || is_separator(at[end - 1])) &&
			    is_ipv6(at + first, end - first))
				return true;
	}
	return false;
}

/* Longer runs are fingerprints: 16 or more pairs of digits. */
enum { RUN_MAX = 16 * 3 - 2 };

static bool names_ipv6(struct slice text)
{
	for (size_t at = 0, end; at < text.len; at = end + 1) {
		unsigned colons = 0;
		for (end = at;
		     end < text.len && (is_hex(text.at[end]) || is_separator(text.at[end])); end++)
			colons += text.at[end] == ':';
		if (colons >= 2 && end - at <= RUN_MAX && run_holds_ipv6(text.at + at, end - at))
			return true;
	}
	return false;
}

/* Names that browsers make for host candidates end in ".local" (RFC 6762). */
static bool names_local(struct slice text)
{
	static const char local[] = ".local";
	size_t len = sizeof local - 1;

	for (size_t at = 1; at + len <= text.len; at++) {
		char next = at + len < text.len ? text.at[at + len] : ' ';
		if (strncasecmp(text.at + at, local, len) == 0 && text.at[at - 1] > ' ' &&
		    !is_digit(next) && (next < 'A' || next > 'z'))
			return true;
	}
	return false;
}
