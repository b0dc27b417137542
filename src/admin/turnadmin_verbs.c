/* turnadmin_verbs.def as a table. */
#include "admin/turnadmin_verbs.h"

#include <stdio.h>

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
