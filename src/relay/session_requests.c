/* Requests about sessions: their arguments become a wish for a survey, and what it finds becomes JSON. */
#include "relay/session_requests.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "control/message.h"
#include "relay/main_thread.h"

enum { MS_PER_S = 1000, PAGE_DEFAULT = 50, CANCEL_DEFAULT = 1000, PLACE_SIZE = 40 };

static const char *const orders[SESSION_ORDERS] = {
	[SESSIONS_BY_AGE] = "age",
	[SESSIONS_BY_RATE] = "rate",
	[SESSIONS_BY_BYTES] = "bytes",
};

static bool get_filter(struct control_request *request, struct session_filter *filter);
static void ask(struct control_request *request, struct main_thread *main_thread,
                const struct sessions_wish *wish, sessions_done *done);
static bool has_failed(struct control_request *request, const struct sessions_found *found);
static json_t *describe(const struct session *session, timestamp now);
static json_t *describe_in_full(const struct sessions_found *found);

/* ---- list ---- */

static bool get_order(struct control_request *request, enum session_order *order)
{
	const char *name = orders[*order];

	if (!control_get_text(request, "sort", &name))
		return false;
	for (unsigned i = 0; i < SESSION_ORDERS; i++)
		if (strcmp(orders[i], name) == 0) {
			*order = i;
			return true;
		}
	control_refuse(request, "sort: \"%.40s\" is not one of age, rate, bytes", name);
	return false;
}

/* "next" of the page before, as it was given. */
static bool get_after(struct control_request *request, struct sessions_wish *wish)
{
	const char *text = NULL;
	int end = 0;

	if (!control_get_text(request, "after", &text))
		return false;
	if (text == NULL)
		return true;
	wish->has_after = true;
	if (strlen(text) < PLACE_SIZE &&
	    sscanf(text, "%" SCNx64 "-%" SCNx64 "%n", &wish->after.key, &wish->after.id, &end) ==
	            2 &&
	    text[end] == 0)
		return true;
	control_refuse(request, "after: give what \"next\" of the page before was");
	return false;
}

static json_t *describe_next(const struct sessions_found *found)
{
	char text[PLACE_SIZE];

	if (found->is_all || found->count == 0)
		return json_null();
	const struct session_place *last = &found->item[found->count - 1]->place;
	snprintf(text, sizeof text, "%" PRIx64 "-%" PRIx64, last->key, last->id);
	return json_string(text);
}

static void answer_list(const struct sessions_found *found, void *context)
{
	struct control_request *request = context;
	json_t *list = json_array();

	if (has_failed(request, found)) {
		json_decref(list);
		return;
	}
	for (unsigned i = 0; i < found->count; i++)
		json_array_append_new(list, describe(found->item[i], found->now));
	control_answer(request,
	               json_pack("{s:I, s:I, s:o, s:o}", "matched", (json_int_t)found->matched,
	                         "total", (json_int_t)found->seen, "sessions", list, "next",
	                         describe_next(found)));
}

void session_list(struct control_request *request, void *context)
{
	struct sessions_wish wish = {.order = SESSIONS_BY_AGE};
	json_int_t limit = PAGE_DEFAULT;
	bool rates = true;

	if (!get_filter(request, &wish.filter) || !get_order(request, &wish.order) ||
	    !get_after(request, &wish) || !control_get_flag(request, "rates", &rates) ||
	    !control_get_number(request, "limit", 1, SESSIONS_PAGE_MAX, &limit))
		return;
	wish.limit = (unsigned)limit;
	wish.wants_rates = rates || wish.order == SESSIONS_BY_RATE;
	ask(request, context, &wish, answer_list);
}

/* ---- show ---- */

static bool get_id(struct control_request *request, uint64_t *id)
{
	const char *text = NULL;

	if (!control_get_text(request, "id", &text))
		return false;
	if (text == NULL || session_id_parse(text, id) == OK)
		return true;
	control_refuse(request, "id: \"%.40s\" is none: give one as the log has it, such as 0.17",
	               text);
	return false;
}

static void answer_show(const struct sessions_found *found, void *context)
{
	struct control_request *request = context;

	if (has_failed(request, found))
		return;
	if (found->count == 0)
		control_refuse(request, "there is no such session, or no longer");
	else
		control_answer(request, describe_in_full(found));
}

void session_show(struct control_request *request, void *context)
{
	struct sessions_wish wish = {
		.filter = {.transport = -1, .thread = -1},
		.limit = 1,
		.wants_rates = true,
		.wants_peers = true,
	};

	if (!get_id(request, &wish.filter.id) ||
	    !control_get_text(request, "realm", &wish.filter.realm))
		return;
	if (wish.filter.id == 0)
		control_refuse(request, "id: it is missing");
	else
		ask(request, context, &wish, answer_show);
}

/* ---- cancel ---- */

static void answer_cancel(const struct sessions_found *found, void *context)
{
	struct control_request *request = context;

	if (has_failed(request, found))
		return;
	if (found->cancelled == 0)
		control_refuse(request, "there is no such session, or no longer");
	else
		control_answer(request,
		               json_pack("{s:I}", "cancelled", (json_int_t)found->cancelled));
}

/* By id, or all of a user: one of the two has to be said, lest a slip ends every call. */
void session_cancel(struct control_request *request, void *context)
{
	struct sessions_wish wish = {
		.filter = {.transport = -1, .thread = -1},
		.actor = "control socket",
	};
	json_int_t most = CANCEL_DEFAULT;
	bool has_user;

	if (!get_id(request, &wish.filter.id) ||
	    !control_get_text(request, "user", &wish.filter.user) ||
	    !control_get_text(request, "realm", &wish.filter.realm) ||
	    !control_get_number(request, "most", 1, SESSIONS_CANCELLED_MAX, &most))
		return;
	has_user = wish.filter.user != NULL;
	if ((wish.filter.id != 0) == has_user) {
		control_refuse(request, "say which: id, or user for all of a user");
		return;
	}
	wish.cancel = has_user ? (uint32_t)most : 1;
	ask(request, context, &wish, answer_cancel);
}

/* ---- arguments that several have ---- */

static bool get_range(struct control_request *request, const char *name, bool *is_set,
                      struct addr_range *range)
{
	const char *text = NULL;

	if (!control_get_text(request, name, &text))
		return false;
	*is_set = text != NULL;
	if (text == NULL || addr_range_parse(text, range) == OK)
		return true;
	control_refuse(request,
	               "%s: \"%.60s\" is no address: give 192.0.2.1, 192.0.2.0/24 or "
	               "192.0.2.1-192.0.2.9, IPv4 or IPv6",
	               name, text);
	return false;
}

static bool get_transport(struct control_request *request, int *transport)
{
	const char *name = NULL;

	*transport = -1;
	if (!control_get_text(request, "transport", &name))
		return false;
	if (name == NULL)
		return true;
	for (int i = 0; i < TRANSPORT_COUNT; i++)
		if (strcasecmp(transport_name((enum transport)i), name) == 0)
			*transport = i;
	if (*transport < 0)
		control_refuse(request, "transport: \"%.40s\" is not one of udp, tcp, tls, dtls",
		               name);
	return *transport >= 0;
}

static bool get_filter(struct control_request *request, struct session_filter *filter)
{
	json_int_t thread = -1;

	if (!get_id(request, &filter->id) || !control_get_text(request, "user", &filter->user) ||
	    !control_get_text(request, "contains", &filter->user_part) ||
	    !control_get_text(request, "realm", &filter->realm) ||
	    !control_get_text(request, "origin", &filter->origin) ||
	    !get_range(request, "client", &filter->has_client, &filter->client) ||
	    !get_range(request, "peer", &filter->has_peer, &filter->peer) ||
	    !get_transport(request, &filter->transport) ||
	    !control_get_number(request, "thread", 0, UINT16_MAX, &thread))
		return false;
	filter->thread = (int)thread;
	return true;
}

static void ask(struct control_request *request, struct main_thread *main_thread,
                const struct sessions_wish *wish, sessions_done *done)
{
	enum err err;

	if (main_thread_refuses(main_thread, request))
		return;
	err = sessions_ask(main_thread->sessions, wish, done, request);
	if (err != OK)
		control_refuse(request, "%s", err_string(err));
}

static bool has_failed(struct control_request *request, const struct sessions_found *found)
{
	if (found->err == OK)
		return false;
	control_refuse(request, "%s",
	               found->err == ERR_CLOSED ? "the server ends" : err_string(found->err));
	return true;
}

/* ---- answers ---- */

static json_t *addr_text(const struct transport_addr *addr)
{
	char text[ADDR_TEXT_SIZE];

	return json_string(addr_format(addr, text));
}

static json_t *ip_text(const struct transport_addr *addr)
{
	char text[ADDR_TEXT_SIZE];

	return json_string(addr_format_ip(addr, text));
}

static json_t *describe_relayed(const struct turn_relay *relay)
{
	json_t *list = json_array();

	for (int family = 0; family < TURN_FAMILY_COUNT; family++)
		if (relay[family].relay != NULL)
			json_array_append_new(list, addr_text(&relay[family].public_addr));
	return list;
}

static json_t *describe_direction(uint64_t packets, uint64_t bytes, const struct turn_rates *rates,
                                  enum turn_direction direction)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "packets", (json_int_t)packets, "bytes",
	                 (json_int_t)bytes, "packets_s", (json_int_t)rates->packets[direction],
	                 "bytes_s", (json_int_t)rates->bytes[direction]);
}

/* Rounded up: what lives has a second left. */
static json_t *seconds_until(timestamp then, timestamp now)
{
	return json_integer(then > now ? (json_int_t)((then - now + MS_PER_S - 1) / MS_PER_S) : 0);
}

static void describe_traffic(json_t *object, const struct session *session)
{
	const struct turn_traffic *traffic = &session->what.traffic;

	json_object_set_new(object, "to_peer",
	                    describe_direction(traffic->to_peer_packets, traffic->to_peer_bytes,
	                                       &session->rates, TURN_TOWARDS_PEER));
	json_object_set_new(object, "to_client",
	                    describe_direction(traffic->to_client_packets, traffic->to_client_bytes,
	                                       &session->rates, TURN_TOWARDS_CLIENT));
	json_object_set_new(object, "limited_packets",
	                    json_integer((json_int_t)traffic->limited_packets));
}

static void describe_names(json_t *object, const struct session *session)
{
	char id[SESSION_ID_SIZE];

	json_object_set_new(object, "id", json_string(session_id_format(session->what.id, id)));
	json_object_set_new(object, "user", control_text(session->username));
	json_object_set_new(object, "realm", control_text(session->realm));
	if (session->origin[0] != 0)
		json_object_set_new(object, "origin", control_text(session->origin));
}

static void describe_tls(json_t *object, const struct session *session)
{
	if (session->tls_version != NULL)
		json_object_set_new(object, "tls",
		                    json_pack("{s:s, s:s}", "version", session->tls_version,
		                              "cipher", session->tls_cipher));
}

static json_t *describe(const struct session *session, timestamp now)
{
	const struct turn_session *what = &session->what;
	json_t *object = json_object();

	describe_names(object, session);
	json_object_set_new(object, "client", addr_text(&session->tuple.client));
	json_object_set_new(object, "server", addr_text(&session->tuple.server));
	json_object_set_new(object, "transport",
	                    json_string(transport_name(session->tuple.transport)));
	json_object_set_new(object, "relayed", describe_relayed(session->relay));
	json_object_set_new(object, "relays", json_string(what->is_tcp ? "TCP" : "UDP"));
	json_object_set_new(object, "thread", json_integer((json_int_t)session->thread));
	json_object_set_new(object, "age",
	                    json_integer((json_int_t)((now - what->created) / MS_PER_S)));
	json_object_set_new(object, "expires", seconds_until(what->expiry, now));
	json_object_set_new(object, "mobile", json_boolean(what->is_mobile));
	describe_tls(object, session);
	json_object_set_new(object, "max_bps", json_integer((json_int_t)what->granted_bps));
	json_object_set_new(object, "permission_count", json_integer(what->permissions));
	json_object_set_new(object, "channel_count", json_integer(what->channels));
	json_object_set_new(object, "connection_count", json_integer(what->connections));
	describe_traffic(object, session);
	return object;
}

static json_t *describe_peer(const struct turn_session_peer *peer, timestamp now)
{
	char number[16];

	snprintf(number, sizeof number, "0x%04" PRIx32, peer->number);
	switch (peer->type) {
	case TURN_CHANNEL:
		return json_pack("{s:s, s:o, s:o}", "number", number, "peer",
		                 addr_text(&peer->addr), "expires",
		                 seconds_until(peer->expiry, now));
	case TURN_CONNECTION:
		return json_pack("{s:o, s:b}", "peer", addr_text(&peer->addr), "joined",
		                 peer->expiry == TIMESTAMP_NEVER);
	case TURN_PERMISSION:
		break;
	}
	return json_pack("{s:o, s:o}", "peer", ip_text(&peer->addr), "expires",
	                 seconds_until(peer->expiry, now));
}

static json_t *describe_in_full(const struct sessions_found *found)
{
	static const char *const names[] = {
		[TURN_PERMISSION] = "permissions",
		[TURN_CHANNEL] = "channels",
		[TURN_CONNECTION] = "connections",
	};
	json_t *object = describe(found->item[0], found->now);

	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
		json_object_set_new(object, names[i], json_array());
	for (size_t i = 0; i < found->peer_count; i++)
		json_array_append_new(json_object_get(object, names[found->peer[i].type]),
		                      describe_peer(&found->peer[i], found->now));
	json_object_set_new(object, "more_peers", json_boolean(found->has_more_peers));
	return object;
}
