/* Answers to requests, as they leave. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "signaling/net_private.h"

static const struct reason {
	unsigned status;
	const char *words;
} reasons[] = {
	{101, "Switching Protocols"},
	{200, "OK"},
	{201, "Created"},
	{202, "Accepted"},
	{204, "No Content"},
	{301, "Moved Permanently"},
	{302, "Found"},
	{303, "See Other"},
	{304, "Not Modified"},
	{307, "Temporary Redirect"},
	{308, "Permanent Redirect"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{406, "Not Acceptable"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{410, "Gone"},
	{411, "Length Required"},
	{412, "Precondition Failed"},
	{413, "Content Too Large"},
	{414, "URI Too Long"},
	{415, "Unsupported Media Type"},
	{417, "Expectation Failed"},
	{422, "Unprocessable Content"},
	{426, "Upgrade Required"},
	{429, "Too Many Requests"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{502, "Bad Gateway"},
	{503, "Service Unavailable"},
	{504, "Gateway Timeout"},
	{505, "HTTP Version Not Supported"},
};

const char *http_reason(unsigned status)
{
	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
		if (reasons[i].status == status)
			return reasons[i].words;
	return "Status";
}

/* RFC 9110 section 5.6.7; the names are English in every locale. */
static void put_date(struct text *text, uint64_t wall_ms)
{
	static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t seconds = (time_t)(wall_ms / SECOND);
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL)
		return;
	text_printf(text, "Date: %s, %02d %s %d %02d:%02d:%02d GMT\r\n", days[tm.tm_wday],
	            tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
	            tm.tm_sec);
}

static struct buffer *whole(struct text *text)
{
	struct buffer *buffer = text->has_failed ? NULL : buffer_create(text_slice(text));

	text_deinit(text);
	return buffer;
}

/* What is answered to what never became a request; it ends the connection. */
struct buffer *http_error_answer(unsigned status, struct slice words)
{
	struct text text;

	text_init(&text, 0);
	text_printf(&text,
	            "HTTP/1.1 %u %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
	            "Content-Length: %zu\r\nConnection: close\r\n\r\n",
	            status, http_reason(status), words.len);
	text_put(&text, words);
	return whole(&text);
}

void http_put_head(struct text *text, const struct http_exchange *exchange, unsigned status)
{
	text_printf(text, "HTTP/1.1 %u %s\r\n", status, http_reason(status));
	put_date(text, exchange->worker->wall_ms);
	text_put(text, text_slice(&exchange->headers));
}

/* RFC 9110 section 8.6: these have no body, and no length of one. */
static bool is_without_body(unsigned status)
{
	return status < 200 || status == 204 || status == 304;
}

static struct buffer *write_answer(const struct http_exchange *exchange, unsigned status,
                                   const char *content_type, struct slice body, bool ends)
{
	struct text text;

	text_init(&text, 0);
	http_put_head(&text, exchange, status);
	if (!is_without_body(status)) {
		if (content_type != NULL)
			text_printf(&text,
			            "Content-Type: %s\r\nX-Content-Type-Options: nosniff\r\n",
			            content_type);
		text_printf(&text, "Content-Length: %zu\r\n", body.len);
	}
	text_printf(&text, "Connection: %s\r\n\r\n", ends ? "close" : "keep-alive");
	if (!is_without_body(status) && exchange->method != HTTP_HEAD)
		text_put(&text, body);
	return whole(&text);
}

void http_answer(struct http_exchange *exchange, unsigned status, const char *content_type,
                 struct slice body)
{
	struct connection *connection = exchange->connection;

	if (exchange->is_answered)
		return;
	exchange->is_answered = true;
	if (connection != NULL) {
		bool ends = http_reader_request(exchange->reader)->is_last || exchange->is_upgrade;
		connection_http_answered(connection, ends);
		connection_queue(connection,
		                 write_answer(exchange, status, content_type, body, ends));
	}
	/* That of an upgrade is still looked at by who began it. */
	if (!exchange->is_upgrade)
		http_exchange_destroy(exchange);
}

void http_answer_json(struct http_exchange *exchange, unsigned status, struct slice json)
{
	http_answer(exchange, status, "application/json", json);
}
