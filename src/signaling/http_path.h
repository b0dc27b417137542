/* Targets of HTTP requests: paths taken apart and made normal, their patterns, and parameters. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"
#include "signaling/text.h"

enum { HTTP_SEGMENTS_MAX = 32 };

/* A path by its segments, each decoded: "/a/b%2Fc/" is "a" and "b/c". */
struct http_path {
	struct text text; /* owned: "/a/b/c" */
	struct http_segment {
		size_t at, len; /* of text */
	} segments[HTTP_SEGMENTS_MAX];
	size_t count;
	struct slice query; /* of the target, as it came; lent */
};

/* Reads a target in origin or absolute form (RFC 9112 section 3.2). Segments "." and "..", written in whatever way, are taken out
 * (RFC 3986 section 5.2.4), and empty ones. ERR_INVALID: it leads above the root, has a control character, or a % that is none. */
MUST_CHECK enum err http_path_read(struct http_path *path, struct slice target);
void http_path_deinit(struct http_path *path);
struct slice http_path_segment(const struct http_path *path, size_t index);

/* Whether a path fits a pattern: in "/a/:name/b" any one segment stands for :name, and "*" at the end for all that follow, or none. */
bool http_path_fits(const struct http_path *path, const char *pattern);
/* What stands for :name in a path that fits; empty: there is none. */
struct slice http_path_find(const struct http_path *path, const char *pattern, const char *name);

/* Finds a parameter in "a=1&b=2" and decodes its value, + as a space. ERR_NOT_FOUND; ERR_FULL; ERR_INVALID: it holds a zero, or a % that is none. */
MUST_CHECK enum err http_parameter(struct slice parameters, const char *name, char *to,
                                   size_t size);
