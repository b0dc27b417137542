/* What may pass of an SDP (RFC 8866) and of a candidate (RFC 8839 section 5.1) where relayed candidates alone are wanted. */
#include "signaling/relay_only.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

enum { WORDS_MAX = 64, FOUNDATION_MAX = 32, EXTENSION_MAX = 256 };

struct words {
	struct slice word[WORDS_MAX];
	size_t count;
};

static bool put_line(struct slice line, struct text *out);
static bool put_origin(struct slice value, struct text *out);
static bool put_session_name(struct slice value, struct text *out);
static bool put_connection(struct slice value, struct text *out);
static bool put_media(struct slice value, struct text *out);
static bool put_attribute(struct slice value, struct text *out);
static bool put_nameless(struct slice value, struct text *out);
static bool put_plain(struct slice value, struct text *out);
static bool put_candidate(const struct words *words, struct text *out);
static bool words_split(struct slice text, struct words *words);

/* Rows by the letter that a line begins with. What a row writes is the value; nothing: the line goes. False: the SDP does not
 * pass. */
static const struct line_kind {
	char letter;
	bool (*put)(struct slice value, struct text *out);
} line_kinds[] = {
	{'v', put_plain},        /* version */
	{'o', put_origin},       /* user, session, version, and where it was made */
	{'s', put_session_name}, /* a title */
	{'i', put_nameless},     /* words for a person */
	{'u', put_nameless},     /* URI */
	{'e', put_nameless},     /* e-mail */
	{'p', put_nameless},     /* telephone */
	{'c', put_connection},   /* default destination: address */
	{'b', put_plain},        /* bandwidth */
	{'t', put_plain},        /* time */
	{'r', put_plain},        {'z', put_plain}, {'k', put_nameless}, /* key */
	{'a', put_attribute},    {'m', put_media}, /* kind, port of the default destination, protocol, formats */
};

static bool starts_with(struct slice text, const char *prefix)
{
	size_t len = strlen(prefix);

	return text.len >= len && memcmp(text.at, prefix, len) == 0;
}

static struct slice slice_from(struct slice text, size_t first)
{
	return (struct slice){text.at + first, text.len - first};
}

/* Lines end in CRLF, or, as parsers take it, in LF. Any other control character would end a line for one parser and not for
 * the next. */
static bool take_line(struct slice *text, struct slice *line)
{
	const char *end = memchr(text->at, '\n', text->len);
	size_t len = end == NULL ? text->len : (size_t)(end - text->at);

	*line = (struct slice){text->at, len};
	*text = slice_from(*text, end == NULL ? len : len + 1);
	if (line->len > 0 && line->at[line->len - 1] == '\r')
		line->len--;
	for (size_t i = 0; i < line->len; i++)
		if ((unsigned char)line->at[i] < ' ' || line->at[i] == 0x7F)
			return false;
	return true;
}

bool relay_only_sdp(struct slice sdp, struct text *out)
{
	struct slice line;

	if (!starts_with(sdp, "v="))
		return false;
	while (sdp.len > 0)
		if (!take_line(&sdp, &line) || !put_line(line, out))
			return false;
	return !out->has_failed;
}

static bool put_line(struct slice line, struct text *out)
{
	size_t start = out->len;

	if (line.len == 0)
		return true;
	if (line.len < 2 || line.at[1] != '=')
		return false;
	for (size_t i = 0; i < sizeof line_kinds / sizeof line_kinds[0]; i++) {
		if (line_kinds[i].letter != line.at[0])
			continue;
		text_put(out, (struct slice){line.at, 2});
		size_t before = out->len;
		if (!line_kinds[i].put(slice_from(line, 2), out))
			return false;
		if (out->len == before)
			out->len = start;
		else
			text_put(out, SLICE("\r\n"));
		return true;
	}
	return false;
}

static bool put_plain(struct slice value, struct text *out)
{
	if (value.len == 0 || relay_only_names_address(value))
		return false;
	text_put(out, value);
	return true;
}

static bool put_nameless(struct slice value, struct text *out)
{
	if (!relay_only_names_address(value))
		text_put(out, value);
	return true;
}

static bool put_session_name(struct slice value, struct text *out)
{
	text_put(out, value.len == 0 || relay_only_names_address(value) ? SLICE("-") : value);
	return true;
}

static bool is_number(struct slice word)
{
	for (size_t i = 0; i < word.len; i++)
		if (word.at[i] < '0' || word.at[i] > '9')
			return false;
	return word.len > 0 && word.len <= 20;
}

/* RFC 8866 section 5.2: user, session id, version, nettype, addrtype, address. The same user, id and version from the same client
 * stay the same session. */
static bool put_origin(struct slice value, struct text *out)
{
	struct words words;

	if (!words_split(value, &words) || words.count != 6 || !is_number(words.word[1]) ||
	    !is_number(words.word[2]))
		return false;
	text_put(out, relay_only_names_address(words.word[0]) ? SLICE("-") : words.word[0]);
	text_put_char(out, ' ');
	text_put(out, words.word[1]);
	text_put_char(out, ' ');
	text_put(out, words.word[2]);
	text_put(out, SLICE(" IN IP4 0.0.0.0"));
	return true;
}

/* RFC 8840 section 4.1.1: 0.0.0.0 with port 9 is no default destination yet, and so none that misses among the candidates. */
static bool put_connection(struct slice value, struct text *out)
{
	(void)value;
	text_put(out, SLICE("IN IP4 0.0.0.0"));
	return true;
}

/* Port 0 stays: it says that there is no such stream (RFC 9429), or that it is bundled. */
static bool put_media(struct slice value, struct text *out)
{
	struct words words;

	if (!words_split(value, &words) || words.count < 4 || relay_only_names_address(value))
		return false;
	for (size_t i = 0; i < words.count; i++) {
		if (i > 0)
			text_put_char(out, ' ');
		if (i == 1)
			text_put(out, slice_is(words.word[1], "0") ? SLICE("0") : SLICE("9"));
		else
			text_put(out, words.word[i]);
	}
	return true;
}

/* Whether an attribute is of this name in any case: there are parsers that take it in any. */
static bool is_named(struct slice value, const char *name)
{
	size_t len = strlen(name);

	while (value.len > 0 && value.at[0] == ' ')
		value = slice_from(value, 1);
	return value.len >= len && strncasecmp(value.at, name, len) == 0 &&
	       (value.len == len || value.at[len] == ':' || value.at[len] == ' ');
}

/* What has a candidate's name, or one like it, is one that may pass, or goes: it may have a host's name instead of an address.
 * Attributes that no address can be in are not known beforehand; those that name one go. */
static bool put_attribute(struct slice value, struct text *out)
{
	if (is_named(value, "candidate")) {
		size_t before = out->len;
		if (!relay_only_candidate(value, out))
			out->len = before;
		return true;
	}
	if (is_named(value, "remote-candidates")) /* the other's, as this client sees them */
		return true;
	if (is_named(value, "rtcp")) /* RFC 3605: port, and perhaps an address */
		text_put(out, SLICE("rtcp:9 IN IP4 0.0.0.0"));
	else if (!relay_only_names_address(value))
		text_put(out, value);
	return true;
}

/* Words between single or several spaces. */
static bool words_split(struct slice text, struct words *words)
{
	words->count = 0;
	for (size_t at = 0; at < text.len;) {
		size_t first = at;
		while (at < text.len && text.at[at] != ' ')
			at++;
		if (at > first) {
			if (words->count == WORDS_MAX)
				return false;
			words->word[words->count++] = (struct slice){text.at + first, at - first};
		}
		at += at < text.len;
	}
	return true;
}

/* candidate:<foundation> <component> <transport> <priority> <address> <port> typ <type> ...
 *           0            1           2           3          4         5      6   7          */
bool relay_only_candidate(struct slice candidate, struct text *out)
{
	struct words words;
	struct slice line;

	if (starts_with(candidate, "a="))
		candidate = slice_from(candidate, 2);
	if (!starts_with(candidate, "candidate:"))
		return false;
	candidate = slice_from(candidate, sizeof "candidate:" - 1);
	if (!take_line(&candidate, &line) || candidate.len > 0 || !words_split(line, &words))
		return false;
	return put_candidate(&words, out) && !out->has_failed;
}

static bool is_made_of(struct slice word, const char *more, size_t len_max)
{
	for (size_t i = 0; i < word.len; i++) {
		char c = word.at[i];
		if ((c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') &&
		    (c == '\0' || strchr(more, c) == NULL))
			return false;
	}
	return word.len > 0 && word.len <= len_max;
}

static bool number_is_at_most(struct slice word, uint64_t max)
{
	uint64_t number = 0;

	if (!is_number(word) || word.len > 10)
		return false;
	for (size_t i = 0; i < word.len; i++)
		number = number * 10 + (uint64_t)(word.at[i] - '0');
	return number <= max;
}

/* The family of an address in digits; 0: it is a name, or nothing. */
static int family_of(struct slice word)
{
	char address[INET6_ADDRSTRLEN];
	uint8_t ip[16];

	if (word.len >= sizeof address)
		return 0;
	memcpy(address, word.at, word.len);
	address[word.len] = '\0';
	if (inet_pton(AF_INET, address, ip) == 1)
		return AF_INET;
	return inet_pton(AF_INET6, address, ip) == 1 ? AF_INET6 : 0;
}

static bool is_relayed(const struct words *words)
{
	const struct slice *word = words->word;

	return words->count >= 8 && words->count % 2 == 0 &&
	       is_made_of(word[0], "+/-_", FOUNDATION_MAX) && number_is_at_most(word[1], 256) &&
	       is_made_of(word[2], "-", 16) && number_is_at_most(word[3], UINT32_MAX) &&
	       family_of(word[4]) != 0 && number_is_at_most(word[5], UINT16_MAX) &&
	       slice_is(word[6], "typ") && slice_is(word[7], "relay");
}

/* Name and value of an extension. RFC 8839 section 5.1: who does not know one ignores it; nobody misses one that goes. */
static bool is_harmless(struct slice name, struct slice value)
{
	static const char *const known[] = {"ufrag", "generation", "network-id", "network-cost",
	                                    "tcptype"};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (slice_is(name, known[i]))
			return is_made_of(value, "+/-_=", EXTENSION_MAX);
	return false;
}

/* RFC 8839 section 5.1: where the related address is to stay private it is 0.0.0.0 or ::, and its port zero. */
static bool put_candidate(const struct words *words, struct text *out)
{
	const struct slice *word = words->word;

	if (!is_relayed(words))
		return false;
	text_put(out, SLICE("candidate:"));
	for (size_t i = 0; i < 8; i++) {
		if (i > 0)
			text_put_char(out, ' ');
		text_put(out, word[i]);
	}
	text_put(out, family_of(word[4]) == AF_INET6 ? SLICE(" raddr :: rport 0")
	                                             : SLICE(" raddr 0.0.0.0 rport 0"));
	for (size_t i = 8; i + 1 < words->count; i += 2)
		if (is_harmless(word[i], word[i + 1])) {
			text_put_char(out, ' ');
			text_put(out, word[i]);
			text_put_char(out, ' ');
			text_put(out, word[i + 1]);
		}
	return true;
}
