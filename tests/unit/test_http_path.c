/* Paths made normal, patterns, parameters. */
#include "signaling/http_path.h"

#include "tap.h"

static void read_paths(void)
{
	static const struct {
		const char *target, *path; /* NULL: refused */
	} rows[] = {
		{"/", "/"},
		{"/a/b", "/a/b"},
		{"/a/b/", "/a/b"},
		{"//a///b", "/a/b"},
		{"/a?b=/c", "/a"},
		{"/a#b", "/a"},
		{"/a/./b", "/a/b"},
		{"/a/../b", "/b"},
		{"/a/b/../../c", "/c"},
		{"/a/%2e%2E/b", "/b"},
		{"/a/..", "/"},
		{"/..", NULL},
		{"/a/../..", NULL},
		{"/%2e%2e/a", NULL},
		{"/a/.../b", "/a/.../b"},
		{"/%41%c3%a4", "/A\xc3\xa4"},
		{"/a+b", "/a+b"},
		{"/%", NULL},
		{"/%4", NULL},
		{"/%4g", NULL},
		{"/a%00b", NULL},
		{"/a%0ab", NULL},
		{"/a%7f", NULL},
		{"http://host/a", "/a"},
		{"HTTPS://host", "/"},
		{"http://host?x", NULL},
		{"*", NULL},
		{"", NULL},
		{"a", NULL},
	};
	struct http_path path;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		enum err err = http_path_read(&path, slice_of(rows[i].target));
		if (rows[i].path == NULL)
			is_int(err, ERR_INVALID, "\"%s\" is refused", rows[i].target);
		else
			ok(err == OK && slice_is(text_slice(&path.text), rows[i].path),
			   "\"%s\" is %s", rows[i].target, rows[i].path);
		http_path_deinit(&path);
	}
	char deep[200] = "";
	for (int i = 0; i < HTTP_SEGMENTS_MAX; i++)
		memcpy(deep + 2 * i, "/a", 3);
	is_int(http_path_read(&path, slice_of(deep)), OK, "as many segments as there may be");
	http_path_deinit(&path);
	memcpy(deep + 2 * HTTP_SEGMENTS_MAX, "/a", 3);
	is_int(http_path_read(&path, slice_of(deep)), ERR_INVALID, "one more");
}

static void patterns(void)
{
	static const struct {
		const char *target, *pattern;
		bool fits;
	} rows[] = {
		{"/", "/", true},           {"/a", "/a", true},
		{"/a/", "/a", true},        {"/a", "/a/", true},
		{"/a", "/b", false},        {"/a", "/a/b", false},
		{"/a/b", "/a", false},      {"/a/x/c", "/a/:n/c", true},
		{"/a/c", "/a/:n/c", false}, {"/a/x%2Fy/c", "/a/:n/c", true},
		{"/a/b/c", "/a/*", true},   {"/a", "/a/*", true},
		{"/b", "/a/*", false},      {"/a/:n/c", "/a/b/c", false},
	};
	struct http_path path;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (http_path_read(&path, slice_of(rows[i].target)) != OK)
			ok(false, "%s is a path", rows[i].target);
		ok(http_path_fits(&path, rows[i].pattern) == rows[i].fits, "%s and %s",
		   rows[i].target, rows[i].pattern);
		http_path_deinit(&path);
	}
	if (http_path_read(&path, SLICE("/a/x%2Fy/c/z?q=1&r")) != OK)
		ok(false, "a path");
	ok(slice_is(http_path_find(&path, "/a/:one/c/:two", "one"), "x/y") &&
	           slice_is(http_path_find(&path, "/a/:one/c/:two", "two"), "z"),
	   "what stands for names");
	ok(slice_is_empty(http_path_find(&path, "/a/:one/c/:two", "three")), "no such name");
	ok(slice_is(path.query, "q=1&r"), "the query as it came");
	http_path_deinit(&path);
}

static void parameters(void)
{
	static const struct {
		const char *text, *value;
		enum err err;
	} rows[] = {
		{"a=1", "1", OK},
		{"b=2&a=1&a=2", "1", OK},
		{"%61=x+y%2Bz", "x y+z", OK},
		{"a", "", OK},
		{"a=", "", OK},
		{"a=b=c", "b=c", OK},
		{"aa=1", "", ERR_NOT_FOUND},
		{"", "", ERR_NOT_FOUND},
		{"&&a=%C3%A4", "\xc3\xa4", OK},
		{"a=%00", "", ERR_INVALID},
		{"a=%4", "", ERR_INVALID},
		{"a=1234567", "1234567", OK},
		{"a=12345678", "", ERR_FULL},
	};
	char value[8];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		is_int(http_parameter(slice_of(rows[i].text), "a", value, sizeof value),
		       rows[i].err, "parameter of \"%s\"", rows[i].text);
		is_text(value, rows[i].value, "its value");
	}
}

int main(void)
{
	read_paths();
	patterns();
	parameters();
	return tap_end();
}
