/* signal and room: what is asked of the running turnsignal. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "admin/turnadmin_ask.h"
#include "admin/turnadmin_input.h"
#include "admin/turnadmin_table.h"
#include "admin/turnadmin_verbs.h"
#include "base/bytes.h"

enum { PIN_MAX = 255 };

static turnadmin_print print_status, print_nodes, print_sessions, print_rooms, print_room,
	print_nothing;

/* ---- signal ---- */

enum turnadmin_exit turnadmin_signal_status(const struct turnadmin_request *request)
{
	return turnadmin_ask_and_print(request, "status", NULL, print_status);
}

enum turnadmin_exit turnadmin_signal_drain(const struct turnadmin_request *request)
{
	json_t *arguments = json_object();

	turnadmin_add_number(arguments, "deadline", request->deadline_s);
	return turnadmin_ask_and_print(request, "drain", arguments, print_status);
}

enum turnadmin_exit turnadmin_signal_log_level(const struct turnadmin_request *request)
{
	return turnadmin_ask_and_print(request, "log level",
	                               json_pack("{s:s}", "level", request->value), print_status);
}

enum turnadmin_exit turnadmin_signal_nodes(const struct turnadmin_request *request)
{
	return turnadmin_ask_and_print(request, "node list", NULL, print_nodes);
}

static json_t *session_arguments(const struct turnadmin_request *request)
{
	json_t *arguments = json_object();

	turnadmin_add_text(arguments, "tenant", request->tenant);
	turnadmin_add_text(arguments, "user", request->name);
	turnadmin_add_text(arguments, "room", request->room);
	turnadmin_add_text(arguments, "address", request->address);
	return arguments;
}

enum turnadmin_exit turnadmin_signal_sessions(const struct turnadmin_request *request)
{
	static const struct turnadmin_pages pages = {"session list", "sessions", session_arguments};

	return turnadmin_ask_pages_and_print(request, &pages, print_sessions);
}

enum turnadmin_exit turnadmin_signal_session_cancel(const struct turnadmin_request *request)
{
	json_t *arguments = json_object();

	turnadmin_add_text(arguments, "id", request->value);
	return turnadmin_ask_and_print(request, "session cancel", arguments, print_nothing);
}

/* ---- room ---- */

static json_t *about_room(const struct turnadmin_request *request)
{
	json_t *arguments = json_object();

	turnadmin_add_text(arguments, "name", request->name);
	turnadmin_add_text(arguments, "tenant", request->tenant);
	turnadmin_add_text(arguments, "type", request->type);
	return arguments;
}

static json_t *room_list_arguments(const struct turnadmin_request *request)
{
	json_t *arguments = json_object();

	turnadmin_add_text(arguments, "tenant", request->tenant);
	return arguments;
}

enum turnadmin_exit turnadmin_room_list(const struct turnadmin_request *request)
{
	static const struct turnadmin_pages pages = {"room list", "rooms", room_list_arguments};

	return turnadmin_ask_pages_and_print(request, &pages, print_rooms);
}

enum turnadmin_exit turnadmin_room_show(const struct turnadmin_request *request)
{
	return turnadmin_ask_and_print(request, "room show", about_room(request), print_room);
}

/* A PIN is no argument: others could read it in the list of processes. */
static bool add_pin(const struct turnadmin_request *request, json_t *arguments)
{
	const struct turnadmin_input input = {
		.what = "PIN", .file = request->password_file, .max = PIN_MAX};
	char pin[PIN_MAX + 1];

	if (request->password_file == NULL)
		return true;
	if (!turnadmin_input_read(&input, pin))
		return false;
	turnadmin_add_text(arguments, "pin", pin);
	bytes_wipe(pin, sizeof pin);
	return true;
}

enum turnadmin_exit turnadmin_room_create(const struct turnadmin_request *request)
{
	json_t *arguments = about_room(request);

	turnadmin_add_number(arguments, "capacity", request->capacity);
	turnadmin_add_number(arguments, "expires", request->expires_s);
	if (request->relay_only)
		json_object_set_new(arguments, "relay_only", json_true());
	if (!add_pin(request, arguments)) {
		json_decref(arguments);
		return TURNADMIN_PROBLEM;
	}
	return turnadmin_ask_and_print(request, "room create", arguments, print_nothing);
}

enum turnadmin_exit turnadmin_room_kick(const struct turnadmin_request *request)
{
	json_t *arguments = about_room(request);

	turnadmin_add_text(arguments, "participant", request->value);
	turnadmin_add_text(arguments, "reason", request->reason);
	return turnadmin_ask_and_print(request, "room kick", arguments, print_nothing);
}

enum turnadmin_exit turnadmin_room_mute(const struct turnadmin_request *request)
{
	json_t *arguments = about_room(request);

	turnadmin_add_text(arguments, "participant", request->value);
	turnadmin_add_text(arguments, "what", request->what);
	return turnadmin_ask_and_print(request, "room mute", arguments, print_nothing);
}

enum turnadmin_exit turnadmin_room_lock(const struct turnadmin_request *request)
{
	return turnadmin_ask_and_print(request, "room lock", about_room(request), print_nothing);
}

enum turnadmin_exit turnadmin_room_unlock(const struct turnadmin_request *request)
{
	return turnadmin_ask_and_print(request, "room unlock", about_room(request), print_nothing);
}

enum turnadmin_exit turnadmin_room_close(const struct turnadmin_request *request)
{
	json_t *arguments = about_room(request);

	turnadmin_add_text(arguments, "reason", request->reason);
	return turnadmin_ask_and_print(request, "room close", arguments, print_nothing);
}

/* ---- for people ---- */

/* A member that is an object becomes words in a line. */
static void print_inner(const char *name, const json_t *object)
{
	const char *inner;
	json_t *member;

	printf("%s\t", name);
	json_object_foreach((json_t *)object, inner, member)
	{
		printf("%s ", inner);
		turnadmin_print_value(member);
		putchar(' ');
	}
	putchar('\n');
}

static void print_status(const json_t *result)
{
	const char *name;
	json_t *value;

	turnadmin_print_members(result);
	json_object_foreach((json_t *)result, name, value) if (json_is_object(value))
		print_inner(name, value);
}

static void print_nodes(const json_t *result)
{
	static const char *const columns[] = {"name",  "number",  "state",        "sessions",
	                                      "rooms", "version", "last_beat_ms", NULL};

	turnadmin_print_table(json_object_get(result, "nodes"), columns);
	if (strcmp(turnadmin_text(result, "redis"), "away") == 0)
		turnadmin_say("Redis is away: what is known of other nodes is old");
}

/* What is not there is said beside. */
static void say_missing(const json_t *result, const char *items)
{
	const json_t *name;
	size_t i;

	json_array_foreach(json_object_get(result, "missing"), i, name)
		turnadmin_say("node \"%s\" does not answer: its %s are not in the list",
	                      json_string_value(name), items);
	turnadmin_say_more(result, items);
}

/* As time of day, in UTC. */
static void add_since(json_t *session)
{
	time_t since = (time_t)(turnadmin_number(session, "since_ms") / 1000);
	char text[32] = "";
	struct tm parts;

	if (gmtime_r(&since, &parts) != NULL)
		strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
	json_object_set_new(session, "since", json_string(text));
}

static void print_sessions(const json_t *result)
{
	static const char *const columns[] = {"id",      "user",      "tenant", "dialect",
	                                      "address", "room",      "since",  "queued_bytes",
	                                      "away",    "node_name", NULL};
	json_t *session;
	size_t i;

	json_array_foreach(json_object_get(result, "sessions"), i, session) add_since(session);
	turnadmin_print_table(json_object_get(result, "sessions"), columns);
	say_missing(result, "sessions");
}

static void print_rooms(const json_t *result)
{
	static const char *const columns[] = {"tenant",   "type",      "name", "count",
	                                      "capacity", "locked",    "pin",  "relay_only",
	                                      "owner",    "node_name", NULL};

	turnadmin_print_table(json_object_get(result, "rooms"), columns);
	say_missing(result, "rooms");
}

static void print_room(const json_t *result)
{
	static const char *const columns[] = {"id",     "user", "dialect", "address",
	                                      "hidden", "away", NULL};

	turnadmin_print_members(result);
	putchar('\n');
	turnadmin_print_table(json_object_get(result, "participants"), columns);
}

static void print_nothing(const json_t *result)
{
	(void)result;
}
