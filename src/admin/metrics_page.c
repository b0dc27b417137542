/* What the relay and the signaling daemon tell of themselves, in one page. The relay's main thread is what answers, between two other
 * duties, so that an answer serves all who ask within half a second. */
#include "admin/metrics_page.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api.h"
#include "admin/console.h"
#include "base/timestamp.h"
#include "control/client.h"
#include "control/openmetrics.h"

enum {
	FRESH_MS = 500,
	NAME_SIZE = 128,
	PATIENCE_S = 3, /* of each of two programs: Prometheus waits for 10 s in all */
};

static const char PLAIN_TYPE[] = "text/plain; version=0.0.4; charset=utf-8";
static const char SIGNALING_PREFIX[] = "turnstone_signaling_";

struct metrics_page {
	struct console *console; /* lent */
	pthread_mutex_t lock;
	json_t *newest; /* owned; NULL: they did not answer */
	timestamp asked_at;
	bool has_asked;
};

enum err metrics_page_create(struct console *console, struct metrics_page **made)
{
	struct metrics_page *page = calloc(1, sizeof *page);

	if (page == NULL)
		return ERR_NO_MEMORY;
	page->console = console;
	pthread_mutex_init(&page->lock, NULL);
	*made = page;
	return OK;
}

void metrics_page_destroy(struct metrics_page *page)
{
	if (page == NULL)
		return;
	json_decref(page->newest);
	pthread_mutex_destroy(&page->lock);
	free(page);
}

/* ---- asking ---- */

/* NULL: it does not answer. */
static json_t *ask(const char *socket)
{
	char problem[256];
	json_t *result = NULL;

	if (socket[0] == '\0' ||
	    control_ask_within(PATIENCE_S, socket, "metrics", NULL, &result, problem) != OK)
		return NULL;
	return result;
}

/* What every process tells of itself, such as process_cpu_seconds, is turnserver's on this page. */
static void make_signalings(json_t *metric)
{
	const char *name = json_string_value(json_object_get(metric, "name"));
	char own[NAME_SIZE];

	if (name == NULL || strncmp(name, SIGNALING_PREFIX, sizeof SIGNALING_PREFIX - 1) == 0)
		return;
	snprintf(own, sizeof own, "%s%s", SIGNALING_PREFIX, name);
	json_object_set_new(metric, "name", json_string(own));
}

static json_t *ask_signaling(const char *socket)
{
	json_t *answer = ask(socket), *metric;
	size_t i;

	json_array_foreach(json_object_get(answer, "metrics"), i, metric) make_signalings(metric);
	return answer;
}

/* A relay that is away is told to Prometheus by no answer at all, as its end would be: up is 0 then. Without signaling the page is the relay's. */
static json_t *ask_all(const struct console *console)
{
	bool has_relay = console->relay_socket[0] != '\0';
	json_t *relay = ask(console->relay_socket), *signaling;

	if (has_relay && relay == NULL)
		return NULL;
	signaling = ask_signaling(console->signaling_socket);
	if (relay == NULL)
		return signaling;
	json_array_extend(json_object_get(relay, "metrics"), json_object_get(signaling, "metrics"));
	json_decref(signaling);
	return relay;
}

/* Who comes while they are asked waits for that answer. A reference of the caller's; NULL: there is none. */
static json_t *take_newest(struct metrics_page *page)
{
	json_t *newest;

	pthread_mutex_lock(&page->lock);
	if (!page->has_asked || timestamp_now() - page->asked_at >= FRESH_MS) {
		json_decref(page->newest);
		page->newest = ask_all(page->console);
		page->asked_at = timestamp_now();
		page->has_asked = true;
	}
	newest = json_incref(page->newest);
	pthread_mutex_unlock(&page->lock);
	return newest;
}

/* ---- answering ---- */

static void answer_text(struct http_call *call, unsigned status, const char *text)
{
	http_answer(call, status, "text/plain; charset=utf-8", text, strlen(text));
}

static void answer_metrics(struct http_call *call, struct metrics_page *page)
{
	const char *accepted = http_header(call, "Accept");
	bool is_open = accepted != NULL && strstr(accepted, "application/openmetrics-text") != NULL;
	json_t *metrics = take_newest(page);
	char *text;

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
	http_set_header(call, "Cache-Control", "no-store");
	http_set_header(call, "Vary", "Accept");
	http_answer(call, 200, is_open ? OPENMETRICS_CONTENT_TYPE : PLAIN_TYPE, text, strlen(text));
	free(text);
}

static bool is_health(const char *path)
{
	return strcmp(path, "/healthz") == 0 || strcmp(path, "/readyz") == 0;
}

void metrics_page_answer(struct http_call *call, void *context)
{
	struct metrics_page *page = context;
	const char *method = http_method(call), *path = http_path(call);

	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		http_set_header(call, "Allow", "GET, HEAD");
		answer_text(call, 405, "GET alone\n");
	} else if (strcmp(path, page->console->config->prometheus_path) == 0) {
		answer_metrics(call, page);
	} else if (is_health(path)) {
		(void)api_handle(page->console, call);
	}
}
