/* What the control socket can be asked for. Counters are read directly; what only a worker knows or may change is done by a
 * task (program_rooms.c). */
#include <inttypes.h>
#include <jansson.h>
#include <unistd.h>

#include "base/log.h"
#include "process/process.h"
#include "signaling/program.h"
#include "signaling/program_lists.h"
#include "signaling/program_metrics.h"
#include "signaling/program_reload.h"
#include "signaling/program_rooms.h"

enum { MS_PER_S = 1000, YEAR_S = 31536000 };

typedef void handler(struct control_request *request, void *context);
static handler status, counters, metrics, drain, reload, stop, reset_log, set_level;

/* clang-format off */
const struct control_row program_requests[] = {
	{"status",      "",                                        status},
	{"counters",    "by_thread",                               counters},
	{"metrics",     "by_thread",                               metrics},
	{"drain",       "deadline",                                drain},
	{"reload",      "",                                        reload},
	{"stop",        "",                                        stop},
	{"log reset",   "",                                        reset_log},
	{"log level",   "level",                                   set_level},
	{"node list",   "",                                        ask_nodes},
	{"session list", "tenant user room address limit after",   ask_session_page},
	{"session cancel", "id tenant",                                   ask_session_cancel},
	{"room list",   "tenant limit after",                      ask_room_page},
	{"room show",   "tenant type name",                        ask_room_show},
	{"room create", "tenant type name pin capacity expires relay_only", ask_room_create},
	{"room kick",   "tenant type name participant reason",     ask_room_kick},
	{"room mute",   "tenant type name participant what",       ask_room_mute},
	{"room lock",   "tenant type name",                        ask_room_lock},
	{"room unlock", "tenant type name",                        ask_room_unlock},
	{"room change", "tenant type name locked capacity relay_only", ask_room_change},
	{"room close",  "tenant type name reason",                 ask_room_close},
};
/* clang-format on */
const size_t program_request_count = sizeof program_requests / sizeof program_requests[0];

/* null, or what it waits for. */
static json_t *describe_drain(const struct program_drain *drain)
{
	timestamp now = timestamp_now();
	timestamp left = drain->deadline > now ? drain->deadline - now : 0;

	if (!drain->is_on)
		return json_null();
	return json_pack("{s:s, s:I, s:I}", "by", drain->by, "seconds",
	                 (json_int_t)((now - drain->began) / MS_PER_S), "seconds_left",
	                 (json_int_t)((left + MS_PER_S - 1) / MS_PER_S));
}

static json_t *describe_status(const struct program *program)
{
	static const struct {
		const char *name;
		enum hub_counter counter;
	} levels[] = {
		{"sessions", HUB_COUNT_sessions_now},
		{"away", HUB_COUNT_sessions_away_now},
		{"rooms", HUB_COUNT_rooms_now},
		{"participants", HUB_COUNT_participants_now},
	};
	const char *problem = program_problem(program);
	json_t *object = json_pack("{s:s, s:s, s:i, s:I, s:i, s:o}", "program", "turnsignal",
	                           "version", PACKAGE_VERSION, "pid", (int)getpid(), "uptime",
	                           (json_int_t)((timestamp_now() - program->started) / MS_PER_S),
	                           "threads", (int)workers_count(program->workers), "draining",
	                           describe_drain(&program->drain));

	json_object_set_new(object, "ready",
	                    json_boolean(!program->drain.is_on && problem == NULL));
	if (problem != NULL)
		json_object_set_new(object, "problem", json_string(problem));
	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
		json_object_set_new(
			object, levels[i].name,
			json_integer((json_int_t)program_count(program, levels[i].counter)));
	return object;
}

static void status(struct control_request *request, void *context)
{
	control_answer(request, describe_status(context));
}

static void counters(struct control_request *request, void *context)
{
	bool by_thread = false;

	if (control_get_flag(request, "by_thread", &by_thread))
		control_answer(request, program_counters_describe(context, by_thread));
}

static void metrics(struct control_request *request, void *context)
{
	bool by_thread = false;

	if (control_get_flag(request, "by_thread", &by_thread))
		control_answer(request, program_metrics_describe(context, by_thread));
}

/* ---- process ---- */

static void drain(struct control_request *request, void *context)
{
	struct program *program = context;
	json_int_t timeout_s = program_config(program)->signaling_drain_timeout;

	if (!control_get_number(request, "deadline", 0, YEAR_S, &timeout_s))
		return;
	program_drain_begin(program, "control socket", (uint32_t)timeout_s, false);
	control_answer(request, describe_status(program));
}

static void reload(struct control_request *request, void *context)
{
	struct program *program = context;

	program_reload_begin(program->reload, RELOAD_OF_ALL, "control socket", request);
}

static void stop(struct control_request *request, void *context)
{
	struct program *program = context;

	program_stop(program, "control socket");
	control_answer(request, describe_status(program));
}

/* As SIGHUP does. */
static void reset_log(struct control_request *request, void *context)
{
	char problem[256];

	if (process_open_log(program_config(context), problem) != OK)
		control_refuse(request, "%s", problem);
	else
		control_answer(request, json_pack("{s:s}", "log", "opened anew"));
}

/* Until the log is opened anew. */
static void set_level(struct control_request *request, void *context)
{
	const char *name = "";
	enum log_level level;

	(void)context;
	if (!control_get_text(request, "level", &name))
		return;
	if (log_level_parse(name, &level) != OK) {
		control_refuse(request, "level: \"%.40s\" is not debug, info, warning or error",
		               name);
		return;
	}
	log_set_level(level);
	control_answer(request, json_pack("{s:s}", "level", name));
}
