/* What test_websocket and the implementation that it is compared with share: octets of a client, and a log of what came out. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum { MESSAGE_MAX = 70000, WIRE_MAX = 400000, LOG_MAX = 4096 };

/* What a client sends. */
struct wire {
	unsigned char bytes[WIRE_MAX];
	size_t len;
};

/* What came out: "text(5):hello ping(0): failed(1002) ". Long payloads are written as their length and a sum. */
struct log {
	char text[LOG_MAX];
	size_t len;
};

/* Reads the wire as another implementation does. False: there is none. websocket_wslay.c, websocket_alone.c */
bool peer_reads(const struct wire *wire, struct log *log);

__attribute__((format(printf, 2, 3), unused)) static void note(struct log *log, const char *format,
                                                               ...)
{
	va_list arguments;

	va_start(arguments, format);
	int len = vsnprintf(log->text + log->len, sizeof log->text - log->len, format, arguments);
	va_end(arguments);
	log->len += (size_t)len;
	if (log->len >= sizeof log->text)
		abort();
}

__attribute__((unused)) static void note_payload(struct log *log, const char *what,
                                                 const void *bytes, size_t len)
{
	const unsigned char *octets = bytes;
	unsigned sum = 0;

	if (len <= 24) {
		note(log, "%s(%zu):", what, len);
		for (size_t i = 0; i < len; i++)
			note(log, octets[i] >= ' ' && octets[i] < 0x7f ? "%c" : "\\%02x",
			     octets[i]);
		note(log, " ");
		return;
	}
	for (size_t i = 0; i < len; i++)
		sum = sum * 31 + octets[i];
	note(log, "%s(%zu)#%08x ", what, len, sum);
}
