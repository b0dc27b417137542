/* The whole server against a script of bytes: who sends what, when, and what the host answers in
 * which order. Two clients know a user's password, two do not; a message may be signed, and harmed
 * before or after. Whatever happens:
 *   - who never signed has no allocation;
 *   - each relayed transport address that was opened is closed exactly once, and so is each peer data
 *     connection, which only relays of TCP have and only who may sign is joined with;
 *   - after all lifetimes nothing is left, and every level is zero.
 *
 * A step is: what to do, by whom or to what, then what that needs. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "stun/access_token.h"
#include "stun/builder.h"
#include "stun/channel_data.h"
#include "turn/source_limit.h"
#include "turn/turn.h"

enum { CLIENTS = 4, SIGNERS = 2, RELAYS_MAX = 256, HELD_MAX = 32, MESSAGE_MAX = 2048 };
enum { ALLOCATE_CHOICES = 13 };

enum step {
	STEP_REQUEST,
	STEP_RAW,
	STEP_CHANNEL_DATA,
	STEP_PEER,
	STEP_ICMP,
	STEP_ANSWER,
	STEP_WAIT,
	STEP_CLOSE,
	STEP_COUNT,
	STEP_CONNECTION = 0xF0 /* this and beyond: peer data connections */
};

/* Which bits of a request's flags put which attribute in. */
static const struct {
	enum stun_attribute attribute;
	uint32_t value;
} choices[] = {
	{STUN_ATTR_REQUESTED_TRANSPORT, 17u << 24},
	{STUN_ATTR_LIFETIME, 0},
	{STUN_ATTR_LIFETIME, 1200},
	{STUN_ATTR_EVEN_PORT, 0x80u << 24},
	{STUN_ATTR_REQUESTED_ADDRESS_FAMILY, 2u << 24},
	{STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY, 2u << 24},
	{STUN_ATTR_RESERVATION_TOKEN, 0},
	{STUN_ATTR_XOR_PEER_ADDRESS, 0},
	{STUN_ATTR_XOR_PEER_ADDRESS, 1},
	{STUN_ATTR_CHANNEL_NUMBER, 0x4000u << 16},
	{STUN_ATTR_CHANNEL_NUMBER, 0x4001u << 16},
	{STUN_ATTR_DATA, 0x61626364},
	{STUN_ATTR_DONT_FRAGMENT, 0},
	/* ALLOCATE_CHOICES of them; what follows is put into Binding requests alone. */
	{STUN_ATTR_CHANGE_REQUEST, 6},
	{STUN_ATTR_RESPONSE_PORT, 5000u << 16},
	{STUN_ATTR_PADDING, 0},
};

/* Bits of a request's first byte, which tells its method as well. */
enum { HOW_TOKEN = 0x10, HOW_SAME_TOKEN = 0x20, HOW_ORIGIN = 0x40, HOW_AGAIN = 0x80 };

/* The authorization server that the host knows; its kid is "anna" too. */
static const struct turn_token_key authority = {.key = {.bytes = "sixteen bytes...", .len = 16}};

struct relay {
	struct turn_allocation *allocation;
	struct transport_addr addr;
	bool is_opened, is_given_up, is_closed, is_tcp;
};

struct data_connection {
	uint64_t cookie;
	bool is_connecting, is_joined, is_closed;
};

struct script {
	const uint8_t *at, *end;
};

struct fuzz {
	struct script script;
	struct turn_server *server;
	struct peer_filter *filter;
	struct turn_settings settings;
	struct counters counters;
	struct stun_hasher *hasher;
	timestamp now;
	struct five_tuple clients[CLIENTS];
	struct relay relays[RELAYS_MAX];
	unsigned relay_count;
	struct turn_action held[HELD_MAX];
	char held_users[HELD_MAX][TURN_USERNAME_MAX + 1];
	unsigned held_count;
	uint8_t token[TURN_TOKEN_SIZE], ticket[52];
	struct access_token tokens[SIGNERS]; /* the last one of each */
	struct data_connection connections[RELAYS_MAX];
	unsigned connection_count;
	uint32_t connection_id; /* seen last */
	uint32_t next_id;
	struct turn_pair pair;
	unsigned places, quota; /* taken; at most, 0: any number */
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
static void carry_out(struct fuzz *fuzz);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static uint8_t take(struct fuzz *fuzz)
{
	return fuzz->script.at < fuzz->script.end ? *fuzz->script.at++ : 0;
}

static unsigned take_two(struct fuzz *fuzz)
{
	unsigned high = take(fuzz);

	return high << 8 | take(fuzz);
}

static struct transport_addr addr(const char *text, unsigned port)
{
	struct transport_addr parsed;

	demand(addr_parse(text, 0, &parsed) == OK);
	addr_set_port(&parsed, (uint16_t)port);
	return parsed;
}

static struct transport_addr peer_addr(unsigned which)
{
	static const char *const peers[] = {"8.8.8.8",   "8.8.8.9",  "2600::8",
	                                    "192.0.2.1", "10.0.0.1", "::ffff:127.0.0.1"};

	return addr(peers[which % 6], 9000 + which / 6 % 3);
}

static void repeat_itself(void *bytes, size_t len)
{
	static uint32_t state;

	for (size_t i = 0; i < len; i++) {
		state = state * 1664525 + 1013904223;
		((uint8_t *)bytes)[i] = (uint8_t)(state >> 24);
	}
}

static bool is_relayed(const struct transport_addr *relayed, bool is_tcp, void *context)
{
	struct fuzz *fuzz = context;

	for (unsigned i = 0; i < fuzz->relay_count; i++)
		if (addr_equal(&fuzz->relays[i].addr, relayed) && !fuzz->relays[i].is_closed &&
		    fuzz->relays[i].is_tcp == is_tcp)
			return true;
	return false;
}

/* What the core lends is copied into a block of its own, so that a sanitizer sees a byte too many. */
static void input(struct fuzz *fuzz, unsigned who, const uint8_t *bytes, size_t len)
{
	size_t size = PACKET_HEADROOM + len + PACKET_TAILROOM;
	uint8_t *frame = malloc(size);
	struct packet packet = {.data = frame + PACKET_HEADROOM,
	                        .len = len,
	                        .frame = frame,
	                        .size = size,
	                        .ttl = (uint8_t)len};
	struct turn_forward forward;

	demand(frame != NULL);
	memcpy(packet.data, bytes, len);
	if (turn_client_input(fuzz->server, &fuzz->clients[who], &fuzz->clients[who], &packet,
	                      fuzz->now, &forward) == TURN_TO_PEER) {
		struct relay *relay = forward.relay;
		demand(who < SIGNERS && !relay->is_closed && relay->is_opened);
		demand(packet.data >= frame && packet.data + packet.len <= frame + size);
		demand(addr_family(&forward.dst) == addr_family(&relay->addr));
		demand(peer_filter_allows(fuzz->filter, NULL, &forward.dst, false));
	}
	free(frame);
}

static void client_input(struct fuzz *fuzz, unsigned who, const uint8_t *bytes, size_t len)
{
	input(fuzz, who, bytes, len);
	carry_out(fuzz);
}

/* An access token of some lifetime; or none, and the key of the one before signs. */
static void put_token(struct fuzz *fuzz, unsigned who, struct stun_builder *builder, unsigned how)
{
	struct access_token *token = &fuzz->tokens[who];
	uint8_t sealed[ACCESS_TOKEN_MAX], nonce[AEAD_NONCE_SIZE] = {(uint8_t)how};
	size_t len;

	if (how & HOW_SAME_TOKEN)
		return;
	*token = (struct access_token){
		.mac_key = {(uint8_t)how},
		.mac_key_len = how & HOW_AGAIN ? ACCESS_TOKEN_SHA256_KEY : ACCESS_TOKEN_SHA1_KEY,
		.timestamp = fuzz->now / 1000 << 16,
		.lifetime_s = take(fuzz) * 8u,
	};
	demand(access_token_seal(&authority.key, fuzz->settings.realm, nonce, token, sealed,
	                         &len) == OK);
	stun_put(builder, STUN_ATTR_ACCESS_TOKEN, sealed, len);
}

static void sign_with_token(struct fuzz *fuzz, unsigned who, struct stun_builder *builder,
                            bool is_sha256)
{
	char nonce[STUN_NONCE_SIZE];

	stun_nonce_make(fuzz->hasher, fuzz->settings.nonce_secret, &fuzz->clients[who].client,
	                fuzz->settings.security_features, fuzz->now / 1000, nonce);
	stun_put_text(builder, STUN_ATTR_USERNAME, "anna");
	stun_put_text(builder, STUN_ATTR_REALM, fuzz->settings.realm);
	stun_put(builder, STUN_ATTR_NONCE, nonce, sizeof nonce);
	stun_put_integrity(builder, fuzz->hasher,
	                   is_sha256 ? STUN_ATTR_MESSAGE_INTEGRITY_SHA256
	                             : STUN_ATTR_MESSAGE_INTEGRITY,
	                   fuzz->tokens[who].mac_key, fuzz->tokens[who].mac_key_len);
}

static void sign(struct fuzz *fuzz, unsigned who, struct stun_builder *builder, bool is_sha256)
{
	char nonce[STUN_NONCE_SIZE];
	uint8_t key[STUN_KEY_MAX];
	struct transport_addr bearer = fuzz->clients[who].client;
	size_t key_len = stun_long_term_key(fuzz->hasher,
	                                    is_sha256 ? STUN_PASSWORD_SHA256 : STUN_PASSWORD_MD5,
	                                    "anna", fuzz->settings.realm, "secret", key);

	if (transport_is_stream(fuzz->clients[who].transport))
		addr_set_port(&bearer, 0);
	stun_nonce_make(fuzz->hasher, fuzz->settings.nonce_secret, &bearer,
	                fuzz->settings.security_features, fuzz->now / 1000, nonce);
	stun_put_text(builder, STUN_ATTR_USERNAME, "anna");
	stun_put_text(builder, STUN_ATTR_REALM, fuzz->settings.realm);
	stun_put(builder, STUN_ATTR_NONCE, nonce, sizeof nonce);
	if (is_sha256) {
		stun_put_password_algorithms(builder);
		stun_put(builder, STUN_ATTR_PASSWORD_ALGORITHM, (const uint8_t[]){0, 2, 0, 0}, 4);
	}
	stun_put_integrity(builder, fuzz->hasher,
	                   is_sha256 ? STUN_ATTR_MESSAGE_INTEGRITY_SHA256
	                             : STUN_ATTR_MESSAGE_INTEGRITY,
	                   key, key_len);
}

static void put_choice(struct fuzz *fuzz, struct stun_builder *builder, unsigned choice)
{
	enum stun_attribute attribute = choices[choice].attribute;
	struct transport_addr peer;
	uint8_t bytes[4];

	put_u32(bytes, choices[choice].value);
	switch (attribute) {
	case STUN_ATTR_XOR_PEER_ADDRESS:
		peer = peer_addr(take(fuzz));
		stun_put_xor_address(builder, attribute, &peer);
		break;
	case STUN_ATTR_RESERVATION_TOKEN:
		stun_put(builder, attribute, fuzz->token, sizeof fuzz->token);
		break;
	default:
		stun_put(builder, attribute, bytes,
		         attribute == STUN_ATTR_EVEN_PORT       ? 1
		         : attribute == STUN_ATTR_DONT_FRAGMENT ? 0
		                                                : 4);
	}
}

static void sign_somehow(struct fuzz *fuzz, unsigned who, struct stun_builder *builder,
                         unsigned how, bool is_sha256)
{
	if (how & HOW_ORIGIN)
		stun_put_text(builder, STUN_ATTR_ORIGIN, is_sha256 ? "https://o" : "app://p");
	if (!(how & HOW_TOKEN)) {
		sign(fuzz, who, builder, is_sha256);
		return;
	}
	put_token(fuzz, who, builder, how);
	sign_with_token(fuzz, who, builder, is_sha256);
}

static void play_request(struct fuzz *fuzz, unsigned who)
{
	static const enum stun_method methods[] = {
		STUN_ALLOCATE,     STUN_REFRESH, STUN_CREATE_PERMISSION,
		STUN_CHANNEL_BIND, STUN_SEND,    STUN_BINDING};
	static const enum stun_method tcp_methods[] = {STUN_ALLOCATE, STUN_CONNECT,
	                                               STUN_CONNECTION_BIND};
	uint8_t bytes[MESSAGE_MAX], id[STUN_TRANSACTION_ID_SIZE] = {0};
	unsigned how = take(fuzz), flags = take_two(fuzz), harm;
	bool is_tcp = how & 0x40;
	enum stun_method method = is_tcp ? tcp_methods[how % 3] : methods[how % 6];
	struct stun_builder builder;

	put_u32(id, how & HOW_AGAIN ? fuzz->next_id : ++fuzz->next_id);
	stun_build(&builder, bytes, sizeof bytes, method,
	           method == STUN_SEND ? STUN_INDICATION : STUN_REQUEST, id);
	if (is_tcp && method == STUN_ALLOCATE)
		stun_put_u32(&builder, STUN_ATTR_REQUESTED_TRANSPORT, 6u << 24);
	if (is_tcp)
		stun_put_u32(&builder, STUN_ATTR_CONNECTION_ID, fuzz->connection_id);
	for (unsigned i = 0; i < sizeof choices / sizeof choices[0]; i++)
		if (flags & 1u << i && (method == STUN_BINDING || i < ALLOCATE_CHOICES))
			put_choice(fuzz, &builder, i);
	if (how & 0x40)
		stun_put(&builder, STUN_ATTR_MOBILITY_TICKET, fuzz->ticket,
		         method == STUN_ALLOCATE ? 0 : sizeof fuzz->ticket);
	if (flags & 0x2000 && (harm = take_two(fuzz)) < builder.len)
		bytes[harm] ^= take(fuzz);
	if (who < SIGNERS && method != STUN_SEND)
		sign_somehow(fuzz, who, &builder, how, flags & 0x8000);
	if (flags & 0x4000 && (harm = take_two(fuzz)) < builder.len)
		bytes[harm] ^= take(fuzz);
	client_input(fuzz, who, bytes, builder.len);
}

static void play_raw(struct fuzz *fuzz, unsigned who)
{
	size_t len = take_two(fuzz) % MESSAGE_MAX,
	       left = (size_t)(fuzz->script.end - fuzz->script.at);
	const uint8_t *bytes = fuzz->script.at;

	len = len < left ? len : left;
	fuzz->script.at += len;
	client_input(fuzz, who, bytes, len);
}

static void play_channel_data(struct fuzz *fuzz, unsigned who)
{
	uint8_t bytes[CHANNEL_DATA_HEADER_SIZE + 255] = {0};
	unsigned number = take(fuzz), len = take(fuzz), claimed = take(fuzz);

	channel_data_put(bytes, (uint16_t)(CHANNEL_NUMBER_MIN + number % 4), (uint16_t)claimed);
	client_input(fuzz, who, bytes, CHANNEL_DATA_HEADER_SIZE + len);
}

/* An open relay that an allocation has; NULL when the script names none. */
static struct relay *find_relay(struct fuzz *fuzz, unsigned which)
{
	struct relay *relay = fuzz->relay_count ? &fuzz->relays[which % fuzz->relay_count] : NULL;

	return relay != NULL && relay->allocation != NULL && !relay->is_closed ? relay : NULL;
}

static void play_peer(struct fuzz *fuzz, unsigned which)
{
	struct relay *relay = find_relay(fuzz, which);
	size_t len = take(fuzz) * 16u, size = PACKET_HEADROOM + len + PACKET_TAILROOM;
	struct transport_addr peer = peer_addr(take(fuzz));

	if (relay == NULL || addr_family(&peer) != addr_family(&relay->addr))
		return;
	uint8_t *frame = calloc(1, size);
	struct packet packet = {.data = frame + PACKET_HEADROOM,
	                        .len = len,
	                        .frame = frame,
	                        .size = size,
	                        .src = peer,
	                        .dst = relay->addr};
	struct turn_forward forward;
	demand(frame != NULL);
	if (turn_peer_input(fuzz->server, relay->allocation, &packet, fuzz->now, &forward) ==
	    TURN_TO_CLIENT)
		demand((struct five_tuple *)forward.path < fuzz->clients + SIGNERS &&
		       packet.data >= frame && packet.data + packet.len <= frame + size);
	free(frame);
	carry_out(fuzz);
}

static void play_icmp(struct fuzz *fuzz, unsigned which)
{
	struct relay *relay = find_relay(fuzz, which);
	struct transport_addr peer = peer_addr(take(fuzz));
	uint8_t type = take(fuzz), code = take(fuzz);

	if (relay == NULL)
		return;
	turn_peer_icmp(fuzz->server, relay->allocation, &peer, type, code,
	               (const uint8_t[4]){1, 2, 3, 4}, fuzz->now);
	carry_out(fuzz);
}

static struct turn_relay open_one(struct fuzz *fuzz, enum turn_family family, bool is_tcp)
{
	if (fuzz->relay_count == RELAYS_MAX)
		return (struct turn_relay){0};
	struct relay *relay = &fuzz->relays[fuzz->relay_count++];
	relay->addr =
		addr(family == TURN_IPV4 ? "192.0.2.1" : "2001:db8::1", 9000 + fuzz->relay_count);
	relay->is_opened = true;
	relay->is_tcp = is_tcp;
	return (struct turn_relay){relay, relay->addr, relay->addr};
}

static void answer_relay(struct fuzz *fuzz, const struct turn_action *action, const char *user,
                         unsigned how)
{
	struct turn_opened opened = {0};
	const struct turn_open_relay *open = &action->open;
	struct turn_open_relay asked = *open;
	struct turn_relay taken;

	asked.username = user; /* the action's own texts are gone by now */
	asked.realm = fuzz->settings.realm;
	if (open->has_token && turn_reservation_take(fuzz->server, &asked, &taken))
		opened.relay[TURN_IPV4] = taken;
	for (enum turn_family family = 0; family < TURN_FAMILY_COUNT; family++)
		if (open->family[family] && !(how & 1u << family))
			opened.relay[family] = open_one(fuzz, family, open->is_tcp);
	if (open->reserve_next || how & 4)
		opened.reserved = open_one(fuzz, TURN_IPV4, false);
	if (how & 8 && opened.relay[TURN_IPV4].relay == NULL && opened.reserved.relay == NULL &&
	    opened.relay[TURN_IPV6].relay == NULL) {
		turn_relay_failed(fuzz->server, action->cookie, fuzz->now);
		return;
	}
	struct turn_allocation *allocation =
		turn_relay_opened(fuzz->server, action->cookie, &opened, fuzz->now);
	for (enum turn_family family = 0; family < TURN_FAMILY_COUNT; family++)
		if (opened.relay[family].relay != NULL)
			((struct relay *)opened.relay[family].relay)->allocation = allocation;
}

/* Cookies of connections count upwards here as they come, and are never forgotten. */
static struct data_connection *add_connection(struct fuzz *fuzz, uint64_t cookie)
{
	demand(cookie != 0 && fuzz->connection_count < RELAYS_MAX);
	struct data_connection *connection = &fuzz->connections[fuzz->connection_count++];
	*connection = (struct data_connection){.cookie = cookie};
	return connection;
}

static struct data_connection *find_cookie(struct fuzz *fuzz, uint64_t cookie)
{
	for (unsigned i = fuzz->connection_count; i-- > 0;)
		if (fuzz->connections[i].cookie == cookie)
			return &fuzz->connections[i];
	abort();
}

static void close_connection(struct data_connection *connection)
{
	demand(!connection->is_closed);
	connection->is_closed = true;
}

static void connect_peer(struct fuzz *fuzz, const struct turn_action *action)
{
	struct relay *relay = action->relay;

	demand(relay->is_tcp && !relay->is_closed);
	demand(peer_filter_allows(fuzz->filter, NULL, &action->dst, true));
	if (fuzz->connection_count == RELAYS_MAX)
		turn_peer_failed(fuzz->server, action->cookie, fuzz->now);
	else
		add_connection(fuzz, action->cookie)->is_connecting = true;
}

static void join(struct fuzz *fuzz, const struct turn_action *action)
{
	struct data_connection *connection = find_cookie(fuzz, action->cookie);
	const struct five_tuple *client = action->path;

	demand(!connection->is_connecting && !connection->is_joined && !connection->is_closed);
	demand(client < fuzz->clients + SIGNERS && transport_is_stream(client->transport));
	connection->is_joined = true;
}

static void peer_connects(struct fuzz *fuzz, unsigned which)
{
	struct relay *relay = find_relay(fuzz, which);
	struct transport_addr peer = peer_addr(take(fuzz));

	if (relay == NULL || !relay->is_tcp || fuzz->connection_count == RELAYS_MAX ||
	    addr_family(&peer) != addr_family(&relay->addr))
		return;
	uint64_t cookie = turn_peer_accepted(fuzz->server, relay->allocation, &peer, fuzz->now);
	if (cookie != 0)
		add_connection(fuzz, cookie);
	carry_out(fuzz);
}

/* What becomes of connections, at any time and more than once: the core is told, or not. */
static void play_connection(struct fuzz *fuzz, unsigned which)
{
	unsigned how = take(fuzz);
	struct data_connection *connection;

	if (how % 4 == 0) {
		peer_connects(fuzz, which);
		return;
	}
	if (fuzz->connection_count == 0)
		return;
	connection = &fuzz->connections[which % fuzz->connection_count];
	if (how % 4 == 1) {
		connection->is_connecting &= connection->is_closed;
		turn_peer_connected(fuzz->server, connection->cookie, fuzz->now);
	} else if (how % 4 == 2 && connection->is_connecting && !connection->is_closed) {
		close_connection(connection);
		turn_peer_failed(fuzz->server, connection->cookie, fuzz->now);
	} else if (connection->is_joined && !connection->is_closed) {
		turn_peer_passed(fuzz->server, connection->cookie, how % TURN_DIRECTION_COUNT, how);
		close_connection(connection);
		turn_peer_closed(fuzz->server, connection->cookie, fuzz->now);
	}
	carry_out(fuzz);
}

static void answer_key(struct fuzz *fuzz, const struct turn_action *action, unsigned how)
{
	struct turn_key keys[2] = {{.username = "anna"}, {.username = "anna"}};

	if (how % 8 == 6) {
		turn_key_not_found(fuzz->server, action->cookie, fuzz->now);
		return;
	}
	if (how % 8 == 7) {
		turn_key_unavailable(fuzz->server, action->cookie, fuzz->now);
		return;
	}
	if (action->find.is_token) {
		turn_token_key_found(fuzz->server, action->cookie, &authority, fuzz->now,
		                     fuzz->now);
		return;
	}
	for (unsigned i = 0; i < 2; i++)
		keys[i].len =
			stun_long_term_key(fuzz->hasher, action->find.algorithm, "anna",
		                           fuzz->settings.realm, i ? "secret" : "old", keys[i].key);
	turn_key_found(fuzz->server, action->cookie, keys, 2, fuzz->now);
}

/* Any question that is held, not only the oldest; some are answered twice. */
static void play_answer(struct fuzz *fuzz, unsigned which)
{
	unsigned how = take(fuzz), i;
	char user[TURN_USERNAME_MAX + 1];

	if (fuzz->held_count == 0)
		return;
	i = which % fuzz->held_count;
	struct turn_action action = fuzz->held[i];
	strcpy(user, fuzz->held_users[i]);
	if (!(how & 0x80)) {
		fuzz->held[i] = fuzz->held[--fuzz->held_count];
		memmove(fuzz->held_users[i], fuzz->held_users[fuzz->held_count], sizeof user);
	}
	if (action.type == TURN_FIND_KEY)
		answer_key(fuzz, &action, how);
	else
		answer_relay(fuzz, &action, user, how);
	carry_out(fuzz);
}

static void hold(struct fuzz *fuzz, const struct turn_action *action)
{
	if (fuzz->held_count == HELD_MAX)
		return;
	fuzz->held[fuzz->held_count] = *action;
	fuzz->held_users[fuzz->held_count][0] = 0;
	if (action->type == TURN_OPEN_RELAY)
		strcpy(fuzz->held_users[fuzz->held_count], action->open.username);
	fuzz->held_count++;
}

static void remember_token(struct fuzz *fuzz, const struct packet *packet)
{
	struct stun_message message;
	size_t len;

	demand(stun_message_parse(packet->data, packet->len, &message) == OK ||
	       stun_message_parse_rfc3489(packet->data, packet->len, &message) == OK);
	demand(message.class != STUN_REQUEST && !message.has_bad_attribute);
	const uint8_t *token = stun_get(&message, STUN_ATTR_RESERVATION_TOKEN, &len);
	if (token != NULL)
		memcpy(fuzz->token, token, sizeof fuzz->token);
	const uint8_t *ticket = stun_get(&message, STUN_ATTR_MOBILITY_TICKET, &len);
	if (ticket != NULL)
		memcpy(fuzz->ticket, ticket, sizeof fuzz->ticket);
	if (stun_has(&message, STUN_ATTR_CONNECTION_ID))
		fuzz->connection_id = stun_get_u32(&message, STUN_ATTR_CONNECTION_ID);
}

static void carry_out(struct fuzz *fuzz)
{
	struct turn_action action;
	struct relay *relay;

	while (turn_next_action(fuzz->server, &action)) {
		switch (action.type) {
		case TURN_SEND:
			demand(action.path != NULL || fuzz->settings.nat_discovery);
			remember_token(fuzz, action.message);
			break;
		case TURN_FIND_KEY:
		case TURN_OPEN_RELAY:
			hold(fuzz, &action);
			break;
		case TURN_CLOSE_RELAY:
			relay = action.relay;
			demand(relay->is_opened && !relay->is_closed);
			relay->is_closed = true;
			break;
		case TURN_HANDOFF:
			turn_handoff_input(fuzz->server, action.handoff, fuzz->now);
			break;
		case TURN_KEPT:
			input(fuzz, (unsigned)((struct five_tuple *)action.path - fuzz->clients),
			      action.message->data, action.message->len);
			break;
		case TURN_CONNECT_PEER:
			connect_peer(fuzz, &action);
			break;
		case TURN_CLOSE_PEER:
			close_connection(find_cookie(fuzz, action.cookie));
			break;
		case TURN_JOIN:
			join(fuzz, &action);
			break;
		default:
			break;
		}
	}
	for (unsigned who = SIGNERS; who < CLIENTS; who++)
		demand(!turn_has_session(fuzz->server, &fuzz->clients[who]));
}

static void wait(struct fuzz *fuzz, timestamp ms)
{
	timestamp end = fuzz->now + ms, next;

	while ((next = turn_next_timeout(fuzz->server)) <= end) {
		fuzz->now = next > fuzz->now ? next : fuzz->now;
		turn_handle_timeout(fuzz->server, fuzz->now);
		carry_out(fuzz);
	}
	fuzz->now = end;
}

static void play_step(struct fuzz *fuzz)
{
	unsigned first = take(fuzz), what = take(fuzz), who = what % CLIENTS;
	enum step step = first < STEP_CONNECTION ? first % STEP_COUNT : STEP_CONNECTION;

	switch (step) {
	case STEP_REQUEST:
		play_request(fuzz, who);
		break;
	case STEP_RAW:
		play_raw(fuzz, who);
		break;
	case STEP_CHANNEL_DATA:
		play_channel_data(fuzz, who);
		break;
	case STEP_PEER:
		play_peer(fuzz, what);
		break;
	case STEP_ICMP:
		play_icmp(fuzz, what);
		break;
	case STEP_ANSWER:
		play_answer(fuzz, what);
		break;
	case STEP_WAIT:
		wait(fuzz, what * 1000u + take(fuzz));
		break;
	case STEP_CLOSE:
		turn_path_closed(fuzz->server, &fuzz->clients[who], NULL, fuzz->now);
		carry_out(fuzz);
		break;
	case STEP_CONNECTION:
		play_connection(fuzz, what);
		break;
	case STEP_COUNT:
		break;
	}
}

/* One user and a few places; each is given back once. */
static enum turn_limit take_place(void *context, const struct turn_place_wish *wish,
                                  struct turn_place *place, uint64_t *value)
{
	struct fuzz *fuzz = context;

	(void)wish;
	*value = fuzz->quota;
	if (fuzz->quota != 0 && fuzz->places >= fuzz->quota)
		return TURN_LIMIT_USER_QUOTA;
	fuzz->places++;
	*place = (struct turn_place){fuzz, fuzz->quota != 0 ? 200 : 0};
	return TURN_LIMIT_NONE;
}

static void give_place(void *context, const struct turn_place *place)
{
	struct fuzz *fuzz = context;

	demand(place->holder == fuzz && fuzz->places > 0);
	fuzz->places--;
}

static const char *realm_of_origin(void *context, const char *origin)
{
	(void)context;
	return strcmp(origin, "https://o:443") == 0 ? "example.org" : NULL;
}

static void start(struct fuzz *fuzz, uint8_t flags)
{
	struct transport_addr relay_ip = addr("192.0.2.1", 0);
	struct peer_filter_settings peers = {.relay_ips = &relay_ip,
	                                     .relay_ip_count = 1,
	                                     .is_relayed = is_relayed,
	                                     .context = fuzz};

	fuzz->pair = (struct turn_pair){addr("192.0.2.1", 3478), addr("192.0.2.2", 3479)};
	demand(stun_hasher_create(&fuzz->hasher) == OK);
	demand(peer_filter_create(&peers, &fuzz->filter) == OK);
	fuzz->settings = (struct turn_settings){
		.realm = "example.org",
		.realm_of_origin = realm_of_origin,
		.oauth = true,
		.check_origin = flags & 16,
		.has_family = {!(flags & 1), !(flags & 2)},
		.fingerprint = flags & 4,
		.reason_phrases = flags & 8,
		.max_lifetime_s = 3600,
		.permission_lifetime_s = 300,
		.channel_lifetime_s = 600,
		.nonce_lifetime_s = 600,
		.security_features = flags & 16 ? 0 : STUN_FEATURE_PASSWORD_ALGORITHMS,
		.permissions_per_allocation = 3,
		.channels_per_allocation = 3,
		.pending_max = 6,
		.mobility = flags & 128,
		.ticket_key = {.bytes = "a key that seals all the tickets", .len = 32},
		.connect_timeout_s = 30,
		.bind_timeout_s = 30,
		.connections_per_allocation = 3,
		.connections_max = 5,
		.nat_discovery = flags & 128,
		.rfc3489_compatibility = flags & 128,
		.secure_stun = flags & 128 && flags & 1,
		.pairs = &fuzz->pair,
		.pair_count = 1,
		.thread_count = 1,
		.stream_threads = 1,
		.filter = fuzz->filter,
		.packets_per_s = flags & 32 ? 3 : 0,
		.new_peers_per_s = flags & 32 ? 1 : 0,
		.quotas = {take_place, give_place, fuzz},
		.random = repeat_itself,
		.counters = &fuzz->counters,
	};
	fuzz->quota = flags & 32 ? 3 : 0;
	demand(source_limit_create(flags & 32 ? 2 : 0, 1, &fuzz->settings.unproven) == OK);
	demand(turn_server_create(&fuzz->settings, fuzz->now, &fuzz->server) == OK);
	for (unsigned i = 0; i < CLIENTS; i++) {
		fuzz->clients[i].client = addr("198.51.100.7", 4000 + i);
		fuzz->clients[i].server = addr("192.0.2.1", 3478);
		fuzz->clients[i].transport = i % 2 || flags & 128 ? TRANSPORT_TCP : TRANSPORT_UDP;
	}
}

/* All lifetimes later nothing is left. */
static void finish(struct fuzz *fuzz)
{
	wait(fuzz, 2 * 3600 * 1000);
	demand(turn_next_timeout(fuzz->server) == TIMESTAMP_NEVER);
	demand(fuzz->places == 0);
	for (unsigned i = 0; i < fuzz->relay_count; i++)
		demand(fuzz->relays[i].is_closed);
	for (unsigned i = 0; i < fuzz->connection_count; i++)
		demand(fuzz->connections[i].is_closed);
	for (enum counter counter = 0; counter < COUNTER_COUNT; counter++) {
		const char *name = counter_name(counter);
		if (strlen(name) > 4 && strcmp(name + strlen(name) - 4, "_now") == 0)
			demand(counter_read(&fuzz->counters, counter) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct fuzz fuzz;

	memset(&fuzz, 0, sizeof fuzz);
	fuzz.script = (struct script){bytes, bytes + len};
	fuzz.now = 1000000;
	uint8_t flags = take(&fuzz);
	start(&fuzz, flags);
	while (fuzz.script.at < fuzz.script.end)
		play_step(&fuzz);
	/* Some end in the middle of a conversation: destroying frees all there is. */
	if (!(flags & 64))
		finish(&fuzz);
	turn_server_destroy(fuzz.server);
	demand(fuzz.places == 0);
	source_limit_destroy(fuzz.settings.unproven);
	for (enum counter counter = 0; counter < COUNTER_COUNT; counter++) {
		const char *name = counter_name(counter);
		if (strlen(name) > 4 && strcmp(name + strlen(name) - 4, "_now") == 0)
			demand(counter_read(&fuzz.counters, counter) == 0);
	}
	peer_filter_destroy(fuzz.filter);
	stun_hasher_destroy(fuzz.hasher);
	return 0;
}
