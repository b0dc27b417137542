/* coturn's file format: separators, quotes, comments, what is warned of and what ends the start. */
#include "config/config.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_fixture.h"

static void test_separators(void)
{
	struct fixture fixture;

	fixture_read(&fixture, "listening-port=1\n"
	                       "tls-listening-port   2\n"
	                       "min-port\t3\n"
	                       "max-port = 4\n"
	                       "relay-threads\t =\t= 5\n"
	                       "  max-channels=6  \n");
	is_int(fixture.err, OK, "all separators are read");
	is_int(fixture.config->listening_port, 1, "an equals sign");
	is_int(fixture.config->tls_listening_port, 2, "several spaces");
	is_int(fixture.config->min_port, 3, "a tab");
	is_int(fixture.config->max_port, 4, "spaces around an equals sign");
	is_int(fixture.config->relay_threads, 5, "any run of them");
	is_int(fixture.config->max_channels, 6, "white space around the line");
	is_int(fixture.report.warnings, 0, "without a warning");
	fixture_end(&fixture);
}

static void test_quotes(void)
{
	struct fixture fixture;

	fixture_read(&fixture, "realm=\"example.org\"\n"
	                       "listening-port=\"3479\"\n"
	                       "user=\"anna:has \"quotes\" and = in it\"\n"
	                       "user=berta:\"inside\"\n"
	                       "pidfile=\"/run/x\n");
	is_text(fixture.config->realm, "example.org", "quotes do not belong to the value");
	is_int(fixture.config->listening_port, 3479, "nor of a number");
	is_text(fixture.config->user.item[0], "anna:has \"quotes\" and = in it",
	        "inside nothing is special");
	is_text(fixture.config->user.item[1], "berta:\"inside\"", "quotes later on are text");
	is_text(fixture.config->pidfile, "/run/x", "a missing closing quote is forgiven");
	has_problem(&fixture, CONFIG_WARNING, 5, "closing quotation mark");
	fixture_end(&fixture);
}

static void test_comments(void)
{
	struct fixture fixture;

	fixture_read(&fixture, "# listening-port=1\n"
	                       "   # listening-port=2\n"
	                       "\n"
	                       "min-port=5000 # a comment that is none\n"
	                       "user=anna:x #y\n"
	                       "user=berta:x#y\n");
	is_int(fixture.config->listening_port, 3478, "comment lines are not read");
	is_int(fixture.config->min_port, 5000, "what follows a number is left out");
	has_problem(&fixture, CONFIG_WARNING, 4, "a comment needs a line of its own");
	is_text(fixture.config->user.item[0], "anna:x #y", "a text takes it in");
	has_problem(&fixture, CONFIG_WARNING, 5, "is part of the value");
	is_text(fixture.config->user.item[1], "berta:x#y", "a # in a word is a letter like others");
	is_int(fixture.report.warnings, 2, "and is not warned of");
	is_int(fixture.err, OK, "none of it ends the start");
	fixture_end(&fixture);
}

static void test_flags(void)
{
	static const struct {
		const char *text;
		bool flag;
	} cases[] = {
		{"fingerprint", true},         {"fingerprint=1", true},
		{"fingerprint on", true},      {"fingerprint=YES", true},
		{"fingerprint=true", true},    {"fingerprint=t", true},
		{"fingerprint=0", false},      {"fingerprint=off", false},
		{"fingerprint=No", false},     {"fingerprint=false", false},
		{"fingerprint=f", false},      {"fingerprint=", true},
		{"fingerprint=\"no\"", false},
	};
	struct fixture fixture;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		fixture_read(&fixture, cases[i].text);
		is_int(fixture.err, OK, "%s is read", cases[i].text);
		is_int(fixture.config->fingerprint, cases[i].flag, "%s", cases[i].text);
		fixture_end(&fixture);
	}
	fixture_read(&fixture, "fingerprint=perhaps\n");
	has_problem(&fixture, CONFIG_ERROR, 1, "\"perhaps\" is neither yes nor no");
	fixture_end(&fixture);
}

static void test_negatives(void)
{
	struct fixture fixture;

	fixture_read(&fixture, "no-udp\nno-tls=0\nno-dtls=1\nprod\nsoftware-attribute\n");
	ok(!fixture.config->udp, "no-udp turns udp off");
	ok(fixture.config->tls, "no-tls=0 leaves tls on");
	ok(!fixture.config->dtls, "no-dtls=1 turns dtls off");
	ok(fixture.config->software_attribute, "the later of two names of one option counts");
	has_problem(&fixture, CONFIG_WARNING, 5, "given before in line 4");
	fixture_end(&fixture);

	fixture_read(&fixture, "no-udp=maybe\n");
	has_problem(&fixture, CONFIG_ERROR, 1, "no-udp: \"maybe\" is neither yes nor no");
	fixture_end(&fixture);
}

static void test_repetition(void)
{
	struct fixture fixture;

	fixture_read(&fixture, "denied-peer-ip=10.0.0.0/8\n"
	                       "denied-peer-ip=192.168.0.0-192.168.255.255\n"
	                       "denied-peer-ip=fc00::/7\n"
	                       "realm=a\nrealm=b\n");
	is_int(fixture.config->denied_peer_ip.count, 3, "lists gather their values");
	is_text(fixture.config->realm, "b", "else the later value counts");
	has_problem(&fixture, CONFIG_WARNING, 5, "given before in line 4");
	is_int(fixture.report.warnings, 1, "and a list is not warned of");
	fixture_end(&fixture);
}

static void test_unknown(void)
{
	struct fixture fixture;

	fixture_read(&fixture, "listning-port=1\nqqqqqqqqqqqqqq=2\nStatic-auth-secret=hidden\n");
	is_int(fixture.err, OK, "an unknown name does not end the start");
	has_problem(&fixture, CONFIG_WARNING, 1, "did you mean listening-port?");
	has_problem(&fixture, CONFIG_WARNING, 2, "no such option; it is ignored");
	has_problem(&fixture, CONFIG_WARNING, 3, "did you mean static-auth-secret?");
	ok(!mentions(&fixture, "hidden"), "a value behind a wrong name is not shown");
	fixture_end(&fixture);
}

static void test_semicolons(void)
{
	struct fixture fixture;

	fixture_read(&fixture, "min-port=5000;\nno-udp;\nrealm=example.org;\n");
	is_int(fixture.config->min_port, 5000, "a ; behind a number is left out");
	ok(!fixture.config->udp, "and behind a flag");
	is_text(fixture.config->realm, "example.org;", "a text takes it in, as coturn's does");
	has_problem(&fixture, CONFIG_WARNING, 1, "the ; at the end is ignored");
	has_problem(&fixture, CONFIG_WARNING, 2, "the ; at the end is ignored");
	has_problem(&fixture, CONFIG_WARNING, 3, "the ; at the end is part of the value");
	fixture_end(&fixture);
}

static void test_foreign(void)
{
	struct fixture fixture;

	fixture_read(&fixture, "web-admin-listen-on-workers\n"
	                       "no-multicast-peers\n"
	                       "mongo-userdb=a\n"
	                       "mongo-userdb=b\n");
	is_int(fixture.err, OK, "coturn's other names are accepted");
	has_problem(&fixture, CONFIG_WARNING, 1,
	            "web-admin-listen-on-workers: ignored: the console never listens on");
	has_problem(&fixture, CONFIG_WARNING, 2, "no-multicast-peers: ignored: multicast");
	has_problem(&fixture, CONFIG_WARNING, 3, "mongo-userdb: ignored");
	is_int(fixture.report.warnings, 3, "once for each name");
	fixture_end(&fixture);
}

static void test_command_options(void)
{
	struct fixture fixture;

	fixture_read(&fixture, "config-file=/etc/other.conf\nhelp\n");
	ok(fixture.config->config_file == NULL && !fixture.config->help,
	   "what belongs on the command line is not read from a file");
	has_problem(&fixture, CONFIG_WARNING, 1, "belongs on the command line");
	fixture_end(&fixture);
}

static void test_line_ends(void)
{
	struct fixture fixture;

	fixture_read(&fixture, "\xEF\xBB\xBFrealm=example.org\r\nfingerprint\r\nmin-port=5000");
	is_text(fixture.config->realm, "example.org", "a byte order mark and CRLF are accepted");
	ok(fixture.config->fingerprint, "a flag may end with CR");
	is_int(fixture.config->min_port, 5000, "the last line needs no end");
	is_int(fixture.report.warnings, 0, "without a warning");
	fixture_end(&fixture);
}

static void test_long_lines(void)
{
	struct fixture fixture;
	char *text = malloc(80001);

	memset(text, 'x', 80000);
	memcpy(text, "cipher-list=", 12);
	text[5000] = '\n';
	memcpy(text + 5001, "realm=", 6);
	text[80000] = 0;
	fixture_read(&fixture, text);
	is_int(strlen(fixture.config->cipher_list), 4988,
	       "a line may be longer than coturn's 1024");
	has_problem(&fixture, CONFIG_ERROR, 2, "longer than 65535 bytes");
	ok(fixture.config->realm == NULL, "and is not read beyond its bound");
	fixture_end(&fixture);
	free(text);
}

static void test_zero_byte(void)
{
	struct fixture fixture;

	fixture_begin(&fixture);
	fixture.err = config_read_bytes(fixture.config, "test.conf", "a\0b", 3, &fixture.report);
	is_int(fixture.err, ERR_INVALID, "a binary file is refused");
	has_problem(&fixture, CONFIG_ERROR, 0, "not a text file");
	is_int(fixture.report.errors, 1, "with one line");
	fixture_end(&fixture);
}

static void test_many_problems(void)
{
	struct fixture fixture;
	enum { LINES = 1000 };
	char *text = malloc(16 * LINES);
	size_t used = 0;

	for (unsigned i = 0; i < LINES; i++)
		used += (size_t)snprintf(text + used, 16 * LINES - used, "x%u=\n", i);
	fixture_read(&fixture, text);
	is_int(fixture.report.count, CONFIG_PROBLEMS_MAX, "the report is bounded");
	is_int(fixture.report.warnings, LINES, "and counts on");
	fixture_end(&fixture);
	free(text);
}

static void test_control_characters(void)
{
	struct fixture fixture;

	fixture_read(&fixture, "\x1B[31m=1\nrealm=a\x07"
	                       "b\n");
	has_problem(&fixture, CONFIG_WARNING, 1, "\\x1B[31m");
	has_problem(&fixture, CONFIG_ERROR, 2, "contains a control character");
	fixture_end(&fixture);
}

static void is_unreadable(const char *name, const char *why)
{
	struct fixture fixture;

	fixture_begin(&fixture);
	fixture.err = config_read_file(fixture.config, name, &fixture.report);
	is_int(fixture.err, ERR_INVALID, "%s is refused", name);
	has_problem(&fixture, CONFIG_ERROR, 0, why);
	is_int(fixture.report.errors, 1, "with one line");
	is_text(fixture.report.problem[0].source, name, "that names it");
	fixture_end(&fixture);
}

static void test_files(void)
{
	struct fixture fixture;
	char name[] = "/tmp/test_config_file.XXXXXX";
	int fd = mkstemp(name);
	FILE *file = fdopen(fd, "w");

	fputs("realm=example.org\n", file);
	fclose(file);
	fixture_begin(&fixture);
	fixture.err = config_read_file(fixture.config, name, &fixture.report);
	is_int(fixture.err, OK, "a file is read");
	is_text(fixture.config->realm, "example.org", "with its options");
	is_text(fixture.config->file_name, name, "and its name is kept");
	is_int(fixture.config->origin[OPTION_ID_realm].line, 1, "with the line of each");
	fixture_end(&fixture);

	is_int(truncate(name, 5 << 20), 0, "a file grows");
	is_unreadable(name, "too large");
	unlink(name);
	is_unreadable(name, "cannot be opened: No such file");
	is_unreadable("/", "is a directory");
}

static void test_examples(const char *name)
{
	struct fixture fixture;
	char path[512];

	snprintf(path, sizeof path, "%s/examples/%s", getenv("srcdir") ? getenv("srcdir") : ".",
	         name);
	fixture_begin(&fixture);
	fixture.err = config_read_file(fixture.config, path, &fixture.report);
	is_int(fixture.err, OK, "examples/%s is read", name);
	is_int(config_check(fixture.config, &fixture.report), OK, "and makes sense");
	for (size_t i = 0; i < fixture.report.count; i++)
		ok(strstr(fixture.report.problem[i].message, "no such option") == NULL,
		   "every name is known: %s", fixture.report.problem[i].message);
	fixture_end(&fixture);
}

static void test_coturn_example(void)
{
	struct fixture fixture;
	char path[512];

	snprintf(path, sizeof path, "%s/examples/coturn.conf",
	         getenv("srcdir") ? getenv("srcdir") : ".");
	fixture_begin(&fixture);
	fixture.err = config_read_file(fixture.config, path, &fixture.report);
	is_int(fixture.err, OK, "coturn's file is read unchanged");
	is_int(fixture.config->listening_ip.count, 2, "its addresses");
	is_int(fixture.config->denied_peer_ip.count, 4, "its rules");
	is_text(fixture.config->static_auth_secret.item[0], "north south", "its secret");
	is_int(fixture.config->user.count, 2, "its users");
	is_int(fixture.config->relay_threads, 4, "its threads");
	is_int(fixture.config->stale_nonce, 600, "its nonces");
	ok(fixture.config->external_ip.item[0].has_private, "its external address");
	fixture_end(&fixture);
}

int main(void)
{
	test_separators();
	test_quotes();
	test_comments();
	test_flags();
	test_negatives();
	test_repetition();
	test_unknown();
	test_semicolons();
	test_foreign();
	test_command_options();
	test_line_ends();
	test_long_lines();
	test_zero_byte();
	test_many_problems();
	test_control_characters();
	test_files();
	test_examples("minimal.conf");
	test_examples("production.conf");
	test_examples("turnserver.conf");
	test_examples("coturn.conf");
	test_coturn_example();
	return tap_end();
}
