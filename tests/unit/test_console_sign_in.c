/* Signing in over the interface, what administrators change of their own and of each other, tokens, and the audit log of all that. */
#define CALL_SIGNS_IN
#include "tests/unit/console_call.h"

#include "admin/sign_in_parts.h"
#include "admin/totp.h"
#include "store/console_tokens.h"
#include "store/password_hash.h"

#define PASSWORD "correct horse"

static struct store *take(void *context)
{
	return console_take_store(context);
}
static void release(void *context)
{
	console_release_store(context);
}

static timestamp now = 1000000;
static timestamp clock_of_test(void *context)
{
	(void)context;
	return now;
}

static void administrator_make(const char *name, const char *realm)
{
	struct store_administrator administrator = {.name = ""};
	char hash[PASSWORD_HASH_SIZE]; /* another one each time */

	snprintf(administrator.name, sizeof administrator.name, "%s", name);
	snprintf(administrator.realm, sizeof administrator.realm, "%s", realm);
	if (password_hash_make(PASSWORD, hash) != OK)
		printf("Bail out! no hash\n"), exit(1);
	snprintf(administrator.password, sizeof administrator.password, "%s", hash);
	if (store_administrator_put(box.console.store, &administrator) != OK)
		printf("Bail out! no administrator\n"), exit(1);
}

static void setup(void)
{
	const struct sign_in_settings settings = {
		.idle_s = 100000,
		.life_s = 1000000,
		.count_max = 100,
		.take_store = take,
		.release_store = release,
		.context = &box.console,
		.clock = clock_of_test,
	};

	call_setup();
	if (sign_in_create(&settings, &box.console.sign_in) != OK)
		printf("Bail out! no memory\n"), exit(1);
	administrator_make("root", "");
	administrator_make("anna", "a.org");
}

static void teardown(void)
{
	sign_in_destroy(box.console.sign_in);
	call_teardown();
}

/* ---- who is signed in ---- */

struct signed_in {
	char cookie[80], csrf[80];
};

/* 192.0.2.N. */
static struct transport_addr from(unsigned n)
{
	struct transport_addr address;
	char text[32];

	snprintf(text, sizeof text, "192.0.2.%u", n);
	if (addr_parse(text, 0, &address) != OK)
		printf("Bail out! %s\n", text), exit(1);
	return address;
}

static unsigned try(const char *name, const char *password, const char *more, unsigned n)
{
	char body[512];

	snprintf(body, sizeof body, "{\"name\":\"%s\",\"password\":\"%s\"%s}", name, password,
	         more);
	return ASK("POST", "/api/v1/sign-in", .body = body, .client = from(n));
}

static struct signed_in take_cookie(void)
{
	struct signed_in signed_in = {.cookie = ""};
	const char *at = strstr(box.call.headers, "Set-Cookie: __Host-turnstone=");

	if (at != NULL)
		snprintf(signed_in.cookie, sizeof signed_in.cookie, "%.64s",
		         at + strlen("Set-Cookie: __Host-turnstone="));
	snprintf(signed_in.csrf, sizeof signed_in.csrf, "%s", answer_text("csrf"));
	return signed_in;
}

/* Without the slow hash. */
static struct signed_in sign_in(const char *name)
{
	struct principal who = {.has_totp = false};
	struct store_administrator administrator;
	struct signed_in signed_in;

	snprintf(who.name, sizeof who.name, "%s", name);
	if (store_administrator_find(box.console.store, name, &administrator) != OK)
		printf("Bail out! there is no %s\n", name), exit(1);
	snprintf(who.realm, sizeof who.realm, "%s", administrator.realm);
	if (sign_in_begin(box.console.sign_in, &administrator, signed_in.cookie, &who) != OK)
		printf("Bail out! no memory\n"), exit(1);
	snprintf(signed_in.csrf, sizeof signed_in.csrf, "%s", who.csrf);
	return signed_in;
}

#define AS(by) .who = (by).cookie, .csrf = (by).csrf, .client = from(1)
#define ME(by) ASK("GET", "/api/v1/me", AS(by))

static bool has_header(const char *text)
{
	if (strstr(box.call.headers, text) != NULL)
		return true;
	printf("# no %s in %s\n", text, box.call.headers);
	return false;
}

static bool says(const char *text)
{
	if (strstr(box.call.answer, text) != NULL)
		return true;
	printf("# no %s in %s\n", text, box.call.answer);
	return false;
}

/* ---- tests ---- */

static void test_sign_in(void)
{
	struct signed_in root, again;

	is_int(try("root", "wrong", "", 2), 401, "a wrong password");
	ok(says("wrong-credentials") && strstr(box.call.headers, "Set-Cookie") == NULL,
	   "is refused without a cookie");
	is_int(try("nobody", PASSWORD, "", 2), 401, "an unknown name");
	ok(says("wrong-credentials"), "is refused with the same words");
	is_int(ASK("POST", "/api/v1/sign-in", .body = "{\"name\":\"root\"}", .client = from(2)),
	       400, "no password");
	is_int(try("root", PASSWORD, "", 1), 200, "the right one");
	ok(has_header("; Path=/; HttpOnly; SameSite=Strict; Secure\n"), "gives a cookie");
	ok(strstr(box.call.headers, "Domain") == NULL && strstr(box.call.headers, "Age") == NULL,
	   "of this host, and until the browser ends");
	root = take_cookie();
	is_text(answer_text("name"), "root", "me");
	ok(says("\"realm\":\"\"") && says("\"has_codes\":false") && says("\"version\":\"") &&
	           says("\"signaling\":false") && says("\"signed_in\":1"),
	   "with all there is");
	is_int(ME(root), 200, "the cookie is known");
	is_text(answer_text("csrf"), root.csrf, "with the same CSRF token");
	is_int(ASK("POST", "/api/v1/sign-in",
	           .body = "{\"name\":\"root\",\"password\":\"" PASSWORD "\"}", AS(root)),
	       200, "signing in once more");
	again = take_cookie();
	is_int(ME(root), 401, "ends the sign-in before");
	is_int(ASK("POST", "/api/v1/sign-out", .who = again.cookie, .csrf = "x"), 403,
	       "nobody is signed out by another page");
	is_int(ASK("POST", "/api/v1/sign-out", AS(again)), 204, "signing out");
	ok(has_header("Set-Cookie: __Host-turnstone=; Path=/; HttpOnly; SameSite=Strict; Secure; "
	              "Max-Age=0"),
	   "takes the cookie back");
	is_int(ME(again), 401, "which is nobody's now");
	box.console.is_plain = true;
	is_int(try("root", PASSWORD, "", 1), 200, "behind a reverse proxy");
	ok(has_header("Set-Cookie: turnstone=") && strstr(box.call.headers, "Secure") == NULL,
	   "the cookie is a plain one");
	box.console.is_plain = false;
	root = sign_in("root");
	again = sign_in("root");
	is_int(ASK("POST", "/api/v1/sign-out-everywhere", AS(root)), 204, "signing out everywhere");
	ok(ME(root) == 401 && ME(again) == 401, "ends all");
}

static void test_slowed(void)
{
	unsigned status = 401, count = 0;

	while (status == 401 && count < 30) {
		status = try("victim", "wrong", "", 9);
		count += status == 401;
	}
	is_int(status, 429, "who guesses has to wait");
	is_int(count, 5, "after five");
	ok(has_header("Retry-After: 1\n") && says("too-many-attempts"), "as long as is said");
}

static void test_password(void)
{
	struct signed_in anna = sign_in("anna"), other = sign_in("anna");

	is_int(ASK("PUT", "/api/v1/me/password", AS(anna),
	           .body = "{\"old\":\"wrong\",\"new\":\"battery staple\"}"),
	       403, "the old password has to be shown");
	ok(says("wrong-password"), "as is said");
	is_int(ASK("PUT", "/api/v1/me/password", AS(anna),
	           .body = "{\"old\":\"" PASSWORD
	                   "\",\"new\":\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"}"),
	       400, "four characters are too few, whatever bytes they have");
	is_int(ASK("PUT", "/api/v1/me/password", AS(anna),
	           .body = "{\"old\":\"" PASSWORD "\",\"new\":\"battery staple\"}"),
	       204, "a new one");
	is_int(ME(anna), 200, "this sign-in goes on");
	is_int(ME(other), 401, "others end");
	is_int(try("anna", PASSWORD, "", 1), 401, "the old one is none");
	is_int(try("anna", "battery staple", "", 1), 200, "the new one is");
	now += 10000;
	is_int(ME(anna), 200, "the store agrees");
	administrator_make("anna", "a.org");
	now += 10000;
	is_int(ME(anna), 401, "until somebody else changes it");
}

static void test_codes(void)
{
	struct signed_in anna = sign_in("anna"), other = sign_in("anna");
	char body[128], code[TOTP_CODE_SIZE];
	struct store_totp totp;

	is_int(ASK("PUT", "/api/v1/me/totp", AS(anna), .body = "{\"code\":\"123456\"}"), 409,
	       "no secret was made");
	is_int(ASK("POST", "/api/v1/me/totp", AS(anna), .body = "{}"), 400, "without the password");
	is_int(ASK("POST", "/api/v1/me/totp", AS(anna), .body = "{\"password\":\"wrong\"}"), 403,
	       "or by a wrong one none is");
	is_int(ASK("POST", "/api/v1/me/totp", AS(anna), .body = "{\"password\":\"" PASSWORD "\"}"),
	       200, "by the right one it is");
	is_int(strlen(answer_text("secret")), 32, "in base32");
	ok(strncmp(answer_text("uri"), "otpauth://totp/turnstone:anna?secret=", 37) == 0 &&
	           strstr(answer_text("uri"), answer_text("secret")) != NULL,
	   "and as a link");
	is_int(ASK("PUT", "/api/v1/me/totp", AS(anna), .body = "{\"code\":\"12345\"}"), 400,
	       "a wrong code");
	is_int(store_totp_find(box.console.store, "anna", &totp), ERR_NOT_FOUND, "begins nothing");
	is_int(ASK("PUT", "/api/v1/me/totp", AS(other), .body = "{\"code\":\"123456\"}"), 409,
	       "another sign-in has no secret");
	if (!sign_in_kept_secret(box.console.sign_in, anna.cookie, totp.secret) ||
	    totp_code(totp.secret, timestamp_wall_ms() / 1000 / TOTP_STEP_S, code) != OK)
		printf("Bail out! no code\n"), exit(1);
	snprintf(body, sizeof body, "{\"code\":\"%s\"}", code);
	is_int(ASK("PUT", "/api/v1/me/totp", AS(anna), .body = body), 204, "the right one");
	ok(ME(anna) == 200 && says("\"has_codes\":true"), "begins them at once");
	is_int(try("anna", PASSWORD, "", 1), 401, "the password alone");
	ok(says("code-needed"), "is not enough");
	snprintf(body, sizeof body, ",\"code\":\"%s\"", code);
	is_int(try("anna", PASSWORD, body, 1), 401, "nor is the code that was shown");
	is_int(ASK("DELETE", "/api/v1/me/totp", AS(anna)), 400, "they are not ended");
	is_int(ASK("DELETE", "/api/v1/me/totp", AS(anna), .body = "{\"password\":\"wrong\"}"), 403,
	       "without the password");
	is_int(ASK("DELETE", "/api/v1/me/totp", AS(anna),
	           .body = "{\"password\":\"" PASSWORD "\"}"),
	       204, "but with it");
	ok(ME(anna) == 200 && says("\"has_codes\":false"), "at once");
	is_int(try("anna", PASSWORD, "", 1), 200, "the password is enough again");
}

static void test_administrators(void)
{
	struct signed_in root = sign_in("root"), anna = sign_in("anna"), bert;

	is_int(ASK("GET", "/api/v1/administrators", AS(anna)), 403, "of a realm one sees none");
	is_int(ASK("PUT", "/api/v1/administrators/anna", AS(anna), .body = "{\"realm\":\"\"}"), 403,
	       "nor makes oneself more");
	is_int(ASK("PUT", "/api/v1/administrators/bert", AS(root), .body = "{}"), 400,
	       "a new one has a password");
	is_int(ASK("PUT", "/api/v1/administrators/bert", AS(root),
	           .body = "{\"password\":\"short\"}"),
	       400, "that is not short");
	is_int(ASK("PUT", "/api/v1/administrators/bert", AS(root),
	           .body = "{\"password\":\"" PASSWORD "\",\"realm\":\"b.org\"}"),
	       201, "one is made");
	ok(says("\"realm\":\"b.org\"") && !strstr(box.call.answer, "scrypt"),
	   "and described without the password");
	bert = sign_in("bert");
	is_int(ASK("GET", "/api/v1/administrators", AS(root)), 200, "all");
	is_text(answer_list("administrators"),
	        "[{\"name\":\"root\",\"realm\":\"\",\"has_codes\":false,\"is_weak\":false},"
	        "{\"name\":\"anna\",\"realm\":\"a.org\",\"has_codes\":false,\"is_weak\":false},"
	        "{\"name\":\"bert\",\"realm\":\"b.org\",\"has_codes\":false,\"is_weak\":false}]",
	        "are listed by realm");
	is_text(answer_list("next"), "null", "on one page");
	is_int(ASK("GET", "/api/v1/administrators", AS(root), .query = "limit=2"), 200, "two");
	is_text(answer_text("next"), "a.org\nanna", "are behind which there is more");
	is_int(ASK("GET", "/api/v1/administrators", AS(root),
	           .query = "limit=2&after=a.org%0Aanna"),
	       200, "the rest");
	ok(says("bert") && !strstr(box.call.answer, "anna"), "is on the next page");
	is_int(ASK("GET", "/api/v1/administrators", AS(root), .query = "limit=501"), 400,
	       "a page is bounded");
	is_int(ASK("PUT", "/api/v1/administrators/bert", AS(root), .body = "{\"realm\":\"c.org\"}"),
	       200, "another realm");
	is_int(ME(bert), 401, "ends his sign-ins");
	is_int(try("bert", PASSWORD, "", 1), 200, "the password stays");
	is_int(ASK("PUT", "/api/v1/administrators/root", AS(root), .body = "{\"realm\":\"x\"}"),
	       409, "the last one of all realms stays so");
	is_int(ASK("DELETE", "/api/v1/administrators/root", AS(root)), 409, "and there");
	bert = sign_in("bert");
	is_int(ASK("DELETE", "/api/v1/administrators/bert", AS(root)), 204, "another is removed");
	is_int(ME(bert), 401, "and out");
	is_int(ASK("DELETE", "/api/v1/administrators/bert", AS(root)), 404, "once");
	is_int(ASK("PUT", "/api/v1/administrators/zoe", AS(root),
	           .body = "{\"password\":\"" PASSWORD "\"}"),
	       201, "a second one of all realms");
	is_int(ASK("DELETE", "/api/v1/administrators/root", AS(root)), 204,
	       "lets the first one go");
	administrator_make("root", "");
}

static void test_tokens(void)
{
	struct signed_in root = sign_in("root"), anna = sign_in("anna");
	char token[CONSOLE_TOKEN_SIZE];

	is_int(ASK("POST", "/api/v1/tokens", AS(anna),
	           .body = "{\"name\":\"bot\",\"scopes\":[\"users:read\"]}"),
	       403, "of a realm one makes none");
	is_int(ASK("POST", "/api/v1/tokens", AS(root), .body = "{\"name\":\"bot\",\"scopes\":[]}"),
	       400, "one is for something");
	is_int(ASK("POST", "/api/v1/tokens", AS(root),
	           .body = "{\"name\":\"bot\",\"scopes\":[\"users:fly\"]}"),
	       400, "that there is");
	is_int(ASK("POST", "/api/v1/tokens", AS(root),
	           .body = "{\"name\":\"b t\",\"scopes\":[\"administrators:read\"]}"),
	       400, "and has a plain name");
	is_int(ASK("POST", "/api/v1/tokens", AS(root),
	           .body = "{\"name\":\"bot\",\"scopes\":[\"administrators:read\"],"
	                   "\"lifetime\":3600}"),
	       201, "one is made");
	snprintf(token, sizeof token, "%s", answer_text("token"));
	is_int(strlen(token), 64, "and told");
	is_int(json_integer_value(json_object_get(box.json, "expires")) -
	               json_integer_value(json_object_get(box.json, "created")),
	       3600, "it ends");
	is_int(ASK("GET", "/api/v1/tokens", .key = token), 200, "it is good");
	ok(says("\"scopes\":[\"administrators:read\"]") && !strstr(box.call.answer, token),
	   "and not told again");
	is_int(ASK("DELETE", "/api/v1/tokens/bot", .key = token), 403, "to read alone");
	is_int(ASK("GET", "/api/v1/me", .key = token), 403, "and is no administrator");
	is_int(ASK("POST", "/api/v1/tokens", AS(root),
	           .body = "{\"name\":\"bot\",\"scopes\":[\"users:read\"]}"),
	       409, "of that name there is one");
	is_int(ASK("DELETE", "/api/v1/tokens/bot", AS(root)), 204, "it is removed");
	is_int(ASK("GET", "/api/v1/tokens", .key = token), 401, "and nothing at once");
	is_int(ASK("DELETE", "/api/v1/tokens/bot", AS(root)), 404, "once");
}

/* All that the tests before have changed. */
static void test_audit(void)
{
	struct signed_in root = sign_in("root"), anna = sign_in("anna");
	char query[64];

	is_int(ASK("GET", "/api/v1/audit", AS(anna)), 403, "of a realm one does not see it");
	is_int(ASK("GET", "/api/v1/audit", AS(root), .query = "limit=2"), 200, "the audit log");
	ok(says("\"what\":\"token delete\",\"on\":\"name=bot\"") &&
	           says("\"who\":\"root\",\"from\":\"192.0.2.1\"") &&
	           says("\"on\":\"name=bot realm= scopes=administrators:read\""),
	   "has the newest first");
	ok(!strstr(box.call.answer, "administrator delete"), "as many as are wanted");
	snprintf(query, sizeof query, "after=%s", answer_text("next"));
	is_int(ASK("GET", "/api/v1/audit", AS(root), .query = query), 200, "and the rest");
	ok(says("administrator delete") && says("administrator add") && says("own codes begun") &&
	           says("own codes ended") && says("own password set"),
	   "of all that was changed");
	ok(!strstr(box.call.answer, PASSWORD) && !strstr(box.call.answer, "scrypt"),
	   "without a password");
	is_int(ASK("GET", "/api/v1/audit", AS(root), .query = "after=x"), 400, "no number");
}

static void test_store_away(void)
{
	struct signed_in root = sign_in("root");
	struct store *store = box.console.store;

	box.console.store = NULL;
	is_int(try("root", PASSWORD, "", 1), 503, "a store that is away");
	is_int(ASK("GET", "/api/v1/administrators", AS(root)), 503, "is told");
	is_int(ASK("PUT", "/api/v1/administrators/x", AS(root),
	           .body = "{\"password\":\"" PASSWORD "\"}"),
	       503, "each time");
	now += 10000;
	is_int(ME(root), 200, "and ends no sign-in");
	box.console.store = store;
}

int main(void)
{
	setup();
	test_sign_in();
	test_slowed();
	test_password();
	test_codes();
	test_administrators();
	test_tokens();
	test_audit();
	test_store_away();
	teardown();
	return tap_end();
}
