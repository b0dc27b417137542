/* What check_console.c says of the console in a browser and of metrics: what is an error, what is warned of, and what is off then. */
#include "config_fixture.h"

#define OWN_PAIR "prometheus-cert=/dev/null\nprometheus-key=/dev/null\n"

/* A file, after this line: what is said, and what is on. */
static const struct row {
	const char *lines, *said;
	enum err err;
	bool web_admin, prometheus;
} rows[] = {
	{"web-admin\n", "web-admin needs cert and pkey", OK, false, false},
	{"web-admin\nweb-admin-plain\n", "web-admin needs userdb or redis-userdb", OK, false,
         false},
	{"web-admin\nweb-admin-plain\nuserdb=/x\n", NULL, OK, true, false},
	{"web-admin\nweb-admin-plain\nredis-userdb=host=x\n", NULL, OK, true, false},
	{"web-admin\nweb-admin-plain\nuserdb=/x\nweb-admin-ip=::1\n", NULL, OK, true, false},
	{"web-admin\nweb-admin-plain\nuserdb=/x\nweb-admin-ip=0.0.0.0\n",
         "web-admin-plain: web-admin-ip 0.0.0.0 is of other machines too", ERR_INVALID, true,
         false},
	{"web-admin\nweb-admin-plain\nuserdb=/x\nweb-admin-ip=192.0.2.1\n",
         "web-admin-plain: web-admin-ip 192.0.2.1", ERR_INVALID, true, false},
	{"web-admin-plain\nweb-admin-ip=192.0.2.1\n", NULL, OK, false, false},
	{"prometheus\n", "metrics are at 127.0.0.1 alone", OK, false, true},
	{"prometheus\nprometheus-address=127.0.0.1\n", NULL, OK, false, true},
	{"prometheus\nprometheus-address=::\n", NULL, OK, false, true},
	{"prometheus\nprometheus-address=::\nprometheus-path=metrics\n",
         "prometheus-path: metrics: begin it with a slash", ERR_INVALID, false, true},
	{"prometheus\nprometheus-address=::\nprometheus-cert=/dev/null\n",
         "prometheus-cert and prometheus-key: each needs the other", ERR_INVALID, false, true},
	{"prometheus\nprometheus-address=::\nprometheus-key=/dev/null\n",
         "prometheus-cert and prometheus-key: each needs the other", ERR_INVALID, false, true},
	{"prometheus\nprometheus-address=::\nprometheus-tls\n",
         "prometheus-tls needs prometheus-cert and prometheus-key", OK, false, false},
	{"prometheus\nprometheus-address=::\nprometheus-tls\n" OWN_PAIR, NULL, OK, false, true},
	{"prometheus-path=metrics\nprometheus-tls\nprometheus-cert=/dev/null\n", NULL, OK, false,
         false},
};

static bool speaks_of_console(const struct config_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		if (strstr(report->problem[i].message, "web-admin") != NULL ||
		    strstr(report->problem[i].message, "prometheus") != NULL)
			return true;
	return false;
}

static void test_row(const struct row *row)
{
	struct fixture fixture;
	char text[400];

	snprintf(text, sizeof text, "realm=example.org\nno-tls\nno-dtls\n%s", row->lines);
	fixture_read(&fixture, text);
	is_int(fixture.err, OK, "row %zu is read", (size_t)(row - rows));
	is_int(config_check(fixture.config, &fixture.report), row->err, "what comes of it");
	if (row->said != NULL)
		ok(mentions(&fixture, row->said), "\"%s\"", row->said);
	else
		ok(!speaks_of_console(&fixture.report), "nothing is said of it");
	is_int(fixture.config->web_admin, row->web_admin, "web-admin");
	is_int(fixture.config->prometheus, row->prometheus, "prometheus");
	fixture_end(&fixture);
}

int main(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		test_row(&rows[i]);
	return tap_end();
}
