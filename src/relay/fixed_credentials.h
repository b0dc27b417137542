/* Users and secrets of the configuration, as one thread's credentials look them up. Private to
 * credentials.c. */
#pragma once

#include "relay/credentials.h"
#include "relay/realm_secrets.h"
#include "relay/static_users.h"

struct fixed_credentials {
	char realm[TURN_REALM_MAX + 1]; /* of the static users */
	bool lt_cred_mech, use_auth_secret;
	char separator;
	struct static_users users;
	struct secret secrets[STORE_SECRETS_MAX];  /* of every realm */
	struct secret_use uses[STORE_SECRETS_MAX]; /* of each, in all realms */
	size_t secret_count;
};
