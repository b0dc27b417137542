/* Clients of the control socket. Each has one request at a time; more lines wait in its buffer, which
 * is bounded, and so does the next request while an answer is not read.
 *
 *     line ──► parse ──► row ──► arguments known? ──► handler ─ ─ ─ ► control_answer ──► line
 *
 * Who has waited in vain is given up: another struct has the client from then on, and the one that the handler
 * knows stays until it is answered. */
#include "control/server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "control/line_client.h"
#include "control/resting_listener.h"
#include "control/message.h"

enum { BACKLOG = 64 };

struct control_request {
	struct list node; /* in the server's clients: a client is its request, one at a time */
	struct control_server *server; /* NULL: the program itself asks, and answered is told */
	const struct control_settings *settings;
	control_answered *answered;
	void *answered_context;
	struct event *patience; /* owned; set while it waits; NULL: nobody is given up */
	bool is_given_up;       /* nobody waits for its answer any more */
	struct line_client line;
	struct control_message message;
};

struct control_server {
	struct control_settings settings;
	struct resting_listener listener;
	struct list clients; /* of struct control_request, owned */
	unsigned client_count;
};

static void on_connection(int fd, const struct sockaddr *address, int len, void *context);
static bool is_trusted(int fd);
static void turn_away(int fd, const char *problem);
static void client_create(struct control_server *server, int fd);
static void client_destroy(struct control_request *client);
static void client_destroy_line(struct line_client *line);
static enum err patience_create(struct control_request *request);
static void patience_begin(struct control_request *request);
static void patience_end(struct control_request *request);
static bool input_line(struct line_client *line, struct evbuffer *input);
static void handle_line(struct control_request *client, const char *line, size_t len);
static void write_line(struct control_request *client, char *line);
static void finish(struct control_request *client, char *line);

static const struct line_client_ops client_ops = {
	.look = input_line,
	.destroy = client_destroy_line,
};

enum err control_server_create(const struct control_settings *settings,
                               const struct control_socket *opened, struct control_server **server)
{
	struct control_server *created = calloc(1, sizeof *created);

	if (created == NULL)
		return ERR_NO_MEMORY;
	created->settings = *settings;
	list_init(&created->clients);
	enum err err = resting_listener_init(&created->listener, settings->base,
	                                     evconnlistener_new(settings->base, NULL, NULL,
	                                                        LEV_OPT_CLOSE_ON_EXEC, BACKLOG,
	                                                        opened->fd),
	                                     on_connection, created);
	if (err != OK) {
		free(created);
		return err;
	}
	*server = created;
	return OK;
}

/* What the loop would send next; the stream keeps its buffer frozen against everyone else. */
static void send_rest(struct bufferevent *stream)
{
	struct evbuffer *output = bufferevent_get_output(stream);

	evbuffer_unfreeze(output, 1);
	evbuffer_write(output, bufferevent_getfd(stream));
}

void control_server_destroy(struct control_server *server)
{
	if (server == NULL)
		return;
	resting_listener_deinit(&server->listener);
	LIST_FOR_EACH (node, &server->clients) {
		struct control_request *client = CONTAINER_OF(node, struct control_request, node);
		if (client->line.stream != NULL)
			send_rest(client->line.stream);
		client_destroy(client);
	}
	free(server);
}

/* ---- the program asks ---- */

static const struct control_row *row_find(const struct control_settings *settings,
                                          const char *name);

static struct control_request *call_create(const struct control_settings *settings)
{
	struct control_request *request = calloc(1, sizeof *request);

	if (request == NULL)
		return NULL;
	request->settings = settings;
	if (patience_create(request) == OK)
		return request;
	free(request);
	return NULL;
}

static void call_destroy(struct control_request *request)
{
	if (request == NULL)
		return;
	if (request->patience != NULL)
		event_free(request->patience);
	control_message_deinit(&request->message);
	free(request);
}

void control_call(const struct control_settings *settings, const char *name, json_t *arguments,
                  control_answered *answered, void *context)
{
	const struct control_row *row = row_find(settings, name);
	struct control_request *request = call_create(settings);
	json_t *object = json_pack("{s:s, s:o}", "request", name, "arguments", arguments);

	if (row == NULL || request == NULL || object == NULL) {
		json_decref(object);
		call_destroy(request);
		answered(NULL, row == NULL ? "there is no such request" : err_string(ERR_NO_MEMORY),
		         context);
		return;
	}
	patience_begin(request);
	request->answered = answered;
	request->answered_context = context;
	request->message.object = object;
	request->message.name = row->name;
	request->message.arguments = json_object_get(object, "arguments");
	row->handle(request, settings->context);
}

static void finish_call(struct control_request *request, const json_t *result, const char *problem)
{
	patience_end(request);
	if (!request->is_given_up)
		request->answered(result, problem, request->answered_context);
	call_destroy(request);
}

void control_answer(struct control_request *request, json_t *result)
{
	if (request->answered != NULL) {
		finish_call(request, result, result == NULL ? err_string(ERR_NO_MEMORY) : NULL);
		json_decref(result);
		return;
	}
	finish(request, result != NULL ? control_result_line(result)
	                               : control_problem_line(err_string(ERR_NO_MEMORY)));
	json_decref(result);
}

void control_refuse(struct control_request *request, const char *problem, ...)
{
	char text[CONTROL_PROBLEM_SIZE];
	va_list args;

	va_start(args, problem);
	vsnprintf(text, sizeof text, problem, args);
	va_end(args);
	if (request->answered != NULL)
		finish_call(request, NULL, text);
	else
		finish(request, control_problem_line(text));
}

/* ---- arguments ---- */

static json_t *argument(const struct control_request *request, const char *name)
{
	return json_object_get(request->message.arguments, name);
}

bool control_get_text(struct control_request *request, const char *name, const char **text)
{
	json_t *value = argument(request, name);

	if (value == NULL)
		return true;
	if (!json_is_string(value)) {
		control_refuse(request, "%s: give a text in UTF-8", name);
		return false;
	}
	*text = json_string_value(value);
	return true;
}

bool control_get_number(struct control_request *request, const char *name, json_int_t low,
                        json_int_t high, json_int_t *number)
{
	json_t *value = argument(request, name);

	if (value == NULL)
		return true;
	if (!json_is_integer(value) || json_integer_value(value) < low ||
	    json_integer_value(value) > high) {
		control_refuse(request,
		               "%s: give a number, %" JSON_INTEGER_FORMAT
		               " to %" JSON_INTEGER_FORMAT,
		               name, low, high);
		return false;
	}
	*number = json_integer_value(value);
	return true;
}

bool control_get_flag(struct control_request *request, const char *name, bool *flag)
{
	json_t *value = argument(request, name);

	if (value == NULL)
		return true;
	if (!json_is_boolean(value)) {
		control_refuse(request, "%s: give true or false", name);
		return false;
	}
	*flag = json_is_true(value);
	return true;
}

/* ---- clients ---- */

static void on_connection(int fd, const struct sockaddr *address, int len, void *context)
{
	struct control_server *server = context;

	(void)address;
	(void)len;
	if (!is_trusted(fd))
		turn_away(fd, "only root and the user of the server may ask it");
	else if (server->client_count >= server->settings.clients_max)
		turn_away(fd, "too many clients on the control socket: try again");
	else
		client_create(server, fd);
}

/* The mode of the file says the same; this holds where somebody has changed it. */
static bool is_trusted(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return false;
	if (peer.uid == 0 || peer.uid == geteuid())
		return true;
	log_warning("control socket refused", "uid=%u pid=%d reason=\"neither root nor our user\"",
	            (unsigned)peer.uid, (int)peer.pid);
	return false;
}

static void turn_away(int fd, const char *problem)
{
	char *line = control_problem_line(problem);

	if (line != NULL)
		(void)!send(fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL);
	free(line);
	close(fd);
}

/* NULL without memory. Its stream is still to come. */
static struct control_request *client_allocate(struct control_server *server)
{
	struct control_request *client = calloc(1, sizeof *client);

	if (client == NULL)
		return NULL;
	client->server = server;
	client->settings = &server->settings;
	client->line.ops = &client_ops;
	if (patience_create(client) != OK) {
		free(client);
		return NULL;
	}
	list_append(&server->clients, &client->node);
	server->client_count++;
	return client;
}

static void client_create(struct control_server *server, int fd)
{
	const struct control_settings *settings = &server->settings;
	struct control_request *client = client_allocate(server);

	if (client != NULL && line_client_init(&client->line, &client_ops, settings->base, fd,
	                                       CONTROL_LINE_MAX) == OK) {
		line_client_set_idle(&client->line, settings->idle_timeout_s);
		return;
	}
	if (client != NULL)
		client_destroy(client);
	close(fd);
}

static void client_destroy(struct control_request *client)
{
	line_client_deinit(&client->line);
	if (client->patience != NULL)
		event_free(client->patience);
	control_message_deinit(&client->message);
	list_remove(&client->node);
	if (!client->is_given_up)
		client->server->client_count--;
	free(client);
}

static void client_destroy_line(struct line_client *line)
{
	client_destroy(CONTAINER_OF(line, struct control_request, line));
}

/* ---- patience ---- */

static void on_patience(evutil_socket_t fd, short what, void *context);

static enum err patience_create(struct control_request *request)
{
	const struct control_settings *settings = request->settings;

	if (settings->is_in_vain == NULL)
		return OK;
	request->patience = event_new(settings->base, -1, EV_PERSIST, on_patience, request);
	return request->patience != NULL ? OK : ERR_NO_MEMORY;
}

static void patience_begin(struct control_request *request)
{
	unsigned ms = request->settings->patience_ms;
	struct timeval each = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};

	if (request->patience != NULL)
		event_add(request->patience, &each);
}

static void patience_end(struct control_request *request)
{
	if (request->patience != NULL)
		event_del(request->patience);
}

/* Another struct has the client from now on; without memory for it, the client is hung up. */
static void client_give_up(struct control_request *client, const char *problem)
{
	struct control_request *heir =
		client->line.stream != NULL ? client_allocate(client->server) : NULL;

	client->is_given_up = true;
	client->server->client_count--;
	if (heir == NULL) {
		line_client_deinit(&client->line);
		return;
	}
	line_client_move(&client->line, &heir->line);
	write_line(heir, control_problem_line(problem));
	line_client_done(&heir->line);
}

static void on_patience(evutil_socket_t fd, short what, void *context)
{
	struct control_request *request = context;
	char problem[CONTROL_PROBLEM_SIZE];

	(void)fd;
	(void)what;
	if (!request->settings->is_in_vain(request->settings->context, problem))
		return;
	patience_end(request);
	if (request->answered == NULL) {
		client_give_up(request, problem);
		return;
	}
	request->is_given_up = true;
	request->answered(NULL, problem, request->answered_context);
}

/* ---- lines ---- */

/* A line without an end is refused when no more of it fits. */
static bool input_line(struct line_client *line, struct evbuffer *input)
{
	struct control_request *client = CONTAINER_OF(line, struct control_request, line);
	size_t len;
	char *text = evbuffer_readln(input, &len, EVBUFFER_EOL_LF);

	if (text != NULL) {
		handle_line(client, text, len);
		free(text);
		return true;
	}
	if (evbuffer_get_length(input) >= CONTROL_LINE_MAX) {
		evbuffer_drain(input, evbuffer_get_length(input));
		line->is_closing = true;
		write_line(client, control_problem_line("a line that is too long"));
	}
	return false;
}

static const struct control_row *row_find(const struct control_settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->row_count; i++)
		if (strcmp(settings->rows[i].name, name) == 0)
			return &settings->rows[i];
	return NULL;
}

static void handle_line(struct control_request *client, const char *line, size_t len)
{
	struct control_message *message = &client->message;
	char problem[CONTROL_PROBLEM_SIZE];
	const struct control_row *row;

	client->line.is_waiting = true;
	patience_begin(client);
	if (control_message_parse(line, len, message, problem) != OK) {
		control_refuse(client, "%s", problem);
		return;
	}
	row = row_find(&client->server->settings, message->name);
	if (row == NULL)
		control_refuse(client, "%.40s: there is no such request", message->name);
	else if (!control_message_takes(message, row->takes, problem))
		control_refuse(client, "%s", problem);
	else
		row->handle(client, client->server->settings.context);
}

/* A client that is not given its answer is not left waiting for it. */
static void write_line(struct control_request *client, char *line)
{
	if (line != NULL)
		line_client_write(&client->line, line, strlen(line));
	else
		client->line.is_closing = true;
	free(line);
}

static void finish(struct control_request *client, char *line)
{
	control_message_deinit(&client->message);
	patience_end(client);
	write_line(client, line);
	line_client_done(&client->line);
}
