/* What `next` has is the key of the page's last row in base64 for URLs (RFC 4648 section 5): it stays right when rows come and go. */
#include "admin/list_page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api_path.h"
#include "base/bytes.h"

enum { CURSOR_SIZE = BASE64_SIZE(LIST_PAGE_KEY_SIZE) };

static bool read_after(struct list_page *page, struct api_call *call);
static void key_make(const char *first, const char *second, struct list_page_key *key);
static size_t place_of(const struct list_page *page, const char *key);
static json_t *next_of(const struct list_page *page);

bool api_query_text(struct api_call *call, const char *name, const char **text)
{
	*text = http_query(call->http, name);
	if (*text == NULL || (strlen(*text) < STORE_TEXT_MAX && api_text_is_plain(*text)))
		return true;
	api_refuse(call, 400, "bad-query",
	           "%s: give a text of at most %d bytes without control characters", name,
	           STORE_TEXT_MAX - 1);
	return false;
}

bool list_page_init(struct list_page *page, struct api_call *call)
{
	json_int_t limit = LIST_PAGE_DEFAULT;
	const char *realm;

	*page = (struct list_page){.realm = ""};
	if (!api_query_number(call, "limit", 1, LIST_PAGE_MAX, &limit) ||
	    !api_query_text(call, "contains", &page->contains) ||
	    !api_query_text(call, "realm", &realm) || !api_realm(call, realm, &page->realm) ||
	    !read_after(page, call))
		return false;
	page->limit = (size_t)limit;
	page->rows = calloc(page->limit + 1, sizeof *page->rows);
	page->is_out_of_memory = page->rows == NULL;
	if (page->is_out_of_memory)
		api_answer(call, NULL);
	return !page->is_out_of_memory;
}

void list_page_deinit(struct list_page *page)
{
	for (size_t i = 0; i < page->count; i++) {
		free(page->rows[i].key);
		json_decref(page->rows[i].json);
	}
	free(page->rows);
	*page = (struct list_page){.realm = ""};
}

static void swap(char *text, const char *from, const char *to)
{
	for (; *text != '\0'; text++)
		for (size_t i = 0; from[i] != '\0'; i++)
			if (*text == from[i]) {
				*text = to[i];
				break;
			}
}

static bool cursor_read(const char *cursor, struct list_page_key *key)
{
	char base64[CURSOR_SIZE];
	size_t len;

	if (text_copy(base64, sizeof base64, cursor) != OK)
		return false;
	swap(base64, "-_", "+/");
	if (base64_get(base64, strlen(base64), (uint8_t *)key->text, sizeof key->text - 1, &len) !=
	    OK)
		return false;
	key->text[len] = '\0';
	return strlen(key->text) == len && strchr(key->text, '\n') != NULL;
}

static bool read_after(struct list_page *page, struct api_call *call)
{
	const char *cursor = http_query(call->http, "after");

	if (cursor == NULL || cursor[0] == '\0' || cursor_read(cursor, &page->after))
		return true;
	api_refuse(call, 400, "bad-query", "after: give what another page had as next");
	return false;
}

/* ---- rows ---- */

bool list_page_matches(const struct list_page *page, const char *first, const char *second)
{
	return page->contains == NULL || strcasestr(first, page->contains) != NULL ||
	       (second != NULL && strcasestr(second, page->contains) != NULL);
}

static void key_make(const char *first, const char *second, struct list_page_key *key)
{
	snprintf(key->text, sizeof key->text, "%.*s\n%.*s", STORE_TEXT_MAX - 1, first,
	         STORE_TEXT_MAX - 1, second);
}

void list_page_key_split(const char *key, char first[STORE_TEXT_MAX], char second[STORE_TEXT_MAX])
{
	size_t len = strcspn(key, "\n");

	snprintf(first, STORE_TEXT_MAX, "%.*s", (int)len, key);
	snprintf(second, STORE_TEXT_MAX, "%s", key[len] == '\0' ? "" : key + len + 1);
}

/* Returns where the row of that key stands, or belongs. */
static size_t place_of(const struct list_page *page, const char *key)
{
	size_t low = 0, high = page->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(page->rows[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct list_page_row *row_at(const struct list_page *page, size_t place, const char *key)
{
	return place < page->count && strcmp(page->rows[place].key, key) == 0 ? &page->rows[place]
	                                                                      : NULL;
}

struct list_page_row *list_page_find(const struct list_page *page, const char *first,
                                     const char *second)
{
	struct list_page_key key;

	key_make(first, second, &key);
	return row_at(page, place_of(page, key.text), key.text);
}

/* The last row makes room where there is none. */
struct list_page_row *list_page_row(struct list_page *page, const char *first, const char *second)
{
	struct list_page_key key;
	size_t place;
	char *copy;

	key_make(first, second, &key);
	place = place_of(page, key.text);
	if (row_at(page, place, key.text) != NULL)
		return &page->rows[place];
	if (strcmp(key.text, page->after.text) <= 0 || place > page->limit)
		return NULL;
	copy = strdup(key.text);
	page->is_out_of_memory = page->is_out_of_memory || copy == NULL;
	if (copy == NULL)
		return NULL;
	if (page->count > page->limit) {
		page->count--;
		free(page->rows[page->count].key);
		json_decref(page->rows[page->count].json);
	}
	memmove(&page->rows[place + 1], &page->rows[place],
	        (page->count - place) * sizeof *page->rows);
	page->rows[place] = (struct list_page_row){copy, NULL};
	page->count++;
	return &page->rows[place];
}

void list_page_put(struct list_page *page, const char *first, const char *second, json_t *json)
{
	struct list_page_row *row = json == NULL ? NULL : list_page_row(page, first, second);

	page->is_out_of_memory = page->is_out_of_memory || json == NULL;
	if (row == NULL) {
		json_decref(json);
		return;
	}
	json_decref(row->json);
	row->json = json;
}

/* ---- the answer ---- */

/* The last of the page's rows, where there is one more than the page has. */
static json_t *next_of(const struct list_page *page)
{
	char cursor[CURSOR_SIZE];
	const char *key;

	if (page->count <= page->limit)
		return json_null();
	key = page->rows[page->limit - 1].key;
	base64_put((const uint8_t *)key, strlen(key), false, cursor);
	swap(cursor, "+/", "-_");
	return json_string(cursor);
}

void list_page_answer(struct list_page *page, struct api_call *call, const char *name)
{
	json_t *list = page->is_out_of_memory ? NULL : json_array();
	size_t count = page->count < page->limit ? page->count : page->limit;

	for (size_t i = 0; i < count; i++)
		json_array_append(list, page->rows[i].json);
	api_answer(call, list == NULL ? NULL
	                              : json_pack("{s:o, s:o}", name, list, "next", next_of(page)));
	list_page_deinit(page);
}
