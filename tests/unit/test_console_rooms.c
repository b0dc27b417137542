/* Rooms over the console: what turnsignal is asked, by whom, and what a realm's administrator sees of it. turnsignal and the store are this test's. */
#include <stdlib.h>
#include <string.h>

#include "admin/api.h"
#include "admin/console.h"
#include "control/client.h"
#include "store/audit.h"
#include "store/tenants.h"
#include "tests/unit/tap.h"

/* ---- a call as the test wants it ---- */

struct http_call {
	const char *query[8]; /* name, value, ..., NULL */
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

static const struct store_tenant kept[] = {
	{.name = "blue", .realm = "blue.org", .secret = "a-secret-of-blue"},
	{.name = "green", .realm = "example.org", .secret = "a-secret-of-green"},
	{.name = "red", .realm = "example.org", .rooms_max = 7},
	{.name = "void", .realm = ""},
};
enum { KEPT = sizeof kept / sizeof kept[0] };
static bool has_store = true;
static char audited[2048];

struct store *console_take_store(struct console *console)
{
	return has_store ? (struct store *)console : NULL;
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
bool store_tenant_name_is_valid(const char *name)
{
	return strpbrk(name, "/ ") == NULL;
}
enum err store_tenant_find(struct store *store, const char *name, struct store_tenant *tenant)
{
	(void)store;
	for (size_t i = 0; i < KEPT; i++)
		if (strcmp(kept[i].name, name) == 0) {
			*tenant = kept[i];
			return OK;
		}
	return ERR_NOT_FOUND;
}
enum err store_tenant_list(struct store *store, store_each_tenant *each, void *context)
{
	(void)store;
	for (size_t i = 0; i < KEPT; i++)
		if (!each(&kept[i], context))
			break;
	return OK;
}
enum err store_audit_add(struct store *store, const struct store_audit_entry *entry)
{
	(void)store;
	snprintf(audited, sizeof audited, "%s: %s", entry->what, entry->on);
	return OK;
}

/* ---- turnsignal ---- */

static char asked[4096]; /* all that was asked, a line each */
static bool is_away;
static const char *refusal;
static unsigned rooms_of_green = 3;

static json_t *list_rooms(json_t *arguments)
{
	const char *tenant = json_string_value(json_object_get(arguments, "tenant"));
	const char *after = json_string_value(json_object_get(arguments, "after"));
	size_t limit = (size_t)json_integer_value(json_object_get(arguments, "limit")), i;
	json_t *rooms = json_array();
	size_t count = tenant != NULL && strcmp(tenant, "green") == 0 ? rooms_of_green : 1;

	for (i = after == NULL ? 0 : (size_t)atoi(after); i < count; i++) {
		if (json_array_size(rooms) == limit)
			break;
		json_array_append_new(rooms, json_sprintf("%s%zu", tenant ? tenant : "all", i));
	}
	return json_pack("{s:o, s:o, s:[s], s:i, s:i}", "rooms", rooms, "next",
	                 i < count ? json_sprintf("%zu", i) : json_null(), "missing", "two",
	                 "matched", 5, "total", 99);
}

enum err control_ask(const char *path, const char *request, json_t *arguments, json_t **result,
                     char problem[256])
{
	char *text = json_dumps(arguments, JSON_COMPACT | JSON_SORT_KEYS);
	size_t len = strlen(asked);

	is_text(path, "/signal", "turnsignal is asked");
	snprintf(asked + len, sizeof asked - len, "%s %s\n", request, text ? text : "-");
	free(text);
	*result = refusal != NULL || is_away          ? NULL
	          : strcmp(request, "room list") == 0 ? list_rooms(arguments)
	                                              : json_pack("{s:b}", "done", 1);
	json_decref(arguments);
	snprintf(problem, 256, "%s", refusal != NULL ? refusal : "");
	return is_away ? ERR_UNAVAILABLE : refusal != NULL ? ERR_DENIED : OK;
}

/* ---- asking ---- */

struct wish {
	void (*function)(struct api_call *call);
	const char *realm; /* of who asks; NULL: all */
	const char *tenant, *type, *name, *body;
	const char *query[8];
};

static struct http_call got;

static unsigned ask(struct wish wish)
{
	static char realm[] = "own.org";
	static struct config config = {.realm = realm};
	static struct console console = {
		.config = &config, .relay_socket = "", .signaling_socket = "/signal"};
	struct api_call call = {.http = &got, .console = &console};
	const char *parts[] = {wish.tenant, wish.type, wish.name};

	got = (struct http_call){0};
	memcpy(got.query, wish.query, sizeof got.query);
	asked[0] = audited[0] = '\0';
	call.who = (struct principal){.kind = ADMINISTRATOR, .name = "anna"};
	snprintf(call.who.realm, sizeof call.who.realm, "%s", wish.realm ? wish.realm : "");
	for (size_t i = 0; i < 3; i++)
		snprintf(call.parts[i], sizeof call.parts[i], "%s", parts[i] ? parts[i] : "");
	call.body = wish.body == NULL ? NULL : json_loads(wish.body, 0, NULL);
	wish.function(&call);
	json_decref(call.body);
	return got.status;
}

#define ASK(...) ask((struct wish){.function = __VA_ARGS__})
#define GREEN    .realm = "example.org", .tenant = "green", .type = "room", .name = "tea"
#define BLUE     .realm = "example.org", .tenant = "blue", .type = "room", .name = "tea"

static bool says(const char *text)
{
	if (strstr(got.answer, text) != NULL)
		return true;
	printf("# no %s in %s\n", text, got.answer);
	return false;
}

static void test_lists(void)
{
	is_int(ASK(api_rooms), 200, "who is of all realms asks once");
	is_text(asked, "room list {\"limit\":100}\n", "for all tenants");
	ok(says("\"total\":99"), "and is told how many there are of all");
	ASK(api_rooms, .query = {"limit", "500", "tenant", "blue", "after", "1"});
	is_text(asked, "room list {\"after\":\"1\",\"limit\":256,\"tenant\":\"blue\"}\n",
	        "no more than turnsignal gives, of a tenant, behind a place");
	is_int(ASK(api_rooms, .query = {"limit", "0"}), 400, "a page of nothing");
	is_int(ASK(api_rooms, .query = {"limit", "x"}), 400, "no number");
	is_int(ASK(api_rooms, .query = {"tenant", "a\x1b[1m"}), 400, "a control character");
	is_text(asked, "", "is not handed on");
	is_int(ASK(api_rooms, .query = {"after", "\xff"}), 200, "a place that nobody gave");
	ASK(api_participants, .query = {"user", "anna", "address", "10.0.0.0/8"});
	is_text(asked,
	        "session list {\"address\":\"10.0.0.0/8\",\"limit\":100,\"user\":\"anna\"}\n",
	        "sessions by user and address");
}

static void test_lists_of_realm(void)
{
	is_int(ASK(api_rooms, .realm = "example.org"), 200, "a realm's administrator");
	is_text(asked,
	        "room list {\"limit\":100,\"tenant\":\"green\"}\n"
	        "room list {\"limit\":97,\"tenant\":\"red\"}\n",
	        "has the rooms of the realm's tenants");
	ok(says("{\"rooms\":[\"green0\",\"green1\",\"green2\",\"red0\"],\"next\":null,\"missing\":["
	        "\"two\"]}"),
	   "in one page, and no number that tells of others'");
	ASK(api_rooms, .realm = "example.org", .query = {"limit", "2"});
	ok(says("[\"green0\",\"green1\"],\"next\":\"green:2\""), "a page within a tenant");
	ASK(api_rooms, .realm = "example.org", .query = {"limit", "2", "after", "green:2"});
	ok(says("[\"green2\",\"red0\"],\"next\":null"), "the page behind it");
	ASK(api_rooms, .realm = "example.org", .query = {"limit", "3"});
	ok(says("[\"green0\",\"green1\",\"green2\"],\"next\":\"red:\""),
	   "a page that ends with a tenant");
	ASK(api_rooms, .realm = "example.org", .query = {"limit", "3", "after", "red:"});
	ok(says("[\"red0\"],\"next\":null"), "the one behind that");
	ASK(api_rooms, .realm = "example.org", .query = {"after", "blue:0"});
	ok(strstr(asked, "blue") == NULL && says("green0"), "another's tenant is no place");
	ASK(api_rooms, .realm = "example.org", .query = {"tenant", "red"});
	is_text(asked, "room list {\"limit\":100,\"tenant\":\"red\"}\n", "of one tenant");
	ok(says("\"matched\":5") && strstr(got.answer, "total") == NULL,
	   "how many there are of all is not told");
	is_int(ASK(api_rooms, .realm = "example.org", .query = {"tenant", "blue"}), 403,
	       "another realm's tenant");
	is_int(ASK(api_rooms, .realm = "example.org", .query = {"tenant", "none"}), 403,
	       "one that is not there");
	is_text(asked, "", "are not asked about");
	ASK(api_rooms, .realm = "nowhere.org");
	ok(says("{\"rooms\":[],\"next\":null,\"missing\":[]}"), "a realm without tenants");
	ASK(api_rooms, .realm = "own.org");
	is_text(asked,
	        "room list {\"limit\":100,\"tenant\":\"default\"}\n"
	        "room list {\"limit\":99,\"tenant\":\"void\"}\n",
	        "tenants without a realm are of the server's, and the one that needs no entry");
}

static void test_cross_realm(void)
{
	static void (*const functions[])(struct api_call *) = {
		api_room, api_change_room, api_close_room, api_kick, api_mute, api_end_participant,
	};
	const char *body = "{\"participant\":\"x\",\"locked\":true}";

	for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
		is_int(ASK(functions[i], BLUE, .body = body), 403, "%zu: of another realm", i);
		ok(asked[0] == '\0' && audited[0] == '\0' && says("another-realm"),
		   "nothing is asked and nothing done");
	}
	is_int(ASK(api_room, .realm = "example.org", .tenant = "../blue", .type = "a", .name = "b"),
	       403, "what is no name of a tenant");
	has_store = false;
	is_int(ASK(api_room, GREEN), 503, "without the store nobody knows whose it is");
	is_text(asked, "", "and nothing is asked");
	is_int(ASK(api_room, .tenant = "blue", .type = "room", .name = "tea"), 200,
	       "which is nothing to who is of all realms");
	has_store = true;
}

static void test_orders(void)
{
	is_int(ASK(api_room, GREEN), 200, "a room");
	is_text(asked, "room show {\"name\":\"tea\",\"tenant\":\"green\",\"type\":\"room\"}\n",
	        "as it was asked");
	is_text(audited, "", "to look is no entry");
	is_int(ASK(api_change_room, GREEN, .body = "{\"locked\":false,\"capacity\":4}"), 200,
	       "a change");
	is_text(asked,
	        "room change {\"capacity\":4,\"locked\":false,\"name\":\"tea\",\"tenant\":"
	        "\"green\",\"type\":\"room\"}\n",
	        "as it was asked");
	is_text(audited, "room change: tenant=green type=room room=\"tea\" locked=false capacity=4",
	        "is in the audit log");
	is_int(ASK(api_change_room, GREEN, .body = "{}"), 400, "of nothing");
	is_int(ASK(api_change_room, GREEN), 400, "of nothing at all");
	is_int(ASK(api_change_room, GREEN, .body = "{\"locked\":\"yes\"}"), 400, "no flag");
	is_int(ASK(api_change_room, GREEN, .body = "{\"capacity\":-1}"), 400, "less than none");
	is_int(ASK(api_kick, GREEN, .body = "{\"participant\":\"p1\",\"reason\":\"r\"}"), 204,
	       "somebody goes");
	is_text(asked,
	        "room kick {\"name\":\"tea\",\"participant\":\"p1\",\"reason\":\"r\",\"tenant\":"
	        "\"green\",\"type\":\"room\"}\n",
	        "as it was asked");
	is_text(audited, "room kick: tenant=green type=room room=\"tea\" participant=\"p1\"",
	        "is in it");
	is_int(ASK(api_kick, GREEN, .body = "{}"), 400, "nobody goes");
	is_int(ASK(api_mute, GREEN, .body = "{\"participant\":\"p1\",\"what\":\"video\"}"), 204,
	       "somebody is asked to be unseen");
	is_int(ASK(api_close_room, GREEN, .query = {"reason", "late"}), 204, "the end");
	is_text(audited, "room close: tenant=green type=room room=\"tea\"", "is in it");
	is_int(ASK(api_end_participant, .realm = "example.org", .tenant = "red", .type = "id"), 204,
	       "a session");
	is_text(asked, "session cancel {\"id\":\"id\",\"tenant\":\"red\"}\n",
	        "ends if it is that tenant's");
	is_int(ASK(api_nodes), 200, "nodes");
	is_int(ASK(api_drain_signaling, .body = "{\"deadline\":5}"), 200, "a drain");
	is_text(asked, "drain {\"deadline\":5}\n", "as it was asked");
	is_int(ASK(api_drain_signaling, .body = "{\"deadline\":-5}"), 400, "in no time");
}

static void test_refusals(void)
{
	refusal = "There is no such room.";
	is_int(ASK(api_room, GREEN), 404, "a room that is not there");
	refusal = "type: longer than 32 bytes";
	is_int(ASK(api_room, GREEN), 400, "what turnsignal does not take");
	ok(says(refusal), "and its words");
	is_int(ASK(api_kick, GREEN, .body = "{\"participant\":\"p1\"}"), 400, "also of an order");
	is_text(audited, "", "which was not done");
	refusal = NULL;
	is_away = true;
	is_int(ASK(api_rooms, .realm = "example.org"), 503, "turnsignal is away");
	ok(says("turnsignal does not answer"), "as is said");
	is_away = false;
}

static void test_tenants(void)
{
	is_int(ASK(api_tenants), 200, "all tenants");
	ok(says("\"name\":\"blue\"") && says("\"name\":\"default\",\"realm\":\"own.org\""),
	   "with the one that needs no entry");
	ok(strstr(got.answer, "a-secret") == NULL && says("\"has_secret\":true"), "no secret");
	ASK(api_tenants, .realm = "example.org");
	ok(says("green") && says("red") && strstr(got.answer, "blue") == NULL &&
	           strstr(got.answer, "default") == NULL,
	   "those of a realm");
}

int main(void)
{
	test_lists();
	test_lists_of_realm();
	test_cross_realm();
	test_orders();
	test_refusals();
	test_tenants();
	return tap_end();
}
