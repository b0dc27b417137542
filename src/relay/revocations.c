/* A sorted list of them: they are few, and each goes when it has expired. */
#include "relay/revocations.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b);

void revocations_init(struct revocations *revocations)
{
	*revocations = (struct revocations){.letter = NULL};
}

void revocations_deinit(struct revocations *revocations)
{
	free(revocations->names);
	free(revocations->letter);
}

enum err revocations_take(struct revocations *revocations, struct store_revocations *letter)
{
	const char **names = calloc(letter->count + 1, sizeof *names), *at = letter->texts;

	if (names == NULL) {
		free(letter);
		return ERR_NO_MEMORY;
	}
	for (size_t i = 0; i < letter->count; i++, at += strlen(at) + 1)
		names[i] = at;
	qsort(names, letter->count, sizeof *names, compare);
	revocations_deinit(revocations);
	*revocations = (struct revocations){letter, names, letter->count};
	return OK;
}

bool revocations_have(const struct revocations *revocations, const char *username)
{
	return revocations->count > 0 && bsearch(&username, revocations->names, revocations->count,
	                                         sizeof *revocations->names, compare) != NULL;
}

static int compare(const void *a, const void *b)
{
	const char *const *left = a, *const *right = b;

	return strcmp(*left, *right);
}
