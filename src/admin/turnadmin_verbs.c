/* turnadmin_verbs.def as a table. */
#include "admin/turnadmin_verbs.h"

#include <stdio.h>
#include <string.h>

enum { REALM = true };

/* clang-format off */
const struct turnadmin_verb turnadmin_verbs[] = {
#define VERB(function, noun, verb, words, needs, arguments, summary, text) \
	{function, noun, verb, words, needs, arguments, summary, text},
#include "admin/turnadmin_verbs.def"
};
/* clang-format on */
const size_t turnadmin_verb_count = sizeof turnadmin_verbs / sizeof turnadmin_verbs[0];

const char *turnadmin_verb_name(const struct turnadmin_verb *verb, char name[TURNADMIN_VERB_SIZE])
{
	snprintf(name, TURNADMIN_VERB_SIZE, "%s%s%s", verb->noun, verb->verb != NULL ? " " : "",
	         verb->verb != NULL ? verb->verb : "");
	return name;
}

int turnadmin_verb_words(const struct turnadmin_verb *verb)
{
	int count = verb->verb != NULL ? 2 : 1;

	for (const char *at = verb->verb; at != NULL && (at = strchr(at, ' ')) != NULL; at++)
		count++;
	return count;
}

int turnadmin_verb_fits(const struct turnadmin_verb *verb, char **words, int count)
{
	char name[TURNADMIN_VERB_SIZE];
	const char *at = turnadmin_verb_name(verb, name);
	int i = 0;

	while (i < count && *at != '\0') {
		size_t len = strcspn(at, " ");
		if (strlen(words[i]) != len || memcmp(words[i], at, len) != 0)
			return 0;
		at += len + (at[len] == ' ');
		i++;
	}
	return i;
}
