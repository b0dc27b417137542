/* Rooms of turnsignal, on all of its nodes. A room belongs to a tenant, and its tenant to a realm. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "admin/api.h"
#include "admin/api_pages.h"
#include "admin/api_tenants.h"
#include "control/message.h"

static const json_int_t capacity_max = UINT32_MAX;

void api_rooms(struct api_call *call)
{
	static const struct api_pages pages = {.request = "room list", .items = "rooms"};

	api_answer_page(call, &pages);
}

/* Gives what names the room of the path; NULL: it was refused. */
static json_t *about_room(struct api_call *call)
{
	json_t *about;

	if (!api_may_tenant(call, call->parts[0]))
		return NULL;
	about = json_pack("{s:s, s:s, s:s}", "tenant", call->parts[0], "type", call->parts[1],
	                  "name", call->parts[2]);
	if (about == NULL)
		api_refuse(call, 500, "no-memory", "there is no memory for it");
	return about;
}

static void audit(struct api_call *call, const char *what, const char *more)
{
	api_audit_done(call, what, "tenant=%s type=%s room=\"%s\"%s%s", call->parts[0],
	               call->parts[1], call->parts[2], more[0] != '\0' ? " " : "", more);
}

void api_room(struct api_call *call)
{
	json_t *about = about_room(call), *room = NULL;

	if (about != NULL)
		room = api_ask(call, API_SIGNALING, "room show", about);
	if (room != NULL)
		api_answer(call, room);
}

/* ---- changes ---- */

static void add_flag(struct api_call *call, const char *name, json_t *change)
{
	json_t *given = json_object_get(call->body, name);

	if (json_is_boolean(given))
		json_object_set(change, name, given);
}

/* Adds to change what the body has. False: it was refused. */
static bool read_change(struct api_call *call, json_t *change, char text[128])
{
	bool is_locked = false, is_relay_only = false;
	json_int_t capacity = -1;
	char of_capacity[32] = "";

	if (!api_get_flag(call, "locked", &is_locked) ||
	    !api_get_flag(call, "relay_only", &is_relay_only) ||
	    !api_get_number(call, "capacity", 0, capacity_max, &capacity))
		return false;
	add_flag(call, "locked", change);
	add_flag(call, "relay_only", change);
	if (capacity >= 0) {
		json_object_set_new(change, "capacity", json_integer(capacity));
		snprintf(of_capacity, sizeof of_capacity, " capacity=%lld", (long long)capacity);
	}
	snprintf(text, 128, "%s%s%s",
	         json_object_get(change, "locked") == NULL ? ""
	         : is_locked                               ? " locked=true"
	                                                   : " locked=false",
	         json_object_get(change, "relay_only") == NULL ? ""
	         : is_relay_only                               ? " relay_only=true"
	                                                       : " relay_only=false",
	         of_capacity);
	if (text[0] != '\0')
		return true;
	api_refuse(call, 400, "nothing-to-change", "give locked, relay_only or capacity");
	return false;
}

void api_change_room(struct api_call *call)
{
	json_t *change = about_room(call), *room;
	char text[128];

	if (change == NULL)
		return;
	if (!read_change(call, change, text)) {
		json_decref(change);
		return;
	}
	room = api_ask(call, API_SIGNALING, "room change", change);
	if (room == NULL)
		return;
	audit(call, "room change", text + 1);
	api_answer(call, room);
}

/* Asks what has no answer but that it was done. order is taken over. */
static void give_order(struct api_call *call, const char *request, json_t *order, const char *more)
{
	json_t *done = api_ask(call, API_SIGNALING, request, order);

	if (done == NULL)
		return;
	json_decref(done);
	audit(call, request, more);
	api_answer_nothing(call);
}

void api_close_room(struct api_call *call)
{
	const char *reason = http_query(call->http, "reason");
	json_t *order = about_room(call);

	if (order == NULL)
		return;
	if (reason != NULL)
		json_object_set_new(order, "reason", control_text(reason));
	give_order(call, "room close", order, "");
}

/* Adds who is meant, and another text where it was given. False: it was refused. */
static bool read_order(struct api_call *call, json_t *order, const char *other, char text[512])
{
	const char *participant = NULL, *given = NULL;

	if (!api_need_text(call, "participant", &participant) || !api_get_text(call, other, &given))
		return false;
	json_object_set_new(order, "participant", json_string(participant));
	if (given != NULL)
		json_object_set_new(order, other, json_string(given));
	snprintf(text, 512, "participant=\"%.255s\"", participant);
	return true;
}

static void order_about_participant(struct api_call *call, const char *request, const char *other)
{
	json_t *order = about_room(call);
	char text[512];

	if (order == NULL)
		return;
	if (read_order(call, order, other, text))
		give_order(call, request, order, text);
	else
		json_decref(order);
}

void api_kick(struct api_call *call)
{
	order_about_participant(call, "room kick", "reason");
}

void api_mute(struct api_call *call)
{
	order_about_participant(call, "room mute", "what");
}
