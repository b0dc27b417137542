/* A terminal that a program has for itself for a while: keys come one by one, and what was on the screen
 * before is there again afterwards. */
#pragma once

#include <stdbool.h>
#include <termios.h>

struct terminal {
	bool is_open;
	struct termios before;
};

/* Takes standard input and output; false when they are no terminal. */
bool terminal_open(struct terminal *terminal);
/* Gives them back as they were. Does nothing when it is not open. */
void terminal_close(struct terminal *terminal);
/* Gives columns and lines; 80 and 24 where nobody knows. */
void terminal_size(unsigned *columns, unsigned *lines);
