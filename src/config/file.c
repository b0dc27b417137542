/* coturn's configuration file:
 *
 *     # a comment, at the beginning of a line alone
 *     listening-port=3478
 *     denied-peer-ip   10.0.0.0-10.255.255.255
 *     realm = "example.org"
 *     fingerprint
 *
 * One option a line: its long name, then any run of spaces, tabs and equals signs, then the value,
 * in double quotes or not. An unknown name is a warning; that of another program of ours is not for us. */
#include "config/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "config/assign.h"
#include "config/whole_file.h"

enum { FILE_MAX = 4 << 20, LINE_SIZE = 64 << 10 };

static const char blanks[] = " \t\r\v\f";
static const char separators[] = " \t=";

static char *trim_end(char *text)
{
	size_t len = strlen(text);

	while (len > 0 && strchr(blanks, text[len - 1]) != NULL)
		text[--len] = 0;
	return text;
}

/* Cuts the name off and returns where the value begins, which may be at the end of the line. */
static char *split(char *line)
{
	char *value = line + strcspn(line, separators);

	if (*value == 0)
		return value;
	*value++ = 0;
	return value + strspn(value, separators);
}

static bool is_text(const struct option_match *match)
{
	if (match->foreign != NULL)
		return match->foreign->arg != NULL;
	return match->option->type == OPTION_TEXT || match->option->type == OPTION_TEXT_LIST;
}

/* A comment behind a value: coturn's numbers end at it, its texts take it in. */
static void handle_comment(struct config_reader *reader, const char *name, char *value, bool text)
{
	char *hash = strchr(value, '#');

	while (hash != NULL && (hash == value || strchr(blanks, hash[-1]) == NULL))
		hash = strchr(hash + 1, '#');
	if (hash == NULL)
		return;
	if (text) {
		config_reader_warn(reader,
		                   "%s: what follows # is part of the value: a comment "
		                   "needs a line of its own",
		                   name);
		return;
	}
	*hash = 0;
	trim_end(value);
	config_reader_warn(reader,
	                   "%s: what follows # is ignored: a comment needs a line of its "
	                   "own",
	                   name);
}

static void handle_semicolon(struct config_reader *reader, const char *name, char *value, bool text)
{
	size_t len = strlen(value);

	if (len == 0 || value[len - 1] != ';')
		return;
	if (text) {
		config_reader_warn(reader, "%s: the ; at the end is part of the value", name);
		return;
	}
	value[len - 1] = 0;
	trim_end(value);
	config_reader_warn(reader, "%s: the ; at the end is ignored", name);
}

static char *unquote(struct config_reader *reader, const char *name, char *value)
{
	size_t len = strlen(value);

	if (value[0] != '"')
		return value;
	if (len > 1 && value[len - 1] == '"')
		value[len - 1] = 0;
	else
		config_reader_warn(reader, "%s: the closing quotation mark is missing", name);
	return value + 1;
}

/* A name that stands alone may have the semicolon of a habit behind it. */
static void handle_bare_semicolon(struct config_reader *reader, char *name)
{
	size_t len = strlen(name);

	if (len < 2 || name[len - 1] != ';')
		return;
	name[len - 1] = 0;
	config_reader_warn(reader, "%.64s: the ; at the end is ignored", name);
}

static void read_line(struct config_reader *reader, char *line)
{
	char *name = trim_end(line) + strspn(line, blanks), *value;
	struct option_match match;

	if (*name == 0 || *name == '#')
		return;
	value = split(name);
	if (*value == 0)
		handle_bare_semicolon(reader, name);
	if (!option_find(name, &match)) {
		config_reader_unknown(reader, name, false);
		return;
	}
	if (!option_match_is_for(&match, reader->config->program))
		return;
	handle_comment(reader, name, value, is_text(&match));
	handle_semicolon(reader, name, value, is_text(&match));
	config_assign(reader, &match, name, unquote(reader, name, value));
}

/* Copies the next line out and returns what follows it; NULL at the end. */
static const char *next_line(const char *at, const char *end, char *line, bool *is_too_long)
{
	const char *newline;
	size_t len;

	if (at == end)
		return NULL;
	newline = memchr(at, '\n', (size_t)(end - at));
	len = (size_t)((newline != NULL ? newline : end) - at);
	*is_too_long = len >= LINE_SIZE;
	if (!*is_too_long) {
		memcpy(line, at, len);
		line[len] = 0;
	}
	return newline != NULL ? newline + 1 : end;
}

static void read_lines(struct config_reader *reader, const char *bytes, size_t len, char *line)
{
	const char *at = bytes, *end = bytes + len;
	bool is_too_long;

	while ((at = next_line(at, end, line, &is_too_long)) != NULL) {
		reader->place.line++;
		if (is_too_long)
			config_reader_error(reader, "the line is longer than %d bytes",
			                    LINE_SIZE - 1);
		else
			read_line(reader, line);
	}
}

enum err config_read_bytes(struct config *config, const char *name, const char *bytes, size_t len,
                           struct config_report *report)
{
	static const char byte_order_mark[] = "\xEF\xBB\xBF";
	struct config_reader reader = {config, report, {CONFIG_FROM_FILE, name, 0}, false, false};
	char *line;

	if (len > 0 && memchr(bytes, 0, len) != NULL) {
		config_reader_error(&reader, "is not a text file: it has zero bytes");
		return ERR_INVALID;
	}
	line = malloc(LINE_SIZE);
	if (line == NULL)
		return ERR_NO_MEMORY;
	if (len >= 3 && memcmp(bytes, byte_order_mark, 3) == 0)
		read_lines(&reader, bytes + 3, len - 3, line);
	else
		read_lines(&reader, bytes, len, line);
	bytes_wipe(line, LINE_SIZE);
	free(line);
	return config_reader_result(&reader);
}

enum err config_read_file(struct config *config, const char *name, struct config_report *report)
{
	char problem[WHOLE_FILE_PROBLEM_SIZE], *bytes, *copy;
	size_t len;
	enum err err = whole_file_read(name, FILE_MAX, &bytes, &len, problem);

	if (err != OK) {
		config_report_add(report, CONFIG_ERROR, name, 0, "%s", problem);
		return err == ERR_NO_MEMORY ? ERR_NO_MEMORY : ERR_INVALID;
	}
	copy = strdup(name);
	if (copy == NULL) {
		err = ERR_NO_MEMORY;
		goto done;
	}
	free(config->file_name);
	config->file_name = copy;
	err = config_read_bytes(config, name, bytes, len, report);
done:
	bytes_wipe(bytes, len);
	free(bytes);
	return err;
}
