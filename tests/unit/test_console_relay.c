/* The relay over the console: what it is asked, by whom, what a realm's administrator may see and end, what the audit log has. The relay and the
 * store are this test's. */
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api.h"
#include "admin/console.h"
#include "base/timestamp.h"
#include "control/client.h"
#include "store/audit.h"
#include "tests/unit/tap.h"

enum { PATIENCE_MS = 20000 };

/* ---- a call as the test wants it ---- */

struct http_call {
	const char *query[16]; /* name, value, ..., NULL */
	unsigned status;
	char answer[8192];
};

const char *http_query(struct http_call *call, const char *name)
{
	for (size_t i = 0; call->query[i] != NULL; i += 2)
		if (strcmp(call->query[i], name) == 0)
			return call->query[i + 1];
	return NULL;
}
const char *http_header(const struct http_call *call, const char *name)
{
	(void)call;
	(void)name;
	return NULL;
}
const struct transport_addr *http_client(const struct http_call *call)
{
	static struct transport_addr client = {.v4.sin_family = AF_INET};

	(void)call;
	return &client;
}
void http_set_header(struct http_call *call, const char *name, const char *value)
{
	(void)call;
	(void)name;
	(void)value;
}
void http_answer(struct http_call *call, unsigned status, const char *type, const void *body,
                 size_t len)
{
	(void)type;
	ok(call->status == 0, "one answer");
	call->status = status;
	snprintf(call->answer, sizeof call->answer, "%.*s", (int)len, (const char *)body);
}
void http_answer_lent(struct http_call *call, unsigned status, const char *type, const void *body,
                      size_t len)
{
	http_answer(call, status, type, body, len);
}
bool http_decode(struct slice from, bool plus, char *text, size_t size)
{
	(void)plus;
	return snprintf(text, size, SLICE_FORMAT, SLICE_PRINTF(from)) < (int)size;
}

/* ---- the store ---- */

static char audited[2048];

struct store *console_take_store(struct console *console)
{
	return (struct store *)console;
}
void console_release_store(struct console *console)
{
	(void)console;
}
const char *store_problem(const struct store *store)
{
	(void)store;
	return "";
}
enum err store_audit_add(struct store *store, const struct store_audit_entry *entry)
{
	size_t len = strlen(audited);

	(void)store;
	snprintf(audited + len, sizeof audited - len, "%s %s: %s\n", entry->who, entry->what,
	         entry->on);
	return OK;
}

/* ---- the relay ---- */

static char asked[4096]; /* all that was asked, a line each */
static const char *refusal;
static bool is_away, is_secret, is_applied = true;

static const char metrics[] =
	"{\"time\": 1000.5, \"metrics\": ["
	"{\"name\": \"turnstone_allocations\", \"samples\": ["
	"  {\"labels\": {\"transport\": \"udp\"}, \"value\": 5},"
	"  {\"labels\": {\"transport\": \"tls\"}, \"value\": 2}]},"
	"{\"name\": \"turnstone_allocations_created\", \"samples\": ["
	"  {\"labels\": {\"transport\": \"udp\"}, \"value\": 9}]},"
	"{\"name\": \"turn_traffic_rcvb\", \"samples\": [{\"labels\": {}, \"value\": 4096}]},"
	"{\"name\": \"turnstone_drops\", \"samples\": ["
	"  {\"labels\": {\"reason\": \"few\", \"transport\": \"udp\"}, \"value\": 1},"
	"  {\"labels\": {\"reason\": \"none\", \"transport\": \"udp\"}, \"value\": 0},"
	"  {\"labels\": {\"reason\": \"many\", \"transport\": \"udp\"}, \"value\": 3},"
	"  {\"labels\": {\"reason\": \"many\", \"transport\": \"tcp\"}, \"value\": 4}]},"
	"{\"name\": \"turnstone_allocation_setup_seconds\", \"samples\": ["
	"  {\"labels\": {}, \"count\": 3, \"quantiles\": {\"0.5\": 0.25, \"0.9\": 0.5}}]},"
	"{\"name\": \"turnstone_thread_cpu_seconds\", \"samples\": ["
	"  {\"labels\": {\"thread\": \"relay-0\"}, \"value\": 1.5}]},"
	"{\"name\": \"turnstone_certificate_expiry_seconds\", \"samples\": ["
	"  {\"labels\": {\"transport\": \"tls\"}, \"value\": 1800000000}]},"
	"{\"name\": \"process_open_fds\", \"samples\": []}]}";

static json_t *list_sessions(const json_t *arguments)
{
	const char *realm = json_string_value(json_object_get(arguments, "realm"));
	const char *id = json_string_value(json_object_get(arguments, "id"));
	bool fits = (realm == NULL || strcmp(realm, "example.org") == 0) &&
	            (id == NULL || strcmp(id, "0.17") == 0);

	return fits ? json_pack("{s:i, s:i, s:[{s:s, s:s, s:s, s:s}], s:n}", "matched", 1, "total",
	                        1, "sessions", "id", "0.17", "user", "bert", "realm", "example.org",
	                        "client", "192.0.2.1:5", "next")
	            : json_pack("{s:i, s:i, s:[], s:n}", "matched", 0, "total", 1, "sessions",
	                        "next");
}

static json_t *get_options(void)
{
	return json_pack("{s:[{s:s, s:s, s:b, s:b, s:s}]}", "options", "name", "user-quota",
	                 "value", is_secret ? "(secret)" : "3", "changes_live", 1, "secret",
	                 (int)is_secret, "argument", "");
}

static json_t *answer_of(const char *request, const json_t *arguments)
{
	static const struct {
		const char *request, *answer;
	} fixed[] = {
		{"status", "{\"version\": \"9\", \"engine\": \"sharded\", \"uptime\": 60, "
	                   "\"pid\": 7, \"allocations\": 8, \"draining\": null}"},
		{"threads",
	         "{\"at_ms\": 1, \"threads\": [{\"name\": \"relay-0\", \"cpu_ms\": 1500}]}"},
		{"counters", "{\"counters\": {}, \"threads\": [{\"allocations_now\": 4, "
	                     "\"client_packets_in\": 11}]}"},
		{"session cancel", "{\"cancelled\": 1}"},
		{"drain", "{\"draining\": {\"by\": \"control socket\"}}"},
	};

	if (strcmp(request, "metrics") == 0)
		return json_loads(metrics, 0, NULL);
	if (strcmp(request, "session list") == 0)
		return list_sessions(arguments);
	if (strcmp(request, "get") == 0)
		return get_options();
	for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
		if (strcmp(fixed[i].request, request) == 0)
			return json_loads(fixed[i].answer, 0, NULL);
	return json_pack("{s:b, s:[], s:[]}", "applied", (int)is_applied, "changed", "restart");
}

static void note(const char *request, const json_t *arguments)
{
	char *text = json_dumps(arguments, JSON_COMPACT | JSON_SORT_KEYS);
	size_t len = strlen(asked);

	snprintf(asked + len, sizeof asked - len, "%s %s\n", request, text ? text : "-");
	free(text);
}

enum err control_ask(const char *path, const char *request, json_t *arguments, json_t **result,
                     char problem[256])
{
	is_text(path, "/relay", "the relay is asked");
	note(request, arguments);
	*result = refusal != NULL || is_away ? NULL : answer_of(request, arguments);
	json_decref(arguments);
	snprintf(problem, 256, "%s", refusal != NULL ? refusal : "");
	return is_away ? ERR_UNAVAILABLE : refusal != NULL ? ERR_DENIED : OK;
}

/* The history's, on its thread. */
enum err control_ask_within(unsigned patience_s, const char *path, const char *request,
                            json_t *arguments, json_t **result, char problem[256])
{
	(void)patience_s;
	(void)path;
	(void)problem;
	*result = answer_of(request, arguments);
	json_decref(arguments);
	return OK;
}

/* ---- asking ---- */

struct wish {
	void (*function)(struct api_call *call);
	const char *realm; /* of who asks; NULL: all */
	const char *part, *body;
	const char *query[16];
};

static struct http_call got;
static struct console console = {.relay_socket = "/relay", .signaling_socket = ""};

static unsigned ask(struct wish wish)
{
	struct api_call call = {.http = &got, .console = &console};

	got = (struct http_call){0};
	memcpy(got.query, wish.query, sizeof got.query);
	asked[0] = audited[0] = '\0';
	call.who = (struct principal){.kind = ADMINISTRATOR, .name = "anna"};
	snprintf(call.who.realm, sizeof call.who.realm, "%s", wish.realm ? wish.realm : "");
	snprintf(call.parts[0], sizeof call.parts[0], "%s", wish.part ? wish.part : "");
	call.body = wish.body == NULL ? NULL : json_loads(wish.body, 0, NULL);
	wish.function(&call);
	json_decref(call.body);
	return got.status;
}

#define ASK(...) ask((struct wish){.function = __VA_ARGS__})

static bool says(const char *text)
{
	if (strstr(got.answer, text) != NULL)
		return true;
	printf("# no %s in %s\n", text, got.answer);
	return false;
}

/* ---- sessions ---- */

static void test_sessions(void)
{
	is_int(ASK(api_sessions), 200, "sessions of all");
	is_text(asked, "session list {\"limit\":100}\n", "without a filter");
	ok(says("\"total\":1"), "as the relay tells them");
	ASK(api_sessions,
	    .query = {"user", "bert", "contains", "be", "peer", "10.0.0.0/8", "thread", "2", "sort",
	              "rate", "limit", "500", "rates", "false"});
	is_text(asked,
	        "session list {\"contains\":\"be\",\"limit\":256,\"peer\":\"10.0.0.0/8\",\"rates\":"
	        "false,\"sort\":\"rate\",\"thread\":2,\"user\":\"bert\"}\n",
	        "all that is found by, and no more than the relay gives");
	is_int(ASK(api_sessions, .query = {"limit", "0"}), 400, "a page of nothing");
	is_int(ASK(api_sessions, .query = {"rates", "1"}), 400, "a flag that is none");
	is_int(ASK(api_sessions, .query = {"user", "a\x1b[1m"}), 400, "a control character");
	is_int(ASK(api_sessions, .query = {"user", "\xff"}), 400, "no UTF-8");
	is_text(asked, "", "is not handed on, lest all are found");
	ok(says("user: "), "the member is named");
}

static void test_sessions_of_realm(void)
{
	is_int(ASK(api_sessions, .realm = "example.org"), 200, "a realm's administrator");
	is_text(asked, "session list {\"limit\":100,\"realm\":\"example.org\"}\n",
	        "has the sessions of the realm");
	is_int(ASK(api_sessions, .realm = "example.org", .query = {"realm", "other.org"}), 403,
	       "and no other's");
	is_text(asked, "", "which is not asked");
	is_int(ASK(api_session, .realm = "other.org", .part = "0.17"), 200, "one session");
	is_text(asked, "session show {\"id\":\"0.17\",\"realm\":\"other.org\"}\n",
	        "is asked for in the realm alone");
	refusal = "there is no such session, or no longer";
	is_int(ASK(api_session, .realm = "other.org", .part = "0.17"), 404, "another's is none");
	refusal = NULL;
	is_int(ASK(api_cancel_session, .realm = "other.org", .part = "0.17"), 404,
	       "and cannot be ended");
	is_text(asked,
	        "session list "
	        "{\"id\":\"0.17\",\"limit\":1,\"rates\":false,\"realm\":\"other.org\"}\n",
	        "nor is that tried");
	is_text(audited, "", "or written down");
	is_int(ASK(api_cancel_sessions, .realm = "example.org",
	           .body = "{\"user\": \"bert\", \"realm\": \"other.org\"}"),
	       403, "a user of another realm is left alone");
	is_text(asked, "", "as well");
	ASK(api_cancel_sessions, .realm = "example.org", .body = "{\"user\": \"bert\"}");
	is_text(asked, "session cancel {\"realm\":\"example.org\",\"user\":\"bert\"}\n",
	        "a user is of the realm without its being said");
}

static void test_cancel(void)
{
	is_int(ASK(api_cancel_session, .part = "0.17"), 200, "a session is ended");
	ok(strstr(asked, "session cancel {\"id\":\"0.17\"}\n") != NULL, "by its id");
	is_text(audited,
	        "anna session cancelled: id=0.17 user=bert realm=example.org client=192.0.2.1:5\n",
	        "and whose it was is written down");
	is_int(ASK(api_cancel_session, .part = "0.18"), 404, "one that is none");
	is_text(audited, "", "which is no change");
	is_int(ASK(api_cancel_sessions, .body = "{\"user\": \"bert\", \"most\": 5}"), 200,
	       "all of a user");
	is_text(asked, "session cancel {\"most\":5,\"user\":\"bert\"}\n", "so many at most");
	is_text(audited, "anna sessions cancelled: user=bert realm= count=1\n", "as written down");
	is_int(ASK(api_cancel_sessions, .body = "{\"realm\": \"example.org\"}"), 400,
	       "not of nobody: that would be all");
	is_int(ASK(api_cancel_sessions, .body = "{\"user\": \"\"}"), 400, "nor of an empty name");
	is_text(asked, "", "which is not asked");
}

/* ---- options ---- */

static void test_options(void)
{
	is_int(ASK(api_options), 200, "options");
	ok(says("\"may_change\":true") && says("\"argument\":null") && !strstr(got.answer, "live"),
	   "by the names of the interface");
	is_int(ASK(api_set_option, .part = "user-quota", .body = "{\"value\": \"5\"}"), 200,
	       "one is set");
	ok(strstr(asked, "set {\"option\":\"user-quota\",\"value\":\"5\"}\n") != NULL,
	   "by its name");
	is_text(audited, "anna option set: option=user-quota from=\"3\" to=\"5\"\n",
	        "written down with both values");
	is_secret = true;
	ASK(api_set_option, .part = "user-quota", .body = "{\"value\": \"xyzzy\"}");
	is_text(audited, "anna option set: option=user-quota value=(secret)\n",
	        "but never with a secret");
	is_secret = false;
	is_int(ASK(api_set_option, .part = "user-quota", .body = "{\"value\": \"\"}"), 200,
	       "an empty value is one");
	is_int(ASK(api_set_option, .part = "user-quota", .body = "{}"), 400, "no value is none");
	is_int(ASK(api_set_option, .part = "user-quota", .body = "{\"value\": 5}"), 400,
	       "values are texts");
	is_text(asked, "", "nothing of which is handed on");
	refusal = "there is no option \"x\"";
	is_int(ASK(api_set_option, .part = "x", .body = "{\"value\": \"5\"}"), 404,
	       "no such option");
	refusal = "user-quota: give a number";
	is_int(ASK(api_set_option, .part = "user-quota", .body = "{\"value\": \"x\"}"), 400,
	       "a value that it does not take");
	refusal = NULL;
	is_text(audited, "", "is no change");
}

static void test_reload_and_drain(void)
{
	is_int(ASK(api_reload), 200, "a reload");
	is_text(audited, "anna configuration reloaded: changed=0 need_restart=0\n", "as written");
	is_applied = false;
	is_int(ASK(api_reload), 200, "one of a file that is wrong is told");
	is_text(audited, "", "and changed nothing");
	is_applied = true;
	is_int(ASK(api_drain, .body = "{\"deadline\": 60, \"minimum\": 2}"), 200, "a drain");
	is_text(asked, "drain {\"deadline\":60,\"minimum\":2}\n", "with its bounds");
	is_text(audited, "anna drain begun: deadline_s=60\n", "as written");
	is_int(ASK(api_drain), 200, "without any");
	is_text(asked, "drain {\"deadline\":0}\n", "it takes as long as it takes");
	is_int(ASK(api_undrain), 200, "its end");
	is_text(audited, "anna drain ended: turnserver\n", "as written");
	refusal = "it is not draining";
	is_int(ASK(api_undrain), 400, "when there is none");
	is_text(audited, "", "there is no change");
	refusal = NULL;
	is_away = true;
	is_int(ASK(api_drain), 503, "a relay that is away");
	is_text(audited, "", "does nothing");
	is_away = false;
}

/* ---- log and peers ---- */

static void test_log_and_peers(void)
{
	ASK(api_log, .query = {"after", "9000000000000000", "level", "warning", "event", "e", "key",
	                       "user=anna", "contains", "x", "limit", "500", "wait", "20"});
	is_text(asked,
	        "log tail {\"after\":9000000000000000,\"contains\":\"x\",\"event\":\"e\",\"key\":"
	        "\"user=anna\",\"level\":\"warning\",\"limit\":500,\"wait\":20}\n",
	        "lines of the log");
	is_int(ASK(api_log, .query = {"wait", "21"}), 400, "nobody waits for ever");
	is_int(ASK(api_log, .query = {"limit", "501"}), 400, "or for all");
	ASK(api_check_peer, .query = {"address", "10.0.0.1", "realm", "example.org"});
	is_text(asked, "peer check {\"address\":\"10.0.0.1\",\"realm\":\"example.org\"}\n",
	        "a peer of a realm's clients");
	ASK(api_check_peer, .realm = "example.org", .query = {"address", "10.0.0.1"});
	is_text(asked, "peer check {\"address\":\"10.0.0.1\",\"realm\":\"example.org\"}\n",
	        "a realm's administrator asks for that realm's");
	is_int(ASK(api_check_peer, .realm = "example.org",
	           .query = {"address", "10.0.0.1", "realm", "other.org"}),
	       403, "and no other's");
}

/* ---- overview ---- */

static void wait_for_metrics(void)
{
	timestamp deadline = timestamp_now() + PATIENCE_MS;
	json_t *latest = NULL;

	while (latest == NULL && timestamp_now() < deadline) {
		latest = history_latest(console.history);
		sched_yield();
	}
	ok(latest != NULL, "the history asks at once");
	json_decref(latest);
}

static void test_overview(void)
{
	if (history_start("/relay", &console.history) != OK)
		printf("Bail out! no history\n"), exit(1);
	wait_for_metrics();
	is_int(ASK(api_overview), 200, "the overview");
	ok(says("\"version\":\"9\"") && says("\"draining\":null") && says("\"uptime\":60"),
	   "has the state");
	ok(says("\"now\":8") && says("{\"udp\":5,\"tls\":2}") && says("\"made\":9"),
	   "allocations, by transport");
	ok(says("\"client_in\":{\"bytes\":4096,\"packets\":0,\"bytes_s\":null"),
	   "traffic, whose rate is not known yet");
	ok(says("\"drops\":[{\"reason\":\"many\",\"packets\":7},{\"reason\":\"few\",\"packets\":1}"
	        "]"),
	   "drops of all transports, most first, none that there were not");
	ok(says("\"setup_latency\":{\"count\":3,\"p50\":0.25,\"p90\":0.5,\"p99\":null"),
	   "latencies");
	ok(says("{\"name\":\"relay-0\",\"cpu_seconds\":1.5,\"load\":null}"), "threads");
	ok(says("[{\"transport\":\"tls\",\"expires\":1800000000}]"), "certificates");
	ok(says("\"open_files\":null"), "and what is not known is null");
	is_int(ASK(api_threads), 200, "threads");
	ok(says("{\"name\":\"relay-0\",\"cpu_seconds\":1.5,\"load\":null,\"allocations\":4,"
	        "\"sessions\":null,\"packets_in\":11"),
	   "with what each has");
	is_int(ASK(api_history), 200, "the hour");
	ok(says("\"times\":[1000.5]") && says("\"allocations\":[7.0]"), "so far");
	ASK(api_history, .query = {"since", "1001"});
	ok(says("\"times\":[]"), "behind a time");
	is_away = true;
	is_int(ASK(api_overview), 503, "a relay that went away is told at once");
	is_int(ASK(api_threads), 503, "by its threads, too");
	is_away = false;
	history_stop(console.history);
}

int main(void)
{
	test_sessions();
	test_sessions_of_realm();
	test_cancel();
	test_options();
	test_reload_and_drain();
	test_log_and_peers();
	test_overview();
	return tap_end();
}
