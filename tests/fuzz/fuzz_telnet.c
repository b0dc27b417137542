/* What is typed at the console: whatever the bytes, lines are bounded and ended, answers are refusals of
 * three bytes, and there are no more of them than there were requests. */
#include <stdlib.h>
#include <string.h>

#include "control/telnet.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_line(const struct telnet *telnet)
{
	size_t len = strnlen(telnet->line, sizeof telnet->line);

	if (len > TELNET_LINE_MAX)
		abort();
	for (size_t i = 0; i < len; i++)
		if ((uint8_t)telnet->line[i] < ' ' || (uint8_t)telnet->line[i] == 0x7F)
			abort();
}

static void check_reply(const uint8_t reply[TELNET_REPLY_MAX], size_t len)
{
	if (len != TELNET_REPLY_MAX || reply[0] != TELNET_IAC ||
	    (reply[1] != TELNET_DONT && reply[1] != TELNET_WONT))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	uint8_t reply[TELNET_REPLY_MAX];
	struct telnet telnet = {0};
	size_t replied = 0;

	for (size_t i = 0; i < len; i++) {
		size_t reply_len;
		enum telnet_event event = telnet_input(&telnet, bytes[i], reply, &reply_len);
		if (reply_len > 0)
			check_reply(reply, reply_len);
		replied += reply_len;
		if (replied > i + 1)
			abort();
		if (event == TELNET_LINE)
			check_line(&telnet);
		if (event > TELNET_END || telnet.len > TELNET_LINE_MAX)
			abort();
	}
	return 0;
}
