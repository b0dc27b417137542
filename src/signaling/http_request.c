/* Requests by http_parser. It is fed a little at a time, and knows no bounds but ours; what it lets pass and RFC 9112
 * does not is refused here. This is the only file that includes its header, whose names are others' too. */
#include "signaling/http_request.h"

#include <http_parser.h>
#include <stdlib.h>
#include <strings.h>

#include "signaling/text.h"

enum { HEADERS_MAX = 100 };

struct part { /* of head */
	size_t at, len;
};
struct lines { /* as far as the head was looked through for lines that are folded */
	bool has_begun, is_in_line, is_over;
};

struct http_reader {
	struct http_parser parser;
	struct text head, body;
	size_t head_max, head_len; /* head_len: octets that came, whatever they were */
	struct lines lines;        /* of the head */
	struct part target;
	struct header {
		struct part name, value;
	} headers[HEADERS_MAX];
	size_t header_count;
	bool is_in_value, has_begun, has_head, waits_for_continue;
	unsigned status; /* of what failed */
	struct http_request request;
};

static int on_begin(struct http_parser *parser);
static int on_target(struct http_parser *parser, const char *at, size_t len);
static int on_header_name(struct http_parser *parser, const char *at, size_t len);
static int on_header_value(struct http_parser *parser, const char *at, size_t len);
static int on_head_end(struct http_parser *parser);
static int on_body(struct http_parser *parser, const char *at, size_t len);
static int on_end(struct http_parser *parser);
static bool has_folded_line(struct lines *lines, struct slice bytes);
static unsigned check_head(struct http_reader *reader);
static unsigned status_of(const struct http_reader *reader);
static struct slice trimmed(struct slice value);

static const struct http_parser_settings callbacks = {
	.on_message_begin = on_begin,
	.on_url = on_target,
	.on_header_field = on_header_name,
	.on_header_value = on_header_value,
	.on_headers_complete = on_head_end,
	.on_body = on_body,
	.on_message_complete = on_end,
};

struct http_reader *http_reader_create(size_t head_max, size_t body_max)
{
	struct http_reader *reader = calloc(1, sizeof *reader);

	if (reader == NULL)
		return NULL;
	http_parser_init(&reader->parser, HTTP_REQUEST);
	reader->parser.data = reader;
	reader->head_max = head_max;
	text_init(&reader->head, head_max);
	text_init(&reader->body, body_max);
	return reader;
}

void http_reader_destroy(struct http_reader *reader)
{
	if (reader == NULL)
		return;
	text_deinit(&reader->head);
	text_deinit(&reader->body);
	free(reader);
}

void http_reader_next(struct http_reader *reader)
{
	struct text head = reader->head, body = reader->body;

	text_clear(&head);
	text_clear(&body);
	*reader = (struct http_reader){.head = head, .body = body, .head_max = reader->head_max};
	http_parser_init(&reader->parser, HTTP_REQUEST);
	reader->parser.data = reader;
}

enum http_reading http_reader_input(struct http_reader *reader, struct slice bytes, size_t *used)
{
	bool had_head = reader->has_head;
	size_t room = reader->head_max - reader->head_len;
	/* What is behind a head of the greatest length is looked at by the next call. */
	size_t len = !had_head && bytes.len > room ? room + 1 : bytes.len;

	*used = 0;
	if (reader->status == 0 && has_folded_line(&reader->lines, (struct slice){bytes.at, len}))
		reader->status = 400;
	if (reader->status != 0)
		return HTTP_READ_FAILED;
	*used = http_parser_execute(&reader->parser, &callbacks, bytes.at, len);
	enum http_errno error = HTTP_PARSER_ERRNO(&reader->parser);
	if (error == HPE_PAUSED)
		return HTTP_READ_REQUEST;
	if (error != HPE_OK) {
		if (reader->status == 0)
			reader->status = status_of(reader);
		return HTTP_READ_FAILED;
	}
	if (!had_head && !reader->has_head && (reader->head_len += *used) > reader->head_max) {
		reader->status = 431;
		return HTTP_READ_FAILED;
	}
	if (!reader->waits_for_continue)
		return HTTP_READ_MORE;
	reader->waits_for_continue = false;
	return reader->body.len == 0 ? HTTP_READ_CONTINUE : HTTP_READ_MORE;
}

unsigned http_reader_status(const struct http_reader *reader)
{
	return reader->status;
}

const struct http_request *http_reader_request(const struct http_reader *reader)
{
	return &reader->request;
}

bool http_reader_has_begun(const struct http_reader *reader)
{
	return reader->has_begun;
}

static struct slice slice_of_part(const struct http_reader *reader, struct part part)
{
	return (struct slice){reader->head.at + part.at, part.len};
}

bool slice_equal_case(struct slice a, const char *text)
{
	return a.len == strlen(text) && (a.len == 0 || strncasecmp(a.at, text, a.len) == 0);
}

bool http_reader_next_header(const struct http_reader *reader, const char *name, size_t *position,
                             struct slice *value)
{
	while (*position < reader->header_count) {
		const struct header *header = &reader->headers[(*position)++];
		if (!slice_equal_case(slice_of_part(reader, header->name), name))
			continue;
		*value = trimmed(slice_of_part(reader, header->value));
		return true;
	}
	return false;
}

struct slice http_reader_header(const struct http_reader *reader, const char *name)
{
	struct slice value = {0};
	size_t position = 0;

	(void)http_reader_next_header(reader, name, &position, &value);
	return value;
}

bool http_reader_has_token(const struct http_reader *reader, const char *name, const char *token)
{
	struct slice list, found;
	size_t position = 0;

	while (http_reader_next_header(reader, name, &position, &list))
		while (http_next_token(&list, &found))
			if (slice_equal_case(found, token))
				return true;
	return false;
}

bool http_next_token(struct slice *list, struct slice *token)
{
	while (list->len > 0) {
		const char *comma = memchr(list->at, ',', list->len);
		size_t len = comma == NULL ? list->len : (size_t)(comma - list->at);
		size_t taken = comma == NULL ? len : len + 1;
		*token = trimmed((struct slice){list->at, len});
		list->at += taken;
		list->len -= taken;
		if (token->len > 0)
			return true;
	}
	return false;
}

static struct slice trimmed(struct slice value)
{
	while (value.len > 0 && (value.at[0] == ' ' || value.at[0] == '\t'))
		value = (struct slice){value.at + 1, value.len - 1};
	while (value.len > 0 && (value.at[value.len - 1] == ' ' || value.at[value.len - 1] == '\t'))
		value.len--;
	return value;
}

static int on_begin(struct http_parser *parser)
{
	struct http_reader *reader = parser->data;

	reader->has_begun = true;
	return 0;
}

/* What belongs to one part of the head comes in pieces, one behind the other. */
static int put_head(struct http_reader *reader, struct part *part, const char *at, size_t len)
{
	if (part->len == 0)
		part->at = reader->head.len;
	text_put(&reader->head, (struct slice){at, len});
	part->len += len;
	if (!reader->head.has_failed)
		return 0;
	reader->status = 431;
	return -1;
}

static int on_target(struct http_parser *parser, const char *at, size_t len)
{
	struct http_reader *reader = parser->data;

	return put_head(reader, &reader->target, at, len);
}

static int on_header_name(struct http_parser *parser, const char *at, size_t len)
{
	struct http_reader *reader = parser->data;

	/* Trailers behind a chunked body are nobody's. */
	if (reader->has_head)
		return 0;
	if (reader->header_count == 0 || reader->is_in_value) {
		if (reader->header_count == HEADERS_MAX) {
			reader->status = 431;
			return -1;
		}
		reader->header_count++;
		reader->is_in_value = false;
	}
	return put_head(reader, &reader->headers[reader->header_count - 1].name, at, len);
}

static int on_header_value(struct http_parser *parser, const char *at, size_t len)
{
	struct http_reader *reader = parser->data;

	if (reader->has_head)
		return 0;
	reader->is_in_value = true;
	return put_head(reader, &reader->headers[reader->header_count - 1].value, at, len);
}

static int on_head_end(struct http_parser *parser)
{
	struct http_reader *reader = parser->data;

	reader->has_head = true;
	reader->status = check_head(reader);
	if (reader->status != 0)
		return -1;
	/* Other protocols than ours are not changed to: the request is answered as it is. */
	if (!http_reader_has_token(reader, "Upgrade", "websocket") || parser->method != HTTP_GET)
		parser->upgrade = 0;
	reader->request.is_upgrade = parser->upgrade;
	reader->waits_for_continue = http_reader_has_token(reader, "Expect", "100-continue") &&
	                             reader->parser.http_minor >= 1;
	return 0;
}

/* RFC 9112 section 5.2: http_parser joins lines, one that begins with white space with the one before, where others before us may see
 * two, or the end of the head. The request line has none before it, and what is behind an empty line is no head. */
static bool has_folded_line(struct lines *lines, struct slice bytes)
{
	for (size_t i = 0; i < bytes.len && !lines->is_over; i++) {
		char byte = bytes.at[i];

		if (byte == '\n') {
			lines->is_over = lines->has_begun && !lines->is_in_line;
			lines->is_in_line = false;
		} else if (byte != '\r') {
			if (!lines->is_in_line && lines->has_begun && (byte == ' ' || byte == '\t'))
				return true;
			lines->has_begun = lines->is_in_line = true;
		}
	}
	return false;
}

/* RFC 9112 section 5.1: http_parser takes "Content-Length : 1" for a length, and others before us may not. */
static bool has_space_in_name(const struct http_reader *reader)
{
	for (size_t i = 0; i < reader->header_count; i++) {
		struct slice name = slice_of_part(reader, reader->headers[i].name);
		if (memchr(name.at, ' ', name.len) != NULL)
			return true;
	}
	return false;
}

/* RFC 9112 section 6.1: where a body ends has to be the same for all who look. No coding is known but chunked, once. */
static unsigned check_coding(const struct http_reader *reader)
{
	size_t position = 0, codings = 0;
	struct slice value;

	while (http_reader_next_header(reader, "Transfer-Encoding", &position, &value)) {
		if (!slice_equal_case(value, "chunked"))
			return 501;
		codings++;
	}
	return codings > (reader->parser.http_minor == 0 ? 0 : 1) ? 400 : 0;
}

/* Returns 0, or the status that refuses the request before its body. */
static unsigned check_head(struct http_reader *reader)
{
	const struct http_parser *parser = &reader->parser;
	size_t position = 0, hosts = 0;
	struct slice value;

	if (parser->http_major != 1 || parser->http_minor > 1)
		return 505;
	if (parser->method == HTTP_CONNECT)
		return 405;
	while (http_reader_next_header(reader, "Host", &position, &value))
		hosts++;
	/* RFC 9112 section 3.2: one Host, no more and no less. */
	if (hosts > 1 || (hosts == 0 && parser->http_minor == 1) || has_space_in_name(reader))
		return 400;
	unsigned status = check_coding(reader);
	if (status != 0)
		return status;
	position = 0;
	while (http_reader_next_header(reader, "Expect", &position, &value))
		if (!slice_equal_case(value, "100-continue"))
			return 417;
	if (parser->content_length != UINT64_MAX && parser->content_length > reader->body.max)
		return 413;
	return 0;
}

static int on_body(struct http_parser *parser, const char *at, size_t len)
{
	struct http_reader *reader = parser->data;

	text_put(&reader->body, (struct slice){at, len});
	if (!reader->body.has_failed)
		return 0;
	reader->status = 413;
	return -1;
}

/* Paused, the parser leaves what is behind the request where it is. */
static int on_end(struct http_parser *parser)
{
	struct http_reader *reader = parser->data;

	reader->request.method = slice_of(http_method_str((enum http_method)parser->method));
	reader->request.target = slice_of_part(reader, reader->target);
	reader->request.body = text_slice(&reader->body);
	reader->request.is_http_1_0 = parser->http_minor == 0;
	reader->request.is_last = !http_should_keep_alive(parser);
	http_parser_pause(parser, 1);
	return 0;
}

static unsigned status_of(const struct http_reader *reader)
{
	switch (HTTP_PARSER_ERRNO(&reader->parser)) {
	case HPE_INVALID_METHOD:
		return reader->has_begun ? 501 : 400;
	case HPE_INVALID_VERSION:
		return 505;
	case HPE_HEADER_OVERFLOW:
		return 431;
	default:
		return 400;
	}
}
