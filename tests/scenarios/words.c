/* Words to bytes. What an attribute's value looks like in a scenario hangs on its form on the wire. */
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "stun/address.h"

enum form {
	FORM_BYTES,
	FORM_TEXT,
	FORM_U32,
	FORM_FIRST_OCTET,
	FORM_FIRST_PAIR,
	FORM_OCTET,
	FORM_XOR_ADDRESS,
	FORM_ADDRESS
};

static const struct {
	enum stun_attribute row;
	enum form form;
} forms[] = {
	{STUN_ATTR_USERNAME, FORM_TEXT},
	{STUN_ATTR_REALM, FORM_TEXT},
	{STUN_ATTR_NONCE, FORM_TEXT},
	{STUN_ATTR_SOFTWARE, FORM_TEXT},
	{STUN_ATTR_ALTERNATE_DOMAIN, FORM_TEXT},
	{STUN_ATTR_ORIGIN, FORM_TEXT},
	{STUN_ATTR_THIRD_PARTY_AUTHORIZATION, FORM_TEXT},
	{STUN_ATTR_LIFETIME, FORM_U32},
	{STUN_ATTR_CONNECTION_ID, FORM_U32},
	{STUN_ATTR_BANDWIDTH, FORM_U32},
	{STUN_ATTR_REQUESTED_TRANSPORT, FORM_FIRST_OCTET},
	{STUN_ATTR_REQUESTED_ADDRESS_FAMILY, FORM_FIRST_OCTET},
	{STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY, FORM_FIRST_OCTET},
	{STUN_ATTR_CHANNEL_NUMBER, FORM_FIRST_PAIR},
	{STUN_ATTR_EVEN_PORT, FORM_OCTET},
	{STUN_ATTR_XOR_PEER_ADDRESS, FORM_XOR_ADDRESS},
	{STUN_ATTR_XOR_RELAYED_ADDRESS, FORM_XOR_ADDRESS},
	{STUN_ATTR_XOR_MAPPED_ADDRESS, FORM_XOR_ADDRESS},
	{STUN_ATTR_ALTERNATE_SERVER, FORM_ADDRESS},
	{STUN_ATTR_MAPPED_ADDRESS, FORM_ADDRESS},
	{STUN_ATTR_SOURCE_ADDRESS, FORM_ADDRESS},
	{STUN_ATTR_CHANGED_ADDRESS, FORM_ADDRESS},
	{STUN_ATTR_RESPONSE_ORIGIN, FORM_ADDRESS},
	{STUN_ATTR_OTHER_ADDRESS, FORM_ADDRESS},
	{STUN_ATTR_CHANGE_REQUEST, FORM_U32},
	{STUN_ATTR_RESPONSE_PORT, FORM_FIRST_PAIR},
};

static bool value_get(struct attribute_word *attribute, const char *text,
                      const uint8_t *transaction_id);
static enum form form_of(enum stun_attribute row);
static bool put_number(struct attribute_word *attribute, unsigned shift, size_t len,
                       const char *text);

void words_cut(struct words *words, const char *line)
{
	char *at = words->text;

	words->count = 0;
	snprintf(words->text, sizeof words->text, "%s", line);
	while (*at != 0 && words->count < WORDS_MAX) {
		bool is_quoted = false;
		while (*at == ' ' || *at == '\t' || *at == '\n')
			at++;
		if (*at == 0 || *at == '#')
			return;
		words->word[words->count++] = at;
		for (; *at != 0 && (is_quoted || (*at != ' ' && *at != '\n')); at++)
			is_quoted ^= *at == '"';
		if (*at != 0)
			*at++ = 0;
	}
}

bool payload_get(const char *word, uint8_t *bytes, size_t *len)
{
	const char *text;

	*len = 0;
	if (word[0] == '"') {
		*len = strlen(word) - 2;
		memcpy(bytes, word + 1, *len);
		return true;
	}
	if (strncmp(word, "zeros:", 6) == 0) {
		*len = strtoul(word + 6, NULL, 0);
		memset(bytes, 0, *len);
		return true;
	}
	text = strncmp(word, "hex:", 4) == 0 ? word + 4 : NULL;
	return text != NULL && hex_get(text, bytes, PAYLOAD_MAX, len) == OK;
}

bool attribute_get(const char *word, const uint8_t *transaction_id,
                   struct attribute_word *attribute)
{
	size_t name_len = strcspn(word, "=:");
	const char *rest = word + name_len;

	attribute->row = STUN_ATTR_COUNT;
	attribute->len = 0;
	attribute->has_value = *rest != 0;
	for (enum stun_attribute row = 0; row < STUN_ATTR_COUNT; row++)
		if (strlen(stun_attribute_name(row)) == name_len &&
		    strncmp(word, stun_attribute_name(row), name_len) == 0)
			attribute->row = row;
	if (attribute->row != STUN_ATTR_COUNT)
		attribute->type = stun_attribute_type(attribute->row);
	else if (strncmp(word, "0x", 2) == 0)
		attribute->type = (uint16_t)strtoul(word, NULL, 16);
	else
		return false;
	if (*rest == 0)
		return true;
	if (*rest == ':')
		return hex_get(rest + 1, attribute->value, PAYLOAD_MAX, &attribute->len) == OK;
	return value_get(attribute, rest + 1, transaction_id);
}

static bool value_get(struct attribute_word *attribute, const char *text,
                      const uint8_t *transaction_id)
{
	struct transport_addr addr;

	switch (form_of(attribute->row)) {
	case FORM_TEXT:
		attribute->len = strlen(text);
		memcpy(attribute->value, text, attribute->len);
		return true;
	case FORM_U32:
		return put_number(attribute, 0, 4, text);
	case FORM_FIRST_OCTET:
		return put_number(attribute, 24, 4, text);
	case FORM_FIRST_PAIR:
		return put_number(attribute, 16, 4, text);
	case FORM_OCTET:
		return put_number(attribute, 24, 1, text);
	case FORM_ADDRESS:
		if (addr_parse(text, 0, &addr) != OK)
			return false;
		attribute->len = stun_address_put(attribute->value, &addr);
		return true;
	case FORM_XOR_ADDRESS:
		if (addr_parse(text, 0, &addr) != OK)
			return false;
		attribute->len = stun_xor_address_put(attribute->value, transaction_id, &addr);
		return true;
	case FORM_BYTES:
		break;
	}
	return payload_get(text, attribute->value, &attribute->len);
}

static enum form form_of(enum stun_attribute row)
{
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
		if (forms[i].row == row)
			return forms[i].form;
	return FORM_BYTES;
}

static bool put_number(struct attribute_word *attribute, unsigned shift, size_t len,
                       const char *text)
{
	char *end;
	uint8_t bytes[4];

	put_u32(bytes, (uint32_t)strtoul(text, &end, 0) << shift);
	memcpy(attribute->value, bytes, len);
	attribute->len = len;
	return *end == 0;
}

void put_attribute(struct stun_builder *builder, uint16_t type, const uint8_t *value, size_t len)
{
	size_t padded = (len + 3) / 4 * 4;

	put_u16(builder->bytes + builder->len, type);
	put_u16(builder->bytes + builder->len + 2, (uint16_t)len);
	memset(builder->bytes + builder->len + 4, 0, padded);
	memcpy(builder->bytes + builder->len + 4, value, len);
	builder->len += 4 + padded;
	put_u16(builder->bytes + 2, (uint16_t)(builder->len - STUN_HEADER_SIZE));
}

const char *word_value(const char *word, const char *name)
{
	size_t len = strlen(name);

	return strncmp(word, name, len) == 0 && word[len] == '=' ? word + len + 1 : NULL;
}

bool method_get(const char *word, enum stun_method *method)
{
	static const enum stun_method methods[] = {
		STUN_BINDING,
		STUN_ALLOCATE,
		STUN_REFRESH,
		STUN_SEND,
		STUN_DATA,
		STUN_CREATE_PERMISSION,
		STUN_CHANNEL_BIND,
		STUN_CONNECT,
		STUN_CONNECTION_BIND,
		STUN_CONNECTION_ATTEMPT,
	};

	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
		if (strcmp(word, stun_method_name(methods[i])) == 0) {
			*method = methods[i];
			return true;
		}
	if (strncmp(word, "method:", 7) != 0)
		return false;
	*method = (enum stun_method)strtoul(word + 7, NULL, 16);
	return true;
}
