/* Files in memory, sorted by path. */
#include "process/served_files.h"

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

enum { FILES_MAX = 4096, BYTES_MAX = 64 * 1024 * 1024, DEPTH_MAX = 16, TAG_BYTES = 16 };

struct served_files {
	struct served_file *file; /* owned, its path and bytes too; sorted by path */
	size_t count;
	size_t bytes;
	char *problem; /* lent, while the folder is read */
};

static enum err read_folder(struct served_files *files, int fd, const char *path, unsigned depth);
static enum err read_entry(struct served_files *files, int folder, const char *path,
                           const char *name, unsigned depth);
static enum err read_file(struct served_files *files, int fd, size_t len, char *path);
static int by_path(const void *a, const void *b);
static enum err problem_of(struct served_files *files, const char *path, enum err err);

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

	snprintf(problem, 256, "%.80s: %.160s", folder,
	         file_refusal(folder, R_OK, reason, refusal));
}

enum err served_files_read(const char *folder, struct served_files **files, char problem[256])
{
	struct served_files *created = calloc(1, sizeof *created);
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
		served_files_destroy(created);
		return err;
	}
	created->problem = NULL;
	if (created->count > 0)
		qsort(created->file, created->count, sizeof *created->file, by_path);
	*files = created;
	return OK;
}

void served_files_destroy(struct served_files *files)
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

size_t served_files_count(const struct served_files *files)
{
	return files->count;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct served_file *)a)->path, ((const struct served_file *)b)->path);
}

static enum err problem_of(struct served_files *files, const char *path, enum err err)
{
	snprintf(files->problem, 256, "%.200s: %s", path,
	         err == ERR_SYSTEM ? strerror(errno) : err_string(err));
	return err;
}

/* Takes fd over. */
static enum err read_folder(struct served_files *files, int fd, const char *path, unsigned depth)
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

static enum err read_entry(struct served_files *files, int folder, const char *path,
                           const char *name, unsigned depth)
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

static enum err add(struct served_files *files, const struct served_file *file)
{
	if (files->count % 16 == 0) {
		struct served_file *grown =
			realloc(files->file, (files->count + 16) * sizeof *files->file);
		if (grown == NULL)
			return ERR_NO_MEMORY;
		files->file = grown;
	}
	files->file[files->count++] = *file;
	files->bytes += file->len;
	return OK;
}

static void make_tag(struct served_file *file)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	char digits[2 * TAG_BYTES + 1];

	if (EVP_Digest(file->bytes, file->len, hash, NULL, EVP_sha256(), NULL) != 1)
		return;
	hex_put(hash, TAG_BYTES, digits);
	snprintf(file->tag, sizeof file->tag, "\"%s\"", digits);
}

/* Takes path over. */
static enum err read_file(struct served_files *files, int fd, size_t len, char *path)
{
	struct served_file file = {.path = path, .type = type_of(path)};
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

const struct served_file *served_files_find(const struct served_files *files, const char *path)
{
	const struct served_file key = {.path = (char *)(uintptr_t)path};

	if (files->count == 0)
		return NULL;
	return bsearch(&key, files->file, files->count, sizeof *files->file, by_path);
}
