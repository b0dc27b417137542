/* Where the log goes, from the options: those of coturn and those that are ours. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file_refusal.h"
#include "base/log.h"
#include "base/log_datagram.h"
#include "process/process.h"

/* What the options' checks have let through, here and below. */
static int facility_of(const struct config *config)
{
	int facility;

	return log_facility_parse(config->syslog_facility, &facility) == OK ? facility : 0;
}

static enum log_level level_of(const struct config *config)
{
	enum log_level level = LEVEL_DEBUG;

	if (!config->verbose && log_level_parse(config->log_min_level, &level) != OK)
		level = LEVEL_INFO;
	return level;
}

static enum log_time time_of(const struct config *config)
{
	if (!config->new_log_timestamp)
		return LOG_TIME_SECONDS;
	return config->new_log_timestamp_format != NULL ? LOG_TIME_FORMAT : LOG_TIME_ISO;
}

/* Names that are no file's: stdout and - are /dev/stdout by now, and syslog is the option. */
static void set_destination(const struct config *config, struct log_settings *settings)
{
	static const struct {
		const char *name;
		enum log_destination to;
	} names[] = {
		{"/dev/stdout", LOG_TO_STDOUT},
		{"/dev/stderr", LOG_TO_STDERR},
		{"stderr", LOG_TO_STDERR},
		{"journal", LOG_TO_JOURNAL},
	};

	if (config->syslog) {
		settings->to = LOG_TO_SYSLOG;
		return;
	}
	settings->file = config->log_file;
	for (size_t i = 0; config->log_file != NULL && i < sizeof names / sizeof names[0]; i++)
		if (strcmp(config->log_file, names[i].name) == 0) {
			settings->to = names[i].to;
			settings->file = NULL;
		}
}

const char *process_log_file(const struct config *config)
{
	struct log_settings settings = {.file = NULL};

	set_destination(config, &settings);
	return settings.file;
}

/* Whoever the server becomes has to open the file anew after it was moved away. */
static void set_owner(const struct config *config, struct log_settings *settings)
{
	char problem[256];

	settings->has_owner =
		process_find_ids(config, &settings->owner, &settings->group, problem) == OK;
}

static void describe(const struct log_settings *settings, int reason, char problem[256])
{
	char refusal[FILE_REFUSAL_SIZE];

	if (settings->file == NULL)
		snprintf(problem, 256, "%s cannot be written: %s",
		         settings->to == LOG_TO_SYSLOG ? "syslog " LOG_SYSLOG_SOCKET : "log-file",
		         strerror(reason));
	else
		snprintf(problem, 256, "log-file %.120s cannot be written: %s", settings->file,
		         file_refusal(settings->file, W_OK, reason, refusal));
}

enum err process_open_log(const struct config *config, char problem[256])
{
	struct log_settings settings = {
		.min_level = level_of(config),
		.to_stdout_too = config->stdout_log,
		.program = config_program_name(config->program),
		.facility = facility_of(config),
		.format = strcmp(config->log_format, "json") == 0 ? LOG_JSON : LOG_TEXT,
		.time = time_of(config),
		.time_format = config->new_log_timestamp_format,
		.rate = config->log_rate,
	};

	set_destination(config, &settings);
	set_owner(config, &settings);

	enum err err = log_open(&settings);
	if (err != OK)
		describe(&settings, errno, problem);
	return err;
}

void process_reopen_log(const struct config *config)
{
	char problem[256];

	if (process_open_log(config, problem) != OK)
		log_warning("log not reopened", "reason=\"%s\"", problem);
}
