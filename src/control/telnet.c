/* A state for each place that a byte can be in:
 *
 *   TEXT ── IAC ──► COMMAND ── WILL WONT DO DONT ──► OPTION ──► TEXT
 *                      └───── SB ──► SUB ── IAC ──► SUB_COMMAND ── SE ──► TEXT
 */
#include "control/telnet.h"

enum state { STATE_TEXT, STATE_COMMAND, STATE_OPTION, STATE_SUB, STATE_SUB_COMMAND };
enum {
	COMMAND_SE = 240,
	COMMAND_BREAK = 243,
	COMMAND_INTERRUPT = 244,
	COMMAND_ERASE_CHARACTER = 247,
	COMMAND_ERASE_LINE = 248,
	COMMAND_SB = 250
};
enum { CTRL_C = 3, CTRL_D = 4, BACKSPACE = 8, CTRL_U = 21, DELETE = 127 };

static enum telnet_event input_command(struct telnet *telnet, uint8_t byte);
static void answer_option(const struct telnet *telnet, uint8_t option,
                          uint8_t reply[TELNET_REPLY_MAX], size_t *reply_len);
static enum telnet_event input_text(struct telnet *telnet, uint8_t byte);

enum telnet_event telnet_input(struct telnet *telnet, uint8_t byte, uint8_t reply[TELNET_REPLY_MAX],
                               size_t *reply_len)
{
	*reply_len = 0;
	switch (telnet->state) {
	case STATE_COMMAND:
		return input_command(telnet, byte);
	case STATE_OPTION:
		answer_option(telnet, byte, reply, reply_len);
		telnet->state = STATE_TEXT;
		return TELNET_MORE;
	case STATE_SUB:
		telnet->state = byte == TELNET_IAC ? STATE_SUB_COMMAND : STATE_SUB;
		return TELNET_MORE;
	case STATE_SUB_COMMAND:
		telnet->state = byte == COMMAND_SE ? STATE_TEXT : STATE_SUB;
		return TELNET_MORE;
	default:
		return input_text(telnet, byte);
	}
}

static void drop_line(struct telnet *telnet)
{
	telnet->len = 0;
	telnet->is_too_long = false;
}

/* A character of several bytes (UTF-8) goes whole. */
static void erase(struct telnet *telnet)
{
	while (telnet->len > 0 && ((uint8_t)telnet->line[--telnet->len] & 0xC0) == 0x80)
		continue;
}

static enum telnet_event input_command(struct telnet *telnet, uint8_t byte)
{
	telnet->state = STATE_TEXT;
	switch (byte) {
	case TELNET_DO:
	case TELNET_DONT:
	case TELNET_WILL:
	case TELNET_WONT:
		telnet->command = byte;
		telnet->state = STATE_OPTION;
		return TELNET_MORE;
	case COMMAND_SB:
		telnet->state = STATE_SUB;
		return TELNET_MORE;
	case COMMAND_BREAK:
	case COMMAND_INTERRUPT:
		drop_line(telnet);
		return TELNET_INTERRUPT;
	case COMMAND_ERASE_CHARACTER:
		erase(telnet);
		return TELNET_MORE;
	case COMMAND_ERASE_LINE:
		drop_line(telnet);
		return TELNET_MORE;
	default: /* a byte 255 of text among them: no character of UTF-8 has one */
		return TELNET_MORE;
	}
}

/* What is to be turned off is off, and an answer to that could be answered for ever (RFC 854). Echo is
 * ours to offer, and what the client says to it needs no answer. */
static void answer_option(const struct telnet *telnet, uint8_t option,
                          uint8_t reply[TELNET_REPLY_MAX], size_t *reply_len)
{
	bool is_offer = telnet->command == TELNET_WILL;

	if (!is_offer && (telnet->command != TELNET_DO || option == TELNET_ECHO))
		return;
	reply[0] = TELNET_IAC;
	reply[1] = is_offer ? TELNET_DONT : TELNET_WONT;
	reply[2] = option;
	*reply_len = TELNET_REPLY_MAX;
}

static enum telnet_event end_line(struct telnet *telnet)
{
	enum telnet_event event = telnet->is_too_long ? TELNET_TOO_LONG : TELNET_LINE;

	telnet->line[telnet->is_too_long ? 0 : telnet->len] = 0;
	drop_line(telnet);
	return event;
}

static void put(struct telnet *telnet, uint8_t byte)
{
	if (telnet->len < TELNET_LINE_MAX)
		telnet->line[telnet->len++] = (char)byte;
	else
		telnet->is_too_long = true;
}

static enum telnet_event input_text(struct telnet *telnet, uint8_t byte)
{
	bool was_return = telnet->was_return;

	telnet->was_return = byte == '\r';
	switch (byte) {
	case TELNET_IAC:
		telnet->was_return = was_return;
		telnet->state = STATE_COMMAND;
		return TELNET_MORE;
	case '\n':
		return was_return ? TELNET_MORE : end_line(telnet);
	case '\r':
		return end_line(telnet);
	case CTRL_C:
		drop_line(telnet);
		return TELNET_INTERRUPT;
	case CTRL_D:
		return telnet->len == 0 && !telnet->is_too_long ? TELNET_END : TELNET_MORE;
	case CTRL_U:
		drop_line(telnet);
		return TELNET_MORE;
	case BACKSPACE:
	case DELETE:
		erase(telnet);
		return TELNET_MORE;
	case '\t':
		byte = ' ';
		break;
	}
	if (byte >= ' ')
		put(telnet, byte);
	return TELNET_MORE;
}
