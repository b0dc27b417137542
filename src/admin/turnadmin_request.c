/* The arguments of turnadmin, by getopt_long; whatever is not an option is a word of a verb. What there
 * is, is in turnadmin_options.def and turnadmin_verbs.def. */
#include "admin/turnadmin_request.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/turnadmin_help.h"
#include "admin/turnadmin_option.h"
#include "admin/turnadmin_verbs.h"
#include "base/bytes.h"

#define DEFAULT_DATABASE      "/var/lib/turn/turndb"
#define CONTROL_SOCKET        "/run/turnstone/turnserver.sock"
#define SIGNAL_CONTROL_SOCKET "/run/turnstone/turnsignal.sock"

static bool option_take(struct turnadmin_request *request, const struct turnadmin_option *option,
                        enum turnadmin_exit *status);
static bool option_choose(struct turnadmin_request *request, const struct turnadmin_option *option);
static bool option_refuse(const struct turnadmin_option *option);
static bool option_wrong(int option, char **argv);
static bool secret_take(char *to, const char *what);
static bool connection_take(struct turnadmin_request *request);
static bool number_take(const struct turnadmin_option *option, long *number);
static bool help(char **words, int count, enum turnadmin_exit *status);
static const struct turnadmin_verb *verb_of_name(const char *name);
static const struct turnadmin_verb *verb_of_words(char **words, int count);
static bool verb_choose(struct turnadmin_request *request, const struct turnadmin_verb *verb);
static bool words_take(struct turnadmin_request *request, char **words, int count);
static bool request_is_whole(struct turnadmin_request *request);
static bool text_is_fine(const char *what, const char *text, size_t max);

bool turnadmin_request_read(struct turnadmin_request *request, int argc, char **argv,
                            enum turnadmin_exit *status)
{
	struct turnadmin_getopt known;
	int given;

	*request = (struct turnadmin_request){
		.database = DEFAULT_DATABASE,
		.deadline_s = -1,
		.min_allocations = -1,
		.thread = -1,
		.limit = -1,
		.most = -1,
		.capacity = -1,
		.expires_s = -1,
	};
	*status = TURNADMIN_USAGE;
	turnadmin_getopt_init(&known);
	while ((given = getopt_long(argc, argv, known.letters, known.names, NULL)) != -1) {
		const struct turnadmin_option *option = turnadmin_option_of(given);

		if (option == NULL)
			return option_wrong(given, argv);
		if (!option_take(request, option, status))
			return false;
	}
	if (request->wants_help)
		return help(argv + optind, argc - optind, status);
	return words_take(request, argv + optind, argc - optind) && request_is_whole(request);
}

void turnadmin_request_wipe(struct turnadmin_request *request)
{
	bytes_wipe(request, sizeof *request);
}

bool turnadmin_lifetime_read(const struct turnadmin_request *request, uint64_t *lifetime_s)
{
	enum { DIGITS = 9 };
	const char *text = request->lifetime == NULL ? "0" : request->lifetime;
	size_t digits = strspn(text, "0123456789");

	*lifetime_s = strtoull(text, NULL, 10);
	if (digits > 0 && digits <= DIGITS && text[digits] == '\0')
		return true;
	turnadmin_say("--lifetime is a number of seconds, at most %d digits", DIGITS);
	return false;
}

static void say(const char *text, va_list args)
{
	fputs("turnadmin: ", stderr);
	vfprintf(stderr, text, args);
	fputc('\n', stderr);
}

void turnadmin_say(const char *text, ...)
{
	va_list args;

	va_start(args, text);
	say(text, args);
	va_end(args);
}

enum turnadmin_exit turnadmin_say_missing(const struct turnadmin_request *request, const char *text,
                                          ...)
{
	va_list args;

	va_start(args, text);
	say(text, args);
	va_end(args);
	return request->is_coturn_style ? TURNADMIN_DONE : TURNADMIN_PROBLEM;
}

static bool option_take(struct turnadmin_request *request, const struct turnadmin_option *option,
                        enum turnadmin_exit *status)
{
	char *member = (char *)request + option->offset;

	switch (option->kind) {
	case KIND_FLAG:
		return *(bool *)member = true;
	case KIND_TEXT:
		*(const char **)member = optarg;
		return true;
	case KIND_NUMBER:
		return number_take(option, (long *)member);
	case KIND_SECRET:
		return secret_take(member, option->name);
	case KIND_CONNECTION:
		return connection_take(request);
	case KIND_HELP:
		return request->wants_help = true;
	case KIND_VERSION: /* bare, as coturn prints it */
		puts(PACKAGE_VERSION);
		*status = TURNADMIN_DONE;
		return false;
	case KIND_REFUSE:
		return option_refuse(option);
	default:
		return option_choose(request, option);
	}
}

/* Coturn's way to say a verb. */
static bool option_choose(struct turnadmin_request *request, const struct turnadmin_option *option)
{
	request->is_coturn_style = true;
	if (option->kind == KIND_CHOOSE_ALL)
		request->wants_all = true;
	if (option->kind == KIND_CHOOSE_NAME)
		request->name = optarg;
	if (option->kind == KIND_CHOOSE_SECRET && !secret_take(request->secret, "secret"))
		return false;
	return verb_choose(request, verb_of_name(option->verb));
}

static bool option_refuse(const struct turnadmin_option *option)
{
	turnadmin_say("--%s: there is no %s here: --db names an SQLite database", option->name,
	              option->verb);
	return false;
}

static bool option_wrong(int option, char **argv)
{
	/* What getopt stopped at: a letter it tells, or a whole long option. */
	const char *long_name = argv[optind - 1];

	if (option == ':' && optopt <= UCHAR_MAX)
		turnadmin_say("-%c needs a value: see turnadmin --help", optopt);
	else if (option == ':')
		turnadmin_say("%s needs a value: see turnadmin --help", long_name);
	else if (optopt > 0 && optopt <= UCHAR_MAX)
		turnadmin_say("-%c is not an option of this turnadmin: see turnadmin --help",
		              optopt);
	else
		turnadmin_say("%s is not an option of this turnadmin: see turnadmin --help",
		              long_name);
	return false;
}

/* Copies the option's value and overwrites it where others may look. */
static bool secret_take(char *to, const char *what)
{
	size_t len = strlen(optarg);
	bool fits = len > 0 && len <= TURNADMIN_PASSWORD_MAX;

	if (fits)
		memcpy(to, optarg, len + 1);
	else
		turnadmin_say("the %s has to have 1 to %d bytes", what, TURNADMIN_PASSWORD_MAX);
	bytes_wipe(optarg, len);
	if (fits)
		turnadmin_say("warning: others on this machine can read a %s on the command line: "
		              "leave it out to be asked for it",
		              what);
	return fits;
}

/* There may be a password in it, which is overwritten where others may look. */
static bool connection_take(struct turnadmin_request *request)
{
	size_t len = strlen(optarg);
	bool fits = len > 0 && len <= TURNADMIN_CONNECTION_MAX;

	if (fits)
		memcpy(request->redis, optarg, len + 1);
	else
		turnadmin_say("--redis-userdb has to have 1 to %d bytes", TURNADMIN_CONNECTION_MAX);
	bytes_wipe(optarg, len);
	return fits;
}

static bool number_take(const struct turnadmin_option *option, long *number)
{
	char *end;

	errno = 0;
	*number = strtol(optarg, &end, 10);
	if (errno == 0 && end != optarg && *end == 0 && *number >= 0)
		return true;
	turnadmin_say("--%s %s: give a number, 0 or more", option->name, optarg);
	return false;
}

static bool help(char **words, int count, enum turnadmin_exit *status)
{
	*status = TURNADMIN_DONE;
	if (count == 0 || !turnadmin_help_words(words, count))
		turnadmin_help_all();
	return false;
}

/* coturn's manual has -E in front of -x, which is what counts. */
static bool is_refined(const struct turnadmin_verb *before, const struct turnadmin_verb *now)
{
	return now != NULL && strcmp(before->noun, "password") == 0 &&
	       strcmp(now->noun, "password") == 0;
}

static bool verb_choose(struct turnadmin_request *request, const struct turnadmin_verb *verb)
{
	if (request->verb != NULL && request->verb != verb && !is_refined(request->verb, verb)) {
		turnadmin_say("one thing at a time, please: see turnadmin --help");
		return false;
	}
	request->verb = verb;
	return verb != NULL;
}

static const struct turnadmin_verb *verb_of_name(const char *name)
{
	char known[TURNADMIN_VERB_SIZE];

	for (size_t i = 0; i < turnadmin_verb_count; i++)
		if (strcmp(turnadmin_verb_name(&turnadmin_verbs[i], known), name) == 0)
			return &turnadmin_verbs[i];
	return NULL;
}

static const struct turnadmin_verb *verb_of_words(char **words, int count)
{
	for (size_t i = 0; i < turnadmin_verb_count; i++) {
		const struct turnadmin_verb *verb = &turnadmin_verbs[i];

		if (turnadmin_verb_fits(verb, words, count) == turnadmin_verb_words(verb))
			return verb;
	}
	return NULL;
}

/* Where a word behind a verb goes: the letters of turnadmin_verbs.def. */
static const char **word_member(struct turnadmin_request *request, char letter)
{
	switch (tolower((unsigned char)letter)) {
	case 'r':
		return &request->realm;
	case 'o':
		return &request->realm_option;
	case 'v':
		return &request->value;
	default:
		return &request->name;
	}
}

/* NOUN [VERB [NAME ...]] */
static bool words_take(struct turnadmin_request *request, char **words, int count)
{
	const struct turnadmin_verb *verb = count > 0 ? verb_of_words(words, count) : NULL;
	char name[TURNADMIN_VERB_SIZE];
	const char *letter;

	if (count == 0)
		return true;
	if (verb == NULL || request->is_coturn_style) {
		turnadmin_say("\"%s%s%s\" is nothing it can do: see turnadmin --help", words[0],
		              count > 1 ? " " : "", count > 1 ? words[1] : "");
		return false;
	}
	if (!verb_choose(request, verb))
		return false;
	letter = verb->words;
	for (int i = turnadmin_verb_words(verb); i < count; i++, letter++) {
		if (*letter == '\0' || *word_member(request, *letter) != NULL) {
			turnadmin_say("\"%s\" takes no \"%s\": see turnadmin --help",
			              turnadmin_verb_name(verb, name), words[i]);
			return false;
		}
		*word_member(request, *letter) = words[i];
	}
	return true;
}

/* In coturn's style an option of a realm and its value are options, which its function looks for. */
static bool words_are_there(struct turnadmin_request *request)
{
	const struct turnadmin_verb *verb = request->verb;
	char name[TURNADMIN_VERB_SIZE];
	bool are_there = true;

	for (const char *letter = verb->words; *letter != '\0'; letter++)
		if (!isupper((unsigned char)*letter) &&
		    (!request->is_coturn_style || strchr("nr", *letter) != NULL))
			are_there = are_there && *word_member(request, *letter) != NULL;
	if (!are_there)
		turnadmin_say("%s: what to %s is missing: see turnadmin %s --help",
		              turnadmin_verb_name(verb, name),
		              verb->verb != NULL ? verb->verb : verb->noun, name);
	return are_there;
}

static const char *control_socket_of(const struct turnadmin_verb *verb)
{
	bool is_of_signaling = strcmp(verb->noun, "signal") == 0 || strcmp(verb->noun, "room") == 0;

	return is_of_signaling ? SIGNAL_CONTROL_SOCKET : CONTROL_SOCKET;
}

static bool request_is_whole(struct turnadmin_request *request)
{
	const struct turnadmin_verb *verb = request->verb;
	char name[TURNADMIN_VERB_SIZE];

	if (verb == NULL) {
		turnadmin_say("what shall it do? see turnadmin --help");
		return false;
	}
	if (request->control_socket == NULL)
		request->control_socket = control_socket_of(verb);
	if (!words_are_there(request))
		return false;
	if (verb->needs_realm && request->realm == NULL) {
		turnadmin_say("%s: --realm is missing: it is the realm of turnserver.conf",
		              turnadmin_verb_name(verb, name));
		return false;
	}
	return (request->name == NULL || text_is_fine("name", request->name, TURNADMIN_NAME_MAX)) &&
	       (request->realm == NULL ||
	        text_is_fine("realm", request->realm, TURNADMIN_REALM_MAX));
}

static bool text_is_fine(const char *what, const char *text, size_t max)
{
	size_t len = strlen(text);

	if (len == 0) {
		turnadmin_say("the %s is empty", what);
		return false;
	}
	if (len > max) {
		turnadmin_say("the %s is longer than %zu bytes", what, max);
		return false;
	}
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f) {
			turnadmin_say("the %s has a control character in it", what);
			return false;
		}
	return true;
}
