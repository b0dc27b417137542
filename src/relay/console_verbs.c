/* The verbs as a table. What a verb does is a request that turnadmin could have made, so that there is one
 * way in which each thing is done. */
#include "relay/console_verbs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "relay/conversation.h"
#include "relay/main_thread.h"
#include "relay/requests.h"
#include "store/password_hash.h"

enum { CLIENTS_MAX = 8, LOGIN_TIMEOUT_S = 60, IDLE_TIMEOUT_S = 600 };

static console_run help, quit, plain, alternates, options, set_realm, unset_realm, set_origin,
	unset_origin, toggle, change, cancel;

/* clang-format off */
static const struct console_verb verbs[] = {
	{"? h help",           "",                   "this text", help, NULL, NULL},
	{"quit q exit bye",    "",                   "end this connection", quit, NULL, NULL},
	{"drain",              "",                   "make no new allocation, and end with the last one", plain, "drain", NULL},
	{"undrain",            "",                   "serve new clients again", plain, "undrain", NULL},
	{"stop shutdown halt", "",                   "end the server now", plain, "stop", NULL},
	{"status",             "",                   "how the server is", plain, "status", NULL},
	{"pc",                 "[option]",           "print the configuration; (*) can be changed", options, "get", NULL},
	{"sr",                 "<realm>",            "see this realm's sessions alone", set_realm, NULL, NULL},
	{"ur",                 "",                   "see all realms' again", unset_realm, NULL, NULL},
	{"so",                 "<origin>",           "see this origin's sessions alone", set_origin, NULL, NULL},
	{"uo",                 "",                   "see all origins' again", unset_origin, NULL, NULL},
	{"tc",                 "<option>",           "turn an option on or off", toggle, NULL, NULL},
	{"cc",                 "<option> <value>",   "set an option", change, "set", NULL},
	{"ps",                 "[user]",             "print sessions, or those of a user", console_ps, NULL, NULL},
	{"psp",                "<text>",             "print the sessions of users with this in their name", console_psp, NULL, NULL},
	{"pu",                 "[udp|tcp|dtls|tls]", "print users, and how many sessions each has", console_pu, NULL, NULL},
	{"show",               "<session>",          "print a session with its peers", console_show, "session show", NULL},
	{"cs",                 "<session>",          "cancel a session", cancel, "session cancel", NULL},
	{"lr",                 "",                   "open the log file anew", plain, "log reset", NULL},
	{"aas",                "<ip[:port]>",        "send new clients to this server", alternates, "alternate-server add", "all"},
	{"das",                "<ip[:port]>",        "send them there no more", alternates, "alternate-server delete", "all"},
	{"atas",               "<ip[:port]>",        "the same for clients over TLS", alternates, "alternate-server add", "tls"},
	{"dtas",               "<ip[:port]>",        "", alternates, "alternate-server delete", "tls"},
	{"atcpas",             "<ip[:port]>",        "the same for clients over TCP", alternates, "alternate-server add", "tcp"},
	{"dtcpas",             "<ip[:port]>",        "", alternates, "alternate-server delete", "tcp"},
	{"audpas",             "<ip[:port]>",        "the same for clients over UDP", alternates, "alternate-server add", "udp"},
	{"dudpas",             "<ip[:port]>",        "", alternates, "alternate-server delete", "udp"},
};
/* clang-format on */
enum { VERB_COUNT = sizeof verbs / sizeof verbs[0] };

static void on_line(struct console_client *client, char *line, void *context);
static bool is_password(const char *text, void *context);

/* ---- the console ---- */

enum err console_open(struct main_thread *main_thread, struct console **console, char problem[256])
{
	const struct config *config = main_thread->relay->config;
	const struct console_settings settings = {
		.base = main_thread->loop.base,
		.greeting = "turnstone " PACKAGE_VERSION ": type ? for help",
		.clients_max = CLIENTS_MAX,
		.login_timeout_s = LOGIN_TIMEOUT_S,
		.idle_timeout_s = IDLE_TIMEOUT_S,
		.state_size = sizeof(struct conversation),
		.is_password = is_password,
		.command = on_line,
		.context = main_thread,
	};
	struct transport_addr addr;
	enum err err;

	if (!config->cli)
		return OK;
	if (password_hash_strength(config->cli_password) == PASSWORD_UNREADABLE) {
		snprintf(problem, 256,
		         "cli-password: this hash takes too long: give what turnadmin "
		         "password hash prints");
		return ERR_INVALID;
	}
	err = addr_parse(config->cli_ip, config->cli_port, &addr);
	if (err == OK)
		err = console_create(&settings, &addr, console);
	if (err != OK)
		snprintf(problem, 256, "cli-port %u at %.64s: %s", config->cli_port, config->cli_ip,
		         err == ERR_SYSTEM ? strerror(errno) : err_string(err));
	return err;
}

/* As it is now: a reload may have changed it. */
static bool is_password(const char *text, void *context)
{
	const char *password = ((struct main_thread *)context)->relay->config->cli_password;

	return password != NULL && password_hash_check_alone(password, text) == OK;
}

static bool has_word(const char *words, const char *word, size_t len)
{
	while (*words != 0) {
		size_t next = strcspn(words, " ");
		if (next == len && strncmp(words, word, len) == 0)
			return true;
		words += next;
		words += strspn(words, " ");
	}
	return false;
}

static const struct console_verb *verb_find(const char *word, size_t len)
{
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (has_word(verbs[i].names, word, len))
			return &verbs[i];
	return NULL;
}

/* A word, and behind it the argument without the spaces around it. */
static void split(struct conversation *conversation, const char *line)
{
	size_t len;

	line += strspn(line, " ");
	len = strcspn(line, " ");
	conversation->verb = verb_find(line, len);
	line += len;
	line += strspn(line, " ");
	len = strlen(line);
	while (len > 0 && line[len - 1] == ' ')
		len--;
	memcpy(conversation->argument, line, len);
	conversation->argument[len] = 0;
}

static bool is_argument_fine(const struct conversation *conversation)
{
	const char *takes = conversation->verb->takes;
	bool is_there = conversation->argument[0] != 0;

	return takes[0] == 0 ? !is_there : takes[0] == '[' || is_there;
}

/* What is not cannot be asked for in JSON, and a filter that was left out would let all through. */
static bool is_utf8(const char *text)
{
	json_t *string = json_string(text);

	json_decref(string);
	return string != NULL;
}

static void on_line(struct console_client *client, char *line, void *context)
{
	struct conversation *conversation = console_state(client);
	struct main_thread *main_thread = context;

	conversation->client = client;
	conversation->table = &main_thread->table;
	conversation->most = main_thread->relay->config->cli_max_output_sessions;
	if (line[strspn(line, " ")] == 0) {
		console_done(client);
		return;
	}
	split(conversation, line);
	if (!is_utf8(conversation->argument)) {
		console_print(client, "  Error: that is not UTF-8\n");
		console_done(client);
	} else if (conversation->verb == NULL) {
		console_print(client, "  Unknown command: type ? for help\n");
		console_done(client);
	} else if (!is_argument_fine(conversation)) {
		console_print(client, "  usage: %s %s\n", conversation->verb->names,
		              conversation->verb->takes);
		console_done(client);
	} else {
		conversation->verb->run(conversation);
	}
}

void conversation_ask(struct conversation *conversation, const char *request, json_t *arguments,
                      control_answered *answered)
{
	control_call(conversation->table, request, arguments, answered, conversation);
}

bool conversation_has_failed(struct conversation *conversation, const char *problem)
{
	if (problem == NULL)
		return false;
	console_print(conversation->client, "  Error: %s\n", problem);
	console_done(conversation->client);
	return true;
}

/* ---- what needs nobody else ---- */

static void help(struct conversation *conversation)
{
	for (size_t i = 0; i < VERB_COUNT; i++)
		console_print(conversation->client, "  %s%s%s%s%s\n", verbs[i].names,
		              verbs[i].takes[0] != 0 ? " " : "", verbs[i].takes,
		              verbs[i].help[0] != 0 ? " - " : "", verbs[i].help);
	console_done(conversation->client);
}

static void quit(struct conversation *conversation)
{
	console_print(conversation->client, "Bye !\n");
	console_hang_up(conversation->client);
	console_done(conversation->client);
}

static void set(struct conversation *conversation, char *member, size_t size, const char *what,
                const char *text)
{
	if (strlen(text) < size) {
		memcpy(member, text, strlen(text) + 1);
		console_print(conversation->client, "  %s: %s\n", what,
		              text[0] != 0 ? text : "all");
	} else {
		console_print(conversation->client, "  Error: no %s is so long\n", what);
	}
	console_done(conversation->client);
}

static void set_realm(struct conversation *conversation)
{
	set(conversation, conversation->realm, sizeof conversation->realm, "realm",
	    conversation->argument);
}

static void unset_realm(struct conversation *conversation)
{
	set(conversation, conversation->realm, sizeof conversation->realm, "realm", "");
}

static void set_origin(struct conversation *conversation)
{
	set(conversation, conversation->origin, sizeof conversation->origin, "origin",
	    conversation->argument);
}

static void unset_origin(struct conversation *conversation)
{
	set(conversation, conversation->origin, sizeof conversation->origin, "origin", "");
}

/* ---- requests ---- */

static void print_result(const json_t *result, const char *problem, void *context)
{
	struct conversation *conversation = context;

	if (conversation_has_failed(conversation, problem))
		return;
	console_print_members(conversation->client, result);
	console_done(conversation->client);
}

static void plain(struct conversation *conversation)
{
	conversation_ask(conversation, conversation->verb->request, json_object(), print_result);
}

static void cancel(struct conversation *conversation)
{
	conversation_ask(conversation, conversation->verb->request,
	                 json_pack("{s:s}", "id", conversation->argument), print_result);
}

static void alternates(struct conversation *conversation)
{
	conversation_ask(conversation, conversation->verb->request,
	                 json_pack("{s:s, s:s}", "kind", conversation->verb->kind, "server",
	                           conversation->argument),
	                 print_result);
}

static void print_options(const json_t *result, const char *problem, void *context)
{
	struct conversation *conversation = context;

	if (conversation_has_failed(conversation, problem))
		return;
	console_print_options(conversation->client, json_object_get(result, "options"));
	console_done(conversation->client);
}

static void options(struct conversation *conversation)
{
	json_t *arguments = json_object();

	if (conversation->argument[0] != 0)
		json_object_set_new(arguments, "option", json_string(conversation->argument));
	conversation_ask(conversation, conversation->verb->request, arguments, print_options);
}

static void print_list(struct console_client *client, json_t *changes, const char *how)
{
	json_t *change;
	size_t i;

	json_array_foreach(changes, i, change) console_print(
		client, "  %s: %s (was %s)%s\n", json_string_value(json_object_get(change, "name")),
		json_string_value(json_object_get(change, "to")),
		json_string_value(json_object_get(change, "from")), how);
}

static void print_changes(const json_t *result, const char *problem, void *context)
{
	struct conversation *conversation = context;
	json_t *changed = json_object_get(result, "changed");
	json_t *restart = json_object_get(result, "restart");

	if (conversation_has_failed(conversation, problem))
		return;
	print_list(conversation->client, changed, "");
	print_list(conversation->client, restart, " takes a restart");
	if (json_array_size(changed) + json_array_size(restart) == 0)
		console_print(conversation->client, "  It is so already.\n");
	console_done(conversation->client);
}

static void set_option(struct conversation *conversation, const char *option, const char *value)
{
	conversation_ask(conversation, "set",
	                 json_pack("{s:s, s:s}", "option", option, "value", value), print_changes);
}

static void change(struct conversation *conversation)
{
	char *value = strchr(conversation->argument, ' ');

	if (value == NULL) {
		console_print(conversation->client, "  usage: cc <option> <value>\n");
		console_done(conversation->client);
		return;
	}
	*value++ = 0;
	set_option(conversation, conversation->argument, value + strspn(value, " "));
}

static void turn_over(const json_t *result, const char *problem, void *context)
{
	struct conversation *conversation = context;
	const json_t *option = json_array_get(json_object_get(result, "options"), 0);
	const char *value = json_string_value(json_object_get(option, "value"));

	if (conversation_has_failed(conversation, problem))
		return;
	if (!json_is_true(json_object_get(option, "flag"))) {
		console_print(conversation->client, "  Error: it is neither on nor off: use cc\n");
		console_done(conversation->client);
		return;
	}
	set_option(conversation, conversation->argument, strcmp(value, "yes") == 0 ? "no" : "yes");
}

static void toggle(struct conversation *conversation)
{
	conversation_ask(conversation, "get", json_pack("{s:s}", "option", conversation->argument),
	                 turn_over);
}
