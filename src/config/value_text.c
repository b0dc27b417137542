/* Values as text for people: what config_value_text writes. */
#include <inttypes.h>
#include <string.h>

#include "config/option.h"

struct writing {
	char *room;
	size_t size, len;
};

static void put(struct writing *writing, const char *text)
{
	int len = snprintf(writing->room + writing->len, writing->size - writing->len, "%s", text);

	writing->len += (size_t)len;
	if (writing->len >= writing->size)
		writing->len = writing->size - 1;
}

static void put_number(struct writing *writing, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRIu64, number);
	put(writing, text);
}

static void put_addr(struct writing *writing, const struct transport_addr *addr)
{
	char text[ADDR_TEXT_SIZE];

	put(writing, addr_port(addr) != 0 ? addr_format(addr, text) : addr_format_ip(addr, text));
}

static void put_range(struct writing *writing, const struct addr_range *range)
{
	put_addr(writing, &range->low);
	if (addr_equal_ip(&range->low, &range->high))
		return;
	put(writing, "-");
	put_addr(writing, &range->high);
}

static void put_nat64(struct writing *writing, const struct nat64_prefix *prefix)
{
	uint8_t ip[16] = {0};
	struct transport_addr addr;

	memcpy(ip, prefix->bytes, sizeof prefix->bytes);
	addr_init(&addr, AF_INET6, ip, 0);
	put_addr(writing, &addr);
	put(writing, "/");
	put_number(writing, prefix->bits);
}

static void put_external(struct writing *writing, const struct external_addr *external)
{
	put_addr(writing, &external->public_ip);
	if (!external->has_private)
		return;
	put(writing, "/");
	put_addr(writing, &external->private_ip);
}

static void put_text_item(struct writing *writing, char *const *text)
{
	put(writing, *text);
}

/* ---- one function for each type ---- */

static void write_flag(struct writing *writing, const void *member)
{
	put(writing, *(const bool *)member ? "yes" : "no");
}

static void write_u16(struct writing *writing, const void *member)
{
	put_number(writing, *(const uint16_t *)member);
}

static void write_u32(struct writing *writing, const void *member)
{
	put_number(writing, *(const uint32_t *)member);
}

static void write_u64(struct writing *writing, const void *member)
{
	put_number(writing, *(const uint64_t *)member);
}

static void write_text(struct writing *writing, const void *member)
{
	const char *const *text = member;

	put(writing, *text != NULL ? *text : "");
}

#define DEFINE_LIST(name, type, put_item)                                     \
	static void write_##name(struct writing *writing, const void *member) \
	{                                                                     \
		const type *list = member;                                    \
                                                                              \
		for (size_t i = 0; i < list->count; i++) {                    \
			if (i > 0)                                            \
				put(writing, ", ");                           \
			put_item(writing, &list->item[i]);                    \
		}                                                             \
	}

DEFINE_LIST(text_list, struct text_list, put_text_item)
DEFINE_LIST(addr_list, struct addr_list, put_addr)
DEFINE_LIST(range_list, struct range_list, put_range)
DEFINE_LIST(nat64_list, struct nat64_list, put_nat64)
DEFINE_LIST(external_list, struct external_list, put_external)

static void (*const writers[OPTION_TYPE_COUNT])(struct writing *writing, const void *member) = {
	[OPTION_FLAG] = write_flag,
	[OPTION_NUMBER] = write_u32,
	[OPTION_PORT] = write_u16,
	[OPTION_DURATION] = write_u32,
	[OPTION_SIZE] = write_u64,
	[OPTION_TEXT] = write_text,
	[OPTION_TEXT_LIST] = write_text_list,
	[OPTION_ADDR_LIST] = write_addr_list,
	[OPTION_SERVER_LIST] = write_addr_list,
	[OPTION_RANGE_LIST] = write_range_list,
	[OPTION_NAT64_LIST] = write_nat64_list,
	[OPTION_EXTERNAL_LIST] = write_external_list,
};

char *config_value_text(const struct config *config, enum option_id id, char *room, size_t size)
{
	const struct option *option = &option_table[id];
	struct writing writing = {room, size, 0};

	room[0] = 0;
	writers[option->type](&writing, (const char *)config + option->offset);
	if (writing.len == 0)
		put(&writing, "(none)");
	else if (option->flags & OPTION_SECRET)
		snprintf(room, size, "(secret)");
	else if (writing.len == size - 1)
		memcpy(room + size - 4, "...", 4);
	return room;
}
