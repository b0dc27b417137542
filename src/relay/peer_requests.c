/* "peer check" asks the very filter that permissions and packets are judged by, with the realm's lists as a relay thread has them: what it says
 * is what a client would meet. */
#include "relay/peer_requests.h"

#include <stdlib.h>

#include <jansson.h>

#include "base/bytes.h"
#include "control/message.h"
#include "relay/main_thread.h"
#include "relay/realms.h"
#include "relay/thread.h"

struct peer_check { /* on its way to the threads, of which the first is asked */
	struct circular circular;
	struct control_request *request;
	/* Of when it was asked: who replaces it lets each thread answer first. */
	const struct peer_filter *filter;
	char realm[TURN_REALM_MAX + 1]; /* "": the lists of every realm */
	struct transport_addr peer;     /* with a port it is also judged as a packet's */
	struct peer_ruling ruling;
	bool is_allowed;
};

static void judge(struct circular *circular, struct relay_thread *thread);
static void answer(struct circular *circular);

static bool get_realm(struct control_request *request, struct peer_check *check)
{
	const char *realm = "";

	if (!control_get_text(request, "realm", &realm))
		return false;
	if (text_copy(check->realm, sizeof check->realm, realm) == OK)
		return true;
	control_refuse(request, "realm: it is longer than %d bytes", TURN_REALM_MAX);
	return false;
}

static bool get_address(struct control_request *request, struct peer_check *check)
{
	const char *text = NULL;

	if (!control_get_text(request, "address", &text))
		return false;
	if (text != NULL && addr_parse(text, 0, &check->peer) == OK)
		return true;
	control_refuse(request,
	               "address: \"%.60s\" is none: give an IP, with a port or without, such as "
	               "192.0.2.1 or [2001:db8::1]:5000",
	               text != NULL ? text : "");
	return false;
}

void peer_check(struct control_request *request, void *context)
{
	struct main_thread *main_thread = context;
	struct peer_check *check = calloc(1, sizeof *check);

	if (check == NULL) {
		control_refuse(request, "%s", err_string(ERR_NO_MEMORY));
		return;
	}
	check->circular = (struct circular){.run = judge, .done = answer};
	check->request = request;
	check->filter = main_thread->relay->filter;
	if (!get_realm(request, check) || !get_address(request, check) ||
	    main_thread_refuses(main_thread, request)) {
		free(check);
	} else if (circular_begin(&main_thread->circulars, &check->circular) != OK) {
		free(check);
		control_refuse(request, "%s", err_string(ERR_NO_MEMORY));
	}
}

static void judge(struct circular *circular, struct relay_thread *thread)
{
	struct peer_check *check = CONTAINER_OF(circular, struct peer_check, circular);
	const struct peer_lists *lists;

	if (thread->index != 0)
		return;
	lists = realms_peers(thread->realms, check->realm);
	peer_filter_explain(check->filter, lists, &check->peer, &check->ruling);
	check->is_allowed = check->ruling.verdict == PEER_ALLOWED ||
	                    check->ruling.verdict == PEER_ALLOWED_IF_RELAYED;
	if (check->is_allowed && addr_port(&check->peer) != 0 &&
	    !peer_filter_allows(check->filter, lists, &check->peer, false)) {
		check->is_allowed = false;
		check->ruling = (struct peer_ruling){
			.verdict = PEER_DENIED_LISTENER,
			.source = PEER_BY_OWN_LISTENER,
			.reason = "an address of this server, and no relayed port",
		};
	}
}

/* ---- what is told ---- */

static const char *source_name(enum peer_source source)
{
	static const char *const names[] = {
		[PEER_BY_DEFAULT] = "default",       [PEER_BY_CONFIGURATION] = "configuration",
		[PEER_BY_REALM] = "store",           [PEER_BY_REGISTRY] = "special-purpose",
		[PEER_BY_OWN_LISTENER] = "listener", [PEER_BY_OWN_RELAY] = "relayed",
	};

	return names[source];
}

/* Which of the operator's lists has the rule; null where none has. */
static json_t *describe_list(const struct peer_ruling *ruling)
{
	bool is_listed = ruling->rule[0] != '\0' && ruling->source != PEER_BY_REGISTRY;

	return !is_listed                               ? json_null()
	       : ruling->verdict == PEER_DENIED_BY_RULE ? json_string("denied")
	                                                : json_string("allowed");
}

static void answer(struct circular *circular)
{
	struct peer_check *check = CONTAINER_OF(circular, struct peer_check, circular);
	const struct peer_ruling *ruling = &check->ruling;
	bool has_port = addr_port(&check->peer) != 0;
	char text[ADDR_TEXT_SIZE];

	control_answer(check->request,
	               json_pack("{s:s, s:o, s:b, s:b, s:o, s:o, s:s, s:s}", "address",
	                         has_port ? addr_format(&check->peer, text)
	                                  : addr_format_ip(&check->peer, text),
	                         "realm", control_text(check->realm), "allowed",
	                         (int)check->is_allowed, "only_relayed",
	                         ruling->verdict == PEER_ALLOWED_IF_RELAYED && !has_port, "list",
	                         describe_list(ruling), "rule",
	                         ruling->rule[0] != '\0' ? json_string(ruling->rule) : json_null(),
	                         "source", source_name(ruling->source), "reason", ruling->reason));
	free(check);
}
