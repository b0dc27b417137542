/* Escapes: what a name may not do to a terminal or to a reader of JSON. */
#include "admin/turnadmin_output.h"

#include <stdio.h>

#include "base/bytes.h"

static unsigned utf8_len(const unsigned char *text);

void turnadmin_output_text(const char *text)
{
	while (*text != '\0') {
		size_t control = text_control_len(text);

		for (size_t i = 0; i < control; i++)
			printf("\\x%02x", (unsigned char)text[i]);
		if (control == 0)
			putchar(*text);
		text += control > 0 ? control : 1;
	}
}

void turnadmin_output_json(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	putchar('"');
	while (*p != '\0') {
		unsigned len = utf8_len(p);

		if (*p == '"' || *p == '\\')
			printf("\\%c", *p);
		else if (*p < ' ' || *p == 0x7f)
			printf("\\u%04x", *p);
		else if (len == 0)
			fputs("\\ufffd", stdout);
		else
			printf("%.*s", (int)len, (const char *)p);
		p += len == 0 ? 1 : len;
	}
	putchar('"');
}

/* Returns the bytes of the character that begins here (RFC 3629); 0 when none does. */
static unsigned utf8_len(const unsigned char *text)
{
	unsigned len = text[0] < 0x80                       ? 1
	               : text[0] >= 0xc2 && text[0] <= 0xdf ? 2
	               : text[0] >= 0xe0 && text[0] <= 0xef ? 3
	               : text[0] >= 0xf0 && text[0] <= 0xf4 ? 4
	                                                    : 0;

	for (unsigned i = 1; i < len; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
	    (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
		return 0; /* overlong, a surrogate, or beyond U+10FFFF */
	return len;
}
