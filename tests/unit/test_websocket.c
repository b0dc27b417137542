/* About 300 cases of RFC 6455: octets that a client sends, in pieces of 1, 2, 3 and all at once, and what comes out of them. Then the
 * same octets through another implementation, wslay, which has to see the same messages and codes. */
#include "signaling/websocket.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "websocket_peer.h"

static struct wire wire;
static unsigned cases;

static void put(const void *bytes, size_t len)
{
	if (wire.len + len > sizeof wire.bytes)
		abort();
	if (len > 0)
		memcpy(wire.bytes + wire.len, bytes, len);
	wire.len += len;
}

static void put_octet(unsigned octet)
{
	put(&(unsigned char){(unsigned char)octet}, 1);
}

static const unsigned char mask[4] = {0x37, 0xfa, 0x21, 0x3d};

static void put_masked(const void *payload, size_t len)
{
	put(mask, sizeof mask);
	for (size_t i = 0; i < len; i++)
		put_octet(((const unsigned char *)payload)[i] ^ mask[i % 4]);
}

/* A frame whose first octet is given, with the shortest length. */
static void put_frame(unsigned first, const void *payload, size_t len)
{
	put_octet(first);
	if (len < 126) {
		put_octet(0x80 | (unsigned)len);
	} else if (len < 65536) {
		put_octet(0x80 | 126);
		put_octet((unsigned)len >> 8);
		put_octet(len & 0xff);
	} else {
		put_octet(0x80 | 127);
		for (int shift = 56; shift >= 0; shift -= 8)
			put_octet((unsigned)((uint64_t)len >> shift) & 0xff);
	}
	put_masked(payload, len);
}

static void put_text(unsigned first, const char *payload)
{
	put_frame(first, payload, strlen(payload));
}

/* Feeds the wire in pieces, each an exact copy, so that a sanitizer sees what is read beside it. */
static void run_ours(size_t piece, struct log *log)
{
	struct websocket websocket = {0};
	struct websocket_found found;

	*log = (struct log){0};
	for (size_t at = 0; at < wire.len; at += piece) {
		size_t len = wire.len - at < piece ? wire.len - at : piece, used = 0;
		char *bytes = malloc(len);
		if (bytes == NULL)
			abort();
		memcpy(bytes, wire.bytes + at, len);
		do {
			used += websocket_input(&websocket, MESSAGE_MAX, bytes + used, len - used,
			                        &found);
			if (found.kind == WEBSOCKET_TEXT)
				note_payload(log, "text", found.payload.at, found.payload.len);
			else if (found.kind == WEBSOCKET_PING)
				note_payload(log, "ping", found.payload.at, found.payload.len);
			else if (found.kind == WEBSOCKET_PONG)
				note_payload(log, "pong", found.payload.at, found.payload.len);
			else if (found.kind == WEBSOCKET_FAILED)
				note(log, "failed(%u) ", found.code);
			else if (found.kind == WEBSOCKET_CLOSE) {
				note(log, "code(%u) ", found.code);
				note_payload(log, "close", found.payload.at, found.payload.len);
			}
		} while (found.kind != WEBSOCKET_MORE);
		if (used != len)
			note(log, "left(%zu) ", len - used);
		free(bytes);
	}
	if (!websocket_is_idle(&websocket))
		note(log, "incomplete ");
	websocket_deinit(&websocket);
}

/* Whether two logs tell the same: wslay gives no code of a failure until it has sent it, and does not tell of what is incomplete. */
static bool is_same(const char *ours, const char *theirs)
{
	const char *failed = strstr(ours, "failed(");
	const char *other = strstr(theirs, "failed");
	size_t len = failed != NULL ? (size_t)(failed - ours) : strlen(ours);
	size_t other_len = other != NULL ? (size_t)(other - theirs) : strlen(theirs);
	static const char incomplete[] = "incomplete ";

	if (failed == NULL && len >= sizeof incomplete - 1 &&
	    strcmp(ours + len - (sizeof incomplete - 1), incomplete) == 0)
		len -= sizeof incomplete - 1;
	return (failed == NULL) == (other == NULL) && len == other_len &&
	       memcmp(ours, theirs, len) == 0;
}

enum { AGREE, DIFFER }; /* with wslay; where it does not, the case says why */

static void expect(const char *name, const char *want, int agreement)
{
	static const size_t pieces[] = {1, 2, 3, 7, WIRE_MAX};
	struct log log;
	bool is_right = true;

	for (size_t i = 0; i < sizeof pieces / sizeof pieces[0] && is_right; i++) {
		run_ours(pieces[i], &log);
		is_right = strcmp(log.text, want) == 0;
	}
	cases++;
	if (!ok(is_right, "%s", name))
		printf("# got \"%s\"\n# want \"%s\"\n", log.text, want);
	if (agreement == AGREE && peer_reads(&wire, &log) && !is_same(want, log.text))
		ok(false, "%s: wslay says \"%s\", not \"%s\"", name, log.text, want);
	wire.len = 0;
}

static void expect_payload(const char *name, const char *what, const void *payload, size_t len)
{
	struct log log = {0};

	note_payload(&log, what, payload, len);
	expect(name, log.text, AGREE);
}

static void lengths(void)
{
	static const size_t sizes[] = {0,     1,     2,     3,     4,     5,     7,     8,
	                               9,     15,    16,    17,    63,    124,   125,   126,
	                               127,   128,   129,   255,   256,   257,   511,   512,
	                               513,   1000,  4095,  4096,  4097,  16383, 16384, 32767,
	                               32768, 65534, 65535, 65536, 65537, 69999, 70000};
	static char payload[MESSAGE_MAX + 1];
	char name[80];

	for (size_t i = 0; i < sizeof payload; i++)
		payload[i] = (char)('a' + i % 26);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		put_frame(0x81, payload, sizes[i]);
		snprintf(name, sizeof name, "a text of %zu octets", sizes[i]);
		expect_payload(name, "text", payload, sizes[i]);
	}
	for (size_t len = 0; len <= 125; len += 25) {
		put_frame(0x89, payload, len);
		snprintf(name, sizeof name, "a ping of %zu octets", len);
		expect_payload(name, "ping", payload, len);
		put_frame(0x8a, payload, len);
		snprintf(name, sizeof name, "a pong of %zu octets", len);
		expect_payload(name, "pong", payload, len);
	}
	put_frame(0x81, payload, MESSAGE_MAX + 1);
	expect("a text above the bound", "failed(1009) ", AGREE);
	put_frame(0x01, payload, MESSAGE_MAX);
	put_frame(0x80, payload, 1);
	expect("a text above the bound by its last fragment", "failed(1009) ", AGREE);
	put_frame(0x01, payload, 40000);
	put_frame(0x00, payload, 30001);
	expect("a text above the bound by one in the middle", "failed(1009) ", AGREE);
	for (int i = 0; i < 700; i++)
		put_frame(i == 0 ? 0x01 : i == 699 ? 0x80 : 0x00, payload + i * 100 % 26, 100);
	struct log log;
	run_ours(WIRE_MAX, &log);
	expect("700 fragments", log.text, AGREE);
}

/* A length is written in the shortest form, section 5.2. */
static void long_lengths(void)
{
	char name[80];

	for (unsigned len = 0; len <= 125; len += 5) {
		put_octet(0x81), put_octet(0xfe), put_octet(0), put_octet(len);
		put_masked("", 0);
		snprintf(name, sizeof name, "a length of %u in 16 bits", len);
		expect(name, "failed(1002) ", AGREE);
	}
	static const uint64_t lens[] = {0, 125, 126, 65535, UINT64_C(1) << 63, UINT64_MAX};
	for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
		put_octet(0x81), put_octet(0xff);
		for (int shift = 56; shift >= 0; shift -= 8)
			put_octet((unsigned)(lens[i] >> shift) & 0xff);
		put_masked("", 0);
		snprintf(name, sizeof name, "a length of %#llx in 64 bits",
		         (unsigned long long)lens[i]);
		expect(name, "failed(1002) ", AGREE);
	}
	put_octet(0x81), put_octet(0xff);
	put("\x7f\xff\xff\xff\xff\xff\xff\xff", 8);
	put_masked("", 0);
	/* wslay waits for the first octet of the payload. */
	expect("the greatest length there is", "failed(1009) ", DIFFER);
}

/* Sections 5.2, 5.4 and 5.5: first octets. */
static void first_octets(void)
{
	char name[80];

	for (unsigned first = 0; first < 256; first++) {
		unsigned opcode = first & 0x0f, reserved = first & 0x70;
		bool is_last = (first & 0x80) != 0;
		const char *want = "failed(1002) ";
		put_frame(first, "", 0);
		if (reserved == 0 && opcode == 1)
			want = is_last ? "text(0): " : "incomplete ";
		else if (reserved == 0 && opcode == 2)
			want = "failed(1003) ";
		else if (reserved == 0 && is_last && opcode == 8)
			want = "code(1005) close(0): ";
		else if (reserved == 0 && is_last && opcode == 9)
			want = "ping(0): ";
		else if (reserved == 0 && is_last && opcode == 10)
			want = "pong(0): ";
		snprintf(name, sizeof name, "first octet %02x", first);
		/* wslay takes binary messages; whether to is an application's own. */
		expect(name, want, opcode == 2 && reserved == 0 ? DIFFER : AGREE);
	}
	static const unsigned firsts[] = {0x81, 0x01, 0x82, 0x88, 0x89, 0x8a};
	for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++) {
		put_octet(firsts[i]), put_octet(0x02), put("hi", 2);
		snprintf(name, sizeof name, "first octet %02x without a mask", firsts[i]);
		expect(name, "failed(1002) ", AGREE);
	}
	for (unsigned opcode = 8; opcode <= 10; opcode++) {
		put_octet(0x80 | opcode), put_octet(0xfe), put_octet(0), put_octet(126);
		snprintf(name, sizeof name, "control frame %u of 126 octets", opcode);
		expect(name, "failed(1002) ", AGREE);
	}
}

static void fragments(void)
{
	put_text(0x01, "Hel"), put_text(0x80, "lo");
	expect("RFC 6455 section 5.7: a text in two fragments", "text(5):Hello ", AGREE);
	put_text(0x01, "a"), put_text(0x00, "b"), put_text(0x00, ""), put_text(0x80, "c");
	expect("four fragments, one empty", "text(3):abc ", AGREE);
	put_text(0x01, ""), put_text(0x00, ""), put_text(0x80, "");
	expect("three that are all empty", "text(0): ", AGREE);
	put_text(0x01, "abc"), put_text(0x80, "");
	expect("an empty last one", "text(3):abc ", AGREE);
	put_text(0x01, ""), put_text(0x80, "abc");
	expect("an empty first one", "text(3):abc ", AGREE);
	put_text(0x01, "a"), put_text(0x89, "p"), put_text(0x8a, "q"), put_text(0x80, "b");
	expect("ping and pong between fragments", "ping(1):p pong(1):q text(2):ab ", AGREE);
	put_text(0x01, "a"), put_frame(0x88, "\x03\xe8", 2), put_text(0x80, "b");
	expect("a Close between fragments ends it", "code(1000) close(0): ", AGREE);
	put_text(0x80, "x");
	expect("a last fragment of nothing", "failed(1002) ", AGREE);
	put_text(0x00, "x"), put_text(0x80, "x");
	expect("a fragment of nothing", "failed(1002) ", AGREE);
	put_text(0x81, "whole"), put_text(0x80, "x");
	expect("a fragment behind a whole message", "text(5):whole failed(1002) ", AGREE);
	put_text(0x01, "a"), put_text(0x81, "b");
	expect("a message within a message", "failed(1002) ", AGREE);
	put_text(0x01, "a"), put_text(0x01, "b");
	expect("another beginning within a message", "failed(1002) ", AGREE);
	put_text(0x01, "a"), put_text(0x82, "b");
	expect("a binary one within a message", "failed(1002) ", AGREE);
	put_text(0x01, "a"), put_text(0x09, "b");
	expect("a fragmented ping", "failed(1002) ", AGREE);
	put_text(0x81, "one"), put_text(0x81, "two"), put_text(0x89, ""), put_text(0x81, "three");
	expect("messages behind each other", "text(3):one text(3):two ping(0): text(5):three ",
	       AGREE);
	put_text(0x81, "one"), put_octet(0x81);
	expect("a message and one octet", "text(3):one incomplete ", AGREE);
	put_text(0x81, "cut"), wire.len--;
	expect("a message without its last octet", "incomplete ", AGREE);
}

/* RFC 3629, from the tests that others have made of it. */
static void characters(void)
{
	static const struct {
		const char *bytes, *name;
		bool is_good;
	} rows[] = {
		{"\x00", "U+0000", true},
		{"\x7f", "U+007F", true},
		{"\xc2\x80", "U+0080", true},
		{"\xdf\xbf", "U+07FF", true},
		{"\xe0\xa0\x80", "U+0800", true},
		{"\xed\x9f\xbf", "U+D7FF", true},
		{"\xee\x80\x80", "U+E000", true},
		{"\xef\xbf\xbd", "U+FFFD", true},
		{"\xef\xbf\xbf", "U+FFFF", true},
		{"\xf0\x90\x80\x80", "U+10000", true},
		{"\xf4\x8f\xbf\xbf", "U+10FFFF", true},
		{"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5", "a Greek word", true},
		{"\x80", "a continuation alone", false},
		{"\xbf", "the last continuation alone", false},
		{"\xc0\x80", "an overlong zero", false},
		{"\xc1\xbf", "an overlong U+007F", false},
		{"\xe0\x80\x80", "an overlong zero of three", false},
		{"\xe0\x9f\xbf", "an overlong U+07FF", false},
		{"\xf0\x80\x80\x80", "an overlong zero of four", false},
		{"\xf0\x8f\xbf\xbf", "an overlong U+FFFF", false},
		{"\xed\xa0\x80", "U+D800", false},
		{"\xed\xaf\xbf", "U+DBFF", false},
		{"\xed\xb0\x80", "U+DC00", false},
		{"\xed\xbf\xbf", "U+DFFF", false},
		{"\xf4\x90\x80\x80", "U+110000", false},
		{"\xf5\x80\x80\x80", "a lead of F5", false},
		{"\xf8\x88\x80\x80\x80", "five octets", false},
		{"\xfc\x84\x80\x80\x80\x80", "six octets", false},
		{"\xfe", "FE", false},
		{"\xff", "FF", false},
		{"\xc2", "one of two octets", false},
		{"\xe1\x80", "two of three", false},
		{"\xf1\x80\x80", "three of four", false},
		{"\xc2 ", "a space within", false},
		{"\xe1\x80 ", "a space at the end", false},
		{"\xc3\xc3\xa4", "a lead behind a lead", false},
		{"abcdefgh\xff", "FF behind eight of ASCII", false},
		{"abcdefg\xc3\xa4xyz", "across eight octets", true},
	};
	char name[120];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *bytes = rows[i].bytes;
		size_t len = i == 0 ? 1 : strlen(bytes);
		struct log log = {0};
		if (rows[i].is_good)
			note_payload(&log, "text", bytes, len);
		else
			note(&log, "failed(1007) ");
		put_frame(0x81, bytes, len);
		snprintf(name, sizeof name, "UTF-8: %s", rows[i].name);
		expect(name, log.text, AGREE);
		put_frame(0x01, bytes, len / 2);
		put_frame(0x80, bytes + len / 2, len - len / 2);
		snprintf(name, sizeof name, "UTF-8 in fragments: %s", rows[i].name);
		expect(name, log.text, AGREE);
	}
	put_text(0x01, "\xff");
	put_octet(0x80);
	expect("what is no UTF-8 is refused before its message ends", "failed(1007) ", AGREE);
}

/* Section 7.4. */
static void closes(void)
{
	static const struct {
		unsigned low, high;
		bool is_good;
	} codes[] = {
		{0, 0, false},       {1, 1, false},         {999, 999, false},
		{1000, 1003, true},  {1004, 1006, false},   {1007, 1011, true},
		{1012, 1014, true},  {1015, 1015, false},   {1016, 1016, false},
		{1100, 1100, false}, {1999, 2000, false},   {2999, 2999, false},
		{3000, 3000, true},  {3999, 4000, true},    {4999, 4999, true},
		{5000, 5000, false}, {65535, 65535, false},
	};
	char name[80], want[80];

	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		for (unsigned code = codes[i].low; code <= codes[i].high; code++) {
			put_frame(0x88,
			          &(unsigned char[]){(unsigned char)(code >> 8),
			                             (unsigned char)code}[0],
			          2);
			snprintf(name, sizeof name, "a Close with %u", code);
			snprintf(want, sizeof want,
			         codes[i].is_good ? "code(%u) close(0): " : "failed(1002) ", code);
			/* 1012 to 1014 were given out after wslay was written; it knows of 1004 and 1015 what RFC 6455 says. */
			expect(name, want, code >= 1012 && code <= 1016 ? DIFFER : AGREE);
		}
	put_frame(0x88,
	          "\x03\xe8"
	          "bye",
	          5);
	expect("a Close with a reason", "code(1000) close(3):bye ", AGREE);
	put_frame(0x88, "\x03", 1);
	/* Section 5.5.1: the body, if there is one, begins with two octets; wslay takes one for none. */
	expect("a Close of one octet", "failed(1002) ", DIFFER);
	put_frame(0x88, "\x03\xe8\xff", 3);
	expect("a reason that is no UTF-8", "failed(1007) ", AGREE);
	put_frame(0x88, "\x03\xe8\xc3", 3);
	expect("a reason that is cut", "failed(1007) ", AGREE);
	put_frame(0x88, "\x03\xe8", 2), put_text(0x81, "after"), put_octet(0xff);
	expect("whatever comes behind a Close", "code(1000) close(0): ", AGREE);
	put_text(0x83, ""), put_text(0x81, "after");
	expect("whatever comes behind a failure", "failed(1002) ", AGREE);
	put_text(0x81, "before"), put_text(0x83, "");
	expect("what comes before a failure", "text(6):before failed(1002) ", AGREE);
}

static void writing(void)
{
	uint8_t header[WEBSOCKET_HEADER_MAX];
	char payload[WEBSOCKET_CONTROL_MAX], reason[200];

	is_int(websocket_put_header(header, WEBSOCKET_OPCODE_TEXT, 125), 2, "a short header");
	is_bytes(header, "\x81\x7d", 2, "its octets");
	is_int(websocket_put_header(header, WEBSOCKET_OPCODE_TEXT, 126), 4, "a header of 16 bits");
	is_bytes(header, "\x81\x7e\x00\x7e", 4, "its octets");
	is_int(websocket_put_header(header, WEBSOCKET_OPCODE_PONG, 65535), 4,
	       "the longest of those");
	is_bytes(header, "\x8a\x7e\xff\xff", 4, "its octets");
	is_int(websocket_put_header(header, WEBSOCKET_OPCODE_TEXT, 65536), 10, "one of 64 bits");
	is_bytes(header, "\x81\x7f\0\0\0\0\0\1\0\0", 10, "its octets");
	is_int(websocket_put_close(payload, 4001, "why"), 5, "a Close");
	is_bytes(payload, "\x0f\xa1why", 5, "its octets");
	is_int(websocket_put_close(payload, WEBSOCKET_NO_STATUS, "why"), 0, "1005 is not sent");
	memset(reason, 'r', 122);
	memcpy(reason + 122, "\xc3\xa4", 3);
	is_int(websocket_put_close(payload, 1000, reason), 124,
	       "a long reason is cut between characters");
}

static void memory(void)
{
	struct websocket websocket = {0};
	struct websocket_found found;
	char half[4];

	put_text(0x81, "hello");
	size_t used =
		websocket_input(&websocket, MESSAGE_MAX, (char *)wire.bytes, wire.len, &found);
	is_int(used, wire.len, "a message is taken whole");
	ok(found.payload.at == (char *)wire.bytes + 6, "and given from where it lies");
	websocket_input(&websocket, MESSAGE_MAX, half, 0, &found);
	ok(websocket_is_idle(&websocket), "nothing is kept behind it");
	memcpy(half, "\x81\x85\0\0", 4);
	websocket_input(&websocket, MESSAGE_MAX, half, 4, &found);
	ok(!websocket_is_idle(&websocket), "half a header is kept");
	websocket_deinit(&websocket);
	wire.len = 0;
}

int main(void)
{
	lengths();
	long_lengths();
	first_octets();
	fragments();
	characters();
	closes();
	ok(cases >= 300, "%u cases", cases);
	writing();
	memory();
	return tap_end();
}
