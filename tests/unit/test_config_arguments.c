/* The command line as coturn's is written, and the order in which the sources win. */
#include "config/config.h"

#include <sys/stat.h>
#include <unistd.h>

#include "config_fixture.h"

enum { ARGUMENTS_MAX = 16 };

/* Splits words at spaces and reads them behind a program's name. */
static void fixture_read_words(struct fixture *fixture, const char *words)
{
	char copy[1024], *argv[ARGUMENTS_MAX + 2] = {(char[]){"turnserver"}}, *state;
	int argc = 1;

	snprintf(copy, sizeof copy, "%s", words);
	for (char *word = strtok_r(copy, " ", &state); word != NULL && argc <= ARGUMENTS_MAX;
	     word = strtok_r(NULL, " ", &state))
		argv[argc++] = word;
	fixture_begin(fixture);
	fixture->err = config_read_arguments(fixture->config, CONFIG_TURNSERVER, argc, argv,
	                                     &fixture->report);
}

static void test_long_names(void)
{
	struct fixture fixture;

	fixture_read_words(&fixture, "--listening-port=1 --tls-listening-port 2 --fingerprint "
	                             "--no-udp --dtls=no --CA-file=x --listening-ip=192.0.2.1 "
	                             "--listening-ip 2001:db8::1 --db /x");
	is_int(fixture.err, OK, "long names are read");
	is_int(fixture.config->listening_port, 1, "with a value behind =");
	is_int(fixture.config->tls_listening_port, 2, "and in a word of its own");
	ok(fixture.config->fingerprint, "a flag");
	ok(!fixture.config->udp, "the negative of a flag");
	ok(!fixture.config->dtls, "a flag with a value");
	is_text(fixture.config->ca_file, "x", "a name in coturn's spelling");
	is_int(fixture.config->listening_ip.count, 2, "a list");
	is_text(fixture.config->userdb, "/x", "another name");
	is_int(fixture.report.count, 0, "without a problem");
	is_int(fixture.config->origin[OPTION_ID_userdb].source, CONFIG_FROM_COMMAND_LINE,
	       "and their origin is kept");
	fixture_end(&fixture);
}

static void test_letters(void)
{
	struct fixture fixture;

	fixture_read_words(&fixture, "-p 1 -m2 -L192.0.2.1 -fvo -r=example.org -al log -C; -V");
	is_int(fixture.err, OK, "letters are read");
	is_int(fixture.config->listening_port, 1, "with a value in a word of its own");
	is_int(fixture.config->relay_threads, 2, "and behind the letter");
	is_int(fixture.config->listening_ip.count, 1, "a list");
	ok(fixture.config->fingerprint && fixture.config->verbose && fixture.config->daemon,
	   "flags together");
	is_text(fixture.config->realm, "example.org", "an = behind the letter is no part of it");
	ok(fixture.config->lt_cred_mech, "a flag");
	is_text(fixture.config->log_file, "log", "and a letter with a value behind it");
	is_text(fixture.config->rest_api_separator, ";", "a value of one character");
	fixture_end(&fixture);
}

/* The letters that coturn's --help prints. */
static void test_all_letters(void)
{
	static const char flags[] = "vVofaznSK", with_value[] = "dpLEXmrubBeMJNOqQsClciA";
	struct fixture fixture;

	for (const char *p = flags; *p != 0; p++) {
		fixture_read_words(&fixture, (char[]){'-', *p, 0});
		is_int(fixture.err, OK, "-%c is known", *p);
		fixture_end(&fixture);
	}
	for (const char *p = with_value; *p != 0; p++) {
		fixture_read_words(&fixture, (char[]){'-', *p, ' ', 'x', 0});
		ok(!mentions(&fixture, "no such option"), "-%c is known", *p);
		ok(!mentions(&fixture, "belongs to no option"), "and takes a value");
		fixture_end(&fixture);
	}
}

static void test_bare_values(void)
{
	struct fixture fixture;

	fixture_read_words(&fixture, "--stale-nonce --fingerprint --channel-lifetime 700 "
	                             "--permission-lifetime=200");
	is_int(fixture.config->stale_nonce, 600, "a value may be left out");
	is_int(fixture.config->channel_lifetime, 700, "a number that follows is the value");
	is_int(fixture.config->permission_lifetime, 200, "as is what follows =");
	ok(fixture.config->fingerprint, "another option is not");
	fixture_end(&fixture);
}

static void test_abbreviations(void)
{
	struct fixture fixture;

	fixture_read_words(&fixture, "--finger --listening-p=9");
	ok(fixture.config->fingerprint, "the beginning of a name will do");
	is_int(fixture.config->listening_port, 9, "with its value");
	fixture_end(&fixture);

	fixture_read_words(&fixture, "--listening=9");
	is_int(fixture.err, ERR_INVALID, "unless several have it");
	fixture_end(&fixture);
}

static void test_problems(void)
{
	struct fixture fixture;

	fixture_read_words(&fixture, "--listning-port=1 -Z --realm= -p x stray --min-port");
	is_int(fixture.err, ERR_INVALID, "a wrong command line ends the start");
	has_problem(&fixture, CONFIG_ERROR, 0, "did you mean listening-port?");
	has_problem(&fixture, CONFIG_ERROR, 0, "-Z: no such option");
	has_problem(&fixture, CONFIG_ERROR, 0, "-p: \"x\" is not a port");
	has_problem(&fixture, CONFIG_WARNING, 0, "stray: belongs to no option");
	has_problem(&fixture, CONFIG_ERROR, 0, "--min-port: the value is missing");
	is_text(fixture.report.problem[0].source, "command line", "and is named");
	is_int(fixture.report.errors, 4, "all problems are told at once");
	fixture_end(&fixture);
}

static void test_secrets(void)
{
	struct fixture fixture;

	fixture_read_words(&fixture, "--static-auth-secret=hidden -u anna:hidden");
	is_int(fixture.err, OK, "a secret is accepted");
	is_text(fixture.config->static_auth_secret.item[0], "hidden", "and read");
	has_problem(&fixture, CONFIG_WARNING, 0, "TURNSTONE_STATIC_AUTH_SECRET_FILE");
	has_problem(&fixture, CONFIG_WARNING, 0, "-u: everyone on this machine can read it");
	ok(!mentions(&fixture, "hidden"), "and not shown");
	fixture_end(&fixture);
}

static void test_foreign(void)
{
	struct fixture fixture;

	fixture_read_words(&fixture,
	                   "--web-admin-listen-on-workers --dh566 --mongo-userdb z --psql-userdb x "
	                   "--no-sslv2 --dh2066");
	is_int(fixture.err, OK, "coturn's other names are accepted");
	is_int(fixture.report.warnings, 6, "each with a warning");
	is_int(fixture.report.errors, 0, "and their values are taken");
	fixture_end(&fixture);
}

/* What a caller's own look finds. */
static void look_into_files(const struct config *config, struct config_report *report)
{
	config_report_add(report, config->fingerprint ? CONFIG_ERROR : CONFIG_WARNING, "cert.pem",
	                  7, "looked into");
}

static void load(struct fixture *fixture, enum config_program program, const char *const *words,
                 char *const *environment)
{
	char *argv[ARGUMENTS_MAX] = {NULL}, *nothing[] = {NULL};
	int argc = 0;

	for (; words[argc] != NULL; argc++)
		argv[argc] = strdup(words[argc]);
	const struct config_sources sources = {
		.program = program,
		.argv_of = program == CONFIG_TURNCONSOLE ? CONFIG_TURNSERVER : program,
		.argc = argc,
		.argv = argv,
		.environment = environment != NULL ? environment : nothing,
		.look_into_files = look_into_files,
	};

	*fixture = (struct fixture){0};
	fixture->err = config_load(&sources, &fixture->report, &fixture->config);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
}
#define LOAD_AS(program, fixture, environment, ...) \
	load(fixture, program, (const char *const[]){"a program", __VA_ARGS__, NULL}, environment)
#define LOAD(fixture, environment, ...) \
	LOAD_AS(CONFIG_TURNSERVER, fixture, environment, __VA_ARGS__)

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	if (file == NULL || fputs(text, file) == EOF || fclose(file) != 0)
		abort();
}

static void test_precedence(void)
{
	char *environment[] = {(char[]){"TURNSTONE_MIN_PORT=2000"},
	                       (char[]){"TURNSTONE_MAX_PORT=2001"},
	                       (char[]){"TURNSTONE_DENIED_PEER_IP=192.0.2.2"}, NULL};
	struct fixture fixture;

	write_file("a.conf", "realm=file\nmin-port=1000\nmax-port=1001\nlistening-port=1002\n"
	                     "denied-peer-ip=192.0.2.1\nno-auth\n");
	LOAD(&fixture, environment, "-c", "a.conf", "--max-port=3001",
	     "--denied-peer-ip=192.0.2.3");
	is_int(fixture.err, OK, "all sources are read");
	is_int(fixture.config->tls_listening_port, 5349, "a default stands");
	is_int(fixture.config->listening_port, 1002, "a file wins over defaults");
	is_int(fixture.config->min_port, 2000, "the environment over the file");
	is_int(fixture.config->max_port, 3001, "the command line over the environment");
	is_int(fixture.config->denied_peer_ip.count, 3, "lists gather what all sources have");
	is_text(fixture.config->file_name, "a.conf", "the file's name is kept");
	fixture_end(&fixture);
}

static void test_which_file(void)
{
	char *environment[] = {(char[]){"TURNSTONE_CONFIG_FILE=b.conf"}, NULL};
	struct fixture fixture;

	write_file("turnserver.conf", "realm=found\nno-auth\n");
	write_file("b.conf", "realm=b\nno-auth\n");
	mkdir("etc", 0700);
	write_file("etc/c.conf", "realm=c\nno-auth\n");

	LOAD(&fixture, NULL, "-z");
	is_text(fixture.config->realm, "found", "turnserver.conf is looked for");
	fixture_end(&fixture);
	LOAD(&fixture, environment, "-z");
	is_text(fixture.config->realm, "b", "the environment names another");
	fixture_end(&fixture);
	LOAD(&fixture, environment, "-z", "-c", "c.conf");
	is_text(fixture.config->realm, "c", "the command line one that is searched");
	is_text(fixture.config->file_name, "etc/c.conf", "where it was found");
	fixture_end(&fixture);
	LOAD(&fixture, environment, "-z", "-n");
	ok(fixture.config->file_name == NULL, "-n reads none");
	has_problem(&fixture, CONFIG_WARNING, 0, "config-file is not read");
	fixture_end(&fixture);
	LOAD(&fixture, NULL, "-c", "none.conf", "-p", "x");
	is_int(fixture.err, ERR_INVALID, "a file that is named must be there");
	ok(fixture.config == NULL, "there is no configuration");
	is_text(fixture.report.problem[0].source, "none.conf", "it is named");
	is_int(fixture.report.errors, 2, "and the command line was read all the same");
	fixture_end(&fixture);
}

static void test_questions(void)
{
	struct fixture fixture;

	LOAD(&fixture, NULL, "-c", "none.conf", "--version");
	is_int(fixture.err, OK, "--version needs no file");
	ok(fixture.config->version, "and is known");
	is_int(fixture.report.count, 0, "and nothing is checked");
	fixture_end(&fixture);
	LOAD(&fixture, NULL, "-h");
	ok(fixture.config->help, "nor does -h");
	fixture_end(&fixture);
	LOAD(&fixture, NULL, "-n", "--check");
	ok(fixture.config->check, "--check");
	has_problem(&fixture, CONFIG_WARNING, 0, "relays for nobody");
	fixture_end(&fixture);
	LOAD(&fixture, NULL, "-n", "--check", "--min-port=9", "--max-port=8");
	is_int(fixture.err, ERR_INVALID, "what is wrong together ends the start");
	fixture_end(&fixture);
}

static void test_look_into_files(void)
{
	struct fixture fixture;

	LOAD(&fixture, NULL, "-n", "--check");
	has_problem(&fixture, CONFIG_WARNING, 7, "looked into");
	is_int(fixture.err, OK, "a warning of the caller's look lets it start");
	fixture_end(&fixture);
	LOAD(&fixture, NULL, "-n", "--check", "--fingerprint", "--min-port=x");
	has_problem(&fixture, CONFIG_ERROR, 7, "looked into");
	is_int(fixture.report.errors, 2, "an error is told beside all others");
	is_int(fixture.err, ERR_INVALID, "and does not");
	fixture_end(&fixture);
	LOAD(&fixture, NULL, "-n", "--fingerprint");
	is_int(fixture.err, OK, "without --check nothing is looked into");
	ok(!mentions(&fixture, "looked into"), "and nothing said");
	fixture_end(&fixture);
}

/* turnsignal has none of turnserver's options for relaying, and both read one file. */
static void test_programs(void)
{
	char *environment[] = {(char[]){"TURNSTONE_MAX_PORT=x"},
	                       (char[]){"TURNSTONE_STATIC_AUTH_SECRET=west"}, NULL};
	struct fixture fixture;
	char problem[CONFIG_PROBLEM_SIZE];
	enum option_id id;
	bool negates;

	write_file("a.conf",
	           "min-port=x # y\nno-udp-relay=x\nweb-admin\nmin-prot=1\n"
	           "static-auth-secret=north\nrest-api-separator=.\nsignaling-anybody=yes\n");
	LOAD_AS(CONFIG_TURNSIGNAL, &fixture, environment, "-c", "a.conf", "--verb");
	is_int(fixture.err, OK, "options of another program in file and environment are not read");
	is_int(fixture.report.count, 1, "nor spoken of");
	has_problem(&fixture, CONFIG_WARNING, 4, "min-prot: no such option");
	is_int(fixture.config->static_auth_secret.count, 2, "what both have is read");
	is_text(fixture.config->rest_api_separator, ".", "all of it");
	ok(fixture.config->verbose, "a name can be cut short before another's");
	is_int(config_set(fixture.config, "min-port", "1", problem), ERR_NOT_FOUND,
	       "it cannot be set");
	is_int(config_find_option(fixture.config, "min-port", &id, &negates), ERR_NOT_FOUND,
	       "nor asked for");
	fixture_end(&fixture);

	LOAD_AS(CONFIG_TURNSIGNAL, &fixture, NULL, "-n", "--min-port=1", "-p", "--dh566");
	is_int(fixture.err, ERR_INVALID, "on the command line it is an error");
	has_problem(&fixture, CONFIG_ERROR, 0, "--min-port: no option of turnsignal");
	has_problem(&fixture, CONFIG_ERROR, 0, "-p: no such option");
	has_problem(&fixture, CONFIG_ERROR, 0, "--dh566: no option of turnsignal");
	fixture_end(&fixture);

	LOAD(&fixture, environment, "-c", "a.conf");
	is_int(fixture.report.errors, 3, "and turnserver reads them");
	fixture_end(&fixture);
}

/* turnconsole is given turnserver's command line by it, and takes its own options from there. */
static void test_line_of_another(void)
{
	struct fixture fixture;

	LOAD_AS(CONFIG_TURNCONSOLE, &fixture, NULL, "--supervised", "-n", "--min-port=1", "-p",
	        "3000", "-vb", "turndb", "--web-admin-port=1234", "--no-udp");
	is_int(fixture.err, OK, "options of its parent are passed over");
	is_int(fixture.report.count, 0, "without a word");
	is_text(fixture.config->userdb, "turndb", "its own among letters are read");
	is_int(fixture.config->web_admin_port, 1234, "and long ones");
	ok(fixture.config->supervised, "it knows whose child it is");
	fixture_end(&fixture);
}

static char *help_of(enum config_program program)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	config_print_help(program, file);
	fclose(file);
	return text;
}

static void test_help_of_programs(void)
{
	char *relay = help_of(CONFIG_TURNSERVER), *signaling = help_of(CONFIG_TURNSIGNAL);

	ok(strstr(relay, "--min-port") != NULL && strstr(relay, "\nRelaying\n") != NULL,
	   "turnserver's help has relaying");
	ok(strstr(signaling, "--min-port") == NULL && strstr(signaling, "\nRelaying\n") == NULL,
	   "turnsignal's has no such section");
	ok(strstr(signaling, "--static-auth-secret") != NULL &&
	           strstr(signaling, "\nAuthentication\n") != NULL &&
	           strstr(signaling, "--help") != NULL,
	   "and has what both have");
	free(relay);
	free(signaling);
}

static void test_found_files(void)
{
	struct fixture fixture;

	write_file("etc/cert.pem", "");
	LOAD(&fixture, NULL, "-nz", "--cert=cert.pem", "--pkey=etc/cert.pem");
	is_text(fixture.config->cert, "etc/cert.pem", "a certificate is looked for as a file is");
	is_text(fixture.config->pkey, "etc/cert.pem", "or found where it is said to be");
	fixture_end(&fixture);
}

static void test_printing(void)
{
	struct fixture fixture;
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	fixture_read(&fixture, "listening-port=x\nweb-admin-listen-on-workers\n");
	config_report_print(&fixture.report, file);
	fclose(file);
	is_text(text,
	        "test.conf:1: error: listening-port: \"x\" is not a port: give a number from 1 to "
	        "65535\n"
	        "test.conf:2: warning: web-admin-listen-on-workers: ignored: the console never "
	        "listens on a TURN port\n",
	        "a line for each problem");
	free(text);
	fixture_end(&fixture);

	file = open_memstream(&text, &size);
	config_print_help(CONFIG_TURNSERVER, file);
	fclose(file);
	ok(strstr(text, "  -p, --listening-port=PORT     port for UDP and TCP [3478]\n") != NULL,
	   "help has a line for an option");
	size_t longest = 0;
	for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
		if ((size_t)(end - line) > longest)
			longest = (size_t)(end - line);
	ok(longest <= 90, "and is %zu columns wide", longest);
	free(text);
}

int main(void)
{
	char folder[] = "/tmp/test_config_arguments.XXXXXX";

	test_long_names();
	test_letters();
	test_all_letters();
	test_bare_values();
	test_abbreviations();
	test_problems();
	test_secrets();
	test_foreign();
	if (mkdtemp(folder) == NULL || chdir(folder) != 0)
		abort();
	test_precedence();
	test_which_file();
	test_questions();
	test_look_into_files();
	test_programs();
	test_line_of_another();
	test_help_of_programs();
	test_found_files();
	test_printing();
	static const char *const made[] = {"a.conf", "b.conf", "turnserver.conf", "etc/c.conf",
	                                   "etc/cert.pem"};
	for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
		unlink(made[i]);
	rmdir("etc");
	ok(chdir("/") == 0 && rmdir(folder) == 0, "nothing is left behind");
	return tap_end();
}
