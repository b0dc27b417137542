/* Time-limited TURN credentials, as turnserver takes them with use-auth-secret (draft-uberti-behave-turn-rest-00): in our own shape, in
 * the draft's, and as Matrix clients ask for them. Nothing is kept of them. */
#include <stdio.h>
#include <string.h>

#include "admin/list_page.h"
#include "admin/console.h"
#include "admin/relay_uris.h"
#include "base/bytes.h"
#include "base/timestamp.h"
#include "store/time_limited.h"

/* turn-credentials-lifetime has the same upper end. */
enum { TTL_MIN_S = 1, TTL_MAX_S = 86400, MILLISECONDS = 1000 };

struct wanted {                            /* lent */
	const char *realm, *user, *tenant; /* tenant NULL: none */
	json_int_t ttl_s;
};
struct credentials {
	char username[STORE_USERNAME_MAX + 1];
	char password[TIME_LIMITED_PASSWORD_SIZE];
	char realm[STORE_TEXT_MAX];
	json_int_t ttl_s;
};

/* ---- the realm and its secret ---- */

struct terms {
	char own_realm[STORE_TEXT_MAX]; /* of the server */
	char realm[STORE_TEXT_MAX];
	char secret[STORE_SECRET_MAX + 1];
	json_int_t ttl_s;
};

static bool take_first(const char *realm, const char *secret, void *context)
{
	(void)realm;
	return text_copy(context, STORE_SECRET_MAX + 1, secret) != OK;
}

/* A tenant of another realm than the one that was asked for, be it that of who asks, is as good as none. */
static enum err apply_tenant(struct store *store, const struct wanted *wanted, struct terms *terms)
{
	struct store_tenant tenant;
	const char *realm;
	enum err err = store_tenant_find(store, wanted->tenant, &tenant);

	bytes_wipe(tenant.secret, sizeof tenant.secret);
	if (err == ERR_NOT_FOUND && strcmp(wanted->tenant, "default") == 0) {
		tenant = (struct store_tenant){.name = "default"}; /* it need not be in the store */
		err = OK;
	}
	if (err != OK)
		return err;
	realm = tenant.realm[0] != '\0' ? tenant.realm : terms->own_realm;
	if (wanted->realm[0] != '\0' && strcmp(wanted->realm, realm) != 0)
		return ERR_NOT_FOUND;
	if (tenant.credentials_ttl_s != 0)
		terms->ttl_s = tenant.credentials_ttl_s;
	return text_copy(terms->realm, sizeof terms->realm, realm);
}

static enum err find_secret(struct store *store, const struct config *config, struct terms *terms)
{
	char newest[STORE_SECRET_MAX + 1] = "";
	bool is_own = strcmp(terms->realm, terms->own_realm) == 0;
	enum err err = store_secret_list_by_age(store, terms->realm, take_first, newest);

	if (err == OK)
		err = text_copy(
			terms->secret, sizeof terms->secret,
			time_limited_secret(config, newest[0] != '\0' ? newest : NULL, is_own));
	bytes_wipe(newest, sizeof newest);
	return err;
}

static enum err find_terms(struct api_call *call, struct store *store, const struct wanted *wanted,
                           struct terms *terms)
{
	const struct config *config = call->console->config;
	enum err err;

	time_limited_own_realm(config, terms->own_realm, sizeof terms->own_realm);
	terms->ttl_s = config->turn_credentials_lifetime;
	err = text_copy(terms->realm, sizeof terms->realm,
	                wanted->realm[0] != '\0' ? wanted->realm : terms->own_realm);
	if (err == OK && wanted->tenant != NULL)
		err = apply_tenant(store, wanted, terms);
	return err == OK ? find_secret(store, config, terms) : err;
}

/* ---- making them ---- */

static bool make(struct api_call *call, const struct wanted *wanted, const struct terms *terms,
                 struct credentials *credentials)
{
	const struct config *config = call->console->config;
	bool is_own = strcmp(terms->realm, terms->own_realm) == 0;
	struct time_limited_name name = {
		.separator =
			config->rest_api_separator == NULL ? ':' : config->rest_api_separator[0],
		.user = wanted->user,
		.realm = is_own ? "" : terms->realm,
	};
	struct stun_hasher *hasher;

	if (stun_hasher_create(&hasher) != OK) {
		api_answer(call, NULL);
		return false;
	}
	credentials->ttl_s = wanted->ttl_s != 0 ? wanted->ttl_s : terms->ttl_s;
	name.expires_s = timestamp_wall_ms() / MILLISECONDS + (uint64_t)credentials->ttl_s;
	time_limited_username(&name, credentials->username);
	time_limited_password(hasher, terms->secret, credentials->username, credentials->password);
	memcpy(credentials->realm, terms->realm, sizeof credentials->realm);
	stun_hasher_destroy(hasher);
	return true;
}

/* Refuses by itself. */
static bool issue(struct api_call *call, const struct wanted *wanted,
                  struct credentials *credentials)
{
	struct terms terms = {.realm = ""};
	struct store *store = api_take_store(call);
	bool is_made = false;

	if (store == NULL || !api_release_store(call, find_terms(call, store, wanted, &terms)))
		return false;
	if (terms.secret[0] == '\0')
		api_refuse(call, 409, "no-secret", "the realm %.200s has no secret: add one",
		           terms.realm);
	else if (strlen(terms.realm) > STORE_TENANT_REALM_MAX)
		api_refuse(call, 400, "bad-member",
		           "realm: for these credentials it has at most %d bytes",
		           STORE_TENANT_REALM_MAX);
	else
		is_made = make(call, wanted, &terms, credentials);
	bytes_wipe(&terms, sizeof terms);
	return is_made;
}

/* People are few; machines ask for each call that somebody makes, and would leave room for nothing else in the audit log. */
static void audit(struct api_call *call, const struct credentials *credentials)
{
	if (call->who.kind == ADMINISTRATOR)
		api_audit_done(call, "credentials make", "realm=%s username=%s ttl=%d",
		               credentials->realm, credentials->username, (int)credentials->ttl_s);
}

/* The draft and Matrix have the same members; with_realm: ours has one more. */
static void answer(struct api_call *call, const struct wanted *wanted, bool with_realm)
{
	struct credentials credentials;
	json_t *uris, *json;

	if (!issue(call, wanted, &credentials))
		return;
	uris = relay_uris(call);
	if (uris != NULL) {
		json = json_pack("{s:s, s:s, s:I, s:o}", "username", credentials.username,
		                 "password", credentials.password, "ttl", credentials.ttl_s, "uris",
		                 uris);
		if (with_realm)
			json_object_set_new(json, "realm", json_string(credentials.realm));
		audit(call, &credentials);
		api_answer(call, json);
	}
	bytes_wipe(&credentials, sizeof credentials);
}

/* ---- three ways to ask ---- */

void api_credentials(struct api_call *call)
{
	struct wanted wanted = {.user = call->who.name};
	const char *realm = NULL;

	if (!api_get_text(call, "realm", &realm) || !api_realm(call, realm, &wanted.realm) ||
	    !api_get_text(call, "user", &wanted.user) ||
	    !api_get_text(call, "tenant", &wanted.tenant) ||
	    !api_get_number(call, "ttl", TTL_MIN_S, TTL_MAX_S, &wanted.ttl_s))
		return;
	if (wanted.user[0] == '\0')
		wanted.user = call->who.name;
	answer(call, &wanted, true);
}

static bool read_query(struct api_call *call, const char *user_name, struct wanted *wanted)
{
	const char *realm, *user;

	*wanted = (struct wanted){.user = call->who.name};
	if (!api_query_text(call, "realm", &realm) || !api_realm(call, realm, &wanted->realm) ||
	    !api_query_text(call, user_name, &user) ||
	    !api_query_text(call, "tenant", &wanted->tenant) ||
	    !api_query_number(call, "ttl", TTL_MIN_S, TTL_MAX_S, &wanted->ttl_s))
		return false;
	if (user != NULL && user[0] != '\0')
		wanted->user = user;
	return true;
}

/* draft-uberti-behave-turn-rest-00 section 2.1. */
void api_turn_rest(struct api_call *call)
{
	const char *service = http_query(call->http, "service");
	struct wanted wanted;

	if (service == NULL || strcmp(service, "turn") != 0) {
		api_refuse(call, 400, "bad-query", "service: it has to be turn");
		return;
	}
	if (read_query(call, "username", &wanted))
		answer(call, &wanted, false);
}

/* Matrix's client-server interface, section "Voice over IP". */
void api_matrix(struct api_call *call)
{
	struct wanted wanted;

	if (read_query(call, "user", &wanted))
		answer(call, &wanted, false);
}
