/* The fence from inside: a child raises it, tries one thing, and tells with its exit code what came of
 * it. Nothing here needs root; as root it has to hold all the same. */
#include "process/fence.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"
#include "test_files.h"

enum { KILLED = 200, NOT_RAISED, LANDLOCK_MISSING, SECCOMP_MISSING };

static struct test_files files; /* a folder to write in, with "inside" in it */
static char to_read[160];       /* a folder to read, with "inside" in it */

static int result(long returned)
{
	return returned < 0 ? errno : 0;
}

static int open_in(const char *folder, const char *name, int flags)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return result(open(path, flags | O_CLOEXEC, 0600));
}

/* ---- what a server does ---- */

static int writes_where_it_may(void)
{
	return open_in(files.directory, "inside", O_RDWR | O_TRUNC);
}
static int makes_a_file(void)
{
	return open_in(files.directory, "new", O_WRONLY | O_CREAT | O_EXCL);
}
static int reads_where_it_may(void)
{
	return open_in(to_read, "inside", O_RDONLY);
}
static int writes_ahead(void)
{
	sqlite3 *database;
	int status = sqlite3_open(files.database, &database);

	if (status == SQLITE_OK)
		status = sqlite3_exec(database,
		                      "PRAGMA journal_mode=WAL; CREATE TABLE t (x);"
		                      "INSERT INTO t VALUES (1); PRAGMA wal_checkpoint(TRUNCATE)",
		                      NULL, NULL, NULL);
	sqlite3_close(database);
	return status;
}
static int connects_by_tcp(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET6, SOCK_STREAM, 0);

	if (listener < 0 || bind(listener, (struct sockaddr *)&address, len) != 0 ||
	    listen(listener, 1) != 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &len) != 0)
		return errno;
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return result(connect(fd, (struct sockaddr *)&address, len));
}
static int connects_to_a_file(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%.90s/socket", files.directory);
	if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
	    listen(listener, 1) != 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
		return errno;
	return result(unlink(address.sun_path));
}
static int watches_a_folder(void)
{
	return result(inotify_add_watch(inotify_init1(IN_CLOEXEC), to_read, IN_MOVED_TO));
}
static int has_events_and_timers(void)
{
	return eventfd(0, EFD_CLOEXEC) < 0 ? errno
	                                   : result(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
}
static int opens_its_memory_by_name(void)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", memfd_create("memory", MFD_CLOEXEC));
	return result(open(path, O_RDONLY | O_CLOEXEC));
}
static int reads_its_limits(void)
{
	return result(sysconf(_SC_OPEN_MAX)) || result(sysconf(_SC_NPROCESSORS_ONLN));
}

/* ---- what it does not ---- */

static int writes_where_it_reads(void)
{
	return open_in(to_read, "inside", O_WRONLY);
}
static int makes_a_file_elsewhere(void)
{
	return open_in("/tmp", "turnstone-outside", O_WRONLY | O_CREAT);
}
static int reads_passwords(void)
{
	return open_in("/etc", "shadow", O_RDONLY);
}
static int reads_what_all_may(void)
{
	return open_in("/etc", "passwd", O_RDONLY);
}
static int lists_the_root(void)
{
	return open_in("/", "", O_RDONLY | O_DIRECTORY);
}
static int removes_a_file_elsewhere(void)
{
	char path[256];

	snprintf(path, sizeof path, "%s/inside", to_read);
	return result(unlink(path));
}
static int executes(void)
{
	return result(execl("/bin/true", "true", (char *)NULL));
}
static void *execute_on_thread(void *context)
{
	*(int *)context = executes();
	return NULL;
}
static int executes_on_a_thread(void)
{
	pthread_t thread;
	int outcome = 0;

	if (pthread_create(&thread, NULL, execute_on_thread, &outcome) != 0)
		return ECHILD;
	pthread_join(thread, NULL);
	return outcome;
}
static int forks(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	return result(child);
}
static int looks_into_its_parent(void)
{
	return result(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}
static int reads_its_parents_memory(void)
{
	char byte;
	struct iovec here = {&byte, 1}, there = {&byte, 1};

	return result(syscall(SYS_process_vm_readv, getppid(), &here, 1, &there, 1, 0));
}
static int signals_its_parent(void)
{
	return result(kill(getppid(), 0));
}
static int mounts(void)
{
	return result(mount("none", "/tmp", "tmpfs", 0, NULL));
}
static int changes_its_user(void)
{
	return result(setuid(getuid()));
}
static int makes_memory_of_code(void)
{
	void *made = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return made == MAP_FAILED ? errno : 0;
}
static int makes_code_of_memory(void)
{
	void *made = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return made == MAP_FAILED ? ENOMEM : result(mprotect(made, 4096, PROT_READ | PROT_EXEC));
}
static int types_into_a_terminal(void)
{
	/* The number alone counts: there is no terminal, which would say ENOTTY. */
	return result(ioctl(STDERR_FILENO, TIOCSTI, "x"));
}
static int hides_what_it_types(void)
{
	return result(syscall(SYS_ioctl, STDERR_FILENO, (uint64_t)1 << 32 | TIOCSTI, "x"));
}
static int reads_how_much_there_is(void)
{
	int ends[2], count;

	return pipe(ends) != 0 ? errno : result(ioctl(ends[0], FIONREAD, &count));
}
static int makes_a_program_set_uid(void)
{
	char path[256];

	snprintf(path, sizeof path, "%s/inside", files.directory);
	return result(fchmod(open(path, O_RDONLY | O_CLOEXEC), 04755));
}
static int changes_a_mode(void)
{
	char path[256];

	snprintf(path, sizeof path, "%s/inside", files.directory);
	return result(fchmod(open(path, O_RDONLY | O_CLOEXEC), 0640));
}
static int changes_a_mode_elsewhere(void)
{
	char path[256];

	snprintf(path, sizeof path, "%s/inside", to_read);
	return result(chmod(path, 0600));
}
static int pins_itself(void)
{
	cpu_set_t all;

	return sched_getaffinity(0, sizeof all, &all) != 0
	               ? errno
	               : result(sched_setaffinity(0, sizeof all, &all));
}
static int moves_pages(void)
{
	int ends[2];

	return pipe(ends) != 0 ? errno : result(splice(ends[0], NULL, ends[1], NULL, 1, 0));
}
static int listens_to_the_wire(void)
{
	return result(socket(AF_PACKET, SOCK_RAW, 0));
}
static int is_dumpable(void)
{
	/* Asked from outside of the filter, by what belongs to root then. */
	struct stat status;

	return stat("/proc/self/mem", &status) != 0 ? errno
	       : status.st_uid == geteuid()         ? 1
	                                            : EPERM;
}

struct deed {
	const char *name;
	int (*deed)(void);
	int outcome;
	int missing; /* with which part it is nothing */
};

static const char *const own_calls[] = {"sched_setaffinity", "there_is_no_such_call"};

static const struct deed deeds[] = {
	{"it asks how much there is to read", reads_how_much_there_is, 0, 0},
	{"it sets a file's mode", changes_a_mode, 0, 0},
	{"it writes to a file in a folder to write", writes_where_it_may, 0, 0},
	{"it makes a file there", makes_a_file, 0, 0},
	{"it reads a file in a folder to read", reads_where_it_may, 0, 0},
	{"SQLite has its write-ahead log", writes_ahead, 0, 0},
	{"it connects by TCP", connects_by_tcp, 0, 0},
	{"it connects to a socket that is a file, and removes that", connects_to_a_file, 0, 0},
	{"it watches a folder", watches_a_folder, 0, 0},
	{"it has event and timer descriptors", has_events_and_timers, 0, 0},
	{"it reads its limits", reads_its_limits, 0, 0},
	{"it opens by a name what it has in memory", opens_its_memory_by_name, 0, 0},
	{"it does not write where it may read", writes_where_it_reads, EACCES, LANDLOCK_MISSING},
	{"it makes no file elsewhere", makes_a_file_elsewhere, EACCES, LANDLOCK_MISSING},
	{"it removes none", removes_a_file_elsewhere, EACCES, LANDLOCK_MISSING},
	{"it does not read /etc/shadow", reads_passwords, EACCES, LANDLOCK_MISSING},
	{"it does not read what anyone may", reads_what_all_may, EACCES, LANDLOCK_MISSING},
	{"it does not list the root folder", lists_the_root, EACCES, LANDLOCK_MISSING},
	{"it starts no program", executes, EPERM, SECCOMP_MISSING},
	{"neither does a thread of it", executes_on_a_thread, EPERM, SECCOMP_MISSING},
	{"it starts no process", forks, EPERM, SECCOMP_MISSING},
	{"it attaches to no process", looks_into_its_parent, EPERM, SECCOMP_MISSING},
	{"it reads no other memory", reads_its_parents_memory, EPERM, SECCOMP_MISSING},
	{"it signals no other process", signals_its_parent, EPERM, SECCOMP_MISSING},
	{"it mounts nothing", mounts, EPERM, SECCOMP_MISSING},
	{"it becomes no other user", changes_its_user, EPERM, SECCOMP_MISSING},
	{"no memory is to write and to execute", makes_memory_of_code, EPERM, SECCOMP_MISSING},
	{"nor first the one and then the other", makes_code_of_memory, EPERM, SECCOMP_MISSING},
	{"it types into no terminal", types_into_a_terminal, EPERM, SECCOMP_MISSING},
	{"nor with a number that is too wide", hides_what_it_types, EPERM, SECCOMP_MISSING},
	{"it makes no program set-uid", makes_a_program_set_uid, EPERM, SECCOMP_MISSING},
	{"it changes no mode by a name", changes_a_mode_elsewhere, EPERM, SECCOMP_MISSING},
	{"it makes a call that its program asks for", pins_itself, 0, 0},
	{"it makes none of another program", moves_pages, EPERM, SECCOMP_MISSING},
	{"it opens no raw socket", listens_to_the_wire, EPERM, SECCOMP_MISSING},
};

static int raise_and_do(const struct deed *deed, bool is_strict)
{
	struct fence_path *paths = calloc(4, sizeof *paths);
	struct fence_settings settings = {
		.paths = paths,
		.path_count = 4,
		.calls = {own_calls, sizeof own_calls / sizeof own_calls[0]},
		.is_strict = is_strict,
	};
	char problem[256];

	snprintf(paths[0].path, sizeof paths[0].path, "%s", files.directory);
	paths[0].may_write = true;
	snprintf(paths[1].path, sizeof paths[1].path, "%s", to_read);
	snprintf(paths[2].path, sizeof paths[2].path, "/nowhere");
	snprintf(paths[3].path, sizeof paths[3].path, "/proc/self");
	if (fence_raise(&settings, problem) != OK)
		return NOT_RAISED;
	return deed->deed();
}

static int outcome_of(const struct deed *deed, bool is_strict)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		if (freopen("/dev/null", "w", stderr) == NULL) /* the log */
			_exit(NOT_RAISED);
		_exit(raise_and_do(deed, is_strict));
	}
	if (waitpid(child, &status, 0) != child)
		return NOT_RAISED;
	return WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status) == SIGSYS ? KILLED : -1;
}

/* Which part this kernel and build do not have; 0: none of them. */
static int find_missing(void)
{
	pid_t child = fork();
	int status = 0, version;

	if (child == 0) {
		(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (fence_files(NULL, 0, &version) == ERR_UNAVAILABLE)
			_exit(LANDLOCK_MISSING);
		_exit(fence_calls(&(struct fence_call_list){0}, false) == ERR_UNAVAILABLE
		              ? SECCOMP_MISSING
		              : 0);
	}
	waitpid(child, &status, 0);
	return WEXITSTATUS(status);
}

static void make_file(const char *folder)
{
	char path[256];

	snprintf(path, sizeof path, "%s/inside", folder);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

int main(void)
{
	test_files_init(&files);
	snprintf(to_read, sizeof to_read, "%s-to-read", files.directory);
	if (mkdir(to_read, 0700) != 0)
		return 99;
	make_file(files.directory);
	make_file(to_read);

	int missing = find_missing();
	for (size_t i = 0; i < sizeof deeds / sizeof deeds[0]; i++)
		if (missing != 0 && deeds[i].missing == missing)
			printf("ok %u - %s # SKIP not in this kernel or build\n", ++tap_count,
			       deeds[i].name);
		else
			is_int(outcome_of(&deeds[i], false), deeds[i].outcome, "%s", deeds[i].name);

	const struct deed dumps = {"nobody of its user looks into it", is_dumpable, EPERM, 0};
	is_int(outcome_of(&dumps, false), geteuid() == 0 ? 1 : EPERM, "%s", dumps.name);
	const struct deed execution = {"strict: who starts a program is killed", executes, KILLED,
	                               0};
	is_int(outcome_of(&execution, true), missing != 0 ? NOT_RAISED : KILLED, "%s",
	       execution.name);

	char path[256];
	snprintf(path, sizeof path, "%s/inside", to_read);
	unlink(path);
	rmdir(to_read);
	test_files_deinit(&files);
	return tap_end();
}
