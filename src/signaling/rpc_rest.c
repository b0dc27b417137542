/* What the RPC dialect's server tells by HTTP: /state has all rooms with their connections; /globals and /memstats are texts of numbers.
 * All is for those who may list rooms. The protocol's server tells of its garbage collector too: there is none here, and how much
 * memory is used is a metric. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "signaling/http_exchange.h"
#include "signaling/hub.h"
#include "signaling/json_text.h"
#include "signaling/rpc.h"

enum { STATE_BYTES_MAX = 8 * 1024 * 1024 };

static void handle_state(struct http_exchange *exchange);
static void handle_counts(struct http_exchange *exchange);

const struct http_route rpc_routes[RPC_ROUTES] = {
	{1 << HTTP_GET, "/state", handle_state},
	{1 << HTTP_GET, "/globals", handle_counts},
	{1 << HTTP_GET, "/memstats", handle_counts},
};

/* While one room after the other is asked for. */
struct state {
	struct http_exchange *exchange;
	struct identity identity;
	struct text rooms; /* the list, as the core gave it */
	size_t position;   /* in it */
	struct text text;  /* the answer so far */
};

static void ask_next(struct state *state);
static void put_room(struct text *text, struct slice room);

static void refuse(struct http_exchange *exchange, enum signaling_error error)
{
	const struct signaling_error_words *words = signaling_error_words(error);
	struct text text;

	text_init(&text, 0);
	json_open(&text, '{');
	json_member_bool(&text, "s", false);
	json_member_string(&text, "e", slice_of(words->text));
	json_close(&text, '}');
	http_answer_json(exchange, (unsigned)words->http, text_slice(&text));
	text_deinit(&text);
}

/* Refuses for who may not know. */
static bool may_list(struct http_exchange *exchange, const struct identity *identity,
                     enum signaling_error error)
{
	if (identity != NULL && identity->permissions & MAY_LIST)
		return true;
	if (identity != NULL)
		error = identity->is_authenticated ? SIGNALING_FORBIDDEN
		                                   : SIGNALING_NOT_AUTHENTICATED;
	refuse(exchange, error == SIGNALING_OK ? SIGNALING_BAD_PROOF : error);
	return false;
}

/* The state. */

static void state_destroy(struct state *state)
{
	text_deinit(&state->rooms);
	text_deinit(&state->text);
	free(state);
}

static void state_fail(struct state *state, enum signaling_error error)
{
	refuse(state->exchange, error);
	state_destroy(state);
}

static void state_listed(void *context, enum signaling_error error, struct slice json)
{
	struct state *state = context;

	text_put(&state->rooms, json);
	if (state->rooms.has_failed)
		error = SIGNALING_TOO_LARGE;
	if (error != SIGNALING_OK) {
		state_fail(state, error);
		return;
	}
	json_open(&state->text, '{');
	json_member_bool(&state->text, "s", true);
	json_name(&state->text, "d");
	json_open(&state->text, '{');
	json_member_string(&state->text, "full_unit_name", SLICE("turnsignal"));
	json_member_string(&state->text, "log_filters", SLICE(""));
	json_name(&state->text, "rooms");
	json_open(&state->text, '[');
	ask_next(state);
}

static void state_identified(struct http_exchange *exchange, const struct identity *identity,
                             enum signaling_error error)
{
	struct room_request request = {.kind = ROOM_REQUEST_LIST, .identity = identity};
	struct state *state;

	if (!may_list(exchange, identity, error))
		return;
	state = calloc(1, sizeof *state);
	if (state == NULL) {
		refuse(exchange, SIGNALING_INTERNAL);
		return;
	}
	state->exchange = exchange;
	state->identity = *identity;
	text_init(&state->rooms, STATE_BYTES_MAX);
	text_init(&state->text, STATE_BYTES_MAX);
	request.tenant = state->identity.tenant;
	hub_request(http_hub(exchange), &request, state_listed, state, 0);
}

static void handle_state(struct http_exchange *exchange)
{
	http_identify(exchange, state_identified);
}

/* A room that has gone since it was listed is left out. */
static void state_shown(void *context, enum signaling_error error, struct slice json)
{
	struct state *state = context;

	if (error != SIGNALING_OK && error != SIGNALING_NO_SUCH_ROOM) {
		state_fail(state, error);
		return;
	}
	if (error == SIGNALING_OK)
		put_room(&state->text, json);
	ask_next(state);
}

static void state_finish(struct state *state)
{
	json_close(&state->text, ']');
	json_close(&state->text, '}');
	json_close(&state->text, '}');
	if (state->text.has_failed) {
		state_fail(state, SIGNALING_TOO_LARGE);
		return;
	}
	http_answer_json(state->exchange, 200, text_slice(&state->text));
	state_destroy(state);
}

static void ask_next(struct state *state)
{
	char type[ROOM_TYPE_MAX + 1], name[ROOM_NAME_MAX + 1];
	struct room_request request = {.kind = ROOM_REQUEST_SHOW,
	                               .identity = &state->identity,
	                               .tenant = state->identity.tenant,
	                               .type = type,
	                               .name = name};
	struct slice room;

	if (state->text.has_failed ||
	    !json_next_element(text_slice(&state->rooms), &state->position, &room)) {
		state_finish(state);
		return;
	}
	if (json_get_string(json_member(room, "type"), type, sizeof type) != OK ||
	    json_get_string(json_member(room, "name"), name, sizeof name) != OK) {
		state_fail(state, SIGNALING_INTERNAL);
		return;
	}
	hub_request(http_hub(state->exchange), &request, state_shown, state, 0);
}

/* RFC 3339, as the protocol has it. */
static void put_date(struct text *text, const char *name, struct slice milliseconds)
{
	int64_t ms = 0;
	struct tm parts;
	char date[32] = "";

	if (json_get_integer(milliseconds, 0, INT64_MAX / 2, &ms) != OK)
		ms = 0;
	time_t seconds = (time_t)(ms / 1000);
	if (gmtime_r(&seconds, &parts) != NULL)
		(void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &parts);
	json_member_string(text, name, slice_of(date));
}

static void put_bitrate(struct text *text, const char *name, struct slice attributes)
{
	int64_t bitrate;

	if (json_get_integer(json_member(attributes, name), 0, INT32_MAX, &bitrate) != OK)
		bitrate = 0;
	json_member_integer(text, name, bitrate);
}

/* No media passes here: nobody publishes to the server, or listens to it. */
static void put_connection(struct text *text, struct slice participant)
{
	struct slice attributes = json_member(participant, "attributes");
	bool is_away = json_is_true(json_member(participant, "away"));

	json_open(text, '{');
	json_member_raw(text, "socketId", json_member(participant, "id"));
	put_date(text, "dateCreation", json_member(participant, "joined_ms"));
	json_member_raw(text, "userId", json_member(participant, "user"));
	json_member_raw(text, "ip", json_member(participant, "address"));
	json_member_string(text, "state", is_away ? SLICE("disconnected") : SLICE("connected"));
	json_member_bool(text, "exit", false);
	put_bitrate(text, "maxVideoBitrate", attributes);
	put_bitrate(text, "maxAudioBitrate", attributes);
	json_member_raw(text, "listeners", SLICE("[]"));
	json_member_raw(text, "publisher", SLICE("null"));
	json_close(text, '}');
}

static void put_room(struct text *text, struct slice room)
{
	struct slice participants = json_member(room, "participants"), participant;
	size_t position = 0;

	json_open(text, '{');
	json_member_raw(text, "id", json_member(room, "name"));
	put_date(text, "dateCreation", json_member(room, "created_ms"));
	json_name(text, "connections");
	json_open(text, '[');
	while (json_next_element(participants, &position, &participant))
		put_connection(text, participant);
	json_close(text, ']');
	json_close(text, '}');
}

/* Numbers. */

static void counted(void *context, enum signaling_error error, struct slice json)
{
	struct http_exchange *exchange = context;
	struct slice name, value;
	size_t position = 0;
	struct text text;

	if (error != SIGNALING_OK) {
		refuse(exchange, error);
		return;
	}
	text_init(&text, 0);
	while (json_next_member(json, &position, &name, &value))
		text_printf(&text, SLICE_FORMAT ": " SLICE_FORMAT "\n", (int)name.len - 2,
		            name.at + 1, SLICE_PRINTF(value));
	http_answer(exchange, 200, "text/plain; charset=utf-8", text_slice(&text));
	text_deinit(&text);
}

static void counts_identified(struct http_exchange *exchange, const struct identity *identity,
                              enum signaling_error error)
{
	struct room_request request = {.kind = ROOM_REQUEST_COUNTS, .identity = identity};

	if (may_list(exchange, identity, error))
		hub_request(http_hub(exchange), &request, counted, exchange, 0);
}

static void handle_counts(struct http_exchange *exchange)
{
	http_identify(exchange, counts_identified);
}
