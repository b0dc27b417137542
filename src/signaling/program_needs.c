/* Files that options of turnsignal name. Names are looked up, and brokers, web hooks, other nodes and TURN services
 * connected to, by what every server may do. */
#include "signaling/program_needs.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "store/configured_store.h"

struct naming {
	fence_file_fn *each;
	void *context;
};

static void name(const struct naming *naming, const struct fence_file *file)
{
	if (file->path != NULL && strcmp(file->path, "off") != 0)
		naming->each(file, naming->context);
}

static void read_one(const char *path, void *context)
{
	name(context, &(struct fence_file){.path = path});
}

/* "kid=ID FILE", or the file alone. */
static const char *key_file(const char *text)
{
	if (strncmp(text, "kid=", 4) != 0)
		return text;
	text += strcspn(text, " ");
	return text + strspn(text, " ");
}

static void name_keys(const struct config *config, struct naming *naming)
{
	for (size_t i = 0; i < config->jwt_key_file.count; i++)
		read_one(key_file(config->jwt_key_file.item[i]), naming);
	for (size_t i = 0; i < config->jwks_file.count; i++)
		read_one(config->jwks_file.item[i], naming);
}

/* Where others' certificates are checked by what the environment says instead of the system's. */
static void name_authorities(struct naming *naming)
{
	const struct fence_file folder = {getenv(X509_get_default_cert_dir_env()),
	                                  .is_folder = true};

	read_one(getenv(X509_get_default_cert_file_env()), naming);
	name(naming, &folder);
}

static void each_file(const struct config *config, fence_file_fn *each, void *context)
{
	const struct store_location location = configured_store(config);
	const struct fence_file files[] = {
		{config->zone_networks, false, false},
		{config->geo_database, false, false},
		{config->event_ca_file, false, false},
		{config->www_root, .is_folder = true},
		{config->event_spool, .may_write = true},
		{config->signaling_control_socket, .may_write = true},
	};
	struct naming naming = {each, context};

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		name(&naming, &files[i]);
	name_keys(config, &naming);
	name_authorities(&naming);
	store_location_files(&location, read_one, &naming);
}

/* Its ports are all open by then. */
const struct privileges_needs program_needs = {
	.each_file = each_file,
};
