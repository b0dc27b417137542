/* Relaying enforced, on messages: the JSON around an SDP or a candidate. What those are is relay_only_sdp.c's. */
#include "signaling/relay_only.h"

#include <string.h>

#include "signaling/json_text.h"

enum part { PART_SDP_TYPE, PART_SDP, PART_CANDIDATE, PART_MID, PART_LINE, PART_FRAGMENT, PARTS };

struct filter {
	struct slice parts[PARTS]; /* where they are in the message */
	struct {
		size_t at, len;
	} moved[PARTS];    /* and in out; len 0: not there */
	struct slice core; /* the part that is written anew: SDP or candidate */
	struct text plain; /* of one string, decoded */
	struct text *out;
};

static bool filter_session_description(struct filter *filter, struct slice payload);
static bool filter_candidate(struct filter *filter, struct slice payload);
static bool put_value(struct filter *filter, struct slice value);
static bool put_object(struct filter *filter, struct slice object);
static bool put_core(struct filter *filter);
static void put_raw(struct filter *filter, struct slice raw);
static void parts_take(struct filter *filter, const struct message *message);
static void parts_give(const struct filter *filter, struct message *message);
static bool hides_candidates(struct filter *filter, struct slice value);
static bool names_address(struct filter *filter, struct slice value);

/* Members of offers, answers and candidates that the dialects have beside the SDP. Others do not pass, nor do these when they name
 * an address, or hide a candidate. */
static const char *const known_members[] = {
	/* of browsers */
	"type",
	"sdpMid",
	"sdpMLineIndex",
	"usernameFragment",
	/* of the channelling API */
	"To",
	"Type",
	"_conference",
	"_id",
	"_room",
	"_token",
	/* of the RPC API */
	"a",
	"to",
	"completed",
	/* of v1/webrtc */
	"roomId",
	/* of PeerJS */
	"browser",
	"connectionId",
	"dst",
	"label",
	"metadata",
	"originator",
	"reliable",
	"serialization",
};

bool relay_only_filter(const struct message *message, struct text *out, struct message *filtered)
{
	struct filter filter = {.out = out};
	bool passes;

	text_init(&filter.plain, 0);
	*filtered = *message;
	parts_take(&filter, message);
	switch (message->kind) {
	case MESSAGE_OFFER:
	case MESSAGE_ANSWER:
		passes = filter_session_description(&filter, message->payload);
		break;
	case MESSAGE_CANDIDATE:
	case MESSAGE_END_OF_CANDIDATES:
		passes = filter_candidate(&filter, message->payload);
		break;
	default:
		passes = !hides_candidates(&filter, message->payload);
		text_deinit(&filter.plain);
		return passes;
	}
	if (passes)
		parts_give(&filter, filtered);
	text_deinit(&filter.plain);
	return passes;
}

static bool filter_session_description(struct filter *filter, struct slice payload)
{
	filter->core = filter->parts[PART_SDP];
	return json_kind(filter->core) == JSON_KIND_STRING && put_value(filter, payload) &&
	       filter->moved[PART_SDP].len > 0;
}

/* No candidate, or an empty one, is the end of them (RFC 8838 section 13). */
static bool filter_candidate(struct filter *filter, struct slice payload)
{
	filter->core = filter->parts[PART_CANDIDATE];
	return put_value(filter, payload);
}

static bool is_within(struct slice part, struct slice whole)
{
	return part.len > 0 && whole.len > 0 && part.at >= whole.at &&
	       part.at + part.len <= whole.at + whole.len;
}

static bool put_value(struct filter *filter, struct slice value)
{
	if (slice_is_empty(value))
		return true;
	if (value.at == filter->core.at)
		return put_core(filter);
	if (json_kind(value) == JSON_KIND_OBJECT)
		return put_object(filter, value);
	return false;
}

static bool is_known(struct slice raw_name)
{
	for (size_t i = 0; i < sizeof known_members / sizeof known_members[0]; i++)
		if (raw_name.len == strlen(known_members[i]) + 2 &&
		    memcmp(raw_name.at + 1, known_members[i], raw_name.len - 2) == 0)
			return true;
	return false;
}

/* Copies an object but for the members that go; the space between those that stay, too. */
static bool put_object(struct filter *filter, struct slice object)
{
	struct slice name, value, before_first = {0}, before;
	size_t position = 0, end = 0, stay = 0, count = 0;

	while (json_next_member(object, &position, &name, &value)) {
		before = (struct slice){object.at + end, (size_t)(name.at - object.at) - end};
		if (count++ == 0)
			before_first = before;
		end = position;
		bool has_core = is_within(filter->core, value);
		if (!has_core && (!is_known(name) || names_address(filter, value) ||
		                  hides_candidates(filter, value)))
			continue;
		text_put(filter->out, stay++ == 0 ? before_first : before);
		text_put(filter->out, (struct slice){name.at, (size_t)(value.at - name.at)});
		if (!has_core)
			put_raw(filter, value);
		else if (!put_value(filter, value))
			return false;
	}
	if (stay == 0)
		text_put(filter->out, before_first);
	text_put(filter->out, (struct slice){object.at + end, object.len - end});
	return !filter->out->has_failed;
}

static void part_moved(struct filter *filter, enum part part, size_t at)
{
	filter->moved[part].at = at;
	filter->moved[part].len = filter->out->len - at;
}

/* Writes what passed as a string where the part was. */
static void put_part(struct filter *filter, enum part part, const struct text *passed)
{
	size_t at = filter->out->len;

	text_clear(&filter->plain);
	json_put_string(&filter->plain, text_slice(passed));
	filter->out->has_failed |= filter->plain.has_failed;
	text_put(filter->out, text_slice(&filter->plain));
	part_moved(filter, part, at);
}

static bool put_sdp(struct filter *filter, struct text *passed)
{
	if (!relay_only_sdp(text_slice(&filter->plain), passed))
		return false;
	put_part(filter, PART_SDP, passed);
	return true;
}

static bool put_candidate(struct filter *filter, struct text *passed)
{
	if (!relay_only_candidate(text_slice(&filter->plain), passed))
		return false;
	put_part(filter, PART_CANDIDATE, passed);
	return true;
}

/* The empty candidate, and null, end them and stay what they are. */
static bool is_end_of_candidates(const struct filter *filter)
{
	return filter->core.at == filter->parts[PART_CANDIDATE].at &&
	       (json_kind(filter->core) == JSON_KIND_NULL || slice_is(filter->core, "\"\""));
}

static bool put_core(struct filter *filter)
{
	struct text passed;
	bool passes;

	if (is_end_of_candidates(filter)) {
		put_raw(filter, filter->core);
		return true;
	}
	text_clear(&filter->plain);
	if (json_decode(filter->core, &filter->plain) != OK)
		return false;
	text_init(&passed, 0);
	passes = filter->core.at == filter->parts[PART_SDP].at ? put_sdp(filter, &passed)
	                                                       : put_candidate(filter, &passed);
	text_deinit(&passed);
	return passes;
}

static void put_raw(struct filter *filter, struct slice raw)
{
	for (enum part i = 0; i < PARTS; i++)
		if (is_within(filter->parts[i], raw)) {
			filter->moved[i].at =
				filter->out->len + (size_t)(filter->parts[i].at - raw.at);
			filter->moved[i].len = filter->parts[i].len;
		}
	text_put(filter->out, raw);
}

static void parts_take(struct filter *filter, const struct message *message)
{
	filter->parts[PART_SDP_TYPE] = message->sdp_type;
	filter->parts[PART_SDP] = message->sdp;
	filter->parts[PART_CANDIDATE] = message->candidate;
	filter->parts[PART_MID] = message->sdp_mid;
	filter->parts[PART_LINE] = message->sdp_mline_index;
	filter->parts[PART_FRAGMENT] = message->username_fragment;
}

static struct slice part_in(const struct filter *filter, enum part part)
{
	if (filter->moved[part].len == 0)
		return (struct slice){0};
	return (struct slice){filter->out->at + filter->moved[part].at, filter->moved[part].len};
}

static void parts_give(const struct filter *filter, struct message *message)
{
	message->payload = text_slice(filter->out);
	message->sdp_type = part_in(filter, PART_SDP_TYPE);
	message->sdp = part_in(filter, PART_SDP);
	message->candidate = part_in(filter, PART_CANDIDATE);
	message->sdp_mid = part_in(filter, PART_MID);
	message->sdp_mline_index = part_in(filter, PART_LINE);
	message->username_fragment = part_in(filter, PART_FRAGMENT);
	message->text = message->reason = (struct slice){0};
}

/* Whether a string anywhere in a value is what is looked for, or cannot be read. */
static bool any_string(struct filter *filter, struct slice value, bool (*is_it)(struct slice plain))
{
	struct slice name, item;
	size_t position = 0;

	switch (json_kind(value)) {
	case JSON_KIND_STRING:
		text_clear(&filter->plain);
		return json_decode(value, &filter->plain) != OK ||
		       is_it(text_slice(&filter->plain));
	case JSON_KIND_ARRAY:
		while (json_next_element(value, &position, &item))
			if (any_string(filter, item, is_it))
				return true;
		return false;
	case JSON_KIND_OBJECT:
		while (json_next_member(value, &position, &name, &item))
			if (any_string(filter, name, is_it) || any_string(filter, item, is_it))
				return true;
		return false;
	default:
		return false;
	}
}

static bool names_address(struct filter *filter, struct slice value)
{
	return any_string(filter, value, relay_only_names_address);
}

/* A candidate, or the start of an SDP, also in JSON within the string. */
bool relay_only_hides_in_text(struct slice plain)
{
	if (plain.len == 0)
		return false;
	const char *candidate = memmem(plain.at, plain.len, "candidate:", 10);
	const char *sdp = memmem(plain.at, plain.len, "v=0", 3);
	const char *end = plain.at + plain.len;

	return (candidate != NULL && memmem(candidate, (size_t)(end - candidate), " typ ", 5)) ||
	       (sdp != NULL && memmem(sdp, (size_t)(end - sdp), "o=", 2) &&
	        memmem(sdp, (size_t)(end - sdp), "m=", 2));
}

static bool hides_candidates(struct filter *filter, struct slice value)
{
	return any_string(filter, value, relay_only_hides_in_text);
}

bool relay_only_hides(struct slice value)
{
	struct filter filter = {0};
	bool hides;

	text_init(&filter.plain, 0);
	hides = hides_candidates(&filter, value);
	text_deinit(&filter.plain);
	return hides;
}

void relay_only_attributes(struct slice attributes, struct text *out)
{
	struct slice name, value;
	size_t position = 0;

	json_open(out, '{');
	while (json_next_member(attributes, &position, &name, &value)) {
		if (relay_only_hides(name) || relay_only_hides(value))
			continue;
		json_put_raw(out, name);
		text_put_char(out, ':');
		json_put_raw(out, value);
	}
	json_close(out, '}');
}
