/* Who is connected to turnsignal, and its nodes. */
#include "admin/api.h"
#include "admin/api_pages.h"
#include "admin/api_tenants.h"

enum { YEAR_S = 31536000 };

void api_participants(struct api_call *call)
{
	static const struct api_pages pages = {
		.request = "session list",
		.items = "sessions",
		.filters = {"user", "room", "address"},
	};

	api_answer_page(call, &pages);
}

/* The tenant is told along: an id of another's is no session then. */
void api_end_participant(struct api_call *call)
{
	const char *tenant = call->parts[0], *id = call->parts[1];
	json_t *done;

	if (!api_may_tenant(call, tenant))
		return;
	done = api_ask(call, API_SIGNALING, "session cancel",
	               json_pack("{s:s, s:s}", "tenant", tenant, "id", id));
	if (done == NULL)
		return;
	json_decref(done);
	api_audit_done(call, "signaling session cancel", "tenant=%s session=%s", tenant, id);
	api_answer_nothing(call);
}

void api_nodes(struct api_call *call)
{
	json_t *nodes = api_ask(call, API_SIGNALING, "node list", NULL);

	if (nodes != NULL)
		api_answer(call, nodes);
}

void api_drain_signaling(struct api_call *call)
{
	json_int_t deadline_s = -1;
	json_t *arguments, *status;

	if (!api_get_number(call, "deadline", 0, YEAR_S, &deadline_s))
		return;
	arguments = json_object();
	if (deadline_s >= 0)
		json_object_set_new(arguments, "deadline", json_integer(deadline_s));
	status = api_ask(call, API_SIGNALING, "drain", arguments);
	if (status == NULL)
		return;
	api_audit_done(call, "signaling drain", "deadline=%lld", (long long)deadline_s);
	api_answer(call, status);
}
