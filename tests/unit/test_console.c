/* The console's clients: passwords and how often they are tried, lines in order, answers that come in
 * parts or late, and clients that go, flood, or do not read. The clients are sockets in this process; the
 * loop is turned by hand. */
#include "control/console.h"

#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "tap.h"

enum { CLIENTS_MAX = 4, PARTS = 40, HEARD_MAX = 1 << 22 };
#define HIDE "\xff\xfb\x01"
#define SHOW "\xff\xfc\x01"
#define IN   "\r\nHello\r\n> "

struct fixture {
	struct event_base *base;
	struct console *console;
	struct console_client *kept;
	unsigned lines, parts;
	char last[600];
	unsigned hash_ms, looks; /* how long a look at a password takes, and how many there were */
	timestamp began[8];
};

/* A slow hash: it keeps the thread for so long. */
static bool is_password(const char *text, void *context)
{
	struct fixture *fixture = context;
	timestamp now = timestamp_now(), end = now + fixture->hash_ms;

	fixture->began[fixture->looks++ % 8] = now;
	while (timestamp_now() < end)
		continue;
	return strcmp(text, "secret") == 0;
}

static void say_part(struct console_client *client, void *context)
{
	struct fixture *fixture = context;
	char text[3000];

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	console_print(client, "%s\n", text);
	if (++fixture->parts < PARTS && console_when_sent(client, say_part, fixture))
		return;
	console_done(client);
}

static void command(struct console_client *client, char *line, void *context)
{
	struct fixture *fixture = context;

	fixture->lines++;
	snprintf(fixture->last, sizeof fixture->last, "%s", line);
	if (strcmp(line, "later") == 0) {
		fixture->kept = client;
		return;
	}
	if (strcmp(line, "parts") == 0) {
		say_part(client, fixture);
		return;
	}
	if (strcmp(line, "quit") == 0)
		console_hang_up(client);
	++*(int *)console_state(client);
	console_print(client, "%d: \x1b\xff\xc3\xa4\xc2\x9b%s\n", *(int *)console_state(client),
	              line);
	console_done(client);
}

static void fixture_begin(struct fixture *fixture)
{
	struct transport_addr any;

	*fixture = (struct fixture){.base = event_base_new()};
	const struct console_settings settings = {
		.base = fixture->base,
		.greeting = "Hello",
		.clients_max = CLIENTS_MAX,
		.login_timeout_s = 1,
		.idle_timeout_s = 1,
		.state_size = sizeof(int),
		.is_password = is_password,
		.command = command,
		.context = fixture,
	};
	if (addr_parse("127.0.0.1", 0, &any) != OK ||
	    console_create(&settings, &any, &fixture->console) != OK)
		printf("Bail out! no console\n"), exit(1);
}

static void fixture_end(struct fixture *fixture)
{
	console_destroy(fixture->console);
	event_base_free(fixture->base);
}

static int client_connect(struct fixture *fixture)
{
	const struct transport_addr *addr = console_addr(fixture->console);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, &addr->any, addr_len(addr)) != 0)
		printf("Bail out! connect\n"), exit(1);
	return fd;
}

static void client_say(int fd, const char *text)
{
	(void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

/* Turns the loop until the client has heard this last, or the end, or some time has passed. */
static const char *client_hear(struct fixture *fixture, int fd, const char *until)
{
	static char heard[HEARD_MAX];
	struct pollfd readable = {.fd = fd, .events = POLLIN};
	size_t len = 0;

	heard[0] = 0;
	for (int turns = 0; turns < 5000; turns++) {
		event_base_loop(fixture->base, EVLOOP_NONBLOCK);
		if (poll(&readable, 1, 1) == 0)
			continue;
		ssize_t n = recv(fd, heard + len, sizeof heard - 1 - len, 0);
		if (n <= 0)
			return strcat(heard, "(closed)");
		heard[len += (size_t)n] = 0;
		if (until != NULL && len >= strlen(until) &&
		    strcmp(heard + len - strlen(until), until) == 0)
			return heard;
	}
	return strcat(heard, "(nothing)");
}

static bool hears_nothing(struct fixture *fixture, int fd, int ms)
{
	struct pollfd readable = {.fd = fd, .events = POLLIN};

	for (int waited = 0; waited < ms; waited++) {
		event_base_loop(fixture->base, EVLOOP_NONBLOCK);
		if (poll(&readable, 1, 1) > 0)
			return false;
	}
	return true;
}

static int client_enter(struct fixture *fixture)
{
	int fd = client_connect(fixture);

	client_say(fd, "secret\r\n");
	client_hear(fixture, fd, "> ");
	return fd;
}

static void test_talk(void)
{
	struct fixture fixture;

	fixture_begin(&fixture);
	int fd = client_connect(&fixture);
	is_text(client_hear(&fixture, fd, ": "), HIDE "Enter password: ", "it asks, and hides");
	client_say(fd, "secret\r\n");
	is_text(client_hear(&fixture, fd, "> "), SHOW IN, "it greets, and shows again");
	client_say(fd, "one\r\ntw");
	is_text(client_hear(&fixture, fd, "> "),
	        "1: ??\xc3\xa4?"
	        "one\r\n> ",
	        "an answer, in which nothing moves the cursor or is a telnet command");
	client_say(fd, "o\r\n\xff\xfb\x18three\r\n");
	is_text(client_hear(&fixture, fd,
	                    "3: ??\xc3\xa4?"
	                    "three\r\n> "),
	        "2: ??\xc3\xa4?"
	        "two\r\n> \xff\xfe\x18"
	        "3: ??\xc3\xa4?"
	        "three\r\n> ",
	        "in order, with what it keeps");
	client_say(fd, "quit\r\nfour\r\n");
	is_text(client_hear(&fixture, fd, NULL),
	        "4: ??\xc3\xa4?"
	        "quit\r\n(closed)",
	        "the end");
	is_int(fixture.lines, 4, "nothing behind it is looked at");
	close(fd);
	fixture_end(&fixture);
}

static void test_password(void)
{
	struct fixture fixture;

	fixture_begin(&fixture);
	int fd = client_connect(&fixture);
	client_say(fd, "one\r\ntwo\r\nthree\r\nsecret\r\nps\r\n");
	is_text(client_hear(&fixture, fd, NULL),
	        HIDE "Enter password: \r\nWrong password.\r\n" HIDE
	             "Enter password: \r\nWrong password.\r\n" HIDE
	             "Enter password: \r\nWrong password.\r\n(closed)",
	        "three are tried, and no more");
	close(fd);
	for (int i = 0; i < 3; i++) {
		fd = client_connect(&fixture);
		client_say(fd, "one\r\ntwo\r\nthree\r\n");
		client_hear(&fixture, fd, NULL);
		close(fd);
	}
	fd = client_connect(&fixture);
	client_say(fd, "secret\r\n");
	ok(strstr(client_hear(&fixture, fd, NULL), "try again in a minute") != NULL,
	   "after ten wrong ones not even the right one is looked at");
	close(fd);
	is_int(fixture.lines, 0, "and no line was carried out");
	fixture_end(&fixture);
}

/* All at the same time: no two are looked at without a pause, and who goes meanwhile costs none. */
static void test_slow_hash(void)
{
	enum { HASH_MS = 20, PAUSE_MS = 4 * HASH_MS };
	struct linger at_once = {1, 0};
	struct fixture fixture;
	int fds[3];

	fixture_begin(&fixture);
	fixture.hash_ms = HASH_MS;
	for (int i = 0; i < 3; i++) {
		fds[i] = client_connect(&fixture);
		client_hear(&fixture, fds[i], ": ");
	}
	for (int i = 0; i < 3; i++)
		client_say(fds[i], i == 2 ? "secret\r\n" : "wrong\r\n");
	client_hear(&fixture, fds[0], ": ");
	setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(fds[1]);
	is_text(client_hear(&fixture, fds[2], "> "), SHOW IN, "the right one is let in");
	is_int(fixture.looks, 2, "who had gone by then was not looked at");
	ok(fixture.began[1] - fixture.began[0] >= HASH_MS + PAUSE_MS,
	   "between two looks there is a pause: %d ms", (int)(fixture.began[1] - fixture.began[0]));
	client_say(fds[0], "secret\r\n");
	is_text(client_hear(&fixture, fds[0], "> "), SHOW IN, "and the first one");
	close(fds[0]);
	close(fds[2]);
	fixture_end(&fixture);
}

static void test_web_page(void)
{
	struct fixture fixture;

	fixture_begin(&fixture);
	int fd = client_connect(&fixture);
	client_say(fd, "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nstop\r\n");
	ok(strstr(client_hear(&fixture, fd, NULL), "(closed)") != NULL, "a browser is closed");
	is_int(fixture.lines, 0, "its lines were taken for passwords");
	close(fd);
	fixture_end(&fixture);
}

static void test_times(void)
{
	struct fixture fixture;

	fixture_begin(&fixture);
	int fd = client_connect(&fixture);
	is_text(client_hear(&fixture, fd, NULL), HIDE "Enter password: (closed)",
	        "who gives no password is closed");
	close(fd);
	fd = client_enter(&fixture);
	is_text(client_hear(&fixture, fd, NULL), "(closed)", "and who says nothing");
	close(fd);
	fd = client_enter(&fixture);
	client_say(fd, "later\r\n");
	ok(hears_nothing(&fixture, fd, 1300), "who waits is not idle");
	console_print(fixture.kept, "done\n");
	console_done(fixture.kept);
	is_text(client_hear(&fixture, fd, "> "), "done\r\n> ", "and is answered");
	close(fd);
	fixture_end(&fixture);
}

static void test_crowd(void)
{
	struct fixture fixture;
	int fds[CLIENTS_MAX];

	fixture_begin(&fixture);
	for (int i = 0; i < CLIENTS_MAX; i++)
		fds[i] = client_enter(&fixture);
	int fd = client_connect(&fixture);
	is_text(client_hear(&fixture, fd, NULL), "Too many clients: try again.\r\n(closed)",
	        "one too many");
	close(fd);
	client_say(fds[0], "quit\r\n");
	client_hear(&fixture, fds[0], NULL);
	fd = client_connect(&fixture);
	is_text(client_hear(&fixture, fd, ": "),
	        HIDE "Enter password: ", "another when one has gone");
	close(fd);
	for (int i = 0; i < CLIENTS_MAX; i++)
		close(fds[i]);
	fixture_end(&fixture);
}

static void test_parts(void)
{
	struct fixture fixture;

	fixture_begin(&fixture);
	int fd = client_enter(&fixture), small = 4096;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	client_say(fd, "parts\r\none\r\n");
	for (int i = 0; i < 200; i++)
		event_base_loop(fixture.base, EVLOOP_NONBLOCK);
	unsigned before = fixture.parts;
	for (int i = 0; i < 200; i++)
		event_base_loop(fixture.base, EVLOOP_NONBLOCK);
	client_hear(&fixture, fd, "one\r\n> ");
	is_int(fixture.parts, PARTS, "all parts were said");
	ok(before <= PARTS, "as they were read: %u at first", before);
	is_text(fixture.last, "one", "and then the next line");
	close(fd);
	fixture_end(&fixture);
}

/* It says a lot and reads nothing: what is kept for it does not grow. */
static void test_flood(void)
{
	struct fixture fixture;
	char lines[60000];

	fixture_begin(&fixture);
	int fd = client_enter(&fixture);
	for (size_t i = 0; i < sizeof lines; i++)
		lines[i] = "abcdefg\n"[i % 8];
	fcntl(fd, F_SETFL, O_NONBLOCK);
	size_t said = 0;
	for (int turns = 0; turns < 3000; turns++) {
		ssize_t n = send(fd, lines, sizeof lines, MSG_NOSIGNAL);
		said += n > 0 ? (size_t)n : 0;
		event_base_loop(fixture.base, EVLOOP_NONBLOCK);
	}
	ok(fixture.lines < said / 8, "lines wait: %u of %zu", fixture.lines, said / 8);
	close(fd);
	fixture_end(&fixture);
}

static void test_gone(void)
{
	struct fixture fixture;

	fixture_begin(&fixture);
	for (int i = 0; i < 2 * CLIENTS_MAX; i++) {
		int fd = client_enter(&fixture);
		struct linger at_once = {1, 0};
		fixture.kept = NULL;
		client_say(fd, "later\r\n");
		while (fixture.kept == NULL)
			event_base_loop(fixture.base, EVLOOP_ONCE);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
		close(fd);
		for (int turns = 0; turns < 5; turns++)
			event_base_loop(fixture.base, EVLOOP_NONBLOCK);
		console_print(fixture.kept, "too late\n");
		ok(!console_when_sent(fixture.kept, say_part, &fixture), "nobody reads more");
		console_done(fixture.kept);
	}
	int fd = client_enter(&fixture);
	client_say(fd, "one\r\n");
	is_text(client_hear(&fixture, fd, "> "),
	        "1: ??\xc3\xa4?"
	        "one\r\n> ",
	        "those who went before their answer leave nothing behind");
	close(fd);
	fixture_end(&fixture);
}

static void test_half_close(void)
{
	struct fixture fixture;

	fixture_begin(&fixture);
	int fd = client_connect(&fixture);
	client_say(fd, "secret\none\ntwo\n");
	shutdown(fd, SHUT_WR);
	is_text(client_hear(&fixture, fd, NULL),
	        HIDE "Enter password: " SHOW IN "1: ??\xc3\xa4?"
	             "one\r\n> 2: ??\xc3\xa4?"
	             "two\r\n> (closed)",
	        "a script that has said all is answered all");
	close(fd);
	fixture_end(&fixture);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_talk();
	test_password();
	test_slow_hash();
	test_web_page();
	test_times();
	test_crowd();
	test_parts();
	test_flood();
	test_gone();
	test_half_close();
	return tap_end();
}
