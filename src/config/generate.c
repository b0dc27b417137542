/* Writes what is derived from options.def and read by people, to standard output:
 *
 *     generate OUTPUT [PROGRAM]       of turnserver's options, or of another program's
 *
 *     generate commands < template    the template, @OPTIONS@, @COUNTERS@ and @METRICS@ replaced by short lists
 *     generate settings < template    the template, @OPTIONS@ and @COTURN@ replaced by long ones
 *     generate sample                 examples/turnserver.conf
 *     generate coturn                 examples/coturn-options.md
 *     generate help                   what --help prints
 *     generate names                  a line for each name, for tests/lint
 *     generate metrics                a line for each sample of a metric, for tests/lint
 *
 * It runs while the tree is built and is not installed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/counters.h"
#include "base/metric.h"
#include "config/option.h"

enum { WIDTH = 78, LINE_MAX_SIZE = 4096 };

static const char *yes_or_no(const struct option *option)
{
	if (option->type != OPTION_FLAG)
		return option->default_text;
	return strcmp(option->default_text, "true") == 0 ? "yes" : "no";
}

/* ---- roff ---- */

/* A minus that can be copied is \-; a line must not begin as a request does. */
static void print_roff(const char *text)
{
	for (const char *p = text; *p != 0; p++)
		if (*p == '\\')
			fputs("\\e", stdout);
		else if (*p == '-')
			fputs("\\-", stdout);
		else if (p == text && (*p == '.' || *p == '\''))
			printf("\\&%c", *p);
		else
			putchar(*p);
	putchar('\n');
}

/* A name as it is typed. */
static void print_bold(const char *name)
{
	printf("\\fB");
	for (; *name != 0; name++)
		printf(*name == '-' ? "\\-" : "%c", *name);
	printf("\\fR");
}

static void print_argument(const struct option *option)
{
	if (option->arg == NULL)
		return;
	printf(option->flags & OPTION_BARE ? "[=\\fI%s\\fR]" : "=\\fI%s\\fR", option->arg);
}

static void print_command(const struct option *option)
{
	char name[OPTION_NAME_SIZE];

	printf(".TP\n");
	if (option_letter(option) != 0)
		printf("\\fB\\-%c\\fR, ", option_letter(option));
	printf("\\fB\\-\\-\\fR");
	print_bold(option_name(option, name));
	print_argument(option);
	putchar('\n');
	print_roff(option->summary);
	if (option->default_text[0] != 0 && strcmp(option->default_text, "false") != 0)
		printf("[%s]\n", yes_or_no(option));
}

static void print_capitals(const char *text)
{
	for (; *text != 0; text++)
		putchar(*text >= 'a' && *text <= 'z' ? *text - 'a' + 'A' : *text);
}

/* What there is to know of an option beyond its text. */
static void print_facts(const struct option *option)
{
	if (option->default_text[0] != 0)
		printf("Default: %s.\n", yes_or_no(option));
	if (option->flags & OPTION_REPEAT)
		printf("May be given several times.\n");
	if (option->flags & OPTION_COMMAND)
		printf("Not in a file.\n");
	else if (option->flags & OPTION_RELOAD)
		printf("A reload applies it.\n");
	else
		printf("A change takes a restart.\n");
}

static void print_other_names(const struct option *option)
{
	for (size_t i = 0; i < option_alias_count; i++) {
		const struct option_alias *alias = &option_alias_table[i];

		if (&option_table[alias->id] != option)
			continue;
		print_bold(alias->name);
		printf(alias->negates ? " says the opposite.\n" : " is another name.\n");
	}
}

static void print_setting(const struct option *option)
{
	char name[OPTION_NAME_SIZE];

	printf(".TP\n");
	print_bold(option_name(option, name));
	print_argument(option);
	printf("\n%c", option->summary[0] >= 'a' && option->summary[0] <= 'z'
	                       ? option->summary[0] - 'a' + 'A'
	                       : option->summary[0]);
	print_roff(option->summary + 1);
	printf(".br\n");
	print_roff(option->text);
	print_facts(option);
	print_other_names(option);
	printf("Environment: TURNSTONE_");
	print_capitals(option->member);
	if (option->flags & OPTION_SECRET) {
		printf(", or TURNSTONE_");
		print_capitals(option->member);
		printf("_FILE with the name of a file");
	}
	printf(".\n");
}

/* The way that options are printed in, and whose. */
struct form {
	void (*print)(const struct option *option);
	void (*print_section)(const struct option_item *section);
	bool (*has_section)(size_t item, enum config_program program);
	enum config_program program;
};

static void print_options(const struct form *form)
{
	for (size_t i = 0; i < option_item_count; i++) {
		const struct option_item *item = &option_items[i];

		if (item->title != NULL && form->has_section(i, form->program))
			form->print_section(item);
		else if (item->title == NULL &&
		         option_is_for(&option_table[item->id], form->program))
			form->print(&option_table[item->id]);
	}
}

static void print_heading(const struct option_item *section)
{
	printf(".SS %s\n", section->title);
}

static void print_heading_with_text(const struct option_item *section)
{
	print_heading(section);
	print_roff(section->text);
}

static void print_foreign(bool is_gone)
{
	for (size_t i = 0; i < option_foreign_count; i++) {
		const struct option_foreign *foreign = &option_foreign_table[i];

		if (foreign->is_gone != is_gone)
			continue;
		printf(".TP\n");
		print_bold(foreign->name);
		if (foreign->arg != NULL)
			printf("=\\fI%s\\fR", foreign->arg);
		putchar('\n');
		print_roff(foreign->why);
	}
}

static bool has_later(void)
{
	for (size_t i = 0; i < option_foreign_count; i++)
		if (!option_foreign_table[i].is_gone)
			return true;
	return false;
}

static void print_coturn(void)
{
	if (has_later())
		printf(".SS Not yet\nKnown by name and ignored with a warning, unless what is "
		       "asked "
		       "for is that a flag be off.\n");
	print_foreign(false);
	printf(".SS No longer needed\nIgnored with a warning that says why.\n");
	print_foreign(true);
}

static void print_counters(void)
{
	for (int i = 0; i < COUNTER_COUNT; i++) {
		printf(".TP\n");
		print_bold(counter_name((enum counter)i));
		putchar('\n');
		print_roff(counter_help((enum counter)i));
	}
}

/* "name{labels}, type" */
static void print_metric(const struct metric *metric)
{
	printf(".TP\n");
	print_bold(metric->name);
	for (const char *label = metric->labels; *label != 0;) {
		int len = (int)strcspn(label, " ");
		printf("%s\\fI%.*s\\fR", label == metric->labels ? "{" : ", ", len, label);
		label += len;
		label += *label == ' ';
	}
	printf("%s, %s\n", metric->labels[0] != 0 ? "}" : "", metric_type_name(metric->type));
	print_roff(metric->help);
}

static void print_metrics(void)
{
	struct metric metric;
	bool is_coturn = false;

	printf(".SS Of this server\n");
	for (unsigned i = 0; metric_get(i, &metric); i++) {
		if (!is_coturn && metric.source >= METRIC_OF_COTURN)
			printf(".SS By the names that coturn has for them\n");
		is_coturn = metric.source >= METRIC_OF_COTURN;
		print_metric(&metric);
	}
}

/* Copies the template and fills in what its lines ask for. */
static int fill(const struct form *form)
{
	char line[LINE_MAX_SIZE];

	while (fgets(line, sizeof line, stdin) != NULL)
		if (strcmp(line, "@OPTIONS@\n") == 0)
			print_options(form);
		else if (strcmp(line, "@COTURN@\n") == 0)
			print_coturn();
		else if (strcmp(line, "@COUNTERS@\n") == 0)
			print_counters();
		else if (strcmp(line, "@METRICS@\n") == 0)
			print_metrics();
		else
			fputs(line, stdout);
	return 0;
}

static int generate_commands(enum config_program program)
{
	return fill(&(struct form){print_command, print_heading, option_section_is_for, program});
}

static int generate_settings(enum config_program program)
{
	return fill(&(struct form){print_setting, print_heading_with_text, option_section_is_for,
	                           program});
}

/* ---- the sample file ---- */

/* Writes words as comment lines. */
static void print_comment(const char *text)
{
	size_t at = 0;

	while (*text != 0) {
		size_t word = strcspn(text, " ");

		if (at == 0)
			at = (size_t)printf("# %.*s", (int)word, text);
		else if (at + 1 + word > WIDTH)
			at = (size_t)printf("\n# %.*s", (int)word, text) - 1;
		else
			at += (size_t)printf(" %.*s", (int)word, text);
		text += word;
		text += strspn(text, " ");
	}
	putchar('\n');
}

static void print_sample(const struct option *option)
{
	char name[OPTION_NAME_SIZE], text[LINE_MAX_SIZE];

	if (option->flags & OPTION_COMMAND)
		return;
	snprintf(text, sizeof text, "%s. %s%s", option->summary, option->text,
	         option->flags & OPTION_REPEAT ? " May be given several times." : "");
	if (text[0] >= 'a' && text[0] <= 'z')
		text[0] = (char)(text[0] - 'a' + 'A');
	putchar('\n');
	print_comment(text);
	option_name(option, name);
	if (option->default_text[0] != 0)
		printf("#%s=%s\n", name, yes_or_no(option));
	else
		printf("#%s=%s\n", name, option->arg);
}

static void print_sample_section(const struct option_item *section)
{
	printf("\n\n## %s\n#\n", section->title);
	print_comment(section->text);
}

static int generate_sample(enum config_program program)
{
	printf("# turnserver.conf: every option of %s, with its default or the form of its value.\n"
	       "# Take the # away in front of what you set. man turnserver.conf says more.\n",
	       option_program_name(program));
	print_options(&(struct form){print_sample, print_sample_section,
	                             option_section_has_settings, program});
	return 0;
}

/* ---- the table of coturn's options ---- */

struct row {
	char name[OPTION_NAME_SIZE];
	char letter;
	char here[LINE_MAX_SIZE];
};

static size_t add_options(struct row *rows)
{
	size_t count = 0;

	for (size_t i = 0; i < OPTION_ID_COUNT; i++) {
		const struct option *option = &option_table[i];

		if (!option_is_for(option, CONFIG_TURNSERVER) ||
		    (option->flags & OPTION_OWN && option_letter(option) == 0))
			continue;
		if (!(option->flags & OPTION_OWN))
			option_name(option, rows[count].name);
		rows[count].letter = option_letter(option);
		snprintf(rows[count].here, LINE_MAX_SIZE, "%s", option->summary);
		count++;
	}
	return count;
}

static size_t add_aliases(struct row *rows)
{
	char name[OPTION_NAME_SIZE];

	for (size_t i = 0; i < option_alias_count; i++) {
		const struct option_alias *alias = &option_alias_table[i];

		snprintf(rows[i].name, OPTION_NAME_SIZE, "%s", alias->name);
		rows[i].letter = alias->letter;
		snprintf(rows[i].here, LINE_MAX_SIZE, "another name of `%s%s`",
		         option_name(&option_table[alias->id], name), alias->negates ? "=no" : "");
	}
	return option_alias_count;
}

static size_t add_foreign(struct row *rows)
{
	for (size_t i = 0; i < option_foreign_count; i++) {
		const struct option_foreign *foreign = &option_foreign_table[i];

		snprintf(rows[i].name, OPTION_NAME_SIZE, "%s", foreign->name);
		rows[i].letter = foreign->letter;
		snprintf(rows[i].here, LINE_MAX_SIZE, "%s: %s",
		         foreign->is_gone ? "no longer needed" : "not yet", foreign->why);
	}
	return option_foreign_count;
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *left = a, *right = b;
	int order = strcmp(left->name, right->name);

	return order != 0 ? order : left->letter - right->letter;
}

static void print_row(const struct row *row)
{
	if (row->name[0] == 0)
		printf("| `-%c` | | %s |\n", row->letter, row->here);
	else if (row->letter == 0)
		printf("| `%s` | | %s |\n", row->name, row->here);
	else
		printf("| `%s` | `-%c` | %s |\n", row->name, row->letter, row->here);
}

static int generate_coturn(enum config_program program)
{
	(void)program; /* coturn has none but turnserver's */
	struct row *rows =
		calloc(OPTION_ID_COUNT + option_alias_count + option_foreign_count, sizeof *rows);
	size_t count;

	if (rows == NULL)
		return 1;
	count = add_options(rows);
	count += add_aliases(rows + count);
	count += add_foreign(rows + count);
	qsort(rows, count, sizeof *rows, compare_rows);
	printf("# coturn's options, and what turnstone does with them\n\n"
	       "A coturn configuration file or command line is taken as it is. What this version\n"
	       "does not do yet, and what it no longer needs, is accepted with a warning.\n\n"
	       "| option | letter | here |\n| --- | --- | --- |\n");
	for (size_t i = 0; i < count; i++)
		print_row(&rows[i]);
	free(rows);
	return 0;
}

/* ---- for tests ---- */

static int generate_help(enum config_program program)
{
	config_print_help(program, stdout);
	return 0;
}

/* "option MEMBER NAME LETTER parser|used secret|- DEFAULT", or "alias - NAME LETTER -", "foreign - NAME
 * LETTER -". */
static void print_option_name(const struct option *option)
{
	char name[OPTION_NAME_SIZE], letter = option_letter(option);

	printf("option %s %s %c %s %s %s\n", option->member, option_name(option, name),
	       letter != 0 ? letter : '-', option->flags & OPTION_PARSER ? "parser" : "used",
	       option->flags & OPTION_SECRET ? "secret" : "-", yes_or_no(option));
}

static int generate_names(enum config_program program)
{
	for (size_t i = 0; i < OPTION_ID_COUNT; i++)
		if (option_is_for(&option_table[i], program))
			print_option_name(&option_table[i]);
	for (size_t i = 0; i < option_alias_count; i++)
		if (option_is_for(&option_table[option_alias_table[i].id], program))
			printf("alias - %s %c -\n", option_alias_table[i].name,
			       option_alias_table[i].letter != 0 ? option_alias_table[i].letter
			                                         : '-');
	for (size_t i = 0; program == CONFIG_TURNSERVER && i < option_foreign_count; i++)
		printf("foreign - %s %c -\n", option_foreign_table[i].name,
		       option_foreign_table[i].letter != 0 ? option_foreign_table[i].letter : '-');
	return 0;
}

/* "NAME SAMPLE TYPE LABEL...": what is queried is the sample. */
static int generate_metrics(enum config_program program)
{
	(void)program;
	static const struct {
		enum metric_type type;
		const char *end;
	} ends[] = {
		{METRIC_COUNTER, "_total"},    {METRIC_GAUGE, ""},
		{METRIC_INFO, "_info"},        {METRIC_UNKNOWN, ""},
		{METRIC_HISTOGRAM, "_count"},  {METRIC_HISTOGRAM, "_sum"},
		{METRIC_HISTOGRAM, "_bucket"},
	};
	struct metric metric;

	for (unsigned i = 0; metric_get(i, &metric); i++)
		for (size_t end = 0; end < sizeof ends / sizeof ends[0]; end++)
			if (ends[end].type == metric.type)
				printf("%s %s%s %s %s\n", metric.name, metric.name, ends[end].end,
				       metric_type_name(metric.type), metric.labels);
	return 0;
}

static bool find_program(const char *name, enum config_program *program)
{
	for (int i = 0; i < CONFIG_PROGRAM_COUNT; i++)
		if (strcmp(option_program_name((enum config_program)i), name) == 0) {
			*program = (enum config_program)i;
			return true;
		}
	return false;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*generate)(enum config_program program);
	} outputs[] = {
		{"commands", generate_commands}, {"settings", generate_settings},
		{"sample", generate_sample},     {"coturn", generate_coturn},
		{"help", generate_help},         {"names", generate_names},
		{"metrics", generate_metrics},
	};

	enum config_program program = CONFIG_TURNSERVER;
	bool is_known = argc == 2 || (argc == 3 && find_program(argv[2], &program));

	for (size_t i = 0; is_known && i < sizeof outputs / sizeof outputs[0]; i++)
		if (strcmp(argv[1], outputs[i].name) == 0)
			return outputs[i].generate(program) != 0 || fflush(stdout) != 0;
	fprintf(stderr, "usage: generate commands|settings|sample|coturn|help|names|metrics "
	                "[turnserver|turnsignal]\n");
	return 2;
}
