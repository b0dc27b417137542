/* Segments are compared and decoded one by one: a slash that is encoded in a name stays in it. */
#include "admin/api_path.h"

#include <string.h>

#include "base/slice.h"
#include "base/utf8.h"

bool api_text_is_plain(const char *text)
{
	while (*text != '\0') {
		uint32_t character;
		size_t len = utf8_next(text, &character);
		if (len == 0 || utf8_is_control(character))
			return false;
		text += len;
	}
	return true;
}

/* Takes the first segment from a path that begins with a slash. */
static struct slice take_segment(const char **path)
{
	const char *begin = *path + 1;
	size_t len = strcspn(begin, "/");

	*path = begin + len;
	return (struct slice){begin, len};
}

static bool is_braces(struct slice segment)
{
	return segment.len > 2 && segment.at[0] == '{' && segment.at[segment.len - 1] == '}';
}

bool api_path_fits(const char *pattern, const char *path, char parts[API_PARTS_MAX][API_PART_SIZE])
{
	size_t count = 0;

	while (*pattern == '/' && *path == '/') {
		struct slice wanted = take_segment(&pattern), given = take_segment(&path);
		if (!is_braces(wanted)) {
			if (!slice_equal(wanted, given))
				return false;
			continue;
		}
		if (count == API_PARTS_MAX || slice_is_empty(given) ||
		    !http_decode(given, false, parts[count], API_PART_SIZE) ||
		    !api_text_is_plain(parts[count]))
			return false;
		count++;
	}
	return *pattern == '\0' && *path == '\0';
}
