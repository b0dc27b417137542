/* Questions and orders from outside of rooms: REST, the control socket. One about a room goes to the hub that owns it; a list to all
 * hubs of this node, whose parts are put together; an operator's page to those of other nodes as well. */
#include <stdlib.h>
#include <string.h>

#include "signaling/json_text.h"
#include "signaling/room_private.h"

enum {
	REQUEST_WAIT_MS = 5000,
	PAGE_WAIT_MS = 1000, /* what has come by then is shown */
	PAGE_BYTES_MAX = 64 << 20,
	COUNTS = 8
};

struct request {
	struct hub *hub;
	uint64_t cookie;
	enum room_request_kind kind;
	room_request_answered *answered;
	void *context;
	struct view *view; /* keeps a question for an owner that is being looked for */
	unsigned waits_for;
	struct text list; /* parts so far, without the brackets */
	int64_t counts[COUNTS];
	struct timer late;
};

static const char *const count_names[COUNTS] = {"rooms",        "sessions",    "participants",
                                                "away",         "users",       "opened",
                                                "chats_to_one", "chats_to_all"};

static void request_ask(struct request *request, const struct room_request *room_request);
static void finish(struct request *request, enum signaling_error error, struct slice json);
static void finish_whole(struct request *request);
static void is_late(struct timer *timer, timestamp now);

static bool has_cookie(const void *item, const void *key)
{
	return ((const struct request *)item)->cookie == *(const uint64_t *)key;
}

static bool is_page(enum room_request_kind kind)
{
	return kind == ROOM_REQUEST_PAGE_OF_ROOMS || kind == ROOM_REQUEST_PAGE_OF_SESSIONS;
}

/* Of hubs; all others are of a room, or of a session. */
static bool is_list(enum room_request_kind kind)
{
	return kind == ROOM_REQUEST_LIST || kind == ROOM_REQUEST_COUNTS || is_page(kind);
}

static enum signaling_error check(const struct room_request *request)
{
	static const unsigned needed[] = {
		[ROOM_REQUEST_LIST] = MAY_LIST,
		[ROOM_REQUEST_CREATE] = MAY_CREATE,
		[ROOM_REQUEST_COUNTS] = MAY_LIST,
	};
	bool is_of_room = !is_list(request->kind) && request->kind != ROOM_REQUEST_CANCEL;

	if (is_of_room && (request->name == NULL || request->name[0] == '\0'))
		return SIGNALING_NO_ROOM_NAME;
	if (is_of_room && strlen(request->name) > ROOM_NAME_MAX)
		return SIGNALING_BAD_ROOM_NAME;
	if (request->type != NULL && strlen(request->type) > ROOM_TYPE_MAX)
		return SIGNALING_BAD_ROOM_NAME;
	if (request->identity == NULL)
		return SIGNALING_OK;
	if (request->tenant != NULL && strcmp(request->identity->tenant, request->tenant) != 0)
		return SIGNALING_FORBIDDEN;
	if (is_of_room && request->identity->room[0] != '\0' &&
	    strcmp(request->identity->room, request->name) != 0)
		return SIGNALING_FORBIDDEN;
	if (request->kind < sizeof needed / sizeof needed[0] && needed[request->kind] != 0 &&
	    !(request->identity->permissions & needed[request->kind]))
		return SIGNALING_FORBIDDEN;
	return SIGNALING_OK;
}

void hub_request(struct hub *hub, const struct room_request *room_request,
                 room_request_answered *answered, void *context, timestamp now)
{
	enum signaling_error error = hub->is_waiting ? SIGNALING_UNAVAILABLE : check(room_request);
	struct request *request;

	hub->now = now > hub->now ? now : hub->now;
	request = error == SIGNALING_OK ? calloc(1, sizeof *request) : NULL;
	if (request == NULL) {
		answered(context, error == SIGNALING_OK ? SIGNALING_INTERNAL : error,
		         (struct slice){0});
		return;
	}
	request->hub = hub;
	request->cookie = hub_cookie(hub);
	request->kind = room_request->kind;
	request->answered = answered;
	request->context = context;
	text_init(&request->list, is_page(request->kind) ? PAGE_BYTES_MAX : 0);
	if (hash_table_insert(&hub->requests, number_hash(request->cookie), request) != OK) {
		finish(request, SIGNALING_INTERNAL, (struct slice){0});
		return;
	}
	timer_set(hub->wheel, &request->late,
	          hub->now + (is_page(request->kind) ? PAGE_WAIT_MS : REQUEST_WAIT_MS), is_late);
	request_ask(request, room_request);
	hub_run(hub);
}

static void draft_request(const struct request *request, const struct room_request *asked,
                          struct post *draft, char pin[ROOM_PIN_MAX + 1])
{
	const struct identity *by = asked->identity;
	const char *tenant = asked->tenant;

	if (tenant == NULL)
		tenant = by == NULL ? TENANT_DEFAULT : by->tenant;
	draft->kind = POST_REQUEST;
	draft->cookie = request->cookie;
	draft->verb = asked->kind;
	draft->sender = request->hub->settings.place;
	draft->is_by_operator = by == NULL;
	draft->identity_room = by == NULL ? "" : by->room;
	draft->is_owner_only = asked->is_owner_only;
	draft->room.tenant = tenant;
	draft->room.type = asked->type == NULL || asked->type[0] == '\0' ? "room" : asked->type;
	draft->room.name = asked->name;
	draft->room.created_ms = asked->created_ms;
	draft->to = asked->participant;
	draft->name = asked->what;
	draft->reason = asked->reason;
	draft->expires_s = asked->expires_s;
	draft->value = asked->kicked;
	draft->subject.user = by == NULL ? "" : by->user;
	draft->subject.permissions = by == NULL ? MAY_ALL : by->permissions;
	draft->room_capacity = hub_tenant_limits(request->hub, tenant).room_capacity;
	post_change(draft, &asked->change, pin);
}

/* All of a node. */
static void ask_hubs(struct request *request, const struct hub_node *node, const struct post *draft)
{
	struct hub_place place = {.node = node->number};

	request->waits_for += node->workers;
	for (unsigned i = 0; i < node->workers; i++) {
		place.worker = (uint16_t)i;
		hub_post_draft(request->hub, place, draft);
	}
}

static void ask_all(struct request *request, const struct room_request *asked, struct post *draft)
{
	const struct hub_settings *settings = &request->hub->settings;
	const struct hub_node self = {settings->place.node,
	                              settings->workers > 0 ? settings->workers : 1};

	draft->value = asked->page;
	ask_hubs(request, &self, draft);
	for (size_t i = 0; i < asked->node_count; i++)
		ask_hubs(request, &asked->nodes[i], draft);
}

/* An id tells where its session began. */
static void ask_home(struct request *request, const struct post *draft)
{
	struct hub *hub = request->hub;
	struct hub_place place;

	if (draft->to != NULL && seal_open_id(hub->seal, draft->to, &place) == OK &&
	    hub_is_reachable(hub, place))
		hub_post_draft(hub, place, draft);
	else
		finish(request, SIGNALING_NO_SESSION, (struct slice){0});
}

static void request_ask(struct request *request, const struct room_request *asked)
{
	struct hub *hub = request->hub;
	struct post draft = {0};
	char pin[ROOM_PIN_MAX + 1];

	draft_request(request, asked, &draft, pin);
	if (is_list(asked->kind)) {
		ask_all(request, asked, &draft);
		return;
	}
	request->waits_for = 1;
	if (asked->kind == ROOM_REQUEST_CANCEL) {
		ask_home(request, &draft);
		return;
	}
	request->view = view_take(hub, draft.room.tenant, draft.room.type, draft.room.name);
	if (request->view == NULL)
		finish(request, SIGNALING_INTERNAL, (struct slice){0});
	else
		view_post(request->view, &draft);
}

static void request_destroy(struct request *request)
{
	struct hub *hub = request->hub;

	timer_cancel(hub->wheel, &request->late);
	hash_table_remove(&hub->requests, number_hash(request->cookie), request);
	view_give(request->view);
	text_deinit(&request->list);
	free(request);
}

static void finish(struct request *request, enum signaling_error error, struct slice json)
{
	request->answered(request->context, error, json);
	request_destroy(request);
}

static void is_late(struct timer *timer, timestamp now)
{
	struct request *request = CONTAINER_OF(timer, struct request, late);

	(void)now;
	if (is_page(request->kind))
		finish_whole(request);
	else
		finish(request, SIGNALING_UNAVAILABLE, (struct slice){0});
}

void requests_deinit(struct hub *hub)
{
	struct request *request;
	size_t position = 0;

	while ((request = hash_table_next(&hub->requests, &position)) != NULL) {
		finish(request, SIGNALING_DRAINING, (struct slice){0});
		position = 0;
	}
	hash_table_deinit(&hub->requests);
}

/* Answers. */

static void add_list(struct request *request, struct slice part)
{
	struct slice element;
	size_t position = 0;

	while (json_next_element(part, &position, &element))
		json_put_raw(&request->list, element);
}

static void add_counts(struct request *request, struct slice part)
{
	int64_t number;

	for (unsigned i = 0; i < COUNTS; i++)
		if (json_get_integer(json_member(part, count_names[i]), 0, INT64_MAX / 2,
		                     &number) == OK)
			request->counts[i] += number;
}

static void finish_whole(struct request *request)
{
	struct text whole;

	text_init(&whole, 0);
	if (request->kind != ROOM_REQUEST_COUNTS) {
		json_open(&whole, '[');
		text_put(&whole, text_slice(&request->list));
		json_close(&whole, ']');
	} else {
		json_open(&whole, '{');
		for (unsigned i = 0; i < COUNTS; i++)
			json_member_integer(&whole, count_names[i], request->counts[i]);
		json_close(&whole, '}');
	}
	if (whole.has_failed || request->list.has_failed)
		finish(request, SIGNALING_INTERNAL, (struct slice){0});
	else
		finish(request, SIGNALING_OK, text_slice(&whole));
	text_deinit(&whole);
}

void request_answer_handle(struct hub *hub, const struct post *post)
{
	struct request *request = hash_table_find(&hub->requests, number_hash(post->cookie),
	                                          has_cookie, &post->cookie);

	if (request == NULL)
		return;
	if (!is_list(request->kind) || (is_page(request->kind) && post->error != SIGNALING_OK)) {
		finish(request, post->error, post->value);
		return;
	}
	if (is_page(request->kind))
		json_put_raw(&request->list, post->value);
	else if (request->kind == ROOM_REQUEST_LIST)
		add_list(request, post->value);
	else
		add_counts(request, post->value);
	if (--request->waits_for == 0)
		finish_whole(request);
}
