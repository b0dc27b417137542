/* A page of a list of the store: {"NAME": [...], "next": "..." or null}, asked for by limit, after, contains and realm. Rows may come in
 * any order: the first behind `after` are kept, as many as the page has, so that no list is ever in memory whole. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "admin/api.h"
#include "store/store.h"

enum { LIST_PAGE_DEFAULT = 100, LIST_PAGE_MAX = 500, LIST_PAGE_KEY_SIZE = 2 * STORE_TEXT_MAX + 1 };

/* By which rows are in order: two texts, the first one first. */
struct list_page_key {
	char text
		[LIST_PAGE_KEY_SIZE]; /* both, with a line end between, which is below all that they have */
};
struct list_page_row {
	char *key;    /* owned: an list_page_key's text */
	json_t *json; /* owned */
};
struct list_page {
	const char *realm;    /* "": all */
	const char *contains; /* lent; NULL: all */
	struct list_page_key after;
	size_t limit;
	struct list_page_row
		*rows; /* owned, in order; one more than limit tells that there are more */
	size_t count;
	bool is_out_of_memory;
};

/* Reads limit, after, contains and realm of the query, the last by api_realm. False: it was refused. Either way it is ended by
 * list_page_answer or list_page_deinit. */
bool list_page_init(struct list_page *page, struct api_call *call);
void list_page_deinit(struct list_page *page);
/* A text of the query; NULL: it is not there. False: it is not UTF-8, or has a control character, and was refused. */
bool api_query_text(struct api_call *call, const char *name, const char **text);

/* Whether either text has what is asked for; second may be NULL. */
bool list_page_matches(const struct list_page *page, const char *first, const char *second);
/* Returns where a row of that key is to be on the page, made if it was not there; NULL: it is not on this page, or there is no memory, which the
 * answer tells. A row has no json yet when it was made. */
struct list_page_row *list_page_row(struct list_page *page, const char *first, const char *second);
/* Puts a row on the page if it is to be there. Takes json over. */
void list_page_put(struct list_page *page, const char *first, const char *second, json_t *json);
/* The row of that key; NULL: the page has none. */
struct list_page_row *list_page_find(const struct list_page *page, const char *first,
                                     const char *second);
/* Gives the two texts of a key. */
void list_page_key_split(const char *key, char first[STORE_TEXT_MAX], char second[STORE_TEXT_MAX]);
/* Answers, and ends the page. */
void list_page_answer(struct list_page *page, struct api_call *call, const char *name);
