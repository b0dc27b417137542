/* The rows of options.def as a table, and how a name that someone wrote finds its row. Of use to
 * src/config alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

enum option_type {
	OPTION_FLAG,
	OPTION_NUMBER,
	OPTION_PORT,
	OPTION_DURATION,
	OPTION_SIZE,
	OPTION_TEXT,
	OPTION_TEXT_LIST,
	OPTION_ADDR_LIST,
	OPTION_SERVER_LIST,
	OPTION_RANGE_LIST,
	OPTION_NAT64_LIST,
	OPTION_EXTERNAL_LIST,
	OPTION_TYPE_COUNT /* the count */
};

enum option_flags {
	OPTION_RELAY = 1 << 0,
	OPTION_SIGNALING = 1 << 1,
	OPTION_CONSOLE = 1 << 2,
	OPTION_RELOAD = 1 << 3,
	OPTION_SECRET = 1 << 4,
	OPTION_REPEAT = 1 << 5,
	OPTION_BARE = 1 << 6,
	OPTION_COMMAND = 1 << 7,
	OPTION_PARSER = 1 << 8,
	OPTION_OWN = 1 << 9,
	OPTION_EMPTY = 1 << 10,
};

enum { OPTION_PROBLEM_SIZE = 256, OPTION_NAME_SIZE = 64 };

struct option_limits {
	uint64_t low, high;  /* of a number, or of the length of a text */
	const char *choices; /* separated by a space; NULL: any */
	/* Writes what is wrong with text, or returns true. NULL: nothing more to check. */
	bool (*check)(const char *text, char problem[OPTION_PROBLEM_SIZE]);
};

struct option {
	const char *member;
	enum option_type type;
	const char *default_text;
	struct option_limits limits;
	unsigned flags;
	const char *arg, *summary, *text;
	size_t offset; /* of the member in struct config */
};

/* By option_id. */
extern const struct option option_table[OPTION_ID_COUNT];

/* A name that coturn knows and this version does not act on. */
struct option_foreign {
	char letter;
	const char *name, *arg, *why;
	bool is_gone; /* else it comes later */
};
extern const struct option_foreign option_foreign_table[];
extern const size_t option_foreign_count;

struct option_alias {
	enum option_id id;
	char letter;
	const char *name;
	bool negates;
};
extern const struct option_alias option_alias_table[];
extern const size_t option_alias_count;

/* Sections and options in the order of options.def, for help and manual. */
struct option_item {
	const char *title, *text; /* of a section; NULL: an option */
	enum option_id id;
};
extern const struct option_item option_items[];
extern const size_t option_item_count;

/* What a name stands for: exactly one of the two is set, or none. */
struct option_match {
	const struct option *option;
	const struct option_foreign *foreign;
	bool negates;
};

/* Return true when there is an option, alias or other name of coturn's. */
bool option_find(const char *name, struct option_match *match);
/* Among those of the program alone: another may have the letter for something else. */
bool option_find_letter(enum config_program program, char letter, struct option_match *match);
/* The same for the beginning of a name that only one option has, as getopt_long(3) accepts it. */
bool option_find_abbreviated(enum config_program program, const char *name,
                             struct option_match *match);
/* Whether it is for this program to read. coturn's other names are turnserver's. */
bool option_is_for(const struct option *option, enum config_program program);
bool option_match_is_for(const struct option_match *match, enum config_program program);
/* Whether the section that begins at an item has something for this program; and that is to be set, not a
 * command. */
bool option_section_is_for(size_t item, enum config_program program);
bool option_section_has_settings(size_t item, enum config_program program);
/* OPTION_RELAY, "turnserver"; OPTION_SIGNALING, "turnsignal". */
unsigned option_program_flag(enum config_program program);
const char *option_program_name(enum config_program program);
/* Returns the name nearest to what was written, NULL when none is near. The room is the caller's. */
const char *option_suggest(const char *written, char name[OPTION_NAME_SIZE]);

/* Writes the long name and returns it. */
const char *option_name(const struct option *option, char name[OPTION_NAME_SIZE]);
/* Returns the letter, 0 when the option has none. */
char option_letter(const struct option *option);

/* Whether what stands behind the name on the command line is its value, even after a space. */
bool option_takes_value(const struct option_match *match);
