/* What a telnet client, or netcat, types: lines. Telnet's commands and option negotiation (RFC 854) are
 * taken out, and refused. No byte allocates, and none is looked at twice. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TELNET_LINE_MAX = 512, TELNET_REPLY_MAX = 3 };
enum { TELNET_IAC = 255, TELNET_DONT = 254, TELNET_DO = 253, TELNET_WONT = 252, TELNET_WILL = 251 };
enum { TELNET_ECHO = 1 };

enum telnet_event {
	TELNET_MORE,      /* the line has not ended */
	TELNET_LINE,      /* it is in .line until the next byte comes */
	TELNET_TOO_LONG,  /* one has ended that is longer than TELNET_LINE_MAX, and is not kept */
	TELNET_INTERRUPT, /* Ctrl-C, or its telnet command: what was typed is dropped */
	TELNET_END,       /* Ctrl-D at the beginning of a line */
};

struct telnet { /* all zero at the beginning */
	char line[TELNET_LINE_MAX + 1];
	size_t len;
	uint8_t state, command;
	bool was_return;  /* a line end or NUL behind it belongs to it (RFC 854) */
	bool is_too_long; /* until the line ends */
};

/* Takes one byte. What is to be sent in answer is written to reply: *reply_len bytes, often none. */
enum telnet_event telnet_input(struct telnet *telnet, uint8_t byte, uint8_t reply[TELNET_REPLY_MAX],
                               size_t *reply_len);
