/* The broker's side of things, by librabbitmq. */
#include "signaling/amqp_link.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <openssl/ssl.h>

#include "base/log.h"

enum {
	CHANNEL = 1,
	FRAME_MAX = 131072,
	CONNECT_S = 5,
	ANSWER_S = 10,
	PERSISTENT = 2, /* AMQP's delivery-mode */
};

static enum err fail(struct amqp_link *link, const char *format, ...) PRINTF_LIKE(2, 3);
static enum err fail(struct amqp_link *link, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(link->problem, sizeof link->problem, format, arguments);
	va_end(arguments);
	return ERR_CLOSED;
}

static enum err fail_status(struct amqp_link *link, const char *what, int status)
{
	return fail(link, "%s: %s", what, amqp_error_string2(status));
}

/* What the broker gives as a reason when it closes a channel or the connection. */
static enum err fail_method(struct amqp_link *link, const char *what, const amqp_method_t *method)
{
	const amqp_channel_close_t *channel = method->decoded;
	const amqp_connection_close_t *connection = method->decoded;

	if (method->id == AMQP_CHANNEL_CLOSE_METHOD)
		return fail(link, "%s: %u %.*s", what, channel->reply_code,
		            (int)channel->reply_text.len, (char *)channel->reply_text.bytes);
	if (method->id == AMQP_CONNECTION_CLOSE_METHOD)
		return fail(link, "%s: %u %.*s", what, connection->reply_code,
		            (int)connection->reply_text.len, (char *)connection->reply_text.bytes);
	return fail(link, "%s: the broker sent method %08x", what, method->id);
}

static enum err check_reply(struct amqp_link *link, const char *what, amqp_rpc_reply_t reply)
{
	if (reply.reply_type == AMQP_RESPONSE_NORMAL)
		return OK;
	if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION)
		return fail_method(link, what, &reply.reply);
	return fail_status(link, what, reply.library_error);
}

static amqp_socket_t *make_tls(struct amqp_link *link, const struct amqp_place *place)
{
	amqp_socket_t *socket = amqp_ssl_socket_new(link->state);

	if (socket == NULL)
		return NULL;
	amqp_ssl_socket_set_verify_peer(socket, 1);
	amqp_ssl_socket_set_verify_hostname(socket, 1);
	int status = amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST);
	if (status == AMQP_STATUS_OK && place->ca_file != NULL)
		status = amqp_ssl_socket_set_cacert(socket, place->ca_file);
	else if (status == AMQP_STATUS_OK &&
	         SSL_CTX_set_default_verify_paths(amqp_ssl_socket_get_context(socket)) != 1)
		status = AMQP_STATUS_SSL_ERROR;
	return status == AMQP_STATUS_OK ? socket : NULL; /* the state frees it */
}

static enum err open_socket(struct amqp_link *link, const struct amqp_place *place)
{
	struct timeval connect = {.tv_sec = CONNECT_S}, answer = {.tv_sec = ANSWER_S};
	amqp_socket_t *socket =
		place->url.ssl ? make_tls(link, place) : amqp_tcp_socket_new(link->state);

	if (socket == NULL)
		return fail(link, "no socket, or event-ca-file cannot be used");
	/* Both keep a copy. */
	amqp_set_handshake_timeout(link->state, &answer);
	amqp_set_rpc_timeout(link->state, &answer);
	int status = amqp_socket_open_noblock(socket, place->url.host, place->url.port, &connect);
	return status == AMQP_STATUS_OK ? OK : fail_status(link, "connect", status);
}

static void put_flag(amqp_table_entry_t *entry, const char *name)
{
	entry->key = amqp_cstring_bytes(name);
	entry->value.kind = AMQP_FIELD_KIND_BOOLEAN;
	entry->value.value.boolean = 1;
}

/* Without being asked, the broker does not say that it blocks publishers; librabbitmq adds these to its own. */
static enum err log_in(struct amqp_link *link, const struct amqp_place *place)
{
	amqp_table_entry_t capability, property;

	put_flag(&capability, "connection.blocked");
	property.key = amqp_cstring_bytes("capabilities");
	property.value.kind = AMQP_FIELD_KIND_TABLE;
	property.value.value.table = (amqp_table_t){1, &capability};
	const amqp_table_t properties = {1, &property};
	return check_reply(link, "login",
	                   amqp_login_with_properties(link->state, place->url.vhost, 0, FRAME_MAX,
	                                              (int)place->heartbeat_s, &properties,
	                                              AMQP_SASL_METHOD_PLAIN, place->url.user,
	                                              place->url.password));
}

static enum err open_channel(struct amqp_link *link, const struct amqp_place *place)
{
	amqp_channel_open(link->state, CHANNEL);
	enum err err = check_reply(link, "channel", amqp_get_rpc_reply(link->state));
	if (err != OK)
		return err;
	amqp_exchange_declare(link->state, CHANNEL, amqp_cstring_bytes(place->exchange),
	                      amqp_cstring_bytes("topic"), 0, 1, 0, 0, amqp_empty_table);
	err = check_reply(link, "exchange", amqp_get_rpc_reply(link->state));
	if (err != OK)
		return err;
	amqp_confirm_select(link->state, CHANNEL);
	return check_reply(link, "publisher confirms", amqp_get_rpc_reply(link->state));
}

enum err amqp_link_open(struct amqp_link *link, const struct amqp_place *place,
                        void (*got_socket)(void *context, int fd), void *context)
{
	*link = (struct amqp_link){.state = amqp_new_connection(), .next_tag = 1};
	if (link->state == NULL)
		return ERR_NO_MEMORY;
	enum err err = open_socket(link, place);
	if (err == OK) {
		got_socket(context, amqp_get_sockfd(link->state));
		err = log_in(link, place);
	}
	return err == OK ? open_channel(link, place) : err;
}

void amqp_link_close(struct amqp_link *link)
{
	if (link->state == NULL)
		return;
	amqp_destroy_connection(link->state);
	link->state = NULL;
}

static void put_text(amqp_table_entry_t *entry, const char *name, const char *text)
{
	entry->key = amqp_cstring_bytes(name);
	entry->value.kind = AMQP_FIELD_KIND_UTF8;
	entry->value.value.bytes = amqp_cstring_bytes(text);
}

static void put_number(amqp_table_entry_t *entry, const char *name, uint64_t number)
{
	entry->key = amqp_cstring_bytes(name);
	entry->value.kind = AMQP_FIELD_KIND_I64;
	entry->value.value.i64 = (int64_t)number;
}

static int put_headers(amqp_table_entry_t headers[4], const struct parcel *parcel)
{
	put_text(&headers[0], "x-tenant", parcel->fact.tenant);
	put_text(&headers[1], "x-room", parcel->fact.room);
	put_number(&headers[2], "x-sequence", parcel->fact.sequence);
	if (parcel->is_again)
		put_flag(&headers[3], "x-redelivered");
	return parcel->is_again ? 4 : 3;
}

enum err amqp_link_publish(struct amqp_link *link, const struct amqp_place *place,
                           const struct parcel *parcel)
{
	char name[FACT_NAME_SIZE];
	amqp_table_entry_t headers[4];
	const struct fact *fact = &parcel->fact;

	fact_name(fact, name);
	amqp_basic_properties_t properties = {
		._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
	                  AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_TIMESTAMP_FLAG |
	                  AMQP_BASIC_APP_ID_FLAG | AMQP_BASIC_HEADERS_FLAG,
		.content_type = amqp_cstring_bytes("application/json"),
		.delivery_mode = PERSISTENT,
		.message_id = amqp_cstring_bytes(name),
		.timestamp = fact->wall_ms / 1000,
		.app_id = amqp_cstring_bytes("turnsignal"),
		.headers = {.num_entries = put_headers(headers, parcel), .entries = headers},
	};
	amqp_bytes_t body = {.len = fact->body.len, .bytes = (void *)fact->body.at};
	int status = amqp_basic_publish(link->state, CHANNEL, amqp_cstring_bytes(place->exchange),
	                                amqp_cstring_bytes(fact->key), 0, 0, &properties, body);
	if (status != AMQP_STATUS_OK)
		return fail_status(link, "publish", status);
	link->next_tag++;
	return OK;
}

static void note_blocked(struct amqp_link *link, bool is_blocked, const amqp_method_t *method)
{
	const amqp_connection_blocked_t *blocked = method->decoded;

	link->is_blocked = is_blocked;
	if (is_blocked)
		log_warning("event broker takes nothing", "reason=\"%.*s\"",
		            (int)blocked->reason.len, (char *)blocked->reason.bytes);
	else
		log_always("event broker takes events again", NULL);
}

static enum err handle_method(struct amqp_link *link, const amqp_method_t *method,
                              struct amqp_word *word)
{
	const amqp_basic_ack_t *ack = method->decoded;

	word->kind = AMQP_WORD_OTHER;
	switch (method->id) {
	case AMQP_BASIC_ACK_METHOD:
		*word = (struct amqp_word){AMQP_WORD_ACK, ack->delivery_tag, ack->multiple != 0};
		return OK;
	case AMQP_CONNECTION_BLOCKED_METHOD:
	case AMQP_CONNECTION_UNBLOCKED_METHOD:
		note_blocked(link, method->id == AMQP_CONNECTION_BLOCKED_METHOD, method);
		return OK;
	case AMQP_BASIC_NACK_METHOD: /* all that is not confirmed is sent again, in its order */
		return fail(link, "the broker could not take an event");
	default:
		return fail_method(link, "closed", method);
	}
}

enum err amqp_link_input(struct amqp_link *link, struct amqp_word *word)
{
	struct timeval at_once = {0};
	amqp_frame_t frame;

	*word = (struct amqp_word){AMQP_WORD_NONE, 0, false};
	amqp_maybe_release_buffers(link->state);
	int status = amqp_simple_wait_frame_noblock(link->state, &frame, &at_once);
	if (status == AMQP_STATUS_TIMEOUT)
		return OK;
	if (status != AMQP_STATUS_OK)
		return fail_status(link, "receive", status);
	word->kind = AMQP_WORD_OTHER;
	return frame.frame_type == AMQP_FRAME_METHOD
	               ? handle_method(link, &frame.payload.method, word)
	               : OK;
}
