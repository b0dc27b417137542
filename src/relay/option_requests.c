/* Options are read from the configuration that the server goes by, and set on a copy of it, which then
 * goes the way of a configuration that was read anew. */
#include "relay/option_requests.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "config/config.h"
#include "relay/main_thread.h"

static json_t *describe(const struct config *config, enum option_id id, bool negates);

/* ---- get ---- */

static json_t *describe_all(const struct config *config)
{
	json_t *list = json_array();

	for (int id = 0; id < OPTION_ID_COUNT; id++)
		json_array_append_new(list, describe(config, (enum option_id)id, false));
	return list;
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
	if (config_find_option(name, &id, &negates) != OK) {
		control_refuse(request, "there is no option \"%.60s\"", name);
		return;
	}
	json_t *option = describe(config, id, negates);
	if (negates)
		json_object_set_new(option, "name", json_string(name));
	control_answer(request, json_pack("{s:[o]}", "options", option));
}

static const char *opposite(const char *flag)
{
	return strcmp(flag, "yes") == 0 ? "no" : "yes";
}

/* A command, such as help, has no value that means anything: null. */
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
	return json_pack("{s:s, s:s, s:s, s:b, s:b}", "name", option.name, "value",
	                 negates ? opposite(option.value) : option.value, "source", source,
	                 "changes_live", (int)option.may_change, "flag", (int)option.is_flag);
}
