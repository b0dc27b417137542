/* Checks of signaling: where it listens, and who may join. */
#include "config/check.h"

#include <string.h>

static bool has_tls(const struct config *config)
{
	return config->signaling_port != 0 && config->cert != NULL;
}

/* The start itself tells of it, when the certificate was read; --check reads no further. */
static void check_ports_of_signaling(struct check *check)
{
	const struct config *config = check->config;

	if (config->check && config->signaling_plain_port == 0 && !has_tls(config))
		check_error(check, OPTION_ID_signaling_port,
		            "signaling has no port to listen on: set cert and pkey for "
		            "signaling-port, or signaling-plain-port");
	if (has_tls(config) && config->signaling_plain_port == config->signaling_port)
		check_error(check, OPTION_ID_signaling_plain_port,
		            "signaling-plain-port is the port of TLS as well: give it another");
}

/* Keys of tenants are in the store, which is not looked into. */
static void check_proofs(struct check *check)
{
	const struct config *config = check->config;
	bool has_proof = config->jwt_secret.count > 0 || config->jwt_key_file.count > 0 ||
	                 config->jwks_file.count > 0 || config->user_secret.count > 0 ||
	                 config->api_key.count > 0;
	bool has_store = config->userdb != NULL || config->redis_userdb != NULL;

	if (strcmp(config->signaling_anybody, "yes") != 0 && !has_proof && !has_store)
		check_warn(check, OPTION_ID_signaling_anybody,
		           "no proof is configured: nobody may join: set jwt-secret, jwt-key-file, "
		           "jwks-file, user-secret or api-key, or signaling-anybody=yes");
}

static void check_cluster(struct check *check)
{
	if (check->config->signaling_cluster && check->config->redis_userdb == NULL)
		check_error(check, OPTION_ID_signaling_cluster,
		            "signaling-cluster needs the Redis that all nodes share: set "
		            "redis-userdb");
}

void check_signaling(struct check *check)
{
	check_cluster(check);
	check_ports_of_signaling(check);
	check_proofs(check);
}
