/* What a person is told of an option: its name, its value, where that is from, whether it can change. */
#include "config/config.h"

#include <string.h>

#include "config/option.h"

_Static_assert((int)CONFIG_NAME_SIZE == (int)OPTION_NAME_SIZE, "both are a name");

enum err config_find_option(const struct config *config, const char *name, enum option_id *id,
                            bool *negates)
{
	struct option_match match;

	if (!option_find(name, &match) || !option_is_setting(&match, config->program))
		return ERR_NOT_FOUND;
	*id = (enum option_id)(match.option - option_table);
	*negates = match.negates;
	return OK;
}

const char *config_why_not(const char *name)
{
	struct option_match match;

	return option_find(name, &match) && match.foreign != NULL ? match.foreign->why : NULL;
}

static const char *section_of(enum option_id id)
{
	const char *title = "";

	for (size_t i = 0; i < option_item_count; i++)
		if (option_items[i].title != NULL)
			title = option_items[i].title;
		else if (option_items[i].id == id)
			return title;
	return title;
}

void config_describe(const struct config *config, enum option_id id,
                     struct config_description *description)
{
	const struct option *option = &option_table[id];
	struct config_origin origin = config->origin[id];

	option_name(option, description->name);
	description->summary = option->summary;
	description->argument = option->arg != NULL ? option->arg : "";
	description->section = section_of(id);
	description->is_secret = option->flags & OPTION_SECRET;
	description->is_flag = option->type == OPTION_FLAG;
	description->may_change = option->flags & OPTION_RELOAD;
	description->is_setting =
		option_is_setting(&(struct option_match){.option = option}, config->program);
	description->source =
		origin.source == CONFIG_FROM_DEFAULT ? "default" : config_source_name(config, id);
	description->line = origin.line;
	config_value_text(config, id, description->value, sizeof description->value);
}
