/* The console's pages over HTTP. */
#include "admin/web_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "process/served_files.h"

struct web_files {
	struct served_files *files; /* owned */
};

/* Scripts and styles are files of ours alone; nothing is framed, and nobody is told where a link came from. */
static const struct {
	const char *name, *value;
} headers[] = {
	{"Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; "
                                    "connect-src 'self'; img-src 'self' data:; "
                                    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Permissions-Policy", "camera=(self), microphone=(self), geolocation=()"},
};

enum err web_files_read(const char *folder, struct web_files **files, char problem[256])
{
	struct web_files *read = calloc(1, sizeof *read);
	enum err err = ERR_NO_MEMORY;

	snprintf(problem, 256, "no memory");
	if (read != NULL)
		err = served_files_read(folder, &read->files, problem);
	if (err == OK && served_files_find(read->files, "/index.html") == NULL) {
		snprintf(problem, 256, "%.200s: there is no index.html in it", folder);
		err = ERR_NOT_FOUND;
	}
	if (err == OK) {
		*files = read;
		return OK;
	}
	web_files_destroy(read);
	return err;
}

void web_files_destroy(struct web_files *files)
{
	if (files == NULL)
		return;
	served_files_destroy(files->files);
	free(files);
}

/* Whether a weight is 0 (RFC 9110 section 12.4.2), which is a refusal. */
static bool is_refused(const char *weight, size_t len)
{
	const char *q = memmem(weight, len, "q=", 2);
	size_t left = q == NULL ? 0 : len - (size_t)(q + 2 - weight);

	return left > 0 && strspn(q + 2, "0.") >= left;
}

/* RFC 9110 section 12.5.3. */
static bool accepts_gzip(const struct http_call *call)
{
	static const char gzip[] = "gzip";
	const char *at = http_header(call, "Accept-Encoding");

	while (at != NULL && *at != '\0') {
		at += strspn(at, ", \t");
		size_t name = strcspn(at, ",; \t"), whole = strcspn(at, ",");
		if (name == sizeof gzip - 1 && strncasecmp(at, gzip, name) == 0)
			return !is_refused(at + name, whole - name);
		at += whole;
	}
	return false;
}

/* The build compresses once what each first visit would have to. */
static const struct served_file *find_compressed(const struct web_files *files, const char *path,
                                                 struct http_call *call)
{
	char longer[512];
	const struct served_file *file = NULL;

	if (accepts_gzip(call) &&
	    snprintf(longer, sizeof longer, "%s.gz", path) < (int)sizeof longer)
		file = served_files_find(files->files, longer);
	if (file != NULL)
		http_set_header(call, "Content-Encoding", "gzip");
	return file;
}

/* RFC 9110 section 13.1.2: a list, or "*". A tag is in quotes and of digits alone, so that it is found nowhere else; a proxy that compresses
 * may have made it weak. */
static bool is_known(const char *known, const char *tag)
{
	return known != NULL && (strcmp(known, "*") == 0 || strstr(known, tag) != NULL);
}

/* Without a name of its own for each version a file is asked for again, and answered with 304 where it is the same. */
static void answer_file(const struct web_files *files, const struct served_file *file,
                        struct http_call *call)
{
	const struct served_file *sent = find_compressed(files, file->path, call);
	const char *known = http_header(call, "If-None-Match");

	if (sent == NULL)
		sent = file;
	for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
		http_set_header(call, headers[i].name, headers[i].value);
	http_set_header(call, "ETag", sent->tag);
	http_set_header(call, "Vary", "Accept-Encoding");
	http_set_header(call, "Cache-Control", "no-cache");
	http_answer_lent(call, is_known(known, sent->tag) ? 304 : 200, file->type, sent->bytes,
	                 sent->len);
}

bool web_files_answer(const struct web_files *files, struct http_call *call)
{
	const char *path = http_path(call), *method = http_method(call);
	const struct served_file *file;

	if (files == NULL || (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0))
		return false;
	file = served_files_find(files->files, strcmp(path, "/") == 0 ? "/index.html" : path);
	if (file == NULL)
		return false;
	answer_file(files, file, call);
	return true;
}
