/* Texts that grow, and messages that are shared. */
#include "signaling/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 256 };

void text_init(struct text *text, size_t max)
{
	*text = (struct text){.max = max};
}

void text_deinit(struct text *text)
{
	free(text->at);
	*text = (struct text){0};
}

void text_clear(struct text *text)
{
	text->len = 0;
	text->has_failed = false;
}

/* Makes room for len more bytes. */
static bool grow(struct text *text, size_t len)
{
	if (text->has_failed || len > SIZE_MAX / 4 - text->len ||
	    (text->max != 0 && text->len + len > text->max)) {
		text->has_failed = true;
		return false;
	}
	if (text->len + len <= text->capacity)
		return true;
	size_t capacity = text->capacity == 0 ? FIRST_CAPACITY : text->capacity;
	while (capacity < text->len + len)
		capacity *= 2;
	char *at = realloc(text->at, capacity);
	if (at == NULL) {
		text->has_failed = true;
		return false;
	}
	text->at = at;
	text->capacity = capacity;
	return true;
}

void text_put(struct text *text, struct slice bytes)
{
	if (bytes.len == 0 || !grow(text, bytes.len))
		return;
	memcpy(text->at + text->len, bytes.at, bytes.len);
	text->len += bytes.len;
}

void text_put_char(struct text *text, char c)
{
	text_put(text, (struct slice){&c, 1});
}

void text_printf(struct text *text, const char *format, ...)
{
	va_list arguments, again;
	va_start(arguments, format);
	va_copy(again, arguments);
	int len = vsnprintf(NULL, 0, format, arguments);
	/* vsnprintf writes an end behind what is counted. */
	if (len >= 0 && grow(text, (size_t)len + 1)) {
		vsnprintf(text->at + text->len, (size_t)len + 1, format, again);
		text->len += (size_t)len;
	}
	va_end(again);
	va_end(arguments);
}

struct slice text_slice(const struct text *text)
{
	return (struct slice){text->at, text->len};
}

struct buffer *buffer_create(struct slice bytes)
{
	struct buffer *buffer = malloc(sizeof(*buffer) + bytes.len);
	if (buffer == NULL)
		return NULL;
	buffer->references = 1;
	buffer->len = bytes.len;
	if (bytes.len > 0)
		memcpy(buffer->bytes, bytes.at, bytes.len);
	return buffer;
}

struct buffer *buffer_hold(struct buffer *buffer)
{
	buffer->references++;
	return buffer;
}

void buffer_release(struct buffer *buffer)
{
	if (buffer != NULL && --buffer->references == 0)
		free(buffer);
}
