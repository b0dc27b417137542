/* session list, show and cancel: who uses the running server. */
#include <stdio.h>
#include <string.h>

#include "admin/turnadmin_ask.h"
#include "admin/turnadmin_output.h"
#include "admin/turnadmin_verbs.h"

enum { PAGE = 256, LIMIT_DEFAULT = 50 };

static void print_list(const json_t *sessions);
static void print_session(const json_t *session);

/* ---- list ---- */

/* What is not UTF-8 is null in JSON, and refused: what fits would else be all that there is. */
static void add_text(json_t *arguments, const char *name, const char *text)
{
	json_t *string = text != NULL ? json_string(text) : NULL;

	if (text != NULL)
		json_object_set_new(arguments, name, string != NULL ? string : json_null());
}

static json_t *page_arguments(const struct turnadmin_request *request, long limit,
                              const char *after)
{
	json_t *arguments = json_object();

	add_text(arguments, "user", request->name);
	add_text(arguments, "contains", request->contains);
	add_text(arguments, "realm", request->realm);
	add_text(arguments, "client", request->client);
	add_text(arguments, "peer", request->peer);
	add_text(arguments, "transport", request->transport);
	add_text(arguments, "sort", request->sort);
	add_text(arguments, "after", after);
	if (request->thread >= 0)
		json_object_set_new(arguments, "thread", json_integer(request->thread));
	json_object_set_new(arguments, "limit", json_integer(limit < PAGE ? limit : PAGE));
	return arguments;
}

/* Has the pages that follow behind the sessions of the first. */
static bool add_pages(const struct turnadmin_request *request, long limit, json_t *first)
{
	json_t *sessions = json_object_get(first, "sessions");

	while (json_is_string(json_object_get(first, "next")) &&
	       (long)json_array_size(sessions) < limit) {
		json_t *page = turnadmin_ask(request, "session list",
		                             page_arguments(request,
		                                            limit - (long)json_array_size(sessions),
		                                            turnadmin_text(first, "next")));
		if (page == NULL)
			return false;
		json_array_extend(sessions, json_object_get(page, "sessions"));
		json_object_set(first, "next", json_object_get(page, "next"));
		json_decref(page);
	}
	return true;
}

enum turnadmin_exit turnadmin_session_list(const struct turnadmin_request *request)
{
	long limit = request->limit < 0    ? LIMIT_DEFAULT
	             : request->limit == 0 ? INT32_MAX
	                                   : request->limit;
	json_t *result =
		turnadmin_ask(request, "session list", page_arguments(request, limit, NULL));

	if (result == NULL || !add_pages(request, limit, result)) {
		json_decref(result);
		return TURNADMIN_PROBLEM;
	}
	if (request->as_json)
		turnadmin_print_json(result);
	else
		print_list(result);
	json_decref(result);
	return TURNADMIN_DONE;
}

/* Names are whatever clients sent: nothing of them reaches the terminal as it is. */
static void print_field(const char *text)
{
	turnadmin_output_text(text);
	putchar('\t');
}

static void print_relayed(const json_t *session)
{
	json_t *relayed = json_object_get(session, "relayed"), *addr;
	size_t i;

	json_array_foreach(relayed, i, addr)
	{
		fputs(i > 0 ? "," : "", stdout);
		turnadmin_output_text(json_string_value(addr));
	}
	putchar('\t');
}

static void print_row(const json_t *session)
{
	const json_t *to_peer = json_object_get(session, "to_peer");
	const json_t *to_client = json_object_get(session, "to_client");

	print_field(turnadmin_text(session, "id"));
	print_field(turnadmin_text(session, "user"));
	print_field(turnadmin_text(session, "realm"));
	print_field(turnadmin_text(session, "transport"));
	print_field(turnadmin_text(session, "client"));
	print_relayed(session);
	printf("%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%" PRId64
	       "\t%" PRId64 "\n",
	       turnadmin_number(session, "thread"), turnadmin_number(session, "age"),
	       turnadmin_number(session, "expires"), turnadmin_number(to_peer, "bytes_s"),
	       turnadmin_number(to_client, "bytes_s"), turnadmin_number(to_peer, "bytes"),
	       turnadmin_number(to_client, "bytes"));
}

static void print_list(const json_t *result)
{
	const json_t *sessions = json_object_get(result, "sessions");
	int64_t matched = turnadmin_number(result, "matched");
	json_t *session;
	size_t i;

	puts("id\tuser\trealm\ttransport\tclient\trelayed\tthread\tage\texpires\t"
	     "to_peer_bytes_s\tto_client_bytes_s\tto_peer_bytes\tto_client_bytes");
	json_array_foreach((json_t *)sessions, i, session) print_row(session);
	if ((int64_t)json_array_size(sessions) < matched)
		turnadmin_say("%zu of %" PRId64 " sessions: --limit 0 prints all",
		              json_array_size(sessions), matched);
}

/* ---- show ---- */

enum turnadmin_exit turnadmin_session_show(const struct turnadmin_request *request)
{
	json_t *result =
		turnadmin_ask(request, "session show", json_pack("{s:s}", "id", request->value));

	if (result == NULL)
		return TURNADMIN_PROBLEM;
	if (request->as_json)
		turnadmin_print_json(result);
	else
		print_session(result);
	json_decref(result);
	return TURNADMIN_DONE;
}

static void print_value(const char *name, const json_t *value)
{
	print_field(name);
	if (json_is_string(value))
		turnadmin_output_text(json_string_value(value));
	else if (json_is_integer(value))
		printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else
		fputs(json_is_true(value) ? "yes" : "no", stdout);
	putchar('\n');
}

static void print_members(const char *name, const json_t *object)
{
	const char *key;
	char full[64];
	json_t *value;

	json_object_foreach((json_t *)object, key, value)
	{
		snprintf(full, sizeof full, "%s_%s", name, key);
		print_value(full, value);
	}
}

/* "channels	0x4000 192.0.2.1:5000 600 s": all that has to do with a peer in a line. */
static void print_peer(const char *name, const json_t *peer)
{
	const json_t *joined = json_object_get(peer, "joined");

	print_field(name);
	if (json_object_get(peer, "number") != NULL)
		printf("%s ", turnadmin_text(peer, "number"));
	turnadmin_output_text(turnadmin_text(peer, "peer"));
	if (joined != NULL)
		puts(json_is_true(joined) ? " joined" : " waits");
	else
		printf(" %" PRId64 " s\n", turnadmin_number(peer, "expires"));
}

static void print_items(const char *name, const json_t *list)
{
	json_t *item;
	size_t i;

	json_array_foreach((json_t *)list, i, item) if (json_is_object(item))
		print_peer(name, item);
	else print_value(name, item);
}

static void print_session(const json_t *session)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)session, name, value) if (json_is_object(value))
		print_members(name, value);
	else if (json_is_array(value)) print_items(name, value);
	else print_value(name, value);
	if (json_is_true(json_object_get(session, "more_peers")))
		turnadmin_say(
			"there are more permissions, channels and connections than are shown: "
			"the counts are of all");
}

/* ---- cancel ---- */

enum turnadmin_exit turnadmin_session_cancel(const struct turnadmin_request *request)
{
	json_t *arguments = json_object(), *result;

	add_text(arguments, "id", request->value);
	add_text(arguments, "user", request->name);
	add_text(arguments, "realm", request->realm);
	if (request->most >= 0)
		json_object_set_new(arguments, "most", json_integer(request->most));
	result = turnadmin_ask(request, "session cancel", arguments);
	if (result == NULL)
		return TURNADMIN_PROBLEM;
	if (request->as_json)
		turnadmin_print_json(result);
	else
		printf("cancelled\t%" PRId64 "\n", turnadmin_number(result, "cancelled"));
	json_decref(result);
	return TURNADMIN_DONE;
}
