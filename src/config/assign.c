/* One value for one option: what holds for every source. */
#include "config/assign.h"

#include <stdarg.h>

#include "config/value.h"

static void report_add(struct config_reader *reader, enum config_severity severity,
                       const char *message, va_list args)
{
	char text[CONFIG_MESSAGE_SIZE];

	vsnprintf(text, sizeof text, message, args);
	config_report_add(reader->report, severity, reader->place.name, reader->place.line, "%s",
	                  text);
}

void config_reader_error(struct config_reader *reader, const char *message, ...)
{
	va_list args;

	va_start(args, message);
	report_add(reader, CONFIG_ERROR, message, args);
	va_end(args);
	reader->has_error = true;
}

void config_reader_warn(struct config_reader *reader, const char *message, ...)
{
	va_list args;

	va_start(args, message);
	report_add(reader, CONFIG_WARNING, message, args);
	va_end(args);
}

void config_reader_unknown(struct config_reader *reader, const char *written, bool is_error)
{
	void (*say)(struct config_reader *, const char *, ...) =
		is_error ? config_reader_error : config_reader_warn;
	char name[OPTION_NAME_SIZE];

	/* A file that is no configuration has thousands; nobody reads so many suggestions. */
	if (reader->report->count < CONFIG_PROBLEMS_MAX && option_suggest(written, name) != NULL)
		say(reader, "%.64s: no such option; did you mean %s?", written, name);
	else
		say(reader, "%.64s: no such option%s", written,
		    is_error ? "; --help lists them" : "; it is ignored");
}

enum err config_reader_result(const struct config_reader *reader)
{
	if (reader->is_out_of_memory)
		return ERR_NO_MEMORY;
	return reader->has_error ? ERR_INVALID : OK;
}

static void assign_foreign(struct config_reader *reader, const struct option_foreign *foreign,
                           const char *text)
{
	bool is_wanted = true;

	if (foreign->is_gone) {
		config_reader_warn(reader, "%s: ignored: %s", foreign->name, foreign->why);
		return;
	}
	/* What is asked to be off is off. */
	if (foreign->arg == NULL && flag_parse(text, &is_wanted) == OK && !is_wanted)
		return;
	config_reader_warn(reader, "%s: not supported by this version, ignored (%s)", foreign->name,
	                   foreign->why);
}

static void assign_negative(struct config_reader *reader, const struct option *option,
                            const char *written, const char *text)
{
	bool flag;

	if (flag_parse(text, &flag) != OK)
		config_reader_error(reader, "%s: \"%.64s\" is neither yes nor no", written, text);
	else
		*(bool *)((char *)reader->config + option->offset) = !flag;
}

/* A bare name means yes for a flag, else the default or that the value was forgotten. */
static const char *complete(const struct option *option, const char *text)
{
	if (text[0] != 0 || option->type == OPTION_FLAG || option->type == OPTION_TEXT ||
	    option->flags & OPTION_EMPTY)
		return text;
	return option->flags & OPTION_BARE ? option->default_text : NULL;
}

static void assign_value(struct config_reader *reader, const struct option *option,
                         const char *written, const char *text)
{
	char problem[OPTION_PROBLEM_SIZE];
	const char *value = complete(option, text);

	if (value == NULL) {
		config_reader_error(reader, "%s: the value is missing: %s=%s", written, written,
		                    option->arg);
		return;
	}
	switch (value_read(reader->config, option, value, problem)) {
	case OK:
		return;
	case ERR_NO_MEMORY:
		reader->is_out_of_memory = true;
		config_reader_error(reader, "%s: out of memory", written);
		return;
	default:
		config_reader_error(reader, "%s: %s", written, problem);
	}
}

static void warn_of_repetition(struct config_reader *reader, const struct option *option,
                               const char *written, const struct config_origin *origin)
{
	if (option->flags & OPTION_REPEAT || reader->place.source != CONFIG_FROM_FILE ||
	    origin->source != CONFIG_FROM_FILE)
		return;
	config_reader_warn(reader, "%s: given before in line %u, which no longer counts", written,
	                   origin->line);
}

void config_assign(struct config_reader *reader, const struct option_match *match,
                   const char *written, const char *text)
{
	const struct option *option = match->option;
	struct config_origin *origin;

	if (match->foreign != NULL) {
		assign_foreign(reader, match->foreign, text);
		return;
	}
	if (option->flags & OPTION_COMMAND && reader->place.source == CONFIG_FROM_FILE) {
		config_reader_warn(reader, "%s: ignored: it belongs on the command line", written);
		return;
	}
	origin = &reader->config->origin[option - option_table];
	warn_of_repetition(reader, option, written, origin);
	if (match->negates)
		assign_negative(reader, option, written, text);
	else
		assign_value(reader, option, written, text);
	*origin = (struct config_origin){reader->place.source, reader->place.line};
}
