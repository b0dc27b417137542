/* The table of requests and their handlers, which run on the main thread. Counters are read directly;
 * what only a relay thread knows or may change is done by a circular. */
#include "relay/requests.h"

#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "base/list.h"
#include "process/process.h"
#include "relay/alternates.h"
#include "relay/engines.h"
#include "relay/log_requests.h"
#include "relay/main_thread.h"
#include "relay/metrics.h"
#include "relay/option_requests.h"
#include "relay/peer_requests.h"
#include "relay/reload_request.h"
#include "relay/secret_requests.h"
#include "relay/session_requests.h"
#include "relay/thread_requests.h"
#include "relay/thread.h"

enum { MS_PER_S = 1000, YEAR_S = 31536000 };

typedef void handler(struct control_request *request, void *context);
static handler status, counters, metrics, list_alternates, add_alternate, delete_alternate, drain,
	undrain;
static handler stop, reset_log;

/* clang-format off */
const struct control_row requests[] = {
	{"status",                  "",                            status},
	{"counters",                "by_thread",                   counters},
	{"metrics",                 "by_thread",                   metrics},
	{"alternate-server list",   "",                            list_alternates},
	{"alternate-server add",    "kind server",                 add_alternate},
	{"alternate-server delete", "kind server",                 delete_alternate},
	{"drain",                   "deadline minimum",            drain},
	{"undrain",                 "",                            undrain},
	{"reload",                  "",                            reload_request},
	{"threads",                 "",                            thread_list},
	{"get",                     "option",                      option_get},
	{"set",                     "option value",                option_set},
	{"stop",                    "",                            stop},
	{"log reset",               "",                            reset_log},
	{"log tail",                "after level event key contains limit wait", log_tail},
	{"peer check",              "realm address",               peer_check},
	{"secret uses",             "realm",                       secret_uses},
	{"session list",            "id user contains realm origin client peer transport thread "
	                            "sort limit after rates",      session_list},
	{"session show",            "id realm",                    session_show},
	{"session cancel",          "id user realm most",          session_cancel},
};
/* clang-format on */
const size_t request_count = sizeof requests / sizeof requests[0];

static json_t *describe_drain(const struct main_thread *main_thread);
static json_t *describe_sums(const struct relay *relay);
static json_t *describe_threads(const struct relay *relay);
static json_t *describe_counters(const struct counters *of_thread);
static json_t *describe_alternates(const struct turn_alternates *alternates);

/* ---- status and counters ---- */

static json_t *describe_status(const struct main_thread *main_thread)
{
	const struct relay *relay = main_thread->relay;
	timestamp up = timestamp_now() - main_thread->started;

	return json_pack("{s:s, s:i, s:I, s:s, s:i, s:I, s:o}", "version", PACKAGE_VERSION, "pid",
	                 (int)getpid(), "uptime", (json_int_t)(up / MS_PER_S), "engine",
	                 engine_name(relay->engine), "threads", (int)relay->thread_count,
	                 "allocations", (json_int_t)relay_allocations(relay), "draining",
	                 describe_drain(main_thread));
}

static void status(struct control_request *request, void *context)
{
	control_answer(request, describe_status(context));
}

/* null, or what it waits for. */
static json_t *describe_drain(const struct main_thread *main_thread)
{
	struct drain_state state = drain_state(main_thread->drain);
	timestamp now = timestamp_now();
	json_t *left = json_null();

	if (!state.is_on)
		return json_null();
	if (state.deadline != TIMESTAMP_NEVER)
		left = json_integer(
			state.deadline > now
				? (json_int_t)((state.deadline - now + MS_PER_S - 1) / MS_PER_S)
				: 0);
	return json_pack("{s:s, s:I, s:o, s:I}", "by", state.wish.by, "seconds",
	                 (json_int_t)((now - state.began) / MS_PER_S), "seconds_left", left,
	                 "minimum", (json_int_t)state.wish.min_allocations);
}

static void counters(struct control_request *request, void *context)
{
	const struct relay *relay = ((struct main_thread *)context)->relay;
	bool by_thread = false;
	json_t *result;

	if (!control_get_flag(request, "by_thread", &by_thread))
		return;
	result = json_pack("{s:o}", "counters", describe_sums(relay));
	if (by_thread)
		json_object_set_new(result, "threads", describe_threads(relay));
	control_answer(request, result);
}

static void metrics(struct control_request *request, void *context)
{
	bool by_thread = false;

	if (control_get_flag(request, "by_thread", &by_thread))
		control_answer(request, metrics_describe(context, by_thread));
}

static json_t *describe_sums(const struct relay *relay)
{
	json_t *object = json_object();

	for (enum counter counter = 0; counter < COUNTER_COUNT; counter++)
		json_object_set_new(object, counter_name(counter),
		                    json_integer((json_int_t)relay_counter(relay, counter)));
	return object;
}

static json_t *describe_threads(const struct relay *relay)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < relay->thread_count; i++)
		json_array_append_new(list, describe_counters(&relay->threads[i]->counters));
	return list;
}

static json_t *describe_counters(const struct counters *of_thread)
{
	json_t *object = json_object();

	for (enum counter counter = 0; counter < COUNTER_COUNT; counter++)
		json_object_set_new(object, counter_name(counter),
		                    json_integer((json_int_t)counter_read(of_thread, counter)));
	return object;
}

/* ---- alternate servers ---- */

struct alternates_circular { /* the lists on their way to every thread */
	struct circular circular;
	struct turn_alternates alternates;
	struct control_request *request;
};

typedef enum err alternates_change(struct turn_alternates *alternates,
                                   enum turn_alternate_kind kind,
                                   const struct transport_addr *addr);

static void list_alternates(struct control_request *request, void *context)
{
	const struct main_thread *main_thread = context;

	control_answer(request, describe_alternates(&main_thread->relay->alternates));
}

static json_t *describe_alternates(const struct turn_alternates *alternates)
{
	json_t *object = json_object();
	char text[ADDR_TEXT_SIZE];

	for (enum turn_alternate_kind kind = 0; kind < TURN_ALTERNATE_KINDS; kind++) {
		json_t *list = json_array();
		for (size_t i = 0; i < alternates->count[kind]; i++)
			json_array_append_new(
				list, json_string(addr_format(&alternates->server[kind][i], text)));
		json_object_set_new(object, alternates_kind_name(kind), list);
	}
	return object;
}

/* Reads kind and server; false when the request was refused. */
static bool get_server(struct control_request *request, enum turn_alternate_kind *kind,
                       struct transport_addr *addr)
{
	const char *name = "all", *server = "";

	if (!control_get_text(request, "kind", &name) ||
	    !control_get_text(request, "server", &server))
		return false;
	if (!alternates_find_kind(name, kind)) {
		control_refuse(request, "kind: \"%.40s\" is not one of all, udp, tcp, tls", name);
		return false;
	}
	if (alternates_parse(*kind, server, addr) != OK) {
		control_refuse(request,
		               "server: \"%.60s\" is no address: give IP:PORT, such as "
		               "192.0.2.1:3478 or [2001:db8::1]:3478",
		               server);
		return false;
	}
	return true;
}

static void set_on_thread(struct circular *circular, struct relay_thread *thread)
{
	turn_server_set_alternates(
		thread->server,
		&CONTAINER_OF(circular, struct alternates_circular, circular)->alternates);
}

static void all_have_set(struct circular *circular)
{
	struct alternates_circular *work =
		CONTAINER_OF(circular, struct alternates_circular, circular);

	control_answer(work->request, describe_alternates(&work->alternates));
	free(work);
}

/* The lists are as asked when each thread goes by them; only then is the request answered. */
static void publish(struct main_thread *main_thread, const struct turn_alternates *alternates,
                    struct control_request *request)
{
	struct alternates_circular *work = calloc(1, sizeof *work);

	if (work != NULL) {
		work->circular = (struct circular){.run = set_on_thread, .done = all_have_set};
		work->alternates = *alternates;
		work->request = request;
	}
	if (work == NULL || circular_begin(&main_thread->circulars, &work->circular) != OK) {
		free(work);
		control_refuse(request, "%s", err_string(ERR_NO_MEMORY));
		return;
	}
	main_thread->relay->alternates = *alternates;
}

static void change_alternates(struct control_request *request, struct main_thread *main_thread,
                              alternates_change *change)
{
	struct turn_alternates changed = main_thread->relay->alternates;
	enum turn_alternate_kind kind;
	struct transport_addr addr;

	if (!get_server(request, &kind, &addr) || main_thread_refuses(main_thread, request))
		return;
	switch (change(&changed, kind, &addr)) {
	case OK:
		publish(main_thread, &changed, request);
		return;
	case ERR_FULL:
		control_refuse(request, "there are %d servers of this kind already: delete one",
		               TURN_ALTERNATES_MAX);
		return;
	default:
		control_refuse(request, "it is not among the alternate servers of kind %s",
		               alternates_kind_name(kind));
	}
}

static void add_alternate(struct control_request *request, void *context)
{
	change_alternates(request, context, alternates_add);
}

static void delete_alternate(struct control_request *request, void *context)
{
	change_alternates(request, context, alternates_delete);
}

/* ---- drain ---- */

struct drain_question { /* who is told when every thread obeys */
	struct main_thread *main_thread;
	struct control_request *request;
};

static void all_obey(void *context)
{
	struct drain_question *question = context;

	control_answer(question->request, describe_status(question->main_thread));
	free(question);
}

static struct drain_question *question_create(struct main_thread *main_thread,
                                              struct control_request *request)
{
	struct drain_question *question = calloc(1, sizeof *question);

	if (question != NULL)
		*question = (struct drain_question){main_thread, request};
	return question;
}

static void drain(struct control_request *request, void *context)
{
	struct main_thread *main_thread = context;
	json_int_t timeout_s = 0;
	json_int_t minimum = main_thread->relay->config->drain_min_allocations;
	struct drain_question *question;

	if (!control_get_number(request, "deadline", 0, YEAR_S, &timeout_s) ||
	    !control_get_number(request, "minimum", 0, UINT32_MAX, &minimum) ||
	    main_thread_refuses(main_thread, request))
		return;

	struct drain_wish wish = {
		.by = "control socket",
		.timeout_s = (uint32_t)timeout_s,
		.min_allocations = (uint32_t)minimum,
	};
	question = question_create(main_thread, request);
	if (question == NULL || drain_begin(main_thread->drain, &wish, all_obey, question) != OK) {
		free(question);
		control_refuse(request, "%s", err_string(ERR_NO_MEMORY));
	}
}

/* Whoever sent SIGTERM counts on the end. */
static void undrain(struct control_request *request, void *context)
{
	struct main_thread *main_thread = context;
	struct drain_state state = drain_state(main_thread->drain);
	struct drain_question *question;

	if (!state.is_on) {
		control_refuse(request, "it is not draining");
		return;
	}
	if (state.is_final) {
		control_refuse(request, "it ends because of SIGTERM, and will not go back");
		return;
	}
	if (main_thread_refuses(main_thread, request))
		return;
	question = question_create(main_thread, request);
	if (question == NULL || drain_stop(main_thread->drain, all_obey, question) != OK) {
		free(question);
		control_refuse(request, "%s", err_string(ERR_NO_MEMORY));
	}
}

/* ---- process ---- */

static void stop(struct control_request *request, void *context)
{
	struct main_thread *main_thread = context;

	main_thread_stop(main_thread, "control socket");
	control_answer(request, describe_status(main_thread));
}

/* As SIGHUP does. */
static void reset_log(struct control_request *request, void *context)
{
	const struct config *config = ((struct main_thread *)context)->relay->config;
	char problem[256];

	if (process_open_log(config, problem) != OK)
		control_refuse(request, "%s", problem);
	else
		control_answer(request, json_pack("{s:s}", "log", "opened anew"));
}
