/* A host without sockets. */
#include "host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "turn/source_limit.h"
#include "../unit/turn_fixture.h"

enum { FIRST_PORT = 50000 };

static void start(struct host *host);
static void carry_out(struct host *host);
static void carry_out_one(struct host *host, const struct turn_action *action);
static void hold(struct host *host, const struct turn_action *action);
static void answer_key(struct host *host, const struct turn_action *action, const char *how);
static bool answer_token_key(struct host *host, const struct turn_action *action);
static const char *realm_of_origin(void *context, const char *origin);
static const char *realm_of_name(void *context, const char *username);
static void open_relay(struct host *host, const struct turn_action *action);
static void close_relay(struct host *host, struct relay *relay);
static void pass_on(struct host *host, const struct turn_action *action);
static void input_again(struct host *host, const struct turn_action *action);
static void connect_peer(struct host *host, const struct turn_action *action);
static void close_peer(struct host *host, uint64_t cookie);
static void join(struct host *host, const struct turn_action *action);
static void keep(struct host *host, const struct client *client, const struct packet *packet,
                 const struct turn_forward *forward);
static void keep_message(struct host *host, const struct turn_action *action);
static void hand_over(struct host *host, const struct client *client, const struct packet *packet,
                      const uint8_t *bytes, size_t len);
static void note(struct host *host, const char *format, ...) PRINTF_LIKE(2, 3);
static void repeat_itself(void *bytes, size_t len);
static void check_indication_id(struct host *host, const struct packet *packet);
static enum turn_limit take_place(void *context, const struct turn_place_wish *wish,
                                  struct turn_place *place, uint64_t *value);
static void give_place(void *context, const struct turn_place *place);
static bool is_relayed(const struct transport_addr *addr, bool is_tcp, void *context);

void host_init(struct host *host)
{
	memset(host, 0, sizeof *host);
	host->now = 1000000;
	host->datagrams = calloc(DATAGRAMS_MAX, sizeof *host->datagrams);
	host->next_port[TURN_IPV4] = host->next_port[TURN_IPV6] = FIRST_PORT;
	host->settings = (struct turn_settings){
		TURN_FIXTURE_SETTINGS,
		.nonce_lifetime_s = 3600,
		.nonce_secret = "a secret of thirty-two bytes....",
		.security_features = STUN_FEATURE_PASSWORD_ALGORITHMS,
		.tells = TURN_TELL_SUCCESS | TURN_TELL_BINDING,
		.ticket_key = {.bytes = "another key, of thirty-two bytes", .len = 32},
		.connect_timeout_s = 30,
		.bind_timeout_s = 30,
		.connections_per_allocation = 8,
		.connections_max = 16,
		.thread = 3,
		.thread_count = 7,
		.stream_threads = 6,
		.wall_offset_ms = 1700000000000,
		.random = repeat_itself,
		.realm_of_origin = realm_of_origin,
		.realm_of_name = realm_of_name,
		.origin_context = host,
	};
	if (stun_hasher_create(&host->hasher) != OK || host->datagrams == NULL)
		abort();
}

/* Everything that was opened has to be closed, by the core or, at its end, by the host. */
void host_deinit(struct host *host)
{
	turn_server_destroy(host->server);
	source_limit_destroy(host->settings.unproven);
	peer_filter_destroy(host->filter);
	peer_rules_destroy(host->peer_rules);
	stun_hasher_destroy(host->hasher);
	free(host->datagrams);
}

static void start(struct host *host)
{
	if (host->server != NULL)
		return;
	host->peers.allowed = host->allowed;
	host->peers.denied = host->denied;
	host->peers.listeners = host->listeners;
	host->peers.relay_ips = host->relay_ips;
	host->peers.nat64 = host->nat64;
	host->peers.is_relayed = is_relayed;
	host->peers.context = host;
	if (peer_filter_create(&host->peers, &host->filter) != OK)
		abort();
	host->settings.filter = host->filter;
	host->settings.address_map = host->maps;
	host->settings.alternates = &host->alternates;
	host->settings.pairs = host->pairs;
	host->settings.counters = &host->counters;
	host->settings.quotas = (struct turn_quotas){take_place, give_place, host};
	if (source_limit_create(host->unauthorized_per_s, 12345, &host->settings.unproven) != OK)
		abort();
	if (turn_server_create(&host->settings, host->now, &host->server) != OK)
		abort();
	host_redirect(host);
	host_rule_peers(host);
}

void host_reload(struct host *host)
{
	struct peer_filter *old = host->filter;

	if (host->server == NULL)
		return;
	if (peer_filter_create(&host->peers, &host->filter) != OK)
		abort();
	host->settings.filter = host->filter;
	turn_server_configure(host->server, &host->settings, host->now);
	peer_filter_destroy(old);
	carry_out(host);
}

void host_rule_peers(struct host *host)
{
	struct peer_rules *old = host->peer_rules;

	if (host->server == NULL)
		return;
	if (peer_rules_create(host->rules, host->rule_count, &host->peer_rules) != OK)
		abort();
	turn_server_set_peer_rules(host->server, host->peer_rules, host->now);
	peer_rules_destroy(old);
	carry_out(host);
}

void host_redirect(struct host *host)
{
	if (host->server == NULL)
		return;
	turn_server_set_alternates(host->server, &host->alternates);
	turn_server_set_draining(host->server, host->is_draining);
}

/* A buffer of its own for each packet, exactly as large as promised, at an odd address: a sanitizer
 * sees one byte too many on either side, and a read that needs alignment (CVE-2026-40613). */
static uint8_t *packet_make(struct packet *packet, const uint8_t *bytes, size_t len)
{
	size_t size = PACKET_HEADROOM + len + PACKET_TAILROOM;
	uint8_t *block = malloc(1 + size);

	if (block == NULL)
		abort();
	memset(block, 0xA5, 1 + size);
	memcpy(block + 1 + PACKET_HEADROOM, bytes, len);
	*packet = (struct packet){
		.data = block + 1 + PACKET_HEADROOM,
		.len = len,
		.frame = block + 1,
		.size = size,
	};
	return block;
}

void host_client_input(struct host *host, const struct client *client, const uint8_t *bytes,
                       size_t len, uint8_t ttl, uint8_t tos)
{
	struct turn_forward forward;
	struct packet packet;
	uint8_t *block = packet_make(&packet, bytes, len);

	start(host);
	host->speaker = client;
	packet.src = client->tuple.client;
	packet.dst = client->tuple.server;
	packet.ttl = ttl;
	packet.tos = tos;
	switch (turn_client_input(host->server, &client->tuple, (void *)client, &packet, host->now,
	                          &forward)) {
	case TURN_TO_PEER:
		keep(host, NULL, &packet, &forward);
		break;
	case TURN_HAND_OVER:
		hand_over(host, client, &packet, bytes, len);
		break;
	default:
		break;
	}
	free(block);
	carry_out(host);
}

void host_peer_input(struct host *host, struct relay *relay, const struct transport_addr *peer,
                     const uint8_t *bytes, size_t len, uint8_t ttl, uint8_t tos)
{
	struct turn_forward forward;
	struct packet packet;
	uint8_t *block = packet_make(&packet, bytes, len);

	packet.src = *peer;
	packet.dst = relay->addr;
	packet.ttl = ttl;
	packet.tos = tos;
	if (turn_peer_input(host->server, relay->allocation, &packet, host->now, &forward) ==
	    TURN_TO_CLIENT)
		keep(host, forward.path, &packet, &forward);
	free(block);
	carry_out(host);
}

void host_icmp(struct host *host, struct relay *relay, const struct transport_addr *peer,
               uint8_t type, uint8_t code, const uint8_t data[4])
{
	turn_peer_icmp(host->server, relay->allocation, peer, type, code, data, host->now);
	carry_out(host);
}

void host_close_path(struct host *host, const struct client *client)
{
	start(host);
	turn_path_closed(host->server, &client->tuple, NULL, host->now);
	carry_out(host);
}

void host_wait(struct host *host, timestamp ms)
{
	timestamp end = host->now + ms;

	start(host);
	for (timestamp next; (next = turn_next_timeout(host->server)) <= end;) {
		host->now = next > host->now ? next : host->now;
		turn_handle_timeout(host->server, host->now);
		carry_out(host);
	}
	host->now = end;
}

static void carry_out(struct host *host)
{
	struct turn_action action;

	while (turn_next_action(host->server, &action))
		carry_out_one(host, &action);
}

static void carry_out_one(struct host *host, const struct turn_action *action)
{
	static const char *const report_names[] = {"created", "refreshed", "expired", "deleted",
	                                           "moved"};
	static const char *const limit_names[TURN_LIMIT_COUNT] = {"",
	                                                          "user-quota",
	                                                          "total-quota",
	                                                          "capacity",
	                                                          "permissions",
	                                                          "channels",
	                                                          "connections",
	                                                          "all-connections",
	                                                          "new-peers",
	                                                          "bandwidth",
	                                                          "packet-rate",
	                                                          "memory"};
	char client[ADDR_TEXT_SIZE], relayed[ADDR_TEXT_SIZE], peer[ADDR_TEXT_SIZE];

	switch (action->type) {
	case TURN_SEND:
		keep_message(host, action);
		break;
	case TURN_FIND_KEY:
		if (host->holds_keys)
			hold(host, action);
		else
			answer_key(host, action, "found");
		break;
	case TURN_OPEN_RELAY:
		if (host->holds_relays)
			hold(host, action);
		else
			open_relay(host, action);
		break;
	case TURN_CLOSE_RELAY:
		close_relay(host, action->relay);
		break;
	case TURN_HANDOFF:
		pass_on(host, action);
		break;
	case TURN_KEPT:
		input_again(host, action);
		break;
	case TURN_FLOW_ADDED:
	case TURN_FLOW_REMOVED:
		note(host, "flow %s %s 0x%04x %s %s",
		     action->type == TURN_FLOW_ADDED ? "added" : "removed",
		     addr_format(&action->flow.client.client, client), action->flow.channel,
		     addr_format(&action->flow.relayed, relayed),
		     addr_format(&action->flow.peer, peer));
		break;
	case TURN_LIMIT_REACHED:
		note(host, "limit %s=%llu %u user=%s client=%s", limit_names[action->reached.limit],
		     (unsigned long long)action->reached.value, action->reached.error,
		     action->reached.username, addr_format(&action->reached.tuple->client, client));
		break;
	case TURN_ANSWERED:
		note(host, "answered %s %u user=%s peer=%s %s",
		     stun_method_name(action->answered.method), action->answered.error,
		     action->answered.username,
		     action->answered.has_peer ? addr_format_ip(&action->answered.peer, peer) : "",
		     action->answered.reason);
		break;
	case TURN_REPORT:
		note(host,
		     "report %s user=%s realm=%s origin=%s client=%s lifetime=%u up=%llu/%llu "
		     "down=%llu/%llu %s",
		     report_names[action->report.type], action->report.username,
		     action->report.realm, action->report.origin,
		     addr_format(&action->report.tuple->client, client), action->report.lifetime_s,
		     (unsigned long long)action->report.traffic.to_peer_packets,
		     (unsigned long long)action->report.traffic.to_peer_bytes,
		     (unsigned long long)action->report.traffic.to_client_packets,
		     (unsigned long long)action->report.traffic.to_client_bytes,
		     action->report.reason);
		break;
	case TURN_CONNECT_PEER:
		connect_peer(host, action);
		break;
	case TURN_CLOSE_PEER:
		close_peer(host, action->cookie);
		break;
	case TURN_JOIN:
		join(host, action);
		break;
	case TURN_MOVE_CLIENT:
		note(host, "moved %s to thread %u with %zu bytes",
		     ((const struct client *)action->path)->name, action->thread,
		     action->message->len);
		break;
	}
}

/* There is one server here. */
static void pass_on(struct host *host, const struct turn_action *action)
{
	if (action->thread == host->settings.thread) {
		turn_handoff_input(host->server, action->handoff, host->now);
		return;
	}
	note(host, "handoff to another thread");
	turn_handoff_destroy(host->server, action->handoff);
}

static void input_again(struct host *host, const struct turn_action *action)
{
	struct turn_forward forward;
	struct packet packet = *action->message;

	if (turn_client_input(host->server, action->tuple, action->path, &packet, host->now,
	                      &forward) == TURN_TO_PEER)
		keep(host, NULL, &packet, &forward);
}

static struct data_connection *find_cookie(struct host *host, uint64_t cookie)
{
	for (unsigned i = 0; i < host->connection_count; i++)
		if (host->connections[i].cookie == cookie)
			return &host->connections[i];
	snprintf(host->fault, sizeof host->fault, "a cookie that was never given");
	return NULL;
}

static struct data_connection *add_connection(struct host *host, uint64_t cookie,
                                              const struct transport_addr *peer)
{
	if (host->connection_count >= CONNECTIONS_MAX)
		abort();
	struct data_connection *connection = &host->connections[host->connection_count++];
	*connection = (struct data_connection){.cookie = cookie, .peer = *peer};
	return connection;
}

static void connect_peer(struct host *host, const struct turn_action *action)
{
	struct relay *relay = action->relay;
	char relayed[ADDR_TEXT_SIZE], peer[ADDR_TEXT_SIZE];

	if (relay->is_closed || !relay->is_tcp)
		snprintf(host->fault, sizeof host->fault, "a relay that cannot connect");
	note(host, "connecting %s %s", addr_format(&relay->addr, relayed),
	     addr_format(&action->dst, peer));
	add_connection(host, action->cookie, &action->dst)->is_connecting = true;
	if (!host->holds_peers)
		host_peer_answer(host, true);
}

bool host_peer_answer(struct host *host, bool is_connected)
{
	for (unsigned i = 0; i < host->connection_count; i++) {
		struct data_connection *connection = &host->connections[i];
		if (!connection->is_connecting || connection->is_closed)
			continue;
		connection->is_connecting = false;
		connection->is_closed = !is_connected;
		if (is_connected)
			turn_peer_connected(host->server, connection->cookie, host->now);
		else
			turn_peer_failed(host->server, connection->cookie, host->now);
		carry_out(host);
		return true;
	}
	return false;
}

bool host_peer_connects(struct host *host, struct relay *relay, const struct transport_addr *peer)
{
	uint64_t cookie = turn_peer_accepted(host->server, relay->allocation, peer, host->now);

	if (cookie != 0)
		add_connection(host, cookie, peer);
	carry_out(host);
	return cookie != 0;
}

struct data_connection *host_find_connection(struct host *host, const struct transport_addr *peer)
{
	for (unsigned i = host->connection_count; i-- > 0;)
		if (addr_equal(&host->connections[i].peer, peer) && !host->connections[i].is_closed)
			return &host->connections[i];
	return NULL;
}

void host_data_closes(struct host *host, struct data_connection *connection)
{
	connection->is_closed = true;
	turn_peer_closed(host->server, connection->cookie, host->now);
	carry_out(host);
}

static void close_peer(struct host *host, uint64_t cookie)
{
	struct data_connection *connection = find_cookie(host, cookie);
	char peer[ADDR_TEXT_SIZE];

	if (connection == NULL)
		return;
	addr_format(&connection->peer, peer);
	if (connection->is_closed)
		snprintf(host->fault, sizeof host->fault, "peer %s was closed twice", peer);
	connection->is_closed = true;
	note(host, "closed peer %s", peer);
}

static void join(struct host *host, const struct turn_action *action)
{
	struct data_connection *connection = find_cookie(host, action->cookie);
	char peer[ADDR_TEXT_SIZE];

	if (connection == NULL)
		return;
	addr_format(&connection->peer, peer);
	if (connection->is_closed || connection->is_joined)
		snprintf(host->fault, sizeof host->fault, "peer %s cannot be joined", peer);
	connection->is_joined = true;
	note(host, "joined %s %s", peer, ((const struct client *)action->path)->name);
}

static void point_to_texts(struct turn_action *action, const char *name, const char *realm)
{
	if (action->type == TURN_FIND_KEY) {
		action->find.username = name;
		action->find.realm = realm;
	} else {
		action->open.username = name;
		action->open.realm = realm;
	}
}

static void hold(struct host *host, const struct turn_action *action)
{
	unsigned i = host->held_count++;
	const char *name =
		action->type == TURN_FIND_KEY ? action->find.username : action->open.username;

	if (i >= HELD_MAX)
		abort();
	host->held[i] = *action;
	snprintf(host->held_names[i], sizeof host->held_names[i], "%s", name ? name : "");
	snprintf(host->held_realms[i], sizeof host->held_realms[i], "%s",
	         action->type == TURN_FIND_KEY ? action->find.realm : action->open.realm);
	point_to_texts(&host->held[i], host->held_names[i], host->held_realms[i]);
}

bool host_answer(struct host *host, const char *how)
{
	if (host->held_count == 0)
		return false;
	struct turn_action action = host->held[0];
	char name[TURN_USERNAME_MAX + 1], realm[sizeof host->held_realms[0]];
	memcpy(name, host->held_names[0], sizeof name);
	memcpy(realm, host->held_realms[0], sizeof realm);
	point_to_texts(&action, name, realm);
	host->held_count--;
	for (unsigned i = 0; i < host->held_count; i++) {
		memcpy(host->held_names[i], host->held_names[i + 1], sizeof host->held_names[i]);
		memcpy(host->held_realms[i], host->held_realms[i + 1], sizeof host->held_realms[i]);
		host->held[i] = host->held[i + 1];
		point_to_texts(&host->held[i], host->held_names[i], host->held_realms[i]);
	}
	if (action.type == TURN_FIND_KEY)
		answer_key(host, &action, how);
	else if (strcmp(how, "failed") == 0)
		turn_relay_failed(host->server, action.cookie, host->now);
	else
		open_relay(host, &action);
	carry_out(host);
	return true;
}

static struct user *find_user(struct host *host, const struct turn_find_key *find)
{
	uint8_t hash[STUN_USERHASH_SIZE];

	for (unsigned i = 0; i < host->user_count; i++) {
		struct user *user = &host->users[i];
		if (user->realm[0] != 0 && strcmp(user->realm, find->realm) != 0)
			continue;
		stun_userhash(host->hasher, (uint8_t *)user->name, strlen(user->name), find->realm,
		              hash);
		if (find->username != NULL ? strcmp(find->username, user->name) == 0
		                           : memcmp(find->userhash, hash, sizeof hash) == 0)
			return user;
	}
	return NULL;
}

/* A user with an old password has two keys, as while a secret is being rotated. */
static void answer_key(struct host *host, const struct turn_action *action, const char *how)
{
	struct user *user = find_user(host, &action->find);
	struct turn_key keys[2] = {0};
	unsigned count = 0;

	if (strcmp(how, "unavailable") == 0) {
		turn_key_unavailable(host->server, action->cookie, host->now);
		return;
	}
	if (action->find.is_token && strcmp(how, "found") == 0 && answer_token_key(host, action))
		return;
	if (user == NULL || action->find.is_token || strcmp(how, "unknown") == 0) {
		turn_key_not_found(host->server, action->cookie, host->now);
		return;
	}
	const char *passwords[] = {user->password, user->old_password};
	for (unsigned i = 0; i < 2; i++)
		if (passwords[i][0] != 0) {
			strcpy(keys[count].username, user->name);
			keys[count].len = stun_long_term_key(host->hasher, action->find.algorithm,
			                                     user->name, action->find.realm,
			                                     passwords[i], keys[count].key);
			count++;
		}
	turn_key_found(host->server, action->cookie, keys, count, host->now);
}

static bool answer_token_key(struct host *host, const struct turn_action *action)
{
	for (unsigned i = 0; i < host->authority_count; i++) {
		const struct authority *authority = &host->authorities[i];
		if (strcmp(authority->kid, action->find.username) != 0)
			continue;
		turn_token_key_found(host->server, action->cookie, &authority->key,
		                     host_wall_ms(host), host->now);
		return true;
	}
	return false;
}

uint64_t host_wall_ms(const struct host *host)
{
	return (uint64_t)((int64_t)host->now + host->settings.wall_offset_ms +
	                  host->clock_change_ms);
}

static const char *realm_of_origin(void *context, const char *origin)
{
	const struct host *host = context;

	for (unsigned i = 0; i < host->origin_count; i++)
		if (strcmp(host->origins[i].origin, origin) == 0)
			return host->origins[i].realm;
	return NULL;
}

static const char *realm_of_name(void *context, const char *username)
{
	const struct host *host = context;

	return strcmp(username, host->homely) == 0 && host->home[0] != '\0' ? host->home : NULL;
}

static struct turn_relay make_relay(struct host *host, enum turn_family family, uint16_t port)
{
	struct relay *relay = &host->relays[host->relay_count++];
	bool is_mapped = family == TURN_IPV4 && host->settings.address_map_count > 0;

	if (host->relay_count >= RELAYS_MAX)
		abort();
	if (addr_parse(family == TURN_IPV4 ? "192.0.2.1" : "2001:db8::1", port, &relay->addr) != OK)
		abort();
	if (is_mapped)
		relay->addr = host->maps[0].private_ip;
	addr_set_port(&relay->addr, port);
	relay->public_addr = is_mapped ? host->maps[0].public_ip : relay->addr;
	addr_set_port(&relay->public_addr, port);
	return (struct turn_relay){relay, relay->addr, relay->public_addr};
}

/* A reservation is taken from this server when the token says so. */
static bool take_reserved(struct host *host, const struct turn_action *action,
                          struct turn_opened *opened)
{
	struct turn_relay relay;

	if (action->open.token[0] % host->settings.thread_count != host->settings.thread ||
	    !turn_reservation_take(host->server, &action->open, &relay))
		return false;
	opened->relay[addr_family(&relay.addr) == AF_INET6 ? TURN_IPV6 : TURN_IPV4] = relay;
	return true;
}

static void open_families(struct host *host, const struct turn_open_relay *open,
                          struct turn_opened *opened)
{
	for (enum turn_family family = 0; family < TURN_FAMILY_COUNT; family++) {
		if (!open->family[family] || host->lacks[family] || host->lacks_all)
			continue;
		host->next_port[family] += open->even_port && host->next_port[family] % 2;
		opened->relay[family] = make_relay(host, family, host->next_port[family]++);
		if (open->reserve_next && !host->lacks_pairs)
			opened->reserved = make_relay(host, family, host->next_port[family]++);
	}
}

static void open_relay(struct host *host, const struct turn_action *action)
{
	struct turn_opened opened = {0};
	unsigned first = host->relay_count;
	bool has_any = true;

	if (action->open.has_token)
		has_any = take_reserved(host, action, &opened);
	else
		open_families(host, &action->open, &opened);
	has_any = has_any && (opened.relay[TURN_IPV4].relay || opened.relay[TURN_IPV6].relay);
	if (!has_any) {
		turn_relay_failed(host->server, action->cookie, host->now);
		return;
	}
	struct turn_allocation *allocation =
		turn_relay_opened(host->server, action->cookie, &opened, host->now);
	for (unsigned i = first; i < host->relay_count; i++) {
		host->relays[i].allocation = allocation;
		host->relays[i].is_tcp = action->open.is_tcp;
	}
	if (action->open.has_token && allocation != NULL)
		for (unsigned family = 0; family < TURN_FAMILY_COUNT; family++)
			if (opened.relay[family].relay != NULL)
				((struct relay *)opened.relay[family].relay)->allocation =
					allocation;
}

static void close_relay(struct host *host, struct relay *relay)
{
	char text[ADDR_TEXT_SIZE];

	addr_format(&relay->addr, text);
	if (relay->is_closed)
		snprintf(host->fault, sizeof host->fault, "%s was closed twice", text);
	relay->is_closed = true;
	note(host, "closed %s", text);
}

static void keep(struct host *host, const struct client *client, const struct packet *packet,
                 const struct turn_forward *forward)
{
	if (host->datagram_count >= DATAGRAMS_MAX)
		abort();
	struct datagram *datagram = &host->datagrams[host->datagram_count++];
	datagram->client = client;
	datagram->dst = forward->dst;
	if (client != NULL)
		datagram->src = client->tuple.server;
	else
		datagram->src = ((struct relay *)forward->relay)->addr;
	memcpy(datagram->bytes, packet->data, packet->len);
	datagram->len = packet->len;
	datagram->ttl = packet->ttl;
	datagram->tos = packet->tos;
	datagram->dont_fragment = forward->dont_fragment;
	if (client != NULL)
		check_indication_id(host, packet);
	if (client == NULL && ((struct relay *)forward->relay)->is_closed)
		snprintf(host->fault, sizeof host->fault, "a closed relay was sent from");
}

/* Without a path it is the answer to what was just asked, from another address of the server. */
static void keep_message(struct host *host, const struct turn_action *action)
{
	const struct client *client = action->path != NULL ? action->path : host->speaker;

	keep(host, client, action->message, &(struct turn_forward){.dst = action->dst});
	host->datagrams[host->datagram_count - 1].src = action->message->src;
	if (action->path != NULL && !addr_equal(&action->message->src, &client->tuple.server))
		snprintf(host->fault, sizeof host->fault, "a path cannot send from elsewhere");
}

/* The next server has to see the packet as it came. */
static void hand_over(struct host *host, const struct client *client, const struct packet *packet,
                      const uint8_t *bytes, size_t len)
{
	char text[ADDR_TEXT_SIZE];

	if (packet->len != len || memcmp(packet->data, bytes, len) != 0)
		snprintf(host->fault, sizeof host->fault, "a packet was handed over changed");
	note(host, "handed over %s", addr_format(&client->tuple.client, text));
	if (host->lacks_all)
		turn_hand_over_failed(host->server, &client->tuple, (void *)client,
		                      (struct packet *)packet, host->now);
}

void host_shift(struct host *host)
{
	host->datagram_count--;
	memmove(host->datagrams, host->datagrams + 1,
	        host->datagram_count * sizeof *host->datagrams);
}

struct relay *host_find_relay(struct host *host, const struct transport_addr *addr)
{
	for (unsigned i = host->relay_count; i-- > 0;)
		if (addr_equal(&host->relays[i].addr, addr) ||
		    addr_equal(&host->relays[i].public_addr, addr))
			return &host->relays[i];
	return NULL;
}

static void note(struct host *host, const char *format, ...)
{
	va_list args;

	if (host->event_count >= EVENTS_MAX)
		return;
	va_start(args, format);
	vsnprintf(host->events[host->event_count++], sizeof host->events[0], format, args);
	va_end(args);
}

/* Quotas as the simplest host has them. */

unsigned host_places(const struct host *host, const char *username)
{
	unsigned count = 0;

	for (unsigned i = 0; i < PLACES_MAX; i++)
		count += host->places[i].is_taken &&
		         (strcmp(username, "all") == 0 ||
		          strcmp(username, host->places[i].username) == 0);
	return count;
}

static uint64_t granted(const struct host *host)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < PLACES_MAX; i++)
		sum += host->places[i].is_taken ? host->places[i].bps : 0;
	return sum;
}

static bool is_reached(uint32_t quota, uint64_t taken, uint64_t more, uint64_t *value)
{
	*value = quota;
	return quota != 0 && taken + more > quota;
}

static enum turn_limit take_place(void *context, const struct turn_place_wish *wish,
                                  struct turn_place *place, uint64_t *value)
{
	struct host *host = context;
	bool is_less =
		wish->asked_bps != 0 && (host->max_bps == 0 || wish->asked_bps < host->max_bps);
	uint64_t bps = wish->is_reservation ? 0 : is_less ? wish->asked_bps : host->max_bps;

	if (wish->username[0] != 0 &&
	    is_reached(host->user_quota, host_places(host, wish->username), 1, value))
		return TURN_LIMIT_USER_QUOTA;
	if (is_reached(host->total_quota, host_places(host, "all"), 1, value))
		return TURN_LIMIT_TOTAL_QUOTA;
	if (is_reached(host->bps_capacity, granted(host), bps, value))
		return TURN_LIMIT_CAPACITY;
	for (unsigned i = 0; i < PLACES_MAX; i++) {
		struct place *free_one = &host->places[i];
		if (free_one->is_taken)
			continue;
		*free_one = (struct place){.is_taken = true, .bps = bps};
		snprintf(free_one->username, sizeof free_one->username, "%s", wish->username);
		*place = (struct turn_place){free_one, bps};
		return TURN_LIMIT_NONE;
	}
	abort();
}

static void give_place(void *context, const struct turn_place *place)
{
	struct host *host = context;
	struct place *taken = place->holder;

	if (!taken->is_taken)
		snprintf(host->fault, sizeof host->fault, "a place was given back twice");
	taken->is_taken = false;
}

/* The last random bytes that were given, the newest at the end. */
static uint8_t given[8192];

/* Random enough for a scenario, and the same each time it is played. */
static void repeat_itself(void *bytes, size_t len)
{
	static uint32_t state = 1;

	for (size_t i = 0; i < len; i++) {
		state = state * 1664525 + 1013904223;
		((uint8_t *)bytes)[i] = (uint8_t)(state >> 24);
	}
	if (len > sizeof given)
		abort();
	memmove(given, given + len, sizeof given - len);
	memcpy(given + sizeof given - len, bytes, len);
}

/* RFC 8489 section 5: a transaction ID is cryptographically random. One that was computed tells what
 * it was computed from. */
static void check_indication_id(struct host *host, const struct packet *packet)
{
	struct stun_message message;

	if (stun_message_parse(packet->data, packet->len, &message) == OK &&
	    message.class == STUN_INDICATION &&
	    memmem(given, sizeof given, stun_transaction_id(&message), STUN_TRANSACTION_ID_SIZE) ==
	            NULL)
		snprintf(host->fault, sizeof host->fault, "a transaction ID that is not random");
}

static bool is_relayed(const struct transport_addr *addr, bool is_tcp, void *context)
{
	struct relay *relay = host_find_relay(context, addr);

	return relay != NULL && !relay->is_closed && relay->is_tcp == is_tcp;
}
