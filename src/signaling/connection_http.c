/* A connection that speaks HTTP: one request at a time, and the next when the answer was sent. What a client sends ahead
 * waits here, or in the socket. */
#include <stdlib.h>

#include "signaling/net_private.h"

static void read_requests(struct connection *connection, struct slice bytes);
static void refuse(struct connection *connection, unsigned status);

bool connection_begin_http(struct connection *connection)
{
	struct worker *worker = connection->worker;
	struct http_state *http = calloc(1, sizeof *http);

	if (http == NULL)
		return false;
	http->reader = http_reader_create(HTTP_HEAD_MAX, HTTP_BODY_MAX);
	if (http->reader == NULL) {
		free(http);
		return false;
	}
	text_init(&http->backlog, INPUT_SIZE + HTTP_BODY_MAX);
	connection->http = http;
	connection->phase = PHASE_HTTP;
	connection_set_deadline(connection,
	                        worker->now + worker->workers->settings.times.request_s * SECOND);
	return true;
}

void http_state_destroy(struct http_state *http)
{
	if (http == NULL)
		return;
	if (http->exchange != NULL) {
		/* Who answers it later finds that nobody waits. */
		http->exchange->connection = NULL;
		http->reader = NULL;
	}
	http_reader_destroy(http->reader);
	text_deinit(&http->backlog);
	free(http);
}

void connection_http_input(struct connection *connection, struct slice bytes)
{
	read_requests(connection, bytes);
	/* Where there is something to send, that is done once it was sent. */
	if (connection->phase == PHASE_HTTP && !list_is_linked(&connection->dirty))
		connection_watch(connection);
}

static void keep(struct connection *connection, struct slice rest)
{
	struct text *backlog = &connection->http->backlog;

	text_put(backlog, rest);
	if (backlog->has_failed)
		connection_end(connection);
}

static void read_requests(struct connection *connection, struct slice bytes)
{
	struct worker *worker = connection->worker;
	struct http_reader *reader = connection->http->reader;
	bool had_begun = http_reader_has_begun(reader);
	size_t used;

	while (bytes.len > 0) {
		enum http_reading reading = http_reader_input(reader, bytes, &used);
		bytes = (struct slice){bytes.at + used, bytes.len - used};
		if (reading == HTTP_READ_FAILED) {
			refuse(connection, http_reader_status(reader));
			return;
		}
		if (reading == HTTP_READ_REQUEST) {
			timer_cancel(worker->timers, &connection->timer);
			keep(connection, bytes);
			if (connection->phase == PHASE_HTTP)
				http_serve(connection, reader);
			return;
		}
		if (reading == HTTP_READ_CONTINUE)
			connection_queue(connection,
			                 buffer_create(SLICE("HTTP/1.1 100 Continue\r\n\r\n")));
		if (connection->phase != PHASE_HTTP)
			return;
	}
	/* From the first byte of a request there is so much time to the last. */
	if (!had_begun && http_reader_has_begun(reader))
		connection_set_deadline(connection,
		                        worker->now +
		                                worker->workers->settings.times.request_s * SECOND);
}

static void refuse(struct connection *connection, unsigned status)
{
	net_count(&connection->worker->counters, NET_COUNT_requests_malformed, 1);
	connection_queue(connection, http_error_answer(status, slice_of(http_reason(status))));
	connection_say_last_words(connection);
}

/* The answer is queued, and the exchange about to go. */
void connection_http_answered(struct connection *connection, bool ends)
{
	connection->http->exchange = NULL;
	connection->http->ends |= ends;
	net_count(&connection->worker->counters, NET_COUNT_requests, 1);
	connection_http_progress(connection);
}

/* From here on there is time for the client to read more of the answer; then, for its next request. */
void connection_http_progress(struct connection *connection)
{
	struct worker *worker = connection->worker;

	if (connection->http->exchange == NULL)
		connection_set_deadline(connection,
		                        worker->now + worker->workers->settings.times.keep_alive_s *
		                                              SECOND);
}

void connection_http_sent(struct connection *connection)
{
	struct http_state *http = connection->http;

	if (http->exchange != NULL)
		return;
	if (http->ends) {
		connection_linger(connection);
		return;
	}
	if (http->backlog.len == 0)
		return;
	struct text backlog = http->backlog;
	text_init(&http->backlog, backlog.max);
	read_requests(connection, text_slice(&backlog));
	text_deinit(&backlog);
}

/* A request that began and did not end in time is told so; a silent connection is closed. */
void connection_http_timer(struct connection *connection)
{
	net_count(&connection->worker->counters, NET_COUNT_timeouts, 1);
	if (connection->unsent == NULL && http_reader_has_begun(connection->http->reader))
		refuse(connection, 408);
	else
		connection_end(connection);
}
