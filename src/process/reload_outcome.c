/* Options change or do not by their row of options.def, and by what the program knows besides. */
#include "process/reload_outcome.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum { VALUE_SIZE = 256 };

struct comparison {
	struct reload_outcome *outcome;
	const struct config *running;
	struct config *config;
	outcome_reason_fn *reason;
	void *context;
	enum err err;
};

static struct reload_change *add_change(struct reload_outcome *outcome)
{
	size_t count = outcome->change_count;
	struct reload_change *more = realloc(outcome->changes, (count + 1) * sizeof *more);

	if (more == NULL)
		return NULL;
	outcome->changes = more;
	outcome->change_count++;
	more[count] = (struct reload_change){.is_applied = false};
	return &more[count];
}

static char *value_of(const struct config *config, enum option_id id)
{
	char text[VALUE_SIZE];

	return strdup(config_value_text(config, id, text, sizeof text));
}

static void compare_one(enum option_id id, const char *name, bool may_change, void *context)
{
	struct comparison *comparison = context;
	struct reload_change *change = add_change(comparison->outcome);

	if (change == NULL) {
		comparison->err = ERR_NO_MEMORY;
		return;
	}
	change->id = id;
	if (comparison->reason != NULL)
		change->reason = comparison->reason(id, comparison->config, comparison->context);
	change->is_applied = may_change && change->reason == NULL;
	change->name = strdup(name);
	change->old_value = value_of(comparison->running, id);
	change->new_value = value_of(comparison->config, id);
	if (change->name == NULL || change->old_value == NULL || change->new_value == NULL)
		comparison->err = ERR_NO_MEMORY;
}

/* What is left over from before must go together with what comes; its warnings have been told. */
enum err outcome_check(struct reload_outcome *outcome, struct config *config)
{
	struct config_report report = {0};
	enum err err = config_check(config, &report);

	for (size_t i = 0; i < report.count; i++)
		if (report.problem[i].severity == CONFIG_ERROR)
			config_report_add(&outcome->report, CONFIG_ERROR, report.problem[i].source,
			                  report.problem[i].line,
			                  "%s (until the restart that other changes need)",
			                  report.problem[i].message);
	config_report_deinit(&report);
	return err;
}

enum err outcome_compare(struct reload_outcome *outcome, const struct config *running,
                         struct config *config, outcome_reason_fn *reason, void *context)
{
	struct comparison comparison = {outcome, running, config, reason, context, OK};
	enum err err;

	config_compare(running, config, compare_one, &comparison);
	err = comparison.err;
	for (size_t i = 0; i < outcome->change_count && err == OK; i++)
		if (!outcome->changes[i].is_applied)
			err = config_copy_option(config, running, outcome->changes[i].id);
	return err;
}

bool outcome_has(const struct reload_outcome *outcome, enum option_id id)
{
	for (size_t i = 0; i < outcome->change_count; i++)
		if (outcome->changes[i].id == id)
			return outcome->changes[i].is_applied;
	return false;
}

/* ---- said ---- */

static void log_problem(const struct config_problem *problem)
{
	if (problem->severity == CONFIG_ERROR)
		log_error("error in the configuration", "source=%s line=%u reason=\"%s\"",
		          problem->source, problem->line, problem->message);
	else
		log_warning("warning of the configuration", "source=%s line=%u reason=\"%s\"",
		            problem->source, problem->line, problem->message);
}

static void log_change(const struct reload_change *change)
{
	if (change->is_applied)
		log_always("option changed", "name=%s from=\"%s\" to=\"%s\"", change->name,
		           change->old_value, change->new_value);
	else
		log_warning("option needs a restart", "name=%s from=\"%s\" to=\"%s\" reason=\"%s\"",
		            change->name, change->old_value, change->new_value,
		            change->reason != NULL ? change->reason
		                                   : "it never changes while the server runs");
}

void outcome_log(const struct reload_outcome *outcome, const char *by)
{
	size_t applied = 0;

	for (size_t i = 0; i < outcome->report.count; i++)
		log_problem(&outcome->report.problem[i]);
	if (!outcome->is_applied) {
		log_error("configuration not applied",
		          "by=\"%s\" errors=%zu effect=\"the one before is used on\"", by,
		          outcome->report.errors);
		return;
	}
	for (size_t i = 0; i < outcome->change_count; i++) {
		log_change(&outcome->changes[i]);
		applied += outcome->changes[i].is_applied;
	}
	log_always("configuration applied", "by=\"%s\" changed=%zu need_restart=%zu", by, applied,
	           outcome->change_count - applied);
}

void outcome_deinit(struct reload_outcome *outcome)
{
	for (size_t i = 0; i < outcome->change_count; i++) {
		free(outcome->changes[i].name);
		free(outcome->changes[i].old_value);
		free(outcome->changes[i].new_value);
	}
	free(outcome->changes);
	config_report_deinit(&outcome->report);
}
