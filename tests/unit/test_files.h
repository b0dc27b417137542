/* A directory for one test, and the path of a database in it. */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct test_files {
	char directory[128];
	char database[160];
};

__attribute__((unused)) static void test_files_init(struct test_files *files)
{
	snprintf(files->directory, sizeof files->directory, "/tmp/turnstone-test-XXXXXX");
	if (mkdtemp(files->directory) == NULL) {
		printf("Bail out! no directory in /tmp\n");
		exit(1);
	}
	snprintf(files->database, sizeof files->database, "%s/turndb", files->directory);
}

__attribute__((unused)) static void test_files_deinit(struct test_files *files)
{
	DIR *directory = opendir(files->directory);
	struct dirent *entry;

	if (directory == NULL)
		return;
	while ((entry = readdir(directory)) != NULL)
		unlinkat(dirfd(directory), entry->d_name, 0);
	closedir(directory);
	rmdir(files->directory);
}
