/* A connection that speaks WebSocket: messages to the hub, pings and pongs, and the two Closes that end it (RFC 6455
 * sections 5.5 and 7.1). */
#include "base/random.h"
#include "signaling/net_private.h"

static void handle(struct connection *connection, const struct websocket_found *found);
static void handle_close(struct connection *connection, unsigned code);
static void queue_close(struct connection *connection, unsigned code, const char *reason);
static void set_timer(struct connection *connection);

void connection_open_websocket(struct connection *connection, const struct dialect *dialect,
                               struct session *session)
{
	const struct dialect_limits *limits = &dialect->limits;
	timestamp now = connection->worker->now;

	connection->phase = PHASE_WEBSOCKET;
	connection->dialect = dialect;
	connection->session = session;
	/* The first ping comes somewhere within the interval, so that those who came together do not stay together. */
	connection->ping_at = limits->ping_s == 0
	                              ? TIMESTAMP_NEVER
	                              : now + SECOND + random_below(limits->ping_s * SECOND);
	connection->pong_by = connection->message_by = TIMESTAMP_NEVER;
	connection->first_message_by = limits->first_message_s == 0
	                                       ? TIMESTAMP_NEVER
	                                       : now + limits->first_message_s * SECOND;
	net_count(&connection->worker->counters, NET_COUNT_upgrades, 1);
	net_count(&connection->worker->counters, NET_COUNT_websockets_now, 1);
	set_timer(connection);
}

/* Each may keep a message's worth, but not all of them at once. What such a client sends from then on is not read. */
static void count_incomplete(struct connection *connection)
{
	struct worker *worker = connection->worker;
	size_t kept = websocket_kept(&connection->websocket);
	bool is_too_much = kept > connection->incomplete &&
	                   worker->incomplete - connection->incomplete + kept >
	                           worker->workers->settings.incomplete_max;

	if (is_too_much) {
		connection_close_websocket(connection, WEBSOCKET_TRY_LATER,
		                           "too many messages are incomplete");
		connection_say_last_words(connection);
		websocket_deinit(&connection->websocket);
		kept = 0;
	}
	worker->incomplete += kept - connection->incomplete;
	connection->incomplete = kept;
}

void connection_websocket_input(struct connection *connection, char *bytes, size_t len)
{
	struct worker *worker = connection->worker;
	struct websocket_found found;
	size_t used = 0;

	/* Whatever comes shows that somebody is there. */
	connection->pong_by = TIMESTAMP_NEVER;
	do {
		used += websocket_input(&connection->websocket,
		                        connection->dialect->limits.message_max, bytes + used,
		                        len - used, &found);
		handle(connection, &found);
	} while (found.kind != WEBSOCKET_MORE && connection->phase != PHASE_GONE);
	count_incomplete(connection);
	if (websocket_is_idle(&connection->websocket))
		connection->message_by = TIMESTAMP_NEVER;
	else if (connection->message_by == TIMESTAMP_NEVER)
		connection->message_by =
			worker->now + worker->workers->settings.times.message_s * SECOND;
	if (connection->phase == PHASE_WEBSOCKET)
		set_timer(connection);
}

static void handle(struct connection *connection, const struct websocket_found *found)
{
	struct worker *worker = connection->worker;

	if (found->kind == WEBSOCKET_CLOSE) {
		handle_close(connection, found->code);
		return;
	}
	/* After our Close nothing of the peer's counts but its own. */
	if (connection->phase != PHASE_WEBSOCKET)
		return;
	switch (found->kind) {
	case WEBSOCKET_TEXT:
		connection->first_message_by = connection->message_by = TIMESTAMP_NEVER;
		net_count(&worker->counters, NET_COUNT_messages_in, 1);
		hub_input(worker->hub, connection->session, found->payload, worker->now);
		return;
	case WEBSOCKET_PING:
		connection_queue_frame(connection, WEBSOCKET_OPCODE_PONG,
		                       buffer_create(found->payload), false);
		return;
	case WEBSOCKET_FAILED:
		net_count(&worker->counters, NET_COUNT_protocol_errors, 1);
		connection_close_websocket(connection, found->code, "");
		return;
	default:
		return;
	}
}

/* Section 5.5.1: a Close is answered by one with its code. The one who serves then closes TCP, section 7.1.1. */
static void handle_close(struct connection *connection, unsigned code)
{
	struct session *session = connection->session;

	if (connection->phase == PHASE_WEBSOCKET)
		queue_close(connection, code, "");
	connection->is_clean = code == WEBSOCKET_NORMAL || code == WEBSOCKET_GOING_AWAY;
	if (session != NULL)
		connection_bury(connection);
	connection_say_last_words(connection);
}

static void queue_close(struct connection *connection, unsigned code, const char *reason)
{
	char payload[WEBSOCKET_CONTROL_MAX];
	size_t len = websocket_put_close(payload, code, reason);

	connection_queue_frame(connection, WEBSOCKET_OPCODE_CLOSE,
	                       buffer_create((struct slice){payload, len}), false);
}

/* Closes it by our own wish: what is queued is sent before. The session, where there is one still, is told that it is gone. */
void connection_close_websocket(struct connection *connection, unsigned code, const char *reason)
{
	struct worker *worker = connection->worker;

	if (connection->phase != PHASE_WEBSOCKET)
		return;
	connection_bury(connection);
	connection->phase = PHASE_CLOSING;
	connection->is_paused = false;
	queue_close(connection, code, reason);
	if (connection->phase == PHASE_GONE)
		return;
	connection_set_deadline(connection,
	                        worker->now + worker->workers->settings.times.close_s * SECOND);
	connection_watch(connection);
}

static timestamp earlier(timestamp a, timestamp b)
{
	return a < b ? a : b;
}

static void set_timer(struct connection *connection)
{
	timestamp next = earlier(earlier(connection->ping_at, connection->pong_by),
	                         earlier(connection->message_by, connection->first_message_by));

	if (next == TIMESTAMP_NEVER)
		timer_cancel(connection->worker->timers, &connection->timer);
	else if (!timer_is_set(&connection->timer) || connection->timer.deadline != next)
		connection_set_deadline(connection, next);
}

static void ping(struct connection *connection)
{
	const struct dialect_limits *limits = &connection->dialect->limits;
	timestamp now = connection->worker->now;

	connection_queue_frame(connection, WEBSOCKET_OPCODE_PING, buffer_create(SLICE("")), false);
	connection->ping_at = now + limits->ping_s * SECOND;
	if (limits->pong_s > 0 && connection->pong_by == TIMESTAMP_NEVER)
		connection->pong_by = now + limits->pong_s * SECOND;
}

void connection_websocket_timer(struct connection *connection)
{
	struct worker *worker = connection->worker;
	timestamp now = worker->now;

	/* Who is paused may have answered: nobody has looked. */
	if (connection->is_paused && connection->pong_by <= now)
		connection->pong_by = TIMESTAMP_NEVER;
	if (connection->pong_by <= now) {
		net_count(&worker->counters, NET_COUNT_timeouts, 1);
		connection_end(connection);
		return;
	}
	/* Who asked for a room with the upgrade may say nothing for as long as it likes. */
	if (connection->first_message_by <= now && session_room(connection->session) != NULL)
		connection->first_message_by = TIMESTAMP_NEVER;
	if (connection->message_by <= now || connection->first_message_by <= now) {
		net_count(&worker->counters, NET_COUNT_timeouts, 1);
		connection_close_websocket(connection, WEBSOCKET_POLICY,
		                           "a message did not come in time");
		return;
	}
	if (connection->ping_at <= now)
		ping(connection);
	if (connection->phase == PHASE_WEBSOCKET)
		set_timer(connection);
}
