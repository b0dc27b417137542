/* turnadmin_options.def as a table. An option without a letter is known to getopt_long by a number
 * beyond all letters. */
#include "admin/turnadmin_option.h"

#include "admin/turnadmin_request.h"

enum { FIRST_NUMBER = 256 };

/* clang-format off */
const struct turnadmin_option turnadmin_options[] = {
#define OPTION(letter, name, kind, member, arg, text) \
	{letter, name, KIND_##kind, offsetof(struct turnadmin_request, member), NULL, arg, text},
#define ASK(letter, name, kind, text) {letter, name, KIND_##kind, 0, NULL, NULL, text},
#define SAME(letter, name, kind, member) \
	{letter, name, KIND_##kind, offsetof(struct turnadmin_request, member), NULL, "VALUE", NULL},
#define COTURN(letter, name, kind, verb, arg) {letter, name, KIND_##kind, 0, verb, arg, NULL},
#define SETS(name, member) \
	{0, name, KIND_TEXT, offsetof(struct turnadmin_request, member), NULL, "NUMBER", NULL},
#define REFUSED(letter, name, arg, what) {letter, name, KIND_REFUSE, 0, what, arg, NULL},
#include "admin/turnadmin_options.def"
};
/* clang-format on */
const size_t turnadmin_option_count = sizeof turnadmin_options / sizeof turnadmin_options[0];
_Static_assert(sizeof turnadmin_options / sizeof turnadmin_options[0] <= TURNADMIN_OPTIONS_MAX,
               "the tables of getopt_long have room for all");

static int argument_of(const struct turnadmin_option *option)
{
	if (option->kind == KIND_CHOOSE_LIST)
		return optional_argument;
	return option->arg != NULL ? required_argument : no_argument;
}

void turnadmin_getopt_init(struct turnadmin_getopt *getopt)
{
	char *letter = getopt->letters;

	*letter++ = ':';
	for (size_t i = 0; i < turnadmin_option_count; i++) {
		const struct turnadmin_option *option = &turnadmin_options[i];
		int number = option->letter != 0 ? option->letter : FIRST_NUMBER + (int)i;

		getopt->names[i] = (struct option){option->name, argument_of(option), NULL, number};
		if (option->letter == 0)
			continue;
		*letter++ = option->letter;
		if (argument_of(option) == required_argument)
			*letter++ = ':';
	}
	*letter = '\0';
	getopt->names[turnadmin_option_count] = (struct option){NULL, 0, NULL, 0};
}

const struct turnadmin_option *turnadmin_option_of(int given)
{
	for (size_t i = 0; i < turnadmin_option_count; i++)
		if ((turnadmin_options[i].letter != 0 && turnadmin_options[i].letter == given) ||
		    given == FIRST_NUMBER + (int)i)
			return &turnadmin_options[i];
	return NULL;
}
