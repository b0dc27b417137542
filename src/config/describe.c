/* What a person is told of an option: its name, its value, where that is from, whether it can change. */
#include "config/config.h"

#include <string.h>

#include "config/option.h"

_Static_assert((int)CONFIG_NAME_SIZE == (int)OPTION_NAME_SIZE, "both are a name");

enum err config_find_option(const struct config *config, const char *name, enum option_id *id,
                            bool *negates)
{
	struct option_match match;

	if (!option_find(name, &match) || match.option == NULL ||
	    !option_is_for(match.option, config->program))
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

void config_describe(const struct config *config, enum option_id id,
                     struct config_description *description)
{
	const struct option *option = &option_table[id];
	struct config_origin origin = config->origin[id];

	option_name(option, description->name);
	description->is_flag = option->type == OPTION_FLAG;
	description->may_change = option->flags & OPTION_RELOAD;
	description->is_setting =
		option_is_for(option, config->program) && !(option->flags & OPTION_COMMAND);
	description->source =
		origin.source == CONFIG_FROM_DEFAULT ? "default" : config_source_name(config, id);
	description->line = origin.line;
	config_value_text(config, id, description->value, sizeof description->value);
}
