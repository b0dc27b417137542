/* Relaying enforced: whatever an SDP or a message around it is, no address of its candidates that are not relayed is in what
 * passes, no other line names one, and what passes of JSON is JSON. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/json_text.h"
#include "signaling/relay_only.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { ADDRESS_SIZE = 64, WORDS = 8 };

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* Cuts the next line, or the next word of one, off. */
static bool take(struct slice *text, char separator, struct slice *part)
{
	const char *end;

	if (text->len == 0)
		return false;
	end = memchr(text->at, separator, text->len);
	part->at = text->at;
	part->len = end == NULL ? text->len : (size_t)(end - text->at);
	text->at += part->len + (end != NULL);
	text->len -= part->len + (end != NULL);
	return true;
}

static bool is_candidate(struct slice line, struct slice words[WORDS])
{
	static const char name[] = "a=candidate:";
	size_t count = 0;

	if (line.len < sizeof name - 1 || memcmp(line.at, name, sizeof name - 1) != 0)
		return false;
	while (count < WORDS && take(&line, ' ', &words[count]))
		if (words[count].len > 0)
			count++;
	return count == WORDS && slice_is(words[6], "typ");
}

static bool is_relayed(struct slice type)
{
	return type.len >= 5 && memcmp(type.at, "relay", 5) == 0 &&
	       (type.len == 5 || type.at[5] == '\r');
}

/* An address in digits that is somebody's. */
static bool is_address(struct slice word)
{
	char text[ADDRESS_SIZE];
	uint8_t ip[16] = {0};
	static const uint8_t none[16];

	if (word.len >= sizeof text)
		return false;
	memcpy(text, word.at, word.len);
	text[word.len] = '\0';
	return (inet_pton(AF_INET, text, ip) == 1 || inet_pton(AF_INET6, text, ip) == 1) &&
	       memcmp(ip, none, sizeof ip) != 0;
}

static bool is_relayed_too(struct slice sdp, struct slice address)
{
	struct slice line, words[WORDS];

	while (take(&sdp, '\n', &line))
		if (is_candidate(line, words) && is_relayed(words[7]) &&
		    slice_equal(words[4], address))
			return true;
	return false;
}

static bool has_word(struct slice text, struct slice wanted)
{
	struct slice line, word;

	while (take(&text, '\n', &line))
		while (take(&line, ' ', &word))
			if (slice_equal(word, wanted))
				return true;
	return false;
}

static void check_candidates(struct slice in, struct slice out)
{
	struct slice rest = in, line, words[WORDS];

	while (take(&rest, '\n', &line))
		if (is_candidate(line, words) && !is_relayed(words[7]) && is_address(words[4]) &&
		    !is_relayed_too(in, words[4]))
			require(!has_word(out, words[4]));
}

static void check_lines(struct slice out)
{
	struct slice line, words[WORDS];

	while (take(&out, '\n', &line)) {
		bool is_one = is_candidate(line, words);
		require(is_one ? is_relayed(words[7]) : !relay_only_names_address(line));
	}
}

static void check_sdp(struct slice in)
{
	struct text out, again;

	text_init(&out, 0);
	text_init(&again, 0);
	if (relay_only_sdp(in, &out)) {
		check_candidates(in, text_slice(&out));
		check_lines(text_slice(&out));
		/* What passed passes as it is. */
		require(relay_only_sdp(text_slice(&out), &again));
		require(slice_equal(text_slice(&out), text_slice(&again)));
	}
	text_deinit(&out);
	text_deinit(&again);
}

static void check_decoded(struct slice sdp)
{
	struct text text;

	text_init(&text, 0);
	require(json_decode(sdp, &text) == OK);
	check_lines(text_slice(&text));
	text_deinit(&text);
}

static void check_filtered(const struct message *filtered)
{
	require(json_check(filtered->payload) == OK);
	if (filtered->kind == MESSAGE_OFFER) {
		require(json_kind(filtered->sdp) == JSON_KIND_STRING);
		require(filtered->sdp.at >= filtered->payload.at &&
		        filtered->sdp.at + filtered->sdp.len <=
		                filtered->payload.at + filtered->payload.len);
		check_decoded(filtered->sdp);
	}
}

static void check_message(enum message_kind kind, struct slice payload)
{
	struct slice inner = json_member(payload, "inner");
	struct message message = {.kind = kind, .payload = payload}, filtered;
	struct text out;

	if (json_kind(inner) != JSON_KIND_OBJECT)
		inner = payload;
	message.sdp_type = json_member(inner, "type");
	message.sdp = json_member(inner, "sdp");
	message.candidate = json_member(inner, "candidate");
	message.sdp_mid = json_member(inner, "sdpMid");
	text_init(&out, 0);
	if (relay_only_filter(&message, &out, &filtered))
		check_filtered(&filtered);
	text_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const enum message_kind kinds[] = {MESSAGE_OFFER, MESSAGE_CANDIDATE, MESSAGE_CHAT};
	struct slice text = {(const char *)bytes, len};

	check_sdp(text);
	if (json_check(text) != OK)
		return 0;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		check_message(kinds[i], text);
	return 0;
}
