/* JSON (RFC 8259) as text. What clients send to each other passes through byte by byte, so messages are not made
 * into trees: their few members that matter are found in the text, and answers are written as text. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "signaling/text.h"

enum {
	JSON_DEPTH_MAX = 64,
	JSON_DEPTH_AROUND = 8 /* what we write around what a client said */
};

/* Checks a whole text once: grammar, depth, UTF-8, no lone surrogate escapes, nothing behind it. Everything below expects a
 * text, or a part of one, that was checked. ERR_INVALID. */
MUST_CHECK enum err json_check_to(struct slice text, unsigned depth_max);
MUST_CHECK static inline enum err json_check(struct slice text)
{
	return json_check_to(text, JSON_DEPTH_MAX);
}

enum json_kind { /* jansson has the shorter names */
	         JSON_KIND_ABSENT,
	         JSON_KIND_NULL,
	         JSON_KIND_FALSE,
	         JSON_KIND_TRUE,
	         JSON_KIND_NUMBER,
	         JSON_KIND_STRING,
	         JSON_KIND_ARRAY,
	         JSON_KIND_OBJECT
};
/* Returns what a raw value is; JSON_KIND_ABSENT when it is empty. */
enum json_kind json_kind(struct slice value);

/* Returns the raw value of a member, as it is written, without the space around it. Empty when object is none, or has no such
 * member. Of several with the name the last counts. name has no characters that need an escape; one written with
 * escapes in the text is found too. */
struct slice json_member(struct slice object, const char *name);
/* Goes down several members: json_path(text, "Offer", "Offer", NULL). */
struct slice json_path(struct slice object, ...) __attribute__((sentinel));

/* Walk an array or object: start with *position = 0; false at the end. name is raw, with its quotes. */
bool json_next_element(struct slice array, size_t *position, struct slice *value);
bool json_next_member(struct slice object, size_t *position, struct slice *name,
                      struct slice *value);

/* Decode a raw string's escapes into size bytes, end included. ERR_INVALID: it is no string, or holds U+0000;
 * ERR_FULL: it does not fit, and to is empty. json_get_text takes an absent value or null for "". */
MUST_CHECK enum err json_get_string(struct slice value, char *to, size_t size);
MUST_CHECK enum err json_get_text(struct slice value, char *to, size_t size);
/* Appends the decoded string, which may hold anything but U+0000. */
MUST_CHECK enum err json_decode(struct slice value, struct text *to);
/* A number that is whole and in the range. */
MUST_CHECK enum err json_get_integer(struct slice value, int64_t low, int64_t high,
                                     int64_t *number);
/* Whether a raw string is this text. */
bool json_string_is(struct slice value, const char *text);
bool json_is_true(struct slice value);

/* Returns how many bytes the character has that at begins with; 0: it is none (RFC 3629). at is before end. */
size_t json_utf8_len(const char *at, const char *end);

/* Writing. Commas are written where they belong: a member or element after another gets one. */
void json_open(struct text *text, char bracket); /* { or [ */
void json_close(struct text *text, char bracket);
void json_name(struct text *text, const char *name);
void json_put_raw(struct text *text, struct slice value); /* an empty one is written as null */
void json_put_string(struct text *text,
                     struct slice string); /* escaped; bytes that are no UTF-8 become U+FFFD */
void json_put_integer(struct text *text, int64_t number);
void json_put_bool(struct text *text, bool value);
/* A member in one call. */
void json_member_raw(struct text *text, const char *name, struct slice value);
void json_member_string(struct text *text, const char *name, struct slice string);
void json_member_integer(struct text *text, const char *name, int64_t number);
void json_member_bool(struct text *text, const char *name, bool value);
