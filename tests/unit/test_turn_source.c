/* TURN credentials of our own secrets: what turnserver takes, for whom, until when; zones, and which is near. */
#include <openssl/hmac.h>

#include "authority_fixture.h"
#include "base/bytes.h"
#include "signaling/turn_source.h"
#include "signaling/zones.h"
#include "store/tenancy.h"

static const uint64_t now_ms = 1800000000000;

struct made {
	struct config *config;
	struct tenancy *tenancy;
	struct authority *authority;
	struct zones *zones;
	struct turn_source *source;
};

static void make(struct made *made, const char *text, struct store *store)
{
	enum option_id about;
	char problem[256] = "";

	*made = (struct made){.config = config_of(text), .tenancy = tenancy_of(store)};
	if (authority_create(made->config, made->tenancy, &made->authority, problem) != OK ||
	    zones_create(made->config, &made->zones, problem, &about) != OK ||
	    turn_source_create(made->config, made->authority, made->tenancy, made->zones,
	                       &made->source, problem) != OK)
		give_up(problem);
}

static void unmake(struct made *made)
{
	turn_source_destroy(made->source);
	zones_destroy(made->zones);
	authority_destroy(made->authority);
	tenancy_destroy(made->tenancy);
	config_destroy(made->config);
}

static enum err issue(const struct made *made, const char *tenant, const char *user,
                      const char *session, const char *address, struct turn_credentials_room *room)
{
	struct identity identity = {.permissions = MAY_JOIN};

	snprintf(identity.tenant, sizeof identity.tenant, "%s", tenant);
	snprintf(identity.user, sizeof identity.user, "%s", user);
	return turn_source_issue(made->source, &identity, session, address, now_ms, room);
}

static bool is_password(const struct turn_credentials *credentials, const char *secret)
{
	uint8_t mac[20];
	char right[BASE64_SIZE(20)];

	HMAC(EVP_sha1(), secret, (int)strlen(secret), (const uint8_t *)credentials->username,
	     strlen(credentials->username), mac, NULL);
	base64_put(mac, sizeof mac, true, right);
	return strcmp(right, credentials->password) == 0;
}

static void test_own(void)
{
	struct turn_credentials_room room;
	const struct turn_credentials *credentials = &room.credentials;
	struct store_revocation revocation;
	struct made made;

	make(&made,
	     "static-auth-secret=newest\nstatic-auth-secret=before\nrealm=example.org\n"
	     "turn-uri=turn:a.example.org:3478?transport=udp\nturn-uri=turns:a.example.org\n"
	     "stun-uri=stun:a.example.org\n",
	     NULL);
	is_int(issue(&made, "default", "anna", "SESSION", "", &room), OK, "credentials");
	is_text(credentials->username, "1800003600:anna:SESSION", "their name");
	ok(is_password(credentials, "newest"), "their password is of the first secret");
	is_int(credentials->ttl_s, 3600, "how long");
	is_int(credentials->zone_count, 1, "a zone");
	is_text(credentials->zones[0].id, "", "without a name");
	is_int(credentials->zones[0].uri_count, 2, "its URIs");
	is_text(credentials->zones[0].uris[1], "turns:a.example.org", "in order");
	is_text(credentials->stun_uris[0], "stun:a.example.org", "STUN");
	is_text(credentials->geo_uri, "", "nowhere to ask");
	ok(turn_source_revocation(made.source, credentials->username, &revocation) &&
	           revocation.expires_s == 1800003600,
	   "they can be revoked until they expire");
	is_int(issue(&made, "default", "", "", "", &room), OK, "for nobody in particular");
	is_text(credentials->username, "1800003600:default", "in the name of the tenant");
	is_int(issue(&made, "other", "", "", "", &room), ERR_UNAVAILABLE, "a tenant there is not");
	is_int(issue(&made, "default", "a@example.net", "", "", &room), OK, "a user with an @");
	is_text(credentials->username, "1800003600:a%40example.net", "is of no other realm");
	char user[USER_NAME_MAX + 1];
	for (size_t i = 0; i + 2 < sizeof user; i += 2)
		memcpy(user + i, "\xc3\xa4", 3);
	is_int(issue(&made, "default", user, "", "", &room), OK, "a long user");
	ok((strlen(credentials->username) - 11) % 2 == 0 && strlen(credentials->username) < 200,
	   "is cut between characters");
	struct identity identity = {.tenant = "default", .expires_ms = now_ms + 90500};
	is_int(turn_source_issue(made.source, &identity, "", "", now_ms, &room), OK,
	       "who is let in until a time");
	is_int(credentials->ttl_s, 90, "relays until then");
	identity.expires_ms = now_ms;
	is_int(turn_source_issue(made.source, &identity, "", "", now_ms, &room), ERR_UNAVAILABLE,
	       "and not later");
	unmake(&made);
	make(&made, "static-auth-secret=s\n", NULL);
	is_int(issue(&made, "default", "", "", "", &room), ERR_UNAVAILABLE, "no URI");
	unmake(&made);
	make(&made, "turn-uri=turn:a\n", NULL);
	is_int(issue(&made, "default", "", "", "", &room), ERR_UNAVAILABLE, "no secret");
	unmake(&made);
}

static void test_tenants(const struct test_files *files)
{
	struct turn_credentials_room room;
	const struct turn_credentials *credentials = &room.credentials;
	struct store *store;
	struct made made;
	char problem[256];

	if (store_open(files->database, true, &store, problem) != OK)
		give_up(problem);
	ok(store_tenant_put(store, &(struct store_tenant){.name = "acme",
	                                                  .realm = "acme.example",
	                                                  .credentials_ttl_s = 60}) == OK &&
	           store_tenant_put(store, &(struct store_tenant){.name = "none",
	                                                          .realm = "none.example"}) == OK &&
	           store_secret_add(store, "acme.example", "z old") == OK &&
	           store_secret_add(store, "acme.example", "a new") == OK &&
	           store_secret_add(store, "example.org", "of the server") == OK,
	   "secrets of realms");
	make(&made, "realm=example.org\nturn-uri=turn:a\n", store);
	is_int(issue(&made, "acme", "u", "S", "", &room), OK, "a tenant with a realm");
	is_text(credentials->username, "1800000060:u:S@acme.example", "has it in the name");
	ok(is_password(credentials, "a new"), "and its newest secret");
	is_int(credentials->ttl_s, 60, "and its lifetime");
	is_int(issue(&made, "default", "u", "", "", &room), OK, "the default one");
	ok(is_password(credentials, "of the server"), "has the server's");
	is_int(issue(&made, "none", "u", "", "", &room), ERR_UNAVAILABLE,
	       "a realm without secrets has no other's");
	unmake(&made);
	store_close(store);
}

#define OF_ONE_URI "realm=example.org\nturn-uri=turn:a\n"

/* Whether those of acme and of the default tenant would get others by another store or configuration. */
static void differs(const struct made *before, const char *text, struct store *store, bool for_acme,
                    bool for_default, const char *name)
{
	struct made now;

	make(&now, text, store);
	ok(turn_source_differs(before->source, now.source, "acme", "") == for_acme, "acme: %s",
	   name);
	ok(turn_source_differs(before->source, now.source, "default", "") == for_default,
	   "default: %s", name);
	unmake(&now);
}

static bool knows(const struct made *made, const char *secret)
{
	struct turn_credentials_room room;
	struct made other;
	char text[128];

	snprintf(text, sizeof text, "static-auth-secret=%s\n" OF_ONE_URI, secret);
	make(&other, text, NULL);
	if (issue(&other, "default", "u", "", "", &room) != OK)
		give_up("no credentials");
	unmake(&other);
	return turn_source_knows(made->source, room.credentials.username, room.credentials.password,
	                         now_ms);
}

static void test_rotation(const struct test_files *files)
{
	struct turn_credentials_room room;
	struct store *store;
	struct made before, during;
	char problem[256], path[256], text[512];

	if (store_open(files->database, true, &store, problem) != OK)
		give_up(problem);
	make(&before, OF_ONE_URI, store);
	differs(&before, OF_ONE_URI, store, false, false, "nothing has changed");
	ok(store_secret_add(store, "acme.example", "0 next") == OK &&
	           store_secret_add(store, "else.example", "of nobody") == OK,
	   "another secret");
	differs(&before, OF_ONE_URI, store, true, false, "by a secret of its realm");
	make(&during, OF_ONE_URI, store);
	is_int(issue(&during, "acme", "u", "S", "", &room), OK, "credentials meanwhile");
	ok(is_password(&room.credentials, "0 next"), "are signed with the new one");
	ok(knows(&during, "0 next") && knows(&during, "a new") && !knows(&during, "of nobody"),
	   "those of both are known, and of no other realm's");
	ok(store_secret_delete(store, "acme.example", "a new") == OK, "the old one is removed");
	differs(&during, OF_ONE_URI, store, false, false, "who has new ones keeps them");
	differs(&before, OF_ONE_URI, store, true, false, "who has old ones does not");
	unmake(&during);
	make(&during, OF_ONE_URI, store);
	ok(!knows(&during, "a new"), "the old one counts no more");
	differs(&during, OF_ONE_URI "turn-credentials-lifetime=90\n", store, false, true,
	        "by the lifetime of those who have none of their own");
	differs(&during, OF_ONE_URI "turn-uri=turn:b\n", store, true, true, "by a URI");
	differs(&during, OF_ONE_URI "stun-uri=stun:b\n", store, true, true, "by one of STUN");
	differs(&during, "turn-uri=label=x turn:a\nrealm=example.org\n", store, true, true,
	        "by a label");
	differs(&during, OF_ONE_URI "static-auth-secret=fixed\n", store, false, true,
	        "by a secret of the configuration");
	put_file(files, "places", "192.0.2.0/24 x\n", path);
	snprintf(text, sizeof text, "zone-networks=%s\n" OF_ONE_URI, path);
	unmake(&before);
	make(&before, text, store);
	ok(turn_source_differs(during.source, before.source, "acme", "192.0.2.7") &&
	           !turn_source_differs(during.source, before.source, "acme", "192.0.3.7"),
	   "a network concerns who is in it");
	unmake(&before);
	unmake(&during);
	store_close(store);
}

static void test_zones(const struct test_files *files)
{
	struct turn_credentials_room room;
	const struct turn_credentials *credentials = &room.credentials;
	struct zones_near near;
	struct made made;
	char path[256], text[1024];

	put_file(files, "networks",
	         "# what is near\n192.0.2.0/24 eu\n192.0.2.128/25  us # a part of it\n\n"
	         "2001:db8::/32 asia\n10.0.0.0/8 nowhere\n",
	         path);
	snprintf(text, sizeof text,
	         "static-auth-secret=s\nzone-networks=%s\n"
	         "turn-uri=zone=us prio=20 label=America turn:us.example.org\n"
	         "turn-uri=zone=eu prio=10 turn:eu.example.org\n"
	         "turn-uri=zone=eu turns:eu.example.org\n"
	         "turn-uri=zone=asia prio=30 label=hidden turn:asia.example.org\n",
	         path);
	make(&made, text, NULL);
	is_int(issue(&made, "default", "u", "", "198.51.100.1", &room), OK, "zones");
	is_int(credentials->zone_count, 3, "are three");
	is_text(credentials->zones[0].id, "eu", "the one with the lowest number is the first");
	is_int(credentials->zones[0].uri_count, 2, "with its URIs");
	is_text(credentials->zones[1].label, "America", "labels");
	is_int(issue(&made, "default", "u", "", "2001:db8::7", &room), OK, "from Asia");
	is_text(credentials->zones[0].id, "asia", "Asia is the first");
	ok(credentials->zones[0].priority < credentials->zones[1].priority &&
	           credentials->zones[1].priority < credentials->zones[2].priority &&
	           strcmp(credentials->zones[1].id, "eu") == 0,
	   "the others follow as they did");
	zones_find(made.zones, "192.0.2.200", &near);
	ok(near.count == 1 && strcmp(near.id[0], "us") == 0, "the longest prefix wins");
	zones_find(made.zones, "::ffff:192.0.2.1", &near);
	ok(near.count == 1 && strcmp(near.id[0], "eu") == 0, "an IPv4 address in IPv6");
	zones_find(made.zones, "nonsense", &near);
	is_int(near.count, 0, "what is no address is nowhere");
	zones_find(NULL, "192.0.2.1", &near);
	is_int(near.count, 0, "nor is anything without zones");
	is_int(issue(&made, "default", "u", "", "10.1.1.1", &room), OK, "a zone without URIs");
	is_text(credentials->zones[0].id, "eu", "changes nothing");
	unmake(&made);

	static const char *const bad[] = {"192.0.2.0/24", "192.0.2.1/24 eu", "here eu",
	                                  "1.2.3.4 a b"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct config *config;
		struct zones *zones;
		enum option_id about;
		char problem[256] = "";

		put_file(files, "networks", bad[i], path);
		snprintf(text, sizeof text, "zone-networks=%s\n", path);
		config = config_of(text);
		ok(zones_create(config, &zones, problem, &about) == ERR_INVALID &&
		           about == OPTION_ID_zone_networks &&
		           strstr(problem, "networks:1") != NULL,
		   "no network: %s", bad[i]);
		config_destroy(config);
	}
}

static void test_many(void)
{
	char text[64 * 1024] = "static-auth-secret=s\n", problem[256] = "";
	struct turn_source *source;
	struct authority *authority;
	struct config *config;

	for (int i = 0; i < 17; i++)
		snprintf(text + strlen(text), 64, "turn-uri=zone=z%d turn:a\n", i);
	config = config_of(text);
	authority = sure_authority_of(text, NULL);
	is_int(turn_source_create(config, authority, NULL, NULL, &source, problem), ERR_INVALID,
	       "too many zones: %s", problem);
	authority_destroy(authority);
	config_destroy(config);
}

int main(void)
{
	struct test_files files;

	test_files_init(&files);
	test_own();
	test_tenants(&files);
	test_rotation(&files);
	test_zones(&files);
	test_many();
	test_files_deinit(&files);
	return tap_end();
}
