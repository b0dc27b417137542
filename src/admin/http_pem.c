/* Files that are read once, when a server starts or renews its certificate. */
#include "admin/http_pem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1024 * 1024 };

char *http_pem_read(const char *path, char problem[256])
{
	char *text = malloc(FILE_MAX);
	FILE *file = fopen(path, "re");
	size_t len = 0;

	if (text != NULL && file != NULL)
		len = fread(text, 1, FILE_MAX - 1, file);
	if (len > 0) {
		text[len] = '\0';
	} else {
		snprintf(problem, 256, "%.150s: %s", path,
		         file == NULL ? strerror(errno) : "nothing is in it");
		free(text);
		text = NULL;
	}
	if (file != NULL)
		fclose(file);
	return text;
}

void http_pem_wipe(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}
