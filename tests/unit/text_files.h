/* Conversations in text files as TAP tests: each file is a test, its first line, "# ...", says what it is about. What plays its
 * lines hands itself in. */
#pragma once

#include <stddef.h>

struct text_player {
	const char *folder; /* where all are, below srcdir: "tests/scenarios" */
	const char *suffix; /* of their names: ".turn" */
	void *(*create)(void);
	void (*line)(void *play, char *line);
	void (*end)(void *play); /* looks for what was left over */
	/* The first thing that was wrong; "": nothing. note_fault notes one. */
	const char *(*fault)(const void *play);
	void (*note_fault)(void *play, const char *text);
	void (*destroy)(void *play);
};

/* Plays the files and folders that are named, or all there are: folders in the order of their names. Gives what main() returns. */
int text_files_play(const struct text_player *player, int argc, char **argv);
