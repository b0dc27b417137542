/* The command line, as getopt_long(3) reads it for coturn: --name=value, --name value, -xVALUE,
 * -x value, letters of flags together, and the beginning of a long name where it is the only one. */
#include "config/config.h"

#include <string.h>

#include "config/assign.h"

struct arguments {
	struct config_reader reader;
	enum config_program of; /* whose command line it is */
	char *const *rest;      /* what has not been read */
	char *const *end;
};

static const char *next(struct arguments *arguments)
{
	return arguments->rest < arguments->end ? *arguments->rest++ : NULL;
}

static bool has_number_next(const struct arguments *arguments)
{
	return arguments->rest < arguments->end && **arguments->rest >= '0' &&
	       **arguments->rest <= '9';
}

/* A value in a word of its own. An option that may stand bare takes a number alone. */
static const char *separate_value(struct arguments *arguments, const struct option_match *match)
{
	if (match->option != NULL && match->option->flags & OPTION_BARE)
		return has_number_next(arguments) ? next(arguments) : "";
	return next(arguments);
}

static void warn_of_secret(struct config_reader *reader, const struct option *option,
                           const char *written)
{
	char variable[OPTION_NAME_SIZE];
	size_t i;

	for (i = 0; option->member[i] != 0 && i < sizeof variable - 1; i++) {
		char c = option->member[i];

		variable[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
	}
	variable[i] = 0;
	config_reader_warn(reader,
	                   "%s: everyone on this machine can read it in the list of "
	                   "processes: put it into the configuration file, or into a file "
	                   "that TURNSTONE_%s_FILE names",
	                   written, variable);
}

static void assign(struct arguments *arguments, const struct option_match *match,
                   const char *written, const char *value)
{
	if (value == NULL) {
		config_reader_error(&arguments->reader, "%s: the value is missing", written);
		return;
	}
	if (!option_match_is_for(match, arguments->reader.config->program)) {
		if (arguments->of != arguments->reader.config->program)
			return;
		config_reader_error(&arguments->reader,
		                    "%s: no option of %s, but of another program", written,
		                    option_program_name(arguments->reader.config->program));
		return;
	}
	if (match->option != NULL && match->option->flags & OPTION_SECRET)
		warn_of_secret(&arguments->reader, match->option, written);
	config_assign(&arguments->reader, match, written, value);
}

static void read_long(struct arguments *arguments, const char *argument)
{
	enum config_program program = arguments->of;
	struct option_match match;
	char name[OPTION_NAME_SIZE + 2];
	size_t len = strcspn(argument, "=");
	const char *value = argument[len] == '=' ? argument + len + 1 : NULL;

	snprintf(name, sizeof name, "%.*s", (int)len, argument);
	if (!option_find(name + 2, &match) && !option_find_abbreviated(program, name + 2, &match)) {
		config_reader_unknown(&arguments->reader, name + 2, true);
		return;
	}
	if (value == NULL)
		value = option_takes_value(&match) ? separate_value(arguments, &match) : "";
	assign(arguments, &match, name, value);
}

/* Reads one letter of a word and returns the next, or NULL when the word is used up. */
static const char *read_letter(struct arguments *arguments, const char *letter)
{
	const char written[] = {'-', *letter, 0}, *value = letter + 1;
	struct option_match match;

	if (!option_find_letter(arguments->of, *letter, &match)) {
		config_reader_error(&arguments->reader, "%s: no such option; --help lists them",
		                    written);
		return NULL;
	}
	if (!option_takes_value(&match)) {
		assign(arguments, &match, written, "");
		return *value != 0 ? value : NULL;
	}
	if (*value == '=')
		value++;
	if (letter[1] == 0)
		value = separate_value(arguments, &match);
	assign(arguments, &match, written, value);
	return NULL;
}

static void read_argument(struct arguments *arguments, const char *argument)
{
	if (strncmp(argument, "--", 2) == 0 && argument[2] != 0) {
		read_long(arguments, argument);
		return;
	}
	if (argument[0] != '-' || argument[1] == 0 || argument[1] == '-') {
		if (strcmp(argument, "--") != 0)
			config_reader_warn(&arguments->reader,
			                   "%.64s: belongs to no option and is ignored", argument);
		return;
	}
	for (const char *letter = argument + 1; letter != NULL;)
		letter = read_letter(arguments, letter);
}

enum err config_read_arguments(struct config *config, enum config_program argv_of, int argc,
                               char *const *argv, struct config_report *report)
{
	struct arguments arguments = {
		.reader = {config,
	                   report,
	                   {CONFIG_FROM_COMMAND_LINE, "command line", 0},
	                   false,
	                   false},
		.of = argv_of,
		.rest = argc > 0 ? argv + 1 : argv,
		.end = argv + argc,
	};
	const char *argument;

	while ((argument = next(&arguments)) != NULL)
		read_argument(&arguments, argument);
	return config_reader_result(&arguments.reader);
}
