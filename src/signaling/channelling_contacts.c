/* Contacts: two users who have agreed to find each other again, wherever they are. Nothing of it is kept here: each has a token, which
 * names both, and never expires.
 *
 *   Bert asks Anna     his session: who he is        ContactRequest {Id, Userid: bert, Token: ""}
 *                      hers, as it is encoded:       the token, for her and him
 *   Anna says yes      her session: it names her     ContactRequest {Id, Success, Userid: anna, Token}
 *                      his, as it is encoded:        it names her who says so, and him
 *   either looks       Sessions {Type: contact, Token}: the other's sessions
 *
 * Who the two are neither client is asked: each end looks at its own session's user. So neither needs to know where the other's session
 * is, and a token is made by, and for, those who have spoken to each other. */
#include <string.h>

#include <openssl/hmac.h>

#include "base/bytes.h"
#include "base/random.h"
#include "signaling/channelling_input.h"
#include "signaling/channelling_rules.h"

enum { MAC_SIZE = 16, BYTES_MAX = MAC_SIZE + 2 * (CONTACT_USER_MAX + 1) };
_Static_assert(BASE64_SIZE(BYTES_MAX) <= CONTACT_TOKEN_SIZE, "a token fits");

/* Tokens: base64url of {MAC, a, 0, b, 0}. The MAC is over the tenant as well, whose users alone they are. */

static void sign(const uint8_t key[RULES_KEY_SIZE], const char *tenant, const uint8_t *names,
                 size_t len, uint8_t mac[MAC_SIZE])
{
	uint8_t all[TENANT_NAME_MAX + 1 + BYTES_MAX], result[EVP_MAX_MD_SIZE];
	size_t tenant_size = strlen(tenant) + 1;
	unsigned result_len = sizeof result;

	memcpy(all, tenant, tenant_size);
	memcpy(all + tenant_size, names, len);
	if (HMAC(EVP_sha256(), key, RULES_KEY_SIZE, all, tenant_size + len, result, &result_len) ==
	    NULL)
		random_bytes(result, MAC_SIZE); /* nothing matches it */
	memcpy(mac, result, MAC_SIZE);
}

static bool is_user(const char *user)
{
	return user[0] != '\0' && strlen(user) <= CONTACT_USER_MAX;
}

/* The first key makes them; those before it are known yet. */
static bool make_token(const struct channelling_rules *rules, const char *tenant, const char *a,
                       const char *b, char token[CONTACT_TOKEN_SIZE])
{
	const uint8_t *key = rules_contact_key(rules, 0);
	size_t a_size = strlen(a) + 1, b_size = strlen(b) + 1;
	uint8_t bytes[BYTES_MAX];

	if (key == NULL || !is_user(a) || !is_user(b))
		return false;
	memcpy(bytes + MAC_SIZE, a, a_size);
	memcpy(bytes + MAC_SIZE + a_size, b, b_size);
	sign(key, tenant, bytes + MAC_SIZE, a_size + b_size, bytes);
	channelling_put_bytes(bytes, MAC_SIZE + a_size + b_size, token);
	return true;
}

static bool is_signed(const struct channelling_rules *rules, const char *tenant,
                      const uint8_t *bytes, size_t len)
{
	const uint8_t *key;
	uint8_t wanted[MAC_SIZE];

	for (size_t i = 0; (key = rules_contact_key(rules, i)) != NULL; i++) {
		sign(key, tenant, bytes + MAC_SIZE, len - MAC_SIZE, wanted);
		if (bytes_equal_secret(bytes, wanted, MAC_SIZE))
			return true;
	}
	return false;
}

static bool open_token(const struct channelling_rules *rules, const char *tenant, const char *token,
                       struct contact *contact)
{
	uint8_t bytes[BYTES_MAX];
	size_t len;

	if (strlen(token) >= CONTACT_TOKEN_SIZE ||
	    channelling_get_bytes(token, bytes, sizeof bytes, &len) != OK || len < MAC_SIZE + 4 ||
	    !is_signed(rules, tenant, bytes, len))
		return false;
	/* What was signed was written above. */
	const char *a = (const char *)bytes + MAC_SIZE, *b = a + strlen(a) + 1;
	return text_copy(contact->a, sizeof contact->a, a) == OK &&
	       text_copy(contact->b, sizeof contact->b, b) == OK;
}

bool contact_other(const struct session *session, const char *token, char user[CONTACT_USER_SIZE])
{
	const struct identity *identity = session_identity(session);
	struct contact contact;

	if (!open_token(session_settings(session)->channelling, identity->tenant, token, &contact))
		return false;
	if (strcmp(contact.a, identity->user) == 0)
		memcpy(user, contact.b, CONTACT_USER_SIZE);
	else if (strcmp(contact.b, identity->user) == 0)
		memcpy(user, contact.a, CONTACT_USER_SIZE);
	else
		return false;
	return true;
}

/* Requests. */

/* A member in another's place, or behind all where there was none. */
static void put_with(struct text *text, struct slice object, const char *changed, struct slice with)
{
	struct slice name, value;
	size_t position = 0;

	json_open(text, '{');
	while (json_next_member(object, &position, &name, &value))
		if (!json_string_is(name, changed))
			put_raw_member(text, name, value);
	json_member_raw(text, changed, with);
	json_close(text, '}');
}

static void put_chat(struct text *chat, struct slice old, struct slice request)
{
	struct text status;

	text_init(&status, 0);
	put_with(&status, json_member(old, "Status"), "ContactRequest", request);
	put_with(chat, old, "Status", text_slice(&status));
	chat->has_failed |= status.has_failed;
	text_deinit(&status);
}

static struct slice request_of(struct slice chat)
{
	return json_path(chat, "Status", "ContactRequest", NULL);
}

/* token NULL: none. */
static void put_request(struct text *text, struct slice old, const char *user, const char *token)
{
	struct slice id = json_member(old, "Id");

	json_open(text, '{');
	if (json_kind(id) == JSON_KIND_STRING)
		json_member_raw(text, "Id", id);
	json_member_bool(text, "Success", json_is_true(json_member(old, "Success")));
	json_member_string(text, "Userid", slice_of(user));
	if (token != NULL)
		json_member_string(text, "Token", slice_of(token));
	json_close(text, '}');
}

static bool rewrite(struct slice chat, const char *user, const char *token, struct text *to)
{
	struct text request;

	text_init(&request, 0);
	put_request(&request, request_of(chat), user, token);
	put_chat(to, chat, text_slice(&request));
	to->has_failed |= request.has_failed;
	text_deinit(&request);
	return !to->has_failed;
}

/* Whose token says that a and b are contacts. */
static bool are_contacts(const struct session *session, const char *token, const char *a,
                         const char *b)
{
	struct contact contact;

	return open_token(session_settings(session)->channelling, session_identity(session)->tenant,
	                  token, &contact) &&
	       strcmp(contact.a, a) == 0 && (b == NULL || strcmp(contact.b, b) == 0);
}

bool contact_may_send(const struct session *session, struct slice chat, struct text *to)
{
	const char *user = session_identity(session)->user;
	struct slice request = request_of(chat);
	char token[CONTACT_TOKEN_SIZE];

	if (rules_contact_key(session_settings(session)->channelling, 0) == NULL ||
	    !is_user(user) || json_kind(request) != JSON_KIND_OBJECT ||
	    json_get_text(json_member(request, "Token"), token, sizeof token) != OK)
		return false;
	if (json_is_true(json_member(request, "Success")))
		return are_contacts(session, token, user, NULL) && rewrite(chat, user, token, to);
	/* Who says no hands the token back, and it goes no further. */
	return rewrite(chat, user, token[0] == '\0' ? "" : NULL, to);
}

bool contact_may_hear(const struct session *session, const char *sender, struct slice chat,
                      struct text *to)
{
	const struct identity *identity = session_identity(session);
	struct slice request = request_of(chat), sent = json_member(request, "Token");
	char token[CONTACT_TOKEN_SIZE];

	if (json_get_text(sent, token, sizeof token) != OK)
		return false;
	if (json_is_true(json_member(request, "Success")))
		return are_contacts(session, token, sender, identity->user) &&
		       rewrite(chat, sender, token, to);
	if (json_kind(sent) == JSON_KIND_ABSENT)
		return rewrite(chat, sender, NULL, to);
	return strcmp(identity->user, sender) != 0 &&
	       make_token(session_settings(session)->channelling, identity->tenant, identity->user,
	                  sender, token) &&
	       rewrite(chat, sender, token, to);
}

bool chat_has_contact_request(struct slice chat)
{
	return json_kind(request_of(chat)) > JSON_KIND_NULL;
}
