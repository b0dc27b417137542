/* Any bytes as a message: what the parser says is there lies within it, and nothing that reads it
 * goes beyond. */
#include <stdint.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "stun/address.h"
#include "stun/dump.h"
#include "stun/integrity.h"
#include "stun/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_index(const struct stun_message *message);
static void check_attribute(const struct stun_message *message, enum stun_attribute attribute);
static void check_integrity(const struct stun_message *message);
static void check_dump(const struct stun_message *message);

static void promise(bool is_kept)
{
	if (!is_kept)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct stun_message message;
	enum err err = stun_message_parse(bytes, len, &message);

	promise(err == OK || err == ERR_INVALID || err == ERR_TRUNCATED);
	promise(stun_is_message(bytes, len) || err == ERR_INVALID);
	if (!stun_is_message(bytes, len))
		err = stun_message_parse_rfc3489(bytes, len, &message);
	if (err != OK)
		return 0;
	promise(message.bytes == bytes && message.len <= len && message.len % 4 == 0);
	check_index(&message);
	for (unsigned i = 0; i < STUN_ATTR_COUNT; i++)
		check_attribute(&message, (enum stun_attribute)i);
	check_integrity(&message);
	check_dump(&message);
	return 0;
}

static void check_within(const struct stun_message *message, const uint8_t *value, size_t len)
{
	size_t offset = (size_t)(value - message->bytes);

	promise(offset >= STUN_HEADER_SIZE + 4 && offset % 4 == 0 && offset <= message->len);
	promise(len <= message->len - offset);
	promise(get_u16(value - 2) == len);
}

static void check_index(const struct stun_message *message)
{
	promise(message->unknown_count <= STUN_UNKNOWN_MAX);
	for (unsigned i = 0; i < message->unknown_count; i++)
		promise(message->unknown[i] < 0x8000);
	promise(!message->has_wrong_fingerprint || stun_has(message, STUN_ATTR_FINGERPRINT));
}

static void decode(const struct stun_message *message, const uint8_t *value, size_t len)
{
	struct transport_addr addr, plain;
	uint8_t again[STUN_ADDRESS_MAX];
	char text[ADDR_TEXT_SIZE];

	enum err err = stun_xor_address_get(value, len, stun_transaction_id(message), &addr);
	promise(stun_address_get(value, len, &plain) == err);
	if (err != OK)
		return;
	promise(stun_xor_address_put(again, stun_transaction_id(message), &addr) == len);
	for (size_t i = 1; i < len; i++)
		promise(again[i] == value[i]);
	addr_format(&addr, text);
	addr_normalise(&addr, NULL, 0);
	promise(addr_parse(addr_format(&addr, text), 0, &plain) == OK && addr_equal(&addr, &plain));
}

static void check_attribute(const struct stun_message *message, enum stun_attribute attribute)
{
	size_t offset = 0, len = 0, first_len = 0;
	const uint8_t *first = stun_get(message, attribute, &first_len), *value;
	bool is_seen = first == NULL;

	if (first != NULL) {
		check_within(message, first, first_len);
		promise(get_u16(first - 4) == stun_attribute_type(attribute));
	}
	while ((value = stun_next(message, attribute, &offset, &len)) != NULL) {
		check_within(message, value, len);
		promise(get_u16(value - 4) == stun_attribute_type(attribute));
		promise(offset <= message->len);
		is_seen = is_seen || value == first;
		decode(message, value, len);
	}
	/* A check may stand behind another one, where the walk has ended. */
	promise(is_seen || attribute == STUN_ATTR_MESSAGE_INTEGRITY_SHA256 ||
	        attribute == STUN_ATTR_FINGERPRINT);
}

static void check_integrity(const struct stun_message *message)
{
	static const uint8_t key[] = "VOkJxbRl1RmTxUk/WvJxBt";
	static struct stun_hasher *hasher; /* once for all inputs */

	if (hasher == NULL && stun_hasher_create(&hasher) != OK)
		abort();
	for (unsigned i = 0; i < 2; i++) {
		enum stun_attribute attribute =
			i ? STUN_ATTR_MESSAGE_INTEGRITY_SHA256 : STUN_ATTR_MESSAGE_INTEGRITY;
		bool is_right =
			stun_integrity_is_right(hasher, message, attribute, key, sizeof key - 1);

		promise(!is_right || stun_has(message, attribute));
	}
}

static void check_dump(const struct stun_message *message)
{
	char text[300];
	size_t size = message->len % sizeof text + 1, len = 0;

	stun_dump(message, text, size);
	while (len < size && text[len] != '\0')
		promise((uint8_t)text[len++] >= 0x20);
	promise(len < size);
}
