/* A folder is watched for each name on a file's path that is a symbolic link, and the folder that the
 * file itself is in: whatever makes the name stand for another file happens in one of them. */
#include "process/certificate_watch.h"

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/timestamp.h"
#include "config/config.h"

enum {
	FOLDERS_MAX = 32,
	LINKS_MAX = 40,      /* as many as Linux follows */
	QUIET_MS = 250,      /* a renewal writes several files, one after the other */
	PATIENCE_MS = 2000,  /* where others write into the same folder all the time */
	EVENTS_SIZE = 16384, /* read at once; a name has up to 255 bytes */
};

static const uint32_t changes = IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM |
                                IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

struct certificate_watch {
	int fd;                          /* owned; inotify */
	struct event *readable, *settle; /* owned */
	void (*changed)(void *context);
	void *context;

	const struct config *config; /* lent; NULL: nothing is watched yet */
	struct certificate_stamps seen;
	timestamp first_at; /* the oldest change that was not looked at; 0: none */
	int folders[FOLDERS_MAX];
	size_t folder_count;
	bool has_complained;
};

struct walk {                /* along one path */
	char done[PATH_MAX]; /* has no symbolic link in it; "" is the current folder */
	char rest[PATH_MAX]; /* that is still to be looked at */
	unsigned links;
};

static void on_readable(evutil_socket_t fd, short what, void *context);
static void on_settled(evutil_socket_t fd, short what, void *context);
static void watch_anew(struct certificate_watch *watch);
static void watch_path(struct certificate_watch *watch, const char *path);
static bool step(struct certificate_watch *watch, struct walk *walk);
static bool follow_link(struct walk *walk, const char *link);
static void watch_folder(struct certificate_watch *watch, const char *folder);

enum err certificate_watch_create(struct event_base *base, void (*changed)(void *context),
                                  void *context, struct certificate_watch **result)
{
	struct certificate_watch *watch = calloc(1, sizeof *watch);

	if (watch == NULL)
		return ERR_NO_MEMORY;
	watch->changed = changed;
	watch->context = context;
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->fd < 0) {
		free(watch);
		return ERR_SYSTEM;
	}
	watch->readable = event_new(base, watch->fd, EV_READ | EV_PERSIST, on_readable, watch);
	watch->settle = event_new(base, -1, 0, on_settled, watch);
	if (watch->readable == NULL || watch->settle == NULL ||
	    event_add(watch->readable, NULL) != 0) {
		certificate_watch_destroy(watch);
		return ERR_NO_MEMORY;
	}
	*result = watch;
	return OK;
}

void certificate_watch_destroy(struct certificate_watch *watch)
{
	if (watch == NULL)
		return;
	if (watch->settle != NULL)
		event_free(watch->settle);
	if (watch->readable != NULL)
		event_free(watch->readable);
	close(watch->fd);
	free(watch);
}

void certificate_watch_follow(struct certificate_watch *watch, const struct config *config,
                              const struct certificate_stamps *seen)
{
	struct certificate_stamps now;

	watch->config = config;
	watch->seen = *seen;
	watch_anew(watch);
	/* What has changed before there was anybody to tell of it. */
	certificate_stamps_take(config, &now);
	if (memcmp(&now, seen, sizeof now) != 0)
		event_active(watch->readable, EV_READ, 0);
}

/* ---- how files are ---- */

static void list_files(const struct config *config, const char *files[CERTIFICATE_FILES])
{
	files[0] = config->cert;
	files[1] = config->pkey;
	files[2] = config->ca_file;
	files[3] = config->dh_file;
}

static uint64_t nanoseconds(const struct timespec *time)
{
	return (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec;
}

void certificate_stamps_take(const struct config *config, struct certificate_stamps *stamps)
{
	const char *files[CERTIFICATE_FILES];
	struct stat status;

	memset(stamps, 0, sizeof *stamps);
	list_files(config, files);
	for (unsigned i = 0; i < CERTIFICATE_FILES; i++) {
		if (files[i] == NULL || stat(files[i], &status) != 0)
			continue;
		stamps->of[i] = (struct certificate_stamp){
			.device = status.st_dev,
			.inode = status.st_ino,
			.size = (uint64_t)status.st_size,
			.modified_ns = nanoseconds(&status.st_mtim),
			.changed_ns = nanoseconds(&status.st_ctim),
		};
	}
}

/* ---- what is told of folders ---- */

static void await_quiet(struct certificate_watch *watch)
{
	static const struct timeval quiet = {0, QUIET_MS * 1000};
	timestamp now = timestamp_now();

	if (watch->first_at == 0)
		watch->first_at = now;
	if (now - watch->first_at < PATIENCE_MS || !event_pending(watch->settle, EV_TIMEOUT, NULL))
		event_add(watch->settle, &quiet);
}

/* Which file it was says nothing, as any may be a link on the way; all are looked at when it is quiet. */
static void on_readable(evutil_socket_t fd, short what, void *context)
{
	char events[EVENTS_SIZE];

	(void)what;
	while (read(fd, events, sizeof events) > 0)
		continue;
	await_quiet(context);
}

static void on_settled(evutil_socket_t fd, short what, void *context)
{
	struct certificate_watch *watch = context;
	struct certificate_stamps now;

	(void)fd;
	(void)what;
	watch->first_at = 0;
	if (watch->config == NULL)
		return;
	watch_anew(watch);
	certificate_stamps_take(watch->config, &now);
	if (memcmp(&now, &watch->seen, sizeof now) == 0)
		return;
	watch->seen = now;
	watch->changed(watch->context);
}

/* ---- which folders ---- */

static bool is_watched(const int *folders, size_t count, int folder)
{
	for (size_t i = 0; i < count; i++)
		if (folders[i] == folder)
			return true;
	return false;
}

/* Those that are to be watched still are watched all the time: what happens now is told. */
static void watch_anew(struct certificate_watch *watch)
{
	const char *files[CERTIFICATE_FILES];
	int before[FOLDERS_MAX];
	size_t count = watch->folder_count;

	memcpy(before, watch->folders, sizeof before);
	watch->folder_count = 0;
	list_files(watch->config, files);
	for (unsigned i = 0; i < CERTIFICATE_FILES; i++)
		if (files[i] != NULL)
			watch_path(watch, files[i]);
	for (size_t i = 0; i < count; i++)
		if (!is_watched(watch->folders, watch->folder_count, before[i]))
			(void)inotify_rm_watch(watch->fd, before[i]);
}

static void watch_path(struct certificate_watch *watch, const char *path)
{
	struct walk walk = {.done = "", .links = 0};

	if (strlen(path) >= sizeof walk.rest)
		return;
	snprintf(walk.rest, sizeof walk.rest, "%s", path);
	if (path[0] == '/')
		snprintf(walk.done, sizeof walk.done, "/");
	while (step(watch, &walk))
		continue;
}

/* Cuts the first name off what is left; false when there is none. */
static bool cut_name(char *rest, char name[NAME_MAX + 1])
{
	size_t skipped = strspn(rest, "/"), len = strcspn(rest + skipped, "/");

	if (len == 0 || len > NAME_MAX)
		return false;
	memcpy(name, rest + skipped, len);
	name[len] = 0;
	memmove(rest, rest + skipped + len, strlen(rest + skipped + len) + 1);
	return true;
}

/* Goes one name further. */
static bool step(struct certificate_watch *watch, struct walk *walk)
{
	char name[NAME_MAX + 1], next[PATH_MAX];
	const char *slash = walk->done[0] == 0 || strcmp(walk->done, "/") == 0 ? "" : "/";
	struct stat status;
	int len;

	if (!cut_name(walk->rest, name))
		return false;
	len = snprintf(next, sizeof next, "%s%s%s", walk->done, slash, name);
	if (len < 0 || (size_t)len >= sizeof next)
		return false;
	bool is_there = lstat(next, &status) == 0, is_link = is_there && S_ISLNK(status.st_mode);
	if (is_link || walk->rest[strspn(walk->rest, "/")] == 0 || !is_there)
		watch_folder(watch, walk->done[0] != 0 ? walk->done : ".");
	if (is_link)
		return follow_link(walk, next);
	memcpy(walk->done, next, (size_t)len + 1);
	return is_there;
}

/* Puts what the link says before what is left. */
static bool follow_link(struct walk *walk, const char *link)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t len = readlink(link, target, sizeof target - 1);
	int written;

	if (len <= 0 || ++walk->links > LINKS_MAX)
		return false;
	target[len] = 0;
	written = snprintf(rest, sizeof rest, "%s/%s", target, walk->rest);
	if (written < 0 || (size_t)written >= sizeof rest)
		return false;
	memcpy(walk->rest, rest, (size_t)written + 1);
	if (target[0] == '/')
		snprintf(walk->done, sizeof walk->done, "/");
	return true;
}

static void watch_folder(struct certificate_watch *watch, const char *folder)
{
	int number = inotify_add_watch(watch->fd, folder, changes);

	if (number < 0 && !watch->has_complained) {
		watch->has_complained = true;
		log_warning("certificates not watched",
		            "folder=%s reason=\"%s\" advice=\"SIGUSR2 has them read anew\"", folder,
		            strerror(errno));
	}
	if (number >= 0 && watch->folder_count < FOLDERS_MAX &&
	    !is_watched(watch->folders, watch->folder_count, number))
		watch->folders[watch->folder_count++] = number;
}
