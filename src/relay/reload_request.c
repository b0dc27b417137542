/* What a reload came to, as JSON:
 *
 *     {"applied": true, "changed": [{"name": "user-quota", "from": "10", "to": "20"}],
 *      "restart": [{"name": "min-port", "from": "49152", "to": "50000"}], "problems": []}
 *     {"applied": false, "changed": [], "restart": [],
 *      "problems": [{"severity": "error", "source": "turnserver.conf", "line": 12, "text": "..."}]} */
#include "relay/reload_request.h"

#include <string.h>

#include <jansson.h>

#include "base/utf8.h"
#include "control/server.h"
#include "relay/main_thread.h"

/* An operator mends them one by one; an answer is a line. */
enum { PROBLEMS_TOLD = 100 };
enum { VALUE_SIZE = 4096 }; /* of a path, the longest; more is cut */

void reload_request(struct control_request *request, void *context)
{
	struct main_thread *main_thread = context;

	if (!main_thread_refuses(main_thread, request))
		reload_begin(main_thread->reload, "control socket", reload_answer, request);
}

/* Values and what is said of them are a file's bytes and need not be UTF-8, which JSON demands: a question
 * mark stands for each that is not. */
static json_t *text_of(const char *text)
{
	char valid[VALUE_SIZE];
	size_t used = 0;
	uint32_t character;

	while (*text != 0 && used + UTF8_LEN_MAX < sizeof valid) {
		size_t len = utf8_next(text, &character);
		if (len > 0)
			memcpy(valid + used, text, len);
		else
			valid[used] = '?';
		used += len > 0 ? len : 1;
		text += len > 0 ? len : 1;
	}
	return json_stringn(valid, used);
}

static json_t *describe_change(const struct reload_change *change)
{
	json_t *object = json_pack("{s:s, s:o, s:o}", "name", change->name, "from",
	                           text_of(change->old_value), "to", text_of(change->new_value));

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
	                 text_of(problem->source), "line", (int)problem->line, "text",
	                 text_of(problem->message));
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

void reload_answer(const struct reload_outcome *outcome, void *request)
{
	control_answer(request,
	               json_pack("{s:b, s:o, s:o, s:o}", "applied", (int)outcome->is_applied,
	                         "changed", describe_changes(outcome, true), "restart",
	                         describe_changes(outcome, false), "problems",
	                         describe_problems(&outcome->report)));
}
