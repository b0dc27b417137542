/* A file that is read again may have been replaced meanwhile, and its log moved away: so it is the
 * folder that the fence leaves open, both of the name and of what that leads to (certbot's live/ is of
 * links into archive/). A folder that an option names is that folder alone: what is above it may be
 * anything. */
#include "process/fence_paths.h"

#include <libgen.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "process/process.h"

extern char **environ;

#define TEXT_OF(member) offsetof(struct config, member)

/* Files that options of all programs name. */
static const struct {
	size_t text; /* offset of the option's member */
	bool may_write;
} named[] = {
	{TEXT_OF(file_name), false}, {TEXT_OF(cert), false},    {TEXT_OF(pkey), false},
	{TEXT_OF(ca_file), false},   {TEXT_OF(dh_file), false}, {TEXT_OF(userdb), true},
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

static void each_named(const struct config *config, fence_each_fn *own, fence_file_fn *each,
                       void *context);

static struct fence_path *find(struct fence_paths *paths, const char *path)
{
	for (size_t i = 0; i < paths->count; i++)
		if (strcmp(paths->item[i].path, path) == 0)
			return &paths->item[i];
	return NULL;
}

static void add(struct fence_paths *paths, const char *path, bool may_write)
{
	struct fence_path *known = find(paths, path);

	if (known != NULL)
		known->may_write |= may_write;
	else if (paths->count < FENCE_PATHS_MAX &&
	         text_copy(paths->item[paths->count].path, FENCE_PATH_MAX, path) == OK)
		paths->item[paths->count++].may_write = may_write;
	else
		log_warning("fence leaves out a file", "path=%s reason=\"%s\"", path,
		            paths->count == FENCE_PATHS_MAX ? "too many" : "name too long");
}

/* Folders that hold too much of what is not the server's: the file alone, then. So it is in /etc for
 * root, who may read all of it, if fence=strict prefers that to reading a file that was replaced. */
static bool is_too_wide(const char *folder, bool is_strict)
{
	return strcmp(folder, "/") == 0 || strcmp(folder, "/dev") == 0 ||
	       strcmp(folder, "/dev/pts") == 0 ||
	       (strcmp(folder, "/etc") == 0 && geteuid() == 0 && is_strict);
}

static void add_folder_of(struct fence_paths *paths, const char *file, bool may_write,
                          bool is_strict)
{
	char folder[PATH_MAX], copy[PATH_MAX];

	if (text_copy(copy, sizeof copy, file) == OK && realpath(dirname(copy), folder) != NULL)
		add(paths, is_too_wide(folder, is_strict) ? file : folder, may_write);
}

struct listing {
	struct fence_paths *paths;
	bool is_strict;
};

static void add_named(const struct fence_file *file, void *context)
{
	const struct listing *listing = context;
	char real[PATH_MAX];
	bool is_there = realpath(file->path, real) != NULL;

	if (file->is_folder) {
		if (is_there)
			add(listing->paths, real, file->may_write);
		return;
	}
	add_folder_of(listing->paths, file->path, file->may_write, listing->is_strict);
	if (is_there)
		add_folder_of(listing->paths, real, file->may_write, listing->is_strict);
}

void fence_paths_list(const struct config *config, fence_each_fn *own, struct fence_paths *paths)
{
	struct listing listing = {paths, strcmp(config->fence, "strict") == 0};

	paths->count = 0;
	for (size_t i = 0; i < sizeof of_system / sizeof of_system[0]; i++)
		add(paths, of_system[i].path, of_system[i].may_write);
	/* Users and resolvers change there by replacing files; what others may not read stays shut by
	 * its mode. */
	if (geteuid() != 0)
		add(paths, "/etc", false);
	if (config->core_dumps)
		add(paths, ".", true);
	each_named(config, own, add_named, &listing);
}

/* Of path, which is absolute, and of all folders above it. */
static bool is_below_others(const char *path)
{
	char copy[PATH_MAX], *at = copy;
	struct stat status;

	if (text_copy(copy, sizeof copy, path) != OK)
		return false;
	for (;;) {
		if (stat(at, &status) == 0 && status.st_uid != 0)
			return true;
		if (strcmp(at, "/") == 0)
			return false;
		at = dirname(at);
	}
}

static void look_for_others(const struct fence_file *file, void *context)
{
	char copy[PATH_MAX], real[PATH_MAX];
	bool *found = context;

	if (text_copy(copy, sizeof copy, file->path) == OK && realpath(dirname(copy), real) != NULL)
		*found |= is_below_others(real);
	if (realpath(file->path, real) != NULL)
		*found |= is_below_others(real);
}

bool fence_paths_are_others(const struct config *config, fence_each_fn *own)
{
	bool found = false;

	each_named(config, own, look_for_others, &found);
	return found;
}

/* ---- what is named ---- */

struct reading { /* files that are read alone */
	fence_file_fn *each;
	void *context;
};

static void read_one(const char *path, void *context)
{
	const struct reading *reading = context;
	const struct fence_file file = {.path = path};

	reading->each(&file, reading->context);
}

/* By options, and by variables, whose secrets are read again with the configuration. */
static void each_named(const struct config *config, fence_each_fn *own, fence_file_fn *each,
                       void *context)
{
	const struct fence_file log = {process_log_file(config), .may_write = true};
	struct reading reading = {each, context};

	for (size_t i = 0; i < NAMED_COUNT; i++) {
		const char *path = *(char *const *)((const char *)config + named[i].text);
		const struct fence_file file = {path, .may_write = named[i].may_write};

		if (path != NULL && strcmp(path, "off") != 0)
			each(&file, context);
	}
	if (log.path != NULL)
		each(&log, context);
	config_environment_files(environ, read_one, &reading);
	own(config, each, context);
}
