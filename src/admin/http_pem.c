/* Files that are read once, when a server starts or renews its certificate. */
#include "admin/http_pem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1024 * 1024 };

static char *read_file(const char *path, char problem[256])
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

bool http_pem_pair_read(const char *cert_file, const char *key_file, struct http_pem_pair *pair,
                        char problem[256])
{
	pair->cert = read_file(cert_file, problem);
	pair->key = pair->cert == NULL ? NULL : read_file(key_file, problem);
	if (pair->key == NULL)
		http_pem_pair_deinit(pair);
	return pair->key != NULL;
}

void http_pem_pair_deinit(struct http_pem_pair *pair)
{
	free(pair->cert);
	http_pem_wipe(pair->key);
	*pair = (struct http_pem_pair){NULL, NULL};
}

void http_pem_wipe(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}
