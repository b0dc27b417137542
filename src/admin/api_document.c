/* What this interface is, for programs, and whether the console can do its work. */
#include <string.h>

#include "admin/api.h"
#include "admin/console.h"
#include "base/timestamp.h"
#include "control/client.h"

/* openapi.json, made into a text by the build. */
static const char document[] =
#include "admin/openapi_text.h"
	;

void api_document(struct api_call *call)
{
	http_answer_lent(call->http, 200, "application/json", document, sizeof document - 1);
}

void api_health(struct api_call *call)
{
	api_answer(call, json_pack("{s:s}", "status", "ok"));
}

/* ---- readiness ---- */

enum {
	READY_WAIT_S =
		2, /* a relay that hangs is not ready, and whoever asks has little patience */
};

static const char *ask_relay(const struct console *console)
{
	char problem[256];
	json_t *status = NULL;

	if (console->relay_socket[0] == '\0')
		return "off";
	if (control_ask_within(READY_WAIT_S, console->relay_socket, "status", NULL, &status,
	                       problem) != OK)
		return "away";
	json_decref(status);
	return "ready";
}

/* Anybody may ask, and each question is a connection to the relay: there is one at a time, and whoever came before it began has its
 * answer. */
static const char *relay_state(struct console *console)
{
	timestamp came_at = timestamp_now();
	const char *state;

	pthread_mutex_lock(&console->ready_lock);
	if (console->relay_state == NULL || console->relay_asked_at <= came_at) {
		console->relay_asked_at = timestamp_now();
		console->relay_state = ask_relay(console);
	}
	state = console->relay_state;
	pthread_mutex_unlock(&console->ready_lock);
	return state;
}

/* Something is read, as an open connection alone says little of Redis. */
static const char *store_state(struct console *console)
{
	struct store_version version;
	struct store *store;
	enum err err;

	if (console->config->userdb == NULL && console->config->redis_userdb == NULL)
		return "none";
	store = console_take_store(console);
	if (store == NULL)
		return "away";
	err = store_version(store, &version);
	console_release_store(console);
	return err == OK ? "ready" : "away";
}

/* Without a store there is nobody who could sign in, but metrics need none. */
void api_readiness(struct api_call *call)
{
	const char *relay = relay_state(call->console), *store = store_state(call->console);
	bool is_ready = strcmp(relay, "ready") == 0 && strcmp(store, "away") != 0;

	api_answer_status(call, is_ready ? 200 : 503,
	                  json_pack("{s:s, s:s, s:s}", "status", is_ready ? "ready" : "not ready",
	                            "relay", relay, "store", store));
}
