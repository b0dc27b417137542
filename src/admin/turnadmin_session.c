/* session list, show and cancel: who uses the running server. */
#include <stdio.h>
#include <string.h>

#include "admin/turnadmin_ask.h"
#include "admin/turnadmin_output.h"
#include "admin/turnadmin_table.h"
#include "admin/turnadmin_verbs.h"

static turnadmin_print print_list, print_session, print_cancelled;

/* ---- list ---- */

static json_t *list_arguments(const struct turnadmin_request *request)
{
	json_t *arguments = json_object();

	turnadmin_add_text(arguments, "user", request->name);
	turnadmin_add_text(arguments, "contains", request->contains);
	turnadmin_add_text(arguments, "realm", request->realm);
	turnadmin_add_text(arguments, "client", request->client);
	turnadmin_add_text(arguments, "peer", request->peer);
	turnadmin_add_text(arguments, "transport", request->transport);
	turnadmin_add_text(arguments, "sort", request->sort);
	turnadmin_add_number(arguments, "thread", request->thread);
	return arguments;
}

enum turnadmin_exit turnadmin_session_list(const struct turnadmin_request *request)
{
	static const struct turnadmin_pages pages = {"session list", "sessions", list_arguments};

	return turnadmin_ask_pages_and_print(request, &pages, print_list);
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
	json_t *session;
	size_t i;

	puts("id\tuser\trealm\ttransport\tclient\trelayed\tthread\tage\texpires\t"
	     "to_peer_bytes_s\tto_client_bytes_s\tto_peer_bytes\tto_client_bytes");
	json_array_foreach(json_object_get(result, "sessions"), i, session) print_row(session);
	turnadmin_say_more(result, "sessions");
}

/* ---- show ---- */

enum turnadmin_exit turnadmin_session_show(const struct turnadmin_request *request)
{
	json_t *arguments = json_object();

	turnadmin_add_text(arguments, "id", request->value);
	return turnadmin_ask_and_print(request, "session show", arguments, print_session);
}

static void print_value(const char *name, const json_t *value)
{
	print_field(name);
	turnadmin_print_value(value);
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
	json_t *arguments = json_object();

	turnadmin_add_text(arguments, "id", request->value);
	turnadmin_add_text(arguments, "user", request->name);
	turnadmin_add_text(arguments, "realm", request->realm);
	turnadmin_add_number(arguments, "most", request->most);
	return turnadmin_ask_and_print(request, "session cancel", arguments, print_cancelled);
}

static void print_cancelled(const json_t *result)
{
	printf("cancelled\t%" PRId64 "\n", turnadmin_number(result, "cancelled"));
}
