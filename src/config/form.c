/* Forms of texts that a few options demand. */
#include "config/form.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "config/turn_uri.h"

enum {
	USERNAME_MAX = 512, /* bytes; RFC 8489 section 14.3 has fewer than 513 */
	PASSWORD_MAX = 512,
	URL_MAX = 512,
	ROOM_TYPE_MAX = 32, /* as signaling/identity.h has it */
	EXPRESSION_MAX = 511,
};

static bool refuse(char problem[OPTION_PROBLEM_SIZE], const char *why)
{
	snprintf(problem, OPTION_PROBLEM_SIZE, "%s", why);
	return false;
}

static bool is_key(const char *digits)
{
	size_t len = strlen(digits);

	return (len == 32 || len == 64) && strspn(digits, "0123456789abcdefABCDEF") == len;
}

bool check_user(const char *text, char problem[OPTION_PROBLEM_SIZE])
{
	const char *colon = strchr(text, ':');

	if (colon == NULL || colon == text)
		return refuse(problem, "give a name, a colon and a password: anna:secret");
	if (colon - text > USERNAME_MAX)
		return refuse(problem, "the name is longer than 512 bytes");
	if (colon[1] == 0)
		return refuse(problem, "the password behind the colon is missing");
	if (strlen(colon + 1) > PASSWORD_MAX)
		return refuse(problem, "the password is longer than 512 bytes");
	if (strncmp(colon + 1, "0x", 2) == 0 && !is_key(colon + 3))
		return refuse(problem,
		              "a key is 0x and 32 hexadecimal digits (MD5), or 64 (SHA-256)");
	return true;
}

bool check_facility(const char *text, char problem[OPTION_PROBLEM_SIZE])
{
	int facility;

	return log_facility_parse(text, &facility) == OK ||
	       refuse(problem, "is no facility of syslog: LOG_DAEMON, LOG_LOCAL0 and others of "
	                       "syslog(3)");
}

bool check_ip(const char *text, char problem[OPTION_PROBLEM_SIZE])
{
	struct transport_addr addr;

	if (strchr(text, '[') == NULL && addr_parse(text, 0, &addr) == OK &&
	    addr_port(&addr) == 0 && (addr_family(&addr) == AF_INET6 || strchr(text, ':') == NULL))
		return true;
	return refuse(problem, "is not an IP address: give one such as 127.0.0.1 or ::1, without a "
	                       "port and not a name");
}

bool check_amqp_url(const char *text, char problem[OPTION_PROBLEM_SIZE])
{
	if (text[0] == 0 || strncmp(text, "amqp://", 7) == 0 || strncmp(text, "amqps://", 8) == 0)
		return true;
	return refuse(problem, "give amqp:// or amqps://, then USER:PASSWORD@HOST:PORT/VHOST");
}

bool check_url(const char *text, char problem[OPTION_PROBLEM_SIZE])
{
	const char *host = strncmp(text, "http://", 7) == 0    ? text + 7
	                   : strncmp(text, "https://", 8) == 0 ? text + 8
	                                                       : NULL;

	if (text[0] == 0)
		return true;
	if (host == NULL || *host == 0 || *host == '/')
		return refuse(problem, "give http:// or https://, a host and a path: "
		                       "https://www.example.org/acme/");
	if (strlen(text) > URL_MAX)
		return refuse(problem, "the URL is longer than 512 bytes");
	for (const unsigned char *p = (const unsigned char *)text; *p != 0; p++)
		if (*p <= ' ' || *p >= 0x7F || *p == '"')
			return refuse(problem, "a URL has no blanks, quotes and letters beyond "
			                       "ASCII in it: write them as %XX");
	return true;
}

bool check_turn_uri(const char *text, char problem[OPTION_PROBLEM_SIZE])
{
	struct turn_uri uri;

	return turn_uri_parse(text, &uri) == OK ||
	       refuse(problem,
	              "give a URI such as turn:turn.example.org:3478?transport=udp, and before it "
	              "zone=, prio= and label= if wanted");
}

bool check_stun_uri(const char *text, char problem[OPTION_PROBLEM_SIZE])
{
	return stun_uri_is_valid(text) ||
	       refuse(problem, "give a URI such as stun:stun.example.org:3478");
}

bool check_geo_zone(const char *text, char problem[OPTION_PROBLEM_SIZE])
{
	static const char capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const char *place = strncmp(text, "continent:", 10) == 0 ? text + 10 : text;

	if (strspn(place, capitals) == 2 && place[2] == '=' && place[3] != '\0' &&
	    strlen(place + 3) <= TURN_URI_ZONE_MAX)
		return true;
	return refuse(problem,
	              "give a country and its zone, DE=eu, or a continent, continent:EU=eu");
}

bool check_header_name(const char *text, char problem[OPTION_PROBLEM_SIZE])
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789!#$%&'*+-.^_`|~";

	return strspn(text, letters) == strlen(text) ||
	       refuse(problem, "is no name of a header: give one such as x-userid");
}

/* Letters and digits alone: the type is a part of room names in what clients are told. */
static bool is_room_type(const char *type)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789";
	size_t len = strlen(type);

	return len > 0 && len <= ROOM_TYPE_MAX && strspn(type, letters) == len;
}

bool check_room_type(const char *text, char problem[OPTION_PROBLEM_SIZE])
{
	const char *equals = strrchr(text, '=');
	char expression[EXPRESSION_MAX + 1];
	regex_t compiled;

	if (equals == NULL || equals == text || !is_room_type(equals + 1) ||
	    (size_t)(equals - text) >= sizeof expression)
		return refuse(problem, "give an extended regular expression, =, and a type of "
		                       "letters and digits: ^conference/.+=Conference");
	memcpy(expression, text, (size_t)(equals - text));
	expression[equals - text] = '\0';
	if (regcomp(&compiled, expression, REG_EXTENDED | REG_NOSUB) != 0)
		return refuse(problem, "this is no extended regular expression of regex(7)");
	regfree(&compiled);
	return true;
}
