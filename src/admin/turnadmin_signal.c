/* signal and room: what is asked of the running turnsignal. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin/turnadmin_ask.h"
#include "admin/turnadmin_input.h"
#include "admin/turnadmin_output.h"
#include "admin/turnadmin_verbs.h"
#include "base/bytes.h"

#define SIGNAL_CONTROL_SOCKET "/run/turnstone/turnsignal.sock"

enum { PIN_MAX = 255 };

typedef void print_fn(const json_t *result);
static print_fn print_members, print_rooms, print_room, print_nothing;

/* turnsignal has a socket of its own; what was given wins. */
static struct turnadmin_request at_signal(const struct turnadmin_request *request)
{
	struct turnadmin_request at = *request;

	if (strcmp(at.control_socket, TURNADMIN_CONTROL_SOCKET) == 0)
		at.control_socket = SIGNAL_CONTROL_SOCKET;
	return at;
}

/* Takes the arguments over. */
static enum turnadmin_exit ask(const struct turnadmin_request *request, const char *what,
                               json_t *arguments, print_fn *print)
{
	struct turnadmin_request at = at_signal(request);
	json_t *result = turnadmin_ask(&at, what, arguments);

	turnadmin_request_wipe(&at);
	if (result == NULL)
		return TURNADMIN_PROBLEM;
	if (request->as_json)
		turnadmin_print_json(result);
	else
		print(result);
	json_decref(result);
	return TURNADMIN_DONE;
}

/* ---- signal ---- */

enum turnadmin_exit turnadmin_signal_status(const struct turnadmin_request *request)
{
	return ask(request, "status", NULL, print_members);
}

enum turnadmin_exit turnadmin_signal_drain(const struct turnadmin_request *request)
{
	json_t *arguments = json_object();

	if (request->deadline_s >= 0)
		json_object_set_new(arguments, "deadline", json_integer(request->deadline_s));
	return ask(request, "drain", arguments, print_members);
}

enum turnadmin_exit turnadmin_signal_reload(const struct turnadmin_request *request)
{
	struct turnadmin_request at = at_signal(request);
	enum turnadmin_exit status = turnadmin_reload(&at);

	turnadmin_request_wipe(&at);
	return status;
}

enum turnadmin_exit turnadmin_signal_counters(const struct turnadmin_request *request)
{
	struct turnadmin_request at = at_signal(request);
	enum turnadmin_exit status = turnadmin_counters(&at);

	turnadmin_request_wipe(&at);
	return status;
}

enum turnadmin_exit turnadmin_signal_metrics(const struct turnadmin_request *request)
{
	struct turnadmin_request at = at_signal(request);
	enum turnadmin_exit status = turnadmin_metrics(&at);

	turnadmin_request_wipe(&at);
	return status;
}

enum turnadmin_exit turnadmin_signal_log_level(const struct turnadmin_request *request)
{
	return ask(request, "log level", json_pack("{s:s}", "level", request->value),
	           print_members);
}

/* ---- room ---- */

static void add_text(json_t *arguments, const char *name, const char *text)
{
	json_t *string = text != NULL ? json_string(text) : NULL;

	if (text != NULL)
		json_object_set_new(arguments, name, string != NULL ? string : json_null());
}

static void add_number(json_t *arguments, const char *name, long number)
{
	if (number >= 0)
		json_object_set_new(arguments, name, json_integer(number));
}

static json_t *about_room(const struct turnadmin_request *request)
{
	json_t *arguments = json_object();

	add_text(arguments, "name", request->name);
	add_text(arguments, "tenant", request->tenant);
	add_text(arguments, "type", request->type);
	return arguments;
}

enum turnadmin_exit turnadmin_room_list(const struct turnadmin_request *request)
{
	json_t *arguments = json_object();

	add_text(arguments, "tenant", request->tenant);
	return ask(request, "room list", arguments, print_rooms);
}

enum turnadmin_exit turnadmin_room_show(const struct turnadmin_request *request)
{
	return ask(request, "room show", about_room(request), print_room);
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
	add_text(arguments, "pin", pin);
	bytes_wipe(pin, sizeof pin);
	return true;
}

enum turnadmin_exit turnadmin_room_create(const struct turnadmin_request *request)
{
	json_t *arguments = about_room(request);

	add_number(arguments, "capacity", request->capacity);
	add_number(arguments, "expires", request->expires_s);
	if (request->relay_only)
		json_object_set_new(arguments, "relay_only", json_true());
	if (!add_pin(request, arguments)) {
		json_decref(arguments);
		return TURNADMIN_PROBLEM;
	}
	return ask(request, "room create", arguments, print_nothing);
}

enum turnadmin_exit turnadmin_room_kick(const struct turnadmin_request *request)
{
	json_t *arguments = about_room(request);

	add_text(arguments, "participant", request->value);
	add_text(arguments, "reason", request->reason);
	return ask(request, "room kick", arguments, print_nothing);
}

enum turnadmin_exit turnadmin_room_mute(const struct turnadmin_request *request)
{
	json_t *arguments = about_room(request);

	add_text(arguments, "participant", request->value);
	return ask(request, "room mute", arguments, print_nothing);
}

enum turnadmin_exit turnadmin_room_lock(const struct turnadmin_request *request)
{
	return ask(request, "room lock", about_room(request), print_nothing);
}

enum turnadmin_exit turnadmin_room_unlock(const struct turnadmin_request *request)
{
	return ask(request, "room unlock", about_room(request), print_nothing);
}

enum turnadmin_exit turnadmin_room_close(const struct turnadmin_request *request)
{
	json_t *arguments = about_room(request);

	add_text(arguments, "reason", request->reason);
	return ask(request, "room close", arguments, print_nothing);
}

/* ---- for people ---- */

/* Names are whatever clients sent: nothing of them reaches the terminal as it is. */
static void print_value(const json_t *value)
{
	if (json_is_string(value))
		turnadmin_output_text(json_string_value(value));
	else if (json_is_integer(value))
		printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else
		fputs(json_is_true(value) ? "yes" : "no", stdout);
}

static void print_members(const json_t *object)
{
	const char *name, *inner;
	json_t *value, *member;

	json_object_foreach((json_t *)object, name, value)
	{
		printf("%s\t", name);
		if (json_is_object(value)) {
			json_object_foreach(value, inner, member)
			{
				printf("%s ", inner);
				print_value(member);
				putchar(' ');
			}
		} else {
			print_value(value);
		}
		putchar('\n');
	}
}

static void print_columns(const json_t *list, const char *const *columns)
{
	const json_t *row;
	size_t i;

	for (size_t column = 0; columns[column] != NULL; column++)
		printf("%s%s", column > 0 ? "\t" : "", columns[column]);
	putchar('\n');
	json_array_foreach(list, i, row)
	{
		for (size_t column = 0; columns[column] != NULL; column++) {
			if (column > 0)
				putchar('\t');
			print_value(json_object_get(row, columns[column]));
		}
		putchar('\n');
	}
}

static void print_rooms(const json_t *result)
{
	static const char *const columns[] = {"tenant", "type", "name",       "count", "capacity",
	                                      "locked", "pin",  "relay_only", "owner", NULL};

	print_columns(result, columns);
}

static void print_room(const json_t *result)
{
	static const char *const columns[] = {"id",     "user", "dialect", "address",
	                                      "hidden", "away", NULL};
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)result, name, value)
	{
		if (json_is_array(value))
			continue;
		printf("%s\t", name);
		print_value(value);
		putchar('\n');
	}
	putchar('\n');
	print_columns(json_object_get(result, "participants"), columns);
}

static void print_nothing(const json_t *result)
{
	(void)result;
}
