/* What the operator wants: struct config, made from a configuration file, the environment and the
 * command line. config/options.def has one row for each member; the format is coturn's.
 *
 *     const struct config_sources sources = {
 *             CONFIG_TURNSERVER, argc, argv, environ, look_into_files,
 *     };
 *     struct config_report report = {0};
 *     struct config *config;
 *     enum err err = config_load(&sources, &report, &config);
 *
 *     config_report_print(&report, stderr);
 *     if (err != OK)
 *             return EXIT_FAILURE;
 *
 * A later source wins: default, file, environment, command line. Options that may be given several
 * times add up over all sources, as coturn's do. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/err.h"
#include "config/report.h"

struct text_list {
	char **item; /* each owned */
	size_t count;
};
struct addr_list { /* without a port, or where none was given: port 0 */
	struct transport_addr *item;
	size_t count;
};
struct range_list {
	struct addr_range *item;
	size_t count;
};
struct nat64_list {
	struct nat64_prefix *item;
	size_t count;
};
struct external_addr { /* of one family; port 0 */
	struct transport_addr public_ip, private_ip;
	bool has_private; /* else public_ip stands for every local address of its family */
};
struct external_list {
	struct external_addr *item;
	size_t count;
};

/* Who reads. The programs share file and environment: each knows its own options, passes over those of
 * the others there, and refuses them on its command line. */
enum config_program {
	CONFIG_TURNSERVER,
	CONFIG_TURNSIGNAL,
	CONFIG_TURNCONSOLE,
	CONFIG_PROGRAM_COUNT /* the count */
};
const char *config_program_name(enum config_program program);

/* The types of options.def as C has them. */
typedef bool config_FLAG;
typedef uint32_t config_NUMBER;
typedef uint16_t config_PORT;
typedef uint32_t config_DURATION; /* seconds */
typedef uint64_t config_SIZE;     /* bytes */
typedef char *config_TEXT;        /* owned; NULL when empty */
typedef struct text_list config_TEXT_LIST;
typedef struct addr_list config_ADDR_LIST;
typedef struct addr_list config_SERVER_LIST;
typedef struct range_list config_RANGE_LIST;
typedef struct nat64_list config_NAT64_LIST;
typedef struct external_list config_EXTERNAL_LIST;

/* One number for each row: OPTION_ID_listening_port. */
enum option_id {
#define OPTION(member, ...) OPTION_ID_##member,
#include "config/options.def"
	OPTION_ID_COUNT /* the count */
};

/* Where a value came from. */
enum config_source {
	CONFIG_FROM_DEFAULT,
	CONFIG_FROM_FILE,
	CONFIG_FROM_ENVIRONMENT,
	CONFIG_FROM_COMMAND_LINE,
	CONFIG_FROM_OPERATOR, /* while the program ran: config_set */
};
struct config_origin {
	enum config_source source;
	unsigned line; /* of a file; 0 elsewhere */
};

struct config {
#define OPTION(member, TYPE, ...) config_##TYPE member;
#include "config/options.def"

	struct config_origin origin[OPTION_ID_COUNT];
	enum config_program program;
	char *file_name; /* of the file that was read; NULL when none was. owned */
};

/* Makes a configuration of nothing but defaults. ERR_NO_MEMORY. */
MUST_CHECK enum err config_create(enum config_program program, struct config **config);
/* Wipes the secrets and frees everything. */
void config_destroy(struct config *config);

struct config_sources { /* lent, all of it */
	enum config_program program;
	/* Whose command line argv is: another program's options there are passed over where that is not this one. */
	enum config_program argv_of;
	int argc;
	char *const *argv;
	char *const *environment; /* environ's form */
	/* Called with --check alone, for what its caller knows better than src/config: adds problems to
	 * report. What it may find in files has not been looked for here. NULL: there is none. */
	void (*look_into_files)(const struct config *config, struct config_report *report);
};

/* Does all that follows in its order: finds and reads the file, reads environment and command line,
 * checks. Problems are added to report. With --help or --version the rest is not read. ERR_INVALID when
 * the program must not start: report then has an error, and *config is NULL. */
MUST_CHECK enum err config_load(const struct config_sources *sources, struct config_report *report,
                                struct config **config);

/* Each reads one source over what config has. They read on after an error, so that all problems are
 * told at once. ERR_INVALID when at least one was an error, ERR_NO_MEMORY. */
MUST_CHECK enum err config_read_file(struct config *config, const char *name,
                                     struct config_report *report);
/* The same for a file's len bytes, which name stands for in messages. */
MUST_CHECK enum err config_read_bytes(struct config *config, const char *name, const char *bytes,
                                      size_t len, struct config_report *report);
/* Variables are TURNSTONE_ and the option's name in capitals with _ for -. Values of address lists
 * are separated by white space or commas, those of text lists by line ends. A variable of a secret
 * with _FILE behind it names a file that holds the value. */
MUST_CHECK enum err config_read_environment(struct config *config, char *const *environment,
                                            struct config_report *report);
/* Calls each with the files of secrets that variables name. */
void config_environment_files(char *const *environment,
                              void (*each)(const char *file, void *context), void *context);
/* argv_of: as in struct config_sources. */
MUST_CHECK enum err config_read_arguments(struct config *config, enum config_program argv_of,
                                          int argc, char *const *argv,
                                          struct config_report *report);

/* Compares options with each other and with the system: ranges, files, users, what cannot go
 * together. Completes what follows from others: user implies lt-cred-mech, static-auth-secret
 * use-auth-secret, a missing realm becomes the machine's name, files of TLS get the path they were
 * found at, log-file=syslog turns syslog on, log-file=stdout becomes /dev/stdout. */
MUST_CHECK enum err config_check(struct config *config, struct config_report *report);

/* Says where an option's value came from: the file's name, "environment", "command line", or
 * "configuration" for a default. Lent from config. */
const char *config_source_name(const struct config *config, enum option_id id);
/* Writes a problem that showed later, when the value was used, in the form of the report. */
void config_print_problem(const struct config *config, enum option_id id, const char *problem,
                          FILE *file);

/* Finds a file as coturn does: a relative name in ., ./turnserver, ./coturn, ./etc, ../etc, /etc,
 * /usr/local/etc and their subfolders turnserver and coturn. Gives an allocated path, the caller's.
 * ERR_NOT_FOUND, ERR_NO_MEMORY. */
MUST_CHECK enum err config_find_file(const char *name, char **path);

/* Calls each for every option whose value differs between the two, with its long name and whether
 * it can change while the program runs (RELOAD). */
void config_compare(const struct config *a, const struct config *b,
                    void (*each)(enum option_id id, const char *name, bool may_change,
                                 void *context),
                    void *context);

/* Copies a configuration, with where its values came from; the copy is the caller's. ERR_NO_MEMORY. */
MUST_CHECK enum err config_copy(const struct config *config, struct config **copy);
/* Gives one option the value that another configuration has. ERR_NO_MEMORY: nothing has changed. */
MUST_CHECK enum err config_copy_option(struct config *to, const struct config *from,
                                       enum option_id id);

enum { CONFIG_PROBLEM_SIZE = 256 };
/* Gives one option, found by any of its names, the value of a text, as a file would: a list has this one
 * item then, or none when the text is empty. config_check comes after it. ERR_INVALID, ERR_NOT_FOUND,
 * ERR_NO_MEMORY: problem says what is wrong, without quoting a secret. */
MUST_CHECK enum err config_set(struct config *config, const char *name, const char *text,
                               char problem[CONFIG_PROBLEM_SIZE]);
/* Writes an option's value as text for a person: "yes", "600", "10.0.0.0-10.255.255.255, ..."; "(secret)"
 * or "(none)" for a secret. What has no room is cut and marked. Returns room. */
char *config_value_text(const struct config *config, enum option_id id, char *room, size_t size);

enum { CONFIG_NAME_SIZE = 64, CONFIG_VALUE_SIZE = 1024 };
/* Finds an option of the configuration's program by any of its names; negates tells that the name says
 * the opposite of a flag. ERR_NOT_FOUND. */
MUST_CHECK enum err config_find_option(const struct config *config, const char *name,
                                       enum option_id *id, bool *negates);
/* Says what became of an option of coturn's that this program does not have; NULL: it is none. */
const char *config_why_not(const char *name);
/* What there is to say of an option as it is set. */
struct config_description {
	char name[CONFIG_NAME_SIZE];   /* its long name */
	char value[CONFIG_VALUE_SIZE]; /* as config_value_text writes it */
	const char *source;            /* "default", or config_source_name's */
	unsigned line;                 /* of a file; 0 elsewhere */
	/* Static, as --help has them; argument "": it has none. */
	const char *summary, *argument, *section;
	bool is_flag, may_change; /* may_change: while the program runs (RELOAD) */
	bool is_secret;           /* value is not told */
	bool is_setting;          /* of the program; else a command, such as help, or another's */
};
void config_describe(const struct config *config, enum option_id id,
                     struct config_description *description);

/* Prints the options of a program in sections, 80 columns wide, for --help. */
void config_print_help(enum config_program program, FILE *file);
