/* Names of values, and JSON compared by value. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play.h"

static bool matches(struct play *play, struct slice wanted, struct slice got);

static struct bound *find_bound(struct play *play, struct slice name)
{
	for (unsigned i = 0; i < play->bound_count; i++)
		if (slice_is(name, play->bound[i].name))
			return &play->bound[i];
	return NULL;
}

void bind_name(struct play *play, struct slice name, struct slice value, bool is_string)
{
	struct bound *bound = find_bound(play, name);

	if (bound == NULL) {
		if (play->bound_count == NAMES_MAX)
			abort();
		bound = &play->bound[play->bound_count++];
		snprintf(bound->name, sizeof bound->name, SLICE_FORMAT, SLICE_PRINTF(name));
	} else {
		free(bound->value);
	}
	bound->value = strndup(value.at, value.len);
	bound->is_string = is_string;
}

static bool lookup(struct play *play, struct slice name, struct slice *value, bool *is_string)
{
	struct bound *bound = find_bound(play, name);
	char text[64];

	*is_string = true;
	if (bound != NULL) {
		*value = slice_of(bound->value);
		*is_string = bound->is_string;
		return true;
	}
	if (name.len < 4 || memcmp(name.at, "id:", 3) != 0)
		return false;
	snprintf(text, sizeof text, SLICE_FORMAT, SLICE_PRINTF(name));
	struct client *client = host_find_client(&play->host, text + 3);
	if (client == NULL || client->session == NULL)
		return false;
	/* It is kept: the name is good when the session is gone too. */
	bind_name(play, name, slice_of(session_id(client->session)), true);
	*value = slice_of(find_bound(play, name)->value);
	return true;
}

static size_t name_len(const char *at)
{
	size_t len =
		strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:.-");

	return at[len] == '>' ? len : 0;
}

/* Puts in what names stand for. */
char *substitute(struct play *play, const char *line)
{
	struct text text;
	struct slice value;
	bool is_string;

	text_init(&text, 0);
	for (const char *at = line; *at != '\0';) {
		size_t len = *at == '<' ? name_len(at + 1) : 0;
		if (len == 0 || !lookup(play, (struct slice){at + 1, len}, &value, &is_string)) {
			text_put_char(&text, *at++);
			continue;
		}
		bool is_quoted = !is_string && text.len > 0 && text.at[text.len - 1] == '"' &&
		                 at[len + 2] == '"';
		text.len -= is_quoted;
		text_put(&text, value);
		at += len + 2 + is_quoted;
	}
	text_put_char(&text, '\0');
	return text.at;
}

/* JSON compared by value. */

static char *decoded(struct slice value)
{
	struct text text;

	text_init(&text, 0);
	if (json_decode(value, &text) != OK)
		text_clear(&text);
	text_put_char(&text, '\0');
	return text.at;
}

static bool strings_match(struct play *play, struct slice wanted, struct slice got)
{
	char *a = decoded(wanted), *b = decoded(got);
	size_t len = a[0] == '<' ? name_len(a + 1) : 0;
	bool is_name = len > 0 && a[len + 2] == '\0';
	bool is_equal = strcmp(a, b) == 0 && json_kind(got) == JSON_KIND_STRING;

	if (is_name && json_kind(got) == JSON_KIND_STRING)
		bind_name(play, (struct slice){a + 1, len}, slice_of(b), true);
	else if (is_name)
		bind_name(play, (struct slice){a + 1, len}, got, false);
	is_equal = is_equal || is_name || strcmp(a, "<*>") == 0;
	free(a);
	free(b);
	return is_equal;
}

static size_t count_members(struct slice object)
{
	struct slice name, value;
	size_t position = 0, count = 0;

	while (json_next_member(object, &position, &name, &value))
		count++;
	return count;
}

static bool objects_match(struct play *play, struct slice wanted, struct slice got)
{
	struct slice raw, value;
	size_t position = 0;
	bool is_open = !slice_is_empty(json_member(wanted, "..."));

	if (!is_open && count_members(wanted) != count_members(got))
		return false;
	while (json_next_member(wanted, &position, &raw, &value)) {
		char *name = decoded(raw);
		struct slice its = json_member(got, name);
		bool is_same = strcmp(name, "...") == 0 ||
		               (!slice_is_empty(its) && matches(play, value, its));
		free(name);
		if (!is_same)
			return false;
	}
	return true;
}

static bool arrays_match(struct play *play, struct slice wanted, struct slice got)
{
	struct slice a, b;
	size_t at = 0, its = 0;

	while (json_next_element(wanted, &at, &a))
		if (!json_next_element(got, &its, &b) || !matches(play, a, b))
			return false;
	return !json_next_element(got, &its, &b);
}

static bool matches(struct play *play, struct slice wanted, struct slice got)
{
	enum json_kind kind = json_kind(wanted);

	if (kind == JSON_KIND_STRING)
		return strings_match(play, wanted, got);
	if (kind != json_kind(got))
		return false;
	if (kind == JSON_KIND_OBJECT)
		return objects_match(play, wanted, got);
	if (kind == JSON_KIND_ARRAY)
		return arrays_match(play, wanted, got);
	return slice_equal(wanted, got);
}

void expect_json(struct play *play, const char *wanted, struct slice got)
{
	if (json_check(slice_of(wanted)) != OK)
		fault(play, "what is expected is no JSON: %s", wanted);
	else if (json_check(got) != OK)
		fault(play, "it is no JSON: " SLICE_FORMAT, SLICE_PRINTF(got));
	else if (!matches(play, slice_of(wanted), got))
		fault(play, "it is " SLICE_FORMAT, SLICE_PRINTF(got));
}
