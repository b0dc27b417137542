/* A queue at the broker, for tests/system/events.py:
 *     read_queue URL EXCHANGE QUEUE bind    makes a queue that survives restarts, with all that the exchange gets
 *     read_queue URL EXCHANGE QUEUE read    takes out all there is: a line for each, "key<tab>message-id<tab>1 or 0 for
 *                                           x-redelivered<tab>body" */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amqp.h>
#include <amqp_tcp_socket.h>

static void must(amqp_rpc_reply_t reply, const char *what)
{
	if (reply.reply_type == AMQP_RESPONSE_NORMAL)
		return;
	fprintf(stderr, "%s: %s\n", what,
	        reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION
	                ? amqp_error_string2(reply.library_error)
	                : "refused");
	exit(1);
}

static amqp_connection_state_t connect_to(char *url)
{
	struct amqp_connection_info place;
	amqp_connection_state_t state = amqp_new_connection();

	if (amqp_parse_url(url, &place) != AMQP_STATUS_OK ||
	    amqp_socket_open(amqp_tcp_socket_new(state), place.host, place.port) != AMQP_STATUS_OK)
		exit(1);
	must(amqp_login(state, place.vhost, 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, place.user,
	                place.password),
	     "login");
	amqp_channel_open(state, 1);
	must(amqp_get_rpc_reply(state), "channel");
	return state;
}

static void bind_queue(amqp_connection_state_t state, const char *exchange, const char *queue)
{
	amqp_exchange_declare(state, 1, amqp_cstring_bytes(exchange), amqp_cstring_bytes("topic"),
	                      0, 1, 0, 0, amqp_empty_table);
	must(amqp_get_rpc_reply(state), "exchange");
	amqp_queue_declare(state, 1, amqp_cstring_bytes(queue), 0, 1, 0, 0, amqp_empty_table);
	must(amqp_get_rpc_reply(state), "queue");
	amqp_queue_bind(state, 1, amqp_cstring_bytes(queue), amqp_cstring_bytes(exchange),
	                amqp_cstring_bytes("#"), amqp_empty_table);
	must(amqp_get_rpc_reply(state), "binding");
}

static int is_marked(const amqp_basic_properties_t *properties)
{
	for (int i = 0; i < properties->headers.num_entries; i++) {
		const amqp_table_entry_t *entry = &properties->headers.entries[i];
		if (entry->key.len == strlen("x-redelivered") &&
		    memcmp(entry->key.bytes, "x-redelivered", entry->key.len) == 0)
			return entry->value.value.boolean;
	}
	return 0;
}

static void print(const amqp_bytes_t *key, const amqp_message_t *message)
{
	const amqp_basic_properties_t *properties = &message->properties;

	printf("%.*s\t%.*s\t%d\t%.*s\n", (int)key->len, (char *)key->bytes,
	       (int)properties->message_id.len, (char *)properties->message_id.bytes,
	       is_marked(properties), (int)message->body.len, (char *)message->body.bytes);
}

static void read_all(amqp_connection_state_t state, const char *queue)
{
	for (;;) {
		amqp_message_t message;
		amqp_rpc_reply_t reply = amqp_basic_get(state, 1, amqp_cstring_bytes(queue), 1);
		must(reply, "get");
		if (reply.reply.id == AMQP_BASIC_GET_EMPTY_METHOD)
			return;
		const amqp_basic_get_ok_t *got = reply.reply.decoded;
		amqp_bytes_t key = amqp_bytes_malloc_dup(got->routing_key);
		must(amqp_read_message(state, 1, &message, 0), "message");
		print(&key, &message);
		amqp_bytes_free(key);
		amqp_destroy_message(&message);
		amqp_maybe_release_buffers(state);
	}
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	amqp_connection_state_t state = connect_to(argv[1]);
	if (strcmp(argv[4], "bind") == 0)
		bind_queue(state, argv[2], argv[3]);
	else
		read_all(state, argv[3]);
	amqp_connection_close(state, AMQP_REPLY_SUCCESS);
	amqp_destroy_connection(state);
	return 0;
}
