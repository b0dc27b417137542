/* A page of the rooms, or of the sessions, of one hub: for an operator, who pages through those of all hubs of all nodes. Each
 * hub gives the first that come behind a key; whoever asked puts the parts together.
 *
 *   asked     {"limit": 50, "bytes": 65536, "after": KEY, "user": ..., "room": ..., "address": ...}
 *   answered  {"node": N, "worker": N, "matched": N, "total": N, "more": bool, "items": [{"key": KEY, ...}]}     in order of the keys */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "signaling/json_text.h"
#include "signaling/room_private.h"

enum {
	KEY_SIZE = TENANT_NAME_MAX + ROOM_TYPE_MAX + ROOM_NAME_MAX + 32,
	LIMIT_MAX = 256,
	BYTES_MAX = 1 << 20,
};

struct wish {
	const char *tenant; /* "": any; as below */
	char after[KEY_SIZE], user[USER_NAME_MAX + 1], room[ROOM_NAME_MAX + 1];
	bool has_address;
	struct addr_range address;
	int64_t limit, bytes;
};

struct row {
	char key[KEY_SIZE];
	const void *item;
};

/* The first rows of those that were put in: twice the limit is gathered before the later half goes. */
struct page {
	struct row *row; /* owned */
	size_t count, limit;
	uint64_t matched, total;
	bool has_more;
};

typedef void put_fn(struct text *text, const struct hub *hub, const void *item);

/* ---- what is wanted ---- */

static bool read_address(struct wish *wish, struct slice value)
{
	char text[128];

	if (json_get_text(value, text, sizeof text) != OK)
		return false;
	wish->has_address = text[0] != '\0';
	return !wish->has_address || addr_range_parse(text, &wish->address) == OK;
}

static bool read_wish(const struct post *ask, struct wish *wish)
{
	struct slice value = ask->value;

	*wish = (struct wish){.tenant = ask->room.tenant};
	return json_get_integer(json_member(value, "limit"), 1, LIMIT_MAX, &wish->limit) == OK &&
	       json_get_integer(json_member(value, "bytes"), 1, BYTES_MAX, &wish->bytes) == OK &&
	       json_get_text(json_member(value, "after"), wish->after, sizeof wish->after) == OK &&
	       json_get_text(json_member(value, "user"), wish->user, sizeof wish->user) == OK &&
	       json_get_text(json_member(value, "room"), wish->room, sizeof wish->room) == OK &&
	       read_address(wish, json_member(value, "address"));
}

static bool is_any_or(const char *wanted, const char *text)
{
	return wanted[0] == '\0' || strcmp(wanted, text) == 0;
}

static bool fits_address(const struct wish *wish, const char *text)
{
	struct transport_addr addr;

	return !wish->has_address ||
	       (addr_parse(text, 0, &addr) == OK && addr_range_contains(&wish->address, &addr));
}

/* ---- the page ---- */

static int compare_rows(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->key, ((const struct row *)b)->key);
}

static void cut(struct page *page)
{
	qsort(page->row, page->count, sizeof page->row[0], compare_rows);
	if (page->count <= page->limit)
		return;
	page->count = page->limit;
	page->has_more = true;
}

static bool page_init(struct page *page, const struct wish *wish)
{
	*page = (struct page){.limit = (size_t)wish->limit};
	page->row = calloc(2 * page->limit, sizeof page->row[0]);
	return page->row != NULL;
}

/* Gives where the key of an item goes that fits. */
static struct row *page_next(struct page *page, const void *item)
{
	struct row *row;

	if (page->count == 2 * page->limit)
		cut(page);
	row = &page->row[page->count];
	row->item = item;
	return row;
}

static void page_take(struct page *page, const struct wish *wish)
{
	const char *key = page->row[page->count].key;

	if (strcmp(key, wish->after) <= 0)
		return;
	/* Behind the last of those that were cut. */
	if (page->has_more && strcmp(key, page->row[page->limit - 1].key) > 0)
		return;
	page->count++;
}

/* At least one, so that whoever pages comes to an end. */
static void put_items(struct text *text, struct page *page, const struct hub *hub, size_t bytes,
                      put_fn *put)
{
	json_name(text, "items");
	json_open(text, '[');
	for (size_t i = 0; i < page->count; i++) {
		if (i > 0 && text->len > bytes) {
			page->has_more = true;
			break;
		}
		json_open(text, '{');
		json_member_string(text, "key", slice_of(page->row[i].key));
		put(text, hub, page->row[i].item);
		json_close(text, '}');
	}
	json_close(text, ']');
}

static void page_answer(struct page *page, struct hub *hub, const struct post *ask,
                        const struct wish *wish, put_fn *put)
{
	struct text text;

	cut(page);
	text_init(&text, 0);
	json_open(&text, '{');
	json_member_integer(&text, "node", hub->settings.place.node);
	json_member_integer(&text, "worker", hub->settings.place.worker);
	json_member_integer(&text, "matched", (int64_t)page->matched);
	json_member_integer(&text, "total", (int64_t)page->total);
	put_items(&text, page, hub, (size_t)wish->bytes, put);
	json_member_bool(&text, "more", page->has_more);
	json_close(&text, '}');
	request_answer_text(hub, ask, &text);
	free(page->row);
}

/* ---- rooms ---- */

/* Which parts are how long is its end, so that no two rooms have one key, whatever is in their names. */
static void room_key(const struct room *room, char key[KEY_SIZE])
{
	const struct room_info *info = &room->info;

	snprintf(key, KEY_SIZE, "%s\x01%s\x01%s\x01%zu.%zu", info->tenant, info->type, info->name,
	         strlen(info->tenant), strlen(info->type));
}

static void put_room(struct text *text, const struct hub *hub, const void *item)
{
	(void)hub;
	room_put(text, item);
}

static void answer_rooms(struct hub *hub, const struct post *ask, const struct wish *wish,
                         struct page *page)
{
	const struct room *room;
	size_t position = 0;

	while ((room = hash_table_next(&hub->rooms, &position)) != NULL) {
		page->total++;
		if (!is_any_or(wish->tenant, room->info.tenant))
			continue;
		page->matched++;
		room_key(room, page_next(page, room)->key);
		page_take(page, wish);
	}
	page_answer(page, hub, ask, wish, put_room);
}

/* ---- sessions ---- */

/* Who came first is the first. */
static void session_key(const struct session *session, char key[KEY_SIZE])
{
	snprintf(key, KEY_SIZE, "%016" PRIx64 "-%s", session->opened_ms, session->id);
}

static bool fits(const struct session *session, const struct wish *wish)
{
	const struct identity *identity = &session->identity->identity;

	return is_any_or(wish->tenant, identity->tenant) && is_any_or(wish->user, identity->user) &&
	       is_any_or(wish->room, session->view == NULL ? "" : session->view->info.name) &&
	       fits_address(wish, session->address);
}

static void put_session(struct text *text, const struct hub *hub, const void *item)
{
	const struct session *session = item;
	const struct room_info *room = session->view == NULL ? NULL : &session->view->info;

	json_member_string(text, "id", slice_of(session->id));
	json_member_string(text, "user", slice_of(session->identity->identity.user));
	json_member_string(text, "tenant", slice_of(session->identity->identity.tenant));
	json_member_string(text, "dialect", slice_of(session->dialect->name));
	json_member_string(text, "address", slice_of(session->address));
	json_member_string(text, "room", slice_of(room == NULL ? "" : room->name));
	json_member_string(text, "type", slice_of(room == NULL ? "" : room->type));
	json_member_integer(text, "since_ms", (int64_t)session->opened_ms);
	json_member_bool(text, "away", session->path == NULL);
	json_member_integer(text, "queued_bytes", (int64_t)session->queue.bytes);
	json_member_integer(text, "node", hub->settings.place.node);
	json_member_integer(text, "worker", hub->settings.place.worker);
}

static bool is_after_cut(const struct page *page, uint64_t opened_ms)
{
	return page->has_more &&
	       opened_ms > ((const struct session *)page->row[page->limit - 1].item)->opened_ms;
}

/* Most are before the page, or behind it: they need no key. */
static void answer_sessions(struct hub *hub, const struct post *ask, const struct wish *wish,
                            struct page *page)
{
	uint64_t after_ms = strtoull(wish->after, NULL, 16);
	const struct session *session;
	size_t position = 0;

	while ((session = hash_table_next(&hub->sessions, &position)) != NULL) {
		if (session->is_doomed)
			continue;
		page->total++;
		if (!fits(session, wish))
			continue;
		page->matched++;
		if (session->opened_ms < after_ms || is_after_cut(page, session->opened_ms))
			continue;
		session_key(session, page_next(page, session)->key);
		page_take(page, wish);
	}
	page_answer(page, hub, ask, wish, put_session);
}

/* ---- the operator's alone ---- */

static bool begin(struct hub *hub, const struct post *ask, struct wish *wish, struct page *page)
{
	if (!ask->is_by_operator)
		request_answer(hub, ask, SIGNALING_FORBIDDEN, (struct slice){0});
	else if (!read_wish(ask, wish))
		request_answer(hub, ask, SIGNALING_BAD_REQUEST, (struct slice){0});
	else if (!page_init(page, wish))
		request_answer(hub, ask, SIGNALING_INTERNAL, (struct slice){0});
	else
		return true;
	return false;
}

void page_handle_rooms(struct hub *hub, const struct post *ask)
{
	struct wish wish;
	struct page page;

	if (begin(hub, ask, &wish, &page))
		answer_rooms(hub, ask, &wish, &page);
}

void page_handle_sessions(struct hub *hub, const struct post *ask)
{
	struct wish wish;
	struct page page;

	if (begin(hub, ask, &wish, &page))
		answer_sessions(hub, ask, &wish, &page);
}

/* Of any tenant, or of the one that was named. */
static bool may_end(const struct session *session, const struct post *ask)
{
	return !session->is_doomed &&
	       is_any_or(ask->room.tenant, session->identity->identity.tenant);
}

/* It may live elsewhere by now. */
void session_handle_cancel(struct hub *hub, const struct post *ask)
{
	struct session *session = hub_find_session(hub, ask->to);

	if (!ask->is_by_operator) {
		request_answer(hub, ask, SIGNALING_FORBIDDEN, (struct slice){0});
		return;
	}
	if (session == NULL && moved_pass_on(hub, ask))
		return;
	if (session == NULL || !may_end(session, ask)) {
		request_answer(hub, ask, SIGNALING_NO_SESSION, (struct slice){0});
		return;
	}
	session_end(session, 1008, ask->reason[0] == '\0' ? "ended by the operator" : ask->reason);
	request_answer(hub, ask, SIGNALING_OK, SLICE("{\"cancelled\":1}"));
}
