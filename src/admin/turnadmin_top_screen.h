/* A screen of top: a view as lines, for any size of terminal. It draws into memory and asks nobody. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { TOP_HISTORY = 300 };

struct top_history { /* of the last refreshes, in a ring */
	uint64_t to_peers[TOP_HISTORY], to_clients[TOP_HISTORY]; /* bytes a second */
	unsigned count, next;
};
void top_history_add(struct top_history *history, const json_t *view);

struct top_screen {
	const json_t *view;  /* NULL: none yet */
	const char *problem; /* instead of the keys in the last line; NULL: none */
	const char *sort;    /* of the sessions */
	bool is_paused;
	bool has_unicode; /* spark lines of blocks, else of ASCII */
	bool is_terminal; /* lines are ended so that nothing of the last screen stays */
	unsigned columns, lines;
};
/* Writes at most so many lines of at most so many columns, the last one without an end. */
void top_draw(const struct top_screen *screen, const struct top_history *history, FILE *file);
