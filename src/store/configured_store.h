/* Which store the configuration names, for every program that reads it. */
#pragma once

#include "config/config.h"
#include "store/store.h"

static inline struct store_location configured_store(const struct config *config)
{
	return (struct store_location){
		.file = config->redis_userdb == NULL ? config->userdb : NULL,
		.redis = config->redis_userdb,
	};
}
static inline bool has_configured_store(const struct config *config)
{
	return config->userdb != NULL || config->redis_userdb != NULL;
}
/* The option to mend when it cannot be opened. */
static inline enum option_id configured_store_option(const struct config *config)
{
	return config->redis_userdb != NULL ? OPTION_ID_redis_userdb : OPTION_ID_userdb;
}
