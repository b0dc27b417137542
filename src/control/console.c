/* Clients of the console. A client is asked for the password, then for lines, and while one is carried out
 * or its answer is not read, no other is looked at:
 *
 *     bytes ──► telnet ──► line ──► command ─ ─ ─ ► console_print ... console_done ──► prompt
 */
#include "control/console.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "control/line_client.h"
#include "control/resting_listener.h"
#include "control/telnet.h"

enum {
	BACKLOG = 16,
	INPUT_MAX = 4096,
	PRINT_MAX = 4096,  /* of one console_print */
	ATTEMPTS_MAX = 3,  /* of a client */
	FAILURES_MAX = 10, /* of all clients together in FAILURES_MS */
	FAILURES_MS = 60000,
	/* Of the time that looking at a password took, for which none is looked at. */
	PAUSE_TIMES = 4,
};

struct console_client {
	struct list node; /* in the console's clients */
	struct console *console;
	struct line_client line;
	struct event *deadline; /* owned; of the password */
	struct telnet telnet;
	bool is_in;           /* it gave the password */
	bool waits_for_pause; /* to be over, for its password to be looked at */
	unsigned attempts;
	void (*more)(struct console_client *client, void *context); /* NULL: none */
	void *more_context;
	char name[ADDR_TEXT_SIZE];
	_Alignas(max_align_t) char state[];
};

struct console {
	struct console_settings settings;
	struct transport_addr addr;
	struct resting_listener listener;
	struct event *pause_over; /* owned; somebody waits_for_pause */
	timestamp paused_until;
	struct list clients; /* of struct console_client, owned */
	unsigned client_count;
	unsigned failures; /* since then */
	timestamp failures_since;
};

static enum err open_listener(struct console *console, const struct transport_addr *addr);
static void on_connection(int fd, const struct sockaddr *address, int len, void *context);
static void on_pause_over(evutil_socket_t fd, short what, void *context);
static void client_destroy(struct console_client *client);
static void client_destroy_line(struct line_client *line);
static bool call_more(struct line_client *line);
static void on_deadline(evutil_socket_t fd, short what, void *context);
static void ask_password(struct console_client *client);
static bool input_byte(struct line_client *line, struct evbuffer *input);
static void handle_line(struct console_client *client);
static void try_password(struct console_client *client);

static const struct line_client_ops client_ops = {
	.look = input_byte,
	.go_on = call_more,
	.destroy = client_destroy_line,
};

/* ---- the console ---- */

enum err console_create(const struct console_settings *settings, const struct transport_addr *addr,
                        struct console **console)
{
	struct console *created = calloc(1, sizeof *created);
	enum err err;

	if (created == NULL)
		return ERR_NO_MEMORY;
	created->settings = *settings;
	list_init(&created->clients);
	created->pause_over = event_new(settings->base, -1, 0, on_pause_over, created);
	err = created->pause_over != NULL ? open_listener(created, addr) : ERR_NO_MEMORY;
	if (err == OK) {
		*console = created;
		return OK;
	}
	if (created->pause_over != NULL)
		event_free(created->pause_over);
	free(created);
	return err;
}

static enum err open_listener(struct console *console, const struct transport_addr *addr)
{
	struct event_base *base = console->settings.base;
	struct evconnlistener *listener = evconnlistener_new_bind(
		base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
		BACKLOG, &addr->any, (int)addr_len(addr));
	socklen_t len = sizeof console->addr;
	enum err err =
		resting_listener_init(&console->listener, base, listener, on_connection, console);

	if (err == OK)
		getsockname(evconnlistener_get_fd(listener), &console->addr.any, &len);
	return err;
}

void console_destroy(struct console *console)
{
	if (console == NULL)
		return;
	resting_listener_deinit(&console->listener);
	event_free(console->pause_over);
	LIST_FOR_EACH (node, &console->clients)
		client_destroy(CONTAINER_OF(node, struct console_client, node));
	free(console);
}

const struct transport_addr *console_addr(const struct console *console)
{
	return &console->addr;
}

static struct console_client *client_create(struct console *console, int fd,
                                            const struct transport_addr *addr)
{
	struct console_client *client = calloc(1, sizeof *client + console->settings.state_size);

	if (client == NULL)
		return NULL;
	client->console = console;
	client->deadline = event_new(console->settings.base, -1, 0, on_deadline, client);
	if (client->deadline == NULL ||
	    line_client_init(&client->line, &client_ops, console->settings.base, fd, INPUT_MAX) !=
	            OK) {
		if (client->deadline != NULL)
			event_free(client->deadline);
		free(client);
		return NULL;
	}
	addr_format(addr, client->name);
	list_append(&console->clients, &client->node);
	console->client_count++;
	return client;
}

static void client_destroy(struct console_client *client)
{
	line_client_deinit(&client->line);
	event_free(client->deadline);
	list_remove(&client->node);
	client->console->client_count--;
	bytes_wipe(&client->telnet, sizeof client->telnet);
	free(client);
}

static void client_destroy_line(struct line_client *line)
{
	client_destroy(CONTAINER_OF(line, struct console_client, line));
}

static void on_connection(int fd, const struct sockaddr *address, int len, void *context)
{
	static const char full[] = "Too many clients: try again.\r\n";
	struct console *console = context;
	struct console_client *client = NULL;
	struct transport_addr addr = {0};
	struct timeval login = {(time_t)console->settings.login_timeout_s, 0};

	memcpy(&addr, address, (size_t)len < sizeof addr ? (size_t)len : sizeof addr);
	if (console->client_count < console->settings.clients_max)
		client = client_create(console, fd, &addr);
	if (client == NULL) {
		(void)!send(fd, full, sizeof full - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		evutil_closesocket(fd);
		return;
	}
	event_add(client->deadline, &login);
	ask_password(client);
}

/* ---- what is written ---- */

/* Line ends are telnet's; and what a client of the relay chose as its name is not to move the cursor of
 * whoever reads it. Other bytes of UTF-8 pass. */
static void to_telnet(const char *text, char *line, size_t *len)
{
	*len = 0;
	while (*text != 0) {
		size_t control = text_control_len(text);
		if (*text == '\n')
			line[(*len)++] = '\r';
		line[(*len)++] = *text == '\n'                                 ? '\n'
		                 : control > 0 || (uint8_t)*text == TELNET_IAC ? '?'
		                                                               : *text;
		text += control > 0 ? control : 1;
	}
}

void console_print(struct console_client *client, const char *text, ...)
{
	char plain[PRINT_MAX], line[2 * PRINT_MAX];
	va_list args;
	size_t len;

	va_start(args, text);
	vsnprintf(plain, sizeof plain, text, args);
	va_end(args);
	to_telnet(plain, line, &len);
	line_client_write(&client->line, line, len);
}

/* The client stops showing what is typed, since it takes it that we do (RFC 857). */
static void ask_password(struct console_client *client)
{
	static const uint8_t will_echo[] = {TELNET_IAC, TELNET_WILL, TELNET_ECHO};

	line_client_write(&client->line, will_echo, sizeof will_echo);
	console_print(client, "Enter password: ");
}

static void prompt(struct console_client *client)
{
	console_print(client, "> ");
}

bool console_when_sent(struct console_client *client,
                       void (*more)(struct console_client *client, void *context), void *context)
{
	if (client->line.stream == NULL || client->line.is_closing)
		return false;
	client->more = more;
	client->more_context = context;
	line_client_call_when_sent(&client->line);
	return true;
}

void console_done(struct console_client *client)
{
	if (!client->line.is_closing)
		prompt(client);
	line_client_done(&client->line);
}

void console_hang_up(struct console_client *client)
{
	client->line.is_closing = true;
}

void *console_state(struct console_client *client)
{
	return client->state;
}

const char *console_client_name(const struct console_client *client)
{
	return client->name;
}

/* ---- what happens to a client ---- */

/* Who waits to say more is told of the end by being called; a password of who has gone is not looked at. */
static bool call_more(struct line_client *line)
{
	struct console_client *client = CONTAINER_OF(line, struct console_client, line);
	void (*more)(struct console_client * client, void *context) = client->more;

	if (client->waits_for_pause && line->stream == NULL) {
		line_client_done(line);
		return true;
	}
	if (more == NULL)
		return false;
	client->more = NULL;
	more(client, client->more_context);
	return true;
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	client_destroy(context);
}

/* ---- what is typed ---- */

static void handle_event(struct console_client *client, enum telnet_event event)
{
	switch (event) {
	case TELNET_MORE:
		break;
	case TELNET_LINE:
		handle_line(client);
		break;
	case TELNET_TOO_LONG:
		console_print(client, "A line has %d bytes at most.\n", TELNET_LINE_MAX);
		/* fall through */
	case TELNET_INTERRUPT:
		if (client->is_in)
			prompt(client);
		break;
	case TELNET_END:
		client->line.is_closing = true;
		break;
	}
}

/* One at a time, since what follows a line waits until that is done. */
static bool input_byte(struct line_client *line, struct evbuffer *input)
{
	struct console_client *client = CONTAINER_OF(line, struct console_client, line);
	uint8_t byte, reply[TELNET_REPLY_MAX];
	enum telnet_event event;
	size_t len;

	if (evbuffer_remove(input, &byte, 1) != 1)
		return false;
	event = telnet_input(&client->telnet, byte, reply, &len);
	if (len > 0)
		line_client_write(line, reply, len);
	handle_event(client, event);
	return true;
}

static void handle_line(struct console_client *client)
{
	if (!client->is_in) {
		try_password(client);
		return;
	}
	client->line.is_waiting = true;
	client->console->settings.command(client, client->telnet.line,
	                                  client->console->settings.context);
}

/* ---- the password ---- */

static bool are_too_many_failures(struct console *console)
{
	timestamp now = timestamp_now();

	if (now - console->failures_since >= FAILURES_MS) {
		console->failures_since = now;
		console->failures = 0;
	}
	return console->failures >= FAILURES_MAX;
}

static void let_in(struct console_client *client)
{
	static const uint8_t wont_echo[] = {TELNET_IAC, TELNET_WONT, TELNET_ECHO};

	event_del(client->deadline);
	line_client_set_idle(&client->line, client->console->settings.idle_timeout_s);
	line_client_write(&client->line, wont_echo, sizeof wont_echo);
	client->is_in = true;
	log_info("operator let in", "client=%s", client->name);
	console_print(client, "\n%s\n", client->console->settings.greeting);
	prompt(client);
}

static void refuse(struct console_client *client)
{
	client->console->failures++;
	log_warning("operator refused", "client=%s reason=\"wrong password\"", client->name);
	console_print(client, "\nWrong password.\n");
	if (++client->attempts < ATTEMPTS_MAX)
		ask_password(client);
	else
		client->line.is_closing = true;
}

/* What was typed is not kept longer than it takes. */
static bool is_password(struct console_client *client)
{
	const struct console_settings *settings = &client->console->settings;
	timestamp began = timestamp_now(), ended;
	bool is_right = settings->is_password(client->telnet.line, settings->context);

	bytes_wipe(client->telnet.line, sizeof client->telnet.line);
	ended = timestamp_now();
	client->console->paused_until = ended + PAUSE_TIMES * (ended - began);
	return is_right;
}

/* The bound is all clients': who guesses by connecting anew gets no further. turnadmin and the control
 * socket are there meanwhile. */
static void look_at_password(struct console_client *client)
{
	if (are_too_many_failures(client->console)) {
		console_print(client, "\nToo many wrong passwords: try again in a minute.\n");
		client->line.is_closing = true;
	} else if (is_password(client)) {
		let_in(client);
	} else {
		refuse(client);
	}
}

static void wait_for_pause(struct console_client *client, timestamp ms)
{
	const struct timeval left = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};

	client->line.is_waiting = true;
	client->waits_for_pause = true;
	event_add(client->console->pause_over, &left);
}

/* A slow hash takes its time on a thread that has more to do: it gets the lesser part of it, however many
 * guess. */
static void try_password(struct console_client *client)
{
	struct console *console = client->console;
	timestamp now = timestamp_now();

	if (now >= console->paused_until)
		look_at_password(client);
	else
		wait_for_pause(client, console->paused_until - now);
}

/* One by one, since each makes the next wait again. */
static void on_pause_over(evutil_socket_t fd, short what, void *context)
{
	struct console *console = context;

	(void)fd;
	(void)what;
	LIST_FOR_EACH (node, &console->clients) {
		struct console_client *client = CONTAINER_OF(node, struct console_client, node);
		if (!client->waits_for_pause)
			continue;
		client->waits_for_pause = false;
		client->line.is_waiting = false;
		try_password(client);
		if (!client->line.is_waiting)
			line_client_done(&client->line);
	}
}
