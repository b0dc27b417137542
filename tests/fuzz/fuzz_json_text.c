/* Whatever a text is: what json_check takes can be walked, found in and decoded within its bounds, and what is written of it is
 * taken again. A text that is a post is the same post when it is written and read once more. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/attributes.h"
#include "signaling/json_text.h"
#include "signaling/post.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const struct dialect one = {.name = "one"}, two = {.name = "two"};
static const struct dialect *const dialects[] = {&one, &two};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void rewrite(struct slice value, struct text *text)
{
	struct slice name, inner;
	size_t position = 0;

	switch (json_kind(value)) {
	case JSON_KIND_OBJECT:
		json_open(text, '{');
		while (json_next_member(value, &position, &name, &inner)) {
			rewrite(name, text);
			text_put_char(text, ':');
			rewrite(inner, text);
		}
		json_close(text, '}');
		return;
	case JSON_KIND_ARRAY:
		json_open(text, '[');
		while (json_next_element(value, &position, &inner))
			rewrite(inner, text);
		json_close(text, ']');
		return;
	case JSON_KIND_STRING: {
		struct text decoded;
		text_init(&decoded, 0);
		if (json_decode(value, &decoded) == OK)
			json_put_string(text, text_slice(&decoded));
		else /* U+0000 */
			json_put_raw(text, value);
		text_deinit(&decoded);
		return;
	}
	default:
		json_put_raw(text, value);
	}
}

static void look_into(struct slice text)
{
	struct text attributes;
	char string[16];
	int64_t number;

	(void)!json_get_string(text, string, sizeof string);
	(void)!json_get_text(json_member(text, "a"), string, sizeof string);
	if (json_get_integer(text, -5, 1000, &number) == OK)
		require(number >= -5 && number <= 1000);
	text_init(&attributes, 65536);
	attributes_merge(text, json_member(text, "a"), &attributes);
	if (!attributes.has_failed)
		require(json_check(text_slice(&attributes)) == OK);
	text_clear(&attributes);
	attributes_set(text, "a", SLICE("[1]"), &attributes);
	if (!attributes.has_failed)
		require(slice_is(json_member(text_slice(&attributes), "a"), "[1]"));
	text_deinit(&attributes);
}

static void check_rewriting(struct slice text)
{
	struct text first, second;

	text_init(&first, 0);
	text_init(&second, 0);
	rewrite(text, &first);
	require(json_check(text_slice(&first)) == OK);
	rewrite(text_slice(&first), &second);
	require(slice_equal(text_slice(&first), text_slice(&second)));
	text_deinit(&first);
	text_deinit(&second);
}

static void check_post(struct slice text)
{
	struct post *post, *again;
	struct text first, second;

	if (post_read(text, dialects, 2, &post) != OK)
		return;
	text_init(&first, 0);
	text_init(&second, 0);
	post_write(post, &first);
	require(post_read(text_slice(&first), dialects, 2, &again) == OK);
	post_write(again, &second);
	require(slice_equal(text_slice(&first), text_slice(&second)));
	text_deinit(&first);
	text_deinit(&second);
	post_destroy(post);
	post_destroy(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	/* A copy that ends where the text does, so that a byte read behind it is seen. */
	char *copy = malloc(size + (size == 0));
	struct slice text = {copy, size};

	require(copy != NULL);
	if (size > 0)
		memcpy(copy, bytes, size);
	if (json_check(text) == OK) {
		look_into(text);
		check_rewriting(text);
		check_post(text);
	}
	free(copy);
	return 0;
}
