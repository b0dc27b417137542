/* Time-limited credentials by the console's interface, in three shapes: what they are made of, for whom, for how long, and where to. */
#include "console_call.h"

#include <time.h>

#include "store/time_limited.h"

#define ROOT  .who = "root"
#define ANNA  .who = "anna"
#define ROBOT .key = "token"

static char *uris[] = {"zone=a turn:turn.example.org:3478?transport=udp",
                       "turns:turn.example.org:443?transport=tcp"};

static void setup(void)
{
	call_setup();
	box.config = (struct config){
		.realm = "home.org",
		.turn_credentials_lifetime = 3600,
		.turn_uri = {.item = uris, .count = 2},
	};
}

static void add_secret(const char *realm, const char *secret)
{
	if (store_secret_add(box.console.store, realm, secret) != OK)
		printf("Bail out! %s\n", store_problem(box.console.store)), exit(1);
}

/* Whether the last answer's password is that of its username under a secret. */
static bool is_made_with(const char *secret)
{
	char right[TIME_LIMITED_PASSWORD_SIZE];
	struct stun_hasher *hasher;

	if (stun_hasher_create(&hasher) != OK)
		return false;
	time_limited_password(hasher, secret, answer_text("username"), right);
	stun_hasher_destroy(hasher);
	return strcmp(answer_text("password"), right) == 0;
}

/* What stands behind the time of the last answer's username. */
static const char *name_behind_time(void)
{
	const char *colon = strchr(answer_text("username"), ':');

	return colon == NULL ? "" : colon + 1;
}

static bool expires_in(long seconds)
{
	long left = strtol(answer_text("username"), NULL, 10) - time(NULL);

	return left >= seconds - 2 && left <= seconds &&
	       json_integer_value(json_object_get(box.json, "ttl")) == seconds;
}

static void test_ours(void)
{
	setup();
	is_int(ASK("POST", "/api/v1/credentials", ROOT), 409, "a realm without a secret");
	is_text(answer_text("code"), "no-secret", "is said to have none");
	add_secret("home.org", "old");
	add_secret("home.org", "new");
	is_int(ASK("POST", "/api/v1/credentials", ROOT, .body = "{\"user\":\"zoe\",\"ttl\":60}"),
	       200, "credentials");
	is_text(name_behind_time(), "zoe", "for a user");
	ok(expires_in(60), "for a time");
	ok(is_made_with("new"), "are made with the newest secret");
	is_text(answer_text("realm"), "home.org", "of the server's own realm");
	is_text(answer_list("uris"),
	        "[\"turn:turn.example.org:3478?transport=udp\","
	        "\"turns:turn.example.org:443?transport=tcp\"]",
	        "with the URIs that are configured");
	is_int(ASK("POST", "/api/v1/credentials", ROOT), 200, "without a user");
	is_text(name_behind_time(), "root", "they are of who asks");
	ok(expires_in(3600), "as long as is configured");
	ok(strstr(box.audits, "root: credentials make realm=home.org username=") != NULL,
	   "what a person made is audited");
	ok(strstr(box.audits, answer_text("password")) == NULL, "without the password");
	call_teardown();
}

static void test_realms(void)
{
	setup();
	add_secret("a.org", "north");
	is_int(ASK("POST", "/api/v1/credentials", ANNA, .body = "{\"user\":\"zoe@home.org\"}"), 200,
	       "of a realm of one's own");
	is_text(name_behind_time(), "zoe%40home.org@a.org", "the name says which, and no other");
	ok(is_made_with("north"), "with its secret");
	is_int(ASK("POST", "/api/v1/credentials", ROOT, .body = "{\"realm\":\"a.org\"}"), 200,
	       "root may ask for any");
	is_text(answer_text("realm"), "a.org", "realm");
	call_teardown();
}

static void test_static_secrets(void)
{
	char *fixed[] = {"first", "second"};

	setup();
	box.config.static_auth_secret = (struct text_list){.item = fixed, .count = 2};
	add_secret("a.org", "north");
	is_int(ASK("POST", "/api/v1/credentials", ROOT), 200, "with a static secret");
	ok(is_made_with("first"), "it is the first of them");
	is_int(ASK("POST", "/api/v1/credentials", ANNA), 200, "a realm that has one itself");
	ok(is_made_with("north"), "goes by that");
	call_teardown();
}

static void test_tenants(void)
{
	struct store_tenant tenant = {.name = "acme",
	                              .realm = "a.org",
	                              .secret = "0123456789abcdef",
	                              .credentials_ttl_s = 120};
	struct store_tenant other = {.name = "other", .realm = "b.org"};

	setup();
	add_secret("a.org", "north");
	add_secret("b.org", "south");
	ok(store_tenant_put(box.console.store, &tenant) == OK &&
	           store_tenant_put(box.console.store, &other) == OK,
	   "tenants");
	is_int(ASK("POST", "/api/v1/credentials", ROOT, .body = "{\"tenant\":\"acme\"}"), 200,
	       "of a tenant");
	ok(is_made_with("north"), "they are of the tenant's realm");
	ok(expires_in(120), "as long as the tenant's are");
	is_int(ASK("POST", "/api/v1/credentials", ROOT, .body = "{\"tenant\":\"acme\",\"ttl\":30}"),
	       200, "or less");
	ok(expires_in(30), "as is asked");
	is_int(ASK("POST", "/api/v1/credentials", ROOT, .body = "{\"tenant\":\"nobody\"}"), 404,
	       "no such tenant");
	is_int(ASK("POST", "/api/v1/credentials", ANNA, .body = "{\"tenant\":\"other\"}"), 404,
	       "one of another realm is as good as none");
	is_int(ASK("POST", "/api/v1/credentials", ROOT,
	           .body = "{\"tenant\":\"acme\",\"realm\":\"b.org\"}"),
	       404, "also to root, who asks for both");
	call_teardown();
}

static void test_bounds(void)
{
	setup();
	add_secret("home.org", "new");
	is_int(ASK("POST", "/api/v1/credentials", ROOT, .body = "{\"ttl\":0}"), 400, "no time");
	is_int(ASK("POST", "/api/v1/credentials", ROOT, .body = "{\"ttl\":86401}"), 400,
	       "more than a day");
	is_int(ASK("POST", "/api/v1/credentials", ROOT, .body = "{\"user\":\"a\\u0001\"}"), 400,
	       "a control character");
	is_int(ASK("GET", "/turn", ROBOT, .query = "service=turn&ttl=86401"), 400,
	       "the draft's too");
	is_int(ASK("GET", "/turn", ROBOT, .query = "service=turn&username=%ff"), 400, "no UTF-8");
	is_int(ASK("POST", "/api/v1/credentials", .body = "{}"), 401, "nobody gets any");
	call_teardown();
}

static void test_draft(void)
{
	setup();
	add_secret("a.org", "north");
	is_int(ASK("GET", "/turn", .query = "service=turn&username=zoe&ttl=60&key=token"), 200,
	       "with the token as the draft has it");
	is_text(name_behind_time(), "zoe@a.org", "for a user of the token's realm");
	ok(is_made_with("north") && expires_in(60), "by its secret, for a time");
	is_int(json_object_size(box.json), 4, "four members");
	is_int(json_array_size(json_object_get(box.json, "uris")), 2, "one are URIs");
	is_int(ASK("GET", "/turn", ROBOT, .query = "service=turn"), 200, "with a header");
	is_text(name_behind_time(), "robot@a.org", "and no user");
	is_int(ASK("GET", "/turn", .query = "service=turn&key=guess"), 401, "another token");
	is_int(ASK("GET", "/turn", .query = "service=turn"), 401, "none");
	is_int(ASK("GET", "/turn", ROBOT, .query = "service=stun"), 400, "another service");
	is_int(ASK("POST", "/api/v1/credentials", .query = "key=token", .body = "{}"), 401,
	       "elsewhere a token in the address counts for nothing");
	is_text(box.audits, "", "what machines ask for all day is not audited");
	call_teardown();
}

static void test_matrix(void)
{
	setup();
	add_secret("a.org", "north");
	is_int(ASK("GET", "/_matrix/client/v3/voip/turnServer", ROBOT), 200, "as Matrix has it");
	ok(is_made_with("north") && expires_in(3600), "the same");
	is_int(json_object_size(box.json), 4, "four members");
	call_teardown();
}

static void expect_uris(const char *host, const char *options, const char *wanted, const char *what)
{
	char says[1024];

	snprintf(says, sizeof says,
	         "{\"options\":[{\"name\":\"listening-port\",\"value\":\"3478\"},"
	         "{\"name\":\"tls-listening-port\",\"value\":\"5349\"},"
	         "{\"name\":\"udp\",\"value\":\"yes\"}%s]}",
	         options);
	box.relay_says = says;
	is_int(ASK("POST", "/api/v1/credentials", ROOT, .host = host), wanted == NULL ? 503 : 200,
	       "%s", what);
	is_text(box.relay_asked, "get \n", "the relay is asked");
	if (wanted != NULL)
		is_text(answer_list("uris"), wanted, "and these are the URIs");
	box.relay_says = NULL;
}

static void test_uris(void)
{
#define VALUE(name, value) ",{\"name\":\"" name "\",\"value\":\"" value "\"}"
	setup();
	box.config.turn_uri.count = 0;
	add_secret("home.org", "new");
	is_int(ASK("POST", "/api/v1/credentials", ROOT), 503, "no URIs, and no relay");
	expect_uris("console.org:8080", VALUE("tcp", "yes") VALUE("tls", "yes"),
	            "[\"turn:console.org:3478?transport=udp\","
	            "\"turn:console.org:3478?transport=tcp\"]",
	            "a relay at every address");
	expect_uris("console.org", VALUE("listening-ip", "0.0.0.0, 192.0.2.1, 2001:db8::1"),
	            "[\"turn:192.0.2.1:3478?transport=udp\","
	            "\"turn:[2001:db8::1]:3478?transport=udp\"]",
	            "one at two addresses");
	expect_uris("console.org",
	            VALUE("listening-ip", "10.0.0.1") VALUE("external-ip", "192.0.2.9/10.0.0.1"),
	            "[\"turn:192.0.2.9:3478?transport=udp\"]", "one behind a public address");
	expect_uris("[::1]:8080", VALUE("tls", "yes") VALUE("cert", "c.pem") VALUE("pkey", "k.pem"),
	            "[\"turn:[::1]:3478?transport=udp\",\"turns:[::1]:5349?transport=tcp\"]",
	            "one with a certificate");
	expect_uris("a b\"<", "", NULL, "a host that is none");
	expect_uris(NULL, "", NULL, "or no host at all");
	call_teardown();
}

int main(void)
{
	test_ours();
	test_realms();
	test_static_secrets();
	test_tenants();
	test_bounds();
	test_draft();
	test_matrix();
	test_uris();
	return tap_end();
}
