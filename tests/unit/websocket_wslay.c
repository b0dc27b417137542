/* RFC 6455 as wslay reads it, for test_websocket. */
#include <stdint.h>
#include <string.h>
#include <wslay/wslay.h>

#include "websocket_peer.h"

struct other {
	const struct wire *wire;
	size_t at;
	struct log *log;
	bool has_ended;
};

static ssize_t give(wslay_event_context_ptr context, uint8_t *bytes, size_t len, int flags,
                    void *user)
{
	struct other *other = user;
	size_t left = other->wire->len - other->at, n = len < left ? len : left;

	(void)flags;
	if (n == 0) {
		wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	memcpy(bytes, other->wire->bytes + other->at, n);
	other->at += n;
	return (ssize_t)n;
}

/* What it answers: of interest is a Close that the peer did not ask for. */
static ssize_t drop(wslay_event_context_ptr context, const uint8_t *bytes, size_t len, int flags,
                    void *user)
{
	(void)context, (void)bytes, (void)flags, (void)user;
	return (ssize_t)len;
}

static void arrived(wslay_event_context_ptr context, const struct wslay_event_on_msg_recv_arg *arg,
                    void *user)
{
	struct other *other = user;

	(void)context;
	if (arg->opcode == WSLAY_TEXT_FRAME)
		note_payload(other->log, "text", arg->msg, arg->msg_length);
	else if (arg->opcode == WSLAY_PING)
		note_payload(other->log, "ping", arg->msg, arg->msg_length);
	else if (arg->opcode == WSLAY_PONG)
		note_payload(other->log, "pong", arg->msg, arg->msg_length);
	else if (arg->opcode == WSLAY_CONNECTION_CLOSE) {
		size_t code_len = arg->status_code == 0 ? 0 : 2;
		note(other->log, "code(%u) ", arg->status_code == 0 ? 1005U : arg->status_code);
		note_payload(other->log, "close", code_len == 0 ? arg->msg : arg->msg + code_len,
		             arg->msg_length - code_len);
		other->has_ended = true;
	}
}

bool peer_reads(const struct wire *wire, struct log *log)
{
	const struct wslay_event_callbacks callbacks = {
		.recv_callback = give, .send_callback = drop, .on_msg_recv_callback = arrived};
	struct other other = {.wire = wire, .log = log};
	wslay_event_context_ptr context;

	*log = (struct log){0};
	if (wslay_event_context_server_init(&context, &callbacks, &other) != 0)
		abort();
	wslay_event_config_set_max_recv_msg_length(context, MESSAGE_MAX);
	int result = wslay_event_recv(context);
	if (result == 0 && !wslay_event_want_read(context) && !other.has_ended)
		note(log, "failed(%u) ", wslay_event_get_status_code_sent(context));
	else if (result != 0)
		note(log, "failed ");
	wslay_event_context_free(context);
	return true;
}
