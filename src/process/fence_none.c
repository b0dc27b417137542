/* In place of the fence where a sanitizer looks into its own process and writes reports. */
#include <stdio.h>

#include "base/log.h"
#include "process/fence.h"

bool fence_is_built(void)
{
	return false;
}

enum err fence_raise(const struct fence_settings *settings, char problem[256])
{
	snprintf(problem, 256, "fence=strict: this server was built with a sanitizer");
	if (settings->is_strict)
		return ERR_UNAVAILABLE;
	log_info("not fenced", "reason=\"built with a sanitizer\"");
	return OK;
}
