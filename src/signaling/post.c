/* Posts: what they are made of, and how one is put into one piece of memory. */
#include "signaling/post.h"

#include <stdlib.h>
#include <string.h>

#define FIELD(kind, name, member, ...)                                         \
	{                                                                      \
		name, FIELD_##kind, offsetof(struct post, member), __VA_ARGS__ \
	}
/* A hub's place: two members. */
#define PLACE(prefix, member) \
	FIELD(U32, prefix "node", member.node, 0), FIELD(U16, prefix "worker", member.worker, 0)
#define PERSON(kind, name, member)                                          \
	{                                                                   \
		name, FIELD_##kind, offsetof(struct participant, member), 0 \
	}

/* clang-format off */
static const struct post_field of_post[] = {
	FIELD(ENUM,  "kind",        kind, POST_KINDS),
	PLACE("", from),
	FIELD(U64,   "cookie",      cookie, 0),
	FIELD(TEXT,  "tenant",      room.tenant, 0),
	FIELD(TEXT,  "type",        room.type, 0),
	FIELD(TEXT,  "room",        room.name, 0),
	FIELD(TEXT,  "owner",       room.owner, 0),
	FIELD(BOOL,  "locked",      room.is_locked, 0),
	FIELD(BOOL,  "pinned",      room.has_pin, 0),
	FIELD(BOOL,  "relayed",     room.is_relay_only, 0),
	FIELD(ENUM,  "mode",        room.mode, ROOM_SFU + 1),
	FIELD(U32,   "capacity",    room.capacity, 0),
	FIELD(U32,   "count",       room.count, 0),
	FIELD(U32,   "stays",       room.empty_s, 0),
	FIELD(U64,   "created",     room.created_ms, 0),
	FIELD(U64,   "sequence",    room.sequence, 0),
	FIELD(U64,   "generation",  generation, 0),
	FIELD(U32,   "seat",        seat, 0),
	FIELD(U32,   "joinseat",    join_seat, 0),
	FIELD(U32,   "welcomed",    welcomed_seat, 0),
	FIELD(BOOL,  "hasmessage",  has_message, 0),
	FIELD(ENUM,  "message",     message.kind, MESSAGE_KINDS),
	FIELD(DIALECT, "origin",    message.origin, 0),
	FIELD(U32,   "waits",       message.waits_s, 0),
	FIELD(RAW,   "payload",     message.payload, 0), /* before its parts */
	FIELD(PART,  "sdptype",     message.sdp_type, 0),
	FIELD(PART,  "sdp",         message.sdp, 0),
	FIELD(PART,  "candidate",   message.candidate, 0),
	FIELD(PART,  "mid",         message.sdp_mid, 0),
	FIELD(PART,  "line",        message.sdp_mline_index, 0),
	FIELD(PART,  "fragment",    message.username_fragment, 0),
	FIELD(PART,  "text",        message.text, 0),
	FIELD(PART,  "why",         message.reason, 0),
	FIELD(TEXT,  "to",          to, 0),
	FIELD(TEXT,  "except",      except, 0),
	FIELD(ENUM,  "event",       event, EVENT_KINDS),
	FIELD(BOOL,  "unicast",     is_unicast, 0),
	FIELD(BOOL,  "soft",        is_soft, 0),
	FIELD(BOOL,  "ends",        ends_seat, 0),
	FIELD(BOOL,  "outside",     is_outside, 0),
	FIELD(TEXT,  "name",        name, 0),
	FIELD(RAW,   "value",       value, 0),
	FIELD(BOOL,  "referred",    has_reference, 0),
	FIELD(U32,   "number",      reference_number, 0),
	FIELD(TEXT,  "reference",   reference_text, 0),
	FIELD(ENUM,  "error",       error, SIGNALING_ERRORS),
	FIELD(TEXT,  "reason",      reason, 0),
	FIELD(U64,   "deadline",    deadline_ms, 0),
	FIELD(BOOL,  "haspin",      has_pin, 0),
	FIELD(BOOL,  "return",      is_return, 0),
	FIELD(TEXT,  "pin",         pin, 0),
	FIELD(TEXT,  "aliassecret", alias_secret, 0),
	FIELD(U32,   "most",        capacity_max, 0),
	FIELD(U32,   "empty",       empty_room_s, 0),
	FIELD(U32,   "rooms",       rooms_max, 0),
	FIELD(U32,   "roomcapacity", room_capacity, 0),
	FIELD(BOOL,  "setspin",     sets_pin, 0),
	FIELD(BOOL,  "setslock",    sets_lock, 0),
	FIELD(BOOL,  "setscapacity", sets_capacity, 0),
	FIELD(BOOL,  "setsrelayed", sets_relay_only, 0),
	FIELD(BOOL,  "newlock",     is_locked, 0),
	FIELD(BOOL,  "newrelayed",  is_relay_only, 0),
	FIELD(U32,   "newcapacity", capacity, 0),
	FIELD(U32,   "verb",        verb, 0),
	FIELD(U32,   "expires",     expires_s, 0),
	FIELD(BOOL,  "owneronly",   is_owner_only, 0),
	FIELD(BOOL,  "operator",    is_by_operator, 0),
	FIELD(TEXT,  "of",          tenant, 0),
	FIELD(TEXT,  "only",        identity_room, 0),
	FIELD(TEXT,  "address",     address, 0),
	FIELD(U64,   "until",       identity_expires_ms, 0),
	FIELD(BOOL,  "proved",      is_authenticated, 0),
	FIELD(BOOL,  "byid",        is_by_id, 0),
	FIELD(BOOL,  "inroom",      is_in_room, 0),
	FIELD(U32,   "tenure",      tenure, 0),
	FIELD(BYTES, "own",         own, 0),
	PLACE("sender", sender),
	PLACE("owner", owner),
};
static const struct post_field of_participant[] = {
	PERSON(TEXT, "id", id),
	PERSON(TEXT, "user", user),
	PERSON(TEXT, "alias", alias),
	PERSON(DIALECT, "dialect", dialect),
	PERSON(RAW,  "attributes", attributes),
	PERSON(U32,  "revision", revision),
	PERSON(U32,  "permissions", permissions),
	PERSON(U64,  "joined", joined_ms),
	PERSON(BOOL, "hidden", is_hidden),
	PERSON(BOOL, "away", is_away),
	PERSON(TEXT, "attestation", attestation),
};
/* clang-format on */
const struct post_fields post_fields = {of_post, sizeof of_post / sizeof of_post[0]};
const struct post_fields participant_fields = {of_participant,
                                               sizeof of_participant / sizeof of_participant[0]};

/* Where bytes are put while a post is made; at NULL they are only counted. */
struct stow {
	char *at;
	size_t used;
};

static size_t arrays_size(const struct post *draft);
static void stow_arrays(struct post *post, struct stow *stow);
static void stow_fields(void *of, const struct post_fields *fields, struct stow *stow);
static void stow_parts(struct post *post, struct slice payload, struct stow *stow);

/* The bytes that a draft points at, its arrays before. */
static size_t draft_size(const struct post *draft)
{
	struct post copy = *draft;
	struct stow count = {0};
	struct participant person;

	stow_fields(&copy, &post_fields, &count);
	stow_parts(&copy, draft->message.payload, &count);
	stow_fields(&copy.subject, &participant_fields, &count);
	for (size_t i = 0; i < draft->participant_count; i++) {
		person = draft->participants[i];
		stow_fields(&person, &participant_fields, &count);
	}
	for (size_t i = 0; i < draft->queued_count; i++)
		count.used += draft->queued[i].len;
	return count.used;
}

struct post *post_create(const struct post *draft)
{
	size_t arrays = arrays_size(draft);
	struct post *post = malloc(sizeof *post + arrays + draft_size(draft));

	if (post == NULL)
		return NULL;
	*post = *draft;
	struct stow stow = {.at = (char *)(post + 1) + arrays};
	stow_fields(post, &post_fields, &stow);
	stow_parts(post, draft->message.payload, &stow);
	stow_fields(&post->subject, &participant_fields, &stow);
	stow_arrays(post, &stow);
	return post;
}

void post_destroy(struct post *post)
{
	free(post);
}

bool post_is_of(const struct post *post, const struct identity *identity)
{
	const char *user = post->subject.user;

	return strcmp(post->tenant, identity->tenant) == 0 &&
	       (user[0] == '\0' || identity->user[0] == '\0' || strcmp(user, identity->user) == 0);
}

bool post_may_be_of(const struct post *post, const struct identity *identity)
{
	return !identity->is_authenticated || post_is_of(post, identity);
}

bool post_is_whole(const struct post *post)
{
	/* Elsewhere participants are ids alone. */
	bool names_all = post->kind == POST_EVENT || post->kind == POST_USER_FOUND;
	bool needs_subject = post->kind < POST_EVENT || post->kind == POST_LOOK_UP ||
	                     post->kind == POST_SEND_OUTSIDE;

	if (post->has_message && post->message.origin == NULL)
		return false;
	if (post->subject.dialect == NULL &&
	    (needs_subject || (names_all && post->subject.id[0] != '\0')))
		return false;
	for (size_t i = 0; names_all && i < post->participant_count; i++)
		if (post->participants[i].dialect == NULL)
			return false;
	return true;
}

static size_t arrays_size(const struct post *draft)
{
	return draft->participant_count * sizeof(struct participant) +
	       draft->queued_count * sizeof(struct slice);
}

static const char *stow_bytes(struct stow *stow, const char *bytes, size_t len)
{
	char *at = stow->at == NULL ? NULL : stow->at + stow->used;

	if (at != NULL && len > 0)
		memcpy(at, bytes, len);
	stow->used += len;
	return at;
}

static void stow_slice(struct stow *stow, struct slice *slice)
{
	if (slice->len > 0)
		slice->at = stow_bytes(stow, slice->at, slice->len);
	else
		slice->at = NULL;
}

static void stow_arrays(struct post *post, struct stow *stow)
{
	struct participant *people = (struct participant *)(post + 1);
	struct slice *queued = (struct slice *)(people + post->participant_count);

	for (size_t i = 0; i < post->participant_count; i++) {
		people[i] = post->participants[i];
		stow_fields(&people[i], &participant_fields, stow);
	}
	for (size_t i = 0; i < post->queued_count; i++) {
		queued[i] = post->queued[i];
		stow_slice(stow, &queued[i]);
	}
	post->participants = people;
	post->queued = queued;
}

static void stow_fields(void *of, const struct post_fields *fields, struct stow *stow)
{
	for (size_t i = 0; i < fields->count; i++) {
		void *member = (char *)of + fields->at[i].offset;
		if (fields->at[i].type == FIELD_TEXT) {
			const char **text = member;
			if (*text == NULL || **text == '\0')
				*text = "";
			else
				*text = stow_bytes(stow, *text, strlen(*text) + 1);
		} else if (fields->at[i].type == FIELD_RAW || fields->at[i].type == FIELD_BYTES) {
			stow_slice(stow, member);
		}
	}
}

bool post_part_is_within(struct slice part, struct slice whole)
{
	return whole.len > 0 && part.at >= whole.at && part.at + part.len <= whole.at + whole.len;
}

/* A part of the payload stays one; what lies elsewhere is taken along by itself. */
static void stow_parts(struct post *post, struct slice payload, struct stow *stow)
{
	for (size_t i = 0; i < post_fields.count; i++) {
		if (post_fields.at[i].type != FIELD_PART)
			continue;
		struct slice *part = (struct slice *)((char *)post + post_fields.at[i].offset);
		if (part->len == 0)
			part->at = NULL;
		else if (!post_part_is_within(*part, payload))
			stow_slice(stow, part);
		else if (stow->at != NULL)
			part->at = post->message.payload.at + (part->at - payload.at);
	}
}
