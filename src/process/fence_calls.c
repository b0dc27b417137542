/* seccomp: the system calls of a server with libevent, OpenSSL, SQLite, hiredis and the C library, and those
 * of this program beside them. All others are refused with EPERM, or kill. The list is of names, which libseccomp knows for each
 * architecture; a name that there is not on this one is left out. */
#include <errno.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "process/fence.h"

/* clang-format off */
static const char *const allowed[] = {
	/* packets and streams */
	"accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt",
	"listen", "read", "readv", "recvfrom", "recvmsg", "sendmmsg", "sendmsg",
	"sendto", "setsockopt", "shutdown", "socketpair", "write", "writev",
	/* waiting */
	"clock_nanosleep", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait",
	"epoll_pwait2", "epoll_wait", "eventfd", "eventfd2", "inotify_add_watch",
	"inotify_init", "inotify_init1", "inotify_rm_watch", "nanosleep", "pipe", "pipe2",
	"poll", "ppoll", "pselect6", "restart_syscall", "select", "signalfd", "signalfd4",
	"timerfd_create", "timerfd_gettime", "timerfd_settime",
	/* files: the configuration, certificates, the log, SQLite */
	"access", "close", "close_range", "dup", "dup2", "dup3", "faccessat",
	"faccessat2", "fallocate", "fchown", "fcntl", "fdatasync",
	"flock", "fstat", "fstatfs", "fsync", "ftruncate", "getcwd", "getdents64",
	"lseek", "lstat", "memfd_create", "newfstatat", "open", "openat", "pread64", "pwrite64",
	"readlink", "readlinkat", "stat", "statfs", "statx", "truncate", "umask", "unlink",
	"unlinkat",
	/* memory */
	"brk", "madvise", "membarrier", "mremap", "msync", "munmap",
	/* threads, signals, time, and who we are */
	"clock_getres", "clock_gettime", "exit", "exit_group", "futex", "futex_waitv", "getcpu",
	"getegid", "geteuid", "getgid", "getgroups", "getpgrp", "getpid", "getppid",
	"getrandom", "getresgid", "getresuid", "getrlimit", "getrusage", "gettid",
	"gettimeofday", "getuid", "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask",
	"rt_sigreturn", "rt_sigtimedwait", "sched_getaffinity", "sched_getparam",
	"sched_getscheduler", "sched_yield", "set_robust_list",
	"sigaltstack", "sysinfo", "tgkill", "time", "times", "uname",
	/* the same where words have 32 bits: wider times and sizes, narrower numbers of users */
	"_llseek", "_newselect", "clock_getres_time64", "clock_gettime64",
	"clock_nanosleep_time64", "fchown32", "fcntl64", "fstat64", "fstatat64", "fstatfs64",
	"ftruncate64", "futex_time64", "getegid32", "geteuid32", "getgid32", "getgroups32",
	"getresgid32", "getresuid32", "getuid32", "lstat64", "ppoll_time64",
	"pselect6_time64", "recv", "rt_sigtimedwait_time64", "send",
	"sigprocmask", "sigreturn", "stat64", "statfs64", "timerfd_gettime64",
	"timerfd_settime64", "truncate64", "ugetrlimit",
};
/* clang-format on */

/* Calls that are allowed with one of these arguments: argument & mask == value. */
static const struct {
	const char *name;
	unsigned argument;
	uint64_t mask, value;
} conditions[] = {
	{"socket", 0, UINT64_MAX, AF_INET},
	{"socket", 0, UINT64_MAX, AF_INET6},
	{"socket", 0, UINT64_MAX, AF_UNIX},
	{"socket", 0, UINT64_MAX, AF_NETLINK},    /* the addresses of the machine */
	{"clone", 0, CLONE_THREAD, CLONE_THREAD}, /* no process */
	/* Memory is for writing or for executing. The latter is how libraries are loaded. */
	{"mmap", 2, PROT_EXEC, 0},
	{"mmap", 2, PROT_WRITE, 0},
	{"mmap2", 2, PROT_EXEC, 0},
	{"mmap2", 2, PROT_WRITE, 0},
	{"mprotect", 2, PROT_EXEC, 0},
	/* Landlock judges no modes: what root owns is not to become a set-uid program. */
	{"fchmod", 1, S_ISUID | S_ISGID, 0},
	/* None that types into a terminal. What is asked is 32 bits wide. */
	{"ioctl", 1, UINT32_MAX, FIONBIO},
	{"ioctl", 1, UINT32_MAX, FIONREAD},
	{"ioctl", 1, UINT32_MAX, FIOCLEX},
	{"ioctl", 1, UINT32_MAX, TIOCOUTQ},
	{"ioctl", 1, UINT32_MAX, TCGETS}, /* isatty() */
	{"ioctl", 1, UINT32_MAX, TIOCGWINSZ},
	{"ioctl", 1, UINT32_MAX, SIOCGIFNAME}, /* zones of IPv6 addresses */
	{"ioctl", 1, UINT32_MAX, SIOCGIFINDEX},
	{"prctl", 0, UINT64_MAX, PR_SET_NAME},
	{"prctl", 0, UINT64_MAX, PR_GET_NAME},
	{"prlimit64", 2, UINT64_MAX, 0}, /* to look */
};

static bool has_arguments_in_registers(void);
static enum err judge(int result);
static enum err add_names(scmp_filter_ctx filter, const struct fence_call_list *list);
static enum err refuse_clone3(scmp_filter_ctx filter);
static enum err add_conditions(scmp_filter_ctx filter);
static enum err set_attributes(scmp_filter_ctx filter, uint32_t otherwise);

enum err fence_calls(const struct fence_call_list *more, bool kills)
{
	const struct fence_call_list all = {allowed, sizeof allowed / sizeof allowed[0]};
	uint32_t otherwise = kills ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM);
	scmp_filter_ctx filter;
	enum err err;

	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0) {
		errno = errno == EINVAL ? ENOSYS : errno; /* EINVAL: a kernel without */
		return ERR_UNAVAILABLE;
	}
	if (!has_arguments_in_registers()) {
		errno = ENOSYS;
		return ERR_UNAVAILABLE;
	}
	filter = seccomp_init(otherwise);
	if (filter == NULL) {
		errno = ENOMEM;
		return ERR_NO_MEMORY;
	}
	err = set_attributes(filter, otherwise);
	if (err == OK)
		err = add_names(filter, &all);
	if (err == OK)
		err = add_names(filter, more);
	if (err == OK)
		err = refuse_clone3(filter);
	if (err == OK)
		err = add_conditions(filter);
	if (err == OK)
		err = judge(seccomp_load(filter));
	int reason = errno;
	seccomp_release(filter);
	errno = reason;
	return err;
}

/* Where socket() or mmap() have them in memory no filter sees them: the 32-bit PC's one call for all that
 * is about sockets, and mainframes' mmap(). */
static bool has_arguments_in_registers(void)
{
	uint32_t architecture = seccomp_arch_native();

	return architecture != SCMP_ARCH_X86 && architecture != SCMP_ARCH_S390 &&
	       architecture != SCMP_ARCH_S390X;
}

static enum err judge(int result)
{
	errno = result < 0 ? -result : 0;
	return result < 0 ? ERR_SYSTEM : OK;
}

/* All threads at once, should a library have begun one. Programs of another architecture's calls are
 * no exception. Filters must not cost what they were to the branch predictor (SSB), and common calls
 * come first. */
static enum err set_attributes(scmp_filter_ctx filter, uint32_t otherwise)
{
	const struct {
		enum scmp_filter_attr attribute;
		uint32_t value;
		bool may_lack;
	} attributes[] = {
		{SCMP_FLTATR_ACT_BADARCH, otherwise, false}, {SCMP_FLTATR_CTL_NNP, 1, false},
		{SCMP_FLTATR_CTL_TSYNC, 1, false},           {SCMP_FLTATR_CTL_SSB, 1, true},
		{SCMP_FLTATR_CTL_OPTIMIZE, 2, true},
	};
	enum err err = OK;

	for (size_t i = 0; i < sizeof attributes / sizeof attributes[0] && err == OK; i++) {
		err = judge(seccomp_attr_set(filter, attributes[i].attribute, attributes[i].value));
		if (attributes[i].may_lack)
			err = OK;
	}
	return err;
}

static enum err add_names(scmp_filter_ctx filter, const struct fence_call_list *list)
{
	enum err err = OK;

	for (size_t i = 0; i < list->count && err == OK; i++) {
		int number = seccomp_syscall_resolve_name(list->names[i]);
		if (number >= 0)
			err = judge(seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0));
	}
	return err;
}

/* Its flags are in memory, where no filter sees them: the C library takes clone() then. */
static enum err refuse_clone3(scmp_filter_ctx filter)
{
	int clone3 = seccomp_syscall_resolve_name("clone3");

	return clone3 < 0 ? OK : judge(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), clone3, 0));
}

static enum err add_conditions(scmp_filter_ctx filter)
{
	enum err err = OK;

	for (size_t i = 0; i < sizeof conditions / sizeof conditions[0] && err == OK; i++) {
		int number = seccomp_syscall_resolve_name(conditions[i].name);
		const struct scmp_arg_cmp compare =
			SCMP_CMP(conditions[i].argument, SCMP_CMP_MASKED_EQ, conditions[i].mask,
		                 conditions[i].value);
		if (number >= 0)
			err = judge(seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 1,
			                                   &compare));
	}
	return err;
}
