/* What clients of the RPC dialect call. */
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "signaling/json_text.h"
#include "signaling/rpc.h"

/* A call, while it is read. */
struct call {
	struct session *session;
	struct rpc *own;
	struct slice data; /* an object; empty where there was none */
	struct reference reference;
};

typedef enum signaling_error call_handler(struct call *call);
static call_handler join, reconnect, exchange_sdp, exchange_candidate, send_message,
	orientation_change, event_freeze, event_cpu, event_network_change;

struct action {
	const char *name;
	call_handler *handle;
	bool needs_data, is_for_outside;
};
/* clang-format off */
static const struct action actions[] = {
	{"join",               join,                 true,  true},
	{"reconnect",          reconnect,            true,  true},
	{"exchangeSdp",        exchange_sdp,         true,  false},
	{"exchangeCandidate",  exchange_candidate,   true,  false},
	{"sendMessage",        send_message,         true,  false},
	{"orientationChange",  orientation_change,   true,  false},
	{"eventFreeze",        event_freeze,         false, false},
	{"eventCpu",           event_cpu,            true,  false},
	{"eventNetworkChange", event_network_change, true,  false},
};
/* clang-format on */

/* A member that a call may have; null counts as none, as it does in the protocol's server. */
struct member {
	const char *name;
	enum json_kind kind;
};

/* What join says of the client becomes attributes of the participant. */
static const struct member words[] = {
	{"platform", JSON_KIND_STRING},        {"deviceName", JSON_KIND_STRING},
	{"networkType", JSON_KIND_STRING},     {"version", JSON_KIND_STRING},
	{"appVersion", JSON_KIND_STRING},      {"orientation", JSON_KIND_NUMBER},
	{"camera", JSON_KIND_STRING},          {"maxVideoBitrate", JSON_KIND_NUMBER},
	{"maxAudioBitrate", JSON_KIND_NUMBER},
};
enum { WORDS = sizeof words / sizeof words[0] };

const struct reference rpc_silent = {.number = RPC_TO_BE_SILENT};

/* Whom the protocol's own server means by it: the part of it that takes media. */
static const char publisher[] = "publisher";

static enum signaling_error call_action(struct call *call);
static bool is_fit(struct slice object, const struct member *member);
static bool is_none(struct slice value);
static enum signaling_error get_to(const struct call *call, char to[USER_NAME_MAX + 1]);

static bool read_envelope(struct call *call, struct slice text)
{
	struct slice name;

	if (json_check(text) != OK || json_kind(text) != JSON_KIND_OBJECT)
		return false;
	name = json_member(text, "a");
	call->data = json_member(text, "d");
	return json_get_text(name, call->reference.text, sizeof call->reference.text) == OK;
}

void rpc_decode(struct session *session, struct slice text)
{
	struct call call = {.session = session, .own = session_own(session)};
	enum signaling_error error = SIGNALING_BAD_REQUEST;

	if (read_envelope(&call, text))
		error = call_action(&call);
	else
		call.reference = (struct reference){.text = "general"};
	if (error != SIGNALING_OK)
		session_refuse(session, error, "", &call.reference);
}

static const struct action *find_action(const char *name)
{
	for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	return NULL;
}

static enum signaling_error call_action(struct call *call)
{
	const struct action *action = find_action(call->reference.text);

	if (call->own->state == RPC_OUTSIDE && (action == NULL || !action->is_for_outside))
		return SIGNALING_NOT_AUTHENTICATED;
	if (action == NULL)
		return SIGNALING_UNKNOWN_MESSAGE;
	if (action->needs_data && json_kind(call->data) != JSON_KIND_OBJECT &&
	    json_kind(call->data) != JSON_KIND_NULL)
		return SIGNALING_BAD_REQUEST;
	return action->handle(call);
}

/* Coming in. */

static void keep_words(struct call *call)
{
	for (size_t i = 0; i < WORDS; i++) {
		struct slice value = json_member(call->data, words[i].name);
		if (!is_none(value))
			session_set_attribute(call->session, words[i].name, value, &rpc_silent);
	}
}

/* Goes on when the bearer has proved who it is; at once where there is none, and then what anybody may decides. */
static enum signaling_error prove(struct call *call, enum rpc_purpose purpose)
{
	struct slice bearer = json_member(call->data, "bearer");
	char proof[CLAIM_PROOF_MAX + 1];

	call->reference.number = purpose;
	if (json_get_text(bearer, proof, sizeof proof) != OK)
		return SIGNALING_BAD_PROOF;
	call->own->state = RPC_ASKED;
	if (proof[0] != '\0') {
		struct claim claim = {.kind = CLAIM_BEARER, .proof = proof, .tenant = ""};
		session_identify(call->session, &claim, &call->reference);
	} else if (purpose == RPC_TO_JOIN) {
		rpc_enter(call->session, &call->reference);
	} else {
		rpc_reenter(call->session, &call->reference);
	}
	bytes_wipe(proof, sizeof proof);
	return SIGNALING_OK;
}

static enum signaling_error join(struct call *call)
{
	static const struct member bearer = {"bearer", JSON_KIND_STRING},
				   room = {"roomId", JSON_KIND_STRING};
	bool is_fine = is_fit(call->data, &bearer) && is_fit(call->data, &room);

	if (call->own->state != RPC_OUTSIDE)
		return SIGNALING_ALREADY_IN_ROOM;
	for (size_t i = 0; i < WORDS; i++)
		is_fine = is_fine && is_fit(call->data, &words[i]);
	if (!is_fine)
		return SIGNALING_BAD_REQUEST;
	if (json_get_text(json_member(call->data, "roomId"), call->own->wanted,
	                  sizeof call->own->wanted) != OK)
		return SIGNALING_BAD_ROOM_NAME;
	keep_words(call);
	return prove(call, RPC_TO_JOIN);
}

void rpc_enter(struct session *session, const struct reference *reference)
{
	struct rpc *own = session_own(session);
	struct join room = {.name = slice_of(own->wanted), .capacity_max = RPC_ROOM_MAX};

	session_join(session, &room, reference);
}

static enum signaling_error reconnect(struct call *call)
{
	static const struct member bearer = {"bearer", JSON_KIND_STRING};
	struct slice id = json_member(call->data, "socketId");

	if (call->own->state != RPC_OUTSIDE)
		return SIGNALING_ALREADY_IN_ROOM;
	if (is_none(id))
		return SIGNALING_MISSING_MEMBER;
	if (json_kind(id) != JSON_KIND_STRING || !is_fit(call->data, &bearer))
		return SIGNALING_BAD_REQUEST;
	if (json_get_string(id, call->own->wanted, sizeof call->own->wanted) != OK)
		return SIGNALING_NO_SESSION;
	return prove(call, RPC_TO_RECONNECT);
}

void rpc_reenter(struct session *session, const struct reference *reference)
{
	struct rpc *own = session_own(session);

	session_resume(session, own->wanted, true, reference);
}

/* What calls are made of. */

static bool get_sdp_kind(struct slice type, enum message_kind *kind)
{
	static const struct {
		const char *type;
		enum message_kind kind;
	} kinds[] = {{"offer", MESSAGE_OFFER},
	             {"answer", MESSAGE_ANSWER},
	             {"pranswer", MESSAGE_ANSWER},
	             {"rollback", MESSAGE_OFFER}};
	char name[16];

	if (json_get_string(type, name, sizeof name) != OK)
		return false;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(kinds[i].type, name) == 0) {
			*kind = kinds[i].kind;
			return true;
		}
	return false;
}

static enum signaling_error exchange_sdp(struct call *call)
{
	static const struct member description = {"sdp", JSON_KIND_OBJECT},
				   type = {"type", JSON_KIND_STRING},
				   text = {"sdp", JSON_KIND_STRING};
	struct slice sdp = json_member(call->data, "sdp");
	struct message message = {.origin = &dialect_rpc,
	                          .payload = sdp,
	                          .sdp_type = json_member(sdp, "type"),
	                          .sdp = json_member(sdp, "sdp")};
	char to[USER_NAME_MAX + 1];
	enum signaling_error error = get_to(call, to);

	if (error != SIGNALING_OK)
		return error;
	if (is_none(sdp))
		return SIGNALING_MISSING_MEMBER;
	if (!is_fit(call->data, &description) || !is_fit(sdp, &type) || !is_fit(sdp, &text))
		return SIGNALING_BAD_REQUEST;
	if (!get_sdp_kind(message.sdp_type, &message.kind) || is_none(message.sdp))
		return SIGNALING_BAD_SDP;
	if (strcmp(to, publisher) == 0)
		return SIGNALING_NO_SFU;
	session_send(call->session, to, &message, false, &call->reference);
	return SIGNALING_OK;
}

static bool is_candidate(struct slice candidate)
{
	static const struct member members[] = {{"candidate", JSON_KIND_STRING},
	                                        {"sdpMid", JSON_KIND_STRING},
	                                        {"sdpMLineIndex", JSON_KIND_NUMBER},
	                                        {"usernameFragment", JSON_KIND_STRING}};

	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
		if (!is_none(json_member(candidate, members[i].name)) &&
		    json_kind(json_member(candidate, members[i].name)) != members[i].kind)
			return false;
	return true;
}

/* That there are no more candidates is not answered. */
static enum signaling_error exchange_candidate(struct call *call)
{
	struct slice candidate = json_member(call->data, "candidate");
	bool is_last = json_is_true(json_member(candidate, "completed"));
	struct message message = {
		.kind = is_last ? MESSAGE_END_OF_CANDIDATES : MESSAGE_CANDIDATE,
		.origin = &dialect_rpc,
		.payload = candidate,
		.candidate = json_member(candidate, "candidate"),
		.sdp_mid = json_member(candidate, "sdpMid"),
		.sdp_mline_index = json_member(candidate, "sdpMLineIndex"),
		.username_fragment = json_member(candidate, "usernameFragment"),
	};
	char to[USER_NAME_MAX + 1];
	enum signaling_error error = get_to(call, to);

	if (error != SIGNALING_OK)
		return error;
	if (is_none(candidate) || (!is_last && is_none(message.candidate)))
		return SIGNALING_MISSING_MEMBER;
	if (json_kind(candidate) != JSON_KIND_OBJECT || !is_candidate(candidate))
		return SIGNALING_BAD_REQUEST;
	if (strcmp(to, publisher) == 0)
		return is_last ? SIGNALING_OK : SIGNALING_NO_SFU;
	session_send(call->session, to, &message, false, is_last ? &rpc_silent : &call->reference);
	return SIGNALING_OK;
}

/* A string is what others take for a chat; all else is an application's own. */
static enum signaling_error send_message(struct call *call)
{
	struct slice value = json_member(call->data, "message");
	bool is_text = json_kind(value) == JSON_KIND_STRING;
	struct message message = {.kind = is_text ? MESSAGE_CHAT : MESSAGE_TEXT,
	                          .origin = &dialect_rpc};
	char to[USER_NAME_MAX + 1];
	enum signaling_error error = get_to(call, to);

	if (error != SIGNALING_OK)
		return error;
	message.payload = message.text = slice_is_empty(value) ? SLICE("null") : value;
	session_send(call->session, to, &message, false, &call->reference);
	return SIGNALING_OK;
}

/* What the client says of itself. */

/* The camera first: the others are told of both with the orientation. */
static enum signaling_error orientation_change(struct call *call)
{
	static const struct member orientation = {"orientation", JSON_KIND_NUMBER},
				   camera = {"camera", JSON_KIND_STRING};
	struct slice degrees = json_member(call->data, "orientation"),
		     side = json_member(call->data, "camera");

	if (!is_fit(call->data, &orientation) || !is_fit(call->data, &camera))
		return SIGNALING_BAD_REQUEST;
	session_set_attribute(call->session, "camera", is_none(side) ? SLICE("\"\"") : side,
	                      &rpc_silent);
	session_set_attribute(call->session, "orientation", is_none(degrees) ? SLICE("0") : degrees,
	                      &call->reference);
	return SIGNALING_OK;
}

/* Facts for whoever watches quality: {"socketId":id,name:value}. They have no answer. */
static void emit(struct call *call, const char *what, const char *name, struct slice value)
{
	struct text text;

	text_init(&text, 0);
	json_open(&text, '{');
	json_member_string(&text, "socketId", slice_of(session_id(call->session)));
	if (name != NULL)
		json_member_raw(&text, name, value);
	json_close(&text, '}');
	if (!text.has_failed)
		session_emit(call->session, what, text_slice(&text));
	text_deinit(&text);
}

static enum signaling_error event_freeze(struct call *call)
{
	emit(call, "rpc.freeze", NULL, (struct slice){0});
	return SIGNALING_OK;
}

static enum signaling_error event_cpu(struct call *call)
{
	static const struct member used = {"cpuUsed", JSON_KIND_NUMBER};
	struct slice value = json_member(call->data, used.name);

	if (!is_fit(call->data, &used))
		return SIGNALING_BAD_REQUEST;
	emit(call, "rpc.cpu", used.name, is_none(value) ? SLICE("0") : value);
	return SIGNALING_OK;
}

static enum signaling_error event_network_change(struct call *call)
{
	static const struct member network = {"networkType", JSON_KIND_STRING};
	struct slice value = json_member(call->data, network.name);

	if (!is_fit(call->data, &network))
		return SIGNALING_BAD_REQUEST;
	if (is_none(value))
		value = SLICE("\"\"");
	session_set_attribute(call->session, network.name, value, &rpc_silent);
	emit(call, "rpc.network", network.name, value);
	return SIGNALING_OK;
}

/* Members. */

static bool is_none(struct slice value)
{
	return json_kind(value) == JSON_KIND_ABSENT || json_kind(value) == JSON_KIND_NULL;
}

static bool is_word(struct slice value)
{
	char word[RPC_WORD_MAX + 1];

	return json_get_string(value, word, sizeof word) == OK;
}

/* Strings that are bounded otherwise: by what reads them. */
static bool is_long(const char *name)
{
	return strcmp(name, "bearer") == 0 || strcmp(name, "roomId") == 0 ||
	       strcmp(name, "sdp") == 0;
}

/* A number is a whole one. */
static bool is_fit(struct slice object, const struct member *member)
{
	struct slice value = json_member(object, member->name);
	int64_t number;

	if (is_none(value))
		return true;
	if (json_kind(value) != member->kind)
		return false;
	if (member->kind == JSON_KIND_NUMBER)
		return json_get_integer(value, INT32_MIN, INT32_MAX, &number) == OK;
	return member->kind != JSON_KIND_STRING || is_long(member->name) || is_word(value);
}

static enum signaling_error get_to(const struct call *call, char to[USER_NAME_MAX + 1])
{
	struct slice value = json_member(call->data, "to");

	if (is_none(value))
		return SIGNALING_MISSING_MEMBER;
	if (json_kind(value) != JSON_KIND_STRING)
		return SIGNALING_BAD_REQUEST;
	if (json_get_string(value, to, USER_NAME_MAX + 1) != OK)
		return SIGNALING_NO_PEER;
	return to[0] == '\0' ? SIGNALING_MISSING_MEMBER : SIGNALING_OK;
}
