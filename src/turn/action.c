/* The queue of what the host has to do. An entry owns copies of what its action points at: the
 * allocation it tells of may be gone when the host reads it. */
#include "turn/action.h"

#include <stdlib.h>
#include <string.h>

#include "turn/request.h"

enum { QUEUED_MESSAGES_MAX = 4096 }; /* far more than a host leaves between two of its rounds */

struct queued_action {
	struct list node;
	struct turn_action action;
	struct packet packet;    /* TURN_SEND, TURN_MOVE_CLIENT, TURN_KEPT */
	struct five_tuple tuple; /* TURN_OPEN_RELAY, TURN_REPORT, TURN_LIMIT_REACHED, TURN_KEPT */
	struct turn_relay relay[TURN_FAMILY_COUNT];
	uint8_t bytes[];
};

static struct queued_action *push(struct turn_server *server, enum turn_action_type type,
                                  size_t len);
static struct queued_action *push_send(struct turn_server *server, const struct five_tuple *tuple,
                                       void *path, const uint8_t *bytes, size_t len);

bool turn_next_action(struct turn_server *server, struct turn_action *action)
{
	struct list *first = list_first(&server->actions);

	free(server->current_action);
	server->current_action = NULL;
	if (first == NULL)
		return false;
	list_remove(first);
	server->current_action = CONTAINER_OF(first, struct queued_action, node);
	server->queued_messages -= server->current_action->action.type == TURN_SEND;
	*action = server->current_action->action;
	return true;
}

void action_queue_deinit(struct turn_server *server)
{
	struct turn_action action;

	while (turn_next_action(server, &action))
		if (action.type == TURN_HANDOFF)
			turn_handoff_destroy(server, action.handoff);
}

void action_send(struct turn_server *server, const struct five_tuple *tuple, void *path,
                 const uint8_t *bytes, size_t len)
{
	(void)push_send(server, tuple, path, bytes, len);
}

void action_send_setup(struct turn_server *server, const struct five_tuple *tuple, void *path,
                       const uint8_t *bytes, size_t len, uint64_t began_us)
{
	struct queued_action *entry = push_send(server, tuple, path, bytes, len);

	if (entry != NULL)
		entry->action.began_us = began_us;
}

static struct queued_action *push_send(struct turn_server *server, const struct five_tuple *tuple,
                                       void *path, const uint8_t *bytes, size_t len)
{
	if (server->queued_messages >= QUEUED_MESSAGES_MAX) {
		drop(server, COUNT_drop_reply_full);
		return NULL;
	}
	struct queued_action *entry = push(server, TURN_SEND, len);
	if (entry == NULL)
		return NULL;
	memcpy(entry->bytes, bytes, len);
	entry->packet = (struct packet){
		.data = entry->bytes,
		.len = len,
		.frame = entry->bytes,
		.size = len,
		.src = tuple->server,
		.dst = tuple->client,
	};
	entry->action.message = &entry->packet;
	entry->action.path = path;
	entry->action.dst = tuple->client;
	server->queued_messages++;
	counter_add_for(server->settings.counters, tuple->transport, COUNT_client_packets_out, 1);
	counter_add_for(server->settings.counters, tuple->transport, COUNT_client_bytes_out, len);
	return entry;
}

void action_open_relay(struct turn_server *server, uint64_t cookie,
                       const struct turn_open_relay *open)
{
	size_t name_len = strlen(open->username) + 1, realm_len = strlen(open->realm) + 1;
	struct queued_action *entry = push(server, TURN_OPEN_RELAY, name_len + realm_len);

	if (entry == NULL)
		return;
	entry->action.cookie = cookie;
	entry->tuple = *open->tuple;
	entry->action.open = *open;
	entry->action.open.tuple = &entry->tuple;
	entry->action.open.username = memcpy(entry->bytes, open->username, name_len);
	entry->action.open.realm = memcpy(entry->bytes + name_len, open->realm, realm_len);
}

void action_close_relay(struct turn_server *server, void *relay)
{
	struct queued_action *entry = push(server, TURN_CLOSE_RELAY, 0);

	if (entry != NULL)
		entry->action.relay = relay;
}

void action_find_key(struct turn_server *server, uint64_t cookie, const struct turn_find_key *find)
{
	bool is_hashed = find->username == NULL;
	size_t len = is_hashed ? STUN_USERHASH_SIZE : strlen(find->username) + 1;
	size_t realm_len = strlen(find->realm) + 1;
	struct queued_action *entry = push(server, TURN_FIND_KEY, len + realm_len);

	if (entry == NULL)
		return;
	memcpy(entry->bytes, is_hashed ? (const void *)find->userhash : find->username, len);
	entry->action.cookie = cookie;
	entry->action.find = *find;
	entry->action.find.realm = memcpy(entry->bytes + len, find->realm, realm_len);
	if (is_hashed)
		entry->action.find.userhash = entry->bytes;
	else
		entry->action.find.username = (const char *)entry->bytes;
}

void action_flow(struct turn_server *server, enum turn_action_type type,
                 const struct channel *channel)
{
	const struct turn_allocation *allocation = channel->permission->allocation;
	struct queued_action *entry = push(server, type, 0);

	if (entry == NULL)
		return;
	entry->action.flow = (struct turn_flow){
		.client = allocation->tuple,
		.relayed = allocation->relay[family_of(&channel->peer)].addr,
		.peer = channel->peer,
		.channel = channel->number,
	};
}

struct queued_action *action_prepare(struct turn_server *server)
{
	struct queued_action *entry = calloc(1, sizeof *entry);

	if (entry == NULL)
		drop(server, COUNT_drop_no_memory);
	return entry;
}

void action_discard(struct queued_action *entry)
{
	free(entry);
}

void action_handoff(struct turn_server *server, struct queued_action *entry, unsigned thread,
                    struct turn_handoff *handoff)
{
	entry->action.type = TURN_HANDOFF;
	entry->action.thread = thread;
	entry->action.handoff = handoff;
	list_append(&server->actions, &entry->node);
}

void action_kept(struct turn_server *server, const struct five_tuple *tuple, void *path,
                 const struct packet *packet)
{
	struct queued_action *entry = push(server, TURN_KEPT, packet->len);

	if (entry == NULL)
		return;
	entry->tuple = *tuple;
	entry->packet = *packet;
	entry->packet.data = entry->packet.frame = memcpy(entry->bytes, packet->data, packet->len);
	entry->packet.size = packet->len;
	entry->action.tuple = &entry->tuple;
	entry->action.message = &entry->packet;
	entry->action.path = path;
}

void action_connect_peer(struct turn_server *server, uint64_t cookie, void *relay,
                         const struct transport_addr *peer)
{
	struct queued_action *entry = push(server, TURN_CONNECT_PEER, 0);

	if (entry == NULL)
		return;
	entry->action.cookie = cookie;
	entry->action.relay = relay;
	entry->action.dst = *peer;
}

void action_close_peer(struct turn_server *server, uint64_t cookie)
{
	struct queued_action *entry = push(server, TURN_CLOSE_PEER, 0);

	if (entry != NULL)
		entry->action.cookie = cookie;
}

void action_join(struct turn_server *server, uint64_t cookie, void *path)
{
	struct queued_action *entry = push(server, TURN_JOIN, 0);

	if (entry == NULL)
		return;
	entry->action.cookie = cookie;
	entry->action.path = path;
}

void action_move_client(struct turn_server *server, void *path, unsigned thread,
                        const uint8_t *bytes, size_t len)
{
	struct queued_action *entry = push(server, TURN_MOVE_CLIENT, len);

	if (entry == NULL)
		return;
	entry->packet = (struct packet){
		.data = memcpy(entry->bytes, bytes, len),
		.len = len,
		.frame = entry->bytes,
		.size = len,
	};
	entry->action.message = &entry->packet;
	entry->action.path = path;
	entry->action.thread = thread;
}

/* Copies a text with its end and moves on behind it. */
static const char *put_text(char **room, const char *text)
{
	size_t size = strlen(text) + 1;
	const char *copy = memcpy(*room, text, size);

	*room += size;
	return copy;
}

static struct turn_traffic traffic_since(const struct turn_traffic *now,
                                         const struct turn_traffic *then)
{
	return (struct turn_traffic){
		.to_peer_packets = now->to_peer_packets - then->to_peer_packets,
		.to_peer_bytes = now->to_peer_bytes - then->to_peer_bytes,
		.to_client_packets = now->to_client_packets - then->to_client_packets,
		.to_client_bytes = now->to_client_bytes - then->to_client_bytes,
		.limited_packets = now->limited_packets - then->limited_packets,
	};
}

void action_report(const struct turn_allocation *allocation, enum turn_report_type type,
                   const char *reason)
{
	const char *realm = allocation_home(allocation);
	const char *origin = allocation->origin != NULL ? allocation->origin : "";
	size_t size =
		strlen(allocation->username) + strlen(realm) + strlen(origin) + strlen(reason) + 4;
	struct queued_action *entry = push(allocation->server, TURN_REPORT, size);
	char *room;

	if (entry == NULL)
		return;
	room = (char *)entry->bytes;
	entry->tuple = allocation->tuple;
	memcpy(entry->relay, allocation->relay, sizeof entry->relay);
	entry->action.report = (struct turn_report){
		.type = type,
		.id = allocation->id,
		.username = put_text(&room, allocation->username),
		.realm = put_text(&room, realm),
		.origin = put_text(&room, origin),
		.tuple = &entry->tuple,
		.relay = entry->relay,
		.lifetime_s = allocation->lifetime_s,
		.age_s = (allocation->server->now - allocation->created) / MS_PER_S,
		.traffic = allocation->traffic,
		.recent = traffic_since(&allocation->traffic, &allocation->reported),
		.reason = put_text(&room, reason),
	};
}

/* What every client begins with, a 401 and a 438, is not; nor what a forger can have answered. */
static bool is_worth_telling(const struct request *request, int error)
{
	const struct turn_settings *settings = &request->server->settings;

	if (request->is_told)
		return false;
	if (error == STUN_NO_ERROR)
		return settings->tells &
		       (request->message.method == STUN_BINDING ? TURN_TELL_BINDING
		                                                : TURN_TELL_SUCCESS);
	if (error == STUN_STALE_NONCE || error == STUN_TRY_ALTERNATE)
		return false;
	return settings->is_open || request->is_authenticated || request->is_nonce_fresh;
}

/* Of several peers in a request the first that may not be had; of one, that one, for which it may be the
 * port that matters. */
static void put_refused_peer(const struct request *request, struct turn_answered *answered)
{
	const struct turn_server *server = request->server;
	size_t offset = 0, len;
	const uint8_t *value;

	while (!answered->has_peer && request->allocation != NULL &&
	       (value = stun_next(&request->message, STUN_ATTR_XOR_PEER_ADDRESS, &offset, &len)) !=
	               NULL) {
		enum peer_verdict verdict;

		if (peer_decode(request->allocation, &request->message, value, len,
		                &answered->peer) != STUN_NO_ERROR)
			continue;
		verdict = peer_filter_judge_ip(server->settings.filter,
		                               request->allocation->peer_lists, &answered->peer,
		                               &answered->reason);
		answered->has_peer = verdict != PEER_ALLOWED ||
		                     request->message.method != STUN_CREATE_PERMISSION;
	}
}

void action_answered(const struct request *request, int error)
{
	struct turn_server *server = request->server;
	const struct turn_allocation *allocation;
	const char *username, *realm, *origin;
	struct queued_action *entry;
	char *room;

	if (!is_worth_telling(request, error))
		return;
	allocation = allocation_find(server, request->tuple);
	username = request->username != NULL ? request->username : "";
	realm = request->realm != NULL ? request->realm : server->settings.realm;
	origin = allocation != NULL && allocation->origin != NULL ? allocation->origin : "";
	entry = push(server, TURN_ANSWERED, strlen(username) + strlen(realm) + strlen(origin) + 3);
	if (entry == NULL)
		return;
	room = (char *)entry->bytes;
	entry->tuple = *request->tuple;
	entry->action.answered = (struct turn_answered){
		.method = request->message.method,
		.error = (uint16_t)error,
		.reason = request->why != NULL      ? request->why
	                  : request->reason != NULL ? request->reason
	                                            : stun_error_reason((enum stun_error)error),
		.id = allocation != NULL ? allocation->id : 0,
		.username = put_text(&room, username),
		.realm = put_text(&room, realm),
		.origin = put_text(&room, origin),
		.tuple = &entry->tuple,
	};
	if (error == STUN_FORBIDDEN)
		put_refused_peer(request, &entry->action.answered);
}

void action_limit_reached(struct turn_server *server, const struct turn_limit_reached *reached)
{
	size_t len = strlen(reached->username) + 1;
	struct queued_action *entry = push(server, TURN_LIMIT_REACHED, len);

	if (entry == NULL)
		return;
	entry->tuple = *reached->tuple;
	entry->action.reached = *reached;
	entry->action.reached.tuple = &entry->tuple;
	entry->action.reached.username = memcpy(entry->bytes, reached->username, len);
}

static struct queued_action *push(struct turn_server *server, enum turn_action_type type,
                                  size_t len)
{
	struct queued_action *entry = calloc(1, sizeof *entry + len);

	if (entry == NULL) {
		drop(server, COUNT_drop_no_memory);
		return NULL;
	}
	entry->action.type = type;
	list_append(&server->actions, &entry->node);
	return entry;
}
