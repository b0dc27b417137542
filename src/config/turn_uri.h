/* What turn-uri says: where clients reach a TURN server, and in which zone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum {
	TURN_URI_ZONE_MAX = 64,
	TURN_URI_LABEL_MAX = 64,
	TURN_URI_MAX = 255,
	TURN_URI_PRIORITY_MAX = 1000000
};

struct turn_uri {
	char zone[TURN_URI_ZONE_MAX + 1];   /* "": none */
	char label[TURN_URI_LABEL_MAX + 1]; /* "": none */
	int priority;
	bool has_priority;
	char uri[TURN_URI_MAX + 1];
};

/* Reads "[zone=ID ][prio=NUMBER ][label=TEXT ]turn:HOST[:PORT][?transport=NAME]" (RFC 7065). ERR_INVALID. */
MUST_CHECK enum err turn_uri_parse(const char *text, struct turn_uri *uri);
/* Whether text is a URI of one of the two schemes: "turn" and "turns" (RFC 7065), or "stun" and "stuns" (RFC 7064), without "?". */
bool turn_uri_is_valid(const char *text);
bool stun_uri_is_valid(const char *text);
