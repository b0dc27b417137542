/* The parts of the fence in their order, and the line that says which of them stand. */
#include "process/fence.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"
#include "process/capabilities.h"

enum { STANDING_SIZE = 96 };

struct standing { /* what of it stands, for the log */
	char capabilities[CAPABILITIES_TEXT_SIZE], files[STANDING_SIZE], calls[STANDING_SIZE];
};

static enum err forbid_new_privileges(char problem[256]);
static enum err raise_files(const struct fence_settings *settings, struct standing *standing,
                            char problem[256]);
static enum err raise_calls(const struct fence_settings *settings, struct standing *standing,
                            char problem[256]);

bool fence_is_built(void)
{
	return true;
}

enum err fence_raise(const struct fence_settings *settings, char problem[256])
{
	struct standing standing;
	enum err err = forbid_new_privileges(problem);

	/* Neither a core nor another process of this user is to have what is in the memory. */
	if (err == OK)
		(void)prctl(PR_SET_DUMPABLE, settings->dumps_core ? 1 : 0, 0, 0, 0);
	capabilities_describe(standing.capabilities); /* later it is a call that is refused */
	if (err == OK)
		err = raise_files(settings, &standing, problem);
	if (err == OK)
		err = raise_calls(settings, &standing, problem);
	if (err != OK)
		return err;
	log_info("fenced", "uid=%u capabilities=%s files=\"%s\" system_calls=\"%s\" core_dumps=%s",
	         (unsigned)geteuid(), standing.capabilities, standing.files, standing.calls,
	         settings->dumps_core ? "yes" : "no");
	return OK;
}

/* Programs that are set-uid give nothing any more; seccomp and Landlock ask for this first. */
static enum err forbid_new_privileges(char problem[256])
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		return OK;
	snprintf(problem, 256, "fence: no_new_privs: %s", strerror(errno));
	return ERR_SYSTEM;
}

/* errno of a part that is not there, as an operator can look for the cause of it. */
static const char *cause_of(int reason)
{
	switch (reason) {
	case ENOSYS:
		return "not in this kernel or build";
	case EOPNOTSUPP:
		return "switched off when the kernel was started: see its parameter lsm";
	default: /* EPERM, EACCES: by what confines the server already */
		return strerror(reason);
	}
}

/* A part that is not there is no reason to serve nobody, unless it was asked for. */
static enum err judge(enum err err, const struct fence_settings *settings, const char *part,
                      char text[STANDING_SIZE], char problem[256])
{
	if (err == OK)
		return OK;
	snprintf(text, STANDING_SIZE, "not fenced: %s", cause_of(errno));
	if (!settings->is_strict)
		return OK;
	snprintf(problem, 256, "fence=strict: %s: %s: use fence=auto to go without", part, text);
	return err;
}

static enum err raise_files(const struct fence_settings *settings, struct standing *standing,
                            char problem[256])
{
	int version = 0;

	if (settings->leaves_files) {
		snprintf(standing->files, sizeof standing->files, "all");
		return OK;
	}
	enum err err = fence_files(settings->paths, settings->path_count, &version);

	snprintf(standing->files, sizeof standing->files, "Landlock %d", version);
	return judge(err, settings, "files (Landlock)", standing->files, problem);
}

static enum err raise_calls(const struct fence_settings *settings, struct standing *standing,
                            char problem[256])
{
	enum err err = fence_calls(&settings->calls, settings->is_strict);

	snprintf(standing->calls, sizeof standing->calls, "seccomp, %s",
	         settings->is_strict ? "others kill" : "others are refused");
	return judge(err, settings, "system calls (seccomp)", standing->calls, problem);
}
