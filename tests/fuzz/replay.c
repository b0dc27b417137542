/* Runs a fuzz target over its corpus when there is no libFuzzer: TAP, one test for each file. The
 * target's name, fuzz_NAME, says which folder of the corpus is its own; files may be given too. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static unsigned tests;

static void replay(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = NULL;
	size_t len = 0, room = 0, n;
	uint8_t part[4096];

	if (file == NULL) {
		printf("not ok %u - %s cannot be read\n", ++tests, path);
		return;
	}
	while ((n = fread(part, 1, sizeof part, file)) > 0) {
		if (len + n > room) {
			room = 2 * (len + n);
			bytes = realloc(bytes, room);
			if (bytes == NULL)
				abort();
		}
		memcpy(bytes + len, part, n);
		len += n;
	}
	fclose(file);
	/* An exact copy, so that a sanitizer sees one byte too many. */
	uint8_t *exact = malloc(len ? len : 1);
	if (exact == NULL)
		abort();
	memcpy(exact, len ? bytes : part, len);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	free(bytes);
	printf("ok %u - %s\n", ++tests, strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
}

int main(int argc, char **argv)
{
	const char *top = getenv("srcdir"), *name = strstr(argv[0], "fuzz_");
	char folder[4096], path[8192];

	for (const char *p = name; p != NULL && (p = strstr(p + 1, "fuzz_")) != NULL;)
		name = p;
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/%s", top ? top : ".",
	         name ? name + strlen("fuzz_") : "");
	DIR *dir = argc > 1 ? NULL : opendir(folder);
	for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		replay(path);
	}
	if (dir != NULL)
		closedir(dir);
	if (tests == 0)
		printf("not ok %u - no corpus in %s\n", ++tests, folder);
	printf("1..%u\n", tests);
	return 0;
}
