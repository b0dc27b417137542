/* A server of worker threads for tests/system/signaling_net.py: the real hub, a dialect that sends back what it gets, and routes that
 * answer at once, later, or never. It ends when its standard input does.
 *
 *   signaling_echo [name=value ...]    prints "plain PORT", "tls PORT" (with cert= and key=), "ready" */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/random.h"
#include "listeners/tls_context.h"
#include "signaling/authority.h"
#include "signaling/http_files.h"
#include "signaling/json_text.h"
#include "signaling/turn_source.h"
#include "signaling/worker.h"

/* Stand-ins: "good" is a proof. */
enum signaling_error authority_identify(const struct authority *authority,
                                        const struct claim *claim, uint64_t wall_ms,
                                        struct identity *identity)
{
	(void)authority, (void)wall_ms;
	if (claim->kind != CLAIM_ANYBODY && strcmp(claim->proof, "good") != 0)
		return SIGNALING_BAD_PROOF;
	*identity = (struct identity){.tenant = TENANT_DEFAULT,
	                              .permissions = MAY_ALL_OF_A_PARTICIPANT};
	if (claim->kind != CLAIM_ANYBODY)
		strcpy(identity->user, "someone");
	return SIGNALING_OK;
}

enum err turn_source_issue(const struct turn_source *source, const struct identity *identity,
                           const char *session_id, const char *client_address, uint64_t wall_ms,
                           struct turn_credentials_room *room)
{
	(void)source, (void)identity, (void)session_id, (void)client_address, (void)wall_ms,
		(void)room;
	return ERR_UNAVAILABLE;
}

/* The dialect: commands, and anything else is echoed. */

static void join(struct session *session, struct slice room)
{
	const struct reference reference = {0};
	const struct join join = {.name = room};

	session_join(session, &join, &reference);
}

static void decode(struct session *session, struct slice text)
{
	static const struct reference reference;
	char many[32], token[512] = "";

	if (text.len > 5 && memcmp(text.at, "join ", 5) == 0) {
		join(session, (struct slice){text.at + 5, text.len - 5});
	} else if (text.len > 4 && memcmp(text.at, "all ", 4) == 0) {
		const struct message message = {.kind = MESSAGE_TEXT,
		                                .origin = session_dialect(session),
		                                .payload = {text.at + 4, text.len - 4}};
		session_broadcast(session, &message, &reference);
	} else if (slice_is(text, "token")) {
		session_ask_self(session, &(struct reference){.text = "token"});
	} else if (text.len > 7 && memcmp(text.at, "resume ", 7) == 0) {
		memcpy(token, text.at + 7, text.len - 7 < sizeof token - 1 ? text.len - 7 : 0);
		session_resume(session, token, false, &reference);
	} else if (slice_is(text, "close")) {
		session_close(session, 4001, "as you wish");
	} else if (slice_is(text, "flood")) {
		for (unsigned i = 0; i < 1000; i++) {
			snprintf(many, sizeof many, "flood %u", i);
			session_reply(session, slice_of(many));
		}
	} else if (slice_is(text, "who")) {
		session_reply(session, slice_of(session_address(session)));
	} else if (slice_is(text, "user")) {
		session_reply(session, slice_of(session_identity(session)->user));
	} else {
		session_reply(session, text);
	}
}

static void encode(struct session *session, const struct event *event, struct encoder *encoder)
{
	(void)session;
	if (event->kind == EVENT_WELCOME)
		text_put(&encoder->text, SLICE("welcome"));
	else if (event->kind == EVENT_MESSAGE)
		text_put(&encoder->text, event->message->payload);
	else if (event->kind == EVENT_OPENED && event->reference != NULL)
		text_put(&encoder->text, slice_of(event->resume_token));
	else if (event->kind == EVENT_RESUMED)
		text_put(&encoder->text, SLICE("resumed"));
	else if (event->kind == EVENT_DRAINING)
		text_put(&encoder->text, SLICE("draining"));
	else
		return;
	encoder_end_message(encoder);
}

static bool match(struct http_exchange *exchange)
{
	char refuse[8];

	if (http_query(exchange, "refuse", refuse, sizeof refuse)) {
		http_answer(exchange, 418, "text/plain", SLICE("no\n"));
		return false;
	}
	http_choose_subprotocol(exchange, "echo");
	return true;
}

static const char *const paths[] = {"/echo", "/echo/:name/signal", NULL};
static const char *const patient_paths[] = {"/patient", NULL};
static const char *const strict_paths[] = {"/strict", NULL};
static struct dialect echo = {
	.name = "echo",
	.paths = paths,
	.limits = {.message_max = 1 << 20,
                   .away_s = 60,
                   .message_rate = 1000000,
                   .message_burst = 1000000,
                   .queue_messages = 100000},
	.match = match,
	.decode = decode,
	.encode = encode,
};
static struct dialect patient, strict;

/* Routes. */

static struct http_exchange *parked;

static void describe(struct http_exchange *exchange)
{
	static const char *const methods[] = {"GET",   "HEAD",   "POST",   "PUT",
	                                      "PATCH", "DELETE", "OPTIONS"};
	char query[128] = "", form[128] = "", base[300];
	struct text json;

	http_query(exchange, "q", query, sizeof query);
	http_form(exchange, "f", form, sizeof form);
	http_base_url(exchange, base, sizeof base);
	text_init(&json, 0);
	json_open(&json, '{');
	json_member_string(&json, "method", slice_of(methods[http_method(exchange)]));
	json_member_string(&json, "path", http_path(exchange));
	json_member_string(&json, "name", http_segment(exchange, "name"));
	json_member_string(&json, "query", slice_of(query));
	json_member_string(&json, "form", slice_of(form));
	json_member_string(&json, "base", slice_of(base));
	json_member_string(&json, "address", slice_of(http_client_address(exchange)));
	json_member_string(&json, "agent", http_header(exchange, "user-AGENT"));
	json_member_integer(&json, "body", (int64_t)http_body(exchange).len);
	json_close(&json, '}');
	http_allow_origins(exchange);
	http_answer_json(exchange, 200, text_slice(&json));
	text_deinit(&json);
}

static void identified(struct http_exchange *exchange, const struct identity *identity,
                       enum signaling_error error)
{
	if (identity == NULL)
		http_refuse(exchange, error, "");
	else
		http_answer(exchange, 200, "text/plain", slice_of(identity->user));
}

static void identify(struct http_exchange *exchange)
{
	http_identify(exchange, identified);
}

static void park(struct http_exchange *exchange)
{
	parked = exchange;
}

/* The parked request is answered before the one that asks for it. */
static void release(struct http_exchange *exchange)
{
	struct http_exchange *waiting = parked;

	parked = NULL;
	if (waiting != NULL)
		http_answer(waiting, 200, "text/plain", SLICE("released"));
	http_answer(exchange, 200, "text/plain", waiting != NULL ? SLICE("one") : SLICE("none"));
}

/* A question to the hub that waits for find_never. */
static void shown(void *context, enum signaling_error error, struct slice json)
{
	if (error == SIGNALING_OK)
		http_answer_json(context, 200, json);
	else
		http_refuse(context, error, "");
}

static void show(struct http_exchange *exchange)
{
	const struct room_request request = {
		.kind = ROOM_REQUEST_SHOW, .tenant = TENANT_DEFAULT, .name = "lost"};

	hub_request(http_hub(exchange), &request, shown, exchange, 0);
}

static void find_never(void *context, struct worker *worker, uint64_t cookie,
                       const struct room_info *room)
{
	(void)context, (void)worker, (void)cookie, (void)room;
	puts("asked");
	fflush(stdout);
}

static void send_much(struct http_exchange *exchange)
{
	enum { MUCH = 4 * 1024 * 1024 };
	char *much = malloc(MUCH);

	if (much == NULL)
		abort();
	memset(much, 'm', MUCH);
	http_answer(exchange, 200, "text/plain", (struct slice){much, MUCH});
	free(much);
}

/* "NAME N" for each counter of the network. */
static void count(struct http_exchange *exchange)
{
	extern struct workers *the_workers;
	struct text text;

	text_init(&text, 0);
	for (unsigned i = 0; i < NET_COUNTERS; i++) {
		uint64_t sum = 0;
		for (unsigned k = 0; k < workers_count(the_workers); k++)
			sum += net_counter_read(workers_net_counters(the_workers, k), i);
		text_printf(&text, "%s %llu\n", net_counter_name(i), (unsigned long long)sum);
	}
	http_answer(exchange, 200, "text/plain", text_slice(&text));
	text_deinit(&text);
}

struct workers *the_workers;

enum { ANY = (1 << HTTP_METHODS) - 1 };
static const struct http_route routes[] = {
	{1 << HTTP_GET | 1 << HTTP_POST, "/describe", describe},
	{1 << HTTP_GET, "/rooms/:name/participants", describe},
	{1 << HTTP_GET, "/below/*", describe},
	{1 << HTTP_PUT, "/put", describe},
	{1 << HTTP_GET, "/identify", identify},
	{1 << HTTP_GET, "/park", park},
	{1 << HTTP_GET, "/release", release},
	{1 << HTTP_GET, "/show", show},
	{1 << HTTP_GET, "/much", send_much},
	{1 << HTTP_GET, "/counters", count},
};

/* Settings. */

static const char *setting(int argc, char **argv, const char *name)
{
	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], name, strlen(name)) == 0 && argv[i][strlen(name)] == '=')
			return argv[i] + strlen(name) + 1;
	return NULL;
}

static unsigned number(int argc, char **argv, const char *name, unsigned otherwise)
{
	const char *text = setting(argc, argv, name);

	return text == NULL ? otherwise : (unsigned)strtoul(text, NULL, 10);
}

static SSL_CTX *open_tls(int argc, char **argv)
{
	const struct tls_settings settings = {.cert_file = setting(argc, argv, "cert"),
	                                      .key_file = setting(argc, argv, "key"),
	                                      .speaks_http = true};
	char problem[256];
	SSL_CTX *context;

	if (settings.cert_file == NULL)
		return NULL;
	if (tls_context_create(&settings, &context, problem) != OK) {
		fprintf(stderr, "%s\n", problem);
		exit(1);
	}
	return context;
}

static void drained(struct worker_task *task, struct worker *worker)
{
	(void)task;
	worker_stop_listening(worker);
	hub_drain(worker_hub(worker), worker_now(worker), worker_now(worker));
}

static void is_drained(struct worker_task *task)
{
	task->run = NULL;
}

/* Lines of standard input: "drain". The end of it ends the server. */
static void obey(struct workers *workers)
{
	char line[64];
	struct mailbox *mailbox;

	if (mailbox_create(&mailbox) != OK)
		abort();
	while (fgets(line, sizeof line, stdin) != NULL) {
		struct worker_task task = {.run = drained, .done = is_drained};
		if (strcmp(line, "drain\n") != 0)
			continue;
		if (workers_ask(workers, mailbox, &task) != OK)
			abort();
		while (task.run != NULL) {
			poll(&(struct pollfd){.fd = mailbox_fd(mailbox), .events = POLLIN}, 1, -1);
			mailbox_deliver(mailbox, NULL);
		}
	}
	mailbox_destroy(mailbox);
}

int main(int argc, char **argv)
{
	static const struct dialect *const dialects[] = {&echo, &patient, &strict};
	static const struct worker_route_table table = {routes, sizeof routes / sizeof routes[0]};
	struct addr_range proxy;
	const struct range_list proxies = {&proxy, setting(argc, argv, "proxy") != NULL};
	char *origin = (char *)setting(argc, argv, "origin");
	const struct text_list origins = {&origin, origin != NULL};
	struct worker_listener listeners[2] = {0};
	SSL_CTX *tls = open_tls(argc, argv);
	struct http_files *files = NULL;
	char problem[256];

	signal(SIGPIPE, SIG_IGN);
	patient = strict = echo;
	patient.name = "patient";
	patient.paths = patient_paths;
	patient.limits.ping_s = 1;
	patient.limits.pong_s = 1;
	strict.name = "strict";
	strict.paths = strict_paths;
	strict.limits.message_max = 64;
	strict.limits.first_message_s = 1;
	if (proxies.count > 0 && addr_range_parse(setting(argc, argv, "proxy"), &proxy) != OK)
		return 1;
	if (addr_parse("127.0.0.1", 0, &listeners[0].addr) != OK ||
	    addr_parse("127.0.0.1", 0, &listeners[1].addr) != OK)
		return 1;
	listeners[1].is_tls = true;
	if (setting(argc, argv, "files") != NULL &&
	    http_files_create(setting(argc, argv, "files"), &files, problem) != OK) {
		fprintf(stderr, "%s\n", problem);
		return 1;
	}
	const struct workers_settings settings = {
		.threads = number(argc, argv, "threads", 2),
		.listeners = listeners,
		.listener_count = tls == NULL ? 1 : 2,
		.hub = {.place = {1, 0},
	                .dialects = dialects,
	                .dialect_count = 3,
	                .is_cluster = setting(argc, argv, "find") != NULL,
	                .queue_bytes_max = number(argc, argv, "queue", 4 << 20),
	                .replay_bytes_max = 1 << 16,
	                .sessions_max = number(argc, argv, "sessions", 100000),
	                .rooms_max = 1000,
	                .room_capacity = 1000},
		.policy = {.services = {.authority = (const struct authority *)&echo},
	                   .tls = tls,
	                   .proxies = &proxies,
	                   .origins = &origins,
	                   .limits = {.connections = number(argc, argv, "address-connections", 0),
	                              .requests_s = number(argc, argv, "address-requests", 0),
	                              .failures_min = number(argc, argv, "address-failures", 0)},
	                   .files = files},
		.host = {.find_room = setting(argc, argv, "find") != NULL ? find_never : NULL},
		.times = {.handshake_s = 1,
	                  .request_s = 1,
	                  .keep_alive_s = number(argc, argv, "keep-alive", 5),
	                  .message_s = 1,
	                  .close_s = 1},
		.connections_max = number(argc, argv, "connections", 0),
		.incomplete_max = number(argc, argv, "incomplete", 0),
		.routes = &table,
		.route_table_count = 1,
	};
	if (workers_create(&settings, &the_workers, problem) != OK ||
	    workers_start(the_workers, problem) != OK) {
		fprintf(stderr, "%s\n", problem);
		return 1;
	}
	printf("plain %u\n", workers_port(the_workers, 0));
	if (tls != NULL)
		printf("tls %u\n", workers_port(the_workers, 1));
	printf("ready\n");
	fflush(stdout);
	obey(the_workers);
	workers_destroy(the_workers);
	http_files_destroy(files);
	SSL_CTX_free(tls);
	return 0;
}
