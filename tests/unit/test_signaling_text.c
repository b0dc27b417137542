/* Texts grow up to their bound and stay failed behind it; a buffer lives as long as it is referred to. */
#include "tap.h"

#include "signaling/text.h"

static void test_growing(void)
{
	struct text text;

	text_init(&text, 0);
	for (unsigned i = 0; i < 1000; i++)
		text_printf(&text, "%03u,", i);
	ok(!text.has_failed, "a thousand pieces fit");
	is_int(text.len, 4000, "all of them are there");
	ok(slice_equal((struct slice){text.at + 3996, 4}, SLICE("999,")), "the last is whole");
	text_clear(&text);
	text_put(&text, SLICE("again"));
	ok(slice_is(text_slice(&text), "again"), "it begins anew when it was cleared");
	text_deinit(&text);
}

static void test_bound(void)
{
	struct text text;

	text_init(&text, 8);
	text_put(&text, SLICE("12345678"));
	ok(!text.has_failed, "what fits exactly is taken");
	text_put_char(&text, '9');
	ok(text.has_failed, "one more is refused");
	text_put(&text, SLICE(""));
	is_int(text.len, 8, "and nothing of it is there");
	text_clear(&text);
	text_printf(&text, "%s", "123456789");
	ok(text.has_failed, "a format has the same bound");
	text_deinit(&text);
}

static void test_sharing(void)
{
	struct buffer *buffer = buffer_create(SLICE("hello"));

	ok(buffer_hold(buffer) == buffer, "a second reference is to the same buffer");
	buffer_release(buffer);
	ok(slice_equal((struct slice){buffer->bytes, buffer->len}, SLICE("hello")),
	   "it lives while the first is held");
	buffer_release(buffer);
	buffer_release(NULL);
}

int main(void)
{
	test_growing();
	test_bound();
	test_sharing();
	return tap_end();
}
