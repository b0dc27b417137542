/* The console's pages over HTTP: what is given, as what, and what never is. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/web_files.h"
#include "tests/unit/tap.h"

struct http_call {
	const char *method, *path, *encodings, *known;
	unsigned status;
	const char *type;
	char body[256], headers[4096];
};

const char *http_method(const struct http_call *call)
{
	return call->method;
}
const char *http_path(const struct http_call *call)
{
	return call->path;
}
const char *http_header(const struct http_call *call, const char *name)
{
	return strcmp(name, "Accept-Encoding") == 0 ? call->encodings
	       : strcmp(name, "If-None-Match") == 0 ? call->known
	                                            : NULL;
}
void http_set_header(struct http_call *call, const char *name, const char *value)
{
	size_t len = strlen(call->headers);

	snprintf(call->headers + len, sizeof call->headers - len, "%s: %s\n", name, value);
}
void http_answer(struct http_call *call, unsigned status, const char *type, const void *body,
                 size_t len)
{
	call->status = status;
	call->type = type;
	snprintf(call->body, sizeof call->body, "%.*s", (int)len, (const char *)body);
}
void http_answer_lent(struct http_call *call, unsigned status, const char *type, const void *body,
                      size_t len)
{
	http_answer(call, status, type, body, len);
}

/* ---- a folder ---- */

static char folder[] = "/tmp/console_files_XXXXXX";
static const char *const written[][2] = {
	{"index.html", "<!doctype html>"},
	{"app.js", "plain"},
	{"app.js.gz", "packed"},
	{"lang/en.json", "{}"},
	{".secret", "hidden"},
};
enum { WRITTEN = sizeof written / sizeof written[0] };

static void path_of(const char *name, char path[512])
{
	snprintf(path, 512, "%s/%s", folder, name);
}

static void fill(void)
{
	char path[512], link[512];

	if (mkdtemp(folder) == NULL)
		exit(1);
	path_of("lang", path);
	mkdir(path, 0700);
	for (size_t i = 0; i < WRITTEN; i++) {
		path_of(written[i][0], path);
		FILE *file = fopen(path, "w");
		if (file == NULL || fputs(written[i][1], file) < 0)
			exit(1);
		fclose(file);
	}
	path_of("link.html", link);
	ok(symlink("/etc/passwd", link) == 0, "a link that leads out");
}

static void empty(void)
{
	char path[512];

	for (size_t i = 0; i < WRITTEN; i++) {
		path_of(written[i][0], path);
		unlink(path);
	}
	path_of("link.html", path);
	unlink(path);
	path_of("lang", path);
	rmdir(path);
	rmdir(folder);
}

static struct http_call got;

/* The status; 0: it is no file. */
static unsigned ask(const struct web_files *files, struct http_call call)
{
	got = call;
	return web_files_answer(files, &got) ? got.status : 0;
}

#define ASK(...) ask(files, (struct http_call){__VA_ARGS__})
#define GET      .method = "GET"

static void test_found(const struct web_files *files)
{
	is_int(ASK(GET, .path = "/"), 200, "the first page");
	is_text(got.body, "<!doctype html>", "is index.html");
	is_text(got.type, "text/html; charset=utf-8", "of its type");
	ok(strstr(got.headers, "Content-Security-Policy: default-src 'none'; script-src 'self'") &&
	           strstr(got.headers, "unsafe") == NULL && strstr(got.headers, "nosniff") != NULL,
	   "with no script but ours");
	is_int(ASK(.method = "HEAD", .path = "/lang/en.json"), 200, "HEAD, in a folder");
	is_text(got.type, "application/json", "of its type");
}

static void test_not_found(const struct web_files *files)
{
	static const char *const paths[] = {
		"/.secret",
		"/lang",
		"/lang/",
		"/link.html",
		"/../../etc/passwd",
		"",
		"//index.html",
		"/index.html/",
		"/%69ndex.html",
		"/app.js%00.html",
		"index.html",
		"/lang/../index.html",
	};

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		is_int(ASK(GET, .path = paths[i]), 0, "no file: %s", paths[i]);
	is_int(ASK(.method = "POST", .path = "/"), 0, "nothing is sent to a file");
}

static void test_compressed(const struct web_files *files)
{
	static const struct {
		const char *encodings;
		bool is_packed;
	} rows[] = {
		{"gzip", true},
		{"deflate, gzip;q=0.5", true},
		{"br,GZIP ; q=1.0", true},
		{"gzip;q=0", false},
		{"gzip; q=0.000", false},
		{"identity", false},
		{"x-gzipped, br", false},
		{"", false},
		{NULL, false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		ASK(GET, .path = "/app.js", .encodings = rows[i].encodings);
		is_text(got.body, rows[i].is_packed ? "packed" : "plain", "accepted: %s",
		        rows[i].encodings != NULL ? rows[i].encodings : "(nothing)");
		ok((strstr(got.headers, "Content-Encoding: gzip\n") != NULL) == rows[i].is_packed,
		   "as is said");
	}
	is_text(got.type, "text/javascript; charset=utf-8", "it is a script in any case");
	ok(strstr(got.headers, "Vary: Accept-Encoding\n") != NULL, "which caches are told");
}

static void test_known(const struct web_files *files)
{
	char tag[64] = "", list[160];

	ASK(GET, .path = "/app.js");
	sscanf(strstr(got.headers, "ETag: "), "ETag: %63s", tag);
	is_int(strlen(tag), 34, "a tag in quotes");
	is_int(ASK(GET, .path = "/app.js", .known = tag), 304, "what is known is not sent again");
	snprintf(list, sizeof list, "\"other\", W/%s", tag);
	is_int(ASK(GET, .path = "/app.js", .known = list), 304, "nor when a proxy made it weak");
	is_int(ASK(GET, .path = "/app.js", .known = "*"), 304, "nor when any will do");
	is_int(ASK(GET, .path = "/app.js", .known = "\"other\""), 200, "another is");
	is_int(ASK(GET, .path = "/app.js", .known = tag, .encodings = "gzip"), 200,
	       "compressed it is another");
}

int main(void)
{
	struct web_files *files = NULL;
	char problem[256], path[512];

	fill();
	is_int(web_files_read(folder, &files, problem), OK, "a folder is read");
	test_found(files);
	test_not_found(files);
	test_compressed(files);
	test_known(files);
	web_files_destroy(files);
	path_of("index.html", path);
	unlink(path);
	is_int(web_files_read(folder, &files, problem), ERR_NOT_FOUND, "one without a first page");
	ok(strstr(problem, "index.html") != NULL, "which is said");
	empty();
	is_int(web_files_read(folder, &files, problem), ERR_NOT_FOUND, "one that is not there");
	ok(strstr(problem, folder) != NULL, "which is named");
	return tap_end();
}
