/* Sessions on the text console, page by page: the next one is asked for when the last has been sent. */
#include <stdio.h>
#include <string.h>

#include "relay/conversation.h"

enum { PAGE = 64 };

static void ask_page(struct console_client *client, void *context);
static void print_page(const json_t *result, const char *problem, void *context);

static void begin(struct conversation *conversation)
{
	conversation->printed = 0;
	conversation->next[0] = 0;
	ask_page(conversation->client, conversation);
}

void console_ps(struct conversation *conversation)
{
	begin(conversation);
}

void console_psp(struct conversation *conversation)
{
	begin(conversation);
}

void console_pu(struct conversation *conversation)
{
	conversation->users = json_object();
	begin(conversation);
}

static void print_one(const json_t *result, const char *problem, void *context)
{
	struct conversation *conversation = context;

	if (conversation_has_failed(conversation, problem))
		return;
	console_print_session(conversation->client, 1, result);
	console_print_peers(conversation->client, result);
	console_done(conversation->client);
}

void console_show(struct conversation *conversation)
{
	conversation_ask(conversation, conversation->verb->request,
	                 json_pack("{s:s}", "id", conversation->argument), print_one);
}

/* ---- pages ---- */

static void add_text(json_t *arguments, const char *name, const char *text)
{
	if (text[0] != 0)
		json_object_set_new(arguments, name, json_string(text));
}

/* Which argument of the request the verb's is. */
static const char *argument_name(const struct conversation *conversation)
{
	if (conversation->verb->run == console_pu)
		return "transport";
	return conversation->verb->run == console_psp ? "contains" : "user";
}

static void ask_page(struct console_client *client, void *context)
{
	struct conversation *conversation = context;
	unsigned left = conversation->most - conversation->printed;
	json_t *arguments = json_object();

	(void)client;
	add_text(arguments, argument_name(conversation), conversation->argument);
	add_text(arguments, "realm", conversation->realm);
	add_text(arguments, "origin", conversation->origin);
	add_text(arguments, "after", conversation->next);
	json_object_set_new(arguments, "limit", json_integer(left < PAGE ? left : PAGE));
	conversation_ask(conversation, "session list", arguments, print_page);
}

static void count_user(struct conversation *conversation, const json_t *session)
{
	const char *user = json_string_value(json_object_get(session, "user"));
	json_int_t count = json_integer_value(json_object_get(conversation->users, user));

	json_object_set_new(conversation->users, user, json_integer(count + 1));
}

static void print_sessions(struct conversation *conversation, const json_t *sessions)
{
	json_t *session;
	size_t i;

	json_array_foreach(sessions, i, session)
	{
		conversation->printed++;
		if (conversation->users != NULL)
			count_user(conversation, session);
		else
			console_print_session(conversation->client, conversation->printed, session);
	}
}

static void print_users(struct conversation *conversation)
{
	const char *user;
	json_t *count;

	json_object_foreach(conversation->users, user, count) console_print(
		conversation->client, "    user: <%s>, %" JSON_INTEGER_FORMAT " sessions\n", user,
		json_integer_value(count));
	json_decref(conversation->users);
	conversation->users = NULL;
}

static void finish(struct conversation *conversation, json_int_t matched)
{
	if (conversation->users != NULL)
		print_users(conversation);
	if (conversation->printed < matched)
		console_print(conversation->client,
		              "\n  The first %u: cc cli-max-output-sessions raises the bound.\n",
		              conversation->printed);
	console_print(conversation->client, "\n  Total sessions: %" JSON_INTEGER_FORMAT "\n",
	              matched);
	console_done(conversation->client);
}

static void print_page(const json_t *result, const char *problem, void *context)
{
	struct conversation *conversation = context;
	const char *next = json_string_value(json_object_get(result, "next"));

	if (problem != NULL) {
		json_decref(conversation->users);
		conversation->users = NULL;
		(void)conversation_has_failed(conversation, problem);
		return;
	}
	print_sessions(conversation, json_object_get(result, "sessions"));
	if (next != NULL && conversation->printed < conversation->most) {
		snprintf(conversation->next, sizeof conversation->next, "%s", next);
		if (console_when_sent(conversation->client, ask_page, conversation))
			return;
	}
	finish(conversation, json_integer_value(json_object_get(result, "matched")));
}
