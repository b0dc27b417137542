/* The control socket: whose the file is, requests in order, answers that come later, and clients that
 * go, flood, sleep or do not read. The clients are sockets in this process; the loop is turned by
 * hand. */
#include "control/server.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "control/client.h"
#include "control/message.h"
#include "tap.h"

enum { BIG = 4 * 1024 * 1024, PATIENCE_MS = 20000, CLIENTS_MAX = 3 };

struct fixture {
	char folder[64], path[80];
	struct event_base *base;
	struct control_socket opened;
	struct control_server *server;
	struct control_request *kept; /* what is answered later */
	unsigned big_count;
	bool is_in_vain; /* to wait */
	unsigned looks;  /* how often that was asked */
};

static void handle_echo(struct control_request *request, void *context)
{
	const char *text = "nothing";
	json_int_t number = -1;
	bool flag = false;

	(void)context;
	if (control_get_text(request, "text", &text) &&
	    control_get_number(request, "number", 1, 9, &number) &&
	    control_get_flag(request, "flag", &flag))
		control_answer(request, json_pack("[s, I, b]", text, number, (int)flag));
}

static void handle_later(struct control_request *request, void *context)
{
	((struct fixture *)context)->kept = request;
}

static void handle_big(struct control_request *request, void *context)
{
	char *text = malloc(BIG);

	memset(text, 'x', BIG);
	((struct fixture *)context)->big_count++;
	control_answer(request, json_stringn(text, BIG));
	free(text);
}

static bool is_in_vain(void *context, char problem[CONTROL_PROBLEM_SIZE])
{
	struct fixture *fixture = context;

	fixture->looks++;
	snprintf(problem, CONTROL_PROBLEM_SIZE, "in vain");
	return fixture->is_in_vain;
}

static const struct control_row rows[] = {
	{"echo", "text number flag", handle_echo},
	{"later", "", handle_later},
	{"big", "", handle_big},
};

static struct control_settings settings_of(struct fixture *fixture, unsigned idle_timeout_s)
{
	return (struct control_settings){
		.base = fixture->base,
		.rows = rows,
		.row_count = sizeof rows / sizeof rows[0],
		.context = fixture,
		.clients_max = CLIENTS_MAX,
		.idle_timeout_s = idle_timeout_s,
		.is_in_vain = is_in_vain,
		.patience_ms = 10,
	};
}

static void fixture_begin(struct fixture *fixture, unsigned idle_timeout_s)
{
	char problem[256] = "";

	*fixture = (struct fixture){.folder = "/tmp/test-control-XXXXXX"};
	if (mkdtemp(fixture->folder) == NULL)
		exit(1);
	snprintf(fixture->path, sizeof fixture->path, "%s/socket", fixture->folder);
	const struct control_socket_settings where = {
		.path = fixture->path, .uid = getuid(), .gid = getgid()};
	if (control_socket_open(&where, &fixture->opened, problem) != OK)
		printf("Bail out! %s\n", problem), exit(1);
	fixture->base = event_base_new();
	const struct control_settings settings = settings_of(fixture, idle_timeout_s);
	if (control_server_create(&settings, &fixture->opened, &fixture->server) != OK)
		printf("Bail out! no server\n"), exit(1);
}

static void fixture_end(struct fixture *fixture)
{
	control_server_destroy(fixture->server);
	control_socket_close(&fixture->opened);
	event_base_free(fixture->base);
	is_int(rmdir(fixture->folder), 0, "no file is left");
}

static int client_connect(const struct fixture *fixture)
{
	int fd;

	if (control_socket_connect(fixture->path, &fd) != OK)
		printf("Bail out! connect\n"), exit(1);
	return fd;
}

static void client_say(int fd, const char *text)
{
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
		printf("Bail out! send\n"), exit(1);
}

/* Turns the loop until the client has something to read, or for so long. */
static bool turn(struct fixture *fixture, int fd, int ms)
{
	struct pollfd readable = {.fd = fd, .events = POLLIN};

	for (int waited = 0; waited <= ms; waited += 5) {
		event_base_loop(fixture->base, EVLOOP_NONBLOCK);
		if (poll(&readable, 1, 5) > 0)
			return true;
	}
	return false;
}

/* The next line, without its end; "" when the server closed, NULL when nothing comes. */
static const char *client_hear(struct fixture *fixture, int fd)
{
	static char line[1024];
	size_t len = 0;

	while (len + 1 < sizeof line) {
		if (!turn(fixture, fd, PATIENCE_MS))
			return NULL;
		if (recv(fd, line + len, 1, 0) != 1 || line[len] == '\n')
			break;
		len++;
	}
	line[len] = 0;
	return line;
}

static void test_requests(void)
{
	struct fixture fixture;

	fixture_begin(&fixture, 60);
	int fd = client_connect(&fixture);
	client_say(fd, "{\"request\":\"echo\",\"arguments\":{\"text\":\"a\",\"number\":7,"
	               "\"flag\":true}}\n{\"request\":\"echo\"}\n{\"requ");
	is_text(client_hear(&fixture, fd), "{\"result\":[\"a\",7,true]}", "the first of two");
	is_text(client_hear(&fixture, fd), "{\"result\":[\"nothing\",-1,false]}", "the second");
	client_say(fd, "est\":\"echo\"}\r\n");
	is_text(client_hear(&fixture, fd), "{\"result\":[\"nothing\",-1,false]}",
	        "one that came in two pieces");
	close(fd);
	fixture_end(&fixture);
}

static void test_refused(void)
{
	static const struct {
		const char *line, *problem;
	} refused[] = {
		{"garbage\n", "not JSON"},
		{"\n", "not JSON"},
		{"{\"request\":\"erase\"}\n", "there is no such request"},
		{"{\"request\":\"echo\",\"arguments\":{\"tekst\":\"a\"}}\n",
	         "takes no argument tekst"},
		{"{\"request\":\"echo\",\"arguments\":{\"text\":1}}\n", "text: give a text"},
		{"{\"request\":\"echo\",\"arguments\":{\"number\":10}}\n",
	         "number: give a number, 1 to 9"},
		{"{\"request\":\"echo\",\"arguments\":{\"number\":\"1\"}}\n", "give a number"},
		{"{\"request\":\"echo\",\"arguments\":{\"flag\":1}}\n", "flag: give true or false"},
	};
	struct fixture fixture;

	fixture_begin(&fixture, 60);
	int fd = client_connect(&fixture);
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		client_say(fd, refused[i].line);
		const char *answer = client_hear(&fixture, fd);
		ok(answer != NULL && strncmp(answer, "{\"problem\":", 11) == 0 &&
		           strstr(answer, refused[i].problem) != NULL,
		   "%s", refused[i].problem);
	}
	client_say(fd, "{\"request\":\"echo\"}\n");
	is_text(client_hear(&fixture, fd), "{\"result\":[\"nothing\",-1,false]}",
	        "and is served all the same");
	close(fd);
	fixture_end(&fixture);
}

static void test_long_line(void)
{
	struct fixture fixture;
	static char line[2 * CONTROL_LINE_MAX];

	fixture_begin(&fixture, 60);
	int fd = client_connect(&fixture);
	memset(line, 'x', sizeof line);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	ok(send(fd, line, sizeof line, MSG_NOSIGNAL) >= CONTROL_LINE_MAX, "a line without an end");
	is_text(client_hear(&fixture, fd), "{\"problem\":\"a line that is too long\"}",
	        "is refused");
	is_text(client_hear(&fixture, fd), "", "and the connection closed");
	close(fd);
	fixture_end(&fixture);
}

static void test_half_close(void)
{
	struct fixture fixture;

	fixture_begin(&fixture, 60);
	int fd = client_connect(&fixture);
	client_say(fd, "{\"request\":\"later\"}\n{\"request\":\"echo\"}\n");
	shutdown(fd, SHUT_WR);
	ok(!turn(&fixture, fd, 50) && fixture.kept != NULL, "the first request is kept");
	control_answer(fixture.kept, json_true());
	is_text(client_hear(&fixture, fd), "{\"result\":true}",
	        "who says no more hears his answer");
	is_text(client_hear(&fixture, fd), "{\"result\":[\"nothing\",-1,false]}", "and the next");
	is_text(client_hear(&fixture, fd), "", "and the end");
	close(fd);
	fixture_end(&fixture);
}

static void test_gone(void)
{
	struct fixture fixture;

	fixture_begin(&fixture, 60);
	for (int i = 0; i < 2 * CLIENTS_MAX; i++) {
		int fd = client_connect(&fixture);
		client_say(fd, "{\"request\":\"later\"}\n");
		fixture.kept = NULL;
		while (fixture.kept == NULL)
			event_base_loop(fixture.base, EVLOOP_ONCE);
		close(fd);
		for (int turns = 0; turns < 5; turns++)
			event_base_loop(fixture.base, EVLOOP_NONBLOCK);
		control_refuse(fixture.kept, "too late");
		for (int turns = 0; turns < 5; turns++)
			event_base_loop(fixture.base, EVLOOP_NONBLOCK);
	}
	int fd = client_connect(&fixture);
	client_say(fd, "{\"request\":\"echo\"}\n");
	is_text(client_hear(&fixture, fd), "{\"result\":[\"nothing\",-1,false]}",
	        "clients that went before their answer leave nothing behind");
	close(fd);
	fixture_end(&fixture);
}

static void hear_later(struct fixture *fixture, int fd)
{
	fixture->kept = NULL;
	client_say(fd, "{\"request\":\"later\"}\n");
	while (fixture->kept == NULL)
		event_base_loop(fixture->base, EVLOOP_ONCE);
}

static void test_in_vain(void)
{
	struct fixture fixture;
	struct control_request *given_up[2 * CLIENTS_MAX];

	fixture_begin(&fixture, 60);
	int fd = client_connect(&fixture);
	hear_later(&fixture, fd);
	while (fixture.looks < 3)
		event_base_loop(fixture.base, EVLOOP_ONCE);
	control_answer(fixture.kept, json_integer(7));
	is_text(client_hear(&fixture, fd), "{\"result\":7}",
	        "who does not wait in vain is answered");
	fixture.is_in_vain = true;
	for (int i = 0; i < 2 * CLIENTS_MAX; i++) {
		hear_later(&fixture, fd);
		given_up[i] = fixture.kept;
		is_text(client_hear(&fixture, fd), "{\"problem\":\"in vain\"}", "who does is told");
	}
	for (int i = 0; i < 2 * CLIENTS_MAX; i++)
		control_answer(given_up[i], json_integer(8));
	client_say(fd, "{\"request\":\"echo\"}\n");
	is_text(client_hear(&fixture, fd), "{\"result\":[\"nothing\",-1,false]}",
	        "and goes on; what comes later is for nobody");
	close(fd);
	fixture_end(&fixture);
}

/* One that has said all it had is hung up once it was told; one that has gone leaves nothing behind. */
static void test_in_vain_and_going(void)
{
	struct fixture fixture;
	struct control_request *half_closed;

	fixture_begin(&fixture, 60);
	int fd = client_connect(&fixture), gone = client_connect(&fixture);
	hear_later(&fixture, fd);
	half_closed = fixture.kept;
	shutdown(fd, SHUT_WR);
	hear_later(&fixture, gone);
	close(gone);
	for (int turns = 0; turns < 5; turns++)
		event_base_loop(fixture.base, EVLOOP_NONBLOCK);
	fixture.is_in_vain = true;
	is_text(client_hear(&fixture, fd), "{\"problem\":\"in vain\"}", "half closed, and told");
	is_text(client_hear(&fixture, fd), "", "then hung up");
	control_answer(half_closed, NULL);
	control_refuse(fixture.kept, "too late");
	close(fd);
	fixture_end(&fixture);
}

static void count_answer(const json_t *result, const char *problem, void *context)
{
	unsigned *answers = context;

	++*answers;
	ok(result == NULL && strcmp(problem, "in vain") == 0, "told the program itself");
}

static void test_call_in_vain(void)
{
	struct fixture fixture;
	unsigned answers = 0;

	fixture_begin(&fixture, 60);
	const struct control_settings settings = settings_of(&fixture, 60);
	fixture.is_in_vain = true;
	control_call(&settings, "later", json_object(), count_answer, &answers);
	while (answers == 0)
		event_base_loop(fixture.base, EVLOOP_ONCE);
	control_answer(fixture.kept, json_integer(1));
	is_int(answers, 1, "once");
	fixture_end(&fixture);
}

static void test_too_many(void)
{
	struct fixture fixture;
	int fds[CLIENTS_MAX + 1];

	fixture_begin(&fixture, 60);
	for (int i = 0; i <= CLIENTS_MAX; i++) {
		fds[i] = client_connect(&fixture);
		event_base_loop(fixture.base, EVLOOP_NONBLOCK);
	}
	const char *answer = client_hear(&fixture, fds[CLIENTS_MAX]);
	ok(answer != NULL && strstr(answer, "too many clients") != NULL, "one too many");
	is_text(client_hear(&fixture, fds[CLIENTS_MAX]), "", "is closed");
	close(fds[0]);
	for (int turns = 0; turns < 5; turns++)
		event_base_loop(fixture.base, EVLOOP_NONBLOCK);
	fds[0] = client_connect(&fixture);
	client_say(fds[0], "{\"request\":\"echo\"}\n");
	is_text(client_hear(&fixture, fds[0]), "{\"result\":[\"nothing\",-1,false]}",
	        "where one has gone another may come");
	for (int i = 0; i <= CLIENTS_MAX; i++)
		close(fds[i]);
	fixture_end(&fixture);
}

static void test_slow_reader(void)
{
	struct fixture fixture;
	static char bytes[65536];
	size_t got = 0;

	fixture_begin(&fixture, 60);
	int fd = client_connect(&fixture);
	client_say(fd, "{\"request\":\"big\"}\n{\"request\":\"big\"}\n");
	for (int turns = 0; turns < 50; turns++)
		event_base_loop(fixture.base, EVLOOP_NONBLOCK);
	is_int(fixture.big_count, 1, "while an answer is not read the next request waits");
	while (got < 2u * BIG && turn(&fixture, fd, PATIENCE_MS)) {
		ssize_t n = recv(fd, bytes, sizeof bytes, 0);
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	is_int(fixture.big_count, 2, "and is handled when it is");
	ok(got >= 2u * BIG, "all of both is there: %zu", got);
	close(fd);
	fixture_end(&fixture);
}

static void test_idle(void)
{
	struct fixture fixture;

	fixture_begin(&fixture, 1);
	int waiting = client_connect(&fixture), idle = client_connect(&fixture);
	client_say(waiting, "{\"request\":\"later\"}\n");
	is_text(client_hear(&fixture, idle), "", "who asks nothing for long is closed");
	ok(!turn(&fixture, waiting, 1200), "who waits for an answer is not");
	control_answer(fixture.kept, json_true());
	is_text(client_hear(&fixture, waiting), "{\"result\":true}", "and gets it");
	is_text(client_hear(&fixture, waiting), "", "and is closed when idle then");
	close(waiting);
	close(idle);
	fixture_end(&fixture);
}

static void test_last_words(void)
{
	struct fixture fixture;

	fixture_begin(&fixture, 60);
	int fd = client_connect(&fixture);
	client_say(fd, "{\"request\":\"later\"}\n");
	turn(&fixture, fd, 50);
	control_answer(fixture.kept, json_true());
	fixture_end(&fixture);
	char answer[64] = "";
	ok(recv(fd, answer, sizeof answer - 1, 0) > 0 && strstr(answer, "true") != NULL,
	   "what was answered last is sent before the end");
	close(fd);
}

/* ---- the file ---- */

static void open_again(const char *path, bool makes_folder, enum err wanted, const char *words,
                       const char *what)
{
	const struct control_socket_settings settings = {
		.path = path, .makes_folder = makes_folder, .uid = getuid(), .gid = getgid()};
	struct control_socket opened;
	char problem[256] = "";

	is_int(control_socket_open(&settings, &opened, problem), wanted, "%s", what);
	ok(strstr(problem, words) != NULL, "it says %s: %s", words, problem);
	control_socket_close(&opened);
}

static void test_file(void)
{
	struct fixture fixture;
	struct stat file;
	char path[160];

	fixture_begin(&fixture, 60);
	is_int(stat(fixture.path, &file), 0, "there is a file");
	is_int(file.st_mode, S_IFSOCK | 0600, "it is its owner's alone");
	open_again(fixture.path, false, ERR_EXISTS, "another server listens",
	           "a second server is refused");
	is_int(stat(fixture.path, &file), 0, "and the first keeps its file");

	snprintf(path, sizeof path, "%s/plain", fixture.folder);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	open_again(path, false, ERR_INVALID, "no socket", "a file that is no socket is kept");
	is_int(unlink(path), 0, "it is still there");
	snprintf(path, sizeof path, "%s/none/socket", fixture.folder);
	open_again(path, false, ERR_SYSTEM, "name a file in a folder", "there is no such folder");
	open_again(path, true, OK, "", "but it can be made");
	is_int(stat(path, &file), -1, "the socket goes");
	snprintf(path, sizeof path, "%s/none", fixture.folder);
	is_int(rmdir(path), 0, "the folder stays");
	memset(path, 'x', sizeof path - 1);
	path[sizeof path - 1] = 0;
	open_again(path, false, ERR_INVALID, "107 bytes", "a path that is too long");
	open_again("", false, ERR_INVALID, "107 bytes", "an empty one");
	fixture_end(&fixture);
}

/* A server that died left its file, which a later one replaced. */
static void test_stale(void)
{
	struct fixture fixture;
	struct stat file;

	fixture_begin(&fixture, 60);
	close(fixture.opened.fd);
	fixture.opened.fd = dup(0);
	struct control_socket later;
	const struct control_socket_settings settings = {
		.path = fixture.path, .uid = getuid(), .gid = getgid()};
	char problem[256] = "";
	is_int(control_socket_open(&settings, &later, problem), OK, "a stale file is replaced");
	listen(later.fd, 1);
	control_server_destroy(fixture.server);
	fixture.server = NULL;
	control_socket_close(&fixture.opened);
	is_int(stat(fixture.path, &file), 0, "who ends later removes no file but his own");
	control_socket_close(&later);
	fixture_end(&fixture);
}

/* ---- the client ---- */

struct asking {
	const char *path, *request;
	json_t *arguments, *result;
	enum err err;
	char problem[256];
	volatile bool is_done;
};

static void *ask(void *context)
{
	struct asking *asking = context;

	asking->err = control_ask(asking->path, asking->request, asking->arguments, &asking->result,
	                          asking->problem);
	__atomic_store_n(&asking->is_done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void ask_and_turn(struct fixture *fixture, struct asking *asking)
{
	pthread_t thread;

	asking->path = fixture->path;
	pthread_create(&thread, NULL, ask, asking);
	while (!__atomic_load_n(&asking->is_done, __ATOMIC_ACQUIRE)) {
		event_base_loop(fixture->base, EVLOOP_NONBLOCK);
		poll(NULL, 0, 1);
	}
	pthread_join(thread, NULL);
}

static void test_client(void)
{
	struct fixture fixture;
	struct asking echo = {.request = "echo", .arguments = json_pack("{s:i}", "number", 3)};
	struct asking refused = {.request = "echo", .arguments = json_pack("{s:i}", "number", 0)};
	struct asking big = {.request = "big"};
	struct asking nobody = {.request = "echo"};

	fixture_begin(&fixture, 60);
	ask_and_turn(&fixture, &echo);
	is_int(echo.err, OK, "an answer");
	is_int(json_integer_value(json_array_get(echo.result, 1)), 3, "and what is in it");
	json_decref(echo.result);
	ask_and_turn(&fixture, &refused);
	is_int(refused.err, ERR_DENIED, "a refusal");
	is_text(refused.problem, "number: give a number, 1 to 9", "and its words");
	ask_and_turn(&fixture, &big);
	is_int(json_string_length(big.result), BIG, "a long answer");
	json_decref(big.result);
	fixture_end(&fixture);
	ask_and_turn(&(struct fixture){.path = "/nonexistent/socket",
	                               .base = (fixture.base = event_base_new())},
	             &nobody);
	is_int(nobody.err, ERR_UNAVAILABLE, "nobody listens");
	ok(strstr(nobody.problem, "no server listens there") != NULL, "%s", nobody.problem);
	event_base_free(fixture.base);
}

/* ---- a server that hangs ---- */

/* Listens, and accepts nobody. */
static int hang(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
	    listen(fd, 0) != 0)
		printf("Bail out! no socket\n"), exit(1);
	return fd;
}

static enum err ask_briefly(const char *path, unsigned *took_ms, char problem[256])
{
	timestamp began = timestamp_now();
	json_t *result;
	enum err err = control_ask_within(1, path, "echo", NULL, &result, problem);

	*took_ms = (unsigned)(timestamp_now() - began);
	return err;
}

static void *dribble(void *context)
{
	int fd = accept(*(int *)context, NULL, NULL);

	while (send(fd, " ", 1, MSG_NOSIGNAL) == 1)
		poll(NULL, 0, 50);
	close(fd);
	return NULL;
}

static void test_deadline(void)
{
	char folder[] = "/tmp/test-control-XXXXXX", path[80], problem[256] = "";
	pthread_t dribbler;
	unsigned took_ms;
	int fd;

	if (mkdtemp(folder) == NULL)
		exit(1);
	snprintf(path, sizeof path, "%s/socket", folder);
	fd = hang(path);
	pthread_create(&dribbler, NULL, dribble, &fd);
	is_int(ask_briefly(path, &took_ms, problem), ERR_UNAVAILABLE,
	       "who says a byte now and then");
	ok(took_ms >= 1000 && took_ms < PATIENCE_MS, "is left after a second: %u ms", took_ms);
	pthread_join(dribbler, NULL);
	is_int(ask_briefly(path, &took_ms, problem), ERR_UNAVAILABLE, "who says nothing, too");
	ok(strstr(problem, "no answer within 1 s") != NULL, "%s", problem);
	/* It waits still to be let in, and takes the one place there is. */
	is_int(ask_briefly(path, &took_ms, problem), ERR_UNAVAILABLE, "and who lets nobody in");
	ok(strstr(problem, "hangs") != NULL && took_ms < PATIENCE_MS, "%s", problem);
	close(fd);
	unlink(path);
	rmdir(folder);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN); /* as the programs do */
	test_requests();
	test_refused();
	test_long_line();
	test_half_close();
	test_gone();
	test_in_vain();
	test_in_vain_and_going();
	test_call_in_vain();
	test_too_many();
	test_slow_reader();
	test_idle();
	test_last_words();
	test_file();
	test_stale();
	test_client();
	test_deadline();
	return tap_end();
}
