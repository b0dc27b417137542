/* Options compared with each other and with the system: what each source alone cannot know. Here are
 * what all checks share, their order, and those of the process; the others are in check_*.c. */
#include "config/check.h"

#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static check_fn *const checks[];

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

	for (size_t i = 0; checks[i] != NULL; i++)
		checks[i](&check);
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

/* clang-format off */
static check_fn *const checks[] = {
	check_files,
	check_certificate,
	check_transports,
	check_ports,
	check_proxies,
	check_relay_ips,
	check_external_ips,
	check_peer_rules,
	check_lifetimes,
	check_alternate_servers,
	complete_address_family,
	check_binding,
	check_nat_discovery,
	check_capacity,
	complete_mechanisms,
	check_mechanisms,
	check_realm,
	check_secrets,
	check_stores,
	check_sources,
	check_accounts,
	complete_log,
	check_log,
	NULL,
};
/* clang-format on */
