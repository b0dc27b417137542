/* Plays scenarios: conversations with the core in text files, under a virtual clock. Without
 * arguments all in the folders below tests/scenarios; each file is one TAP test. The first line of a file names the
 * section of the RFC, or the defect, that it is about; # begins a comment.
 *
 * Before the first packet
 *   set realm|lifetime|... VALUE      a setting; names below in settings[]
 *   user anna secret [older]          somebody the host knows; with an older password still valid
 *   user anna secret in=REALM         ... in that realm alone
 *   origin REALM ORIGIN               a realm and the origin of its clients
 *   home REALM NAME                   a realm and a user whose name leads to it
 *   authority KID A256GCM KEY [REALM] a key whose access tokens (RFC 7635) the host accepts
 *   client B tcp 198.51.100.8:4000    transport and address; A is there: udp 198.51.100.7:4000
 *   peers allow|deny RANGE, peers listener|relay ADDRESS, peers nat64 PREFIX, peers loopback
 *   peers default                     forget that the documentation prefixes are allowed
 *   map 192.0.2.1 10.0.0.1            external-ip: public, private
 *   pair 192.0.2.1:3478 192.0.2.2:3479     two addresses of the server, for RFC 5780, each the other's other
 *
 * At any time
 *   alternates all|udp|tcp|tls|self [ADDRESS...]   the alternate servers of this kind are these now
 *   drain begins | drain ends
 *   rules REALM|* allow|deny RANGE    a list of peers has this too; rules none: all are empty
 *   reload                            what set and peers say counts from now on
 *
 * Clients
 *   A> Allocate REQUESTED-TRANSPORT=17 [WORD...]   sends a request (Send: an indication)
 *        NAME=value NAME NAME:hex 0x7F01:hex       attributes, in this order
 *        indication success error                  the class
 *        by=anna password=x                        signs as somebody else than who logged in
 *        md5 sha256 userhash                       how: RFC 8489 with that algorithm, USERHASH
 *        integrity=sha1|sha256|both|short          which attribute; short: SHA-256 cut to 16 bytes
 *        unsigned | spoiled                        no credentials at all | a wrong MAC
 *        no-NAME  NAME'=value                      leaves a credential out | replaces its value
 *        nonce-of=B                                the nonce another client was given
 *        token=KID                                 with a new access token; its key signs from now on
 *        mac=TEXT token-lifetime=600 token-age=5 token-for=NAME spoiled-token         what is in it
 *        token-again                               with the access token that was sent last
 *        token-as-coturn                           signed with 16 bytes of its key
 *        token-key-of=B                            no token, signed with the key of another client's
 *        fingerprint bad-fingerprint id=7 ttl=3 tos=0xb8
 *        cookie=12345678                           instead of the magic cookie: RFC 3489
 *        / WORD...                                 attributes behind the integrity
 *   A> again                          the same bytes once more
 *   A> hex 00010000...                any bytes
 *   A> channel 0x4000 "hello" [len=9] [ttl=3] [tos=2] [tail=hex]
 *   A< Allocate success|401 [NAME=value] [NAME] [!NAME] [WORD...]    expects the next datagram
 *        signed=sha1|sha256 unsigned fingerprint size=92 id=7
 *        from=192.0.2.2:3479 to=198.51.100.7:5000  where those it came to and from are not
 *        phrase="User Quota Reached"
 *   A< channel 0x4000 "hello" [size=12] [ttl=3] [tos=2]
 *   A< nothing
 *   A moves-to B [WORD...]            B shows $ticket as A's user and has success; A had a ticket
 *   A login anna [md5|sha256|userhash]    an Allocate and its 401; requests are signed from now on
 *   A allocates [WORD...]                 Allocate for UDP and its success
 *   A permits PEER..., A binds NUMBER PEER
 *   A closes, A has session, A has no session
 *
 * Peers
 *   P 203.0.113.5:9000 > 192.0.2.1:50000 "hello" [ttl=64] [tos=0]
 *   P 203.0.113.5:9000 < 192.0.2.1:50000 "hello" [ttl=63] [tos=0] [df] [no-df]
 *   P 203.0.113.5:9000 ! 192.0.2.1:50000 3 4 00000578     an ICMP error: type, code, data
 *
 * Peer data connections (RFC 6062)
 *   A allocates tcp [WORD...]             Allocate for TCP and its success
 *   P 203.0.113.5:9000 connects 192.0.2.1:50000 accepted|refused
 *   data 203.0.113.5:9000 closes          the data connections end by themselves
 *   data 203.0.113.5:9000 passes 100 50   bytes to the peer, and to the client
 *
 * The host
 *   host holds peers, host says connected|failed-peer      for TURN_CONNECT_PEER
 *   host holds keys|relays, host answers keys|relays       answers later | at once again
 *   host says found|unknown|unavailable|opened|failed      to the oldest question held
 *   host lacks ipv4|ipv6|all|pairs, host lacks nothing           relayed addresses; all: nor a place
 *                                                                for who is handed over
 *   wait 300 | wait 500ms | clock 60  the wall clock is set forward (-60: back)
 *   event WORD..., no event WORD...                        "closed 192.0.2.1:50000", "flow added",
 *                                                          "limit user-quota=2 486",
 *                                                          "report deleted", "handed over
 *                                                          198.51.100.7:4000"; each is seen once
 *   count drop_no_permission 1
 *   quota anna 2                      places that are taken in a user's name, or in all
 *   allowed 192.0.2.1:50000 to-peer|to-client 1000 [taking 500]      bytes a stream may pass on now
 *   next timeout 600s | next timeout never
 *
 * $token is the RESERVATION-TOKEN seen last, $connection the CONNECTION-ID, $ticket the MOBILITY-TICKET, $ticket-1 the one before that
 * and so on; spoiled-$ticket has a bit turned, short-$ticket lacks its last octet. An answer with
 * MOBILITY-TICKET=$same has the ticket that was seen last, and is not counted. What was sent and not expected fails the scenario. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "host.h"
#include "stun/access_token.h"
#include "stun/channel_data.h"
#include "stun/dump.h"
#include "text_files.h"
#include "words.h"

enum {
	CLIENTS_MAX = 8,
	MESSAGE_MAX = 66000,
	FAULT_SIZE = 512,
	NAMED_IDS = 0x1D0000,
	TICKET_MAX = 256,
	TICKETS_KEPT = 4
};

enum style { STYLE_RFC5389, STYLE_MD5, STYLE_SHA256 };

/* What a client remembers. */
struct speaker {
	struct client client;
	char user[TURN_USERNAME_MAX + 1], nonce[STUN_NONCE_SIZE + 1];
	char realm[TURN_REALM_MAX + 1]; /* of the last 401; empty: the default one */
	struct access_token token;      /* sent last; mac_key_len 0: none */
	uint8_t sealed[ACCESS_TOKEN_MAX];
	size_t sealed_len;
	bool is_made_for_coturn; /* uses 16 bytes of the token's key */
	enum style style;
	bool is_hashed;
	uint8_t sent[MESSAGE_MAX]; /* last */
	size_t sent_len;
	uint8_t key[STUN_KEY_MAX]; /* it was signed with */
	size_t key_len;
};

struct play {
	struct host host;
	struct speaker speakers[CLIENTS_MAX];
	unsigned speaker_count;
	uint32_t next_id;
	uint8_t token[TURN_TOKEN_SIZE], connection[4];
	struct ticket_seen {
		uint8_t bytes[TICKET_MAX];
		size_t len;
	} tickets[TICKETS_KEPT]; /* newest first */
	char fault[FAULT_SIZE];  /* of the line being played; empty: none */
};

typedef void command_fn(struct play *play, struct speaker *speaker, struct words *words);

static void fault(struct play *play, const char *format, ...) PRINTF_LIKE(2, 3);
static void play_line(struct play *play, const char *line);

/* Playing. */

static void fault(struct play *play, const char *format, ...)
{
	va_list args;

	if (play->fault[0] != 0)
		return;
	va_start(args, format);
	vsnprintf(play->fault, sizeof play->fault, format, args);
	va_end(args);
}

static struct speaker *find_speaker(struct play *play, const char *name)
{
	for (unsigned i = 0; i < play->speaker_count; i++)
		if (strcmp(play->speakers[i].client.name, name) == 0)
			return &play->speakers[i];
	return NULL;
}

static void add_client(struct play *play, const char *name, const char *transport,
                       const char *client, const char *server)
{
	static const char *const transports[] = {"udp", "tcp", "tls", "dtls"};
	struct speaker *speaker = &play->speakers[play->speaker_count++];
	struct five_tuple *tuple = &speaker->client.tuple;

	snprintf(speaker->client.name, sizeof speaker->client.name, "%s", name);
	memset(tuple, 0, sizeof *tuple);
	for (unsigned i = 0; i < TRANSPORT_COUNT; i++)
		if (strcmp(transport, transports[i]) == 0)
			tuple->transport = (uint8_t)i;
	if (addr_parse(client, 4000, &tuple->client) != OK ||
	    addr_parse(server, 3478, &tuple->server) != OK)
		fault(play, "no such address");
}

static bool address(struct play *play, const char *text, struct transport_addr *addr)
{
	if (addr_parse(text, 0, addr) == OK)
		return true;
	fault(play, "%s is no address", text);
	return false;
}

/* What the core let out and nobody expected. */
static void expect_nothing(struct play *play)
{
	char text[400];
	struct stun_message message;

	if (play->host.datagram_count == 0)
		return;
	const struct datagram *datagram = &play->host.datagrams[0];
	if (datagram->client != NULL &&
	    stun_message_parse(datagram->bytes, datagram->len, &message) == OK)
		fault(play, "not expected: %s< %s", datagram->client->name,
		      stun_dump(&message, text, sizeof text));
	else
		fault(play, "not expected: %zu bytes to %s", datagram->len,
		      datagram->client ? datagram->client->name
		                       : addr_format(&datagram->dst, text));
}

/* Sending. */

struct sending {
	const char *user, *password, *integrity, *nonce;
	enum style style;
	bool is_hashed, is_signed, is_spoiled;
	bool is_by_token; /* signed with the key of the last access token */
	struct words *words;
	unsigned behind; /* index of the word "/" */
	uint8_t ttl, tos;
};

static bool is_left_out(const struct words *words, const char *name)
{
	for (unsigned i = 0; i < words->count; i++)
		if (strncmp(words->word[i], "no-", 3) == 0 && strcmp(words->word[i] + 3, name) == 0)
			return true;
	return false;
}

/* NAME'=value stands for the credential's own value. */
static const char *replaced(const struct words *words, const char *name)
{
	size_t len = strlen(name);

	for (unsigned i = 0; i < words->count; i++)
		if (strncmp(words->word[i], name, len) == 0 &&
		    strncmp(words->word[i] + len, "'=", 2) == 0)
			return words->word[i] + len + 2;
	return NULL;
}

static void put_credential(struct stun_builder *builder, const struct words *words,
                           enum stun_attribute row, const void *value, size_t len)
{
	const char *name = stun_attribute_name(row), *other = replaced(words, name);
	uint8_t bytes[2048];

	if (is_left_out(words, name))
		return;
	if (other != NULL && strncmp(other, "hex:", 4) == 0) {
		if (hex_get(other + 4, bytes, sizeof bytes, &len) == OK)
			put_attribute(builder, stun_attribute_type(row), bytes, len);
		return;
	}
	if (other != NULL)
		put_attribute(builder, stun_attribute_type(row), (const uint8_t *)other,
		              strlen(other));
	else
		put_attribute(builder, stun_attribute_type(row), value, len);
}

static const char *realm_for(const struct play *play, const struct speaker *speaker)
{
	return speaker->realm[0] != 0 ? speaker->realm : play->host.settings.realm;
}

static void put_credentials(struct play *play, struct speaker *speaker,
                            struct stun_builder *builder, const struct sending *sending)
{
	static const uint8_t offered[] = {0, 2, 0, 0, 0, 1, 0, 0};
	struct stun_hasher *hasher = play->host.hasher;
	const char *realm = realm_for(play, speaker);
	uint8_t hash[STUN_USERHASH_SIZE];
	bool is_sha256 = sending->style == STYLE_SHA256;

	if (sending->is_hashed) {
		stun_userhash(hasher, (const uint8_t *)sending->user, strlen(sending->user), realm,
		              hash);
		put_credential(builder, sending->words, STUN_ATTR_USERHASH, hash, sizeof hash);
	} else {
		put_credential(builder, sending->words, STUN_ATTR_USERNAME, sending->user,
		               strlen(sending->user));
	}
	put_credential(builder, sending->words, STUN_ATTR_REALM, realm, strlen(realm));
	put_credential(builder, sending->words, STUN_ATTR_NONCE, sending->nonce,
	               strlen(sending->nonce));
	if (sending->style != STYLE_RFC5389) {
		put_credential(builder, sending->words, STUN_ATTR_PASSWORD_ALGORITHMS, offered,
		               sizeof offered);
		put_credential(builder, sending->words, STUN_ATTR_PASSWORD_ALGORITHM,
		               is_sha256 ? offered : offered + 4, 4);
	}
	if (sending->is_by_token) {
		memcpy(speaker->key, speaker->token.mac_key, speaker->token.mac_key_len);
		speaker->key_len = speaker->is_made_for_coturn ? STUN_MD5_KEY_SIZE
		                                               : speaker->token.mac_key_len;
		return;
	}
	speaker->key_len =
		stun_long_term_key(hasher, is_sha256 ? STUN_PASSWORD_SHA256 : STUN_PASSWORD_MD5,
	                           sending->user, realm, sending->password, speaker->key);
}

static void put_integrity(struct play *play, struct speaker *speaker, struct stun_builder *builder,
                          const struct sending *sending)
{
	struct stun_hasher *hasher = play->host.hasher;
	const char *which = sending->integrity;
	uint8_t mac[STUN_SHA256_SIZE];

	if (strcmp(which, "none") == 0)
		return;
	if (strcmp(which, "sha1") == 0 || strcmp(which, "both") == 0)
		stun_put_integrity(builder, hasher, STUN_ATTR_MESSAGE_INTEGRITY, speaker->key,
		                   speaker->key_len);
	if (strcmp(which, "sha256") == 0 || strcmp(which, "both") == 0)
		stun_put_integrity(builder, hasher, STUN_ATTR_MESSAGE_INTEGRITY_SHA256,
		                   speaker->key, speaker->key_len);
	if (strcmp(which, "short") == 0) {
		put_u16(builder->bytes + 2, (uint16_t)(builder->len - STUN_HEADER_SIZE + 4 + 16));
		stun_hmac_sha256(hasher, speaker->key, speaker->key_len, builder->bytes,
		                 builder->len, mac);
		put_attribute(builder, stun_attribute_type(STUN_ATTR_MESSAGE_INTEGRITY_SHA256), mac,
		              16);
	}
	if (sending->is_spoiled)
		builder->bytes[builder->len - 1] ^= 1;
}

/* [spoiled-|short-]$ticket[-N] */
static void put_ticket(const struct play *play, struct stun_builder *builder, const char *word)
{
	const char *back = strstr(word, "$ticket-");
	struct ticket_seen ticket =
		play->tickets[back != NULL ? strtoul(back + 8, NULL, 10) % TICKETS_KEPT : 0];

	if (strncmp(word, "spoiled-", 8) == 0)
		ticket.bytes[ticket.len / 2] ^= 1;
	if (strncmp(word, "short-", 6) == 0)
		ticket.len--;
	put_attribute(builder, stun_attribute_type(STUN_ATTR_MOBILITY_TICKET), ticket.bytes,
	              ticket.len);
}

static void put_words(struct play *play, struct stun_builder *builder, const struct words *words,
                      unsigned from, unsigned to)
{
	struct attribute_word *attribute = malloc(sizeof *attribute);
	static const char *const others[] = {
		"request",     "indication",      "success",  "error",   "md5",
		"sha256",      "userhash",        "unsigned", "spoiled", "/",
		"fingerprint", "bad-fingerprint", "rfc5389"};

	for (unsigned i = from; i < to; i++) {
		const char *word = words->word[i];
		bool is_other = strncmp(word, "no-", 3) == 0 || strstr(word, "'=") != NULL ||
		                word_value(word, "by") || word_value(word, "password") ||
		                word_value(word, "nonce-of") || word_value(word, "integrity") ||
		                word_value(word, "token") || word_value(word, "mac") ||
		                strncmp(word, "token-", 6) == 0 ||
		                strcmp(word, "spoiled-token") == 0 || word_value(word, "id") ||
		                word_value(word, "ttl") || word_value(word, "cookie") ||
		                word_value(word, "tos");
		for (size_t j = 0; j < sizeof others / sizeof others[0]; j++)
			is_other |= strcmp(word, others[j]) == 0;
		if (is_other)
			continue;
		if (strcmp(word, "RESERVATION-TOKEN=$token") == 0)
			put_attribute(builder, stun_attribute_type(STUN_ATTR_RESERVATION_TOKEN),
			              play->token, sizeof play->token);
		else if (word_value(word, "MOBILITY-TICKET") != NULL && strchr(word, '$') != NULL)
			put_ticket(play, builder, word_value(word, "MOBILITY-TICKET"));
		else if (strcmp(word, "CONNECTION-ID=$connection") == 0)
			put_attribute(builder, stun_attribute_type(STUN_ATTR_CONNECTION_ID),
			              play->connection, sizeof play->connection);
		else if (attribute == NULL || !attribute_get(word, builder->bytes + 8, attribute))
			fault(play, "%s is no attribute", word);
		else
			put_attribute(builder, attribute->type, attribute->value, attribute->len);
	}
	free(attribute);
}

static struct sending sending_get(struct play *play, struct speaker *speaker, struct words *words,
                                  enum stun_class *class)
{
	struct sending sending = {
		.user = speaker->user,
		.nonce = speaker->nonce,
		.style = speaker->style,
		.is_hashed = speaker->is_hashed,
		.is_signed = speaker->user[0] != 0 && *class == STUN_REQUEST,
		.is_by_token = speaker->token.mac_key_len > 0,
		.words = words,
		.behind = words->count,
	};

	for (unsigned i = words->count; i-- > 0;) {
		const char *word = words->word[i], *value;
		if (strcmp(word, "/") == 0)
			sending.behind = i;
		else if (strcmp(word, "unsigned") == 0)
			sending.is_signed = false;
		else if (strcmp(word, "spoiled") == 0)
			sending.is_spoiled = true;
		else if (strcmp(word, "indication") == 0)
			*class = STUN_INDICATION;
		else if (strcmp(word, "success") == 0)
			*class = STUN_SUCCESS;
		else if (strcmp(word, "error") == 0)
			*class = STUN_ERROR_RESPONSE;
		else if (strcmp(word, "md5") == 0)
			sending.style = STYLE_MD5;
		else if (strcmp(word, "sha256") == 0)
			sending.style = STYLE_SHA256;
		else if (strcmp(word, "rfc5389") == 0)
			sending.style = STYLE_RFC5389;
		else if (strcmp(word, "userhash") == 0)
			sending.is_hashed = true;
		else if ((value = word_value(word, "by")) != NULL)
			sending.user = value, sending.is_signed = true, sending.is_by_token = false;
		else if ((value = word_value(word, "nonce-of")) != NULL &&
		         find_speaker(play, value))
			sending.nonce = find_speaker(play, value)->nonce;
		else if ((value = word_value(word, "password")) != NULL)
			sending.password = value;
		else if ((value = word_value(word, "integrity")) != NULL)
			sending.integrity = value;
		else if ((value = word_value(word, "ttl")) != NULL)
			sending.ttl = (uint8_t)strtoul(value, NULL, 0);
		else if ((value = word_value(word, "tos")) != NULL)
			sending.tos = (uint8_t)strtoul(value, NULL, 0);
	}
	if (sending.integrity == NULL)
		sending.integrity = sending.style == STYLE_RFC5389 ? "sha1" : "sha256";
	for (unsigned i = 0; i < play->host.user_count && sending.password == NULL; i++)
		if (strcmp(play->host.users[i].name, sending.user) == 0)
			sending.password = play->host.users[i].password;
	if (sending.password == NULL)
		sending.password = "unknown";
	return sending;
}

static void make_id(struct play *play, const struct words *words,
                    uint8_t id[STUN_TRANSACTION_ID_SIZE])
{
	uint32_t number = ++play->next_id;

	for (unsigned i = 0; i < words->count; i++)
		if (word_value(words->word[i], "id") != NULL)
			number = NAMED_IDS +
			         (uint32_t)strtoul(word_value(words->word[i], "id"), NULL, 0);
	memset(id, 0x5A, STUN_TRANSACTION_ID_SIZE);
	put_u32(id, number);
}

static void transmit(struct play *play, struct speaker *speaker, uint8_t ttl, uint8_t tos)
{
	host_client_input(&play->host, &speaker->client, speaker->sent, speaker->sent_len, ttl,
	                  tos);
}

static bool has_word(const struct words *words, const char *wanted)
{
	for (unsigned i = 0; i < words->count; i++)
		if (strcmp(words->word[i], wanted) == 0)
			return true;
	return false;
}

static const char *value_of(const struct words *words, const char *name, const char *otherwise)
{
	for (unsigned i = 2; i < words->count; i++)
		if (word_value(words->word[i], name) != NULL)
			return word_value(words->word[i], name);
	return otherwise;
}

static bool is_with_token(const struct words *words)
{
	return value_of(words, "token", NULL) != NULL || has_word(words, "token-again");
}

/* What an authorization server that the host knows gives to a client; or one it does not. */
static void make_token(struct play *play, struct speaker *speaker, const struct words *words)
{
	static const uint8_t nonce[AEAD_NONCE_SIZE] = "a new nonce!";
	const char *kid = value_of(words, "token", NULL), *mac = value_of(words, "mac", "m");
	const char *name = play->host.settings.server_name;
	struct aead_key key = {.bytes = "a key that nobody knows", .len = 32};
	int64_t age_s = strtol(value_of(words, "token-age", "0"), NULL, 10);
	const char *owner = value_of(words, "token-key-of", NULL);

	speaker->is_made_for_coturn |= has_word(words, "token-as-coturn");
	if (owner != NULL && find_speaker(play, owner) != NULL)
		speaker->token = find_speaker(play, owner)->token;
	if (kid == NULL)
		return;
	for (unsigned i = 0; i < play->host.authority_count; i++)
		if (strcmp(play->host.authorities[i].kid, kid) == 0)
			key = play->host.authorities[i].key.key;
	speaker->token = (struct access_token){
		.mac_key_len = has_word(words, "integrity=sha256") ? 32 : 20,
		.timestamp = (uint64_t)((int64_t)host_wall_ms(&play->host) / 1000 - age_s) << 16,
		.lifetime_s = (uint32_t)strtoul(value_of(words, "token-lifetime", "3600"), NULL, 0),
	};
	strncpy((char *)speaker->token.mac_key, mac, sizeof speaker->token.mac_key);
	name = value_of(words, "token-for", name != NULL ? name : realm_for(play, speaker));
	if (access_token_seal(&key, name, nonce, &speaker->token, speaker->sealed,
	                      &speaker->sealed_len) != OK)
		abort();
	speaker->sealed[speaker->sealed_len - 1] ^= has_word(words, "spoiled-token");
	snprintf(speaker->user, sizeof speaker->user, "%s", kid);
}

static void put_cookie(struct play *play, uint8_t *message, const struct words *words)
{
	size_t len;

	for (unsigned i = 0; i < words->count; i++) {
		const char *value = word_value(words->word[i], "cookie");
		if (value != NULL && (hex_get(value, message + 4, 4, &len) != OK || len != 4))
			fault(play, "no cookie");
	}
}

static void send_message(struct play *play, struct speaker *speaker, struct words *words)
{
	uint8_t id[STUN_TRANSACTION_ID_SIZE];
	enum stun_method method;
	enum stun_class class;
	struct stun_builder builder;

	if (!method_get(words->word[1], &method)) {
		fault(play, "%s is no method", words->word[1]);
		return;
	}
	class = method == STUN_SEND || method == STUN_DATA ? STUN_INDICATION : STUN_REQUEST;
	make_token(play, speaker, words);
	struct sending sending = sending_get(play, speaker, words, &class);
	make_id(play, words, id);
	stun_build(&builder, speaker->sent, sizeof speaker->sent, method, class, id);
	put_words(play, &builder, words, 2, sending.behind);
	if (is_with_token(words))
		put_attribute(&builder, stun_attribute_type(STUN_ATTR_ACCESS_TOKEN),
		              speaker->sealed, speaker->sealed_len);
	if (sending.is_signed) {
		put_credentials(play, speaker, &builder, &sending);
		put_integrity(play, speaker, &builder, &sending);
	}
	put_words(play, &builder, words, sending.behind, words->count);
	if (has_word(words, "fingerprint") || has_word(words, "bad-fingerprint"))
		stun_put_fingerprint(&builder);
	if (has_word(words, "bad-fingerprint"))
		builder.bytes[builder.len - 1] ^= 1;
	put_cookie(play, builder.bytes, words);
	speaker->sent_len = builder.len;
	transmit(play, speaker, sending.ttl, sending.tos);
}

static void send_channel_data(struct play *play, struct speaker *speaker, struct words *words)
{
	size_t len, claimed, tail_len = 0;
	uint8_t ttl = 0, tos = 0, *bytes = speaker->sent;

	if (words->count < 4 || !payload_get(words->word[3], bytes + 4, &len)) {
		fault(play, "no payload");
		return;
	}
	claimed = len;
	for (unsigned i = 4; i < words->count; i++) {
		const char *value;
		if ((value = word_value(words->word[i], "len")) != NULL)
			claimed = strtoul(value, NULL, 0);
		else if ((value = word_value(words->word[i], "ttl")) != NULL)
			ttl = (uint8_t)strtoul(value, NULL, 0);
		else if ((value = word_value(words->word[i], "tos")) != NULL)
			tos = (uint8_t)strtoul(value, NULL, 0);
		else if ((value = word_value(words->word[i], "tail")) == NULL ||
		         hex_get(value, bytes + 4 + len, 100, &tail_len) != OK)
			fault(play, "%s?", words->word[i]);
	}
	channel_data_put(bytes, (uint16_t)strtoul(words->word[2], NULL, 0), (uint16_t)claimed);
	speaker->sent_len = 4 + len + tail_len;
	transmit(play, speaker, ttl, tos);
}

static void client_sends(struct play *play, struct speaker *speaker, struct words *words)
{
	const char *what = words->count > 1 ? words->word[1] : "";

	expect_nothing(play);
	if (strcmp(what, "again") == 0)
		transmit(play, speaker, 0, 0);
	else if (strcmp(what, "channel") == 0)
		send_channel_data(play, speaker, words);
	else if (strcmp(what, "hex") != 0)
		send_message(play, speaker, words);
	else if (hex_get(words->word[2], speaker->sent, MESSAGE_MAX, &speaker->sent_len) != OK)
		fault(play, "no hex");
	else
		transmit(play, speaker, 0, 0);
}

/* Expecting. */

static const struct datagram *next_for(struct play *play, const struct speaker *speaker)
{
	const struct datagram *datagram = &play->host.datagrams[0];

	if (play->host.datagram_count == 0)
		fault(play, "nothing was sent");
	else if (datagram->client != (speaker ? &speaker->client : NULL))
		fault(play, "what was sent is for %s",
		      datagram->client ? datagram->client->name : "a peer");
	else
		return datagram;
	return NULL;
}

/* size=, ttl=, tos=, df, no-df: what holds for any datagram. Returns false for other words. */
static bool check_datagram(struct play *play, const struct datagram *datagram, const char *word)
{
	const struct {
		const char *name;
		unsigned long got;
	} numbers[] = {{"size", datagram->len}, {"ttl", datagram->ttl}, {"tos", datagram->tos}};

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		const char *value = word_value(word, numbers[i].name);
		if (value == NULL)
			continue;
		if (strtoul(value, NULL, 0) != numbers[i].got)
			fault(play, "%s is %lu", numbers[i].name, numbers[i].got);
		return true;
	}
	if (strcmp(word, "df") != 0 && strcmp(word, "no-df") != 0)
		return false;
	if (datagram->dont_fragment != (strcmp(word, "df") == 0))
		fault(play, "dont_fragment is %d", datagram->dont_fragment);
	return true;
}

static void check_payload(struct play *play, const uint8_t *bytes, size_t len, const char *word)
{
	uint8_t *wanted = malloc(PAYLOAD_MAX);
	size_t wanted_len;

	if (wanted == NULL || !payload_get(word, wanted, &wanted_len))
		fault(play, "%s is no payload", word);
	else if (len != wanted_len || memcmp(bytes, wanted, len) != 0)
		fault(play, "payload has %zu bytes: %.*s", len, (int)(len < 200 ? len : 200),
		      (const char *)bytes);
	free(wanted);
}

static void expect_channel_data(struct play *play, const struct datagram *datagram,
                                struct words *words)
{
	unsigned long number = strtoul(words->word[2], NULL, 0);

	if (datagram->len < 4 || channel_data_number(datagram->bytes) != number ||
	    channel_data_len(datagram->bytes) > datagram->len - 4) {
		fault(play, "no ChannelData on that channel");
		return;
	}
	check_payload(play, datagram->bytes + 4, channel_data_len(datagram->bytes), words->word[3]);
	for (size_t i = 4u + channel_data_len(datagram->bytes); i < datagram->len; i++)
		if (datagram->bytes[i] != 0)
			fault(play, "padding is not zero");
	for (unsigned i = 4; i < words->count; i++)
		if (!check_datagram(play, datagram, words->word[i]))
			fault(play, "%s?", words->word[i]);
}

/* Any occurrence will do: XOR-RELAYED-ADDRESS comes twice. */
static bool has_value(const struct stun_message *message, const struct attribute_word *wanted)
{
	size_t offset = 0, len;
	const uint8_t *value;

	while ((value = stun_next(message, wanted->row, &offset, &len)) != NULL)
		if (len == wanted->len && memcmp(value, wanted->value, len) == 0)
			return true;
	return false;
}

static void check_attribute(struct play *play, const struct stun_message *message, const char *word)
{
	bool is_absent = word[0] == '!';
	struct attribute_word *wanted = malloc(sizeof *wanted);

	if (wanted == NULL ||
	    !attribute_get(word + is_absent, stun_transaction_id(message), wanted) ||
	    wanted->row == STUN_ATTR_COUNT)
		fault(play, "%s?", word);
	else if (stun_has(message, wanted->row) == is_absent)
		fault(play, "%s is %s", word + is_absent, is_absent ? "there" : "missing");
	else if (wanted->has_value && !has_value(message, wanted))
		fault(play, "%s has another value", stun_attribute_name(wanted->row));
	free(wanted);
}

static void check_signature(struct play *play, const struct speaker *speaker,
                            const struct stun_message *message, const char *word)
{
	static const enum stun_attribute rows[] = {STUN_ATTR_MESSAGE_INTEGRITY,
	                                           STUN_ATTR_MESSAGE_INTEGRITY_SHA256};
	const char *wanted = word_value(word, "signed");

	for (unsigned i = 0; i < 2; i++) {
		bool is_wanted = wanted != NULL && strcmp(wanted, i ? "sha256" : "sha1") == 0;
		if (stun_has(message, rows[i]) != is_wanted)
			fault(play, "%s is %s", stun_attribute_name(rows[i]),
			      is_wanted ? "missing" : "there");
		else if (is_wanted && !stun_integrity_is_right(play->host.hasher, message, rows[i],
		                                               speaker->key, speaker->key_len))
			fault(play, "%s is wrong", stun_attribute_name(rows[i]));
	}
}

static void check_error(struct play *play, const struct stun_message *message, const char *word)
{
	size_t len;
	const uint8_t *value = stun_get(message, STUN_ATTR_ERROR_CODE, &len);
	unsigned got = value != NULL ? (value[2] & 7u) * 100 + value[3] : 0;

	if (message->class != STUN_ERROR_RESPONSE || got != strtoul(word, NULL, 10))
		fault(play, "%s %u, not %s", message->class == STUN_SUCCESS ? "success" : "error",
		      got, word);
}

static void check_phrase(struct play *play, const struct stun_message *message, const char *phrase)
{
	size_t len, wanted = strlen(phrase) - 2; /* the quotes */
	const uint8_t *value = stun_get(message, STUN_ATTR_ERROR_CODE, &len);

	if (value == NULL || len - 4 != wanted || memcmp(value + 4, phrase + 1, wanted) != 0)
		fault(play, "the phrase is \"%.*s\"", value ? (int)len - 4 : 0, value + 4);
}

/* Padding never carries what another message left in memory (CVE-2020-4067). */
static void check_padding(struct play *play, const struct datagram *datagram)
{
	for (size_t at = STUN_HEADER_SIZE; at + 4 <= datagram->len;) {
		size_t len = get_u16(datagram->bytes + at + 2);
		for (size_t i = len; i % 4 != 0; i++)
			if (datagram->bytes[at + 4 + i] != 0)
				fault(play, "padding is not zero");
		at += 4 + (len + 3) / 4 * 4;
	}
}

static bool is_newest_ticket(const struct play *play, const uint8_t *value, size_t len)
{
	return len == play->tickets[0].len && memcmp(value, play->tickets[0].bytes, len) == 0;
}

/* Nothing was drawn anew for an answer that is sent again. */
static void check_same_ticket(struct play *play, const struct stun_message *message)
{
	size_t len;
	const uint8_t *value = stun_get(message, STUN_ATTR_MOBILITY_TICKET, &len);

	if (value == NULL || !is_newest_ticket(play, value, len))
		fault(play, "another ticket");
}

static void remember(struct play *play, struct speaker *speaker, const struct stun_message *message)
{
	size_t len;
	const uint8_t *value = stun_get(message, STUN_ATTR_NONCE, &len);

	if (value != NULL && len == STUN_NONCE_SIZE)
		memcpy(speaker->nonce, value, len);
	value = stun_get(message, STUN_ATTR_REALM, &len);
	if (value != NULL && len <= TURN_REALM_MAX) {
		memcpy(speaker->realm, value, len);
		speaker->realm[len] = 0;
	}
	value = stun_get(message, STUN_ATTR_RESERVATION_TOKEN, &len);
	if (value != NULL)
		memcpy(play->token, value, sizeof play->token);
	value = stun_get(message, STUN_ATTR_CONNECTION_ID, &len);
	if (value != NULL)
		memcpy(play->connection, value, sizeof play->connection);
	value = stun_get(message, STUN_ATTR_MOBILITY_TICKET, &len);
	if (value == NULL || len > TICKET_MAX || is_newest_ticket(play, value, len))
		return;
	memmove(play->tickets + 1, play->tickets, (TICKETS_KEPT - 1) * sizeof play->tickets[0]);
	memcpy(play->tickets[0].bytes, value, len);
	play->tickets[0].len = len;
}

static void check_word(struct play *play, struct speaker *speaker, const struct datagram *datagram,
                       const struct stun_message *message, const char *word)
{
	if (word[0] >= '3' && word[0] <= '6')
		check_error(play, message, word);
	else if (word_value(word, "phrase") != NULL)
		check_phrase(play, message, word_value(word, "phrase"));
	else if (word_value(word, "id") != NULL || word_value(word, "from") != NULL ||
	         word_value(word, "to") != NULL)
		return;
	else if (strcmp(word, "success") == 0 && message->class != STUN_SUCCESS)
		fault(play, "no success");
	else if (strcmp(word, "success") == 0 || check_datagram(play, datagram, word))
		return;
	else if (strcmp(word, "unsigned") == 0 || word_value(word, "signed") != NULL)
		check_signature(play, speaker, message, word);
	else if (strcmp(word, "MOBILITY-TICKET=$same") == 0)
		check_same_ticket(play, message);
	else if (strcmp(word, "fingerprint") == 0)
		check_attribute(play, message, "FINGERPRINT");
	else
		check_attribute(play, message, word);
}

/* The id of the last request, which begins with its cookie, or the one that is named. */
static bool has_id(const struct stun_message *message, const struct speaker *speaker,
                   const struct words *words)
{
	uint8_t id[4 + STUN_TRANSACTION_ID_SIZE];

	memcpy(id, speaker->sent + 4, sizeof id);
	for (unsigned i = 0; i < words->count; i++)
		if (word_value(words->word[i], "id") != NULL)
			put_u32(id + 4,
			        NAMED_IDS + (uint32_t)strtoul(word_value(words->word[i], "id"),
			                                      NULL, 0));
	return memcmp(message->bytes + 4, id, sizeof id) == 0;
}

/* An answer comes from where the request went, to where it came from, unless words say otherwise. */
static void check_way(struct play *play, const struct speaker *speaker,
                      const struct datagram *datagram, const struct words *words)
{
	struct transport_addr from = speaker->client.tuple.server;
	struct transport_addr to = speaker->client.tuple.client;
	char text[ADDR_TEXT_SIZE];

	for (unsigned i = 2; i < words->count; i++) {
		if (word_value(words->word[i], "from") != NULL)
			address(play, word_value(words->word[i], "from"), &from);
		if (word_value(words->word[i], "to") != NULL)
			address(play, word_value(words->word[i], "to"), &to);
	}
	if (!addr_equal(&datagram->src, &from))
		fault(play, "sent from %s", addr_format(&datagram->src, text));
	if (!addr_equal(&datagram->dst, &to))
		fault(play, "sent to %s", addr_format(&datagram->dst, text));
}

static bool parse_answer(const struct datagram *datagram, struct stun_message *message)
{
	if (stun_message_parse(datagram->bytes, datagram->len, message) != OK &&
	    stun_message_parse_rfc3489(datagram->bytes, datagram->len, message) != OK)
		return false;
	return message->len == datagram->len;
}

static void expect_message(struct play *play, struct speaker *speaker,
                           const struct datagram *datagram, struct words *words)
{
	struct stun_message message;
	enum stun_method method;
	char text[400];

	if (!parse_answer(datagram, &message)) {
		fault(play, "no STUN message");
		return;
	}
	check_way(play, speaker, datagram, words);
	if (!method_get(words->word[1], &method) || method != message.method)
		fault(play, "another message: %s", stun_dump(&message, text, sizeof text));
	if (message.class != STUN_INDICATION && !has_id(&message, speaker, words))
		fault(play, "another transaction id");
	if (message.has_wrong_fingerprint)
		fault(play, "wrong FINGERPRINT");
	check_padding(play, datagram);
	for (unsigned i = 2; i < words->count; i++)
		check_word(play, speaker, datagram, &message, words->word[i]);
	remember(play, speaker, &message);
	if (play->fault[0] != 0)
		fprintf(stderr, "# %s\n", stun_dump(&message, text, sizeof text));
}

static void client_expects(struct play *play, struct speaker *speaker, struct words *words)
{
	const char *what = words->count > 1 ? words->word[1] : "";
	const struct datagram *datagram;

	if (strcmp(what, "nothing") == 0) {
		expect_nothing(play);
		return;
	}
	datagram = next_for(play, speaker);
	if (datagram == NULL)
		return;
	if (strcmp(what, "channel") == 0 && words->count >= 4)
		expect_channel_data(play, datagram, words);
	else
		expect_message(play, speaker, datagram, words);
	host_shift(&play->host);
}

/* Commands of a client: NAME VERB ... */

/* Plays a line made of several. */
static void play_composed(struct play *play, const char *format, ...) PRINTF_LIKE(2, 3);
static void play_composed(struct play *play, const char *format, ...)
{
	char line[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	play_line(play, line);
}

static void rest_of(const struct words *words, unsigned from, char *text, size_t size)
{
	text[0] = 0;
	for (unsigned i = from; i < words->count; i++) {
		strncat(text, " ", size - strlen(text) - 1);
		strncat(text, words->word[i], size - strlen(text) - 1);
	}
}

static void client_logs_in(struct play *play, struct speaker *speaker, struct words *words)
{
	char rest[2048];
	rest_of(words, 3, rest, sizeof rest);
	speaker->user[0] = 0;
	speaker->token.mac_key_len = 0;
	play_composed(play, "%s> Allocate REQUESTED-TRANSPORT=17%s", speaker->client.name, rest);
	play_composed(play, "%s< Allocate 401 REALM NONCE", speaker->client.name);
	snprintf(speaker->user, sizeof speaker->user, "%s", words->word[2]);
	speaker->style = has_word(words, "sha256") ? STYLE_SHA256
	                 : has_word(words, "md5")  ? STYLE_MD5
	                                           : STYLE_RFC5389;
	speaker->is_hashed = has_word(words, "userhash");
}

static void client_allocates(struct play *play, struct speaker *speaker, struct words *words)
{
	char rest[2048];
	bool is_tcp = words->count > 2 && strcmp(words->word[2], "tcp") == 0;

	rest_of(words, is_tcp ? 3 : 2, rest, sizeof rest);
	if (speaker->user[0] == 0 && !play->host.settings.is_open) {
		if (play->host.user_count == 0) {
			strcpy(play->host.users[0].name, "anna");
			strcpy(play->host.users[0].password, "secret");
			play->host.user_count = 1;
		}
		play_composed(play, "%s login anna", speaker->client.name);
	}
	play_composed(play, "%s> Allocate REQUESTED-TRANSPORT=%d%s", speaker->client.name,
	              is_tcp ? 6 : 17, rest);
	play_composed(play, "%s< Allocate success XOR-RELAYED-ADDRESS", speaker->client.name);
}

/* The client is somewhere else, with what it knows but its nonce, which is for its address. */
static void client_moves_to(struct play *play, struct speaker *speaker, struct words *words)
{
	struct speaker *other = find_speaker(play, words->word[2]);
	char rest[2048];

	if (other == NULL) {
		fault(play, "%s?", words->word[2]);
		return;
	}
	rest_of(words, 3, rest, sizeof rest);
	memcpy(other->user, speaker->user, sizeof other->user);
	other->style = speaker->style;
	other->is_hashed = speaker->is_hashed;
	other->token = speaker->token;
	if (!play->host.settings.is_open) {
		memcpy(other->nonce, speaker->nonce, sizeof other->nonce);
		play_composed(play, "%s> Refresh MOBILITY-TICKET=$ticket%s", other->client.name,
		              rest);
		play_composed(play, "%s< Refresh 438", other->client.name);
	}
	play_composed(play, "%s> Refresh MOBILITY-TICKET=$ticket%s", other->client.name, rest);
	play_composed(play, "%s< Refresh success LIFETIME MOBILITY-TICKET", other->client.name);
}

static void client_permits(struct play *play, struct speaker *speaker, struct words *words)
{
	char rest[2048] = "";

	for (unsigned i = 2; i < words->count; i++)
		snprintf(rest + strlen(rest), sizeof rest - strlen(rest), " XOR-PEER-ADDRESS=%s",
		         words->word[i]);
	play_composed(play, "%s> CreatePermission%s", speaker->client.name, rest);
	play_composed(play, "%s< CreatePermission success", speaker->client.name);
}

static void client_binds(struct play *play, struct speaker *speaker, struct words *words)
{
	play_composed(play, "%s> ChannelBind CHANNEL-NUMBER=%s XOR-PEER-ADDRESS=%s",
	              speaker->client.name, words->word[2], words->word[3]);
	play_composed(play, "%s< ChannelBind success", speaker->client.name);
}

static void client_closes(struct play *play, struct speaker *speaker, struct words *words)
{
	(void)words;
	host_close_path(&play->host, &speaker->client);
}

static void client_has(struct play *play, struct speaker *speaker, struct words *words)
{
	bool is_wanted = strcmp(words->word[2], "no") != 0;

	if (turn_has_session(play->host.server, &speaker->client.tuple) != is_wanted)
		fault(play, "it has %s session", is_wanted ? "no" : "a");
}

/* Peers. */

static void peer_sends(struct play *play, const struct transport_addr *peer, struct relay *relay,
                       struct words *words)
{
	uint8_t *bytes = malloc(PAYLOAD_MAX), ttl = 0, tos = 0;
	size_t len;

	expect_nothing(play);
	if (relay->is_closed || bytes == NULL || !payload_get(words->word[4], bytes, &len))
		fault(play, "that cannot be sent");
	for (unsigned i = 5; i < words->count; i++) {
		if (word_value(words->word[i], "ttl") != NULL)
			ttl = (uint8_t)strtoul(word_value(words->word[i], "ttl"), NULL, 0);
		if (word_value(words->word[i], "tos") != NULL)
			tos = (uint8_t)strtoul(word_value(words->word[i], "tos"), NULL, 0);
	}
	if (play->fault[0] == 0)
		host_peer_input(&play->host, relay, peer, bytes, len, ttl, tos);
	free(bytes);
}

static void peer_expects(struct play *play, const struct transport_addr *peer,
                         const struct relay *relay, struct words *words)
{
	const struct datagram *datagram = next_for(play, NULL);
	char text[ADDR_TEXT_SIZE];

	if (datagram == NULL)
		return;
	if (!addr_equal(&datagram->dst, peer))
		fault(play, "sent to %s", addr_format(&datagram->dst, text));
	if (!addr_equal(&datagram->src, &relay->addr))
		fault(play, "sent from %s", addr_format(&datagram->src, text));
	check_payload(play, datagram->bytes, datagram->len, words->word[4]);
	for (unsigned i = 5; i < words->count; i++)
		if (!check_datagram(play, datagram, words->word[i]))
			fault(play, "%s?", words->word[i]);
	host_shift(&play->host);
}

static void play_icmp(struct play *play, const struct transport_addr *peer, struct relay *relay,
                      struct words *words)
{
	uint8_t data[4] = {0};
	size_t len;

	if (words->count > 6 && hex_get(words->word[6], data, sizeof data, &len) != OK)
		fault(play, "no hex");
	host_icmp(&play->host, relay, peer, (uint8_t)strtoul(words->word[4], NULL, 0),
	          (uint8_t)strtoul(words->word[5], NULL, 0), data);
}

static void peer_connects(struct play *play, const struct transport_addr *peer, struct relay *relay,
                          struct words *words)
{
	bool is_wanted = strcmp(words->word[4], "accepted") == 0;

	expect_nothing(play);
	if (host_peer_connects(&play->host, relay, peer) != is_wanted)
		fault(play, "it was %s", is_wanted ? "refused" : "accepted");
}

static void play_data(struct play *play, struct speaker *speaker, struct words *words)
{
	struct turn_server *server = play->host.server;
	struct transport_addr peer;
	struct data_connection *connection;

	(void)speaker;
	if (!address(play, words->word[1], &peer))
		return;
	connection = host_find_connection(&play->host, &peer);
	if (connection == NULL) {
		fault(play, "%s has no connection", words->word[1]);
	} else if (strcmp(words->word[2], "closes") == 0) {
		host_data_closes(&play->host, connection);
	} else if (words->count > 4) {
		turn_peer_passed(server, connection->cookie, TURN_TOWARDS_PEER,
		                 strtoul(words->word[3], NULL, 0));
		turn_peer_passed(server, connection->cookie, TURN_TOWARDS_CLIENT,
		                 strtoul(words->word[4], NULL, 0));
	}
}

static void play_peer(struct play *play, struct speaker *speaker, struct words *words)
{
	struct transport_addr peer, relayed;

	(void)speaker;
	if (words->count < 5 || !address(play, words->word[1], &peer) ||
	    !address(play, words->word[3], &relayed)) {
		fault(play, "P PEER > RELAY PAYLOAD");
		return;
	}
	struct relay *relay = host_find_relay(&play->host, &relayed);
	if (relay == NULL)
		fault(play, "%s was never opened", words->word[3]);
	else if (strcmp(words->word[2], "connects") == 0)
		peer_connects(play, &peer, relay, words);
	else if (words->word[2][0] == '>')
		peer_sends(play, &peer, relay, words);
	else if (words->word[2][0] == '<')
		peer_expects(play, &peer, relay, words);
	else
		play_icmp(play, &peer, relay, words);
}

/* The host, its settings and events. */

static void play_set(struct play *play, struct speaker *speaker, struct words *words)
{
	struct turn_settings *s = &play->host.settings;
	struct {
		const char *name;
		uint32_t *number;
		bool *flag;
	} settings[] = {
		{"open", NULL, &s->is_open},
		{"door", NULL, &s->is_door},
		{"mobility", NULL, &s->mobility},
		{"ipv4", NULL, &s->has_family[TURN_IPV4]},
		{"ipv6", NULL, &s->has_family[TURN_IPV6]},
		{"rfc5766-channels", NULL, &s->rfc5766_channel_numbers},
		{"rfc5780", NULL, &s->nat_discovery},
		{"rfc3489", NULL, &s->rfc3489_compatibility},
		{"mapped-address", NULL, &s->mapped_address},
		{"stun-only", NULL, &s->stun_only},
		{"no-stun", NULL, &s->no_stun},
		{"secure-stun", NULL, &s->secure_stun},
		{"fingerprint", NULL, &s->fingerprint},
		{"reason-phrases", NULL, &s->reason_phrases},
		{"features", &s->security_features, NULL},
		{"lifetime", &s->max_lifetime_s, NULL},
		{"nonce-lifetime", &s->nonce_lifetime_s, NULL},
		{"permissions", &s->permissions_per_allocation, NULL},
		{"channels", &s->channels_per_allocation, NULL},
		{"pending", &s->pending_max, NULL},
		{"refuses-udp", NULL, &s->refuses_udp_relay},
		{"refuses-tcp", NULL, &s->refuses_tcp_relay},
		{"connect-timeout", &s->connect_timeout_s, NULL},
		{"bind-timeout", &s->bind_timeout_s, NULL},
		{"connections", &s->connections_per_allocation, NULL},
		{"connections-max", &s->connections_max, NULL},
		{"oauth", NULL, &s->oauth},
		{"check-origin", NULL, &s->check_origin},
		{"unauthorized-per-s", &play->host.unauthorized_per_s, NULL},
		{"packets-per-s", &s->packets_per_s, NULL},
		{"new-peers-per-s", &s->new_peers_per_s, NULL},
		{"user-quota", &play->host.user_quota, NULL},
		{"total-quota", &play->host.total_quota, NULL},
		{"max-bps", &play->host.max_bps, NULL},
		{"bps-capacity", &play->host.bps_capacity, NULL},
	};

	(void)speaker;
	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
		if (strcmp(words->word[1], settings[i].name) != 0)
			continue;
		unsigned long value = strtoul(words->word[2], NULL, 0);
		if (settings[i].flag != NULL)
			*settings[i].flag = value != 0;
		else
			*settings[i].number = (uint32_t)value;
		return;
	}
	if (strcmp(words->word[1], "software") == 0)
		s->software = "turnstone";
	else if (strcmp(words->word[1], "alternate-domain") == 0)
		s->alternate_domain = "turn2.example.org";
	else if (strcmp(words->word[1], "server-name") == 0)
		s->server_name = "relay.example.org";
	else if (strcmp(words->word[1], "default-family") == 0)
		s->default_family = strcmp(words->word[2], "keep") == 0   ? TURN_DEFAULT_KEEP
		                    : strcmp(words->word[2], "ipv6") == 0 ? TURN_DEFAULT_IPV6
		                                                          : TURN_DEFAULT_IPV4;
	else
		fault(play, "no such setting");
}

static void play_user(struct play *play, struct speaker *speaker, struct words *words)
{
	struct user *user = &play->host.users[play->host.user_count++];

	(void)speaker;
	snprintf(user->name, sizeof user->name, "%s", words->word[1]);
	snprintf(user->password, sizeof user->password, "%s", words->word[2]);
	if (words->count > 3 && word_value(words->word[3], "in") != NULL)
		snprintf(user->realm, sizeof user->realm, "%s", word_value(words->word[3], "in"));
	else if (words->count > 3)
		snprintf(user->old_password, sizeof user->old_password, "%s", words->word[3]);
}

static void play_origin(struct play *play, struct speaker *speaker, struct words *words)
{
	struct origin *origin = &play->host.origins[play->host.origin_count++];

	(void)speaker;
	snprintf(origin->realm, sizeof origin->realm, "%s", words->word[1]);
	snprintf(origin->origin, sizeof origin->origin, "%s", words->word[2]);
}

static void play_authority(struct play *play, struct speaker *speaker, struct words *words)
{
	struct authority *authority = &play->host.authorities[play->host.authority_count++];
	const char *key = words->word[3], *realm = words->count > 4 ? words->word[4] : "";

	(void)speaker;
	snprintf(authority->kid, sizeof authority->kid, "%s", words->word[1]);
	snprintf(authority->key.realm, sizeof authority->key.realm, "%s", realm);
	if (access_token_key(words->word[2], (const uint8_t *)key, strlen(key),
	                     &authority->key.key) != OK)
		fault(play, "that is no key");
}

static void play_clock(struct play *play, struct speaker *speaker, struct words *words)
{
	(void)speaker;
	play->host.clock_change_ms += strtol(words->word[1], NULL, 10) * 1000;
}

static void play_client(struct play *play, struct speaker *speaker, struct words *words)
{
	const char *server = words->count > 4           ? words->word[4]
	                     : words->word[3][0] == '[' ? "[2001:db8::1]:3478"
	                                                : "192.0.2.1:3478";

	(void)speaker;
	if (play->speaker_count < CLIENTS_MAX)
		add_client(play, words->word[1], words->word[2], words->word[3], server);
}

static void play_peers(struct play *play, struct speaker *speaker, struct words *words)
{
	struct peer_filter_settings *peers = &play->host.peers;
	const char *what = words->word[1];
	enum err err = OK;

	(void)speaker;
	if (strcmp(what, "default") == 0)
		peers->allowed_count = peers->denied_count = 0;
	else if (strcmp(what, "loopback") == 0)
		peers->allow_loopback = true;
	else if (strcmp(what, "allow") == 0)
		err = addr_range_parse(words->word[2], &play->host.allowed[peers->allowed_count++]);
	else if (strcmp(what, "deny") == 0)
		err = addr_range_parse(words->word[2], &play->host.denied[peers->denied_count++]);
	else if (strcmp(what, "listener") == 0)
		err = addr_parse(words->word[2], 0, &play->host.listeners[peers->listener_count++]);
	else if (strcmp(what, "relay") == 0)
		err = addr_parse(words->word[2], 0, &play->host.relay_ips[peers->relay_ip_count++]);
	else if (strcmp(what, "nat64") == 0)
		err = nat64_prefix_parse(words->word[2], &play->host.nat64[peers->nat64_count++]);
	else
		err = ERR_INVALID;
	if (err != OK)
		fault(play, "peers %s?", what);
}

static void play_home(struct play *play, struct speaker *speaker, struct words *words)
{
	(void)speaker;
	snprintf(play->host.home, sizeof play->host.home, "%s", words->word[1]);
	snprintf(play->host.homely, sizeof play->host.homely, "%s", words->word[2]);
}

static void play_rules(struct play *play, struct speaker *speaker, struct words *words)
{
	struct host *host = &play->host;
	struct peer_rule *rule = &host->rules[host->rule_count];
	const char *realm = words->word[1];

	(void)speaker;
	if (strcmp(realm, "none") == 0) {
		host->rule_count = 0;
	} else if (words->count < 4 || addr_range_parse(words->word[3], &rule->range) != OK) {
		fault(play, "rules %s?", realm);
		return;
	} else {
		snprintf(host->rule_realms[host->rule_count], sizeof host->rule_realms[0], "%s",
		         strcmp(realm, "*") == 0 ? "" : realm);
		rule->realm = host->rule_realms[host->rule_count++];
		rule->is_denied = strcmp(words->word[2], "deny") == 0;
	}
	host_rule_peers(host);
}

static void play_reload(struct play *play, struct speaker *speaker, struct words *words)
{
	(void)speaker;
	(void)words;
	host_reload(&play->host);
}

static void play_map(struct play *play, struct speaker *speaker, struct words *words)
{
	struct turn_address_map *map = &play->host.maps[play->host.settings.address_map_count++];

	(void)speaker;
	address(play, words->word[1], &map->public_ip);
	address(play, words->word[2], &map->private_ip);
}

static void play_alternates(struct play *play, struct speaker *speaker, struct words *words)
{
	static const char *const kinds[] = {"all", "udp", "tcp", "tls", "self"};
	struct turn_alternates *alternates = &play->host.alternates;

	(void)speaker;
	for (unsigned kind = 0; kind < TURN_ALTERNATE_KINDS; kind++) {
		if (strcmp(words->word[1], kinds[kind]) != 0)
			continue;
		alternates->count[kind] = words->count - 2;
		for (unsigned i = 2; i < words->count; i++)
			address(play, words->word[i], &alternates->server[kind][i - 2]);
		host_redirect(&play->host);
		return;
	}
	fault(play, "alternates %s?", words->word[1]);
}

static void play_drain(struct play *play, struct speaker *speaker, struct words *words)
{
	(void)speaker;
	play->host.is_draining = strcmp(words->word[1], "begins") == 0;
	host_redirect(&play->host);
}

static void play_pair(struct play *play, struct speaker *speaker, struct words *words)
{
	size_t *count = &play->host.settings.pair_count;
	struct turn_pair *pair = &play->host.pairs[*count];

	(void)speaker;
	address(play, words->word[1], &pair[0].addr);
	address(play, words->word[2], &pair[0].other);
	pair[1] = (struct turn_pair){pair[0].other, pair[0].addr};
	*count += 2;
}

static void play_host(struct play *play, struct speaker *speaker, struct words *words)
{
	struct host *host = &play->host;
	const char *verb = words->word[1], *what = words->word[2];

	(void)speaker;
	if (strcmp(verb, "says") == 0 && strcmp(what, "connected") == 0) {
		if (!host_peer_answer(host, true))
			fault(play, "the host connects to nobody");
	} else if (strcmp(verb, "says") == 0 && strcmp(what, "failed-peer") == 0) {
		if (!host_peer_answer(host, false))
			fault(play, "the host connects to nobody");
	} else if (strcmp(what, "peers") == 0) {
		host->holds_peers = strcmp(verb, "holds") == 0;
	} else if (strcmp(verb, "says") == 0) {
		if (!host_answer(host, what))
			fault(play, "the host was not asked");
	} else if (strcmp(verb, "lacks") == 0) {
		host->lacks[TURN_IPV4] = strcmp(what, "ipv4") == 0;
		host->lacks[TURN_IPV6] = strcmp(what, "ipv6") == 0;
		host->lacks_all = strcmp(what, "all") == 0;
		host->lacks_pairs = strcmp(what, "pairs") == 0;
	} else if (strcmp(what, "keys") == 0) {
		host->holds_keys = strcmp(verb, "holds") == 0;
	} else if (strcmp(what, "relays") == 0) {
		host->holds_relays = strcmp(verb, "holds") == 0;
	} else {
		fault(play, "host %s?", verb);
	}
}

static void play_wait(struct play *play, struct speaker *speaker, struct words *words)
{
	char *unit;
	unsigned long time = strtoul(words->word[1], &unit, 10);

	(void)speaker;
	expect_nothing(play);
	host_wait(&play->host, strcmp(unit, "ms") == 0 ? time : time * 1000);
}

static void play_event(struct play *play, struct speaker *speaker, struct words *words)
{
	struct host *host = &play->host;
	bool is_wanted = strcmp(words->word[0], "no") != 0;
	unsigned from = is_wanted ? 1 : 2;

	(void)speaker;
	for (unsigned e = 0; e < host->event_count; e++) {
		const char *at = host->events[e];
		for (unsigned i = from; i < words->count && at != NULL; i++) {
			const char *word = words->word[i];
			size_t len = strlen(word) - 2 * (word[0] == '"');
			char plain[256];
			snprintf(plain, sizeof plain, "%.*s", (int)len, word + (word[0] == '"'));
			at = strstr(at, plain);
		}
		if (at == NULL)
			continue;
		if (!is_wanted)
			fault(play, "it happened: %s", host->events[e]);
		host->event_count--;
		memmove(host->events[e], host->events[e + 1],
		        (host->event_count - e) * sizeof host->events[0]);
		return;
	}
	if (is_wanted)
		fault(play, "it did not happen; last: %s",
		      host->event_count ? host->events[host->event_count - 1] : "nothing");
}

static void play_count(struct play *play, struct speaker *speaker, struct words *words)
{
	unsigned long long wanted = strtoull(words->word[2], NULL, 0);

	(void)speaker;
	for (enum counter counter = 0; counter < COUNTER_COUNT; counter++) {
		if (strcmp(counter_name(counter), words->word[1]) != 0)
			continue;
		unsigned long long got = counter_read(&play->host.counters, counter);
		if (got != wanted)
			fault(play, "it is %llu", got);
		return;
	}
	fault(play, "no such counter");
}

static void play_quota(struct play *play, struct speaker *speaker, struct words *words)
{
	unsigned wanted = (unsigned)strtoul(words->word[2], NULL, 0);
	unsigned got = host_places(&play->host, words->word[1]);

	(void)speaker;
	if (got != wanted)
		fault(play, "%u are taken", got);
}

static void play_allowed(struct play *play, struct speaker *speaker, struct words *words)
{
	enum turn_direction direction =
		strcmp(words->word[2], "to-peer") == 0 ? TURN_TOWARDS_PEER : TURN_TOWARDS_CLIENT;
	size_t wanted = strtoul(words->word[3], NULL, 0);
	struct transport_addr relayed;
	struct relay *relay;

	(void)speaker;
	if (!address(play, words->word[1], &relayed))
		return;
	relay = host_find_relay(&play->host, &relayed);
	if (relay == NULL || relay->allocation == NULL) {
		fault(play, "%s has no allocation", words->word[1]);
		return;
	}
	size_t got = turn_bytes_allowed(relay->allocation, direction, play->host.now);
	if (strcmp(words->word[3], "all") == 0)
		wanted = SIZE_MAX;
	if (got != wanted)
		fault(play, "%zu bytes are", got);
	if (words->count > 5)
		turn_bytes_passed(relay->allocation, direction, strtoul(words->word[5], NULL, 0));
}

static void play_next(struct play *play, struct speaker *speaker, struct words *words)
{
	timestamp next = turn_next_timeout(play->host.server);
	bool is_never = strcmp(words->word[2], "never") == 0;
	timestamp wanted = play->host.now + strtoul(words->word[2], NULL, 10) * 1000;

	(void)speaker;
	/* The wheel may want to be advanced earlier than the deadline, never later. */
	if (is_never ? next != TIMESTAMP_NEVER : next > wanted || next < play->host.now)
		fault(play, "it is in %lld ms", (long long)(next - play->host.now));
}

/* Lines. */

static const struct {
	const char *word;
	unsigned words; /* at least */
	command_fn *run;
} commands[] =
	{
		{"data", 3, play_data},
		{"set", 2, play_set},
		{"user", 3, play_user},
		{"client", 4, play_client},
		{"peers", 2, play_peers},
		{"map", 3, play_map},
		{"P", 5, play_peer},
		{"host", 3, play_host},
		{"wait", 2, play_wait},
		{"event", 2, play_event},
		{"no", 3, play_event},
		{"count", 3, play_count},
		{"next", 3, play_next},
		{"alternates", 2, play_alternates},
		{"drain", 2, play_drain},
		{"quota", 3, play_quota},
		{"allowed", 4, play_allowed},
		{"origin", 3, play_origin},
		{"rules", 2, play_rules},
		{"home", 3, play_home},
		{"authority", 4, play_authority},
		{"clock", 2, play_clock},
		{"pair", 3, play_pair},
		{"reload", 1, play_reload},
},
  verbs[] = {
	  {"login", 3, client_logs_in},     {"allocates", 2, client_allocates},
	  {"permits", 3, client_permits},   {"binds", 4, client_binds},
	  {"closes", 2, client_closes},     {"has", 3, client_has},
	  {"moves-to", 3, client_moves_to},
};

static void play_client_line(struct play *play, struct words *words)
{
	char name[16] = "";
	size_t len = strlen(words->word[0]);
	char arrow = words->word[0][len - 1];
	bool has_arrow = arrow == '>' || arrow == '<';

	snprintf(name, sizeof name, "%.*s", (int)(has_arrow ? len - 1 : len), words->word[0]);
	struct speaker *speaker = find_speaker(play, name);
	if (speaker == NULL || words->count < 2) {
		fault(play, "%s?", words->word[0]);
		return;
	}
	if (arrow == '>')
		client_sends(play, speaker, words);
	else if (arrow == '<')
		client_expects(play, speaker, words);
	for (size_t i = 0; !has_arrow && i < sizeof verbs / sizeof verbs[0]; i++)
		if (strcmp(words->word[1], verbs[i].word) == 0 && words->count >= verbs[i].words) {
			verbs[i].run(play, speaker, words);
			return;
		}
	if (!has_arrow)
		fault(play, "%s?", words->word[1]);
}

static void play_line(struct play *play, const char *line)
{
	struct words words;

	words_cut(&words, line);
	if (words.count == 0 || play->fault[0] != 0)
		return;
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(words.word[0], commands[i].word) == 0) {
			if (words.count < commands[i].words)
				fault(play, "too few words");
			else
				commands[i].run(play, NULL, &words);
			return;
		}
	play_client_line(play, &words);
}

static void check_end(void *context)
{
	struct play *play = context;
	struct counters *counters = &play->host.counters;

	expect_nothing(play);
	turn_server_destroy(play->host.server);
	play->host.server = NULL;
	if (host_places(&play->host, "all") != 0)
		fault(play, "places in the quotas were not given back");
	for (enum counter counter = 0; counter < COUNTER_COUNT; counter++) {
		const char *name = counter_name(counter);
		size_t len = strlen(name);
		if (len > 4 && strcmp(name + len - 4, "_now") == 0 &&
		    counter_read(counters, counter) != 0)
			fault(play, "%s is not 0 at the end", name);
	}
}

static void *play_create(void)
{
	static const char *const documentation[] = {"192.0.2.0/24", "198.51.100.0/24",
	                                            "203.0.113.0/24", "2001:db8::/32"};
	struct play *play = calloc(1, sizeof *play);

	if (play == NULL)
		abort();
	host_init(&play->host);
	for (unsigned i = 0; i < 4; i++)
		if (addr_range_parse(documentation[i], &play->host.allowed[i]) == OK)
			play->host.peers.allowed_count++;
	add_client(play, "A", "udp", "198.51.100.7:4000", "192.0.2.1:3478");
	return play;
}

static void play_destroy(void *context)
{
	struct play *play = context;

	host_deinit(&play->host);
	free(play);
}

static void play_whole_line(void *context, char *line)
{
	struct play *play = context;

	play_line(play, line);
	if (play->host.fault[0] != 0)
		fault(play, "%s", play->host.fault);
}

static const char *first_fault(const void *context)
{
	return ((const struct play *)context)->fault;
}

static void note_fault(void *play, const char *text)
{
	fault(play, "%s", text);
}

int main(int argc, char **argv)
{
	static const struct text_player player = {
		.folder = "tests/scenarios",
		.suffix = ".turn",
		.create = play_create,
		.line = play_whole_line,
		.end = check_end,
		.fault = first_fault,
		.note_fault = note_fault,
		.destroy = play_destroy,
	};

	return text_files_play(&player, argc, argv);
}
