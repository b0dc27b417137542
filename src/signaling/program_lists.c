/* Pages of the rooms and the sessions of all nodes. The question goes to one worker, whose hub asks all others; each answers with
 * its own first ones behind the key that the page begins at (hub_page.c), and here the parts become one page. */
#include "signaling/program_lists.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/bytes.h"
#include "base/list.h"
#include "signaling/cluster.h"
#include "signaling/page_merge.h"
#include "signaling/program.h"

enum {
	LIMIT_DEFAULT = 50,
	LIMIT_MAX = 256,
	PARTS_BYTES_MAX =
		16 << 20, /* of all parts together, as far as a part can be made so small */
	PART_BYTES_MIN = 8 << 10,
	PART_BYTES_MAX = 512 << 10,
};

struct listing {
	struct program *program;
	struct control_request *request;
	struct worker_task task;
	struct mail back;
	unsigned waits_for; /* the task and the answer; either may be the first to come back */
	enum signaling_error error;
	const char *
		items; /* static: what they are called in the answer; NULL: it is the answer itself */
	size_t limit;
	json_t *json;           /* owned: the answer of the hub */
	char *page;             /* owned: what is asked for, as JSON */
	struct hub_node *nodes; /* owned: the others */
	struct room_request ask;
	char tenant[TENANT_NAME_MAX + 1], session[64];
};

/* ---- there and back ---- */

static void answer(struct listing *listing);

static void listing_destroy(struct listing *listing)
{
	json_decref(listing->json);
	free(listing->page);
	free(listing->nodes);
	free(listing);
}

static void finish(struct listing *listing)
{
	if (--listing->waits_for > 0)
		return;
	listing->program->tasks--;
	if (listing->error != SIGNALING_OK)
		control_refuse(listing->request, "%s", signaling_error_words(listing->error)->text);
	else
		answer(listing);
	listing_destroy(listing);
}

static void on_back(struct mail *mail, void *receiver)
{
	(void)receiver;
	finish(CONTAINER_OF(mail, struct listing, back));
}

static void on_task_done(struct worker_task *task)
{
	finish(CONTAINER_OF(task, struct listing, task));
}

/* On the worker's thread, now or later. */
static void on_answered(void *context, enum signaling_error error, struct slice json)
{
	struct listing *listing = context;

	listing->error = error;
	if (error == SIGNALING_OK)
		listing->json = json_loadb(json.at, json.len, JSON_DECODE_ANY, NULL);
	mailbox_post(listing->program->mailbox, &listing->back);
}

static void on_worker(struct worker_task *task, struct worker *worker)
{
	struct listing *listing = CONTAINER_OF(task, struct listing, task);

	hub_request(worker_hub(worker), &listing->ask, on_answered, listing, worker_now(worker));
}

static enum err listing_send(struct listing *listing)
{
	struct program *program = listing->program;
	enum err err = workers_ask_one(program->workers, 0, program->mailbox, &listing->task);

	if (err == OK)
		program->tasks++;
	return err;
}

/* Those that are there as far as this one knows. */
static enum err list_nodes(struct listing *listing)
{
	const struct cluster_report *report = listing->program->nodes;
	size_t count = report == NULL ? 0 : report->count;

	listing->nodes = calloc(count + 1, sizeof listing->nodes[0]);
	if (listing->nodes == NULL)
		return ERR_NO_MEMORY;
	listing->ask.nodes = listing->nodes;
	for (size_t i = 1; i < count; i++)
		if (report->nodes[i].is_alive)
			listing->nodes[listing->ask.node_count++] = (struct hub_node){
				report->nodes[i].number, report->nodes[i].threads};
	return OK;
}

static struct listing *listing_create(struct program *program, struct control_request *request,
                                      enum room_request_kind kind)
{
	struct listing *listing = calloc(1, sizeof *listing);

	if (listing == NULL)
		return NULL;
	listing->program = program;
	listing->request = request;
	listing->back.deliver = on_back;
	listing->task = (struct worker_task){.run = on_worker, .done = on_task_done};
	listing->waits_for = 2;
	listing->ask = (struct room_request){
		.kind = kind, .tenant = listing->tenant, .participant = listing->session};
	if (list_nodes(listing) == OK)
		return listing;
	listing_destroy(listing);
	return NULL;
}

/* ---- what the operator asks ---- */

static bool get(struct control_request *request, const char *name, char *to, size_t size)
{
	const char *text = "";

	if (!control_get_text(request, name, &text))
		return false;
	if (text_copy(to, size, text) == OK)
		return true;
	control_refuse(request, "%s: longer than %zu bytes", name, size - 1);
	return false;
}

/* As it goes to the hubs. */
static bool take_filter(struct control_request *request, const char *name, size_t max, json_t *page)
{
	const char *text = "";

	if (!control_get_text(request, name, &text))
		return false;
	if (strlen(text) <= max)
		return json_object_set_new(page, name, json_string(text)) == 0;
	control_refuse(request, "%s: longer than %zu bytes", name, max);
	return false;
}

static bool take_address(struct control_request *request, json_t *page)
{
	const char *text = NULL;
	struct addr_range range;

	if (!control_get_text(request, "address", &text))
		return false;
	if (text == NULL)
		return true;
	if (strlen(text) < 100 && addr_range_parse(text, &range) == OK)
		return json_object_set_new(page, "address", json_string(text)) == 0;
	control_refuse(request,
	               "address: \"%.60s\" is none: give 192.0.2.1, 192.0.2.0/24 or "
	               "192.0.2.1-192.0.2.9, IPv4 or IPv6",
	               text);
	return false;
}

/* The more there are to answer the less each says at once. */
static json_int_t bytes_of_part(const struct listing *listing)
{
	size_t parts = workers_count(listing->program->workers), bytes;

	for (size_t i = 0; i < listing->ask.node_count; i++)
		parts += listing->nodes[i].workers;
	bytes = PARTS_BYTES_MAX / parts;
	return (json_int_t)(bytes > PART_BYTES_MAX   ? PART_BYTES_MAX
	                    : bytes < PART_BYTES_MIN ? PART_BYTES_MIN
	                                             : bytes);
}

/* False: the request was refused. */
static bool get_page(struct control_request *request, struct listing *listing, json_t *page)
{
	json_int_t limit = LIMIT_DEFAULT;
	bool is_of_sessions = listing->ask.kind == ROOM_REQUEST_PAGE_OF_SESSIONS;

	if (!get(request, "tenant", listing->tenant, sizeof listing->tenant) ||
	    !control_get_number(request, "limit", 1, LIMIT_MAX, &limit) ||
	    !take_filter(request, "after", 512, page))
		return false;
	if (is_of_sessions &&
	    (!take_filter(request, "user", USER_NAME_MAX, page) ||
	     !take_filter(request, "room", ROOM_NAME_MAX, page) || !take_address(request, page)))
		return false;
	listing->limit = (size_t)limit;
	json_object_set_new(page, "limit", json_integer(limit));
	json_object_set_new(page, "bytes", json_integer(bytes_of_part(listing)));
	listing->page = json_dumps(page, JSON_COMPACT);
	if (listing->page == NULL)
		control_refuse(request, "%s", err_string(ERR_NO_MEMORY));
	return listing->page != NULL;
}

/* is_right false: the request was refused. */
static void ask(struct listing *listing, bool is_right)
{
	if (is_right && listing_send(listing) == OK)
		return;
	if (is_right)
		control_refuse(listing->request, "%s", err_string(ERR_NO_MEMORY));
	listing_destroy(listing);
}

static void ask_page(struct control_request *request, void *context, enum room_request_kind kind,
                     const char *items)
{
	struct listing *listing = listing_create(context, request, kind);
	json_t *page = json_object();
	bool is_right;

	if (listing == NULL || page == NULL) {
		control_refuse(request, "%s", err_string(ERR_NO_MEMORY));
		json_decref(page);
		return;
	}
	listing->items = items;
	is_right = get_page(request, listing, page);
	json_decref(page);
	if (is_right)
		listing->ask.page = slice_of(listing->page);
	ask(listing, is_right);
}

void ask_room_page(struct control_request *request, void *context)
{
	ask_page(request, context, ROOM_REQUEST_PAGE_OF_ROOMS, "rooms");
}

void ask_session_page(struct control_request *request, void *context)
{
	ask_page(request, context, ROOM_REQUEST_PAGE_OF_SESSIONS, "sessions");
}

void ask_session_cancel(struct control_request *request, void *context)
{
	struct listing *listing = listing_create(context, request, ROOM_REQUEST_CANCEL);

	if (listing == NULL) {
		control_refuse(request, "%s", err_string(ERR_NO_MEMORY));
		return;
	}
	ask(listing, get(request, "id", listing->session, sizeof listing->session) &&
	                     get(request, "tenant", listing->tenant, sizeof listing->tenant));
}

/* ---- the page ---- */

static json_int_t number_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* Whether a node, of so many workers, has said it all. */
static bool has_answered(const json_t *parts, uint32_t node, unsigned workers)
{
	unsigned count = 0;

	for (size_t i = 0; i < json_array_size(parts); i++)
		count += number_of(json_array_get(parts, i), "node") == (json_int_t)node;
	return count >= workers;
}

/* Names of nodes whose rows are not all in it. */
static json_t *list_missing(const struct listing *listing)
{
	json_t *missing = json_array();

	for (size_t i = 0; i < listing->ask.node_count; i++) {
		const struct hub_node *node = &listing->nodes[i];
		if (!has_answered(listing->json, node->number, node->workers))
			json_array_append_new(missing, control_text(program_node_name(
							       listing->program, node->number)));
	}
	return missing;
}

static void name_nodes(const struct program *program, json_t *rows)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		uint32_t number = (uint32_t)number_of(row, "node");
		json_object_set_new(row, "node_name",
		                    control_text(program_node_name(program, number)));
	}
}

static void answer(struct listing *listing)
{
	json_t *page;

	if (listing->items == NULL) {
		control_answer(listing->request, json_incref(listing->json));
		return;
	}
	page = listing->json == NULL ? NULL
	                             : page_merge(listing->json, listing->items, listing->limit);
	name_nodes(listing->program, json_object_get(page, listing->items));
	if (page != NULL)
		json_object_set_new(page, "missing", list_missing(listing));
	control_answer(listing->request, page);
}
