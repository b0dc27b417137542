/* A post of every kind is one piece of memory, and is the same when it was text in between. */
#include "tap.h"

#include <stdlib.h>

#include "signaling/json_text.h"
#include "signaling/post.h"

static const struct dialect one = {.name = "one"}, two = {.name = "two"};
static const struct dialect *const dialects[] = {&one, &two};

static bool lies_within(const struct post *post, const char *at, size_t len, size_t size)
{
	const char *first = (const char *)post;

	return len == 0 || (at >= first && at + len <= first + size);
}

/* Every member has a value of its own, so that none can be taken for another. */
static void fill(struct post *draft, const struct post_fields *fields, void *of, unsigned *next)
{
	static char texts[256][16];

	(void)draft;
	for (size_t i = 0; i < fields->count; i++) {
		const struct post_field *field = &fields->at[i];
		void *at = (char *)of + field->offset;
		unsigned number = (*next)++ % 256;
		snprintf(texts[number], sizeof texts[number], "\"t\\n%u\"", number);
		switch (field->type) {
		case FIELD_TEXT:
			*(const char **)at = texts[number] + 1;
			break;
		case FIELD_RAW:
		case FIELD_BYTES:
			*(struct slice *)at = slice_of(texts[number]);
			break;
		case FIELD_BOOL:
			*(bool *)at = true;
			break;
		case FIELD_U16:
			*(uint16_t *)at = (uint16_t)(60000 + number);
			break;
		case FIELD_U32:
			*(uint32_t *)at = 4000000000u + number;
			break;
		case FIELD_U64:
			*(uint64_t *)at = 9000000000000000000u + number;
			break;
		case FIELD_ENUM:
			*(uint32_t *)at = field->limit - 1;
			break;
		case FIELD_DIALECT:
			*(const struct dialect **)at = number % 2 ? &one : &two;
			break;
		case FIELD_PART:
			break;
		}
	}
}

static bool field_equal(const struct post_field *field, const void *a, const void *b)
{
	switch (field->type) {
	case FIELD_TEXT:
		return strcmp(*(const char *const *)a, *(const char *const *)b) == 0;
	case FIELD_RAW:
	case FIELD_BYTES:
	case FIELD_PART:
		return slice_equal(*(const struct slice *)a, *(const struct slice *)b);
	case FIELD_BOOL:
		return *(const bool *)a == *(const bool *)b;
	case FIELD_U16:
		return *(const uint16_t *)a == *(const uint16_t *)b;
	case FIELD_U32:
	case FIELD_ENUM:
		return *(const uint32_t *)a == *(const uint32_t *)b;
	case FIELD_U64:
		return *(const uint64_t *)a == *(const uint64_t *)b;
	case FIELD_DIALECT:
		return *(const void *const *)a == *(const void *const *)b;
	}
	return false;
}

static const char *first_difference(const struct post_fields *fields, const void *a, const void *b)
{
	for (size_t i = 0; i < fields->count; i++)
		if (!field_equal(&fields->at[i], (const char *)a + fields->at[i].offset,
		                 (const char *)b + fields->at[i].offset))
			return fields->at[i].name;
	return "";
}

static void compare(const struct post *got, const struct post *want, const char *what)
{
	is_text(first_difference(&post_fields, got, want), "", "%s: members", what);
	is_text(first_difference(&participant_fields, &got->subject, &want->subject), "",
	        "%s: subject", what);
	is_int(got->participant_count, want->participant_count, "%s: as many participants", what);
	for (size_t i = 0; i < want->participant_count && i < got->participant_count; i++)
		is_text(first_difference(&participant_fields, &got->participants[i],
		                         &want->participants[i]),
		        "", "%s: participant %zu", what, i);
	is_int(got->queued_count, want->queued_count, "%s: as many messages", what);
	for (size_t i = 0; i < want->queued_count && i < got->queued_count; i++)
		ok(slice_equal(got->queued[i], want->queued[i]), "%s: message %zu", what, i);
}

static struct post *through_text(const struct post *post)
{
	struct post *read = NULL;
	struct text text;

	text_init(&text, 0);
	post_write(post, &text);
	ok(json_check(text_slice(&text)) == OK, "its text is JSON");
	ok(post_read(text_slice(&text), dialects, 2, &read) == OK, "and is read");
	text_deinit(&text);
	return read;
}

static struct post full_draft(char payload[128], struct participant people[2],
                              struct slice queued[2])
{
	struct post draft = {0};
	unsigned next = 0;

	fill(&draft, &post_fields, &draft, &next);
	fill(&draft, &participant_fields, &draft.subject, &next);
	for (unsigned i = 0; i < 2; i++)
		fill(&draft, &participant_fields, &people[i], &next);
	snprintf(payload, 128, "{\"sdp\":\"v=0\\r\\n\",\"type\":\"offer\",\"mid\":0}");
	draft.message.payload = slice_of(payload);
	draft.message.sdp = json_member(draft.message.payload, "sdp");
	draft.message.sdp_type = json_member(draft.message.payload, "type");
	draft.message.sdp_mline_index = json_member(draft.message.payload, "mid");
	draft.message.text = SLICE("[\"elsewhere\"]");
	draft.own = (struct slice){"\0\1\2\xFF\0x", 6};
	draft.participants = people;
	draft.participant_count = 2;
	queued[0] = SLICE("{\"a\":\"\\u0000\"}");
	queued[1] = SLICE("");
	draft.queued = queued;
	draft.queued_count = 2;
	return draft;
}

static void test_kind(unsigned kind)
{
	struct participant people[2] = {{0}};
	struct slice queued[2];
	char payload[128];
	struct post draft = full_draft(payload, people, queued), *made, *read;

	draft.kind = (enum post_kind)kind;
	made = post_create(&draft);
	compare(made, &draft, "made");
	ok(made->message.sdp.at > made->message.payload.at &&
	           made->message.sdp.at < made->message.payload.at + made->message.payload.len,
	   "a part lies within its payload");
	ok(lies_within(made, made->room.name, strlen(made->room.name), 16384),
	   "a text lies within the post");
	read = through_text(made);
	compare(read, &draft, "read");
	ok(read->message.sdp.at > read->message.payload.at &&
	           read->message.sdp.at < read->message.payload.at + read->message.payload.len,
	   "a part still lies within");
	post_destroy(read);
	post_destroy(made);
}

static void test_empty(void)
{
	struct post draft = {.kind = POST_LEAVE}, *made = post_create(&draft), *read;

	is_text(made->room.tenant, "", "no text is an empty one");
	is_text(made->subject.id, "", "also of the subject");
	read = through_text(made);
	is_int(read->kind, POST_LEAVE, "the kind is kept");
	is_text(read->to, "", "what is absent is empty");
	ok(read->message.payload.len == 0 && read->message.origin == NULL, "and nothing");
	post_destroy(read);
	post_destroy(made);
}

static void test_bad(void)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{\"kind\":99}",
		"{\"kind\":-1}",
		"{\"kind\":\"1\"}",
		"{\"event\":1000}",
		"{\"error\":200}",
		"{\"worker\":65536}",
		"{\"node\":4294967296}",
		"{\"locked\":2}",
		"{\"tenant\":7}",
		"{\"tenant\":\"a\\u0000b\"}",
		"{\"origin\":\"three\"}",
		"{\"own\":\"!\"}",
		"{\"payload\":{\"a\":1},\"sdp\":[0,100]}",
		"{\"payload\":{\"a\":1},\"sdp\":[-1,2]}",
		"{\"payload\":{\"a\":1},\"sdp\":[1,2]}",
		"{\"payload\":{\"a\":1},\"sdp\":[8,1]}",
		"{\"sdp\":[0,1]}",
		"{\"payload\":{\"a\":1},\"sdp\":[0]}",
		"{\"subject\":{\"dialect\":\"three\"}}",
		"{\"participants\":[{\"id\":1}]}",
		"{\"queued\":[1]}",
	};
	struct post *post;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ok(post_read(slice_of(bad[i]), dialects, 2, &post) == ERR_INVALID,
		   "bad text %zu is refused", i);
}

int main(void)
{
	for (unsigned kind = 0; kind < POST_KINDS; kind++)
		test_kind(kind);
	test_empty();
	test_bad();
	return tap_end();
}
