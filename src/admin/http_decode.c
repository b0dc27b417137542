/* What is percent-encoded (RFC 3986 section 2.1). */
#include "admin/http.h"

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool http_decode(struct slice from, bool plus_is_space, char *text, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < from.len; i++, len++) {
		char c = from.at[i];

		if (len + 1 >= size)
			return false;
		if (c == '%') {
			if (from.len - i < 3 || digit(from.at[i + 1]) < 0 ||
			    digit(from.at[i + 2]) < 0)
				return false;
			c = (char)(digit(from.at[i + 1]) * 16 + digit(from.at[i + 2]));
			i += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		if (c == '\0')
			return false;
		text[len] = c;
	}
	if (size == 0)
		return false;
	text[len] = '\0';
	return true;
}
