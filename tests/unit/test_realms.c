/* What a thread knows of realms: whatever another program writes into the database comes to it, and is
 * found by origin, by name, and by whose limits and peers it is. */
#include "relay/realms.h"

#include <poll.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "base/timestamp.h"
#include "tap.h"
#include "test_files.h"

enum { PATIENCE_MS = 10000 };

struct fixture {
	struct test_files files;
	struct store_thread *store;
	struct mailbox *mailbox;
	struct realms *realms;
	const struct peer_rules *peers;
	unsigned peer_changes;
};

static void sql(const struct fixture *fixture, const char *text)
{
	sqlite3 *database = NULL;

	if (sqlite3_open(fixture->files.database, &database) != SQLITE_OK ||
	    sqlite3_exec(database, text, NULL, NULL, NULL) != SQLITE_OK)
		printf("Bail out! %s: %s\n", text, sqlite3_errmsg(database)), exit(1);
	sqlite3_close(database);
}

static void peers_changed(void *context, const struct peer_rules *rules)
{
	struct fixture *fixture = context;

	fixture->peers = rules;
	fixture->peer_changes++;
}

/* Waits for the next letter of the store. Returns how long it took. */
static timestamp await_letter(struct fixture *fixture)
{
	struct pollfd wait = {.fd = mailbox_fd(fixture->mailbox), .events = POLLIN};
	timestamp began = timestamp_now();

	if (poll(&wait, 1, PATIENCE_MS) != 1)
		printf("Bail out! the store does not tell\n"), exit(1);
	mailbox_deliver(fixture->mailbox, NULL);
	return timestamp_now() - began;
}

static void setup(struct fixture *fixture, const char *rows, bool realms, bool peers)
{
	struct realms_settings settings = {
		.default_realm = "home",
		.dynamic_realms = realms,
		.dynamic_peers = peers,
		.peers_changed = peers_changed,
		.context = fixture,
	};
	char problem[256];

	*fixture = (struct fixture){.peers = NULL};
	test_files_init(&fixture->files);
	if (store_thread_start(fixture->files.database, &fixture->store, problem) != OK ||
	    mailbox_create(&fixture->mailbox) != OK)
		printf("Bail out! %s\n", problem), exit(1);
	if (rows != NULL)
		sql(fixture, rows);
	settings.store = fixture->store;
	settings.replies = fixture->mailbox;
	if (realms_create(&settings, &fixture->realms) != OK)
		printf("Bail out! no realms\n"), exit(1);
}

static void teardown(struct fixture *fixture)
{
	store_thread_stop(fixture->store);
	mailbox_deliver(fixture->mailbox, NULL);
	realms_destroy(fixture->realms);
	mailbox_destroy(fixture->mailbox);
	test_files_deinit(&fixture->files);
}

static const char *of_origin(const struct fixture *fixture, const char *origin)
{
	const char *realm = realms_of_origin(fixture->realms, origin);

	return realm != NULL ? realm : "none";
}

static const char *limits(const struct fixture *fixture, const char *realm, char text[128])
{
	const struct quota_own_limits *own = realms_limits(fixture->realms, realm);
	int len = 0;

	snprintf(text, 128, "%s", own == NULL ? "none" : "");
	if (own != NULL && own->has_user_quota)
		len += snprintf(text, 128, "user=%u ", own->limits.user_quota);
	if (own != NULL && own->has_total_quota)
		len += snprintf(text + len, 128 - (size_t)len, "total=%u ",
		                own->limits.total_quota);
	if (own != NULL && own->has_max_bps)
		snprintf(text + len, 128 - (size_t)len, "bps=%llu ",
		         (unsigned long long)own->limits.max_bps);
	return text;
}

static bool denies(const struct fixture *fixture, const char *realm, const char *ip)
{
	const struct peer_lists *lists = peer_rules_find(fixture->peers, realm);
	struct transport_addr addr;

	if (addr_parse(ip, 0, &addr) != OK)
		exit(1);
	return peer_lists_deny(lists, &addr) && !peer_lists_allow(lists, &addr);
}

static const char *found(const struct fixture *fixture, const char *name, size_t len)
{
	const char *realm = realms_find(fixture->realms, name, len);

	return realm != NULL ? realm : "none";
}

static void test_origins(void)
{
	struct fixture fixture;

	setup(&fixture, NULL, true, true);
	ok(!realms_are_known(fixture.realms), "at first they are not known");
	is_text(of_origin(&fixture, "https://blue:443"), "none", "there are no origins then");
	sql(&fixture, "INSERT INTO turn_origin_to_realm VALUES ('https://blue:443', 'blue'),"
	              " ('HTTPS://Red', 'red'), ('https://none:443', '')");
	realms_watch(fixture.realms);
	await_letter(&fixture);
	ok(realms_are_known(fixture.realms), "the store tells when it is asked to");
	is_text(of_origin(&fixture, "https://blue:443"), "blue", "a realm");
	is_text(of_origin(&fixture, "https://red:443"), "red", "also of one written by hand");
	is_text(of_origin(&fixture, "https://none:443"), "none", "an empty realm is none");
	sql(&fixture, "DELETE FROM turn_origin_to_realm WHERE realm = 'blue'");
	ok(await_letter(&fixture) < 1000, "a change is told of within a second");
	is_text(of_origin(&fixture, "https://blue:443"), "none", "what is deleted is unknown");
	is_text(of_origin(&fixture, "https://red:443"), "red", "the other one stays");
	teardown(&fixture);
}

static void test_limits(void)
{
	struct fixture fixture;
	char text[128];

	setup(&fixture,
	      "INSERT INTO turn_realm_option VALUES ('red', 'max-bps', '64000'),"
	      " ('blue', 'user-quota', '2'), ('red', 'total-quota', '0'), ('red', 'colour', '1'),"
	      " ('green', 'max-bps', 'fast'), ('', 'user-quota', '7'), ('home', 'total-quota', "
	      "'9'),"
	      " ('', 'total-quota', '8')",
	      true, true);
	realms_watch(fixture.realms);
	await_letter(&fixture);
	is_text(limits(&fixture, "red", text), "total=0 bps=64000 ", "a realm's own");
	is_text(limits(&fixture, "blue", text), "user=2 ", "another's");
	is_text(limits(&fixture, "green", text), "none", "what is no number is none");
	is_text(limits(&fixture, "home", text), "user=7 total=9 ",
	        "the configured one's, also without its name");
	is_text(limits(&fixture, "r", text), "none", "a realm that is none");
	sql(&fixture, "UPDATE turn_realm_option SET value = '1' WHERE opt = 'max-bps'");
	await_letter(&fixture);
	is_text(limits(&fixture, "red", text), "total=0 bps=1 ", "changed");
	is_text(limits(&fixture, "green", text), "bps=1 ", "and mended");
	is_int(fixture.peer_changes, 0, "of peers nobody is told");
	teardown(&fixture);
}

static void test_peers(void)
{
	struct fixture fixture;

	setup(&fixture,
	      "INSERT INTO denied_peer_ip VALUES ('red', '10.0.0.0-10.255.255.255'),"
	      " ('', 'everything'), ('', '192.0.2.0/24');"
	      "INSERT INTO allowed_peer_ip VALUES ('red', '10.0.0.1')",
	      true, true);
	realms_watch(fixture.realms);
	await_letter(&fixture);
	is_int(fixture.peer_changes, 1, "there are lists");
	ok(denies(&fixture, "red", "10.1.0.0"), "a realm's");
	ok(!denies(&fixture, "red", "10.0.0.1"), "and what it allows");
	ok(!denies(&fixture, "blue", "10.1.0.0"), "not another's");
	ok(denies(&fixture, "blue", "192.0.2.1"), "every realm's");
	sql(&fixture, "INSERT INTO turn_origin_to_realm VALUES ('https://blue:443', 'blue')");
	await_letter(&fixture);
	is_int(fixture.peer_changes, 1, "another change is none of the lists");
	ok(denies(&fixture, "red", "10.1.0.0"), "which are still there");
	sql(&fixture, "DELETE FROM denied_peer_ip WHERE realm = 'red'");
	await_letter(&fixture);
	is_int(fixture.peer_changes, 2, "one is shorter");
	ok(!denies(&fixture, "red", "10.1.0.0"), "by this");
	sql(&fixture, "BEGIN; DELETE FROM denied_peer_ip; DELETE FROM allowed_peer_ip; COMMIT");
	await_letter(&fixture);
	is_int(fixture.peer_changes, 3, "both are empty");
	ok(fixture.peers == NULL, "and none is left");
	teardown(&fixture);
}

static void test_names(void)
{
	struct fixture fixture;

	setup(&fixture,
	      "INSERT INTO turnusers_lt VALUES ('users', 'a', ''), ('users.more', 'a', '');"
	      "INSERT INTO turn_secret VALUES ('secrets', 'x');"
	      "INSERT INTO turn_origin_to_realm VALUES ('https://o:443', 'origins');"
	      "INSERT INTO turn_realm_option VALUES ('options', 'max-bps', '1'), ('', 'max-bps', "
	      "'1');"
	      "INSERT INTO denied_peer_ip VALUES ('denied', '192.0.2.1');"
	      "INSERT INTO allowed_peer_ip VALUES ('allowed', '192.0.2.1')",
	      true, true);
	realms_watch(fixture.realms);
	is_text(found(&fixture, "users", 5), "none", "at first there are none");
	await_letter(&fixture);
	is_text(found(&fixture, "users:123", 5), "users", "one with users");
	is_text(found(&fixture, "users.more", 10), "users.more", "and a longer one");
	is_text(found(&fixture, "secrets", 7), "secrets", "one with secrets");
	is_text(found(&fixture, "origins", 7), "origins", "one with origins");
	is_text(found(&fixture, "options", 7), "options", "one with options");
	is_text(found(&fixture, "denied", 6), "denied", "one with denied peers");
	is_text(found(&fixture, "allowed", 7), "allowed", "one with allowed peers");
	is_text(found(&fixture, "user", 4), "none", "a part of a name is none");
	is_text(found(&fixture, "userss", 6), "none", "nor is a name with more");
	is_text(found(&fixture, "", 0), "none", "nor is an empty one");
	teardown(&fixture);
}

static void test_switched_off(void)
{
	static const char rows[] =
		"INSERT INTO turn_origin_to_realm VALUES ('https://o:443', 'red');"
		"INSERT INTO turn_realm_option VALUES ('red', 'max-bps', '1');"
		"INSERT INTO denied_peer_ip VALUES ('red', '192.0.2.1')";
	struct fixture fixture;
	char text[128];

	setup(&fixture, rows, false, true);
	realms_watch(fixture.realms);
	await_letter(&fixture);
	is_text(of_origin(&fixture, "https://o:443"), "none", "no-dynamic-realms: no origins");
	is_text(limits(&fixture, "red", text), "none", "and no options");
	ok(denies(&fixture, "red", "192.0.2.1"), "but peers");
	teardown(&fixture);

	setup(&fixture, rows, true, false);
	realms_watch(fixture.realms);
	await_letter(&fixture);
	is_text(of_origin(&fixture, "https://o:443"), "red", "no-dynamic-ip-list: origins");
	is_int(fixture.peer_changes, 0, "and no peers");
	teardown(&fixture);

	setup(&fixture, rows, false, false);
	realms_watch(fixture.realms);
	ok(realms_are_known(fixture.realms), "neither: there is nothing to wait for");
	teardown(&fixture);
}

int main(void)
{
	test_origins();
	test_limits();
	test_peers();
	test_names();
	test_switched_off();
	return tap_end();
}
