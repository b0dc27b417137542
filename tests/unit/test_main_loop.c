/* What a server does about each signal: serving, draining, and when the end is near. */
#include "process/main_loop.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/mailbox.h"

#include "tap.h"

struct server {
	struct main_loop loop;
	enum main_loop_drain state;
	bool has_patience;
	char done[64];
	struct mail mail;
};

static void note(struct server *server, const char *what, const char *by)
{
	size_t used = strlen(server->done);

	snprintf(server->done + used, sizeof server->done - used, "%s %s", what, by);
	main_loop_stop(&server->loop);
}

static void stop(void *context, const char *by)
{
	note(context, "stop", by);
}
static void drain(void *context, const char *by, bool is_final)
{
	note(context, is_final ? "drain to the end" : "drain", by);
}
static void reload(void *context, const char *by)
{
	note(context, "reload", by);
}
static void reload_certificates(void *context, const char *by)
{
	note(context, "certificates", by);
}
static enum main_loop_drain drain_state(const void *context)
{
	return ((const struct server *)context)->state;
}
static bool has_patience(const void *context)
{
	return ((const struct server *)context)->has_patience;
}

static const struct main_loop_ops ops = {
	stop, drain, reload, reload_certificates, drain_state, has_patience,
};

static const struct {
	int number;
	enum main_loop_drain state;
	bool has_patience;
	const char *done; /* "": nothing */
} rows[] = {
	{SIGINT, MAIN_LOOP_SERVES, true, "stop SIGINT"},
	{SIGTERM, MAIN_LOOP_SERVES, false, "stop SIGTERM"},
	{SIGTERM, MAIN_LOOP_SERVES, true, "drain to the end SIGTERM"},
	{SIGTERM, MAIN_LOOP_DRAINS, true, "drain to the end SIGTERM"},
	{SIGTERM, MAIN_LOOP_ENDS, true, "stop SIGTERM"},
	{SIGHUP, MAIN_LOOP_SERVES, true, "reload SIGHUP"},
	{SIGUSR1, MAIN_LOOP_SERVES, true, "drain SIGUSR1"},
	{SIGUSR1, MAIN_LOOP_DRAINS, true, ""},
	{SIGUSR1, MAIN_LOOP_ENDS, true, ""},
	{SIGUSR2, MAIN_LOOP_SERVES, true, "certificates SIGUSR2"},
};

static void on_letter(struct mail *mail, void *receiver)
{
	(void)mail;
	note(receiver, "letter", "");
}

static void test_signals(struct server *server)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		server->state = rows[i].state;
		server->has_patience = rows[i].has_patience;
		server->done[0] = '\0';
		raise(rows[i].number);
		if (rows[i].done[0] == '\0')
			raise(SIGUSR2); /* comes behind it, and ends the wait */
		main_loop_run(&server->loop);
		is_text(server->done,
		        rows[i].done[0] == '\0' ? "certificates SIGUSR2" : rows[i].done,
		        "signal %d", rows[i].number);
	}
}

static void test_mail(struct server *server)
{
	server->done[0] = '\0';
	server->mail.deliver = on_letter;
	mailbox_post(server->loop.mailbox, &server->mail);
	main_loop_run(&server->loop);
	is_text(server->done, "letter ", "mail is delivered to its receiver");
}

static void test_requests(const struct server *server)
{
	const struct control_row row = {.name = "status"};
	struct control_settings settings = main_loop_requests(&server->loop, &row, 1);

	ok(settings.base == server->loop.base && settings.context == server &&
	           settings.rows == &row && settings.row_count == 1,
	   "requests are the program's, on the loop");
	ok(settings.clients_max > 0 && settings.idle_timeout_s > 0, "and bounded");
}

int main(void)
{
	struct server server = {0};

	main_loop_close(&server.loop);
	main_loop_block_signals();
	if (main_loop_open(&server.loop, &ops, &server, &server) != OK)
		return 99;
	test_signals(&server);
	test_mail(&server);
	test_requests(&server);
	main_loop_close(&server.loop);
	return tap_end();
}
