/* ECMA-48 sequences that every terminal of this century knows, and termios. */
#include "admin/turnadmin_terminal.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void say(const char *sequence)
{
	(void)!write(STDOUT_FILENO, sequence, strlen(sequence));
}

/* Signals stay the terminal's to make: Ctrl-C ends and Ctrl-Z stops, as always. */
bool terminal_open(struct terminal *terminal)
{
	struct termios raw;

	if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &terminal->before) != 0)
		return false;
	raw = terminal->before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) != 0)
		return false;
	terminal->is_open = true;
	say("\x1b[?1049h\x1b[?25l\x1b[2J"); /* the other screen, no cursor, empty */
	return true;
}

void terminal_close(struct terminal *terminal)
{
	if (!terminal->is_open)
		return;
	say("\x1b[0m\x1b[?25h\x1b[?1049l");
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal->before);
	terminal->is_open = false;
}

void terminal_size(unsigned *columns, unsigned *lines)
{
	struct winsize size;
	bool is_known =
		ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0;

	*columns = is_known ? size.ws_col : 80;
	*lines = is_known ? size.ws_row : 24;
}
