/* Which folders the fence leaves open: of the names that options have, and of what these lead to. */
#include "process/fence_paths.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"
#include "test_files.h"

/* What a program names beside the rest. */
static struct fence_file own[2];

static void each_own(const struct config *config, fence_file_fn *each, void *context)
{
	(void)config;
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		if (own[i].path != NULL)
			each(&own[i], context);
}

static const struct fence_path *find(const struct fence_paths *paths, const char *path)
{
	char real[PATH_MAX];

	if (realpath(path, real) == NULL)
		return NULL;
	for (size_t i = 0; i < paths->count; i++)
		if (strcmp(paths->item[i].path, real) == 0)
			return &paths->item[i];
	return NULL;
}

static void set(char **text, const char *value)
{
	free(*text);
	*text = strdup(value);
}

static size_t count(const struct fence_paths *paths, const char *path)
{
	size_t found = 0;

	for (size_t i = 0; i < paths->count; i++)
		found += strcmp(paths->item[i].path, path) == 0;
	return found;
}

/* Standard output may be a file whose folder is nobody's business, and is not opened again. */
static void test_logs_that_are_no_files(struct config *config, struct fence_paths *paths)
{
	static const char *const names[] = {"/dev/stdout", "/dev/stderr", "stderr", "journal"};
	char redirected[PATH_MAX] = "", target[PATH_MAX];
	ssize_t len = readlink("/proc/self/fd/1", target, sizeof target - 1);

	if (len > 0 && target[0] == '/' && strrchr(target, '/') != target)
		snprintf(redirected, sizeof redirected, "%.*s",
		         (int)(strrchr(target, '/') - target), target);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		set(&config->log_file, names[i]);
		fence_paths_list(config, each_own, paths);
		ok(find(paths, ".") == NULL && count(paths, redirected) == 0 &&
		           count(paths, names[i]) == 0,
		   "log-file=%s opens no folder", names[i]);
	}
}

/* A folder that one file is read in and another written is one folder, to write. */
static void test_shared_folder(struct config *config, struct fence_paths *paths, const char *folder)
{
	char path[300], real[PATH_MAX];
	const struct fence_path *found;

	snprintf(path, sizeof path, "%s/log/cert.pem", folder);
	set(&config->cert, path);
	snprintf(path, sizeof path, "%s/log/turn.log", folder);
	set(&config->log_file, path);
	snprintf(path, sizeof path, "%s/log/turn.pid", folder);
	own[0] = (struct fence_file){path, .may_write = true};
	fence_paths_list(config, each_own, paths);
	own[0].path = NULL;
	snprintf(path, sizeof path, "%s/log", folder);
	found = find(paths, path);
	ok(found != NULL && found->may_write, "a folder for reading and writing is to write");
	is_int(count(paths, realpath(path, real)), 1, "and is listed once");
}

/* All in it and nothing beside it, by its name and by what that leads to. */
static void test_named_folder(struct config *config, struct fence_paths *paths, const char *folder)
{
	char path[300], link[300], real[PATH_MAX];
	const struct fence_path *found;

	snprintf(path, sizeof path, "%s/archive", folder);
	snprintf(link, sizeof link, "%s/www", folder);
	if (symlink("archive", link) != 0)
		exit(99);
	own[0] = (struct fence_file){link, .is_folder = true};
	own[1] = (struct fence_file){"/nowhere/at/all", .is_folder = true};
	set(&config->cert, "off");
	set(&config->log_file, "stdout");
	fence_paths_list(config, each_own, paths);
	found = find(paths, path);
	ok(found != NULL && !found->may_write, "a folder that is named is to read");
	is_int(count(paths, realpath(folder, real)), 0, "and what is beside it is not");
	is_int(count(paths, own[1].path), 0, "one that is not there is none");
}

/* As certbot lays them out: live/cert.pem is a link to archive/cert1.pem. */
static void make_links(const char *folder)
{
	char path[300];
	static const char *const names[] = {"live", "archive", "log", "secrets"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		if (mkdir(path, 0700) != 0)
			exit(99);
	}
	snprintf(path, sizeof path, "%s/archive/cert1.pem", folder);
	fclose(fopen(path, "w"));
	snprintf(path, sizeof path, "%s/live/cert.pem", folder);
	if (symlink("../archive/cert1.pem", path) != 0)
		exit(99);
}

static void remove_links(const char *folder)
{
	char command[400];

	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	if (system(command) != 0)
		exit(99);
}

int main(void)
{
	struct fence_paths *paths = calloc(1, sizeof *paths);
	struct test_files files;
	struct config *config;
	char path[300];

	test_files_init(&files);
	make_links(files.directory);
	if (paths == NULL || config_create(CONFIG_TURNSERVER, &config) != OK)
		return 99;

	snprintf(path, sizeof path, "%s/live/cert.pem", files.directory);
	set(&config->cert, path);
	snprintf(path, sizeof path, "%s/log/turn.log", files.directory);
	set(&config->log_file, path);
	snprintf(path, sizeof path, "%s/secrets/secret", files.directory);
	setenv("TURNSTONE_STATIC_AUTH_SECRET_FILE", path, 1);
	set(&config->control_socket, "off");
	set(&config->fence, "auto");
	fence_paths_list(config, each_own, paths);

	const struct fence_path *found;
	snprintf(path, sizeof path, "%s/live", files.directory);
	found = find(paths, path);
	ok(found != NULL && !found->may_write,
	   "the folder that a certificate is named in, to read");
	snprintf(path, sizeof path, "%s/archive", files.directory);
	found = find(paths, path);
	ok(found != NULL && !found->may_write, "the folder that the name leads to");
	snprintf(path, sizeof path, "%s/log", files.directory);
	found = find(paths, path);
	ok(found != NULL && found->may_write,
	   "the folder of a log that is not there yet, to write");
	snprintf(path, sizeof path, "%s/secrets", files.directory);
	ok(find(paths, path) != NULL, "the folder of a secret that a variable names");
	ok(find(paths, files.directory) == NULL, "nothing above them");
	ok(find(paths, "/") == NULL, "nothing above all");
	found = find(paths, "/usr");
	ok(found != NULL && !found->may_write, "the C library's files, to read");
	is_int(find(paths, "/etc") != NULL, geteuid() != 0, "all of /etc, but for root");

	set(&config->pkey, "/etc/key.pem");
	fence_paths_list(config, each_own, paths);
	ok(find(paths, "/etc") != NULL, "/etc for root as well, when a file in it is named");
	set(&config->fence, "strict");
	fence_paths_list(config, each_own, paths);
	is_int(find(paths, "/etc") != NULL, geteuid() != 0, "the file alone when it is strict");

	set(&config->pkey, "off");
	setenv("TURNSTONE_STATIC_AUTH_SECRET_FILE", "", 1);
	setenv("TURNSTONE_LOG_FILE", "stdout", 1);
	test_logs_that_are_no_files(config, paths);
	test_shared_folder(config, paths, files.directory);
	test_named_folder(config, paths, files.directory);

	remove_links(files.directory);
	config_destroy(config);
	free(paths);
	return tap_end();
}
