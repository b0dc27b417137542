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

/* Until a service that is new has answered, what was given before is given on. */
static enum err make_turn_source(struct service_set *set, const struct service_parts *parts,
                                 char problem[256])
{
	const struct service_set *before = parts->before;
	bool is_remote = turn_source_is_remote(set->config);
	bool gave_own = before != NULL && !turn_source_is_fetched(before->turn_source);

	if (is_remote && parts->fetched != NULL)
		return turn_source_copy(parts->fetched, set->zones, &set->turn_source);
	if (is_remote && !gave_own)
		return turn_source_create_remote(&set->turn_source);
	return turn_source_create(set->config, set->authority, parts->tenancy, set->zones,
	                          &set->turn_source, problem);
}

/* In the order in which one needs the other. */
static enum err make(struct service_set *set, const struct service_parts *parts, char problem[256],
                     enum option_id *about)
{
	enum err err;

	*about = OPTION_ID_jwt_key_file;
	err = authority_create(set->config, parts->tenancy, &set->authority, problem);
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
	return make_turn_source(set, parts, problem);
}

static void complete(struct service_set *set, const struct service_parts *parts)
{
	set->tls = parts->tls;
	set->sinks = parts->sinks;
	set->has_store = parts->tenancy != NULL;
	set->services = (struct signaling_services){
		.config = set->config,
		.authority = set->authority,
		.turn_source = set->turn_source,
		.zones = set->zones,
	};
}

enum err service_set_create(struct config *config, const struct service_parts *parts,
                            struct service_set **result, char problem[256], enum option_id *about)
{
	struct service_set *set = calloc(1, sizeof *set);
	enum err err;

	if (set == NULL) {
		snprintf(problem, 256, "%s", err_string(ERR_NO_MEMORY));
		return ERR_NO_MEMORY;
	}
	set->config = config;
	err = make(set, parts, problem, about);
	if (err != OK) {
		set->config = NULL;
		service_set_destroy(set);
		return err;
	}
	complete(set, parts);
	*result = set;
	return OK;
}

enum err service_set_change(const struct service_parts *parts, struct service_set **result)
{
	const struct service_set *before = parts->before;
	struct service_set *set = malloc(sizeof *set);
	char problem[256];
	enum err err = OK;

	if (set == NULL)
		return ERR_NO_MEMORY;
	*set = *before;
	if (parts->has_other_tenants)
		err = authority_change(before->authority, parts->tenancy, &set->authority);
	if (err == OK && !parts->has_same_credentials)
		err = make_turn_source(set, parts, problem);
	if (err != OK) {
		set->tls = before->tls;
		service_set_retire(set, before);
		return err;
	}
	complete(set, parts);
	*result = set;
	return OK;
}

void service_set_retire(struct service_set *set, const struct service_set *other)
{
	static const struct service_set none = {.config = NULL};
	const struct service_set *kept = other == NULL ? &none : other;

	if (set == NULL)
		return;
	SSL_CTX_free(set->tls == kept->tls ? NULL : set->tls);
	http_files_destroy(set->files == kept->files ? NULL : set->files);
	turn_source_destroy(set->turn_source == kept->turn_source ? NULL : set->turn_source);
	zones_destroy(set->zones == kept->zones ? NULL : set->zones);
	authority_destroy(set->authority == kept->authority ? NULL : set->authority);
	config_destroy(set->config == kept->config ? NULL : set->config);
	free(set);
}
