/* Paths of requests. They are cut at slashes before they are decoded, so that %2F is a character of a segment. */
#include "signaling/http_path.h"

#include <strings.h>

static struct slice after_authority(struct slice target);
static bool put_segment(struct http_path *path, struct slice raw);
static bool is_segment(const struct http_path *path, const char *text);

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Takes one character, which may be written as %41. False: that is none. */
static bool decode(struct slice *raw, char *c)
{
	*c = raw->at[0];
	size_t used = 1;

	if (*c == '%') {
		int high = raw->len < 3 ? -1 : digit(raw->at[1]);
		int low = raw->len < 3 ? -1 : digit(raw->at[2]);
		if (high < 0 || low < 0)
			return false;
		*c = (char)(high << 4 | low);
		used = 3;
	}
	*raw = (struct slice){raw->at + used, raw->len - used};
	return true;
}

/* Cuts what is before the next c, and c. */
static struct slice cut(struct slice *rest, char c)
{
	const char *end = rest->len == 0 ? NULL : memchr(rest->at, c, rest->len);
	struct slice first = {rest->at, end == NULL ? rest->len : (size_t)(end - rest->at)};
	size_t taken = end == NULL ? first.len : first.len + 1;

	if (taken > 0)
		*rest = (struct slice){rest->at + taken, rest->len - taken};
	return first;
}

enum err http_path_read(struct http_path *path, struct slice target)
{
	*path = (struct http_path){0};
	text_init(&path->text, 0);
	target = after_authority(target);
	if (target.len == 0 || target.at[0] != '/')
		return ERR_INVALID;
	struct slice rest = cut(&target, '#');
	struct slice raw = cut(&rest, '?');
	path->query = rest;
	while (raw.len > 0)
		if (!put_segment(path, cut(&raw, '/')))
			goto fail;
	if (path->count == 0)
		text_put_char(&path->text, '/');
	if (!path->text.has_failed)
		return OK;
fail:
	http_path_deinit(path);
	return ERR_INVALID;
}

void http_path_deinit(struct http_path *path)
{
	text_deinit(&path->text);
	*path = (struct http_path){0};
}

struct slice http_path_segment(const struct http_path *path, size_t index)
{
	const struct http_segment *segment = &path->segments[index];

	return (struct slice){path->text.at + segment->at, segment->len};
}

/* The absolute form names the host once more: "http://host/path". */
static struct slice after_authority(struct slice target)
{
	static const char *const schemes[] = {"http://", "https://"};

	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
		size_t len = strlen(schemes[i]);
		if (target.len < len || strncasecmp(target.at, schemes[i], len) != 0)
			continue;
		while (len < target.len && memchr("/?#", target.at[len], 3) == NULL)
			len++;
		if (len == target.len)
			return SLICE("/");
		return (struct slice){target.at + len, target.len - len};
	}
	return target;
}

/* Appends a segment, decoded; or follows it, where it is "." or "..". */
static bool put_segment(struct http_path *path, struct slice raw)
{
	size_t start = path->text.len;
	char c;

	if (raw.len == 0)
		return true;
	if (path->count == HTTP_SEGMENTS_MAX)
		return false;
	text_put_char(&path->text, '/');
	while (raw.len > 0) {
		if (!decode(&raw, &c) || (unsigned char)c < ' ' || c == 0x7f)
			return false;
		text_put_char(&path->text, c);
	}
	if (path->text.has_failed)
		return false;
	path->segments[path->count++] =
		(struct http_segment){start + 1, path->text.len - start - 1};
	unsigned gone = is_segment(path, "..") ? 2 : is_segment(path, ".") ? 1 : 0;
	if (gone > path->count)
		return false;
	path->count -= gone;
	if (gone > 0)
		path->text.len = path->segments[path->count].at - 1;
	return true;
}

/* Whether the last segment is this one. */
static bool is_segment(const struct http_path *path, const char *text)
{
	return slice_is(http_path_segment(path, path->count - 1), text);
}

/* Walks a pattern beside the path. name NULL: tells whether they fit; else found is what stands for it. */
static bool walk(const struct http_path *path, const char *pattern, const char *name,
                 struct slice *found)
{
	struct slice rest = slice_of(pattern);
	size_t i = 0;

	while (rest.len > 0) {
		struct slice part = cut(&rest, '/');
		if (part.len == 0)
			continue;
		if (slice_is(part, "*"))
			return true;
		if (i == path->count)
			return false;
		struct slice segment = http_path_segment(path, i++);
		if (part.at[0] != ':' && !slice_equal(part, segment))
			return false;
		if (part.at[0] == ':' && name != NULL &&
		    slice_is((struct slice){part.at + 1, part.len - 1}, name))
			*found = segment;
	}
	return i == path->count;
}

bool http_path_fits(const struct http_path *path, const char *pattern)
{
	return walk(path, pattern, NULL, NULL);
}

struct slice http_path_find(const struct http_path *path, const char *pattern, const char *name)
{
	struct slice found = {0};

	(void)walk(path, pattern, name, &found);
	return found;
}

static enum err decode_value(struct slice raw, char *to, size_t size)
{
	size_t len = 0;
	char c;

	while (raw.len > 0) {
		bool is_space = raw.at[0] == '+';
		if (!decode(&raw, &c) || c == '\0')
			return ERR_INVALID;
		if (len + 1 >= size)
			return ERR_FULL;
		to[len++] = is_space ? ' ' : c;
	}
	to[len] = '\0';
	return OK;
}

enum err http_parameter(struct slice parameters, const char *name, char *to, size_t size)
{
	char decoded[64];

	to[0] = '\0';
	while (parameters.len > 0) {
		struct slice value = cut(&parameters, '&');
		struct slice key = cut(&value, '=');
		if (decode_value(key, decoded, sizeof decoded) != OK || strcmp(decoded, name) != 0)
			continue;
		enum err err = decode_value(value, to, size);
		if (err != OK)
			to[0] = '\0';
		return err;
	}
	return ERR_NOT_FOUND;
}
