/* capset() and prctl() as the kernel has them: the sets are two words, and libcap would be for this
 * alone. */
#include "process/capabilities.h"

#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WORDS = 2 };

struct sets {
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct data[WORDS];
};

static const struct {
	unsigned number;
	const char *name;
} names[] = {
	{CAP_CHOWN, "chown"},     {CAP_DAC_OVERRIDE, "dac_override"},
	{CAP_FOWNER, "fowner"},   {CAP_KILL, "kill"},
	{CAP_SETGID, "setgid"},   {CAP_SETUID, "setuid"},
	{CAP_SETPCAP, "setpcap"}, {CAP_NET_BIND_SERVICE, "net_bind_service"},
};

static enum err sets_get(struct sets *sets)
{
	*sets = (struct sets){.header = {.version = _LINUX_CAPABILITY_VERSION_3}};
	return syscall(SYS_capget, &sets->header, sets->data) == 0 ? OK : ERR_SYSTEM;
}

void capabilities_outlive_setuid(uint64_t kept)
{
	/* Ends with an error at the first number that the kernel does not know. */
	for (unsigned number = 0; prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; number++)
		if ((kept & CAPABILITY(number)) == 0)
			(void)prctl(PR_CAPBSET_DROP, number, 0, 0,
			            0); /* needs a privilege itself */
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (kept != 0)
		(void)prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
}

enum err capabilities_keep(uint64_t kept)
{
	struct sets sets;
	bool is_more = false;

	if (sets_get(&sets) != OK)
		return ERR_SYSTEM;
	for (unsigned i = 0; i < WORDS; i++) {
		struct __user_cap_data_struct *word = &sets.data[i];
		uint32_t left = word->permitted & (uint32_t)(kept >> 32 * i);

		is_more |= word->permitted != left || word->effective != left;
		*word = (struct __user_cap_data_struct){.effective = left, .permitted = left};
	}
	/* A confined service may not call it at all: it does not matter where there is no more. */
	if (syscall(SYS_capset, &sets.header, sets.data) == 0 || !is_more)
		return OK;
	return ERR_SYSTEM;
}

const char *capabilities_describe(char text[CAPABILITIES_TEXT_SIZE])
{
	struct sets sets;
	size_t used = 0;

	snprintf(text, CAPABILITIES_TEXT_SIZE, "none");
	if (sets_get(&sets) != OK)
		return text;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (sets.data[names[i].number / 32].permitted & 1u << names[i].number % 32)
			used += (size_t)snprintf(text + used, CAPABILITIES_TEXT_SIZE - used, "%s%s",
			                         used != 0 ? "," : "", names[i].name);
	return text;
}
