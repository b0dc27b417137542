/* Lines out of what telnet clients and netcat send, editing, options, and bytes of people who mean no
 * good. */
#include "control/telnet.h"

#include "tap.h"

struct heard {
	char lines[1024]; /* each behind the other, with what ended it */
	uint8_t replies[256];
	size_t reply_len;
};

static void add(struct heard *heard, const char *text)
{
	size_t used = strlen(heard->lines);

	snprintf(heard->lines + used, sizeof heard->lines - used, "%s", text);
}

static void hear(struct telnet *telnet, struct heard *heard, const void *bytes, size_t len)
{
	static const char *const words[] = {
		[TELNET_TOO_LONG] = "(long)", [TELNET_INTERRUPT] = "(int)", [TELNET_END] = "(end)"};
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++) {
		uint8_t reply[TELNET_REPLY_MAX];
		size_t reply_len;
		enum telnet_event event = telnet_input(telnet, p[i], reply, &reply_len);
		memcpy(heard->replies + heard->reply_len, reply, reply_len);
		heard->reply_len += reply_len;
		if (event == TELNET_LINE) {
			add(heard, telnet->line);
			add(heard, "|");
		} else if (event != TELNET_MORE) {
			add(heard, words[event]);
		}
	}
}

static void test_lines(void)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *lines, *what;
	} rows[] = {
#define ROW(bytes, lines, what) {bytes, sizeof bytes - 1, lines, what}
		ROW("ps\r\npu\r\n", "ps|pu|", "telnet's line ends"),
		ROW("ps\r\0pu\r\0", "ps|pu|", "a return with NUL (RFC 854)"),
		ROW("ps\npu\n", "ps|pu|", "netcat's"),
		ROW("ps\rpu\r", "ps|pu|", "a return alone"),
		ROW("\r\n\r\n\n", "|||", "empty lines"),
		ROW("pz\bs\r\n", "ps|", "backspace"),
		ROW("pz\x7fs\n", "ps|", "delete"),
		ROW("\b\b\x7fps\n", "ps|", "nothing to erase"),
		ROW("p\xc3\xa4\x7fs\n", "ps|", "a character of two bytes goes whole"),
		ROW("quit\x15ps\n", "ps|", "Ctrl-U"),
		ROW("quit\x03ps\n", "(int)ps|", "Ctrl-C"),
		ROW("a\x04ps\n\x04", "aps|(end)", "Ctrl-D ends at the beginning of a line alone"),
		ROW("a\tb\n", "a b|", "a tab is a space"),
		ROW("\x1b[31mx\x07\n", "[31mx|", "control characters are dropped"),
		ROW("psp \xc3\xa4\n", "psp \xc3\xa4|", "UTF-8 passes"),
		ROW("p\xff\xf7q\xff\xf7s\n", "s|", "telnet's erase character"),
		ROW("pq\xff\xf8s\n", "s|", "telnet's erase line"),
		ROW("quit\xff\xf4ps\n", "(int)ps|", "telnet's interrupt"),
		ROW("p\xff\xff\xff\xf1s\n", "ps|", "other commands of telnet are nothing"),
		ROW("p\xff\xfa\x18\0quit\r\n\xff\xff\xff\xf0s\n", "ps|", "a sub-negotiation"),
		ROW("p\r\xff\xf1\ns\n", "p|s|", "a command between return and line end"),
#undef ROW
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct telnet telnet = {0};
		struct heard heard = {.reply_len = 0};
		hear(&telnet, &heard, rows[i].bytes, rows[i].len);
		is_text(heard.lines, rows[i].lines, "%s", rows[i].what);
		is_int(heard.reply_len, 0, "and no answer");
	}
}

static void test_options(void)
{
	static const uint8_t offers[] = {255, 251, 24, 255, 251, 31, 255, 253, 3};
	static const uint8_t refusals[] = {255, 254, 24, 255, 254, 31, 255, 252, 3};
	static const uint8_t silent[] = {255, 253, 1, 255, 254, 1, 255, 254, 24, 255, 252, 31};
	struct telnet telnet = {0};
	struct heard heard = {.reply_len = 0};

	hear(&telnet, &heard, offers, sizeof offers);
	is_int(heard.reply_len, sizeof refusals, "offers and demands are answered");
	is_bytes(heard.replies, refusals, sizeof refusals, "all of them are refused");
	hear(&telnet, &heard, silent, sizeof silent);
	is_int(heard.reply_len, sizeof refusals,
	       "what is said to our echo, and what is turned off, is not answered");
}

static void test_long(void)
{
	struct telnet telnet = {0};
	struct heard heard = {.reply_len = 0};

	for (int i = 0; i < TELNET_LINE_MAX; i++)
		hear(&telnet, &heard, "x", 1);
	hear(&telnet, &heard, "\n", 1);
	is_int(strlen(heard.lines), TELNET_LINE_MAX + 1, "the longest line");
	heard.lines[0] = 0;
	for (int i = 0; i < 100000; i++)
		hear(&telnet, &heard, "y", 1);
	is_text(heard.lines, "", "one without an end is nothing yet");
	hear(&telnet, &heard, "\r\nps\r\n", 6);
	is_text(heard.lines, "(long)ps|", "and is told when it ends; the next one is whole");
}

int main(void)
{
	test_lines();
	test_options();
	test_long();
	return tap_end();
}
