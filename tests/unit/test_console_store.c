/* Users, secrets, realms, peers, origins and OAuth keys by the console's interface, on a store of SQLite: what is kept, what is told and
 * what is not, pages, and that an administrator of a realm meets that realm alone. */
#include "console_call.h"

#include "store/shared_secret.h"

#define ROOT .who = "root"
#define ANNA .who = "anna"

static void is_json(const char *name, const char *wanted, const char *what)
{
	is_text(answer_list(name), wanted, "%s", what);
}

static bool is_audited(const char *entry)
{
	return strstr(box.audits, entry) != NULL;
}

static void put_user(const char *realm, const char *name)
{
	char path[256];

	snprintf(path, sizeof path, "/api/v1/users/%s/%s", realm, name);
	if (ASK("PUT", path, ROOT, .body = "{\"password\": \"p\"}") >= 300)
		printf("Bail out! %s\n", box.call.answer), exit(1);
}

/* ---- users ---- */

static void test_users(void)
{
	struct store_user user, wanted = {.name = "b/b", .realm = "a.org"};

	call_setup();
	is_int(ASK("PUT", "/api/v1/users/a.org/b%2Fb", ROOT, .body = "{\"password\": \"sky\"}"),
	       201, "a user is added");
	ok(strstr(box.call.answer, "sky") == NULL && answer_text("password")[0] == '\0',
	   "the password does not come back");
	ok(is_audited("root: user put realm=a.org user=b/b\n"), "the change is in the audit log");
	ok(strstr(box.audits, "sky") == NULL, "without the password");
	is_int(store_user_find(box.console.store, "a.org", "b/b", &user), OK, "he is there");
	is_int(store_user_set_password(&wanted, "sky"), OK, "keys are made");
	is_bytes(user.key, wanted.key, 16, "he has the MD5 key");
	is_bytes(user.sha256_key, wanted.sha256_key, 32, "and the SHA-256 key");
	is_int(ASK("PUT", "/api/v1/users/a.org/b%2Fb", ROOT), 200, "again without a password");
	is_int(strlen(answer_text("password")), 32, "one is made, and told");
	is_int(ASK("GET", "/api/v1/users", ROOT), 200, "users are listed");
	is_json("users",
	        "[{\"realm\":\"a.org\",\"name\":\"b/b\",\"has_md5\":true,\"has_sha256\":true}]",
	        "with what keys they have, and no key");
	is_int(ASK("DELETE", "/api/v1/users/a.org/b%2Fb", ROOT), 204, "he is removed");
	is_int(ASK("DELETE", "/api/v1/users/a.org/b%2Fb", ROOT), 404, "but once");
	ok(is_audited("root: user delete realm=a.org user=b/b\n"), "which is audited too");
	call_teardown();
}

static void test_bad_users(void)
{
	char path[1200], body[700];
	size_t len;

	call_setup();
	is_int(ASK("PUT", "/api/v1/users/a.org/b", ROOT, .body = "{\"password\": \"\"}"), 400,
	       "an empty password");
	is_int(ASK("PUT", "/api/v1/users/a.org/b", ROOT, .body = "{\"password\": \"a\\nb\"}"), 400,
	       "one with a control character");
	is_int(ASK("PUT", "/api/v1/users/a.org/b", ROOT, .body = "{\"password\": 1}"), 400,
	       "one that is no text");
	len = (size_t)snprintf(body, sizeof body, "{\"password\": \"");
	memset(body + len, 'p', 513);
	snprintf(body + len + 513, sizeof body - len - 513, "\"}");
	is_int(ASK("PUT", "/api/v1/users/a.org/b", ROOT, .body = body), 400, "one of 513 bytes");
	len = (size_t)snprintf(path, sizeof path, "/api/v1/users/a.org/");
	memset(path + len, 'n', 509);
	path[len + 509] = '\0';
	is_int(ASK("PUT", path, ROOT), 400, "a name that no request could have");
	is_int(ASK("PUT", "/api/v1/users/a.org/%ff", ROOT), 404, "a name that is no UTF-8");
	is_int(ASK("GET", "/api/v1/users", ROOT), 200, "none of which");
	is_json("users", "[]", "is there");
	is_text(box.audits, "", "or in the audit log");
	call_teardown();
}

enum { PAGES_MAX = 20 }; /* a list that begins again and again ends */

/* Reads all pages of a list, and counts them. */
static unsigned read_pages(const char *path, const char *query, const char *list, json_t *all)
{
	char after[4096] = "", text[4200];
	unsigned pages = 0;

	do {
		snprintf(text, sizeof text, "%s&after=%s", query, after);
		if (ASK("GET", path, ROOT, .query = text) != 200)
			return 0;
		json_array_extend(all, json_object_get(box.json, list));
		snprintf(after, sizeof after, "%s", answer_text("next"));
		pages++;
	} while (after[0] != '\0' && pages < PAGES_MAX);
	return pages;
}

static void expect_pages(const char *path, const char *list, size_t count)
{
	json_t *all = json_array(), *whole;

	is_int(ASK("GET", path, ROOT), 200, "%s at once", path);
	whole = json_incref(json_object_get(box.json, list));
	is_int(json_array_size(whole), count, "with all %zu rows", count);
	is_int(read_pages(path, "limit=1", list, all), count, "one by one");
	ok(json_equal(all, whole), "they are the same");
	json_array_clear(all);
	is_int(read_pages(path, "limit=2", list, all), (count + 1) / 2, "two by two");
	ok(json_equal(all, whole), "as well");
	json_decref(all);
	json_decref(whole);
}

static void test_pages(void)
{
	call_setup();
	put_user("b.org", "zoe");
	put_user("a.org", "anna");
	put_user("a%20b.org", "eve");
	put_user("a.org", "%C3%A9mile");
	put_user("b.org", "Annette");
	expect_pages("/api/v1/users", "users", 5);
	is_int(ASK("GET", "/api/v1/users", ROOT, .query = "contains=ANN&realm=b.org"), 200,
	       "users are found");
	is_json("users",
	        "[{\"realm\":\"b.org\",\"name\":\"Annette\",\"has_md5\":true,\"has_sha256\":true}]",
	        "by a part of the name, in a realm");
	ok(json_is_null(json_object_get(box.json, "next")), "there is no other page");
	is_int(ASK("GET", "/api/v1/users", ROOT, .query = "limit=0"), 400, "a page of none");
	is_int(ASK("GET", "/api/v1/users", ROOT, .query = "limit=501"), 400, "or too many");
	is_int(ASK("GET", "/api/v1/users", ROOT, .query = "after=!!"), 400, "behind nonsense");
	is_int(ASK("GET", "/api/v1/users", ROOT, .query = "after=YWJj"), 400, "behind half a key");
	is_int(ASK("GET", "/api/v1/users", ROOT, .query = "contains=%0a"), 400,
	       "a control character");
	is_int(ASK("GET", "/api/v1/users", ROOT, .query = "realm=%ff"), 400, "no UTF-8");
	call_teardown();
}

/* ---- secrets ---- */

static void mark_of(const char *realm, const char *secret, char mark[SECRET_MARK_SIZE])
{
	struct stun_hasher *hasher;

	if (stun_hasher_create(&hasher) != OK)
		printf("Bail out! no hasher\n"), exit(1);
	secret_mark(hasher, realm, secret, mark);
	stun_hasher_destroy(hasher);
}

static void test_secrets(void)
{
	char mark[SECRET_MARK_SIZE], path[128], wanted[512], made[128];

	call_setup();
	mark_of("a.org", "north", mark);
	is_int(ASK("POST", "/api/v1/secrets", ROOT,
	           .body = "{\"realm\": \"a.org\", \"secret\": \"north\"}"),
	       201, "a secret is added");
	is_text(answer_text("mark"), mark, "and has a mark");
	ok(strstr(box.call.answer, "north") == NULL, "it does not come back");
	is_int(ASK("POST", "/api/v1/secrets", ROOT,
	           .body = "{\"realm\": \"a.org\", \"secret\": \"north\"}"),
	       409, "it is there already");
	is_int(ASK("POST", "/api/v1/secrets", ROOT, .body = "{\"realm\": \"a.org\"}"), 201,
	       "one is made");
	snprintf(made, sizeof made, "%s", answer_text("secret"));
	is_int(strlen(made), 64, "and told");
	is_int(ASK("GET", "/api/v1/secrets", ROOT), 200, "secrets are listed");
	ok(strstr(box.call.answer, made) == NULL && strstr(box.call.answer, "north") == NULL,
	   "by their marks alone");
	is_int(json_array_size(json_object_get(box.json, "secrets")), 2, "both");
	snprintf(path, sizeof path, "/api/v1/secrets/b.org/%s", mark);
	is_int(ASK("DELETE", path, ROOT), 404, "the mark is one of its realm");
	snprintf(path, sizeof path, "/api/v1/secrets/a.org/%s", mark);
	is_int(ASK("DELETE", path, ROOT), 204, "by which it is removed");
	is_int(ASK("DELETE", path, ROOT), 404, "but once");
	snprintf(wanted, sizeof wanted, "root: secret delete realm=a.org mark=%s\n", mark);
	ok(is_audited(wanted), "as the audit log says");
	ok(strstr(box.audits, "north") == NULL && strstr(box.audits, made) == NULL,
	   "which has no secret");
	is_int(ASK("POST", "/api/v1/secrets", ROOT, .body = "{\"secret\": \"x\"}"), 400,
	       "a secret of no realm");
	is_int(ASK("POST", "/api/v1/secrets", ROOT, .body = "{\"realm\":\"a\",\"secret\": \"\"}"),
	       400, "an empty one");
	call_teardown();
}

static void test_uses(void)
{
	char mark[SECRET_MARK_SIZE], says[512];
	json_t *row;

	call_setup();
	mark_of("a.org", "north", mark);
	ASK("POST", "/api/v1/secrets", ROOT, .body = "{\"realm\":\"a.org\",\"secret\":\"north\"}");
	ASK("POST", "/api/v1/secrets", ROOT, .body = "{\"realm\":\"a.org\",\"secret\":\"south\"}");
	ASK("POST", "/api/v1/secrets", ROOT, .body = "{\"realm\":\"b.org\",\"secret\":\"west\"}");
	is_int(ASK("GET", "/api/v1/secrets", ROOT), 200, "while the relay is away");
	is_text(box.relay_asked, "secret uses \n", "it is asked once, for all");
	row = json_array_get(json_object_get(box.json, "secrets"), 0);
	ok(json_is_null(json_object_get(row, "uses")) &&
	           json_is_null(json_object_get(row, "last_used")),
	   "and nothing is known of their use");
	snprintf(says, sizeof says,
	         "{\"secrets\":[{\"realm\":\"b.org\",\"mark\":\"%s\",\"uses\":9},"
	         "{\"realm\":\"a.org\",\"mark\":\"%s\",\"uses\":7,\"last_used\":1700000000}]}",
	         mark, mark);
	box.relay_says = says;
	is_int(ASK("GET", "/api/v1/secrets", ROOT, .query = "realm=a.org"), 200,
	       "the relay is back");
	is_text(box.relay_asked, "secret uses a.org\n", "each realm is asked for once");
	for (size_t i = 0; i < 2; i++) {
		row = json_array_get(json_object_get(box.json, "secrets"), i);
		bool is_north = strcmp(json_string_value(json_object_get(row, "mark")), mark) == 0;
		is_int(json_integer_value(json_object_get(row, "uses")), is_north ? 7 : 0,
		       is_north ? "one is used" : "the other not");
		is_int(json_integer_value(json_object_get(row, "last_used")),
		       is_north ? 1700000000 : 0, is_north ? "at that time" : "ever");
	}
	box.relay_says = NULL;
	expect_pages("/api/v1/secrets", "secrets", 3);
	call_teardown();
}

/* ---- realms ---- */

static void test_realms(void)
{
	call_setup();
	box.config.realm = "home.org";
	put_user("b.org", "zoe");
	put_user("b.org", "bob");
	ASK("POST", "/api/v1/secrets", ROOT, .body = "{\"realm\":\"a.org\",\"secret\":\"north\"}");
	is_int(ASK("PUT", "/api/v1/realms/c.org/limits/max-bps", ROOT,
	           .body = "{\"value\": 125000}"),
	       200, "a limit is set");
	is_int(ASK("PUT", "/api/v1/realms/b.org/limits/user-quota", ROOT, .body = "{\"value\": 0}"),
	       200, "another, which is none");
	is_int(ASK("GET", "/api/v1/realms", ROOT), 200, "realms are listed");
	is_json("realms",
	        "[{\"realm\":\"a.org\",\"limits\":{},\"users\":0,\"secrets\":1},"
	        "{\"realm\":\"b.org\",\"limits\":{\"user-quota\":0},\"users\":2,\"secrets\":0},"
	        "{\"realm\":\"c.org\",\"limits\":{\"max-bps\":125000},\"users\":0,\"secrets\":0},"
	        "{\"realm\":\"home.org\",\"limits\":{},\"users\":0,\"secrets\":0}]",
	        "with what they have, and the configured one");
	expect_pages("/api/v1/realms", "realms", 4);
	is_int(ASK("GET", "/api/v1/realms", ANNA), 200, "of one's own realm");
	is_json("realms", "[{\"realm\":\"a.org\",\"limits\":{},\"users\":0,\"secrets\":1}]",
	        "that alone");
	is_int(ASK("PUT", "/api/v1/realms/c.org/limits/max-bps", ROOT, .body = "{\"value\": -1}"),
	       400, "less than nothing");
	is_int(ASK("PUT", "/api/v1/realms/c.org/limits/max-bps", ROOT, .body = "{}"), 400,
	       "nothing");
	is_int(ASK("PUT", "/api/v1/realms/c.org/limits/max-kbps", ROOT, .body = "{\"value\": 1}"),
	       404, "no limit that there is");
	is_int(ASK("DELETE", "/api/v1/realms/c.org/limits/max-bps", ROOT), 204, "it is unset");
	is_int(ASK("DELETE", "/api/v1/realms/c.org/limits/max-bps", ROOT), 404, "but once");
	ok(is_audited("root: limit set realm=c.org max-bps=125000\n") &&
	           is_audited("root: limit unset realm=c.org max-bps\n"),
	   "both are audited");
	box.config.realm = NULL;
	call_teardown();
}

static void test_peers(void)
{
	call_setup();
	is_int(ASK("POST", "/api/v1/peers", ROOT,
	           .body = "{\"list\":\"denied\",\"range\":\"192.0.2.0/24\"}"),
	       201, "peers are denied to all");
	is_text(answer_text("range"), "192.0.2.0-192.0.2.255", "and kept as coturn reads them");
	is_int(ASK("POST", "/api/v1/peers", ROOT,
	           .body = "{\"realm\":\"a.org\",\"list\":\"allowed\",\"range\":\"192.0.2.7\"}"),
	       201, "one is allowed to a realm");
	is_int(ASK("POST", "/api/v1/peers", ROOT,
	           .body = "{\"realm\":\"a.org\",\"list\":\"allowed\",\"range\":\"192.0.2.7\"}"),
	       409, "once");
	is_int(ASK("GET", "/api/v1/peers", ROOT), 200, "they are listed");
	is_json("peers",
	        "[{\"realm\":\"\",\"list\":\"denied\",\"range\":\"192.0.2.0-192.0.2.255\"},"
	        "{\"realm\":\"a.org\",\"list\":\"allowed\",\"range\":\"192.0.2.7\"}]",
	        "both");
	expect_pages("/api/v1/peers", "peers", 2);
	is_int(ASK("GET", "/api/v1/peers", ANNA), 200, "of one's own realm");
	is_json("peers", "[{\"realm\":\"a.org\",\"list\":\"allowed\",\"range\":\"192.0.2.7\"}]",
	        "those of it");
	is_int(ASK("POST", "/api/v1/peers", ROOT, .body = "{\"list\":\"x\",\"range\":\"::1\"}"),
	       400, "another list");
	is_int(ASK("POST", "/api/v1/peers", ROOT, .body = "{\"list\":\"denied\",\"range\":\"x\"}"),
	       400, "no range");
	is_int(ASK("POST", "/api/v1/peers/remove", ROOT,
	           .body = "{\"list\":\"denied\",\"range\":\"192.0.2.0/24\"}"),
	       204, "they are removed, in any form");
	is_int(ASK("POST", "/api/v1/peers/remove", ROOT,
	           .body = "{\"list\":\"denied\",\"range\":\"192.0.2.0/24\"}"),
	       404, "but once");
	ok(is_audited("root: peers add realm=(every) list=denied range=192.0.2.0-192.0.2.255\n") &&
	           is_audited("root: peers remove realm=(every) list=denied range=192.0.2.0/24\n"),
	   "which is audited");
	call_teardown();
}

static void test_origins(void)
{
	call_setup();
	is_int(ASK("PUT", "/api/v1/origins", ROOT,
	           .body = "{\"origin\":\"https://WWW.b.org/x\",\"realm\":\"b.org\"}"),
	       200, "an origin is of a realm");
	is_text(answer_text("origin"), "https://www.b.org:443", "in the form that is looked for");
	ASK("PUT", "/api/v1/origins", ROOT,
	    .body = "{\"origin\":\"https://a.org\",\"realm\":\"a.org\"}");
	expect_pages("/api/v1/origins", "origins", 2);
	is_int(ASK("GET", "/api/v1/origins", ANNA), 200, "of one's own realm");
	is_json("origins", "[{\"origin\":\"https://a.org:443\",\"realm\":\"a.org\"}]",
	        "those of it");
	is_int(ASK("PUT", "/api/v1/origins", ROOT, .body = "{\"origin\":\"https://b.org\"}"), 400,
	       "of no realm");
	is_int(ASK("POST", "/api/v1/origins/remove", ROOT,
	           .body = "{\"origin\":\"https://a.org\"}"),
	       204, "it is removed");
	is_int(ASK("POST", "/api/v1/origins/remove", ROOT,
	           .body = "{\"origin\":\"https://a.org\"}"),
	       404, "but once");
	ok(is_audited("root: origin put origin=https://a.org:443 realm=a.org\n") &&
	           is_audited("root: origin delete origin=https://a.org:443\n"),
	   "which is audited");
	call_teardown();
}

static void test_oauth_keys(void)
{
	static const char key[] = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
	char body[256], made[128];

	call_setup();
	snprintf(body, sizeof body, "{\"realm\":\"a.org\",\"lifetime\":60,\"key\":\"%s\"}", key);
	is_int(ASK("PUT", "/api/v1/oauth-keys/north", ROOT, .body = body), 201, "a key is added");
	ok(strstr(box.call.answer, key) == NULL, "it does not come back");
	is_text(answer_text("algorithm"), "A256GCM", "for the algorithm that is usual");
	ok(json_integer_value(json_object_get(box.json, "timestamp")) > 1700000000, "from now on");
	is_int(ASK("PUT", "/api/v1/oauth-keys/south", ROOT, .body = "{\"algorithm\":\"A128GCM\"}"),
	       201, "one is made");
	snprintf(made, sizeof made, "%s", answer_text("key"));
	is_int(strlen(made), 44, "and told");
	is_int(ASK("PUT", "/api/v1/oauth-keys/south", ROOT), 200, "or replaced");
	expect_pages("/api/v1/oauth-keys", "oauth_keys", 2);
	ok(strstr(box.call.answer, made) == NULL && strstr(box.call.answer, key) == NULL,
	   "no list has them");
	is_int(ASK("GET", "/api/v1/oauth-keys", ANNA), 200, "of one's own realm");
	is_int(json_array_size(json_object_get(box.json, "oauth_keys")), 1, "those of it");
	is_int(ASK("PUT", "/api/v1/oauth-keys/x", ROOT, .body = "{\"key\":\"MTIz\"}"), 400,
	       "too short a key");
	is_int(ASK("PUT", "/api/v1/oauth-keys/x", ROOT, .body = "{\"key\":\"!\"}"), 400,
	       "what is no base64");
	is_int(ASK("PUT", "/api/v1/oauth-keys/x", ROOT, .body = "{\"algorithm\":\"DES\"}"), 400,
	       "another algorithm");
	is_int(ASK("PUT", "/api/v1/oauth-keys/x", ROOT, .body = "{\"lifetime\":4294967296}"), 400,
	       "too long a life");
	is_int(ASK("DELETE", "/api/v1/oauth-keys/north", ROOT), 204, "it is removed");
	is_int(ASK("DELETE", "/api/v1/oauth-keys/north", ROOT), 404, "but once");
	ok(is_audited("root: oauth key put kid=north realm=a.org algorithm=A256GCM\n") &&
	           is_audited("root: oauth key delete kid=north\n") &&
	           strstr(box.audits, key) == NULL,
	   "which is audited, without keys");
	call_teardown();
}

/* ---- a realm's administrator ---- */

/* Each as anna of a.org asks about b.org. */
static const struct crossing {
	const char *function, *method, *path, *query, *body, *code;
} crossings[] = {
	{"api_users", "GET", "/api/v1/users", "realm=b.org", NULL, "another-realm"},
	{"api_put_user", "PUT", "/api/v1/users/b.org/zoe", NULL, "{}", "another-realm"},
	{"api_delete_user", "DELETE", "/api/v1/users/b.org/zoe", NULL, NULL, "another-realm"},
	{"api_secrets", "GET", "/api/v1/secrets", "realm=b.org", NULL, "another-realm"},
	{"api_add_secret", "POST", "/api/v1/secrets", NULL, "{\"realm\":\"b.org\"}",
         "another-realm"},
	{"api_delete_secret", "DELETE", "/api/v1/secrets/b.org/MARK", NULL, NULL, "another-realm"},
	{"api_realms", "GET", "/api/v1/realms", "realm=b.org", NULL, "another-realm"},
	{"api_set_limit", "PUT", "/api/v1/realms/b.org/limits/max-bps", NULL, "{\"value\":1}",
         "all-realms-only"},
	{"api_unset_limit", "DELETE", "/api/v1/realms/b.org/limits/max-bps", NULL, NULL,
         "all-realms-only"},
	{"api_peers", "GET", "/api/v1/peers", "realm=b.org", NULL, "another-realm"},
	{"api_add_peers", "POST", "/api/v1/peers", NULL,
         "{\"realm\":\"b.org\",\"list\":\"allowed\",\"range\":\"::1\"}", "all-realms-only"},
	{"api_remove_peers", "POST", "/api/v1/peers/remove", NULL,
         "{\"realm\":\"b.org\",\"list\":\"allowed\",\"range\":\"192.0.2.7\"}", "all-realms-only"},
	{"api_origins", "GET", "/api/v1/origins", "realm=b.org", NULL, "another-realm"},
	{"api_put_origin", "PUT", "/api/v1/origins", NULL,
         "{\"origin\":\"https://b.org\",\"realm\":\"a.org\"}", "all-realms-only"},
	{"api_delete_origin", "POST", "/api/v1/origins/remove", NULL,
         "{\"origin\":\"https://b.org\"}", "all-realms-only"},
	{"api_oauth_keys", "GET", "/api/v1/oauth-keys", "realm=b.org", NULL, "another-realm"},
	{"api_put_oauth_key", "PUT", "/api/v1/oauth-keys/kid", NULL, "{}", "all-realms-only"},
	{"api_delete_oauth_key", "DELETE", "/api/v1/oauth-keys/kid", NULL, NULL, "all-realms-only"},
	{"api_credentials", "POST", "/api/v1/credentials", NULL, "{\"realm\":\"b.org\"}",
         "another-realm"},
	{"api_turn_rest", "GET", "/turn", "service=turn&realm=b.org", NULL, "another-realm"},
	{"api_matrix", "GET", "/_matrix/client/v3/voip/turnServer", "realm=b.org", NULL,
         "another-realm"},
};
enum { CROSSINGS = sizeof crossings / sizeof crossings[0] };

/* All that the realms have, as root sees it. */
static json_t *everything(void)
{
	static const char *const lists[] = {"users", "secrets", "realms",
	                                    "peers", "origins", "oauth-keys"};
	json_t *all = json_array();
	char path[64];

	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		snprintf(path, sizeof path, "/api/v1/%s", lists[i]);
		ASK("GET", path, ROOT);
		json_array_append(all, box.json);
	}
	return all;
}

static void fill_realm_b(char mark[SECRET_MARK_SIZE])
{
	put_user("b.org", "zoe");
	mark_of("b.org", "north", mark);
	ASK("POST", "/api/v1/secrets", ROOT, .body = "{\"realm\":\"b.org\",\"secret\":\"north\"}");
	ASK("PUT", "/api/v1/realms/b.org/limits/max-bps", ROOT, .body = "{\"value\":7}");
	ASK("POST", "/api/v1/peers", ROOT,
	    .body = "{\"realm\":\"b.org\",\"list\":\"allowed\",\"range\":\"192.0.2.7\"}");
	ASK("PUT", "/api/v1/origins", ROOT,
	    .body = "{\"origin\":\"https://b.org\",\"realm\":\"b.org\"}");
	ASK("PUT", "/api/v1/oauth-keys/kid", ROOT, .body = "{\"realm\":\"b.org\"}");
}

static void test_cross_realm(void)
{
	char mark[SECRET_MARK_SIZE], path[128];
	json_t *before, *after;

	call_setup();
	fill_realm_b(mark);
	before = everything();
	for (size_t i = 0; i < CROSSINGS; i++) {
		const struct crossing *crossing = &crossings[i];
		const char *at = strstr(crossing->path, "MARK");

		snprintf(path, sizeof path, "%.*s%s",
		         (int)(at == NULL ? strlen(crossing->path) : (size_t)(at - crossing->path)),
		         crossing->path, at == NULL ? "" : mark);
		is_int(ASK(crossing->method, path, ANNA, .query = crossing->query,
		           .body = crossing->body),
		       403, "%s is refused another realm", crossing->function);
		is_text(answer_text("code"), crossing->code, "for that reason");
	}
	after = everything();
	ok(json_equal(before, after), "and nothing has changed");
	json_decref(before);
	json_decref(after);
	is_int(ASK("PUT", "/api/v1/users/a.org/bob", ANNA), 201,
	       "in one's own realm it is allowed");
	ok(is_audited("anna: user put realm=a.org user=bob\n"), "and audited by one's name");
	is_int(ASK("GET", "/api/v1/users", ANNA), 200, "of a list");
	is_json("users",
	        "[{\"realm\":\"a.org\",\"name\":\"bob\",\"has_md5\":true,\"has_sha256\":true}]",
	        "only the own realm is seen");
	call_teardown();
}

static bool has_crossing(const char *function)
{
	for (size_t i = 0; i < CROSSINGS; i++)
		if (strcmp(crossings[i].function, function) == 0)
			return true;
	return false;
}

/* A route that is added in one of these areas has to be added above. */
static void test_every_route(void)
{
	static const char areas[] = " users secrets realms credentials ";
	char word[64];

	for (size_t i = 0; i < api_route_count; i++) {
		snprintf(word, sizeof word, " %s ", api_routes[i].area);
		if (strstr(areas, word) != NULL &&
		    strcmp(api_routes[i].name, "api_check_peer") != 0)
			ok(has_crossing(api_routes[i].name), "%s is tried from another realm",
			   api_routes[i].name);
	}
}

static void test_store_away(void)
{
	call_setup();
	store_close(box.console.store);
	box.console.store = NULL;
	is_int(ASK("GET", "/api/v1/users", ROOT), 503, "a store that is away");
	is_int(ASK("PUT", "/api/v1/users/a/b", ROOT), 503, "is said so of");
	call_teardown();
}

int main(void)
{
	test_users();
	test_bad_users();
	test_pages();
	test_secrets();
	test_uses();
	test_realms();
	test_peers();
	test_origins();
	test_oauth_keys();
	test_cross_realm();
	test_every_route();
	test_store_away();
	return tap_end();
}
