/* What PeerJS's server answers by HTTP: a free id, and who is there for those who may know. */
#include <string.h>

#include "base/random.h"
#include "signaling/hub.h"
#include "signaling/json_text.h"
#include "signaling/peerjs.h"

static void handle_about(struct http_exchange *exchange);
static void handle_id(struct http_exchange *exchange);
static void handle_peers(struct http_exchange *exchange);

/* A client that is told of a path "/" asks /KEY/id, one that is told of "/peerjs" asks /peerjs/KEY/id. */
const struct http_route peerjs_routes[PEERJS_ROUTES] = {
	{1 << HTTP_GET, "/peerjs", handle_about},
	{1 << HTTP_GET, "/peerjs/id", handle_id},
	{1 << HTTP_GET, "/peerjs/peers", handle_peers},
	{1 << HTTP_GET, "/peerjs/:key/id", handle_id},
	{1 << HTTP_GET, "/peerjs/:key/peers", handle_peers},
	{1 << HTTP_GET, "/:key/id", handle_id},
	{1 << HTTP_GET, "/:key/peers", handle_peers},
};

static void handle_about(struct http_exchange *exchange)
{
	http_allow_origins(exchange);
	http_answer_json(exchange, 200,
	                 SLICE("{\"name\":\"PeerJS Server\",\"description\":\"PeerJS's protocol, "
	                       "spoken by turnsignal.\",\"website\":\"https://peerjs.com/\"}"));
}

/* RFC 9562 section 5.4: 122 random bits. Nobody has it already. */
static void handle_id(struct http_exchange *exchange)
{
	uint8_t bytes[16];
	struct text text;

	random_bytes(bytes, sizeof bytes);
	bytes[6] = (uint8_t)(0x40 | (bytes[6] & 0x0F));
	bytes[8] = (uint8_t)(0x80 | (bytes[8] & 0x3F));
	text_init(&text, 0);
	for (unsigned i = 0; i < sizeof bytes; i++)
		text_printf(&text, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
		            bytes[i]);
	http_allow_origins(exchange);
	http_answer(exchange, 200, "text/html; charset=utf-8", text_slice(&text));
	text_deinit(&text);
}

/* Ids of PeerJS's clients; those of other dialects are called by their sessions' ids. */
static void put_names(struct text *text, struct slice participants)
{
	struct slice participant;
	size_t position = 0;

	while (json_next_element(participants, &position, &participant)) {
		struct slice alias = json_member(participant, "alias");
		bool has_alias = json_kind(alias) == JSON_KIND_STRING && alias.len > 2;
		if (!json_is_true(json_member(participant, "hidden")))
			json_put_raw(text, has_alias ? alias : json_member(participant, "id"));
	}
}

static void peers_shown(void *context, enum signaling_error error, struct slice json)
{
	struct http_exchange *exchange = context;
	struct text text;

	if (error != SIGNALING_OK && error != SIGNALING_NO_SUCH_ROOM) {
		http_refuse(exchange, error, signaling_error_words(error)->text);
		return;
	}
	text_init(&text, 0);
	json_open(&text, '[');
	if (error == SIGNALING_OK)
		put_names(&text, json_member(json, "participants"));
	json_close(&text, ']');
	http_answer_json(exchange, 200, text_slice(&text));
	text_deinit(&text);
}

static void peers_identified(struct http_exchange *exchange, const struct identity *identity,
                             enum signaling_error error)
{
	struct slice key = http_segment(exchange, "key");
	char name[ROOM_NAME_MAX + 1] = "peerjs";
	struct room_request request = {
		.kind = ROOM_REQUEST_SHOW, .identity = identity, .name = name};

	(void)error;
	http_allow_origins(exchange);
	if (identity == NULL || !(identity->permissions & MAY_LIST) || key.len > ROOM_NAME_MAX) {
		http_answer(exchange, 401, "text/plain; charset=utf-8", SLICE("Unauthorized"));
		return;
	}
	if (key.len > 0) {
		memcpy(name, key.at, key.len);
		name[key.len] = '\0';
	}
	request.tenant = identity->tenant;
	hub_request(http_hub(exchange), &request, peers_shown, exchange, 0);
}

static void handle_peers(struct http_exchange *exchange)
{
	http_identify(exchange, peers_identified);
}
