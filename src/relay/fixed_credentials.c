/* Users and secrets of the configuration. All keys are computed when they are made, so that a relay
 * thread that gets other ones has nothing to compute. */
#include "relay/fixed_credentials.h"

#include <stdlib.h>

#include "base/bytes.h"

static enum err copy_secrets(struct fixed_credentials *fixed,
                             const struct credentials_settings *settings);
static enum err make_users(struct fixed_credentials *fixed,
                           const struct credentials_settings *settings);

enum err fixed_credentials_create(const struct credentials_settings *settings,
                                  struct fixed_credentials **result)
{
	struct fixed_credentials *fixed = calloc(1, sizeof *fixed);
	enum err err;

	if (fixed == NULL)
		return ERR_NO_MEMORY;
	fixed->lt_cred_mech = settings->lt_cred_mech || !settings->use_auth_secret;
	fixed->use_auth_secret = settings->use_auth_secret;
	fixed->separator = settings->separator;
	err = text_copy(fixed->realm, sizeof fixed->realm, settings->realm) == OK ? OK
	                                                                          : ERR_INVALID;
	if (err == OK)
		err = copy_secrets(fixed, settings);
	if (err == OK)
		err = make_users(fixed, settings);
	if (err != OK) {
		fixed_credentials_destroy(fixed);
		return err;
	}
	*result = fixed;
	return OK;
}

void fixed_credentials_destroy(struct fixed_credentials *fixed)
{
	if (fixed == NULL)
		return;
	static_users_deinit(&fixed->users);
	bytes_wipe(fixed, sizeof *fixed);
	free(fixed);
}

static enum err copy_secrets(struct fixed_credentials *fixed,
                             const struct credentials_settings *settings)
{
	if (settings->secret_count > STORE_SECRETS_MAX)
		return ERR_INVALID;
	for (size_t i = 0; i < settings->secret_count; i++) {
		struct secret *secret = &fixed->secrets[i];
		if (text_copy(secret->text, sizeof secret->text, settings->secrets[i]) != OK)
			return ERR_INVALID;
	}
	fixed->secret_count = settings->secret_count;
	return OK;
}

/* The hasher is that of whoever makes them; who looks them up brings another. */
static enum err make_users(struct fixed_credentials *fixed,
                           const struct credentials_settings *settings)
{
	struct stun_hasher *hasher;
	enum err err = stun_hasher_create(&hasher);

	if (err != OK)
		return err;
	err = static_users_init(&fixed->users, hasher, fixed->realm, settings->users,
	                        settings->user_count);
	fixed->users.hasher = NULL;
	stun_hasher_destroy(hasher);
	return err;
}
