/* Configurations copied and changed, and which options a reload applies: the table's RELOAD flags. */
#include "config_fixture.h"
#include "config/option.h"

static const char everything[] =
	"listening-ip=192.0.2.1\nlistening-ip=2001:db8::1\nlistening-port=3000\nrealm=example.org\n"
	"user=anna:secret\nuser=bert:secret2\nstatic-auth-secret=one\nstatic-auth-secret=two\n"
	"denied-peer-ip=10.0.0.0/8\nallowed-peer-ip=10.0.0.1\nnat64-prefix=2001:db8:64::/96\n"
	"external-ip=203.0.113.5/10.0.0.5\nalternate-server=192.0.2.7:3479\nmax-bps=64k\n"
	"idle-timeout=2m\nfingerprint\nno-tls\nuser-quota=12\n";

static void count_one(enum option_id id, const char *name, bool may_change, void *context)
{
	(void)id, (void)name, (void)may_change;
	++*(unsigned *)context;
}

static unsigned differences(const struct config *a, const struct config *b)
{
	unsigned count = 0;

	config_compare(a, b, count_one, &count);
	return count;
}

static void test_copy(void)
{
	struct config *copy;
	struct fixture fixture;

	fixture_read(&fixture, everything);
	is_int(fixture.err, OK, "a file with every type is read");
	is_int(config_copy(fixture.config, &copy), OK, "and copied");
	is_int(differences(fixture.config, copy), 0, "the copy differs in nothing");
	is_text(copy->user.item[1], "bert:secret2", "lists of texts are there");
	ok(copy->user.item[1] != fixture.config->user.item[1], "and are the copy's own");
	is_int(copy->origin[OPTION_ID_user_quota].line, 18, "where values came from is there too");
	fixture_end(&fixture);
	is_text(copy->realm, "example.org", "the copy outlives the original");
	config_destroy(copy);
}

static void test_copy_option(void)
{
	struct fixture a, b;

	fixture_read(&a, everything);
	fixture_read(&b, "realm=other\nuser=carl:x\n");
	for (enum option_id id = 0; id < OPTION_ID_COUNT; id++)
		if (config_copy_option(b.config, a.config, id) != OK)
			ok(false, "option %u is copied", id);
	is_int(differences(a.config, b.config), 0, "one option after the other makes them equal");
	fixture_end(&b);

	/* A list that was copied grows as any other. */
	fixture_begin(&b);
	is_int(config_copy_option(b.config, a.config, OPTION_ID_listening_ip), OK, "a list");
	is_int(config_read_bytes(b.config, "x", "listening-ip=192.0.2.9\n", 23, &b.report), OK,
	       "one more");
	is_int((int)b.config->listening_ip.count, 3, "is behind those of the copy");
	fixture_end(&a);
	fixture_end(&b);
}

static void set_is(struct config *config, const char *name, const char *text, enum err wanted,
                   const char *words)
{
	char problem[CONFIG_PROBLEM_SIZE] = "";

	is_int(config_set(config, name, text, problem), wanted, "%s=%s", name, text);
	ok(strstr(problem, words) != NULL, "says: %s", problem);
}

static void test_set(void)
{
	struct fixture fixture;

	enum option_id id;
	bool negates;

	fixture_read(&fixture, everything);
	struct config *config = fixture.config;
	set_is(config, "user-quota", "7", OK, "");
	is_int((int)config->user_quota, 7, "a number");
	set_is(config, "no-udp", "yes", OK, "");
	ok(!config->udp, "a flag by its other name");
	set_is(config, "denied-peer-ip", "10.0.0.0/16", OK, "");
	is_int((int)config->denied_peer_ip.count, 1, "a list has what was said alone");
	set_is(config, "denied-peer-ip", "", OK, "");
	is_int((int)config->denied_peer_ip.count, 0, "or nothing");
	set_is(config, "user", "dora", ERR_INVALID, "a colon and a password");
	is_text(config->user.item[0], "anna:secret", "a list stays when an item is wrong");
	set_is(config, "user-quota", "many", ERR_INVALID, "is not a number");
	is_int((int)config->user_quota, 7, "and so does a number");
	set_is(config, "static-auth-secret", "", OK, "");
	set_is(config, "user-quoat", "7", ERR_NOT_FOUND, "is no option");
	set_is(config, "prometheus-username-labels", "yes", ERR_NOT_FOUND, "has no bound");
	set_is(config, "help", "yes", ERR_NOT_FOUND, "belongs on the command line");
	is_int(config_find_option(config, "help", &id, &negates), ERR_NOT_FOUND,
	       "nor is there anything to say of a command");
	set_is(config, "fingerprint", "maybe", ERR_INVALID, "neither yes nor no");
	fixture_end(&fixture);
}

static void text_is(const struct config *config, enum option_id id, const char *wanted)
{
	char text[128];

	is_text(config_value_text(config, id, text, sizeof text), wanted, "as text: %s", wanted);
}

static void test_text(void)
{
	struct fixture fixture;
	char small[16];

	fixture_read(&fixture, everything);
	const struct config *config = fixture.config;
	text_is(config, OPTION_ID_user_quota, "12");
	text_is(config, OPTION_ID_max_bps, "65536");
	text_is(config, OPTION_ID_idle_timeout, "120");
	text_is(config, OPTION_ID_listening_port, "3000");
	text_is(config, OPTION_ID_tls, "no");
	text_is(config, OPTION_ID_realm, "example.org");
	text_is(config, OPTION_ID_userdb, "(none)");
	text_is(config, OPTION_ID_listening_ip, "192.0.2.1, 2001:db8::1");
	text_is(config, OPTION_ID_alternate_server, "192.0.2.7:3479");
	text_is(config, OPTION_ID_denied_peer_ip, "10.0.0.0-10.255.255.255");
	text_is(config, OPTION_ID_allowed_peer_ip, "10.0.0.1");
	text_is(config, OPTION_ID_nat64_prefix, "2001:db8:64::/96");
	text_is(config, OPTION_ID_external_ip, "203.0.113.5/10.0.0.5");
	text_is(config, OPTION_ID_user, "(secret)");
	text_is(config, OPTION_ID_pkey_pwd, "(none)");
	is_text(config_value_text(config, OPTION_ID_listening_ip, small, sizeof small),
	        "192.0.2.1, 2...", "what has no room is cut and marked");
	fixture_end(&fixture);
}

/* Everything else changes live. Whoever adds to this list says in ARCHITECTURE.md why. */
static const enum option_id restart[] = {
	OPTION_ID_config_file,
	OPTION_ID_no_config,
	OPTION_ID_check,
	OPTION_ID_version,
	OPTION_ID_help,
	OPTION_ID_udp,
	OPTION_ID_tcp,
	OPTION_ID_tls,
	OPTION_ID_dtls,
	OPTION_ID_listening_device,
	OPTION_ID_relay_ip,
	OPTION_ID_external_ip,
	OPTION_ID_min_port,
	OPTION_ID_max_port,
	OPTION_ID_relay_device,
	OPTION_ID_realm,
	OPTION_ID_userdb,
	OPTION_ID_no_auth,
	OPTION_ID_stateless_nonce_secret,
	OPTION_ID_dynamic_realms,
	OPTION_ID_dynamic_ip_list,
	OPTION_ID_realm_from_username,
	OPTION_ID_relay_threads,
	OPTION_ID_network_engine,
	OPTION_ID_sock_buf_size,
	OPTION_ID_udp_gso,
	OPTION_ID_udp_gro,
	OPTION_ID_coalesce,
	OPTION_ID_daemon,
	OPTION_ID_pidfile,
	OPTION_ID_proc_user,
	OPTION_ID_proc_group,
	OPTION_ID_control_socket,
	OPTION_ID_cli,
	OPTION_ID_cli_ip,
	OPTION_ID_cli_port,
	OPTION_ID_redis_userdb,
	OPTION_ID_redis_statsdb,
	OPTION_ID_fence,
	OPTION_ID_core_dumps,
	OPTION_ID_signaling_ip,
	OPTION_ID_signaling_port,
	OPTION_ID_signaling_plain_port,
	OPTION_ID_signaling_threads,
	OPTION_ID_signaling_connections,
	OPTION_ID_signaling_queue_size,
	OPTION_ID_signaling_replay_size,
	OPTION_ID_signaling_sessions,
	OPTION_ID_signaling_rooms,
	OPTION_ID_room_capacity,
	OPTION_ID_room_default,
	OPTION_ID_room_type,
	OPTION_ID_room_case_sensitive,
	OPTION_ID_legacy_room_size,
	OPTION_ID_buddy_image_memory,
	OPTION_ID_www_root,
	OPTION_ID_signaling_control_socket,
	OPTION_ID_signaling_cluster,
	OPTION_ID_signaling_node,
	OPTION_ID_supervised,
};

static bool takes_restart(enum option_id id)
{
	for (size_t i = 0; i < sizeof restart / sizeof restart[0]; i++)
		if (restart[i] == id)
			return true;
	return false;
}

static void test_reload_flags(void)
{
	char name[OPTION_NAME_SIZE];

	for (enum option_id id = 0; id < OPTION_ID_COUNT; id++) {
		const struct option *option = &option_table[id];
		bool is_live = option->flags & OPTION_RELOAD;
		ok(is_live != takes_restart(id), "%s: %s", option_name(option, name),
		   is_live ? "a reload applies it" : "a change takes a restart");
	}
}

int main(void)
{
	test_copy();
	test_copy_option();
	test_set();
	test_text();
	test_reload_flags();
	return tap_end();
}
