/* The life of a configuration, and the order in which its sources are read. */
#include "config/config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/value.h"

static enum err set_default(struct config *config, const struct option *option)
{
	char problem[OPTION_PROBLEM_SIZE];
	enum err err;

	if (option->default_text[0] == 0)
		return OK;
	err = value_read(config, option, option->default_text, problem);
	assert(err != ERR_INVALID);
	return err;
}

const char *config_program_name(enum config_program program)
{
	return option_program_name(program);
}

enum err config_create(enum config_program program, struct config **config)
{
	struct config *made = calloc(1, sizeof *made);

	if (made == NULL)
		return ERR_NO_MEMORY;
	made->program = program;
	for (size_t i = 0; i < OPTION_ID_COUNT; i++)
		if (set_default(made, &option_table[i]) != OK) {
			config_destroy(made);
			return ERR_NO_MEMORY;
		}
	*config = made;
	return OK;
}

void config_destroy(struct config *config)
{
	if (config == NULL)
		return;
	for (size_t i = 0; i < OPTION_ID_COUNT; i++)
		value_deinit(config, &option_table[i]);
	free(config->file_name);
	free(config);
}

/* Asks environment and command line alone which file is meant. What is wrong with them is told when
 * they are read in their turn. */
static enum err look_ahead(const struct config_sources *sources, struct config **config)
{
	struct config_report unread = {0};
	enum err err = config_create(sources->program, config);

	if (err != OK)
		return err;
	if (config_read_environment(*config, sources->environment, &unread) == ERR_NO_MEMORY ||
	    config_read_arguments(*config, sources->argv_of, sources->argc, sources->argv,
	                          &unread) == ERR_NO_MEMORY) {
		config_destroy(*config);
		err = ERR_NO_MEMORY;
	}
	config_report_deinit(&unread);
	return err;
}

static enum err read_default_file(struct config *config, struct config_report *report)
{
	char *path;
	enum err err = config_find_file("turnserver.conf", &path);

	if (err == ERR_NOT_FOUND)
		return OK;
	if (err != OK)
		return err;
	err = config_read_file(config, path, report);
	free(path);
	return err;
}

static enum err read_named_file(struct config *config, const char *name,
                                struct config_report *report)
{
	char *path;
	enum err err = config_find_file(name, &path);

	if (err == ERR_NO_MEMORY)
		return err;
	if (err != OK) /* the name itself says best what is wrong */
		return config_read_file(config, name, report);
	err = config_read_file(config, path, report);
	free(path);
	return err;
}

static enum err read_file(struct config *config, const struct config *ahead,
                          struct config_report *report)
{
	if (ahead->no_config)
		return OK;
	if (ahead->config_file != NULL)
		return read_named_file(config, ahead->config_file, report);
	return read_default_file(config, report);
}

static enum err worse(enum err a, enum err b)
{
	return a == ERR_NO_MEMORY || b == OK ? a : b;
}

/* What was found on the way keeps the program from starting as all else does. */
static enum err look_into_files(const struct config *config, const struct config_sources *sources,
                                struct config_report *report)
{
	size_t before = report->errors;

	if (config->check && sources->look_into_files != NULL)
		sources->look_into_files(config, report);
	return report->errors == before ? OK : ERR_INVALID;
}

/* Reads on after an error: all problems are told at once. */
static enum err read_all(struct config *config, const struct config *ahead,
                         const struct config_sources *sources, struct config_report *report)
{
	bool is_question = ahead->help || ahead->version;
	enum err err = is_question ? OK : read_file(config, ahead, report);

	err = worse(err, config_read_environment(config, sources->environment, report));
	err = worse(err, config_read_arguments(config, sources->argv_of, sources->argc,
	                                       sources->argv, report));
	if (is_question)
		return err;
	err = worse(err, config_check(config, report));
	return worse(err, look_into_files(config, sources, report));
}

enum err config_load(const struct config_sources *sources, struct config_report *report,
                     struct config **config)
{
	struct config *ahead = NULL, *made = NULL;
	enum err err = look_ahead(sources, &ahead);

	*config = NULL;
	if (err != OK)
		return err;
	err = config_create(sources->program, &made);
	if (err == OK)
		err = read_all(made, ahead, sources, report);
	config_destroy(ahead);
	if (err != OK) {
		config_destroy(made);
		return err;
	}
	*config = made;
	return OK;
}

static const char *const folders[] = {
	"",
	"turnserver/",
	"coturn/",
	"etc/",
	"etc/turnserver/",
	"etc/coturn/",
	"../etc/",
	"../etc/turnserver/",
	"../etc/coturn/",
	"/etc/",
	"/etc/turnserver/",
	"/etc/coturn/",
	"/usr/local/etc/",
	"/usr/local/etc/turnserver/",
	"/usr/local/etc/coturn/",
};

/* Gives the path when a file is there, whether it can be read or not: that is said by its reader. */
static enum err find_in(const char *folder, const char *name, char **path)
{
	size_t size = strlen(folder) + strlen(name) + 1;

	*path = malloc(size);
	if (*path == NULL)
		return ERR_NO_MEMORY;
	snprintf(*path, size, "%s%s", folder, name);
	if (access(*path, F_OK) == 0)
		return OK;
	free(*path);
	return ERR_NOT_FOUND;
}

enum err config_find_file(const char *name, char **path)
{
	enum err err = ERR_NOT_FOUND;

	if (name[0] == '/')
		return find_in("", name, path);
	for (size_t i = 0; err == ERR_NOT_FOUND && i < sizeof folders / sizeof folders[0]; i++)
		err = find_in(folders[i], name, path);
	return err;
}

const char *config_source_name(const struct config *config, enum option_id id)
{
	const char *sources[] = {
		[CONFIG_FROM_DEFAULT] = "configuration",
		[CONFIG_FROM_FILE] = config->file_name,
		[CONFIG_FROM_ENVIRONMENT] = "environment",
		[CONFIG_FROM_COMMAND_LINE] = "command line",
		[CONFIG_FROM_OPERATOR] = "control socket",
	};
	const char *name = sources[config->origin[id].source];

	return name != NULL ? name : sources[CONFIG_FROM_DEFAULT];
}

void config_print_problem(const struct config *config, enum option_id id, const char *problem,
                          FILE *file)
{
	fputs(config_source_name(config, id), file);
	if (config->origin[id].line != 0)
		fprintf(file, ":%u", config->origin[id].line);
	fprintf(file, ": error: %s\n", problem);
}
