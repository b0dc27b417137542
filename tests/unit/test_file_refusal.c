/* What an operator is told of a file that was not opened: by whom, and what mends it. */
#include "base/file_refusal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tap.h"
#include "test_files.h"

static struct test_files files;
static char file[256], missing[256];

static bool tells(const char *path, int mode, int reason, const char *first, const char *second)
{
	char text[FILE_REFUSAL_SIZE];

	file_refusal(path, mode, reason, text);
	if (strstr(text, first) != NULL && strstr(text, second) != NULL)
		return true;
	printf("# %s\n", text);
	return false;
}

/* As a user whom modes bind, which root is not. */
static bool told_to_nobody(const char *path, int mode, const char *first, const char *second)
{
	pid_t child = fork();
	int status = -1;

	if (child == 0) {
		if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
			_exit(2);
		_exit(!tells(path, mode, EACCES, first, second));
	}
	return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(void)
{
	test_files_init(&files);
	snprintf(file, sizeof file, "%s/file", files.directory);
	snprintf(missing, sizeof missing, "%s/missing", files.directory);
	fclose(fopen(file, "w"));

	ok(tells(file, R_OK, ENOENT, strerror(ENOENT), ""),
	   "other reasons in the C library's words");
	ok(tells(file, R_OK, EACCES, "outside of the fence: restart", files.directory),
	   "modes allow it, and the open is refused: it is the fence");
	ok(tells(missing, W_OK, EACCES, "outside of the fence: restart", files.directory),
	   "neither is a file to be made where modes allow it");

	chmod(files.directory, 0755);
	chmod(file, 0);
	ok(told_to_nobody(file, R_OK, "let user ", file), "a file that modes do not let be read");
	chmod(files.directory, 0555);
	ok(told_to_nobody(missing, W_OK, " write it: ", files.directory),
	   "a folder that is not to write");
	chmod(files.directory, 0);
	ok(told_to_nobody(file, R_OK, " read it: ", files.directory),
	   "a folder that is not to enter");

	char text[FILE_REFUSAL_SIZE], longest[5000];
	memset(longest, 'x', sizeof longest);
	longest[0] = '/';
	longest[sizeof longest - 1] = '\0';
	ok(strlen(file_refusal(longest, R_OK, EACCES, text)) < FILE_REFUSAL_SIZE,
	   "a name too long");

	chmod(files.directory, 0700);
	test_files_deinit(&files);
	return tap_end();
}
