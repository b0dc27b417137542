/* Posts as JSON, for other nodes: members that are empty, zero or false are left out. What comes from another node is checked
 * as if a client had sent it. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "signaling/dialect.h"
#include "signaling/json_text.h"
#include "signaling/post.h"

enum { PARTICIPANTS_MAX = 100000, QUEUED_MAX = 100000 };

/* What is decoded while a post is read: texts in one piece of memory as large as the text they came in, and arrays. */
struct reading {
	const struct dialect *const *dialects;
	size_t dialect_count;
	char *room; /* owned */
	size_t used, size;
	struct participant *people; /* owned */
	struct slice *queued;       /* owned */
	struct slice payload;
};

static void write_fields(struct text *text, const void *of, const struct post_fields *fields,
                         struct slice payload);
static enum err read_whole(struct reading *reading, struct slice text, struct post **post);
static enum err read_fields(struct reading *reading, struct slice object, void *of,
                            const struct post_fields *fields);

void post_write(const struct post *post, struct text *text)
{
	struct slice none = {0};

	json_open(text, '{');
	write_fields(text, post, &post_fields, post->message.payload);
	json_name(text, "subject");
	json_open(text, '{');
	write_fields(text, &post->subject, &participant_fields, none);
	json_close(text, '}');
	json_name(text, "participants");
	json_open(text, '[');
	for (size_t i = 0; i < post->participant_count; i++) {
		json_open(text, '{');
		write_fields(text, &post->participants[i], &participant_fields, none);
		json_close(text, '}');
	}
	json_close(text, ']');
	json_name(text, "queued");
	json_open(text, '[');
	for (size_t i = 0; i < post->queued_count; i++)
		json_put_string(text, post->queued[i]);
	json_close(text, ']');
	json_close(text, '}');
}

static void write_bytes(struct text *text, const char *name, struct slice bytes)
{
	char piece[BASE64_SIZE(48)];

	json_member_string(text, name, (struct slice){0});
	text->len -= text->len > 0; /* the closing quote */
	for (size_t at = 0; at < bytes.len; at += 48) {
		size_t len = bytes.len - at < 48 ? bytes.len - at : 48;
		len = base64_put((const uint8_t *)bytes.at + at, len, false, piece);
		text_put(text, (struct slice){piece, len});
	}
	text_put_char(text, '"');
}

/* [offset, length] in the payload, or {"v": value} of one that is not part of it. */
static void write_part(struct text *text, const char *name, struct slice part, struct slice payload)
{
	json_name(text, name);
	if (!post_part_is_within(part, payload)) {
		json_open(text, '{');
		json_member_raw(text, "v", part);
		json_close(text, '}');
		return;
	}
	json_open(text, '[');
	json_put_integer(text, part.at - payload.at);
	json_put_integer(text, (int64_t)part.len);
	json_close(text, ']');
}

static void write_slice(struct text *text, const struct post_field *field, struct slice slice,
                        struct slice payload)
{
	if (slice.len == 0)
		return;
	if (field->type == FIELD_RAW)
		json_member_raw(text, field->name, slice);
	else if (field->type == FIELD_BYTES)
		write_bytes(text, field->name, slice);
	else
		write_part(text, field->name, slice, payload);
}

static uint64_t number_at(const struct post_field *field, const void *at)
{
	switch (field->type) {
	case FIELD_BOOL:
		return *(const bool *)at;
	case FIELD_U16:
		return *(const uint16_t *)at;
	case FIELD_U32:
	case FIELD_ENUM:
		return *(const uint32_t *)at;
	default:
		return *(const uint64_t *)at;
	}
}

static void write_fields(struct text *text, const void *of, const struct post_fields *fields,
                         struct slice payload)
{
	for (const struct post_field *field = fields->at; field < fields->at + fields->count;
	     field++) {
		const void *at = (const char *)of + field->offset;
		if (field->type == FIELD_TEXT) {
			const char *string = *(const char *const *)at;
			if (string[0] != '\0')
				json_member_string(text, field->name, slice_of(string));
		} else if (field->type == FIELD_DIALECT) {
			const struct dialect *dialect = *(const struct dialect *const *)at;
			if (dialect != NULL)
				json_member_string(text, field->name, slice_of(dialect->name));
		} else if (field->type <= FIELD_PART) {
			write_slice(text, field, *(const struct slice *)at, payload);
		} else if (number_at(field, at) != 0) {
			json_member_integer(text, field->name, (int64_t)number_at(field, at));
		}
	}
}

/* Reading. */

enum err post_read(struct slice text, const struct dialect *const *dialects, size_t dialect_count,
                   struct post **post)
{
	struct reading reading = {.dialects = dialects, .dialect_count = dialect_count};
	enum err err;

	if (json_check_to(text, JSON_DEPTH_MAX + JSON_DEPTH_AROUND) != OK ||
	    json_kind(text) != JSON_KIND_OBJECT)
		return ERR_INVALID;
	/* Each decoded string is shorter than its raw one, whose quotes make room for its end. */
	reading.size = text.len;
	reading.room = malloc(text.len);
	if (reading.room == NULL)
		return ERR_NO_MEMORY;
	err = read_whole(&reading, text, post);
	free(reading.queued);
	free(reading.people);
	free(reading.room);
	return err;
}

static size_t count_elements(struct slice array)
{
	struct slice element;
	size_t position = 0, count = 0;

	while (json_next_element(array, &position, &element))
		count++;
	return count;
}

static enum err read_people(struct reading *reading, struct slice array, struct post *draft)
{
	size_t count = count_elements(array), position = 0;
	struct slice element;
	enum err err = OK;

	if (count > PARTICIPANTS_MAX)
		return ERR_INVALID;
	reading->people = calloc(count + 1, sizeof *reading->people);
	if (reading->people == NULL)
		return ERR_NO_MEMORY;
	for (size_t i = 0; err == OK && json_next_element(array, &position, &element); i++)
		err = read_fields(reading, element, &reading->people[i], &participant_fields);
	draft->participants = reading->people;
	draft->participant_count = count;
	return err;
}

static enum err read_string(struct reading *reading, struct slice value, struct slice *string)
{
	char *at = reading->room + reading->used;
	enum err err = json_get_string(value, at, reading->size - reading->used);

	if (err != OK)
		return ERR_INVALID;
	*string = slice_of(at);
	reading->used += string->len + 1;
	return OK;
}

static enum err read_queued(struct reading *reading, struct slice array, struct post *draft)
{
	size_t count = count_elements(array), position = 0;
	struct slice element;
	enum err err = OK;

	if (count > QUEUED_MAX)
		return ERR_INVALID;
	reading->queued = calloc(count + 1, sizeof *reading->queued);
	if (reading->queued == NULL)
		return ERR_NO_MEMORY;
	for (size_t i = 0; err == OK && json_next_element(array, &position, &element); i++)
		err = read_string(reading, element, &reading->queued[i]);
	draft->queued = reading->queued;
	draft->queued_count = count;
	return err;
}

static enum err read_whole(struct reading *reading, struct slice text, struct post **post)
{
	struct post draft = {0};
	enum err err;

	reading->payload = json_member(text, "payload");
	err = read_fields(reading, text, &draft, &post_fields);

	if (err == OK)
		err = read_fields(reading, json_member(text, "subject"), &draft.subject,
		                  &participant_fields);
	if (err == OK)
		err = read_people(reading, json_member(text, "participants"), &draft);
	if (err == OK)
		err = read_queued(reading, json_member(text, "queued"), &draft);
	if (err != OK)
		return err;
	*post = post_create(&draft);
	return *post == NULL ? ERR_NO_MEMORY : OK;
}

static enum err read_dialect(const struct reading *reading, struct slice value,
                             const struct dialect **dialect)
{
	char name[64];

	if (json_get_string(value, name, sizeof name) != OK)
		return ERR_INVALID;
	for (size_t i = 0; i < reading->dialect_count; i++)
		if (strcmp(reading->dialects[i]->name, name) == 0) {
			*dialect = reading->dialects[i];
			return OK;
		}
	return ERR_INVALID;
}

static enum err read_bytes(struct reading *reading, struct slice value, struct slice *bytes)
{
	struct slice encoded;
	size_t len;
	enum err err = read_string(reading, value, &encoded);

	/* Decoded in place: three bytes never take more than the four digits that they were. */
	if (err != OK || base64_get(encoded.at, encoded.len,
	                            (uint8_t *)reading->room + (encoded.at - reading->room),
	                            encoded.len, &len) != OK)
		return ERR_INVALID;
	*bytes = (struct slice){encoded.at, len};
	return OK;
}

static enum err read_part(const struct reading *reading, struct slice value, struct slice *part)
{
	struct slice number[2] = {{0}, {0}};
	int64_t offset, len;
	size_t position = 0;

	if (json_kind(value) == JSON_KIND_OBJECT) {
		*part = json_member(value, "v");
		return OK;
	}
	for (unsigned i = 0; i < 2; i++)
		if (!json_next_element(value, &position, &number[i]))
			return ERR_INVALID;
	if (json_get_integer(number[0], 0, (int64_t)reading->payload.len, &offset) != OK ||
	    json_get_integer(number[1], 0, (int64_t)reading->payload.len - offset, &len) != OK)
		return ERR_INVALID;
	*part = (struct slice){reading->payload.at + offset, (size_t)len};
	return json_check(*part);
}

static enum err read_number(const struct post_field *field, struct slice value, void *at)
{
	static const int64_t most[] = {[FIELD_BOOL] = 1,
	                               [FIELD_U16] = UINT16_MAX,
	                               [FIELD_U32] = UINT32_MAX,
	                               [FIELD_U64] = INT64_MAX};
	int64_t number;
	int64_t high = field->type == FIELD_ENUM ? (int64_t)field->limit - 1 : most[field->type];

	if (json_get_integer(value, 0, high, &number) != OK)
		return ERR_INVALID;
	if (field->type == FIELD_BOOL)
		*(bool *)at = number != 0;
	else if (field->type == FIELD_U16)
		*(uint16_t *)at = (uint16_t)number;
	else if (field->type == FIELD_U64)
		*(uint64_t *)at = (uint64_t)number;
	else
		*(uint32_t *)at = (uint32_t)number;
	return OK;
}

static enum err read_field(struct reading *reading, const struct post_field *field,
                           struct slice value, void *at)
{
	struct slice string;
	enum err err;

	switch (field->type) {
	case FIELD_TEXT:
		err = read_string(reading, value, &string);
		*(const char **)at = err == OK ? string.at : "";
		return err;
	case FIELD_RAW:
		*(struct slice *)at = value;
		return OK;
	case FIELD_BYTES:
		return read_bytes(reading, value, at);
	case FIELD_PART:
		return read_part(reading, value, at);
	case FIELD_DIALECT:
		return read_dialect(reading, value, at);
	default:
		return read_number(field, value, at);
	}
}

static const struct post_field *find_field(const struct post_fields *fields, struct slice raw)
{
	for (const struct post_field *field = fields->at; field < fields->at + fields->count;
	     field++)
		if (raw.len == strlen(field->name) + 2 &&
		    memcmp(raw.at + 1, field->name, raw.len - 2) == 0)
			return field;
	return NULL;
}

static enum err read_fields(struct reading *reading, struct slice object, void *of,
                            const struct post_fields *fields)
{
	struct slice name, value;
	size_t position = 0;
	enum err err = OK;

	while (err == OK && json_next_member(object, &position, &name, &value)) {
		const struct post_field *field = find_field(fields, name);
		if (field != NULL)
			err = read_field(reading, field, value, (char *)of + field->offset);
	}
	return err;
}
