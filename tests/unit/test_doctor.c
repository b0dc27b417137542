/* What doctor makes of the kernel's clock, which no test may set. */
#include "admin/doctor.h"

#include <stdlib.h>

#include "tap.h"

static struct finding found;

void doctor_find(struct doctor *doctor, enum finding_level level, const char *mend,
                 const char *text, ...)
{
	(void)doctor;
	(void)text;
	found.level = level;
	snprintf(found.mend, sizeof found.mend, "%s", mend != NULL ? mend : "");
}

enum err doctor_read(const struct doctor *doctor, const char *path, char *text, size_t size)
{
	(void)doctor;
	(void)path;
	(void)text;
	(void)size;
	return ERR_NOT_FOUND;
}

size_t doctor_read_numbers(const struct doctor *doctor, const char *path, long long *numbers,
                           size_t max)
{
	(void)doctor;
	(void)path;
	(void)numbers;
	(void)max;
	return 0;
}

unsigned doctor_relay_ports(const struct doctor *doctor)
{
	(void)doctor;
	return 1;
}

static enum finding_level level_of(const struct config *config, int state, int status)
{
	struct doctor doctor = {.config = config};
	const struct timex clock = {.status = status, .maxerror = 1500};

	doctor_judge_clock(&doctor, state, &clock);
	return found.level;
}

int main(void)
{
	struct config *config;

	if (config_create(CONFIG_TURNSERVER, &config) != OK)
		return 99;
	is_int(level_of(config, TIME_OK, 0), FINDING_FINE, "a clock that is synchronised");
	is_int(level_of(config, TIME_ERROR, STA_UNSYNC), FINDING_NOTE, "one that is not");
	is_int(level_of(config, TIME_OK, STA_UNSYNC), FINDING_NOTE,
	       "one that will not be for long");
	config->use_auth_secret = true;
	is_int(level_of(config, TIME_ERROR, 0), FINDING_WARNING, "where credentials end by it");
	ok(strstr(found.mend, "set-ntp true") != NULL, "the command that mends it");
	config_destroy(config);
	return tap_end();
}
