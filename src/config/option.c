/* The rows of options.def as tables, and the search in them. */
#include "config/option.h"

#include <string.h>

#include "config/form.h"

enum {
	RELAY = OPTION_RELAY,
	SIGNALING = OPTION_SIGNALING,
	CONSOLE = OPTION_CONSOLE,
	RELOAD = OPTION_RELOAD,
	SECRET = OPTION_SECRET,
	REPEAT = OPTION_REPEAT,
	BARE = OPTION_BARE,
	COMMAND = OPTION_COMMAND,
	PARSER = OPTION_PARSER,
	OWN = OPTION_OWN,
	EMPTY = OPTION_EMPTY,
};

#define ANY                               \
	{                                 \
		0, UINT64_MAX, NULL, NULL \
	}
#define RANGE(low, high)              \
	{                             \
		low, high, NULL, NULL \
	}
#define CHOICE(words)                      \
	{                                  \
		0, UINT64_MAX, words, NULL \
	}
#define CHECKED(check)                     \
	{                                  \
		0, UINT64_MAX, NULL, check \
	}

const struct option option_table[OPTION_ID_COUNT] = {
#define OPTION(member, TYPE, default_text, LIMITS, flags, arg, summary, text) \
	{#member, OPTION_##TYPE, default_text,                                \
	 LIMITS,  flags,         arg,                                         \
	 summary, text,          offsetof(struct config, member)},
#include "config/options.def"
};

static const char *const own_names[OPTION_ID_COUNT] = {
#define NAME(member, name) [OPTION_ID_##member] = name,
#include "config/options.def"
};

static const char letters[OPTION_ID_COUNT] = {
#define SHORT(member, letter) [OPTION_ID_##member] = letter,
#include "config/options.def"
};

const struct option_alias option_alias_table[] = {
#define ALIAS(member, letter, name) {OPTION_ID_##member, letter, name, false},
#define NEGATIVE(member, name)      {OPTION_ID_##member, 0, name, true},
#include "config/options.def"
};
const size_t option_alias_count = sizeof option_alias_table / sizeof option_alias_table[0];

const struct option_foreign option_foreign_table[] = {
#define LATER(letter, name, arg, why) {letter, name, arg, why, false},
#define GONE(letter, name, arg, why)  {letter, name, arg, why, true},
#include "config/options.def"
};
const size_t option_foreign_count = sizeof option_foreign_table / sizeof option_foreign_table[0];

const struct option_item option_items[] = {
#define SECTION(title, text) {title, text, OPTION_ID_COUNT},
#define OPTION(member, ...)  {NULL, NULL, OPTION_ID_##member},
#include "config/options.def"
};
const size_t option_item_count = sizeof option_items / sizeof option_items[0];

const char *option_name(const struct option *option, char name[OPTION_NAME_SIZE])
{
	const char *own = own_names[option - option_table];
	const char *from = own != NULL ? own : option->member;
	size_t i;

	for (i = 0; from[i] != 0 && i < OPTION_NAME_SIZE - 1; i++)
		name[i] = own == NULL && from[i] == '_' ? '-' : from[i];
	name[i] = 0;
	return name;
}

char option_letter(const struct option *option)
{
	return letters[option - option_table];
}

static const struct {
	unsigned flag;
	const char *name;
} programs[CONFIG_PROGRAM_COUNT] = {
	[CONFIG_TURNSERVER] = {OPTION_RELAY, "turnserver"},
	[CONFIG_TURNSIGNAL] = {OPTION_SIGNALING, "turnsignal"},
	[CONFIG_TURNCONSOLE] = {OPTION_CONSOLE, "turnconsole"},
};

unsigned option_program_flag(enum config_program program)
{
	return programs[program].flag;
}

const char *option_program_name(enum config_program program)
{
	return programs[program].name;
}

bool option_is_for(const struct option *option, enum config_program program)
{
	return option->flags & programs[program].flag;
}

bool option_match_is_for(const struct option_match *match, enum config_program program)
{
	if (match->option == NULL)
		return program == CONFIG_TURNSERVER;
	return option_is_for(match->option, program);
}

bool option_is_setting(const struct option_match *match, enum config_program program)
{
	return match->option != NULL && option_is_for(match->option, program) &&
	       !(match->option->flags & OPTION_COMMAND);
}

/* Looks through the options of a section for one that has none of these flags. */
static bool section_has(size_t item, enum config_program program, unsigned without)
{
	for (size_t i = item + 1; i < option_item_count && option_items[i].title == NULL; i++) {
		const struct option *option = &option_table[option_items[i].id];

		if (option_is_for(option, program) && !(option->flags & without))
			return true;
	}
	return false;
}

bool option_section_is_for(size_t item, enum config_program program)
{
	return section_has(item, program, 0);
}

bool option_section_has_settings(size_t item, enum config_program program)
{
	return section_has(item, program, OPTION_COMMAND);
}

/* Every name there is, one after the other: options, then aliases, then coturn's others. */
static bool name_at(size_t index, const char **text, char name[OPTION_NAME_SIZE],
                    struct option_match *match)
{
	*match = (struct option_match){0};
	if (index < OPTION_ID_COUNT) {
		match->option = &option_table[index];
		*text = option_name(match->option, name);
		return true;
	}
	index -= OPTION_ID_COUNT;
	if (index < option_alias_count) {
		match->option = &option_table[option_alias_table[index].id];
		match->negates = option_alias_table[index].negates;
		*text = option_alias_table[index].name;
		return true;
	}
	index -= option_alias_count;
	if (index < option_foreign_count) {
		match->foreign = &option_foreign_table[index];
		*text = match->foreign->name;
		return true;
	}
	return false;
}

bool option_find(const char *written, struct option_match *match)
{
	char name[OPTION_NAME_SIZE];
	const char *text;

	for (size_t i = 0; name_at(i, &text, name, match); i++)
		if (strcmp(text, written) == 0)
			return true;
	*match = (struct option_match){0};
	return false;
}

static bool letter_matches(const struct option_match *match, char letter)
{
	if (match->foreign != NULL)
		return match->foreign->letter == letter;
	if (option_letter(match->option) == letter)
		return true;
	for (size_t i = 0; i < option_alias_count; i++)
		if (&option_table[option_alias_table[i].id] == match->option &&
		    option_alias_table[i].letter == letter)
			return true;
	return false;
}

bool option_find_letter(enum config_program program, char letter, struct option_match *match)
{
	char name[OPTION_NAME_SIZE];
	const char *text;

	for (size_t i = 0; letter != 0 && name_at(i, &text, name, match); i++)
		if (!match->negates && option_match_is_for(match, program) &&
		    letter_matches(match, letter))
			return true;
	*match = (struct option_match){0};
	return false;
}

bool option_find_abbreviated(enum config_program program, const char *written,
                             struct option_match *match)
{
	char name[OPTION_NAME_SIZE];
	const char *text;
	struct option_match candidate;
	size_t len = strlen(written), found = 0;

	for (size_t i = 0; len >= 3 && name_at(i, &text, name, &candidate); i++)
		if (option_match_is_for(&candidate, program) && strncmp(text, written, len) == 0) {
			*match = candidate;
			found++;
		}
	if (found != 1)
		*match = (struct option_match){0};
	return found == 1;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many letters must be put in, left out or changed to make one word of the other. */
static size_t distance(const char *a, const char *b)
{
	size_t row[OPTION_NAME_SIZE], len = strlen(b);

	if (len >= OPTION_NAME_SIZE)
		return SIZE_MAX;
	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 0; a[i] != 0; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < len; j++) {
			size_t above = row[j + 1];

			row[j + 1] = least(least(above, row[j]) + 1, diagonal + (a[i] != b[j]));
			diagonal = above;
		}
	}
	return row[len];
}

const char *option_suggest(const char *written, char name[OPTION_NAME_SIZE])
{
	char candidate[OPTION_NAME_SIZE];
	const char *text;
	struct option_match match;
	size_t nearest = 1 + strlen(written) / 3;
	bool found = false;

	if (strlen(written) >= OPTION_NAME_SIZE)
		return NULL;
	for (size_t i = 0; name_at(i, &text, candidate, &match); i++) {
		size_t far = distance(written, text);

		if (far >= nearest + !found)
			continue;
		nearest = far;
		found = true;
		memmove(name, text, strlen(text) + 1);
	}
	return found ? name : NULL;
}

bool option_takes_value(const struct option_match *match)
{
	if (match->foreign != NULL)
		return match->foreign->arg != NULL;
	return match->option->type != OPTION_FLAG;
}
