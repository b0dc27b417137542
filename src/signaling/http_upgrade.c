/* The opening handshake of WebSocket (RFC 6455 section 4.2), and what becomes of the connection. */
#include <openssl/evp.h>

#include "base/bytes.h"
#include "signaling/net_private.h"

enum { KEY_LEN = 24, KEY_BYTES = 16, SHA1_LEN = 20, ACCEPT_SIZE = BASE64_SIZE(SHA1_LEN) };

static bool check_handshake(struct http_exchange *exchange);
static bool check_dialect(struct http_exchange *exchange, const struct dialect *dialect);
static bool check_address(struct http_exchange *exchange);
static bool find_identity(struct http_exchange *exchange, const struct dialect *dialect,
                          struct identity *identity);
static struct buffer *switch_protocols(struct http_exchange *exchange);
static void become_websocket(struct http_exchange *exchange, const struct dialect *dialect,
                             struct session *session, struct buffer *answer);
static void refuse(struct http_exchange *exchange, unsigned status, const char *text);

void http_upgrade(struct http_exchange *exchange, const struct dialect *dialect)
{
	struct worker *worker = exchange->worker;
	struct identity identity = {0};
	struct session *session;

	exchange->is_upgrade = true;
	if (!check_handshake(exchange) || !check_dialect(exchange, dialect) ||
	    !find_identity(exchange, dialect, &identity) || !check_address(exchange))
		goto refused;
	struct buffer *answer = switch_protocols(exchange);
	if (answer == NULL) {
		refuse(exchange, 500, "This did not work.\n");
		goto refused;
	}
	session = hub_open(worker->hub, dialect, exchange->connection, exchange->address, &identity,
	                   exchange, worker->now);
	if (session == NULL) {
		buffer_release(answer);
		refuse(exchange, 503, "Nobody new is let in now.\n");
		goto refused;
	}
	become_websocket(exchange, dialect, session, answer);
	return;
refused:
	net_count(&worker->counters, NET_COUNT_upgrades_refused, 1);
	http_exchange_destroy(exchange);
}

static void refuse(struct http_exchange *exchange, unsigned status, const char *text)
{
	http_answer(exchange, status, "text/plain", slice_of(text));
}

/* Section 4.1: base64 of 16 octets. */
static bool is_key(struct slice key)
{
	uint8_t bytes[KEY_BYTES + 2];
	size_t len;

	return key.len == KEY_LEN && base64_get(key.at, key.len, bytes, sizeof bytes, &len) == OK &&
	       len == KEY_BYTES;
}

static bool check_handshake(struct http_exchange *exchange)
{
	const struct http_request *request = http_reader_request(exchange->reader);

	if (request->is_http_1_0 ||
	    !http_reader_has_token(exchange->reader, "Connection", "upgrade")) {
		refuse(exchange, 400, "This is no handshake of WebSocket.\n");
		return false;
	}
	/* Section 4.4: who speaks another version is told which there is. */
	if (!slice_is(http_header(exchange, "Sec-WebSocket-Version"), "13")) {
		http_set_header(exchange, "Sec-WebSocket-Version", "13");
		refuse(exchange, 426, "The version of WebSocket here is 13.\n");
		return false;
	}
	if (!is_key(http_header(exchange, "Sec-WebSocket-Key"))) {
		refuse(exchange, 400, "Sec-WebSocket-Key is not 16 octets in base64.\n");
		return false;
	}
	if (!http_is_origin_allowed(exchange)) {
		refuse(exchange, 403, "Pages of this origin are not let in.\n");
		return false;
	}
	return true;
}

static bool check_dialect(struct http_exchange *exchange, const struct dialect *dialect)
{
	if (dialect->match == NULL)
		return true;
	for (const char *const *path = dialect->paths; *path != NULL; path++)
		if (http_path_fits(&exchange->path, *path)) {
			exchange->pattern = *path;
			break;
		}
	if (dialect->match(exchange) && !exchange->is_answered)
		return true;
	if (!exchange->is_answered)
		refuse(exchange, 403, "This is not let in.\n");
	return false;
}

/* Who proves nothing is nobody in particular, and may do what the tenant lets anybody do: nothing, perhaps, until it
 * proves more by a message. A proof that does not hold is refused here. */
static bool find_identity(struct http_exchange *exchange, const struct dialect *dialect,
                          struct identity *identity)
{
	bool is_anybody = false;
	enum signaling_error error =
		http_find_identity(exchange, !dialect->has_own_query, identity, &is_anybody);

	if (error == SIGNALING_OK)
		return true;
	if (!is_anybody) {
		http_refuse(exchange, error, "");
		return false;
	}
	*identity = (struct identity){.tenant = TENANT_DEFAULT};
	return true;
}

/* A client behind a proxy is counted here: only now it is known. */
static bool check_address(struct http_exchange *exchange)
{
	struct connection *connection = exchange->connection;
	struct worker *worker = exchange->worker;

	if (connection->is_counted)
		return true;
	connection->is_counted =
		address_limits_open(worker->workers->limits, &exchange->client, worker->now);
	if (connection->is_counted)
		connection->client = exchange->client;
	else
		http_refuse(exchange, SIGNALING_RATE_LIMITED, "Too many connections.");
	return connection->is_counted;
}

/* Section 4.2.2: the key, and what only one who speaks WebSocket knows, hashed. */
static bool make_accept(struct slice key, char accept[ACCEPT_SIZE])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	uint8_t hash[EVP_MAX_MD_SIZE];
	char both[KEY_LEN + sizeof guid];

	memcpy(both, key.at, KEY_LEN);
	memcpy(both + KEY_LEN, guid, sizeof guid);
	if (EVP_Digest(both, strlen(both), hash, NULL, EVP_sha1(), NULL) != 1)
		return false;
	base64_put(hash, SHA1_LEN, true, accept);
	return true;
}

static struct buffer *switch_protocols(struct http_exchange *exchange)
{
	char accept[ACCEPT_SIZE];
	struct text text;

	if (!make_accept(http_header(exchange, "Sec-WebSocket-Key"), accept))
		return NULL;
	text_init(&text, 0);
	http_put_head(&text, exchange, 101);
	text_printf(&text,
	            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n",
	            accept);
	if (exchange->subprotocol[0] != '\0')
		text_printf(&text, "Sec-WebSocket-Protocol: %s\r\n", exchange->subprotocol);
	text_printf(&text, "\r\n");
	struct buffer *buffer = text.has_failed ? NULL : buffer_create(text_slice(&text));
	text_deinit(&text);
	return buffer;
}

/* From here on nothing of HTTP is kept; what the client has sent ahead are its first frames. */
static void become_websocket(struct http_exchange *exchange, const struct dialect *dialect,
                             struct session *session, struct buffer *answer)
{
	struct connection *connection = exchange->connection;
	struct http_state *http = connection->http;
	struct text ahead = http->backlog;

	http->exchange = NULL;
	http->backlog = (struct text){0};
	http_exchange_destroy(exchange);
	connection->http = NULL;
	http_state_destroy(http);
	connection_open_websocket(connection, dialect, session);
	connection_queue(connection, answer);
	if (ahead.len > 0 && connection->phase == PHASE_WEBSOCKET)
		connection_websocket_input(connection, ahead.at, ahead.len);
	text_deinit(&ahead);
}
