/* Checks of who may relay: mechanisms, realm, secrets. */
#include "config/check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECRETS_MAX = 32 }; /* each is tried in turn for every user that comes */

/* As in coturn: who names users or secrets wants them used. */
void complete_mechanisms(struct check *check)
{
	struct config *config = check->config;

	if (config->user.count > 0)
		config->lt_cred_mech = true;
	if (config->static_auth_secret.count > 0)
		config->use_auth_secret = true;
}

static bool has_store(const struct config *config)
{
	return config->userdb != NULL || config->redis_userdb != NULL;
}

void check_mechanisms(struct check *check)
{
	const struct config *config = check->config;
	bool authenticates = config->lt_cred_mech || config->use_auth_secret;

	if (config->no_auth && authenticates)
		check_error(
			check, OPTION_ID_no_auth,
			"no-auth cannot go together with lt-cred-mech, user, use-auth-secret or "
			"static-auth-secret: say which is meant");
	else if (config->no_auth)
		check_warn(check, OPTION_ID_no_auth,
		           "no-auth makes this an open relay that anyone can use and misuse");
	else if (!authenticates && !config->stun_only)
		check_warn(check, OPTION_ID_lt_cred_mech,
		           "no authentication is configured, so the server relays for nobody: set "
		           "static-auth-secret, or user and realm");
	if (config->lt_cred_mech && config->user.count == 0 && !has_store(config))
		check_warn(check, OPTION_ID_lt_cred_mech,
		           "lt-cred-mech: there are no users: set user, userdb or redis-userdb");
	if (config->use_auth_secret && config->static_auth_secret.count == 0 && !has_store(config))
		check_warn(check, OPTION_ID_use_auth_secret,
		           "use-auth-secret: there is no secret: set static-auth-secret, userdb "
		           "or redis-userdb");
}

void check_stores(struct check *check)
{
	const struct config *config = check->config;

	if (config->userdb != NULL && config->redis_userdb != NULL)
		check_warn(check, OPTION_ID_userdb,
		           "userdb is not read: redis-userdb stands in its place");
}

void check_secrets(struct check *check)
{
	const struct config *config = check->config;
	const char *nonce_secret = config->stateless_nonce_secret;

	if (config->static_auth_secret.count > SECRETS_MAX)
		check_error(
			check, OPTION_ID_static_auth_secret,
			"static-auth-secret: %zu secrets are more than %d: drop those that nothing "
			"uses",
			config->static_auth_secret.count, SECRETS_MAX);
	if (nonce_secret != NULL && strlen(nonce_secret) < 16)
		check_warn(
			check, OPTION_ID_stateless_nonce_secret,
			"stateless-nonce-secret is shorter than 16 characters and can be guessed");
}

static bool has_hexadecimal_key(const struct config *config)
{
	for (size_t i = 0; i < config->user.count; i++)
		if (strncmp(strchr(config->user.item[i], ':'), ":0x", 3) == 0)
			return true;
	return false;
}

static void use_host_name(struct check *check)
{
	char name[256] = "";

	if (gethostname(name, sizeof name - 1) != 0 || name[0] == 0) {
		check_error(check, OPTION_ID_realm, "realm is missing, such as realm=example.org");
		return;
	}
	check->config->realm = strdup(name);
	if (check->config->realm == NULL)
		check->is_out_of_memory = true;
	check_warn(check, OPTION_ID_realm,
	           "realm is missing, such as realm=example.org; the machine's name %s is used",
	           name);
}

void check_realm(struct check *check)
{
	const struct config *config = check->config;

	if (config->realm != NULL || (!config->lt_cred_mech && !config->use_auth_secret))
		return;
	if (has_hexadecimal_key(config))
		check_error(check, OPTION_ID_user,
		            "user: keys in hexadecimal were made for a realm: set realm to it");
	else
		use_host_name(check);
}
