/* The checks as a table, and what they found as lines or JSON. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/doctor.h"
#include "admin/turnadmin_output.h"
#include "admin/turnadmin_verbs.h"

extern char **environ;

/* What comes first says most of why the others fail. */
static const struct {
	const char *name;
	doctor_check *look;
} checks[] = {
	{"server", doctor_look_at_server},
	{"addresses", doctor_look_at_addresses},
	{"external-ip", doctor_look_at_external_ip},
	{"listeners", doctor_look_at_listeners},
	{"firewall", doctor_look_at_firewall},
	{"ports", doctor_look_at_ports},
	{"certificate", doctor_look_at_certificate},
	{"key", doctor_look_at_key},
	{"database", doctor_look_at_database},
	{"clock", doctor_look_at_clock},
	{"open-files", doctor_look_at_files},
	{"socket-buffers", doctor_look_at_buffers},
	{"udp-memory", doctor_look_at_udp_memory},
	{"connection-tracking", doctor_look_at_tracking},
	{"cpus", doctor_look_at_cpus},
	{"kernel", doctor_look_at_features},
};

static const char *const level_names[FINDING_LEVELS] = {"fine", "note", "warning", "error"};

/* 1 and 2 are every verb's. */
static const int exit_codes[FINDING_LEVELS] = {0, 0, 3, 4};

static enum err read_configuration(struct doctor *doctor, const char *file, struct config **config);
static void print_lines(const struct doctor *doctor);
static void print_json(const struct doctor *doctor);
static enum finding_level worst_of(const struct doctor *doctor);

enum turnadmin_exit turnadmin_doctor(const struct turnadmin_request *request)
{
	struct doctor doctor = {
		.root = request->root != NULL ? request->root : "",
		.control_socket = request->control_socket,
		.check = "configuration",
		.findings = calloc(FINDINGS_MAX, sizeof(struct finding)),
	};
	struct config *config = NULL;

	if (doctor.findings == NULL) {
		turnadmin_say("%s", err_string(ERR_NO_MEMORY));
		return TURNADMIN_PROBLEM;
	}
	if (read_configuration(&doctor, request->config_file, &config) == OK) {
		doctor.config = config;
		for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
			doctor.check = checks[i].name;
			checks[i].look(&doctor);
		}
	}
	if (request->as_json)
		print_json(&doctor);
	else
		print_lines(&doctor);
	enum turnadmin_exit status = (enum turnadmin_exit)exit_codes[worst_of(&doctor)];
	config_destroy(config);
	free(doctor.findings);
	return status;
}

static void tell_problem(struct doctor *doctor, const struct config_problem *problem)
{
	enum finding_level level =
		problem->severity == CONFIG_ERROR ? FINDING_ERROR : FINDING_WARNING;

	if (problem->line != 0)
		doctor_find(doctor, level, NULL, "%s:%u: %s", problem->source, problem->line,
		            problem->message);
	else
		doctor_find(doctor, level, NULL, "%s: %s", problem->source, problem->message);
}

/* As turnserver reads it, from the same places. */
static enum err read_configuration(struct doctor *doctor, const char *file, struct config **config)
{
	char program[] = "turnserver", option[] = "-c", *name = file != NULL ? strdup(file) : NULL;
	char *with_file[] = {program, option, name, NULL}, *without[] = {program, NULL};
	const struct config_sources sources = {
		.program = CONFIG_TURNSERVER,
		.argc = name != NULL ? 3 : 1,
		.argv = name != NULL ? with_file : without,
		.environment = environ,
	};
	struct config_report report = {0};
	enum err err = ERR_NO_MEMORY;

	if (file == NULL || name != NULL)
		err = config_load(&sources, &report, config);
	for (size_t i = 0; i < report.count; i++)
		tell_problem(doctor, &report.problem[i]);
	if (err != OK && report.count == 0)
		doctor_find(doctor, FINDING_ERROR, NULL, "%s", err_string(err));
	else if (err == OK && (*config)->file_name == NULL)
		doctor_find(doctor, FINDING_NOTE, "turnadmin doctor --config FILE",
		            "no configuration was found: these are the defaults");
	else if (report.count == 0)
		doctor_find(doctor, FINDING_FINE, NULL, "%s has no errors", (*config)->file_name);
	config_report_deinit(&report);
	free(name);
	return err;
}

void doctor_find(struct doctor *doctor, enum finding_level level, const char *mend,
                 const char *text, ...)
{
	struct finding *finding = &doctor->findings[doctor->count];
	va_list args;

	if (doctor->count == FINDINGS_MAX)
		return;
	doctor->count++;
	finding->level = level;
	finding->check = doctor->check;
	snprintf(finding->mend, sizeof finding->mend, "%s", mend != NULL ? mend : "");
	va_start(args, text);
	vsnprintf(finding->text, sizeof finding->text, text, args);
	va_end(args);
}

enum err doctor_read(const struct doctor *doctor, const char *path, char *text, size_t size)
{
	char whole[512];
	FILE *file;
	size_t len;

	snprintf(whole, sizeof whole, "%s%s", doctor->root, path);
	file = fopen(whole, "re");
	if (file == NULL)
		return ERR_NOT_FOUND;
	len = fread(text, 1, size - 1, file);
	fclose(file);
	if (len > 0 && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	return OK;
}

size_t doctor_read_numbers(const struct doctor *doctor, const char *path, long long *numbers,
                           size_t max)
{
	char text[256], *at = text, *end;
	size_t count = 0;

	if (doctor_read(doctor, path, text, sizeof text) != OK)
		return 0;
	while (count < max) {
		numbers[count] = strtoll(at, &end, 10);
		if (end == at)
			break;
		at = end;
		count++;
	}
	return count;
}

unsigned doctor_relay_ports(const struct doctor *doctor)
{
	return doctor->config->max_port - doctor->config->min_port + 1u;
}

/* ---- output ---- */

static void print_lines(const struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->count; i++) {
		const struct finding *finding = &doctor->findings[i];

		printf("%s\t%s\t", level_names[finding->level], finding->check);
		turnadmin_output_text(finding->text);
		if (finding->mend[0] != '\0') {
			fputs(": ", stdout);
			turnadmin_output_text(finding->mend);
		}
		putchar('\n');
	}
}

static void print_member(const char *before, const char *name, const char *value)
{
	printf("%s\"%s\": ", before, name);
	turnadmin_output_json(value);
}

static void print_json(const struct doctor *doctor)
{
	print_member("{", "worst", level_names[worst_of(doctor)]);
	fputs(", \"findings\": [", stdout);
	for (size_t i = 0; i < doctor->count; i++) {
		const struct finding *finding = &doctor->findings[i];

		print_member(i == 0 ? "\n  {" : ",\n  {", "level", level_names[finding->level]);
		print_member(", ", "check", finding->check);
		print_member(", ", "text", finding->text);
		print_member(", ", "mend", finding->mend);
		putchar('}');
	}
	puts("\n]}");
}

static enum finding_level worst_of(const struct doctor *doctor)
{
	enum finding_level worst = FINDING_FINE;

	for (size_t i = 0; i < doctor->count; i++)
		if (doctor->findings[i].level > worst)
			worst = doctor->findings[i].level;
	return worst;
}
