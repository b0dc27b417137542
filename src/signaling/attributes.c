/* Attributes of a participant. */
#include "signaling/attributes.h"

/* Of more a client could make the server compare for long. */
static bool are_too_many(struct slice object)
{
	struct slice raw, value;
	size_t position = 0, count = 0;

	while (json_next_member(object, &position, &raw, &value))
		count++;
	return count > ATTRIBUTES_COUNT_MAX;
}

static void put_member(struct text *text, struct slice name, struct slice value)
{
	json_put_raw(text, name);
	text_put_char(text, ':');
	json_put_raw(text, value);
}

void attributes_set(struct slice object, const char *name, struct slice value, struct text *text)
{
	struct slice raw, old;
	size_t position = 0;

	json_open(text, '{');
	while (json_next_member(object, &position, &raw, &old))
		if (!json_string_is(raw, name))
			put_member(text, raw, old);
	if (!slice_is_empty(value))
		json_member_raw(text, name, value);
	json_close(text, '}');
	text->has_failed |= are_too_many(text_slice(text));
}

/* Names are compared as they are written: of a name that was escaped once and once not both stay, and the later counts. */
static bool has_member(struct slice object, struct slice wanted)
{
	struct slice raw, value;
	size_t position = 0;

	while (json_next_member(object, &position, &raw, &value))
		if (slice_equal(raw, wanted))
			return true;
	return false;
}

void attributes_merge(struct slice object, struct slice added, struct text *text)
{
	struct slice raw, value;
	size_t position = 0;

	if (are_too_many(added)) {
		text->has_failed = true;
		return;
	}
	json_open(text, '{');
	while (json_next_member(object, &position, &raw, &value))
		if (!has_member(added, raw))
			put_member(text, raw, value);
	position = 0;
	while (json_next_member(added, &position, &raw, &value))
		put_member(text, raw, value);
	json_close(text, '}');
	text->has_failed |= are_too_many(text_slice(text));
}
