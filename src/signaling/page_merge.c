/* A part that says that there is more ends at its last key: behind that it may have rows which nobody has seen, so the page ends
 * there too, however many rows others have. */
#include "signaling/page_merge.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct merge {
	json_t **row; /* owned; those are lent from the parts */
	size_t count;
	const char *end; /* lent; NULL: no part has more */
	json_int_t matched, total;
};

static const char *key_of(const json_t *row)
{
	const char *key = json_string_value(json_object_get(row, "key"));

	return key == NULL ? "" : key;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(key_of(*(json_t *const *)a), key_of(*(json_t *const *)b));
}

static void merge_part(struct merge *merge, const json_t *part)
{
	const json_t *rows = json_object_get(part, "items");
	size_t count = json_array_size(rows);

	for (size_t i = 0; i < count; i++)
		merge->row[merge->count++] = json_array_get(rows, i);
	merge->matched += json_integer_value(json_object_get(part, "matched"));
	merge->total += json_integer_value(json_object_get(part, "total"));
	if (count == 0 || !json_is_true(json_object_get(part, "more")))
		return;
	const char *last = key_of(json_array_get(rows, count - 1));
	if (merge->end == NULL || strcmp(last, merge->end) < 0)
		merge->end = last;
}

static bool merge_init(struct merge *merge, const json_t *parts)
{
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(parts); i++)
		count += json_array_size(json_object_get(json_array_get(parts, i), "items"));
	*merge = (struct merge){.row = calloc(count + 1, sizeof merge->row[0])};
	if (merge->row == NULL)
		return false;
	for (size_t i = 0; i < json_array_size(parts); i++)
		merge_part(merge, json_array_get(parts, i));
	qsort(merge->row, merge->count, sizeof merge->row[0], compare_keys);
	return true;
}

static size_t count_rows(const struct merge *merge, size_t limit)
{
	size_t count = 0;

	while (count < merge->count && count < limit &&
	       (merge->end == NULL || strcmp(key_of(merge->row[count]), merge->end) <= 0))
		count++;
	return count;
}

static json_t *take_rows(const struct merge *merge, size_t count)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *row = json_copy(merge->row[i]);
		json_object_del(row, "key");
		json_array_append_new(rows, row);
	}
	return rows;
}

json_t *page_merge(const json_t *parts, const char *items, size_t limit)
{
	struct merge merge;
	json_t *next, *page;
	size_t count;

	if (!merge_init(&merge, parts))
		return NULL;
	count = count_rows(&merge, limit);
	next = count > 0 && (count < merge.count || merge.end != NULL)
	               ? json_string(key_of(merge.row[count - 1]))
	               : json_null();
	page = json_pack("{s:I, s:I, s:o, s:o}", "matched", merge.matched, "total", merge.total,
	                 items, take_rows(&merge, count), "next", next);
	free(merge.row);
	return page;
}
