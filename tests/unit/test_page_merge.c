/* Parts of several hubs become pages: each row comes once, in order, whatever each hub had room for. */
#include "signaling/page_merge.h"

#include <stdio.h>
#include <stdlib.h>

#include "tap.h"

enum { HUBS = 5, ROWS = 137 };

/* The rows of a hub are those whose number leaves its own over; it gives few at once. */
static json_t *part_of(unsigned hub, const char *after, unsigned most)
{
	json_t *items = json_array();
	bool has_more = false;
	char key[8];

	for (unsigned i = hub; i < ROWS; i += HUBS) {
		snprintf(key, sizeof key, "%04u", i);
		if (strcmp(key, after) <= 0)
			continue;
		has_more = json_array_size(items) == most;
		if (has_more)
			break;
		json_array_append_new(items, json_pack("{s:s, s:i}", "key", key, "n", (int)i));
	}
	return json_pack("{s:i, s:i, s:o, s:b}", "matched", (ROWS - (int)hub + HUBS - 1) / HUBS,
	                 "total", 100, "items", items, "more", (int)has_more);
}

static json_t *parts_behind(const char *after, const unsigned most[HUBS])
{
	json_t *parts = json_array();

	for (unsigned hub = 0; hub < HUBS; hub++)
		json_array_append_new(parts, part_of(hub, after, most[hub]));
	return parts;
}

/* Returns how many rows came before one that is not the next. */
static int walk(size_t limit, const unsigned most[HUBS], unsigned *pages)
{
	char after[8] = "";
	int count = 0;

	for (*pages = 0; *pages < 2 * ROWS; ++*pages) {
		json_t *parts = parts_behind(after, most), *page = page_merge(parts, "rows", limit);
		json_t *rows = json_object_get(page, "rows"), *row, *next;
		bool is_right = json_array_size(rows) <= limit;
		size_t i;

		json_array_foreach(rows, i, row) is_right =
			is_right && json_integer_value(json_object_get(row, "n")) == count++ &&
			json_object_get(row, "key") == NULL;
		next = json_object_get(page, "next");
		snprintf(after, sizeof after, "%s",
		         json_is_string(next) ? json_string_value(next) : "");
		json_decref(page);
		json_decref(parts);
		if (!is_right)
			return -1;
		if (after[0] == '\0')
			return count;
	}
	return -1;
}

static void test_counts(void)
{
	static const unsigned most[HUBS] = {50, 50, 50, 50, 50};
	json_t *parts = parts_behind("", most), *page = page_merge(parts, "rows", 3);

	is_int(json_integer_value(json_object_get(page, "matched")), ROWS, "what matches");
	is_int(json_integer_value(json_object_get(page, "total")), 100 * HUBS, "all there are");
	is_text(json_string_value(json_object_get(page, "next")), "0002", "where the next begins");
	json_decref(page);
	json_decref(parts);
}

int main(void)
{
	static const unsigned whole[HUBS] = {50, 50, 50, 50, 50}, few[HUBS] = {1, 7, 2, 50, 3},
			      one[HUBS] = {1, 1, 1, 1, 1};
	json_t *none = json_array(), *page = page_merge(none, "rows", 10);
	unsigned pages;

	is_int(walk(10, whole, &pages), ROWS, "each row comes once, in order");
	is_int(pages + 1, 14, "in full pages");
	is_int(walk(10, few, &pages), ROWS, "also where hubs end before the page does");
	is_int(walk(10, one, &pages), ROWS, "and where each gives one");
	is_int(walk(1, few, &pages), ROWS, "and by pages of one");
	is_int(walk(500, whole, &pages), ROWS, "and in one page");
	is_int(pages, 0, "which is the last");
	ok(json_is_null(json_object_get(page, "next")), "of no part nothing comes");
	json_decref(page);
	json_decref(none);
	test_counts();
	return tap_end();
}
