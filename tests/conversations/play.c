/* Plays conversations: text files in the folders below tests/conversations, one TAP test each. Without arguments all of
 * them. README says how they are written. */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play.h"

void fault(struct play *play, const char *format, ...)
{
	va_list arguments;

	if (play->fault[0] != '\0')
		return;
	va_start(arguments, format);
	vsnprintf(play->fault, sizeof play->fault, format, arguments);
	va_end(arguments);
}

/* Lines. */

static const struct {
	const char *word;
	void (*run)(struct play *play, char *rest);
} commands[] = {
	{"set", play_set},
	{"option", play_option},
	{"identity", play_identity},
	{"credentials", play_credentials},
	{"open", play_open},
	{"wait", play_wait},
	{"lose", play_lose},
	{"kill", play_kill},
	{"cut-off", play_cut_off},
	{"mend", play_mend},
	{"kept", play_kept},
	{"registry", play_registry},
	{"posts", play_posts},
	{"drain", play_drain},
	{"told", play_note},
	{"http", play_http},
	{"http<", play_http_answer},
	{"request", play_request},
	{"request<", play_request_answer},
};

static void play_line(struct play *play, char *line)
{
	char *copy = substitute(play, line), *rest = copy, *word;

	rest = skip_blanks(rest);
	if (*rest == '\0' || *rest == '#') {
		free(copy);
		return;
	}
	word = take_word(&rest);
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(commands[i].word, word) == 0) {
			commands[i].run(play, rest);
			free(copy);
			return;
		}
	play_client(play, word, rest);
	free(copy);
}

/* What was said and not expected. */
static void check_end(struct play *play)
{
	for (unsigned i = 0; i < play->host.client_count; i++) {
		const struct client *client = play->host.clients[i];
		if (client->count > 0)
			fault(play, "%s has %.*s", client->name, (int)client->inbox[0]->len,
			      client->inbox[0]->bytes);
		else if (client->is_closed)
			fault(play, "%s was closed with %u", client->name, client->close_code);
		else if (client->refused != 0)
			fault(play, "%s was refused with %u", client->name, client->refused);
	}
}

static void play_deinit(struct play *play)
{
	host_deinit(&play->host);
	for (unsigned i = 0; i < play->bound_count; i++)
		free(play->bound[i].value);
	buffer_release(play->last);
	if (play->has_exchange)
		exchange_deinit(&play->exchange);
	free(play->answer);
	free(play);
}

static bool play_file(const char *path, char *report, size_t size)
{
	struct play *play = calloc(1, sizeof *play);
	FILE *file = fopen(path, "r");
	char *line = NULL, title[256] = "", shown[512] = "";
	size_t room = 0;
	unsigned number = 0;
	ssize_t len;

	if (play == NULL)
		abort();
	host_init(&play->host);
	if (file == NULL)
		fault(play, "it cannot be read");
	while (play->fault[0] == '\0' && file != NULL && (len = getline(&line, &room, file)) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		if (number++ == 0)
			snprintf(title, sizeof title, "%.250s", line);
		snprintf(shown, sizeof shown, "%.500s", line);
		play_line(play, line);
	}
	if (play->fault[0] == '\0') {
		snprintf(shown, sizeof shown, "the end");
		check_end(play);
	}
	if (strncmp(title, "# ", 2) != 0)
		fault(play, "the first line does not say what it is about");
	bool passed = play->fault[0] == '\0';
	snprintf(report, size, passed ? "%s" : "%s\n# line %u: %s\n# %s",
	         title[0] == '\0' ? "" : title + 2, number, shown, play->fault);
	if (file != NULL)
		fclose(file);
	free(line);
	play_deinit(play);
	return passed;
}

static int has_name(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static bool is_conversation(const char *path)
{
	size_t len = strlen(path);

	return len > 4 && strcmp(path + len - 4, ".txt") == 0;
}

static unsigned play_one(const char *path, unsigned *tests)
{
	char report[4096];
	const char *name = strrchr(path, '/');
	bool passed = play_file(path, report, sizeof report);

	printf("%s %u - %s: %s\n", passed ? "ok" : "not ok", ++*tests, name ? name + 1 : path,
	       report);
	fflush(stdout);
	return !passed;
}

static unsigned play_folder(const char *folder, unsigned *tests)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, has_name, alphasort);
	unsigned failures = 0;
	char path[4096];

	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
		if (is_conversation(path))
			failures += play_one(path, tests);
		else if (entries[i]->d_type == DT_DIR || entries[i]->d_type == DT_UNKNOWN)
			failures += play_folder(path, tests);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return failures;
}

int main(int argc, char **argv)
{
	const char *top = getenv("srcdir");
	char folder[4096];
	unsigned tests = 0, failures = 0;

	for (int i = 1; i < argc; i++)
		failures += is_conversation(argv[i]) ? play_one(argv[i], &tests)
		                                     : play_folder(argv[i], &tests);
	snprintf(folder, sizeof folder, "%s/tests/conversations", top ? top : ".");
	if (argc == 1)
		failures += play_folder(folder, &tests);
	if (tests == 0) {
		printf("not ok %u - no conversation in %s\n", ++tests, folder);
		failures++;
	}
	printf("1..%u\n", tests);
	return failures != 0;
}
