/* What the relay is asked and tells as it is: its log, and what it makes of a peer. */
#include "admin/api_relay_query.h"

enum { LINES_MAX = 500, WAIT_MAX_S = 20 };

static const json_int_t number_max = INT64_C(1) << 53;

void api_log(struct api_call *call)
{
	static const char *const texts[] = {"level", "event", "key", "contains", NULL};
	json_t *arguments = json_object(), *result;

	if (!relay_query_texts(call, arguments, texts) ||
	    !relay_query_number(call, arguments, "after", 0, number_max) ||
	    !relay_query_number(call, arguments, "limit", 1, LINES_MAX) ||
	    !relay_query_number(call, arguments, "wait", 0, WAIT_MAX_S)) {
		json_decref(arguments);
		return;
	}
	result = api_ask(call, API_RELAY, "log tail", arguments);
	if (result != NULL)
		api_answer(call, result);
}

void api_check_peer(struct api_call *call)
{
	static const char *const texts[] = {"address", NULL};
	json_t *arguments = json_object(), *result;

	if (!relay_query_texts(call, arguments, texts) ||
	    !relay_put_realm(call, arguments, http_query(call->http, "realm"))) {
		json_decref(arguments);
		return;
	}
	result = api_ask(call, API_RELAY, "peer check", arguments);
	if (result != NULL)
		api_answer(call, result);
}
