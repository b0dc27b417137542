#include "signaling/program_services.h"

#include <stdio.h>
#include <stdlib.h>

#include "listeners/tls_context.h"
#include "process/certificate_check.h"
#include "signaling/authority.h"
#include "signaling/http_files.h"
#include "signaling/turn_source.h"
#include "signaling/zones.h"

enum err service_tls_create(const struct config *config, SSL_CTX **tls, char problem[256],
                            enum option_id *about)
{
	struct tls_settings settings = tls_settings_of(config);
	enum err err;

	*tls = NULL;
	if (config->cert == NULL || config->signaling_port == 0)
		return OK;
	settings.speaks_http = true;
	err = tls_context_create(&settings, tls, problem);
	if (err != OK)
		*about = certificate_option_at_fault(config);
	return err;
}

/* In the order in which one needs the other. */
static enum err make(struct service_set *set, struct store *store,
                     const struct turn_source *fetched, char problem[256], enum option_id *about)
{
	enum err err;

	*about = OPTION_ID_jwt_key_file;
	err = authority_create(set->config, store, &set->authority, problem);
	if (err != OK)
		return err;
	err = zones_create(set->config, &set->zones, problem, about);
	if (err != OK)
		return err;
	*about = OPTION_ID_www_root;
	if (set->config->www_root != NULL)
		err = http_files_create(set->config->www_root, &set->files, problem);
	if (err != OK)
		return err;
	*about = OPTION_ID_turn_uri;
	if (fetched != NULL)
		return turn_source_copy(fetched, set->zones, &set->turn_source);
	return turn_source_create(set->config, set->authority, store, set->zones, &set->turn_source,
	                          problem);
}

enum err service_set_create(struct config *config, struct store *store,
                            const struct turn_source *fetched, SSL_CTX *tls,
                            struct service_set **result, char problem[256], enum option_id *about)
{
	struct service_set *set = calloc(1, sizeof *set);
	enum err err;

	if (set == NULL) {
		snprintf(problem, 256, "%s", err_string(ERR_NO_MEMORY));
		return ERR_NO_MEMORY;
	}
	set->config = config;
	err = make(set, store, fetched, problem, about);
	if (err != OK) {
		set->config = NULL;
		service_set_destroy(set);
		return err;
	}
	set->tls = tls;
	set->has_store = store != NULL;
	set->services = (struct signaling_services){
		.config = config,
		.authority = set->authority,
		.turn_source = set->turn_source,
		.zones = set->zones,
	};
	*result = set;
	return OK;
}

void service_set_destroy(struct service_set *set)
{
	if (set == NULL)
		return;
	SSL_CTX_free(set->tls);
	http_files_destroy(set->files);
	turn_source_destroy(set->turn_source);
	zones_destroy(set->zones);
	authority_destroy(set->authority);
	config_destroy(set->config);
	free(set);
}
