/* What one call of turnadmin asks for, in its own words (user add NAME) or in coturn's (-a -u NAME). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum turnadmin_exit { TURNADMIN_DONE = 0, TURNADMIN_PROBLEM = 1, TURNADMIN_USAGE = 2 };

enum {
	TURNADMIN_NAME_MAX = 513,
	TURNADMIN_REALM_MAX = 763,
	TURNADMIN_PASSWORD_MAX = 512,
	TURNADMIN_CONNECTION_MAX = 4096,
};

struct turnadmin_request;
typedef enum turnadmin_exit turnadmin_run(const struct turnadmin_request *request);

/* A row of turnadmin_verbs.def, which says what the columns mean. */
struct turnadmin_verb {
	turnadmin_run *run;
	const char *noun, *verb; /* verb NULL: the noun is all */
	const char *words;
	bool needs_realm;
	const char *arguments, *summary, *text;
};
extern const struct turnadmin_verb turnadmin_verbs[];
extern const size_t turnadmin_verb_count;
enum { TURNADMIN_VERB_SIZE = 64 };
/* Writes "noun verb" and returns it. */
const char *turnadmin_verb_name(const struct turnadmin_verb *verb, char name[TURNADMIN_VERB_SIZE]);

/* Returns how many words it has, its noun among them. */
int turnadmin_verb_words(const struct turnadmin_verb *verb);
/* Returns how many of them the words begin with; as many as there are, where they are fewer: 0 where one is another. */
int turnadmin_verb_fits(const struct turnadmin_verb *verb, char **words, int count);

struct turnadmin_request {
	const struct turnadmin_verb *verb;
	const char *database, *name, *realm, *password_file; /* lent from the arguments */
	const char *key_file;
	const char *max_bps, *total_quota, *user_quota; /* of a realm; lent as well */
	const char *realm_option, *value;               /* of a realm; lent as well */
	const char *control_socket, *kind;              /* of alternate servers; lent as well */
	const char *config_file, *root;                 /* of doctor; lent as well */
	long deadline_s, min_allocations;               /* of a drain; -1: not given */
	char password[TURNADMIN_PASSWORD_MAX + 1];      /* of -p; empty: to be read */
	char secret[TURNADMIN_PASSWORD_MAX + 1];        /* of -s or -X; empty: to be read */
	const char *redis_file;                         /* lent as well */
	char redis[TURNADMIN_CONNECTION_MAX + 1];       /* empty: an SQLite database */
	bool as_json, by_thread, wants_sha256, wants_generated, wants_all, wants_help;
	bool as_coturn;                   /* a hash is wanted that coturn reads */
	const char *algorithm, *lifetime; /* of an oauth key; NULL: not given; lent as well */
	bool shows_keys;
	const char *contains, *client, *peer, *transport, *sort; /* of sessions; NULL: any; lent */
	long thread, limit, most;                                /* -1: not given */
	const char *level, *event, *key; /* of lines of the log; NULL: any; lent */
	bool follows;                    /* of the log */
	bool once;                       /* of top */
	const char *format;              /* of metrics; NULL: not given; lent as well */
	long watch_s, count;             /* of metrics; 0: not given */
	const char *permissions;         /* of a token; NULL: not given; lent as well */
	const char *scopes; /* of a token of the console; NULL: not given; lent as well */
	const char *tenant, *type, *what, *reason; /* of a room; NULL: not given; lent as well */
	const char *room, *address; /* of sessions of turnsignal; NULL: any; lent as well */
	long capacity, expires_s;   /* of a room; -1: not given */
	bool relay_only;
	bool is_coturn_style; /* lists are written as coturn writes them */
};

/* Reads the arguments, and overwrites secrets among them. Returns false when the program is to end
 * with *status at once: all was said, be it help or what is wrong. */
bool turnadmin_request_read(struct turnadmin_request *request, int argc, char **argv,
                            enum turnadmin_exit *status);
/* Wipes what was secret. */
void turnadmin_request_wipe(struct turnadmin_request *request);

/* Reads --lifetime; not given: 0. False, after saying so, when it is no number of seconds. */
bool turnadmin_lifetime_read(const struct turnadmin_request *request, uint64_t *lifetime_s);
/* Says that there is nothing to delete. In coturn's style that is no problem: what was asked for is so. */
__attribute__((format(printf, 2, 3))) enum turnadmin_exit turnadmin_say_missing(
	const struct turnadmin_request *request, const char *text, ...);
/* Writes "turnadmin: ..." in one line on standard error. */
__attribute__((format(printf, 1, 2))) void turnadmin_say(const char *text, ...);
