/* Walking folders, reading lines, telling TAP. */
#include "text_files.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 4096, TITLE_SIZE = 256, SHOWN_SIZE = 512 };

struct run {
	const struct text_player *player;
	unsigned tests, failures;
};

/* What is told of a file. */
struct report {
	char title[TITLE_SIZE], shown[SHOWN_SIZE]; /* the first line; that which is played */
	unsigned number;
};

static bool has_failed(const struct text_player *player, const void *play)
{
	return player->fault(play)[0] != '\0';
}

static void play_lines(const struct text_player *player, void *play, FILE *file,
                       struct report *report)
{
	char *line = NULL;
	size_t room = 0;

	while (!has_failed(player, play) && getline(&line, &room, file) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		if (report->number++ == 0)
			snprintf(report->title, sizeof report->title, "%.250s", line);
		snprintf(report->shown, sizeof report->shown, "%.500s", line);
		player->line(play, line);
	}
	free(line);
}

static bool play_file(const struct text_player *player, void *play, const char *path,
                      struct report *report)
{
	FILE *file = fopen(path, "r");

	if (file == NULL) {
		player->note_fault(play, "it cannot be read");
		return false;
	}
	play_lines(player, play, file, report);
	fclose(file);
	if (!has_failed(player, play)) {
		snprintf(report->shown, sizeof report->shown, "the end");
		player->end(play);
	}
	if (strncmp(report->title, "# ", 2) != 0)
		player->note_fault(play, "the first line does not say what it is about");
	return !has_failed(player, play);
}

static void play_one(struct run *run, const char *path)
{
	void *play = run->player->create();
	struct report report = {.number = 0};
	const char *name = strrchr(path, '/');
	bool passed = play_file(run->player, play, path, &report);

	printf("%s %u - %s: %s\n", passed ? "ok" : "not ok", ++run->tests, name ? name + 1 : path,
	       report.title[0] == '\0' ? "" : report.title + 2);
	if (!passed)
		printf("# line %u: %s\n# %s\n", report.number, report.shown,
		       run->player->fault(play));
	fflush(stdout);
	run->failures += !passed;
	run->player->destroy(play);
}

static int has_name(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static bool is_played(const struct run *run, const char *path)
{
	size_t len = strlen(path), suffix = strlen(run->player->suffix);

	return len > suffix && strcmp(path + len - suffix, run->player->suffix) == 0;
}

static void play_folder(struct run *run, const char *folder)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, has_name, alphasort);
	char path[PATH_SIZE];

	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
		if (is_played(run, path))
			play_one(run, path);
		else if (entries[i]->d_type == DT_DIR || entries[i]->d_type == DT_UNKNOWN)
			play_folder(run, path);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

int text_files_play(const struct text_player *player, int argc, char **argv)
{
	const char *top = getenv("srcdir");
	struct run run = {.player = player};
	char folder[PATH_SIZE];

	for (int i = 1; i < argc; i++)
		if (is_played(&run, argv[i]))
			play_one(&run, argv[i]);
		else
			play_folder(&run, argv[i]);
	snprintf(folder, sizeof folder, "%s/%s", top ? top : ".", player->folder);
	if (argc == 1)
		play_folder(&run, folder);
	if (run.tests == 0) {
		printf("not ok %u - there is none in %s\n", ++run.tests, folder);
		run.failures++;
	}
	printf("1..%u\n", run.tests);
	return run.failures != 0;
}
