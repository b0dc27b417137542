/* A line without echo. The terminal gets its echo back whatever ends the reading. */
#include "admin/turnadmin_input.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/bytes.h"

static bool file_read(const struct turnadmin_input *input, char *text);
static bool terminal_read(const struct turnadmin_input *input, char *text);
static bool prompt_read(const struct turnadmin_input *input, const char *again, char *text);
static bool silent_read(const struct turnadmin_input *input, const char *again, char *text);
static ssize_t line_read(const struct turnadmin_input *input, int fd, char *text);
static bool line_is_fine(const struct turnadmin_input *input, char *text, ssize_t len);
static void interrupted(int signal);

bool turnadmin_input_read(const struct turnadmin_input *input, char *text)
{
	bool was_read;

	if (input->file != NULL)
		was_read = file_read(input, text);
	else if (isatty(STDIN_FILENO))
		was_read = terminal_read(input, text);
	else
		was_read = line_is_fine(input, text, line_read(input, STDIN_FILENO, text));
	if (!was_read)
		bytes_wipe(text, input->max + 1);
	return was_read;
}

bool turnadmin_password_read(const struct turnadmin_request *request, char *password)
{
	struct turnadmin_input input = {
		.what = "password",
		.file = request->password_file,
		.repeat = true,
		.max = TURNADMIN_PASSWORD_MAX,
	};

	if (request->password[0] == '\0')
		return turnadmin_input_read(&input, password);
	return text_copy(password, TURNADMIN_PASSWORD_MAX + 1, request->password) == OK;
}

static bool file_read(const struct turnadmin_input *input, char *text)
{
	int fd = open(input->file, O_RDONLY | O_CLOEXEC);
	bool was_read;

	if (fd < 0) {
		turnadmin_say("%s: %s", input->file, strerror(errno));
		return false;
	}
	was_read = line_is_fine(input, text, line_read(input, fd, text));
	close(fd);
	return was_read;
}

static bool terminal_read(const struct turnadmin_input *input, char *text)
{
	char *repeated;
	bool is_same;

	if (!prompt_read(input, "", text))
		return false;
	if (!input->repeat)
		return true;
	repeated = calloc(1, input->max + 1);
	if (repeated == NULL) {
		turnadmin_say("%s", err_string(ERR_NO_MEMORY));
		return false;
	}
	is_same = prompt_read(input, " again", repeated);
	if (is_same && strcmp(text, repeated) != 0) {
		turnadmin_say("the two are not the same: nothing was changed");
		is_same = false;
	}
	bytes_wipe(repeated, input->max + 1);
	free(repeated);
	return is_same;
}

/* A signal that would end the program ends the reading instead, so that the echo comes back. All
 * is in place before the prompt: what is typed at once is not shown either. */
static bool prompt_read(const struct turnadmin_input *input, const char *again, char *text)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
	enum { SIGNAL_COUNT = sizeof signals / sizeof signals[0] };
	struct sigaction catch = {.sa_handler = interrupted}, before[SIGNAL_COUNT];
	bool was_read;

	sigemptyset(&catch.sa_mask);
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		sigaction(signals[i], &catch, &before[i]);
	was_read = silent_read(input, again, text);
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		sigaction(signals[i], &before[i], NULL);
	return was_read;
}

static bool silent_read(const struct turnadmin_input *input, const char *again, char *text)
{
	struct termios before, silent;
	ssize_t len;
	int reason;

	if (tcgetattr(STDIN_FILENO, &before) != 0) {
		turnadmin_say("the terminal cannot be silenced: %s", strerror(errno));
		return false;
	}
	silent = before;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	fprintf(stderr, "%s%s: ", input->what, again);
	len = line_read(input, STDIN_FILENO, text);
	reason = errno;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	fputc('\n', stderr);
	errno = reason;
	return line_is_fine(input, text, len);
}

/* Returns the bytes before the end of the line, max + 1 when there are too many, -1 with errno. Byte
 * by byte: what follows the line is not ours to take. */
static ssize_t line_read(const struct turnadmin_input *input, int fd, char *text)
{
	ssize_t len = 0, n = 0;
	char byte = '\0';

	while ((size_t)len <= input->max && (n = read(fd, &byte, 1)) == 1 && byte != '\n')
		text[len++] = byte;
	return n < 0 ? -1 : len;
}

static bool line_is_fine(const struct turnadmin_input *input, char *text, ssize_t len)
{
	if (len < 0) {
		turnadmin_say("no %s was read: %s", input->what,
		              errno == EINTR ? "nothing was changed" : strerror(errno));
		return false;
	}
	if ((size_t)len > input->max) {
		turnadmin_say("the %s is longer than %zu bytes", input->what, input->max);
		return false;
	}
	if (len > 0 && text[len - 1] == '\r')
		len--;
	text[len] = '\0';
	if (len == 0) {
		turnadmin_say("the %s is empty", input->what);
		return false;
	}
	for (ssize_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f) {
			turnadmin_say("the %s has a control character in it", input->what);
			return false;
		}
	return true;
}

static void interrupted(int signal)
{
	(void)signal; /* read returns with EINTR */
}
