/* A folder of files in memory, sorted by path. */
#include "signaling/http_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file_refusal.h"
#include "signaling/net_private.h"

enum { FILES_MAX = 4096, BYTES_MAX = 64 * 1024 * 1024, DEPTH_MAX = 16, TAG_BYTES = 16 };
enum { TAG_SIZE = 2 * TAG_BYTES + 3 }; /* in quotes */

struct file {
	char *path;  /* owned: "/call/index.html" */
	char *bytes; /* owned */
	size_t len;
	char tag[TAG_SIZE];
	const char *type;
};

struct http_files {
	struct file *file; /* owned; sorted by path */
	size_t count;
	size_t bytes;
	char *problem; /* lent, while the folder is read */
};

static enum err read_folder(struct http_files *files, int fd, const char *path, unsigned depth);
static enum err read_entry(struct http_files *files, int folder, const char *path, const char *name,
                           unsigned depth);
static enum err read_file(struct http_files *files, int fd, size_t len, char *path);
static int by_path(const void *a, const void *b);
static enum err problem_of(struct http_files *files, const char *path, enum err err);

static const struct {
	const char *ending, *type;
} types[] = {
	{".html", "text/html; charset=utf-8"},
	{".js", "text/javascript; charset=utf-8"},
	{".mjs", "text/javascript; charset=utf-8"},
	{".css", "text/css; charset=utf-8"},
	{".json", "application/json"},
	{".map", "application/json"},
	{".svg", "image/svg+xml"},
	{".png", "image/png"},
	{".jpg", "image/jpeg"},
	{".jpeg", "image/jpeg"},
	{".gif", "image/gif"},
	{".webp", "image/webp"},
	{".ico", "image/x-icon"},
	{".txt", "text/plain; charset=utf-8"},
	{".md", "text/plain; charset=utf-8"},
	{".wasm", "application/wasm"},
	{".woff2", "font/woff2"},
	{".mp3", "audio/mpeg"},
	{".ogg", "audio/ogg"},
	{".wav", "audio/wav"},
	{".webmanifest", "application/manifest+json"},
};

static const char *type_of(const char *path)
{
	const char *ending = strrchr(path, '.');

	for (size_t i = 0; ending != NULL && i < sizeof types / sizeof types[0]; i++)
		if (strcmp(ending, types[i].ending) == 0)
			return types[i].type;
	return "application/octet-stream";
}

static void describe(const char *folder, int reason, char problem[256])
{
	char refusal[FILE_REFUSAL_SIZE];

	snprintf(problem, 256, "www-root %.80s: %.160s", folder,
	         file_refusal(folder, R_OK, reason, refusal));
}

enum err http_files_create(const char *folder, struct http_files **files, char problem[256])
{
	struct http_files *created = calloc(1, sizeof *created);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum err err;

	problem[0] = '\0';
	if (created == NULL || fd < 0) {
		describe(folder, errno, problem);
		err = created == NULL ? ERR_NO_MEMORY : ERR_NOT_FOUND;
		if (fd >= 0)
			close(fd);
		free(created);
		return err;
	}
	created->problem = problem;
	err = read_folder(created, fd, "", 0);
	if (err != OK) {
		http_files_destroy(created);
		return err;
	}
	created->problem = NULL;
	if (created->count > 0)
		qsort(created->file, created->count, sizeof *created->file, by_path);
	*files = created;
	return OK;
}

void http_files_destroy(struct http_files *files)
{
	if (files == NULL)
		return;
	for (size_t i = 0; i < files->count; i++) {
		free(files->file[i].path);
		free(files->file[i].bytes);
	}
	free(files->file);
	free(files);
}

size_t http_files_count(const struct http_files *files)
{
	return files->count;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

static enum err problem_of(struct http_files *files, const char *path, enum err err)
{
	snprintf(files->problem, 256, "%.200s: %s", path,
	         err == ERR_SYSTEM ? strerror(errno) : err_string(err));
	return err;
}

/* Takes fd over. */
static enum err read_folder(struct http_files *files, int fd, const char *path, unsigned depth)
{
	DIR *folder = fdopendir(fd);
	const struct dirent *entry;
	enum err err = OK;

	if (folder == NULL) {
		close(fd);
		return problem_of(files, path, ERR_SYSTEM);
	}
	while (err == OK && (entry = readdir(folder)) != NULL)
		if (entry->d_name[0] != '.')
			err = read_entry(files, dirfd(folder), path, entry->d_name, depth);
	closedir(folder);
	return err;
}

static enum err read_entry(struct http_files *files, int folder, const char *path, const char *name,
                           unsigned depth)
{
	/* Links are not followed: one could lead to what is nobody's business. */
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat about = {0};
	char *own;

	if (fd < 0)
		return errno == ELOOP ? OK : problem_of(files, name, ERR_SYSTEM);
	if (asprintf(&own, "%s/%s", path, name) < 0) {
		close(fd);
		return ERR_NO_MEMORY;
	}
	if (fstat(fd, &about) == 0 && S_ISDIR(about.st_mode)) {
		enum err err = depth < DEPTH_MAX ? read_folder(files, fd, own, depth + 1)
		                                 : problem_of(files, own, ERR_FULL);
		if (depth >= DEPTH_MAX)
			close(fd);
		free(own);
		return err;
	}
	enum err err = OK;
	if (S_ISREG(about.st_mode))
		err = read_file(files, fd, (size_t)about.st_size, own);
	else
		free(own);
	close(fd);
	return err;
}

static enum err add(struct http_files *files, const struct file *file)
{
	if (files->count % 16 == 0) {
		struct file *grown =
			realloc(files->file, (files->count + 16) * sizeof *files->file);
		if (grown == NULL)
			return ERR_NO_MEMORY;
		files->file = grown;
	}
	files->file[files->count++] = *file;
	files->bytes += file->len;
	return OK;
}

static void make_tag(struct file *file)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	char digits[2 * TAG_BYTES + 1];

	if (EVP_Digest(file->bytes, file->len, hash, NULL, EVP_sha256(), NULL) != 1)
		return;
	hex_put(hash, TAG_BYTES, digits);
	snprintf(file->tag, sizeof file->tag, "\"%s\"", digits);
}

/* Takes path over. */
static enum err read_file(struct http_files *files, int fd, size_t len, char *path)
{
	struct file file = {.path = path, .type = type_of(path)};
	enum err err = ERR_FULL;
	ssize_t n = 0;

	if (files->count == FILES_MAX || len > BYTES_MAX - files->bytes)
		goto fail;
	err = ERR_NO_MEMORY;
	file.bytes = malloc(len + 1);
	if (file.bytes == NULL)
		goto fail;
	while (file.len < len && (n = read(fd, file.bytes + file.len, len - file.len)) > 0)
		file.len += (size_t)n;
	err = ERR_SYSTEM;
	if (n < 0)
		goto fail;
	make_tag(&file);
	err = add(files, &file);
	if (err == OK)
		return OK;
fail:
	(void)problem_of(files, path, err);
	free(file.bytes);
	free(path);
	return err;
}

static const struct file *find(const struct http_files *files, const char *path)
{
	const struct file key = {.path = (char *)path};

	if (files->count == 0)
		return NULL;
	return bsearch(&key, files->file, files->count, sizeof *files->file, by_path);
}

static const struct file *find_path(const struct http_files *files, struct slice path,
                                    bool *is_folder)
{
	char text[1024];

	*is_folder = false;
	if (path.len >= sizeof text - sizeof "/index.html")
		return NULL;
	int len = snprintf(text, sizeof text, SLICE_FORMAT, SLICE_PRINTF(path));
	const struct file *file = find(files, text);
	if (file != NULL || len < 0)
		return file;
	*is_folder = true;
	snprintf(text + len, sizeof text - (size_t)len, "%s",
	         text[len - 1] == '/' ? "index.html" : "/index.html");
	return find(files, text);
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
	const struct file *file = find_path(files, http_path(exchange), &is_folder);

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
