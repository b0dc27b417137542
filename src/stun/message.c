/* Reading a message: one pass that finds every attribute, and the words for what was found. Whether
 * a checksum is right under a key is integrity.c's. */
#include "stun/message.h"

#include <assert.h>
#include <string.h>

#include "stun/integrity.h"
#include "stun/walk.h"

/* How far the checks have come: RFC 8489 sections 14.5 to 14.7 say what may follow them. */
enum coverage { COVERS_ALL, AFTER_INTEGRITY, AFTER_INTEGRITY_SHA256, AFTER_FINGERPRINT };

static const struct {
	uint16_t type, least, greatest;
	const char *name;
} rows[STUN_ATTR_COUNT] = {
#define ATTRIBUTE(name, type, text, least, greatest) {type, least, greatest, text},
#include "stun/attributes.def"
#undef ATTRIBUTE
};

static bool has_header(const uint8_t *bytes, size_t len);
static enum err index_message(const uint8_t *bytes, size_t len, struct stun_message *message);
static enum stun_attribute find_row(uint16_t type);
static void read_type(struct stun_message *message);
static bool is_ignored(enum coverage coverage, enum stun_attribute row);
static void index_attribute(struct stun_message *message,
                            const struct stun_wire_attribute *attribute);
static void index_known(struct stun_message *message, const struct stun_wire_attribute *attribute);
static void remember_unknown(struct stun_message *message, uint16_t type);
static enum coverage coverage_after(enum coverage coverage, enum stun_attribute row);

bool stun_is_message(const uint8_t *bytes, size_t len)
{
	return has_header(bytes, len) && get_u32(bytes + 4) == STUN_MAGIC_COOKIE;
}

static bool has_header(const uint8_t *bytes, size_t len)
{
	return len >= STUN_HEADER_SIZE && (bytes[0] & 0xC0) == 0 && get_u16(bytes + 2) % 4 == 0;
}

enum err stun_message_parse(const uint8_t *bytes, size_t len, struct stun_message *message)
{
	return stun_is_message(bytes, len) ? index_message(bytes, len, message) : ERR_INVALID;
}

enum err stun_message_parse_rfc3489(const uint8_t *bytes, size_t len, struct stun_message *message)
{
	if (!has_header(bytes, len) || stun_is_message(bytes, len))
		return ERR_INVALID;

	enum err err = index_message(bytes, len, message);
	message->is_rfc3489 = true;
	return err;
}

static enum err index_message(const uint8_t *bytes, size_t len, struct stun_message *message)
{
	struct stun_wire_attribute attribute;
	enum coverage coverage = COVERS_ALL;
	size_t offset = STUN_HEADER_SIZE;

	*message = (struct stun_message){.bytes = bytes};
	message->len = STUN_HEADER_SIZE + (size_t)get_u16(bytes + 2);
	/* No datagram is longer, and offsets stay within 16 bits. */
	if (message->len > UINT16_MAX)
		return ERR_INVALID;
	if (message->len > len)
		return ERR_TRUNCATED;
	read_type(message);
	while (offset < message->len) {
		if (!stun_walk(bytes, message->len, &offset, &attribute))
			return ERR_TRUNCATED;
		if (is_ignored(coverage, attribute.row))
			continue;
		index_attribute(message, &attribute);
		coverage = coverage_after(coverage, attribute.row);
	}
	return OK;
}

bool stun_walk(const uint8_t *bytes, size_t len, size_t *offset,
               struct stun_wire_attribute *attribute)
{
	if (len - *offset < STUN_ATTRIBUTE_HEADER_SIZE)
		return false;
	attribute->type = get_u16(bytes + *offset);
	attribute->len = get_u16(bytes + *offset + 2);
	attribute->value = bytes + *offset + STUN_ATTRIBUTE_HEADER_SIZE;
	attribute->row = find_row(attribute->type);
	*offset += STUN_ATTRIBUTE_HEADER_SIZE;
	if (len - *offset < stun_padded(attribute->len))
		return false;
	*offset += stun_padded(attribute->len);
	return true;
}

/* RFC 8489 section 5: the class bits stand at 4 and 8, those of the method around them. */
static void read_type(struct stun_message *message)
{
	unsigned type = get_u16(message->bytes);

	message->class = (enum stun_class)((type >> 4 & 1) | (type >> 7 & 2));
	message->method =
		(enum stun_method)((type & 0x00F) | (type >> 1 & 0x070) | (type >> 2 & 0xF80));
}

static enum stun_attribute find_row(uint16_t wire_type)
{
	switch (wire_type) {
#define ATTRIBUTE(name, type, text, least, greatest) \
	case type:                                   \
		return STUN_ATTR_##name;
#include "stun/attributes.def"
#undef ATTRIBUTE
	default:
		return STUN_ATTR_COUNT;
	}
}

static bool is_ignored(enum coverage coverage, enum stun_attribute row)
{
	switch (coverage) {
	case COVERS_ALL:
		return false;
	case AFTER_INTEGRITY:
		return row != STUN_ATTR_MESSAGE_INTEGRITY_SHA256 && row != STUN_ATTR_FINGERPRINT;
	case AFTER_INTEGRITY_SHA256:
		return row != STUN_ATTR_FINGERPRINT;
	case AFTER_FINGERPRINT:
		break;
	}
	return true;
}

static enum coverage coverage_after(enum coverage coverage, enum stun_attribute row)
{
	switch (row) {
	case STUN_ATTR_MESSAGE_INTEGRITY:
		return AFTER_INTEGRITY;
	case STUN_ATTR_MESSAGE_INTEGRITY_SHA256:
		return AFTER_INTEGRITY_SHA256;
	case STUN_ATTR_FINGERPRINT:
		return AFTER_FINGERPRINT;
	default:
		return coverage;
	}
}

static void index_attribute(struct stun_message *message,
                            const struct stun_wire_attribute *attribute)
{
	if (attribute->row != STUN_ATTR_COUNT)
		index_known(message, attribute);
	else if (attribute->type < 0x8000) /* RFC 8489 section 14: must be understood */
		remember_unknown(message, attribute->type);
}

/* An attribute of a wrong length stays absent, so that no one reads more than there is. */
static void index_known(struct stun_message *message, const struct stun_wire_attribute *attribute)
{
	enum stun_attribute row = attribute->row;
	size_t offset = (size_t)(attribute->value - message->bytes);

	if (stun_has(message, row))
		return;
	if (attribute->len < rows[row].least || attribute->len > rows[row].greatest) {
		message->has_bad_attribute = true;
		return;
	}
	message->attribute[row].offset = (uint16_t)offset;
	message->attribute[row].len = attribute->len;
	if (row == STUN_ATTR_FINGERPRINT)
		message->has_wrong_fingerprint =
			get_u32(attribute->value) !=
			stun_message_fingerprint(message->bytes,
		                                 offset - STUN_ATTRIBUTE_HEADER_SIZE);
}

static void remember_unknown(struct stun_message *message, uint16_t type)
{
	for (unsigned i = 0; i < message->unknown_count; i++)
		if (message->unknown[i] == type)
			return;
	if (message->unknown_count < STUN_UNKNOWN_MAX)
		message->unknown[message->unknown_count++] = type;
}

const uint8_t *stun_get(const struct stun_message *message, enum stun_attribute attribute,
                        size_t *len)
{
	if (!stun_has(message, attribute))
		return NULL;
	*len = message->attribute[attribute].len;
	return message->bytes + message->attribute[attribute].offset;
}

uint32_t stun_get_u32(const struct stun_message *message, enum stun_attribute attribute)
{
	assert(stun_has(message, attribute) && rows[attribute].least >= 4);
	return get_u32(message->bytes + message->attribute[attribute].offset);
}

const uint8_t *stun_transaction_id(const struct stun_message *message)
{
	return message->bytes + STUN_HEADER_SIZE - STUN_TRANSACTION_ID_SIZE;
}

const uint8_t *stun_next(const struct stun_message *message, enum stun_attribute attribute,
                         size_t *offset, size_t *len)
{
	struct stun_wire_attribute found;

	if (*offset == 0)
		*offset = STUN_HEADER_SIZE;
	while (*offset < message->len) {
		if (!stun_walk(message->bytes, message->len, offset, &found))
			break;
		if (stun_is_check(found.row))
			*offset = message->len;
		if (found.row != attribute)
			continue;
		*len = found.len;
		return found.value;
	}
	return NULL;
}

uint16_t stun_attribute_type(enum stun_attribute attribute)
{
	assert(attribute < STUN_ATTR_COUNT);
	return rows[attribute].type;
}

const char *stun_attribute_name(enum stun_attribute attribute)
{
	assert(attribute < STUN_ATTR_COUNT);
	return rows[attribute].name;
}

const char *stun_method_name(enum stun_method method)
{
	switch (method) {
	case STUN_BINDING:
		return "Binding";
	case STUN_ALLOCATE:
		return "Allocate";
	case STUN_REFRESH:
		return "Refresh";
	case STUN_SEND:
		return "Send";
	case STUN_DATA:
		return "Data";
	case STUN_CREATE_PERMISSION:
		return "CreatePermission";
	case STUN_CHANNEL_BIND:
		return "ChannelBind";
	case STUN_CONNECT:
		return "Connect";
	case STUN_CONNECTION_BIND:
		return "ConnectionBind";
	case STUN_CONNECTION_ATTEMPT:
		return "ConnectionAttempt";
	}
	return "unknown";
}

const char *stun_error_reason(enum stun_error error)
{
	switch (error) {
#define STUN_ERROR(name, code, reason) \
	case STUN_##name:              \
		return reason;
#include "stun/errors.def"
#undef STUN_ERROR
	case STUN_NO_ERROR:
		break;
	}
	return "";
}
