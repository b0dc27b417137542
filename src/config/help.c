/* --help: the options in their sections, names on the left, a summary on the right. */
#include "config/config.h"

#include <string.h>

#include "config/option.h"

enum { SUMMARY_COLUMN = 32, WIDTH = 80 };

/* Writes words, going on at a column on the next line when the width is reached. */
static void print_words(FILE *file, const char *text, size_t at, size_t column)
{
	while (*text != 0) {
		size_t word = strcspn(text, " ");

		if (at > column && at + 1 + word > WIDTH) {
			fprintf(file, "\n%*s", (int)column, "");
			at = column;
		} else if (at > column) {
			fputc(' ', file);
			at++;
		}
		fwrite(text, 1, word, file);
		at += word;
		text += word;
		text += strspn(text, " ");
	}
	fputc('\n', file);
}

static size_t print_names(FILE *file, const struct option *option)
{
	char name[OPTION_NAME_SIZE], letter = option_letter(option);
	int len;

	len = letter != 0 ? fprintf(file, "  -%c, ", letter) : fprintf(file, "      ");
	len += fprintf(file, "--%s", option_name(option, name));
	if (option->arg != NULL)
		len += fprintf(file, option->flags & OPTION_BARE ? "[=%s]" : "=%s", option->arg);
	return (size_t)len;
}

static void print_option(FILE *file, const struct option *option)
{
	size_t at = print_names(file, option);
	const char *mark = option->flags & (OPTION_RELOAD | OPTION_COMMAND) ? "" : " *";
	char text[256];

	if (at + 2 > SUMMARY_COLUMN) {
		fputc('\n', file);
		at = 0;
	}
	fprintf(file, "%*s", (int)(SUMMARY_COLUMN - at), "");
	if (strcmp(option->default_text, "true") == 0)
		snprintf(text, sizeof text, "%s [on]%s", option->summary, mark);
	else if (option->default_text[0] != 0 && option->type != OPTION_FLAG)
		snprintf(text, sizeof text, "%s [%s]%s", option->summary, option->default_text,
		         mark);
	else
		snprintf(text, sizeof text, "%s%s", option->summary, mark);
	print_words(file, text, SUMMARY_COLUMN, SUMMARY_COLUMN);
}

void config_print_help(enum config_program program, FILE *file)
{
	for (size_t i = 0; i < option_item_count; i++) {
		const struct option_item *item = &option_items[i];

		if (item->title != NULL && option_section_is_for(i, program))
			fprintf(file, "\n%s\n", item->title);
		else if (item->title == NULL && option_is_for(&option_table[item->id], program))
			print_option(file, &option_table[item->id]);
	}
	fputs("\nA flag is turned off with =no. Defaults are in brackets.\n"
	      "SIGHUP and turnadmin reload apply changes while the server runs; * takes a\n"
	      "restart.\n",
	      file);
}
