/* The words of a conversation's lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play.h"

char *skip_blanks(char *at)
{
	return at + strspn(at, " \t");
}

/* Cuts the first word off; what follows stays in *line. */
char *take_word(char **line)
{
	char *word = skip_blanks(*line);
	size_t len = strcspn(word, " \t");

	*line = word[len] == '\0' ? word + len : skip_blanks(word + len + 1);
	word[len] = '\0';
	return word;
}

bool value_of(const char *word, const char *name, const char **value)
{
	size_t len = strlen(name);

	if (strncmp(word, name, len) != 0 || word[len] != '=')
		return false;
	*value = word + len + 1;
	return true;
}

/* x{1000} behind a letter stands for that many of it. */
char *expand(const char *line)
{
	struct text text;

	text_init(&text, 0);
	for (const char *at = line; *at != '\0'; at++) {
		char *end;
		unsigned long count = at[1] == '{' && at[2] >= '1' && at[2] <= '9'
		                              ? strtoul(at + 2, &end, 10)
		                              : 0;
		if (count == 0 || count > 10000000 || *end != '}') {
			text_put_char(&text, *at);
			continue;
		}
		for (unsigned long i = 0; i < count; i++)
			text_put_char(&text, *at);
		at = end;
	}
	text_put_char(&text, '\0');
	return text.at;
}

size_t unescape(char *text)
{
	size_t len = 0;

	for (const char *at = text; *at != '\0'; at++) {
		if (at[0] == '\\' && at[1] == 'x') {
			char digits[3] = {at[2], at[2] == '\0' ? '\0' : at[3], '\0'};
			text[len++] = (char)strtoul(digits, NULL, 16);
			at += 1 + strlen(digits);
		} else {
			text[len++] = *at;
		}
	}
	return len;
}

struct hub_place place_of(const char *word)
{
	const char *dot = strchr(word, '.');

	return (struct hub_place){(uint32_t)strtoul(word, NULL, 10),
	                          (uint16_t)(dot == NULL ? 0 : strtoul(dot + 1, NULL, 10))};
}
