/* Options are read from the configuration that the server goes by, and set on a copy of it, which then
 * goes the way of a configuration that was read anew. */
#include "relay/option_requests.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "config/config.h"
#include "control/message.h"
#include "relay/main_thread.h"
#include "relay/reload_request.h"

static json_t *describe(const struct config *config, enum option_id id, bool negates);

/* ---- get ---- */

static json_t *describe_all(const struct config *config)
{
	json_t *list = json_array();

	for (int id = 0; id < OPTION_ID_COUNT; id++)
		json_array_append_new(list, describe(config, (enum option_id)id, false));
	return list;
}

static void refuse_name(struct control_request *request, const char *name)
{
	const char *why = config_why_not(name);

	control_refuse(request, "there is no option \"%.60s\"%s%.100s", name,
	               why != NULL ? " here: " : "", why != NULL ? why : "");
}

void option_get(struct control_request *request, void *context)
{
	const struct config *config = ((struct main_thread *)context)->relay->config;
	const char *name = NULL;
	enum option_id id;
	bool negates;

	if (!control_get_text(request, "option", &name))
		return;
	if (name == NULL) {
		control_answer(request, json_pack("{s:o}", "options", describe_all(config)));
		return;
	}
	if (config_find_option(config, name, &id, &negates) != OK) {
		refuse_name(request, name);
		return;
	}
	json_t *option = describe(config, id, negates);
	if (option == NULL) {
		control_refuse(request, "%s is a command, and has no value", name);
		return;
	}
	if (negates)
		json_object_set_new(option, "name", json_string(name));
	control_answer(request, json_pack("{s:[o]}", "options", option));
}

static const char *opposite(const char *flag)
{
	return strcmp(flag, "yes") == 0 ? "no" : "yes";
}

/* A command, such as help, has no value that means anything: NULL. */
static json_t *describe(const struct config *config, enum option_id id, bool negates)
{
	struct config_description option;
	char source[128];

	config_describe(config, id, &option);
	if (!option.is_setting)
		return NULL;
	if (option.line > 0)
		snprintf(source, sizeof source, "%.100s:%u", option.source, option.line);
	else
		snprintf(source, sizeof source, "%.100s", option.source);
	return json_pack("{s:s, s:o, s:o, s:o, s:b, s:b, s:b, s:s, s:s, s:s}", "name", option.name,
	                 "value", control_text(negates ? opposite(option.value) : option.value),
	                 "source", control_text(source), "line",
	                 option.line > 0 ? json_integer(option.line) : json_null(), "changes_live",
	                 (int)option.may_change, "flag", (int)option.is_flag, "secret",
	                 (int)option.is_secret, "summary", option.summary, "argument",
	                 option.argument, "section", option.section);
}

/* ---- set ---- */

/* The first error is about what was asked for: all else was in order before. */
static void refuse(struct control_request *request, const struct config_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		if (report->problem[i].severity == CONFIG_ERROR) {
			control_refuse(request, "%s", report->problem[i].message);
			return;
		}
	control_refuse(request, "it cannot be applied: the log says why");
}

static void on_told(const struct reload_outcome *outcome, void *context)
{
	struct control_request *request = context;
	const struct reload_change *first = outcome->changes;

	if (!outcome->is_applied)
		refuse(request, &outcome->report);
	else if (outcome->change_count == 1 && !first->is_applied)
		control_refuse(request, "%s takes a restart%s%s", first->name,
		               first->reason != NULL ? ": " : "",
		               first->reason != NULL ? first->reason : "");
	else
		reload_answer(outcome, request);
}

/* Gives a copy of the configuration with the option set. */
static enum err change(const struct config *config, const char *option, const char *value,
                       struct config **changed, char problem[CONFIG_PROBLEM_SIZE])
{
	enum err err = config_copy(config, changed);

	if (err != OK) {
		snprintf(problem, CONFIG_PROBLEM_SIZE, "%s", err_string(err));
		return err;
	}
	err = config_set(*changed, option, value, problem);
	if (err != OK)
		config_destroy(*changed);
	return err;
}

void option_set(struct control_request *request, void *context)
{
	struct main_thread *main_thread = context;
	const char *option = NULL, *value = NULL;
	char problem[CONFIG_PROBLEM_SIZE];
	struct config *changed;

	if (!control_get_text(request, "option", &option) ||
	    !control_get_text(request, "value", &value) ||
	    main_thread_refuses(main_thread, request))
		return;
	if (option == NULL || value == NULL)
		control_refuse(request, "say which option, and the value that it is to have");
	else if (change(main_thread->relay->config, option, value, &changed, problem) != OK)
		control_refuse(request, "%.60s: %s", option, problem);
	else
		reload_apply(main_thread->reload, changed, "control socket", on_told, request);
}
