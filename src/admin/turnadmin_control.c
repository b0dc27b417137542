/* status, counters, alternate-server, drain and undrain: what is asked of the running server. */
#include <inttypes.h>
#include <stdio.h>

#include <jansson.h>

#include "admin/turnadmin_output.h"
#include "admin/turnadmin_verbs.h"
#include "control/client.h"

typedef void print_fn(const json_t *result);

static enum turnadmin_exit ask(const struct turnadmin_request *request, const char *what,
                               json_t *arguments, print_fn *print);
static print_fn print_status, print_counters, print_alternates, print_drain;

enum turnadmin_exit turnadmin_status(const struct turnadmin_request *request)
{
	return ask(request, "status", NULL, print_status);
}

enum turnadmin_exit turnadmin_counters(const struct turnadmin_request *request)
{
	return ask(request, "counters", json_pack("{s:b}", "by_thread", (int)request->by_thread),
	           print_counters);
}

static json_t *name_server(const struct turnadmin_request *request)
{
	return json_pack("{s:s, s:s}", "kind", request->kind != NULL ? request->kind : "all",
	                 "server", request->name);
}

enum turnadmin_exit turnadmin_alternates_add(const struct turnadmin_request *request)
{
	return ask(request, "alternate-server add", name_server(request), print_alternates);
}

enum turnadmin_exit turnadmin_alternates_delete(const struct turnadmin_request *request)
{
	return ask(request, "alternate-server delete", name_server(request), print_alternates);
}

enum turnadmin_exit turnadmin_alternates_list(const struct turnadmin_request *request)
{
	return ask(request, "alternate-server list", NULL, print_alternates);
}

enum turnadmin_exit turnadmin_drain(const struct turnadmin_request *request)
{
	json_t *arguments = json_object();

	if (request->deadline_s >= 0)
		json_object_set_new(arguments, "deadline", json_integer(request->deadline_s));
	if (request->min_allocations >= 0)
		json_object_set_new(arguments, "minimum", json_integer(request->min_allocations));
	return ask(request, "drain", arguments, print_drain);
}

enum turnadmin_exit turnadmin_undrain(const struct turnadmin_request *request)
{
	return ask(request, "undrain", NULL, print_drain);
}

/* Takes the arguments over. */
static enum turnadmin_exit ask(const struct turnadmin_request *request, const char *what,
                               json_t *arguments, print_fn *print)
{
	char problem[256];
	json_t *result;

	if (control_ask(request->control_socket, what, arguments, &result, problem) != OK) {
		turnadmin_say("%s", problem);
		return TURNADMIN_PROBLEM;
	}
	if (request->as_json) {
		json_dumpf(result, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print(result);
	}
	json_decref(result);
	return TURNADMIN_DONE;
}

/* ---- for people ---- */

static int64_t number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static const char *text(const json_t *object, const char *name)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value != NULL ? value : "";
}

static void print_text(const char *name, const char *value)
{
	printf("%s\t", name);
	turnadmin_output_text(value);
	putchar('\n');
}

/* "by SIGTERM for 12 s, 48 s left, until 0 allocations are left" */
static void print_draining(const json_t *draining)
{
	const json_t *left = json_object_get(draining, "seconds_left");

	if (!json_is_object(draining)) {
		puts("no");
		return;
	}
	fputs("by ", stdout);
	turnadmin_output_text(text(draining, "by"));
	printf(" for %" PRId64 " s", number(draining, "seconds"));
	if (json_is_integer(left))
		printf(", %" JSON_INTEGER_FORMAT " s left", json_integer_value(left));
	printf(", until %" PRId64 " allocations are left\n", number(draining, "minimum"));
}

static void print_status(const json_t *result)
{
	print_text("version", text(result, "version"));
	printf("pid\t%" PRId64 "\n", number(result, "pid"));
	printf("uptime\t%" PRId64 " s\n", number(result, "uptime"));
	print_text("engine", text(result, "engine"));
	printf("threads\t%" PRId64 "\n", number(result, "threads"));
	printf("allocations\t%" PRId64 "\n", number(result, "allocations"));
	fputs("draining\t", stdout);
	print_draining(json_object_get(result, "draining"));
}

static void print_counters(const json_t *result)
{
	json_t *threads = json_object_get(result, "threads"), *thread, *value;
	const char *name;
	size_t i;

	json_object_foreach(json_object_get(result, "counters"), name, value)
	{
		turnadmin_output_text(name);
		printf("\t%" JSON_INTEGER_FORMAT, json_integer_value(value));
		json_array_foreach(threads, i, thread) printf("\t%" PRId64, number(thread, name));
		putchar('\n');
	}
}

static void print_alternates(const json_t *result)
{
	const char *kind;
	json_t *list, *server;
	size_t i;

	json_object_foreach((json_t *)result, kind, list) json_array_foreach(list, i, server)
		print_text(kind, json_string_value(server));
}

static void print_drain(const json_t *result)
{
	printf("allocations\t%" PRId64 "\n", number(result, "allocations"));
	fputs("draining\t", stdout);
	print_draining(json_object_get(result, "draining"));
}
