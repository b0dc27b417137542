/* Forms of texts that a few options demand. */
#include "config/form.h"

#include <stdio.h>
#include <string.h>

enum {
	USERNAME_MAX = 512, /* bytes; RFC 8489 section 14.3 has fewer than 513 */
	PASSWORD_MAX = 512,
	URL_MAX = 512,
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
