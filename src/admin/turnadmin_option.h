/* turnadmin_options.def as a table, and in the form that getopt_long wants it in. */
#pragma once

#include <getopt.h>
#include <stddef.h>

enum turnadmin_kind {
	KIND_FLAG,
	KIND_TEXT,
	KIND_NUMBER,
	KIND_SECRET,
	KIND_CONNECTION,
	KIND_HELP,
	KIND_VERSION,
	KIND_CHOOSE,
	KIND_CHOOSE_SECRET,
	KIND_CHOOSE_NAME,
	KIND_CHOOSE_ALL,
	KIND_CHOOSE_LIST,
	KIND_REFUSE,
};

/* A row of turnadmin_options.def. */
struct turnadmin_option {
	char letter;
	const char *name;
	enum turnadmin_kind kind;
	size_t offset;          /* of the member in struct turnadmin_request, where there is one */
	const char *verb;       /* that it chooses */
	const char *arg, *text; /* text NULL: not in --help */
};
extern const struct turnadmin_option turnadmin_options[];
enum { TURNADMIN_OPTIONS_MAX = 128 };
extern const size_t turnadmin_option_count;

struct turnadmin_getopt {
	char letters[3 * TURNADMIN_OPTIONS_MAX + 2];
	struct option names[TURNADMIN_OPTIONS_MAX + 1];
};
/* Writes both tables; getopt_long then says to say what is wrong, and not to say it itself. */
void turnadmin_getopt_init(struct turnadmin_getopt *getopt);
/* Returns the row of what getopt_long gave; NULL for one that it made up. */
const struct turnadmin_option *turnadmin_option_of(int given);
