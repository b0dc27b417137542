/* JSON as text, RFC 8259: what is one, what is found in it, what is written. */
#include "tap.h"

#include <stdint.h>

#include "signaling/json_text.h"

static void test_good(void)
{
	static const char *const good[] = {
		"{}",
		" [ ] ",
		"null",
		"true",
		"\t\r\n false ",
		"\"\"",
		"{\"a\":{\"b\":[1,2,{\"c\":null}]},\"a\":2}",
		"[-0,0,-1,10,1.5,1e5,1E+5,1.25e-7,-0.0]",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u0000\"",
		"\"\\uD83D\\uDE00\"",
		"\"\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF\"",
		"\"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\"",
		"\"\x7F\"",
	};
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		ok(json_check(slice_of(good[i])) == OK, "good text %zu is taken", i);
}

static void test_bad(void)
{
	static const char *const bad[] = {
		/* nothing, or something behind */
		"",
		" ",
		"{} {}",
		"1 2",
		"nullx",
		"tru",
		"nul",
		"True",
		"undefined",
		/* containers */
		"{",
		"[",
		"}",
		"]",
		"[1,]",
		"[,1]",
		"[1 2]",
		"{\"a\":1,}",
		"{,}",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\" 1}",
		"{a:1}",
		"{1:1}",
		"[1}",
		"{\"a\":1]",
		"{'a':1}",
		/* numbers, section 6 */
		"01",
		"-01",
		"+1",
		"-",
		".5",
		"1.",
		"1.e5",
		"1e",
		"1e+",
		"0x10",
		"--1",
		"Infinity",
		"NaN",
		"1_000",
		/* strings, section 7 */
		"\"",
		"\"abc",
		"\"\\\"",
		"\"\\x41\"",
		"\"\\u12\"",
		"\"\\u12g4\"",
		"\"\n\"",
		"\"\t\"",
		"\"\x01\"",
		"\"\\",
		"\"\\u",
		/* halves of surrogate pairs */
		"\"\\uD800\"",
		"\"\\uDC00\"",
		"\"\\uD800\\u0041\"",
		"\"\\uD83D\\uD83D\"",
		"\"\\uD83Dx\"",
		"\"\\uDE00\\uD83D\"",
		/* UTF-8, RFC 3629: cut off, overlong, surrogates, above U+10FFFF */
		"\"\x80\"",
		"\"\xC3\"",
		"\"\xC3(\"",
		"\"\xC0\x80\"",
		"\"\xC1\xBF\"",
		"\"\xE0\x80\x80\"",
		"\"\xE0\x9F\xBF\"",
		"\"\xED\xA0\x80\"",
		"\"\xE2\x82\"",
		"\"\xF0\x80\x80\x80\"",
		"\"\xF0\x8F\xBF\xBF\"",
		"\"\xF4\x90\x80\x80\"",
		"\"\xF5\x80\x80\x80\"",
		"\"\xFF\"",
		"\xEF\xBB\xBF{}",
		"\xC2\xA0{}",
		/* other space */
		"\v{}",
		"{}\f",
		"/* */{}",
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ok(json_check(slice_of(bad[i])) == ERR_INVALID, "bad text %zu is refused", i);
	ok(json_check((struct slice){"{}\0", 3}) == ERR_INVALID, "a zero behind is refused");
	ok(json_check((struct slice){"\"a\0b\"", 5}) == ERR_INVALID, "and one in a string");
	ok(json_check((struct slice){"\"\\\0\"", 4}) == ERR_INVALID, "and one escaped");
}

/* depth opening brackets, and as many closing ones. */
static enum err check_depth(unsigned depth, char open, char close)
{
	char text[1024];
	size_t len = 0;

	for (unsigned i = 0; i < depth; i++) {
		text[len++] = open;
		if (open == '{')
			memcpy(text + len, "\"a\":", 4), len += 4;
	}
	if (open == '{')
		text[len++] = '1';
	for (unsigned i = 0; i < depth; i++)
		text[len++] = close;
	return json_check((struct slice){text, len});
}

static void test_depth(void)
{
	ok(check_depth(JSON_DEPTH_MAX, '[', ']') == OK, "arrays as deep as may be");
	ok(check_depth(JSON_DEPTH_MAX + 1, '[', ']') == ERR_INVALID, "one deeper");
	ok(check_depth(JSON_DEPTH_MAX, '{', '}') == OK, "objects as deep as may be");
	ok(check_depth(JSON_DEPTH_MAX + 1, '{', '}') == ERR_INVALID, "one deeper");
}

static void test_members(void)
{
	struct slice text = SLICE(
		" { \"a\" : 1 , \"b\":{\"a\":[\"}]\",{}]},\"\\u0063\\n\" : \"x\", \"d\":\"\\\"]\","
		"\"a\": [ 2 ] ,\"e\":{\"f\":{\"g\":true}}} ");

	ok(json_check(text) == OK, "the text is one");
	ok(slice_is(json_member(text, "a"), "[ 2 ]"), "the last of two counts, without space");
	ok(slice_is(json_member(text, "b"), "{\"a\":[\"}]\",{}]}"), "a value as it is written");
	ok(slice_is(json_member(text, "c\n"), "\"x\""), "a name written with escapes");
	ok(slice_is(json_member(text, "d"), "\"\\\"]\""), "brackets in strings are none");
	ok(slice_is_empty(json_member(text, "f")), "inner members are not outer ones");
	ok(slice_is_empty(json_member(text, "")), "nor is there an empty name");
	ok(slice_is_empty(json_member(text, "c")), "nor the beginning of one");
	ok(slice_is(json_path(text, "e", "f", "g", NULL), "true"), "a path");
	ok(slice_is_empty(json_path(text, "a", "f", NULL)), "a path through an array");
	ok(slice_is_empty(json_member(SLICE("[1]"), "a")), "an array has no members");
	ok(slice_is_empty(json_member(SLICE("\"a\""), "a")), "nor a string");
	ok(slice_is_empty(json_member((struct slice){0}, "a")), "nor nothing");
	ok(slice_is_empty(json_member(SLICE("{\"a\\u0000\\u0000b\":1}"), "a")),
	   "an escaped zero ends no name");
	ok(slice_is(json_member(SLICE("{\"\":1}"), ""), "1"), "an empty name can be asked for");
}

static void test_walking(void)
{
	struct slice value, name, list = SLICE(" [1 ,\"a,b\", [2,3] ,{\"x\":1}] ");
	size_t position = 0;

	ok(json_next_element(list, &position, &value) && slice_is(value, "1"), "first");
	ok(json_next_element(list, &position, &value) && slice_is(value, "\"a,b\""), "second");
	ok(json_next_element(list, &position, &value) && slice_is(value, "[2,3]"), "third");
	ok(json_next_element(list, &position, &value) && slice_is(value, "{\"x\":1}"), "fourth");
	ok(!json_next_element(list, &position, &value), "no fifth");
	position = 0;
	ok(!json_next_element(SLICE("[ ]"), &position, &value), "an empty array");
	position = 0;
	ok(!json_next_element(SLICE("{\"a\":1}"), &position, &value), "an object has no elements");
	position = 0;
	ok(json_next_member(SLICE("{\"a\" : 1}"), &position, &name, &value) &&
	           slice_is(name, "\"a\"") && slice_is(value, "1"),
	   "a member");
	ok(!json_next_member(SLICE("{\"a\" : 1}"), &position, &name, &value), "and no other");
}

static void test_kinds(void)
{
	is_int(json_kind(SLICE("")), JSON_KIND_ABSENT, "absent");
	is_int(json_kind(SLICE("null")), JSON_KIND_NULL, "null");
	is_int(json_kind(SLICE("false")), JSON_KIND_FALSE, "false");
	is_int(json_kind(SLICE("true")), JSON_KIND_TRUE, "true");
	is_int(json_kind(SLICE(" -1")), JSON_KIND_NUMBER, "number");
	is_int(json_kind(SLICE("\"1\"")), JSON_KIND_STRING, "string");
	is_int(json_kind(SLICE("[]")), JSON_KIND_ARRAY, "array");
	is_int(json_kind(SLICE("{}")), JSON_KIND_OBJECT, "object");
	ok(json_is_true(SLICE("true")) && !json_is_true(SLICE("\"true\"")), "only true is true");
}

static void test_strings(void)
{
	char to[8];
	struct text text;

	ok(json_get_string(SLICE("\"\\u00e4\\u20AC\\n\""), to, sizeof to) == OK, "escapes");
	is_text(to, "\xC3\xA4\xE2\x82\xAC\n", "are UTF-8");
	ok(json_get_string(SLICE("\"\\ud83d\\ude00\""), to, sizeof to) == OK, "a pair");
	is_text(to, "\xF0\x9F\x98\x80", "is one character");
	ok(json_get_string(SLICE("\"1234567\""), to, sizeof to) == OK, "what fits with its end");
	ok(json_get_string(SLICE("\"12345678\""), to, sizeof to) == ERR_FULL, "one more");
	is_text(to, "", "is not cut");
	ok(json_get_string(SLICE("\"a\\u0000b\""), to, sizeof to) == ERR_INVALID, "U+0000");
	is_text(to, "", "gives nothing");
	ok(json_get_string(SLICE("1"), to, sizeof to) == ERR_INVALID, "a number is no string");
	ok(json_get_string(SLICE(""), to, sizeof to) == ERR_INVALID, "nor is what is absent");
	ok(json_get_text(SLICE(""), to, sizeof to) == OK && to[0] == '\0', "but it may be \"\"");
	ok(json_get_text(SLICE("null"), to, sizeof to) == OK && to[0] == '\0', "and null");
	ok(json_get_text(SLICE("{}"), to, sizeof to) == ERR_INVALID, "and not an object");
	text_init(&text, 0);
	ok(json_decode(SLICE("\"\\\\\\/\\\"\""), &text) == OK, "decoded behind a text");
	ok(slice_is(text_slice(&text), "\\/\""), "it is there");
	ok(json_decode(SLICE("\"\\u0000\""), &text) == ERR_INVALID, "U+0000 is not");
	text_deinit(&text);
}

static void test_integers(void)
{
	int64_t number = 7;

	ok(json_get_integer(SLICE("-12"), -12, 5, &number) == OK && number == -12, "the lowest");
	ok(json_get_integer(SLICE("5"), -12, 5, &number) == OK && number == 5, "the highest");
	ok(json_get_integer(SLICE("6"), -12, 5, &number) == ERR_INVALID, "above");
	ok(json_get_integer(SLICE("-13"), -12, 5, &number) == ERR_INVALID, "below");
	ok(json_get_integer(SLICE("3.00"), 0, 5, &number) == OK && number == 3, "whole");
	ok(json_get_integer(SLICE("3.01"), 0, 5, &number) == ERR_INVALID, "not whole");
	ok(json_get_integer(SLICE("1e1"), 0, 50, &number) == ERR_INVALID, "an exponent");
	ok(json_get_integer(SLICE("\"3\""), 0, 5, &number) == ERR_INVALID, "a string");
	ok(json_get_integer(SLICE(""), 0, 5, &number) == ERR_INVALID, "absent");
	ok(json_get_integer(SLICE("9223372036854775807"), 0, INT64_MAX, &number) == OK &&
	           number == INT64_MAX,
	   "as large as may be");
	ok(json_get_integer(SLICE("9223372036854775808"), 0, INT64_MAX, &number) == ERR_INVALID,
	   "one larger");
	ok(json_get_integer(SLICE("99999999999999999999999"), 0, INT64_MAX, &number) == ERR_INVALID,
	   "much larger");
}

static void write_all(struct text *text)
{
	json_open(text, '{');
	json_member_string(text, "s", SLICE("a\"\\\n\x01\x1f/\xC3\xA4\x80\xED\xA0\x80"));
	json_name(text, "list");
	json_open(text, '[');
	json_put_integer(text, 0);
	json_put_integer(text, INT64_MIN);
	json_put_bool(text, true);
	json_put_string(text, SLICE("["));
	json_put_raw(text, SLICE("{\"x\":[1,2]}"));
	json_put_raw(text, (struct slice){0});
	json_open(text, '{');
	json_close(text, '}');
	json_close(text, ']');
	json_member_integer(text, "n", 250);
	json_member_bool(text, "b", false);
	json_member_raw(text, "r", SLICE("[]"));
	json_close(text, '}');
}

static void test_writing(void)
{
	struct text text;

	text_init(&text, 0);
	write_all(&text);
	ok(slice_is(text_slice(&text),
	            "{\"s\":\"a\\\"\\\\\\n\\u0001\\u001f/"
	            "\xC3\xA4\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\","
	            "\"list\":[0,-9223372036854775808,true,\"[\",{\"x\":[1,2]},null,{}],"
	            "\"n\":250,\"b\":false,\"r\":[]}"),
	   "commas and escapes where they belong");
	ok(json_check(text_slice(&text)) == OK, "it is JSON");
	text_put_char(&text, '\n');
	json_open(&text, '{');
	ok(text.at[text.len - 2] == '\n', "a message behind another begins without a comma");
	text_deinit(&text);
}

int main(void)
{
	test_good();
	test_bad();
	test_depth();
	test_members();
	test_walking();
	test_kinds();
	test_strings();
	test_integers();
	test_writing();
	return tap_end();
}
