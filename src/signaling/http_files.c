/* Files of a folder over HTTP: folders are their index.html, behind a slash. */
#include "signaling/http_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process/served_files.h"
#include "signaling/net_private.h"

struct http_files {
	struct served_files *files; /* owned */
};

enum err http_files_create(const char *folder, struct http_files **files, char problem[256])
{
	struct http_files *created = calloc(1, sizeof *created);
	char reason[256] = "";
	enum err err = ERR_NO_MEMORY;

	if (created != NULL)
		err = served_files_read(folder, &created->files, reason);
	if (err == OK) {
		*files = created;
		return OK;
	}
	snprintf(problem, 256, "www-root %.240s", reason[0] != '\0' ? reason : err_string(err));
	free(created);
	return err;
}

void http_files_destroy(struct http_files *files)
{
	if (files == NULL)
		return;
	served_files_destroy(files->files);
	free(files);
}

size_t http_files_count(const struct http_files *files)
{
	return served_files_count(files->files);
}

static const struct served_file *find_path(const struct http_files *files, struct slice path,
                                           bool *is_folder)
{
	char text[1024];

	*is_folder = false;
	if (path.len >= sizeof text - sizeof "/index.html")
		return NULL;
	int len = snprintf(text, sizeof text, SLICE_FORMAT, SLICE_PRINTF(path));
	const struct served_file *file = served_files_find(files->files, text);
	if (file != NULL || len < 0)
		return file;
	*is_folder = true;
	snprintf(text + len, sizeof text - (size_t)len, "%s",
	         text[len - 1] == '/' ? "index.html" : "/index.html");
	return served_files_find(files->files, text);
}

/* A page's own links are relative to the folder: its path has to end in a slash. */
static bool ends_in_slash(const struct http_exchange *exchange)
{
	struct slice target = http_reader_request(exchange->reader)->target;
	const char *query = memchr(target.at, '?', target.len);
	size_t len = query == NULL ? target.len : (size_t)(query - target.at);

	return len > 0 && target.at[len - 1] == '/';
}

/* To the last segment once more, and a slash: relative, as a proxy may have put us below another path. */
static void send_behind_slash(struct http_exchange *exchange)
{
	struct slice raw = http_reader_request(exchange->reader)->target;
	const char *query = memchr(raw.at, '?', raw.len);
	size_t end = query == NULL ? raw.len : (size_t)(query - raw.at), at = end;

	while (at > 0 && raw.at[at - 1] != '/')
		at--;
	text_printf(&exchange->headers, "Location: ./%.*s/\r\n", (int)(end - at), raw.at + at);
	http_answer(exchange, 301, "text/plain", SLICE("Behind a slash.\n"));
}

bool http_files_answer(const struct http_files *files, struct http_exchange *exchange)
{
	bool is_folder;
	const struct served_file *file = find_path(files, http_path(exchange), &is_folder);

	if (file == NULL || (exchange->method != HTTP_GET && exchange->method != HTTP_HEAD))
		return false;
	if (is_folder && !ends_in_slash(exchange)) {
		send_behind_slash(exchange);
		return true;
	}
	http_set_header(exchange, "ETag", file->tag);
	http_set_header(exchange, "Cache-Control", "no-cache");
	http_set_header(exchange, "Permissions-Policy", "camera=(self), microphone=(self)");
	http_set_header(exchange, "X-Frame-Options", "SAMEORIGIN");
	http_set_header(exchange, "Referrer-Policy", "no-referrer");
	if (http_reader_has_token(exchange->reader, "If-None-Match", file->tag))
		http_answer(exchange, 304, NULL, SLICE(""));
	else
		http_answer(exchange, 200, file->type, (struct slice){file->bytes, file->len});
	return true;
}
