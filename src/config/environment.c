/* The environment: TURNSTONE_LISTENING_PORT=3478, and TURNSTONE_STATIC_AUTH_SECRET_FILE=/run/secrets/turn
 * for what should be in no environment. */
#include "config/config.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "config/assign.h"
#include "config/whole_file.h"

static const char prefix[] = "TURNSTONE_", file_suffix[] = "_FILE";

enum { SECRET_FILE_MAX = 64 << 10 };

/* Compares a member's name with len characters of a variable's. */
static bool is_member(const char *member, const char *variable, size_t len)
{
	if (strlen(member) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (toupper((unsigned char)member[i]) != variable[i])
			return false;
	return true;
}

static const struct option *find(const char *variable, size_t len)
{
	for (size_t i = 0; i < OPTION_ID_COUNT; i++)
		if (is_member(option_table[i].member, variable, len))
			return &option_table[i];
	return NULL;
}

/* Finds the secret whose file a variable names. */
static const struct option *find_secret_file(const char *variable, size_t len)
{
	size_t suffix = strlen(file_suffix);
	const struct option *option;

	if (len <= suffix || strncmp(variable + len - suffix, file_suffix, suffix) != 0)
		return NULL;
	option = find(variable, len - suffix);
	return option != NULL && option->flags & OPTION_SECRET ? option : NULL;
}

/* What stands between the items of a list; NULL: there is one value. */
static const char *separators_of(const struct option *option)
{
	if (!(option->flags & OPTION_REPEAT))
		return NULL;
	return option->type == OPTION_TEXT_LIST ? "\r\n" : " \t\r\n,";
}

/* Assigns value, whose separators are overwritten. */
static void assign(struct config_reader *reader, const struct option *option, const char *variable,
                   char *value)
{
	const struct option_match match = {.option = option};
	const char *separators = separators_of(option);
	char *state, *item;

	if (separators == NULL) {
		config_assign(reader, &match, variable, value);
		return;
	}
	for (item = strtok_r(value, separators, &state); item != NULL;
	     item = strtok_r(NULL, separators, &state))
		config_assign(reader, &match, variable, item);
}

static void assign_copy(struct config_reader *reader, const struct option *option,
                        const char *variable, const char *value)
{
	char *copy = strdup(value);

	if (copy == NULL) {
		reader->is_out_of_memory = true;
		return;
	}
	assign(reader, option, variable, copy);
	bytes_wipe(copy, strlen(value));
	free(copy);
}

static void assign_file(struct config_reader *reader, const struct option *option,
                        const char *variable, const char *name)
{
	char problem[WHOLE_FILE_PROBLEM_SIZE], *bytes;
	size_t len;

	if (whole_file_read(name, SECRET_FILE_MAX, &bytes, &len, problem) != OK) {
		config_reader_error(reader, "%s: %.128s: %s", variable, name, problem);
		return;
	}
	/* Editors end a file with a line end, which is not part of the secret. */
	bytes[strcspn(bytes, option->flags & OPTION_REPEAT ? "" : "\r\n")] = 0;
	assign(reader, option, variable, bytes);
	bytes_wipe(bytes, len);
	free(bytes);
}

/* The name of a variable of ours, without the prefix, and how long it is; NULL: it is none. */
static const char *name_in(const char *variable, size_t *len)
{
	const char *name = variable + strlen(prefix), *equals;

	if (strncmp(variable, prefix, strlen(prefix)) != 0 || (equals = strchr(name, '=')) == NULL)
		return NULL;
	*len = (size_t)(equals - name);
	return name;
}

static void read_variable(struct config_reader *reader, const char *variable)
{
	void (*assign_it)(struct config_reader *, const struct option *, const char *,
	                  const char *);
	const struct option *option;
	char text[OPTION_NAME_SIZE];
	size_t len;
	const char *name = name_in(variable, &len);

	if (name == NULL)
		return;
	snprintf(text, sizeof text, "%s%.*s", prefix, (int)len, name);
	if ((option = find(name, len)) != NULL)
		assign_it = assign_copy;
	else if ((option = find_secret_file(name, len)) != NULL)
		assign_it = assign_file;
	if (option == NULL)
		config_reader_warn(reader, "%s: no option has this variable; it is ignored", text);
	else if (option_is_for(option, reader->config->program))
		assign_it(reader, option, text, name + len + 1);
}

enum err config_read_environment(struct config *config, char *const *environment,
                                 struct config_report *report)
{
	struct config_reader reader = {
		config, report, {CONFIG_FROM_ENVIRONMENT, "environment", 0}, false, false};

	for (; *environment != NULL; environment++)
		read_variable(&reader, *environment);
	return config_reader_result(&reader);
}

void config_environment_files(char *const *environment,
                              void (*each)(const char *file, void *context), void *context)
{
	for (; *environment != NULL; environment++) {
		size_t len;
		const char *name = name_in(*environment, &len);

		if (name != NULL && find(name, len) == NULL &&
		    find_secret_file(name, len) != NULL && name[len + 1] != '\0')
			each(name + len + 1, context);
	}
}
