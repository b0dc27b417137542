/* The programs and the store, for functions of the interface. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "admin/api.h"
#include "admin/console.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "control/client.h"
#include "store/audit.h"

/* What was asked about is not there where the answer begins so; all other refusals are about how it was asked. */
static void refuse_as_told(struct api_call *call, const char *problem)
{
	static const char missing[] = "there is no ";

	if (strncasecmp(problem, missing, sizeof missing - 1) == 0)
		api_refuse(call, 404, "not-found", "%s", problem);
	else
		api_refuse(call, 400, "refused", "%s", problem);
}

json_t *api_ask(struct api_call *call, enum api_daemon daemon, const char *request,
                json_t *arguments)
{
	const struct console *console = call->console;
	const char *path = daemon == API_RELAY ? console->relay_socket : console->signaling_socket;
	const char *program = daemon == API_RELAY ? "turnserver" : "turnsignal";
	json_t *result = NULL;
	char problem[256] = "";
	enum err err = ERR_UNAVAILABLE;

	if (path[0] != '\0')
		err = control_ask(path, request, arguments, &result, problem);
	else
		json_decref(arguments);
	if (err == OK)
		return result;
	if (err == ERR_UNAVAILABLE)
		api_refuse(call, 503, "not-running", "%s does not answer", program);
	else if (err == ERR_DENIED)
		refuse_as_told(call, problem);
	else
		api_refuse(call, 502, "no-answer", "%s: %s", program, problem);
	return NULL;
}

struct store *api_take_store(struct api_call *call)
{
	struct store *store = console_take_store(call->console);

	if (store == NULL)
		api_refuse(call, 503, "store-away", "the store does not answer");
	return store;
}

bool api_release_store(struct api_call *call, enum err err)
{
	char problem[256] = "";

	if (err != OK && err != ERR_NOT_FOUND && err != ERR_INVALID && err != ERR_EXISTS)
		snprintf(problem, sizeof problem, "%.250s", store_problem(call->console->store));
	console_release_store(call->console);
	switch (err) {
	case OK:
		return true;
	case ERR_NOT_FOUND:
		api_refuse(call, 404, "not-found", "there is no such thing");
		return false;
	case ERR_EXISTS:
		api_refuse(call, 409, "exists", "that is there already");
		return false;
	case ERR_INVALID:
		api_refuse(call, 400, "invalid", "the store does not take that");
		return false;
	default:
		log_warning("store failed", "reason=\"%s\"", problem);
		api_refuse(call, 503, "store-failed",
		           "the store could not do it; the log says why");
		return false;
	}
}

static bool write_audit(struct api_call *call, const struct store_audit_entry *entry)
{
	struct store *store = console_take_store(call->console);
	bool is_written;

	if (store == NULL)
		return false;
	is_written = store_audit_add(store, entry) == OK;
	console_release_store(call->console);
	return is_written;
}

void api_audit_done(struct api_call *call, const char *what, const char *on, ...)
{
	struct store_audit_entry entry = {.time_ms = timestamp_wall_ms()};
	char ip[ADDR_TEXT_SIZE];
	va_list args;

	va_start(args, on);
	vsnprintf(entry.on, sizeof entry.on, on, args);
	va_end(args);
	snprintf(entry.what, sizeof entry.what, "%s", what);
	snprintf(entry.who, sizeof entry.who, "%s%.*s", call->who.kind == MACHINE ? "token " : "",
	         (int)sizeof entry.who - 7, call->who.name);
	snprintf(entry.from, sizeof entry.from, "%s", addr_format_ip(http_client(call->http), ip));
	log_always("changed by the console", "what=\"%s\" who=\"%s\" from=%s on=\"%s\"", entry.what,
	           entry.who, entry.from, entry.on);
	if (write_audit(call, &entry))
		return;
	log_error("audit entry not written", "what=\"%s\" who=\"%s\"", entry.what, entry.who);
	http_set_header(call->http, "Warning", "199 - \"the audit entry could not be written\"");
}
