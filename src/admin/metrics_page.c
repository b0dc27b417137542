/* What the relay and the signaling daemon tell of themselves, in one page. */
#include "admin/metrics_page.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api.h"
#include "admin/console.h"
#include "base/log.h"
#include "control/client.h"
#include "control/openmetrics.h"

static const char PLAIN_TYPE[] = "text/plain; version=0.0.4; charset=utf-8";

static void answer_text(struct http_call *call, unsigned status, const char *text)
{
	http_answer(call, status, "text/plain; charset=utf-8", text, strlen(text));
}

/* NULL: it does not answer. */
static json_t *ask(const char *socket)
{
	char problem[256];
	json_t *result = NULL;

	if (socket[0] == '\0' || control_ask(socket, "metrics", NULL, &result, problem) != OK)
		return NULL;
	return result;
}

/* Adds the metrics of the second to those of the first, where both answer. */
static json_t *ask_all(const struct console *console)
{
	json_t *relay = ask(console->relay_socket), *signaling = ask(console->signaling_socket);

	if (relay == NULL)
		return signaling;
	json_array_extend(json_object_get(relay, "metrics"), json_object_get(signaling, "metrics"));
	json_decref(signaling);
	return relay;
}

static void answer_metrics(struct http_call *call, const struct console *console)
{
	const char *accepted = http_header(call, "Accept");
	bool is_open = accepted != NULL && strstr(accepted, "application/openmetrics-text") != NULL;
	json_t *metrics = ask_all(console);
	char *text = NULL;

	if (metrics == NULL) {
		answer_text(call, 503, "turnserver does not answer\n");
		return;
	}
	text = is_open ? openmetrics_text(metrics) : openmetrics_plain_text(metrics);
	json_decref(metrics);
	if (text == NULL) {
		answer_text(call, 500, "no memory\n");
		return;
	}
	http_answer(call, 200, is_open ? OPENMETRICS_CONTENT_TYPE : PLAIN_TYPE, text, strlen(text));
	free(text);
}

void metrics_page(struct http_call *call, void *context)
{
	struct console *console = context;
	const char *method = http_method(call);

	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		http_set_header(call, "Allow", "GET, HEAD");
		answer_text(call, 405, "GET alone\n");
		return;
	}
	if (strcmp(http_path(call), console->config->prometheus_path) == 0)
		answer_metrics(call, console);
	else if (strcmp(http_path(call), "/healthz") == 0 ||
	         strcmp(http_path(call), "/readyz") == 0)
		(void)api_handle(console, call);
}
