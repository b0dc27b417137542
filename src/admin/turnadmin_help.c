/* --help: of everything, a line for each verb; of a verb, its text and the options it names. */
#include "admin/turnadmin_help.h"

#include <stdio.h>
#include <string.h>

#include "admin/turnadmin_option.h"

enum { WIDTH = 80, SUMMARY_COLUMN = 30 };

static void print_words(const char *text, size_t at, size_t column);
static void print_summary(const struct turnadmin_verb *verb);
static void print_verb(const struct turnadmin_verb *verb);
static void print_options(const struct turnadmin_verb *verb);
static bool takes(const struct turnadmin_verb *verb, const struct turnadmin_option *option);
static void print_option(const struct turnadmin_option *option);
static void print_coturn(void);

void turnadmin_help_all(void)
{
	puts("turnadmin - users, secrets and realms of turnserver, and turnserver itself\n\n"
	     "  turnadmin VERB ...\n");
	for (size_t i = 0; i < turnadmin_verb_count; i++)
		print_summary(&turnadmin_verbs[i]);
	puts("\nturnadmin VERB --help says more about one. Passwords and secrets are asked for\n"
	     "on a terminal, and read as one line from standard input otherwise.\n");
	for (size_t i = 0; i < turnadmin_option_count; i++)
		if (turnadmin_options[i].text != NULL)
			print_option(&turnadmin_options[i]);
	print_coturn();
	puts("\nExit status: 0 done, 1 a problem (one line says which), 2 wrong usage;\n"
	     "of doctor 3 warnings, 4 errors.");
}

bool turnadmin_help_words(char **words, int count)
{
	bool is_known = false;

	for (size_t i = 0; i < turnadmin_verb_count; i++) {
		const struct turnadmin_verb *verb = &turnadmin_verbs[i];

		if (turnadmin_verb_fits(verb, words, count) == 0)
			continue;
		if (is_known)
			putchar('\n');
		print_verb(verb);
		is_known = true;
	}
	return is_known;
}

static size_t print_name(const struct turnadmin_verb *verb)
{
	char name[TURNADMIN_VERB_SIZE];

	return (size_t)printf("turnadmin %s", turnadmin_verb_name(verb, name));
}

static void print_summary(const struct turnadmin_verb *verb)
{
	char name[TURNADMIN_VERB_SIZE];
	size_t at = (size_t)printf("  %s", turnadmin_verb_name(verb, name));

	printf("%*s", at < SUMMARY_COLUMN ? (int)(SUMMARY_COLUMN - at) : 1, "");
	print_words(verb->summary, SUMMARY_COLUMN, SUMMARY_COLUMN);
}

/* An argument in brackets stays in one piece, so that a line ends between arguments. */
static void print_verb(const struct turnadmin_verb *verb)
{
	size_t at = print_name(verb);

	if (verb->arguments[0] != '\0') {
		putchar(' ');
		print_words(verb->arguments, at + 1, at + 1);
	} else {
		putchar('\n');
	}
	fputs("  ", stdout);
	print_words(verb->summary, 2, 2);
	if (verb->text[0] != '\0') {
		fputs("  ", stdout);
		print_words(verb->text, 2, 2);
	}
	print_options(verb);
}

static void print_options(const struct turnadmin_verb *verb)
{
	for (size_t i = 0; i < turnadmin_option_count; i++)
		if (takes(verb, &turnadmin_options[i]))
			print_option(&turnadmin_options[i]);
}

static bool takes(const struct turnadmin_verb *verb, const struct turnadmin_option *option)
{
	size_t len = strlen(option->name);
	const char *at = verb->arguments;

	while (option->text != NULL && (at = strstr(at, "--")) != NULL) {
		at += 2;
		if (strncmp(at, option->name, len) == 0 && strchr(" ]|", at[len]) != NULL)
			return true;
	}
	return false;
}

static void print_option(const struct turnadmin_option *option)
{
	size_t at;

	if (option->letter != 0)
		at = (size_t)printf("  -%c, --%s", option->letter, option->name);
	else
		at = (size_t)printf("      --%s", option->name);
	if (option->arg != NULL)
		at += (size_t)printf(" %s", option->arg);
	printf("%*s", at < SUMMARY_COLUMN ? (int)(SUMMARY_COLUMN - at) : 1, "");
	print_words(option->text, at < SUMMARY_COLUMN ? SUMMARY_COLUMN : at + 1, SUMMARY_COLUMN);
}

/* A row for each way that coturn has to say a verb. */
static void print_coturn(void)
{
	puts("\nAs in coturn:");
	for (size_t i = 0; i < turnadmin_option_count; i++) {
		const struct turnadmin_option *option = &turnadmin_options[i];
		int at;

		if (option->text != NULL || option->kind == KIND_REFUSE)
			continue;
		at = option->letter != 0 ? printf("  -%c, --%s", option->letter, option->name)
		                         : printf("      --%s", option->name);
		if (option->arg != NULL)
			at += printf("=%s", option->arg);
		if (option->verb != NULL)
			printf("%*s%s%s", at < SUMMARY_COLUMN ? SUMMARY_COLUMN - at : 1, "",
			       option->verb, option->kind == KIND_CHOOSE_ALL ? " --all" : "");
		putchar('\n');
	}
}

/* Returns how long the next piece is: a word, or all that stands in one pair of brackets. */
static size_t piece_len(const char *text)
{
	size_t len = text[0] == '[' ? strcspn(text, "]") : 0;

	return len + strcspn(text + len, " ");
}

/* Writes words from a column on, and goes on at another one on the next line. */
static void print_words(const char *text, size_t at, size_t column)
{
	bool is_first = true;

	while (*text != '\0') {
		size_t len = piece_len(text);

		if (at + len + (is_first ? 0 : 1) > WIDTH && at > column) {
			printf("\n%*s", (int)column, "");
			at = column;
		} else if (!is_first) {
			putchar(' ');
			at++;
		}
		printf("%.*s", (int)len, text);
		at += len;
		text += len;
		text += strspn(text, " ");
		is_first = false;
	}
	putchar('\n');
}
