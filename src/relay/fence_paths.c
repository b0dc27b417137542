/* A file that is read again may have been replaced meanwhile, and its log moved away: so it is the
 * folder that the fence leaves open, both of the name and of what that leads to (certbot's live/ is of
 * links into archive/). */
#include "relay/fence_paths.h"

#include <libgen.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "store/store.h"

#define TEXT_OF(member) offsetof(struct config, member)

/* Files that options name. */
static const struct {
	size_t text; /* offset of the option's member */
	bool may_write;
} named[] = {
	{TEXT_OF(file_name), false}, {TEXT_OF(cert), false},    {TEXT_OF(pkey), false},
	{TEXT_OF(ca_file), false},   {TEXT_OF(dh_file), false}, {TEXT_OF(userdb), true},
	{TEXT_OF(log_file), true},   {TEXT_OF(pidfile), true},  {TEXT_OF(control_socket), true},
};
enum { NAMED_COUNT = sizeof named / sizeof named[0] };

/* What libraries read: their own parts, users, names of hosts, time zones, CPUs. */
static const struct {
	const char *path;
	bool may_write;
} of_system[] = {
	{"/usr", false},
	{"/lib", false},
	{"/lib64", false},
	{"/etc/group", false},
	{"/etc/host.conf", false},
	{"/etc/hosts", false},
	{"/etc/gai.conf", false},
	{"/etc/ld.so.cache", false},
	{"/etc/localtime", false},
	{"/etc/nsswitch.conf", false},
	{"/etc/passwd", false},
	{"/etc/resolv.conf", false},
	{"/etc/ssl/certs", false},
	{"/etc/ssl/openssl.cnf", false},
	{"/run/systemd/resolve", false},
	{"/proc/self", false},
	{"/proc/meminfo", false},
	{"/proc/net", false},
	{"/proc/stat", false},
	{"/proc/sys/kernel", false},
	{"/proc/sys/net", false},
	{"/sys/devices/system/cpu", false},
	{"/dev/null", true},
	{"/dev/random", false},
	{"/dev/urandom", false},
};

static void add(struct fence_paths *paths, const char *path, bool may_write)
{
	if (paths->count < FENCE_PATHS_MAX &&
	    text_copy(paths->item[paths->count].path, FENCE_PATH_MAX, path) == OK)
		paths->item[paths->count++].may_write = may_write;
}

/* Folders that hold too much of what is not the server's: the file alone, then. So it is in /etc for
 * root, who may read all of it, if fence=strict prefers that to reading a file that was replaced. */
static bool is_too_wide(const char *folder, bool is_strict)
{
	return strcmp(folder, "/") == 0 || strcmp(folder, "/dev") == 0 ||
	       strcmp(folder, "/dev/pts") == 0 ||
	       (strcmp(folder, "/etc") == 0 && geteuid() == 0 && is_strict);
}

static void add_folder(struct fence_paths *paths, const char *file, bool may_write, bool is_strict)
{
	char folder[PATH_MAX], copy[PATH_MAX];

	if (text_copy(copy, sizeof copy, file) == OK && realpath(dirname(copy), folder) != NULL)
		add(paths, is_too_wide(folder, is_strict) ? file : folder, may_write);
}

static void add_named(struct fence_paths *paths, const char *file, bool may_write, bool is_strict)
{
	char real[PATH_MAX];

	add_folder(paths, file, may_write, is_strict);
	if (realpath(file, real) != NULL)
		add_folder(paths, real, may_write, is_strict);
}

static const char *text_at(const struct config *config, size_t i)
{
	const char *text = *(char *const *)((const char *)config + named[i].text);

	return text != NULL && strcmp(text, "off") != 0 ? text : NULL;
}

struct redis_paths {
	struct fence_paths *paths;
	bool is_strict;
};

static void add_redis_file(const char *path, void *context)
{
	const struct redis_paths *redis = context;

	add_named(redis->paths, path, false, redis->is_strict);
}

static void add_redis_files(const char *connection, struct fence_paths *paths, bool is_strict)
{
	const struct store_location location = {.redis = connection};
	struct redis_paths redis = {paths, is_strict};

	store_location_files(&location, add_redis_file, &redis);
}

void fence_paths_list(const struct config *config, struct fence_paths *paths)
{
	bool is_strict = strcmp(config->fence, "strict") == 0;

	paths->count = 0;
	for (size_t i = 0; i < NAMED_COUNT; i++)
		if (text_at(config, i) != NULL)
			add_named(paths, text_at(config, i), named[i].may_write, is_strict);
	add_redis_files(config->redis_userdb, paths, is_strict);
	add_redis_files(config->redis_statsdb, paths, is_strict);
	for (size_t i = 0; i < sizeof of_system / sizeof of_system[0]; i++)
		add(paths, of_system[i].path, of_system[i].may_write);
	/* Users and resolvers change there by replacing files; what others may not read stays shut by
	 * its mode. */
	if (geteuid() != 0)
		add(paths, "/etc", false);
	if (config->core_dumps)
		add(paths, ".", true);
}

bool fence_paths_are_others(const struct config *config)
{
	struct stat status;

	for (size_t i = 0; i < NAMED_COUNT; i++) {
		const char *file = text_at(config, i);
		char folder[PATH_MAX];

		if (file == NULL || text_copy(folder, sizeof folder, file) != OK)
			continue;
		if ((stat(file, &status) == 0 && status.st_uid != 0) ||
		    (stat(dirname(folder), &status) == 0 && status.st_uid != 0))
			return true;
	}
	return false;
}
