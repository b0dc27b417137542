/* coturn's connection string, and what is ours in it. */
#include <string.h>

#include "store/redis_settings.h"

#include "tap.h"

static enum err parse(const char *text, struct redis_settings *settings)
{
	char problem[256];

	return redis_settings_parse(text, settings, problem);
}

static void test_coturns(void)
{
	struct redis_settings settings;

	is_int(parse("ip=192.0.2.1 dbname=2 password=turn port=6380 connect_timeout=30", &settings),
	       OK, "coturn's example is read");
	is_text(settings.address.host, "192.0.2.1", "ip");
	is_int(settings.address.port, 6380, "port");
	is_int(settings.database, 2, "dbname");
	is_text(settings.password, "turn", "password");
	is_int(settings.connect_timeout_s, 30, "connect_timeout");
	ok(!settings.tls && settings.verify, "no TLS, and certificates are verified");
}

static void test_defaults(void)
{
	struct redis_settings settings;

	is_int(parse("  ", &settings), OK, "nothing at all");
	is_text(settings.address.host, "127.0.0.1", "the host by default");
	is_int(settings.address.port, 6379, "the port by default");
	is_int(settings.database, 0, "the database by default");
}

static void test_other_names(void)
{
	struct redis_settings settings;

	is_int(parse("hostaddr=h db=1 uname=u pwd=a=b p=1 timeout=9 ssl=on tls-ca=c capath=d "
	             "tls-cert=e clientkey=f servername=g tls-verify=none",
	             &settings),
	       OK, "coturn's other names");
	is_text(settings.user, "u", "user");
	is_text(settings.password, "a=b", "an equals sign in a password");
	ok(settings.tls && !settings.verify, "TLS without verification");
	is_text(settings.ca_file, "c", "ca");
	is_text(settings.ca_path, "d", "capath");
	is_text(settings.cert_file, "e", "cert");
	is_text(settings.key_file, "f", "key");
	is_text(settings.server_name, "g", "sni");
}

static void test_sentinels(void)
{
	struct redis_settings settings;

	is_int(parse("sentinel=\"one:26380,[2001:db8::1]:1,three\" master=turn password=\"two "
	             "words\"",
	             &settings),
	       OK, "sentinels and quotes");
	is_int(settings.sentinel_count, 3, "how many");
	is_text(settings.sentinels[0].host, "one", "a name");
	is_int(settings.sentinels[0].port, 26380, "its port");
	is_text(settings.sentinels[1].host, "2001:db8::1", "an IPv6 address");
	is_int(settings.sentinels[1].port, 1, "its port");
	is_int(settings.sentinels[2].port, REDIS_SENTINEL_PORT, "the port by default");
	is_text(settings.password, "two words", "spaces in a password");
}

static void test_refused(void)
{
	static const char *const texts[] = {
		"ip",
		"ip=",
		"port=0",
		"port=65536",
		"port=6379x",
		"dbname=-1",
		"connect_timeout=0",
		"nonsense=1",
		"=x",
		"tls=maybe",
		"password=\"open",
		"user=u",
		"sentinel=a",
		"master=m",
		"sentinel=: master=m",
		"sentinel=[::1 master=m",
		"sentinel=a:b master=m",
		"sentinel=a,,b master=m",
		"sentinel=a,b,c,d,e,f,g,h,i master=m",
		"cert=x",
	};
	struct redis_settings settings;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		is_int(parse(texts[i], &settings) == OK, 0, "%s", texts[i]);
}

static void test_long(void)
{
	static char text[8192];
	struct redis_settings settings;

	memset(text, 'x', sizeof text - 1);
	ok(parse(text, &settings) != OK, "a word that is too long");
	memcpy(text, "password=", 9);
	ok(parse(text, &settings) != OK, "a password that is too long");
	memcpy(text, "password=\"", 10);
	text[sizeof text - 2] = '"';
	ok(parse(text, &settings) != OK, "the same between quotes");
}

static void test_problem_is_discreet(void)
{
	struct redis_settings settings;
	char problem[256];

	is_int(redis_settings_parse("password=one two=three", &settings, problem), ERR_INVALID,
	       "a password with a space");
	ok(strstr(problem, "two") == NULL && strstr(problem, "three") == NULL,
	   "what is told has no part of it");
}

int main(void)
{
	test_coturns();
	test_defaults();
	test_other_names();
	test_sentinels();
	test_refused();
	test_long();
	test_problem_is_discreet();
	return tap_end();
}
