/* TURNSTONE_ variables, lists in them, and secrets in files that they name. */
#include "config/config.h"

#include <unistd.h>

#include "config/option.h"

#include "config_fixture.h"

#define READ(fixture, ...) READ_AS(CONFIG_TURNSERVER, fixture, __VA_ARGS__)
#define READ_AS(program, fixture, ...) \
	read_variables(program, fixture, (const char *const[]){__VA_ARGS__, NULL})

static void read_variables(enum config_program program, struct fixture *fixture,
                           const char *const *variables)
{
	char *environment[16] = {NULL};

	for (size_t i = 0; variables[i] != NULL && i < 15; i++)
		environment[i] = strdup(variables[i]);
	fixture_begin(fixture);
	fixture->config->program = program;
	fixture->err = config_read_environment(fixture->config, environment, &fixture->report);
	for (size_t i = 0; environment[i] != NULL; i++)
		free(environment[i]);
}

static void test_variables(void)
{
	struct fixture fixture;

	READ(&fixture, "PATH=/bin", "TURNSTONE_LISTENING_PORT=3479",
	     "TURNSTONE_FINGERPRINT=", "TURNSTONE_UDP=no", "TURNSTONE_CA_FILE=/x",
	     "TURNSTONE_LOG_FILE=/y", "TURNSTONE", "TURNSTONE_REALM=a = b");
	is_int(fixture.err, OK, "variables are read");
	is_int(fixture.config->listening_port, 3479, "a number");
	ok(fixture.config->fingerprint, "an empty flag is on");
	ok(!fixture.config->udp, "a flag is off");
	is_text(fixture.config->ca_file, "/x", "a name that coturn spells otherwise");
	is_text(fixture.config->log_file, "/y", "a name that ends with _FILE itself");
	is_text(fixture.config->realm, "a = b", "a value with an equals sign");
	is_int(fixture.config->origin[OPTION_ID_realm].source, CONFIG_FROM_ENVIRONMENT,
	       "and their origin is kept");
	is_int(fixture.report.count, 0, "without a problem");
	fixture_end(&fixture);
}

static void test_lists(void)
{
	struct fixture fixture;

	READ(&fixture, "TURNSTONE_LISTENING_IP=192.0.2.1, 192.0.2.2\t2001:db8::1",
	     "TURNSTONE_USER=anna:a, b\nberta:c\n", "TURNSTONE_DENIED_PEER_IP=10.0.0.0-10.0.0.9");
	is_int(fixture.err, OK, "lists are read");
	is_int(fixture.config->listening_ip.count, 3, "addresses by white space and commas");
	is_int(fixture.config->user.count, 2, "texts by line ends");
	is_text(fixture.config->user.item[0], "anna:a, b", "and nothing else");
	is_int(fixture.config->denied_peer_ip.count, 1, "a range");
	fixture_end(&fixture);
}

static void test_problems(void)
{
	struct fixture fixture;

	READ(&fixture, "TURNSTONE_LISTENING_PORT=x", "TURNSTONE_LISTNING_PORT=1", "TURNSTONE_=1",
	     "TURNSTONE_REALM_FILE=/x", "TURNSTONE_USER=hidden");
	is_int(fixture.err, ERR_INVALID, "a wrong value ends the start");
	has_problem(&fixture, CONFIG_ERROR, 0, "TURNSTONE_LISTENING_PORT: \"x\" is not a port");
	has_problem(&fixture, CONFIG_WARNING, 0, "TURNSTONE_LISTNING_PORT: no option has this");
	has_problem(&fixture, CONFIG_WARNING, 0, "TURNSTONE_REALM_FILE: no option has this");
	has_problem(&fixture, CONFIG_ERROR, 0, "TURNSTONE_USER: give a name, a colon");
	ok(!mentions(&fixture, "hidden"), "a secret is not shown");
	is_text(fixture.report.problem[0].source, "environment", "the source is named");
	fixture_end(&fixture);
}

static void make_file(char *name, const char *text)
{
	int fd = mkstemp(name);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (file == NULL || fputs(text, file) == EOF || fclose(file) != 0)
		abort();
}

static void test_files(void)
{
	char secrets[] = "/tmp/test_config_environment.XXXXXX";
	char password[] = "/tmp/test_config_environment.XXXXXX";
	char first[256], second[256];
	struct fixture fixture;

	make_file(secrets, "one\ntwo words\r\n");
	make_file(password, "pass word\n\n");
	snprintf(first, sizeof first, "TURNSTONE_STATIC_AUTH_SECRET_FILE=%s", secrets);
	snprintf(second, sizeof second, "TURNSTONE_PKEY_PWD_FILE=%s", password);
	READ(&fixture, first, second);
	is_int(fixture.err, OK, "files are read");
	is_int(fixture.config->static_auth_secret.count, 2, "a secret for each line");
	is_text(fixture.config->static_auth_secret.item[1], "two words", "without its end");
	is_text(fixture.config->pkey_pwd, "pass word", "the first line where there is one value");
	fixture_end(&fixture);
	unlink(secrets);
	unlink(password);

	READ(&fixture, first, "TURNSTONE_PKEY_PWD_FILE=/");
	is_int(fixture.err, ERR_INVALID, "a file that is not there ends the start");
	has_problem(&fixture, CONFIG_ERROR, 0, "cannot be opened: No such file");
	has_problem(&fixture, CONFIG_ERROR, 0, "TURNSTONE_PKEY_PWD_FILE: /: is a directory");
	fixture_end(&fixture);
}

static enum config_program reader_of(const struct option *option)
{
	return option_is_for(option, CONFIG_TURNSERVER) ? CONFIG_TURNSERVER : CONFIG_TURNSIGNAL;
}

/* A text that the option takes. */
static const char *secret_for(enum option_id id)
{
	switch (id) {
	case OPTION_ID_amqp_url:
		return "amqp://anna:a-secret-of-some-length@localhost\n";
	case OPTION_ID_webhook_url:
		return "https://example.org/a-secret-of-some-length\n";
	default:
		return "anna:a-secret-of-some-length\n";
	}
}

/* One by one: whatever option is a secret can be in a file that a variable names. */
static void test_every_secret(void)
{
	char variable[256];
	unsigned count = 0;

	for (size_t i = 0; i < OPTION_ID_COUNT; i++) {
		const struct option *option = &option_table[i];
		char name[] = "/tmp/test_config_environment.XXXXXX";
		struct fixture fixture;
		int len;

		if (!(option->flags & OPTION_SECRET))
			continue;
		make_file(name, secret_for((enum option_id)i));
		len = snprintf(variable, sizeof variable, "TURNSTONE_%s", option->member);
		for (char *p = variable; *p != 0; p++)
			*p = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
		snprintf(variable + len, sizeof variable - (size_t)len, "_FILE=%s", name);
		READ_AS(reader_of(option), &fixture, variable);
		ok(!mentions(&fixture, "no option has this"), "%s is known", variable);
		ok(!mentions(&fixture, "a-secret"), "and never shown");
		is_int(fixture.config->origin[i].source, CONFIG_FROM_ENVIRONMENT, "and read");
		fixture_end(&fixture);
		unlink(name);
		count++;
	}
	ok(count >= 4, "there are some: %u", count);
}

static void test_every_option(void)
{
	for (size_t i = 0; i < OPTION_ID_COUNT; i++) {
		char variable[256] = "TURNSTONE_";
		struct fixture fixture;

		for (const char *p = option_table[i].member; *p != 0; p++)
			snprintf(variable + strlen(variable), 2, "%c",
			         *p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
		snprintf(variable + strlen(variable), 8, "=1");
		READ(&fixture, variable);
		ok(!mentions(&fixture, "no option has this"), "%s is known", variable);
		fixture_end(&fixture);
	}
}

static void test_ports(void)
{
	struct fixture fixture;

	READ(&fixture, "TURNSTONE_MIN_PORT=50000", "TURNSTONE_MAX_PORT=50100");
	is_int(fixture.config->min_port, 50000, "TURNSTONE_MIN_PORT");
	is_int(fixture.config->max_port, 50100, "TURNSTONE_MAX_PORT");
	fixture_end(&fixture);
}

int main(void)
{
	test_variables();
	test_lists();
	test_problems();
	test_files();
	test_every_secret();
	test_every_option();
	test_ports();
	return tap_end();
}
