/* Options compared with each other and with the system: what each source alone cannot know. Here are
 * what all checks share, their order, and those of the process; the others are in check_*.c. */
#include "config/check.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	RELAY = OPTION_RELAY,
	SIGNALING = OPTION_SIGNALING,
	CONSOLE = OPTION_CONSOLE,
	SERVERS = OPTION_RELAY | OPTION_SIGNALING, /* those that serve clients */
	EVERY = SERVERS | OPTION_CONSOLE
};

/* In their order, each for the programs whose options it compares. */
struct check_row {
	check_fn *look;
	unsigned programs;
};
static const struct check_row checks[];

/* Puts a problem where the option was set, so that the operator finds the line. */
static void say(struct check *check, enum config_severity severity, enum option_id id,
                const char *message, va_list args)
{
	char text[CONFIG_MESSAGE_SIZE];

	vsnprintf(text, sizeof text, message, args);
	config_report_add(check->report, severity, config_source_name(check->config, id),
	                  check->config->origin[id].line, "%s", text);
}

void check_error(struct check *check, enum option_id id, const char *message, ...)
{
	va_list args;

	va_start(args, message);
	say(check, CONFIG_ERROR, id, message, args);
	va_end(args);
	check->has_error = true;
}

void check_warn(struct check *check, enum option_id id, const char *message, ...)
{
	va_list args;

	va_start(args, message);
	say(check, CONFIG_WARNING, id, message, args);
	va_end(args);
}

bool check_is_set(const struct check *check, enum option_id id)
{
	return check->config->origin[id].source != CONFIG_FROM_DEFAULT;
}

enum err config_check(struct config *config, struct config_report *report)
{
	struct check check = {config, report, false, false};

	for (size_t i = 0; checks[i].look != NULL; i++)
		if (checks[i].programs & option_program_flag(config->program))
			checks[i].look(&check);
	if (check.is_out_of_memory)
		return ERR_NO_MEMORY;
	return check.has_error ? ERR_INVALID : OK;
}

/* ---- process ---- */

static void check_sources(struct check *check)
{
	const struct config *config = check->config;

	if (config->no_config && config->config_file != NULL)
		check_warn(check, OPTION_ID_config_file,
		           "config-file is not read: no-config was given as well");
}

static void check_accounts(struct check *check)
{
	const struct config *config = check->config;

	if (config->proc_user != NULL && getpwnam(config->proc_user) == NULL)
		check_error(check, OPTION_ID_proc_user, "proc-user: there is no user %.64s",
		            config->proc_user);
	if (config->proc_group != NULL && getgrnam(config->proc_group) == NULL)
		check_error(check, OPTION_ID_proc_group, "proc-group: there is no group %.64s",
		            config->proc_group);
}

/* coturn's names for what is no file. */
static void complete_log(struct check *check)
{
	struct config *config = check->config;
	const char *name = config->log_file;
	char *replacement = NULL;

	if (name == NULL)
		return;
	if (strcmp(name, "syslog") == 0) {
		config->syslog = true;
	} else if (strcmp(name, "stdout") == 0 || strcmp(name, "-") == 0) {
		replacement = strdup("/dev/stdout");
		if (replacement == NULL) {
			check->is_out_of_memory = true;
			return;
		}
	} else {
		return;
	}
	free(config->log_file);
	config->log_file = replacement;
}

static void check_log(struct check *check)
{
	const struct config *config = check->config;

	if (config->syslog && config->log_file != NULL)
		check_warn(check, OPTION_ID_syslog,
		           "syslog: the log goes there and not to log-file");
	if (config->daemon && !config->syslog && config->log_file == NULL)
		check_warn(check, OPTION_ID_daemon,
		           "daemon: nobody sees the log of a program in the background: set "
		           "log-file or "
		           "syslog");
}

/* What is written to: the start itself would tell of the first that cannot be, and of no other. */
static void check_folder(struct check *check, enum option_id id, const char *name, const char *file)
{
	const char *slash = file != NULL ? strrchr(file, '/') : NULL;
	char folder[PATH_MAX];

	if (slash == NULL || slash == file || slash - file >= PATH_MAX)
		return;
	snprintf(folder, sizeof folder, "%.*s", (int)(slash - file), file);
	if (access(folder, X_OK) != 0)
		check_error(check, id, "%s: %.200s: %s: make the folder, or name another", name,
		            folder, strerror(errno));
}

static void check_folders(struct check *check)
{
	const struct config *config = check->config;

	if (!config->check)
		return;
	check_folder(check, OPTION_ID_pidfile, "pidfile", config->pidfile);
	check_folder(check, OPTION_ID_log_file, "log-file", config->log_file);
	check_folder(check, OPTION_ID_userdb, "userdb", config->userdb);
	if (check_is_set(check, OPTION_ID_control_socket))
		check_folder(check, OPTION_ID_control_socket, "control-socket",
		             config->control_socket);
}

/* clang-format off */
static const struct check_row checks[] = {
	{check_files, EVERY},
	{check_certificate, EVERY},
	{check_transports, RELAY},
	{check_ports, RELAY},
	{check_proxies, RELAY},
	{check_relay_ips, RELAY},
	{check_external_ips, RELAY},
	{check_peer_rules, RELAY},
	{check_lifetimes, RELAY},
	{check_alternate_servers, RELAY},
	{complete_address_family, RELAY},
	{check_binding, RELAY},
	{check_nat_discovery, RELAY},
	{check_capacity, RELAY},
	{complete_mechanisms, RELAY},
	{check_mechanisms, RELAY},
	{check_realm, RELAY},
	{check_secrets, EVERY},
	{check_stores, EVERY},
	{check_sources, EVERY},
	{check_accounts, EVERY},
	{complete_log, EVERY},
	{check_console, RELAY},
	{check_web, RELAY | CONSOLE},
	{check_signaling, SIGNALING},
	{check_log, EVERY},
	{check_folders, EVERY},
	{NULL, 0},
};
/* clang-format on */
