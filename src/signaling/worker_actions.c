/* What the hub wants done. */
#include "signaling/authority.h"
#include "signaling/json_text.h"
#include "signaling/net_private.h"
#include "signaling/post.h"
#include "signaling/turn_source.h"

static void send_message(struct worker *worker, const struct hub_action *action)
{
	struct connection *connection = action->path;

	(void)worker;
	/* Who has said goodbye gets nothing more. */
	if (connection->session == NULL)
		buffer_release(action->buffer);
	else
		connection_queue_frame(connection, WEBSOCKET_OPCODE_TEXT, action->buffer, true);
}

static void pause_path(struct worker *worker, const struct hub_action *action)
{
	struct connection *connection = action->path;

	(void)worker;
	if (connection->session != NULL)
		connection_pause(connection, action->kind == HUB_PAUSE);
}

static void close_path(struct worker *worker, const struct hub_action *action)
{
	struct connection *connection = action->path;

	(void)worker;
	if (connection->session == NULL)
		return;
	connection->session = NULL;
	/* Of a reader that is too slow the hub keeps what it has not got: it would get it twice. */
	if (action->code == WEBSOCKET_TRY_LATER)
		connection_drop_unsent(connection);
	connection_close_websocket(connection, action->code, action->reason);
}

static void deliver_post(struct mail *mail, void *receiver)
{
	struct worker *worker = receiver;

	hub_post_input(worker->hub, CONTAINER_OF(mail, struct post, mail), worker->now);
}

static void send_post(struct worker *worker, const struct hub_action *action)
{
	const struct workers_settings *settings = &worker->workers->settings;
	const struct worker_host *host = &settings->host;
	struct post *post = action->post;

	if (worker->workers->is_ending) {
		post_destroy(post);
	} else if (action->place.node == settings->hub.place.node &&
	           action->place.worker < worker->workers->count) {
		post->mail.deliver = deliver_post;
		mailbox_post(worker->workers->worker[action->place.worker]->mailbox, &post->mail);
	} else if (host->post != NULL) {
		host->post(host->context, worker, action->place, post);
	} else {
		post_destroy(post);
	}
}

/* Checks a proof. An address whose proofs did not hold too often waits until others are looked at: guessing has to be slow. */
enum signaling_error worker_identify(struct worker *worker, const struct claim *claim,
                                     const struct transport_addr *client, struct identity *identity)
{
	struct address_limits *limits = worker->workers->limits;
	bool is_proof = claim->kind != CLAIM_ANYBODY;

	if (worker->policy.services.authority == NULL || hub_is_waiting(worker->hub))
		return SIGNALING_UNAVAILABLE;
	if (is_proof && client != NULL && address_limits_is_barred(limits, client, worker->now)) {
		net_count(&worker->counters, NET_COUNT_requests_limited, 1);
		return SIGNALING_RATE_LIMITED;
	}
	enum signaling_error error = authority_identify(worker->policy.services.authority, claim,
	                                                worker->wall_ms, identity);
	if (error != SIGNALING_OK && is_proof && client != NULL)
		address_limits_failed(limits, client, worker->now);
	return error;
}

static void identify(struct worker *worker, const struct hub_action *action)
{
	struct transport_addr client;
	struct identity identity = {0};
	uint64_t cookie = action->cookie;
	bool has_client = action->session != NULL &&
	                  addr_parse(session_address(action->session), 0, &client) == OK;
	enum signaling_error error =
		worker_identify(worker, action->claim, has_client ? &client : NULL, &identity);

	hub_identified(worker->hub, cookie, error == SIGNALING_OK ? &identity : NULL, error,
	               worker->now);
}

/* Who may join nothing calls nobody: a stranger who has proved nothing yet gets none. */
static void give_credentials(struct worker *worker, const struct hub_action *action)
{
	const struct turn_source *source = worker->policy.services.turn_source;
	const char *address = action->session == NULL ? "" : session_address(action->session);
	struct turn_credentials_room room;
	uint64_t cookie = action->cookie;
	bool may_join = action->identity->permissions & MAY_JOIN;
	bool is_given = may_join && source != NULL &&
	                turn_source_issue(source, action->identity, action->session_id, address,
	                                  worker->wall_ms, &room) == OK;

	hub_credentials(worker->hub, cookie, is_given ? &room.credentials : NULL, worker->now);
}

static void revoke(struct worker *worker, const struct hub_action *action)
{
	const struct worker_host *host = &worker->workers->settings.host;

	if (host->revoke != NULL)
		host->revoke(host->context, worker, action->identity, action->username);
}

static void find_room(struct worker *worker, const struct hub_action *action)
{
	const struct worker_host *host = &worker->workers->settings.host;

	if (host->find_room != NULL)
		host->find_room(host->context, worker, action->cookie, action->room);
	else
		hub_room_found(worker->hub, action->cookie, NULL, 0, worker->now);
}

static void keep_session(struct worker *worker, const struct hub_action *action)
{
	const struct worker_host *host = &worker->workers->settings.host;

	if (host->keep_session != NULL)
		host->keep_session(host->context, worker, action->session_id, action->post,
		                   action->is_moved);
	else
		post_destroy(action->post);
}

static void find_session(struct worker *worker, const struct hub_action *action)
{
	const struct worker_host *host = &worker->workers->settings.host;

	if (host->find_session != NULL && action->session != NULL)
		host->find_session(host->context, worker, action->cookie, action->session_id,
		                   action->address, action->session);
	else
		hub_session_found(worker->hub, action->cookie, NULL, NULL, worker->now);
}

static void recall_room(struct worker *worker, const struct hub_action *action)
{
	const struct worker_host *host = &worker->workers->settings.host;

	if (host->recall_room != NULL)
		host->recall_room(host->context, worker, action->cookie, action->room);
	else
		hub_room_recalled(worker->hub, action->cookie, true, NULL, worker->now);
}

static void tell_room_changed(struct worker *worker, const struct hub_action *action)
{
	const struct worker_host *host = &worker->workers->settings.host;

	const struct room_facts facts = {
		.info = *action->room,
		.generation = action->generation,
		.pin = action->pin.at,
		.kicked = action->kicked,
		.has_forgotten = !slice_is_empty(json_member(action->kicked, "forgotten"))};

	if (host->room_changed != NULL)
		host->room_changed(host->context, worker, &facts, action->is_gone);
}

static void emit(struct worker *worker, const struct hub_action *action)
{
	const struct worker_host *host = &worker->workers->settings.host;

	if (host->emit != NULL)
		host->emit(host->context, worker, action->event);
}

static void (*const act[])(struct worker *worker, const struct hub_action *action) = {
	[HUB_SEND] = send_message,
	[HUB_PAUSE] = pause_path,
	[HUB_RESUME] = pause_path,
	[HUB_CLOSE] = close_path,
	[HUB_POST] = send_post,
	[HUB_IDENTIFY] = identify,
	[HUB_CREDENTIALS] = give_credentials,
	[HUB_REVOKE] = revoke,
	[HUB_FIND_ROOM] = find_room,
	[HUB_KEEP_SESSION] = keep_session,
	[HUB_FIND_SESSION] = find_session,
	[HUB_RECALL_ROOM] = recall_room,
	[HUB_ROOM_CHANGED] = tell_room_changed,
	[HUB_EMIT] = emit,
};

void worker_act(struct worker *worker)
{
	struct hub_action action;

	while (hub_next_action(worker->hub, &action))
		act[action.kind](worker, &action);
}
