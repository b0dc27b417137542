/* "log tail": lines behind a number, of those the ones that fit, oldest first. Who has none yet, and would wait, is answered when one comes or
 * its time is over; lines that come together are looked at together, so that a busy log takes the main thread no more often than each
 * GATHER_MS.
 *
 *     request ─► look ─► lines, or no wait: answer
 *                  └──► waiting ─► the ring tells ─► a moment ─► look ... the time is over ─► answer */
#include "relay/log_requests.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/list.h"
#include "relay/main_thread.h"

enum { LINES_DEFAULT = 100, GATHER_MS = 50, US_PER_MS = 1000 };

struct log_tails {
	struct log_ring *ring; /* owner: main */
	struct event_base *base;
	struct event *told,
		*gathered;   /* owned: the ring has lines; they have been given a moment */
	struct list waiting; /* of struct tail, owned */
	unsigned waiting_count;
	bool is_closed;
};

/* What somebody wants; its texts are lent from the request. */
struct tail {
	struct list node; /* in waiting */
	struct log_tails *tails;
	struct control_request *request;
	struct event *timeout; /* owned; NULL: it does not wait */
	enum log_level min_level;
	const char *event, *contains; /* NULL: any */
	const char *key, *value;      /* a key that is there; with that value. NULL: any */
	char key_room[128];
	bool is_newest; /* the newest lines there are; else those behind a number, the oldest of them first */
	json_int_t limit, wait_s;

	uint64_t at, lost; /* up to where it has looked; lines that were gone by then */
	json_t *lines;     /* owned */
};

static void on_told(evutil_socket_t fd, short what, void *context);
static void on_gathered(evutil_socket_t fd, short what, void *context);
static void on_timeout(evutil_socket_t fd, short what, void *context);
static bool get_wish(struct control_request *request, struct tail *tail);
static void look(struct tail *tail);
static void answer(struct tail *tail);
static void wait_or_answer(struct tail *tail);

enum err log_tails_create(struct event_base *base, struct log_ring *ring, struct log_tails **result)
{
	struct log_tails *tails = calloc(1, sizeof *tails);

	if (tails == NULL)
		return ERR_NO_MEMORY;
	tails->ring = ring;
	tails->base = base;
	list_init(&tails->waiting);
	tails->told = event_new(base, log_ring_fd(ring), EV_READ, on_told, tails);
	tails->gathered = event_new(base, -1, 0, on_gathered, tails);
	if (tails->told == NULL || tails->gathered == NULL) {
		log_tails_destroy(tails);
		return ERR_NO_MEMORY;
	}
	*result = tails;
	return OK;
}

void log_tails_close(struct log_tails *tails)
{
	struct list *node;

	tails->is_closed = true;
	while ((node = list_first(&tails->waiting)) != NULL)
		answer(CONTAINER_OF(node, struct tail, node));
}

void log_tails_destroy(struct log_tails *tails)
{
	if (tails == NULL)
		return;
	if (tails->told != NULL)
		event_free(tails->told);
	if (tails->gathered != NULL)
		event_free(tails->gathered);
	free(tails);
}

/* ---- who asks ---- */

static struct tail *tail_create(struct log_tails *tails, struct control_request *request)
{
	struct tail *tail = calloc(1, sizeof *tail);

	if (tail == NULL)
		return NULL;
	tail->tails = tails;
	tail->request = request;
	tail->limit = LINES_DEFAULT;
	tail->lines = json_array();
	list_init(&tail->node);
	if (tail->lines != NULL)
		return tail;
	free(tail);
	return NULL;
}

static void tail_destroy(struct tail *tail)
{
	if (tail->timeout != NULL) {
		list_remove(&tail->node);
		tail->tails->waiting_count--;
		event_free(tail->timeout);
	}
	json_decref(tail->lines);
	free(tail);
}

void log_tail(struct control_request *request, void *context)
{
	struct tail *tail = tail_create(((struct main_thread *)context)->tails, request);

	if (tail == NULL) {
		control_refuse(request, "%s", err_string(ERR_NO_MEMORY));
		return;
	}
	if (!get_wish(request, tail)) {
		tail_destroy(tail);
		return;
	}
	/* Before it looks, lest a line comes between. While others wait it is armed, or has told them, which is not to be taken back. */
	if (tail->tails->waiting_count == 0)
		log_ring_arm(tail->tails->ring);
	look(tail);
	wait_or_answer(tail);
}

static bool has_begun_to_wait(struct tail *tail)
{
	const struct timeval wait = {(time_t)tail->wait_s, 0};
	struct log_tails *tails = tail->tails;

	tail->timeout = event_new(tails->base, -1, 0, on_timeout, tail);
	if (tail->timeout == NULL)
		return false;
	event_add(tail->timeout, &wait);
	if (!event_pending(tails->gathered, EV_TIMEOUT, NULL))
		event_add(tails->told, NULL);
	list_append(&tails->waiting, &tail->node);
	tails->waiting_count++;
	return true;
}

static void wait_or_answer(struct tail *tail)
{
	struct control_request *request = tail->request;

	if (json_array_size(tail->lines) > 0 || tail->wait_s == 0 || tail->tails->is_closed) {
		answer(tail);
		return;
	}
	if (tail->tails->waiting_count < LOG_TAILS_MAX && has_begun_to_wait(tail))
		return;
	tail_destroy(tail);
	control_refuse(request, "%d wait for the log already: ask without wait", LOG_TAILS_MAX);
}

static void answer(struct tail *tail)
{
	struct control_request *request = tail->request;
	json_t *result = json_pack("{s:O, s:I, s:I}", "lines", tail->lines, "next",
	                           (json_int_t)tail->at, "lost", (json_int_t)tail->lost);

	tail_destroy(tail);
	control_answer(request, result);
}

/* ---- who waits ---- */

static void on_told(evutil_socket_t fd, short what, void *context)
{
	struct log_tails *tails = context;
	const struct timeval moment = {0, GATHER_MS * US_PER_MS};

	(void)fd;
	(void)what;
	event_add(tails->gathered, &moment);
}

static void on_gathered(evutil_socket_t fd, short what, void *context)
{
	struct log_tails *tails = context;

	(void)fd;
	(void)what;
	log_ring_arm(tails->ring);
	LIST_FOR_EACH (node, &tails->waiting) {
		struct tail *tail = CONTAINER_OF(node, struct tail, node);
		look(tail);
		if (json_array_size(tail->lines) > 0)
			answer(tail);
	}
	if (tails->waiting_count > 0)
		event_add(tails->told, NULL);
}

static void on_timeout(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	answer(context);
}

/* ---- what is wanted ---- */

static bool get_level(struct control_request *request, enum log_level *level)
{
	const char *text = NULL;

	*level = LEVEL_DEBUG;
	if (!control_get_text(request, "level", &text))
		return false;
	if (text == NULL || log_level_parse(text, level) == OK)
		return true;
	control_refuse(request, "level: \"%.40s\" is not one of debug, info, warning, error", text);
	return false;
}

/* "user", or "user=anna". */
static bool get_key(struct control_request *request, struct tail *tail)
{
	const char *text = NULL, *value;

	if (!control_get_text(request, "key", &text))
		return false;
	if (text == NULL)
		return true;
	value = strchr(text, '=');
	size_t len = value != NULL ? (size_t)(value - text) : strlen(text);
	if (len == 0 || len >= sizeof tail->key_room) {
		control_refuse(request, "key: give NAME, or NAME=VALUE");
		return false;
	}
	memcpy(tail->key_room, text, len);
	tail->key = tail->key_room;
	tail->value = value != NULL ? value + 1 : NULL;
	return true;
}

static bool get_wish(struct control_request *request, struct tail *tail)
{
	const json_int_t none = -1, most = INT64_C(1) << 53;
	json_int_t after = none;

	if (!control_get_number(request, "after", 0, most, &after) ||
	    !get_level(request, &tail->min_level) || !get_key(request, tail) ||
	    !control_get_text(request, "event", &tail->event) ||
	    !control_get_text(request, "contains", &tail->contains) ||
	    !control_get_number(request, "limit", 1, LOG_TAIL_LINES_MAX, &tail->limit) ||
	    !control_get_number(request, "wait", 0, LOG_TAIL_WAIT_MAX_S, &tail->wait_s))
		return false;
	tail->is_newest = after == none;
	tail->at = after == none ? 0 : (uint64_t)after;
	return true;
}

/* ---- lines ---- */

/* Numbers as they were written; NULL: it is no text and no number. */
static const char *text_of(const json_t *value, char room[32])
{
	if (json_is_integer(value)) {
		snprintf(room, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return room;
	}
	return json_string_value(value);
}

static bool has_key(const struct tail *tail, const json_t *object)
{
	const json_t *found = tail->key != NULL ? json_object_get(object, tail->key) : NULL;
	char room[32];
	const char *text = text_of(found, room);

	return tail->key == NULL ||
	       (found != NULL &&
	        (tail->value == NULL || (text != NULL && strcmp(text, tail->value) == 0)));
}

/* In any of what the line says. */
static bool has_part(const struct tail *tail, json_t *object)
{
	const char *name, *text;
	json_t *value;
	char room[32];

	if (tail->contains == NULL)
		return true;
	json_object_foreach(object, name, value)
	{
		text = text_of(value, room);
		if (text != NULL && strcmp(name, "time") != 0 && strcmp(name, "level") != 0 &&
		    strcasestr(text, tail->contains) != NULL)
			return true;
	}
	return false;
}

static bool fits(const struct tail *tail, json_t *object)
{
	const char *event = json_string_value(json_object_get(object, "event"));

	return (tail->event == NULL || (event != NULL && strcmp(event, tail->event) == 0)) &&
	       has_key(tail, object) && has_part(tail, object);
}

/* {"number", "time", "level", "event", "text"?, "keys": all the rest}; object is taken over. */
static json_t *describe(uint64_t number, json_t *object)
{
	static const char *const own[] = {"time", "level", "event", "text"};
	json_t *line = json_pack("{s:I}", "number", (json_int_t)number);

	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
		if (json_object_get(object, own[i]) != NULL)
			json_object_set(line, own[i], json_object_get(object, own[i]));
		json_object_del(object, own[i]);
	}
	json_object_set_new(line, "keys", object);
	return line;
}

static void look_at(struct tail *tail, const struct log_ring_line *line)
{
	json_t *object;

	if (line->level < tail->min_level)
		return;
	object = json_loadb(line->json.text, line->json.len, 0, NULL);
	if (object == NULL || !fits(tail, object)) {
		json_decref(object);
		return;
	}
	json_array_append_new(tail->lines, describe(line->number, object));
	if ((json_int_t)json_array_size(tail->lines) > tail->limit)
		json_array_remove(tail->lines, 0);
}

/* Lines of an earlier start are not lost: they never were here. */
static void count_lost(struct tail *tail, uint64_t first, uint64_t number)
{
	if (!tail->is_newest && tail->at + 1 >= first && number > tail->at + 1)
		tail->lost += number - tail->at - 1;
}

static void look(struct tail *tail)
{
	struct log_ring *ring = tail->tails->ring;
	struct log_ring_line line;
	uint64_t first, oldest, newest;
	unsigned seen = 0; /* no more than there were: a log may grow faster than it is read */

	log_ring_numbers(ring, &first, &oldest, &newest);
	while (seen++ < LOG_RING_LINES &&
	       (tail->is_newest || (json_int_t)json_array_size(tail->lines) < tail->limit) &&
	       log_ring_next(ring, tail->at, &line)) {
		count_lost(tail, first, line.number);
		tail->at = line.number;
		look_at(tail, &line);
	}
	if (tail->at + 1 < first)
		tail->at = newest; /* there is no line yet */
}
