/* The arguments of turnadmin, by getopt_long; whatever is not an option is a word of a verb. */
#include "admin/turnadmin_request.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/turnadmin_verbs.h"
#include "base/bytes.h"

#define DEFAULT_DATABASE       "/var/lib/turn/turndb"
#define DEFAULT_CONTROL_SOCKET "/run/turnstone/turnserver.sock"

enum { /* options without a letter */
       OPTION_DELETE_ALL = 256,
       OPTION_PASSWORD_FILE,
       OPTION_JSON,
       OPTION_SHA256,
       OPTION_GENERATE,
       OPTION_ALL,
       OPTION_VERSION,
       OPTION_ALGORITHM,
       OPTION_LIFETIME,
       OPTION_SHOW_KEYS,
       /* No option: verbs that coturn has no letter for. */
       OPTION_OAUTH_ADD,
       OPTION_OAUTH_DELETE,
       OPTION_OAUTH_LIST,
       OPTION_CONTROL_SOCKET,
       OPTION_KIND,
       OPTION_DEADLINE,
       OPTION_MINIMUM,
       OPTION_BY_THREAD,
};

/* clang-format off */
static const struct turnadmin_verb verbs[] = {
	{"user", "add", 'a', turnadmin_user_add, true, true},
	{"user", "delete", 'd', turnadmin_user_delete, true, true},
	{"user", "list", 'l', turnadmin_user_list, false, false},
	{"user", "key", 'k', turnadmin_user_key, true, true},
	{"secret", "add", 's', turnadmin_secret_add, false, true},
	{"secret", "delete", 'X', turnadmin_secret_delete, false, true},
	{"secret", "list", 'S', turnadmin_secret_list, false, false},
	{"origin", "add", 'O', turnadmin_origin_add, true, true},
	{"origin", "delete", 'R', turnadmin_origin_delete, true, false},
	{"origin", "list", 'I', turnadmin_origin_list, false, false},
	{"oauth", "add", OPTION_OAUTH_ADD, turnadmin_oauth_add, true, false},
	{"oauth", "delete", OPTION_OAUTH_DELETE, turnadmin_oauth_delete, true, false},
	{"oauth", "list", OPTION_OAUTH_LIST, turnadmin_oauth_list, false, false},
	{"status", NULL, 0, turnadmin_status, false, false},
	{"counters", NULL, 0, turnadmin_counters, false, false},
	{"alternate-server", "add", 0, turnadmin_alternates_add, true, false},
	{"alternate-server", "delete", 0, turnadmin_alternates_delete, true, false},
	{"alternate-server", "list", 0, turnadmin_alternates_list, false, false},
	{"drain", NULL, 0, turnadmin_drain, false, false},
	{"undrain", NULL, 0, turnadmin_undrain, false, false},
	/* The last: it is coturn's way to say secret delete --all. */
	{"secret", "delete", OPTION_DELETE_ALL, turnadmin_secret_delete, false, true},
};
/* clang-format on */
enum { VERB_COUNT = sizeof verbs / sizeof verbs[0] };

static const char short_options[] = ":adlks:SX:ORIo:u:r:p:b:h";
static const struct option long_options[] = {
	{"add", no_argument, NULL, 'a'},
	{"delete", no_argument, NULL, 'd'},
	{"list", no_argument, NULL, 'l'},
	{"key", no_argument, NULL, 'k'},
	{"set-secret", required_argument, NULL, 's'},
	{"show-secret", no_argument, NULL, 'S'},
	{"delete-secret", required_argument, NULL, 'X'},
	{"delete-all-secrets", no_argument, NULL, OPTION_DELETE_ALL},
	{"delete-all_secrets", no_argument, NULL, OPTION_DELETE_ALL},
	{"add-origin", no_argument, NULL, 'O'},
	{"del-origin", no_argument, NULL, 'R'},
	{"list-origins", no_argument, NULL, 'I'},
	{"origin", required_argument, NULL, 'o'},
	{"algorithm", required_argument, NULL, OPTION_ALGORITHM},
	{"lifetime", required_argument, NULL, OPTION_LIFETIME},
	{"show-keys", no_argument, NULL, OPTION_SHOW_KEYS},
	{"user", required_argument, NULL, 'u'},
	{"realm", required_argument, NULL, 'r'},
	{"password", required_argument, NULL, 'p'},
	{"password-file", required_argument, NULL, OPTION_PASSWORD_FILE},
	{"db", required_argument, NULL, 'b'},
	{"userdb", required_argument, NULL, 'b'},
	{"json", no_argument, NULL, OPTION_JSON},
	{"sha256", no_argument, NULL, OPTION_SHA256},
	{"generate", no_argument, NULL, OPTION_GENERATE},
	{"all", no_argument, NULL, OPTION_ALL},
	{"control-socket", required_argument, NULL, OPTION_CONTROL_SOCKET},
	{"kind", required_argument, NULL, OPTION_KIND},
	{"deadline", required_argument, NULL, OPTION_DEADLINE},
	{"minimum", required_argument, NULL, OPTION_MINIMUM},
	{"by-thread", no_argument, NULL, OPTION_BY_THREAD},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

static const char help[] =
	"turnadmin - users, secrets, origins and OAuth keys of turnserver, and turnserver itself\n"
	"\n"
	"  turnadmin user add NAME --realm REALM [--password-file FILE]\n"
	"  turnadmin user delete NAME --realm REALM\n"
	"  turnadmin user list [--realm REALM] [--json]\n"
	"  turnadmin user key NAME --realm REALM [--sha256] [--password-file FILE]\n"
	"  turnadmin secret add --realm REALM [--generate]\n"
	"  turnadmin secret delete --realm REALM [--all]\n"
	"  turnadmin secret list [--realm REALM] [--json]\n"
	"  turnadmin origin add ORIGIN --realm REALM\n"
	"  turnadmin origin delete ORIGIN\n"
	"  turnadmin origin list [--realm REALM] [--json]\n"
	"  turnadmin oauth add KID [--realm REALM] [--algorithm A256GCM|A128GCM]\n"
	"                          [--lifetime SECONDS] [--generate]\n"
	"  turnadmin oauth delete KID\n"
	"  turnadmin oauth list [--realm REALM] [--show-keys] [--json]\n"
	"  turnadmin status [--json]\n"
	"  turnadmin counters [--by-thread] [--json]\n"
	"  turnadmin alternate-server add IP[:PORT] [--kind all|udp|tcp|tls] [--json]\n"
	"  turnadmin alternate-server delete IP[:PORT] [--kind all|udp|tcp|tls] [--json]\n"
	"  turnadmin alternate-server list [--json]\n"
	"  turnadmin drain [--deadline SECONDS] [--minimum NUMBER] [--json]\n"
	"  turnadmin undrain [--json]\n"
	"\n"
	"Passwords and secrets are asked for on a terminal, and read as one line from standard\n"
	"input otherwise. 'user add' sets a new password when the user exists. 'user key' prints\n"
	"what can stand for the password in the configuration: user=NAME:KEY.\n"
	"\n"
	"From 'status' on the running server is asked, by root or its user. New clients are sent\n"
	"to its alternate servers. 'drain' ends it when its allocations have ended.\n"
	"\n"
	"  -b, --db, --userdb FILE   the database [" DEFAULT_DATABASE "]; made when missing\n"
	"  -r, --realm REALM         the realm of the users or secrets\n"
	"  -u, --user NAME           the same as NAME above\n"
	"      --password-file FILE  read the password from the first line of FILE\n"
	"      --generate            make a random secret or key and print it\n"
	"      --algorithm NAME      how access tokens are sealed [A256GCM]\n"
	"      --lifetime SECONDS    how long the key is valid from now on [for ever]\n"
	"      --show-keys           with the keys, in base64, as they are read\n"
	"      --all                 all secrets of the realm\n"
	"      --sha256              the key for clients of RFC 8489\n"
	"      --json                for other programs\n"
	"      --control-socket FILE where the server is asked\n"
	"                            [" DEFAULT_CONTROL_SOCKET "]\n"
	"      --by-thread           the counters of each relay thread as well\n"
	"      --kind KIND           the transport of the clients that are sent to a server [all]\n"
	"      --deadline SECONDS    end then, whatever is left\n"
	"      --minimum NUMBER      end when so few allocations are left\n"
	"  -h, --help                this text\n"
	"      --version             the version\n"
	"\n"
	"As in coturn: -a add, -d delete, -l list, -k key, -s SECRET or --set-secret=SECRET,\n"
	"-X SECRET or --delete-secret=SECRET, --delete-all-secrets, -S show secrets, -p PASSWORD;\n"
	"-O or --add-origin, -R or --del-origin, -I or --list-origins, -o ORIGIN.\n"
	"Others on this machine can read what -p, -s and -X are given.\n"
	"\n"
	"Exit status: 0 done, 1 a problem (one line says which), 2 wrong usage.\n";

static bool option_take(struct turnadmin_request *request, int option, char **argv,
                        enum turnadmin_exit *status);
static bool option_wrong(int option, char **argv);
static bool secret_take(char *to, const char *what);
static bool number_take(const char *what, long *number);
static const struct turnadmin_verb *verb_of_option(int option);
static const struct turnadmin_verb *verb_of_words(char **words, int count);
static bool verb_choose(struct turnadmin_request *request, const struct turnadmin_verb *verb);
static bool words_take(struct turnadmin_request *request, char **words, int count);
static bool request_is_whole(const struct turnadmin_request *request);
static bool text_is_fine(const char *what, const char *text, size_t max);

bool turnadmin_request_read(struct turnadmin_request *request, int argc, char **argv,
                            enum turnadmin_exit *status)
{
	int option;

	*request = (struct turnadmin_request){
		.database = DEFAULT_DATABASE,
		.control_socket = DEFAULT_CONTROL_SOCKET,
		.deadline_s = -1,
		.min_allocations = -1,
	};
	*status = TURNADMIN_USAGE;
	while ((option = getopt_long(argc, argv, short_options, long_options, NULL)) != -1)
		if (!option_take(request, option, argv, status))
			return false;
	return words_take(request, argv + optind, argc - optind) && request_is_whole(request);
}

void turnadmin_request_wipe(struct turnadmin_request *request)
{
	bytes_wipe(request, sizeof *request);
}

void turnadmin_say(const char *text, ...)
{
	va_list args;

	va_start(args, text);
	fputs("turnadmin: ", stderr);
	vfprintf(stderr, text, args);
	fputc('\n', stderr);
	va_end(args);
}

static bool option_take(struct turnadmin_request *request, int option, char **argv,
                        enum turnadmin_exit *status)
{
	switch (option) {
	case 'h':
		fputs(help, stdout);
		*status = TURNADMIN_DONE;
		return false;
	case OPTION_VERSION: /* bare, as coturn prints it */
		puts(PACKAGE_VERSION);
		*status = TURNADMIN_DONE;
		return false;
	case 'b':
		request->database = optarg;
		return true;
	case 'r':
		request->realm = optarg;
		return true;
	case 'u':
	case 'o':
		request->name = optarg;
		return true;
	case 'p':
		return secret_take(request->password, "password");
	case OPTION_PASSWORD_FILE:
		request->password_file = optarg;
		return true;
	case OPTION_CONTROL_SOCKET:
		request->control_socket = optarg;
		return true;
	case OPTION_KIND:
		request->kind = optarg;
		return true;
	case OPTION_DEADLINE:
		return number_take("--deadline", &request->deadline_s);
	case OPTION_MINIMUM:
		return number_take("--minimum", &request->min_allocations);
	case OPTION_BY_THREAD:
		return request->by_thread = true;
	case OPTION_JSON:
		return request->as_json = true;
	case OPTION_SHA256:
		return request->wants_sha256 = true;
	case OPTION_GENERATE:
		return request->wants_generated = true;
	case OPTION_ALGORITHM:
		request->algorithm = optarg;
		return true;
	case OPTION_LIFETIME:
		request->lifetime = optarg;
		return true;
	case OPTION_SHOW_KEYS:
		return request->shows_keys = true;
	case OPTION_ALL:
		return request->wants_all = true;
	case ':':
	case '?':
		return option_wrong(option, argv);
	}
	request->is_coturn_style = true;
	if (option == OPTION_DELETE_ALL)
		request->wants_all = true;
	if ((option == 's' || option == 'X') && !secret_take(request->secret, "secret"))
		return false;
	return verb_choose(request, verb_of_option(option));
}

static bool option_wrong(int option, char **argv)
{
	/* What getopt stopped at: a letter it tells, or a whole long option. */
	const char *long_name = argv[optind - 1];

	if (option == ':' && optopt < OPTION_DELETE_ALL)
		turnadmin_say("-%c needs a value: see turnadmin --help", optopt);
	else if (option == ':')
		turnadmin_say("%s needs a value: see turnadmin --help", long_name);
	else if (optopt > 0 && optopt < OPTION_DELETE_ALL)
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

static bool number_take(const char *what, long *number)
{
	char *end;

	errno = 0;
	*number = strtol(optarg, &end, 10);
	if (errno == 0 && end != optarg && *end == 0 && *number >= 0)
		return true;
	turnadmin_say("%s %s: give a number, 0 or more", what, optarg);
	return false;
}

static bool verb_choose(struct turnadmin_request *request, const struct turnadmin_verb *verb)
{
	if (request->verb != NULL) {
		turnadmin_say("one thing at a time, please: see turnadmin --help");
		return false;
	}
	request->verb = verb;
	return verb != NULL;
}

static const struct turnadmin_verb *verb_of_option(int option)
{
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (verbs[i].option == option)
			return &verbs[i];
	return NULL;
}

static int count_words(const struct turnadmin_verb *verb)
{
	return verb->verb != NULL ? 2 : 1;
}

static const struct turnadmin_verb *verb_of_words(char **words, int count)
{
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (count >= count_words(&verbs[i]) && strcmp(words[0], verbs[i].noun) == 0 &&
		    (verbs[i].verb == NULL || strcmp(words[1], verbs[i].verb) == 0))
			return &verbs[i];
	return NULL;
}

/* NOUN [VERB [NAME]] */
static bool words_take(struct turnadmin_request *request, char **words, int count)
{
	const struct turnadmin_verb *verb = count > 0 ? verb_of_words(words, count) : NULL;
	int known = verb != NULL ? count_words(verb) : 0;

	if (count == 0)
		return true;
	if (verb == NULL || request->is_coturn_style) {
		turnadmin_say("\"%s%s%s\" is nothing it can do: see turnadmin --help", words[0],
		              count > 1 ? " " : "", count > 1 ? words[1] : "");
		return false;
	}
	if (!verb_choose(request, verb))
		return false;
	if (count > known && (!verb->needs_name || count > known + 1 || request->name != NULL)) {
		turnadmin_say("\"%s%s%s\" takes no \"%s\": see turnadmin --help", verb->noun,
		              verb->verb != NULL ? " " : "", verb->verb != NULL ? verb->verb : "",
		              words[count - 1]);
		return false;
	}
	if (count > known)
		request->name = words[known];
	return true;
}

static bool request_is_whole(const struct turnadmin_request *request)
{
	const struct turnadmin_verb *verb = request->verb;

	if (verb == NULL) {
		turnadmin_say("what shall it do? see turnadmin --help");
		return false;
	}
	if (verb->needs_name && request->name == NULL) {
		turnadmin_say("%s %s: what to %s is missing: see turnadmin --help", verb->noun,
		              verb->verb, verb->verb);
		return false;
	}
	if (verb->needs_realm && request->realm == NULL) {
		turnadmin_say("%s %s: --realm is missing: it is the realm of turnserver.conf",
		              verb->noun, verb->verb);
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
