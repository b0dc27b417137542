/* Configurations compared, copied and changed while a program runs. */
#include "config/config.h"

#include <stdlib.h>
#include <string.h>

#include "config/value.h"

_Static_assert((int)CONFIG_PROBLEM_SIZE == (int)OPTION_PROBLEM_SIZE, "both are one line");

void config_compare(const struct config *a, const struct config *b,
                    void (*each)(enum option_id id, const char *name, bool may_change,
                                 void *context),
                    void *context)
{
	char name[OPTION_NAME_SIZE];

	for (size_t i = 0; i < OPTION_ID_COUNT; i++)
		if (!value_equal(a, b, &option_table[i]))
			each((enum option_id)i, option_name(&option_table[i], name),
			     option_table[i].flags & OPTION_RELOAD, context);
}

enum err config_copy(const struct config *config, struct config **copy)
{
	struct config *made = calloc(1, sizeof *made);
	enum err err = made != NULL ? OK : ERR_NO_MEMORY;

	if (err == OK)
		made->program = config->program;
	if (err == OK && config->file_name != NULL) {
		made->file_name = strdup(config->file_name);
		err = made->file_name != NULL ? OK : ERR_NO_MEMORY;
	}
	for (size_t i = 0; i < OPTION_ID_COUNT && err == OK; i++)
		err = config_copy_option(made, config, (enum option_id)i);
	if (err != OK) {
		config_destroy(made);
		return err;
	}
	*copy = made;
	return OK;
}

enum err config_copy_option(struct config *to, const struct config *from, enum option_id id)
{
	enum err err = value_copy(to, from, &option_table[id]);

	if (err == OK)
		to->origin[id] = from->origin[id];
	return err;
}

/* A list is what is said now, and nothing that was there before. The value that was is put back when
 * the new one cannot be read. */
static enum err replace(struct config *config, enum option_id id, const char *text,
                        char problem[CONFIG_PROBLEM_SIZE])
{
	const struct option *option = &option_table[id];
	bool is_cleared = text[0] == 0 && option->flags & OPTION_REPEAT;
	struct config *before;
	enum err err = config_copy(config, &before);

	if (err != OK)
		return err;
	if (option->flags & OPTION_REPEAT)
		value_deinit(config, option);
	if (!is_cleared)
		err = value_read(config, option, text, problem);
	if (err != OK && value_copy(config, before, option) != OK)
		err = ERR_NO_MEMORY;
	config_destroy(before);
	return err;
}

static enum err replace_flag(struct config *config, const struct option_match *match,
                             const char *text, char problem[CONFIG_PROBLEM_SIZE])
{
	bool *member = (bool *)((char *)config + match->option->offset), flag;

	if (flag_parse(text, &flag) != OK) {
		snprintf(problem, CONFIG_PROBLEM_SIZE, "\"%.64s\" is neither yes nor no", text);
		return ERR_INVALID;
	}
	*member = flag != match->negates;
	return OK;
}

enum err config_set(struct config *config, const char *name, const char *text,
                    char problem[CONFIG_PROBLEM_SIZE])
{
	struct option_match match;
	enum option_id id;
	enum err err;

	if (!option_find(name, &match) || match.option == NULL ||
	    !option_is_for(match.option, config->program)) {
		snprintf(problem, CONFIG_PROBLEM_SIZE, "there is no option %.64s", name);
		return ERR_NOT_FOUND;
	}
	id = (enum option_id)(match.option - option_table);
	err = match.option->type == OPTION_FLAG ? replace_flag(config, &match, text, problem)
	                                        : replace(config, id, text, problem);
	if (err == ERR_NO_MEMORY)
		snprintf(problem, CONFIG_PROBLEM_SIZE, "%s", err_string(err));
	if (err == OK)
		config->origin[id] = (struct config_origin){CONFIG_FROM_OPERATOR, 0};
	return err;
}
