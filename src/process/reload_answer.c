/* The outcome as JSON. */
#include "process/reload_answer.h"

#include "control/message.h"

/* An operator mends them one by one; an answer is a line. */
enum { PROBLEMS_TOLD = 100 };

static json_t *describe_change(const struct reload_change *change)
{
	json_t *object =
		json_pack("{s:s, s:o, s:o}", "name", change->name, "from",
	                  control_text(change->old_value), "to", control_text(change->new_value));

	if (change->reason != NULL)
		json_object_set_new(object, "reason", json_string(change->reason));
	return object;
}

static json_t *describe_changes(const struct reload_outcome *outcome, bool is_applied)
{
	json_t *list = json_array();

	for (size_t i = 0; outcome->is_applied && i < outcome->change_count; i++)
		if (outcome->changes[i].is_applied == is_applied)
			json_array_append_new(list, describe_change(&outcome->changes[i]));
	return list;
}

static json_t *describe_problem(const struct config_problem *problem)
{
	return json_pack("{s:s, s:o, s:i, s:o}", "severity",
	                 problem->severity == CONFIG_ERROR ? "error" : "warning", "source",
	                 control_text(problem->source), "line", (int)problem->line, "text",
	                 control_text(problem->message));
}

/* Errors first: there may be more warnings than are told. */
static json_t *describe_problems(const struct config_report *report)
{
	json_t *list = json_array();

	for (int severity = CONFIG_ERROR; severity >= CONFIG_WARNING; severity--)
		for (size_t i = 0; i < report->count && json_array_size(list) < PROBLEMS_TOLD; i++)
			if ((int)report->problem[i].severity == severity)
				json_array_append_new(list, describe_problem(&report->problem[i]));
	return list;
}

json_t *reload_describe(const struct reload_outcome *outcome)
{
	return json_pack("{s:b, s:o, s:o, s:o}", "applied", (int)outcome->is_applied, "changed",
	                 describe_changes(outcome, true), "restart",
	                 describe_changes(outcome, false), "problems",
	                 describe_problems(&outcome->report));
}
