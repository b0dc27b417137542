/* Each type of options.def: how a text is read into it, compared, freed. */
#include "config/value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"

struct reading {
	const struct option *option;
	const char *text;
	char *problem; /* OPTION_PROBLEM_SIZE */
};

struct value_type {
	enum err (*read)(const struct reading *reading, void *member);
	void (*deinit)(void *member);
	bool (*equal)(const void *a, const void *b);
	size_t size; /* of the member */
	/* Into a member that holds nothing, which it still does without memory. NULL: its bytes are all. */
	enum err (*copy)(void *member, const void *from);
};
static const struct value_type types[OPTION_TYPE_COUNT];

enum err value_read(struct config *config, const struct option *option, const char *text,
                    char problem[OPTION_PROBLEM_SIZE])
{
	const struct reading reading = {option, text, problem};

	problem[0] = 0;
	return types[option->type].read(&reading, (char *)config + option->offset);
}

void value_deinit(struct config *config, const struct option *option)
{
	if (types[option->type].deinit != NULL)
		types[option->type].deinit((char *)config + option->offset);
}

enum err value_copy(struct config *to, const struct config *from, const struct option *option)
{
	const struct value_type *type = &types[option->type];
	const void *source = (const char *)from + option->offset;
	void *member = (char *)to + option->offset;
	struct config made = {0};
	enum err err;

	if (type->copy == NULL) {
		memcpy(member, source, type->size);
		return OK;
	}
	err = type->copy((char *)&made + option->offset, source);
	if (err != OK)
		return err;
	value_deinit(to, option);
	memcpy(member, (char *)&made + option->offset, type->size);
	return OK;
}

bool value_equal(const struct config *a, const struct config *b, const struct option *option)
{
	return types[option->type].equal((const char *)a + option->offset,
	                                 (const char *)b + option->offset);
}

/* Says what is wrong: the text in quotes, unless it is secret, and then why. */
PRINTF_LIKE(2, 3) static enum err refuse(const struct reading *reading, const char *why, ...)
{
	size_t used = 0;
	va_list args;

	if (!(reading->option->flags & OPTION_SECRET))
		used = (size_t)snprintf(reading->problem, OPTION_PROBLEM_SIZE, "\"%.64s\" ",
		                        reading->text);
	va_start(args, why);
	vsnprintf(reading->problem + used, OPTION_PROBLEM_SIZE - used, why, args);
	va_end(args);
	return ERR_INVALID;
}

/* ---- numbers ---- */

enum err flag_parse(const char *text, bool *flag)
{
	static const struct {
		const char *word;
		bool flag;
	} words[] = {
		{"", true},   {"1", true},    {"on", true},     {"yes", true},  {"y", true},
		{"t", true},  {"true", true}, {"0", false},     {"off", false}, {"no", false},
		{"n", false}, {"f", false},   {"false", false},
	};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcasecmp(text, words[i].word) == 0) {
			*flag = words[i].flag;
			return OK;
		}
	return ERR_INVALID;
}

static enum err flag_read(const struct reading *reading, void *member)
{
	bool *flag = member;

	if (flag_parse(reading->text, flag) == OK)
		return OK;
	return refuse(reading, "is neither yes nor no: say yes, no, on, off, true, false, 1 or 0");
}

static bool flag_equal(const void *a, const void *b)
{
	return *(const bool *)a == *(const bool *)b;
}

struct unit {
	const char *name;
	uint64_t factor;
};
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};
static const struct unit time_units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {NULL, 0}};
static const struct unit size_units[] = {
	{"", 1}, {"k", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {NULL, 0}};

/* Reads digits and a unit, of either case. */
static bool number_parse(const char *text, const struct unit *units, uint64_t *number)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*number = strtoull(text, &end, 10);
	if (errno != 0)
		return false;
	for (const struct unit *unit = units; unit->name != NULL; unit++)
		if (strcasecmp(end, unit->name) == 0)
			return !__builtin_mul_overflow(*number, unit->factor, number);
	return false;
}

static bool number_in_limits(const struct reading *reading, const struct unit *units,
                             uint64_t *number)
{
	const struct option_limits *limits = &reading->option->limits;

	return number_parse(reading->text, units, number) && *number >= limits->low &&
	       *number <= limits->high;
}

static enum err number_read(const struct reading *reading, void *member)
{
	const struct option_limits *limits = &reading->option->limits;
	uint64_t number;

	if (!number_in_limits(reading, no_units, &number))
		return refuse(reading, "is not a number from %" PRIu64 " to %" PRIu64, limits->low,
		              limits->high);
	*(uint32_t *)member = (uint32_t)number;
	return OK;
}

static enum err duration_read(const struct reading *reading, void *member)
{
	const struct option_limits *limits = &reading->option->limits;
	uint64_t number;

	if (!number_in_limits(reading, time_units, &number))
		return refuse(reading,
		              "is not a time from %" PRIu64 " to %" PRIu64
		              " seconds, such as 600, 10m or 1h",
		              limits->low, limits->high);
	*(uint32_t *)member = (uint32_t)number;
	return OK;
}

static enum err size_read(const struct reading *reading, void *member)
{
	const struct option_limits *limits = &reading->option->limits;
	uint64_t number;

	if (!number_in_limits(reading, size_units, &number))
		return refuse(reading,
		              "is not a size from %" PRIu64 " to %" PRIu64
		              " bytes, such as 65536, 64k or 1M",
		              limits->low, limits->high);
	*(uint64_t *)member = number;
	return OK;
}

static enum err port_read(const struct reading *reading, void *member)
{
	const struct option_limits *limits = &reading->option->limits;
	uint64_t number;

	if (!number_in_limits(reading, no_units, &number))
		return refuse(reading, "is not a port: give a number from %" PRIu64 " to %" PRIu64,
		              limits->low, limits->high);
	*(uint16_t *)member = (uint16_t)number;
	return OK;
}

static bool u16_equal(const void *a, const void *b)
{
	return *(const uint16_t *)a == *(const uint16_t *)b;
}
static bool u32_equal(const void *a, const void *b)
{
	return *(const uint32_t *)a == *(const uint32_t *)b;
}
static bool u64_equal(const void *a, const void *b)
{
	return *(const uint64_t *)a == *(const uint64_t *)b;
}

/* ---- texts ---- */

static bool has_control_character(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p != 0; p++)
		if (*p < 0x20 || *p == 0x7F)
			return true;
	return false;
}

static bool is_among(const char *text, const char *words)
{
	size_t len = strlen(text);

	for (const char *p = words; p != NULL && *p != 0; p += strspn(p, " ")) {
		size_t word = strcspn(p, " ");

		if (word == len && strncmp(p, text, len) == 0)
			return true;
		p += word;
	}
	return false;
}

/* A value below its limits is only ever too short by being empty. */
static enum err text_check(const struct reading *reading)
{
	const struct option_limits *limits = &reading->option->limits;
	size_t len = strlen(reading->text);

	if (len < limits->low)
		return refuse(reading, "is empty");
	if (len > limits->high)
		return refuse(reading, "is longer than %" PRIu64 " byte%s", limits->high,
		              limits->high == 1 ? "" : "s");
	if (has_control_character(reading->text))
		return refuse(reading, "contains a control character");
	if (limits->choices != NULL && !is_among(reading->text, limits->choices))
		return refuse(reading, "is not one of: %s", limits->choices);
	if (limits->check != NULL && !limits->check(reading->text, reading->problem))
		return ERR_INVALID;
	return OK;
}

static void text_free(char *text)
{
	if (text == NULL)
		return;
	bytes_wipe(text, strlen(text));
	free(text);
}

static enum err text_read(const struct reading *reading, void *member)
{
	char **text = member, *copy = NULL;
	enum err err = text_check(reading);

	if (err != OK)
		return err;
	if (reading->text[0] != 0 && (copy = strdup(reading->text)) == NULL)
		return ERR_NO_MEMORY;
	text_free(*text);
	*text = copy;
	return OK;
}

static void text_deinit(void *member)
{
	char **text = member;

	text_free(*text);
	*text = NULL;
}

static bool text_equal(const void *a, const void *b)
{
	const char *const *left = a, *const *right = b;

	if (*left == NULL || *right == NULL)
		return *left == *right;
	return strcmp(*left, *right) == 0;
}

static enum err text_copy_member(void *member, const void *from)
{
	const char *const *text = from;
	char **copy = member;

	if (*text == NULL)
		return OK;
	*copy = strdup(*text);
	return *copy != NULL ? OK : ERR_NO_MEMORY;
}

/* ---- lists ---- */

/* Returns room for one item more: a list doubles whenever its count is a power of two. */
static void *grow(void *items, size_t count, size_t size)
{
	if (count != 0 && (count & (count - 1)) != 0)
		return items;
	return reallocarray(items, count == 0 ? 1 : 2 * count, size);
}

#define APPEND(list, value)                                                            \
	do {                                                                           \
		void *items = grow((list)->item, (list)->count, sizeof *(list)->item); \
		if (items == NULL)                                                     \
			return ERR_NO_MEMORY;                                          \
		(list)->item = items;                                                  \
		(list)->item[(list)->count++] = (value);                               \
	} while (0)

/* Room for count items, as a list that grew to them has it. */
static void *list_room(size_t count, size_t size)
{
	size_t room = 1;

	while (room < count)
		room *= 2;
	return calloc(room, size);
}

/* Two lists of one type are equal when their items are, one by one. */
#define DEFINE_LIST(name, type, item_equal)                                         \
	static void name##_deinit(void *member)                                     \
	{                                                                           \
		type *list = member;                                                \
                                                                                    \
		free(list->item);                                                   \
		*list = (type){0};                                                  \
	}                                                                           \
	static bool name##_equal(const void *a, const void *b)                      \
	{                                                                           \
		const type *left = a, *right = b;                                   \
                                                                                    \
		if (left->count != right->count)                                    \
			return false;                                               \
		for (size_t i = 0; i < left->count; i++)                            \
			if (!item_equal(&left->item[i], &right->item[i]))           \
				return false;                                       \
		return true;                                                        \
	}                                                                           \
	static enum err name##_copy(void *member, const void *from)                 \
	{                                                                           \
		const type *source = from;                                          \
		type *list = member;                                                \
                                                                                    \
		if (source->count == 0)                                             \
			return OK;                                                  \
		list->item = list_room(source->count, sizeof *list->item);          \
		if (list->item == NULL)                                             \
			return ERR_NO_MEMORY;                                       \
		list->count = source->count;                                        \
		memcpy(list->item, source->item, list->count * sizeof *list->item); \
		return OK;                                                          \
	}

static bool range_item_equal(const struct addr_range *a, const struct addr_range *b)
{
	return addr_equal_ip(&a->low, &b->low) && addr_equal_ip(&a->high, &b->high);
}

static bool nat64_item_equal(const struct nat64_prefix *a, const struct nat64_prefix *b)
{
	return a->bits == b->bits && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static bool external_item_equal(const struct external_addr *a, const struct external_addr *b)
{
	return a->has_private == b->has_private && addr_equal_ip(&a->public_ip, &b->public_ip) &&
	       (!a->has_private || addr_equal_ip(&a->private_ip, &b->private_ip));
}

DEFINE_LIST(addr_list, struct addr_list, addr_equal_ip)
DEFINE_LIST(server_list, struct addr_list, addr_equal)
DEFINE_LIST(range_list, struct range_list, range_item_equal)
DEFINE_LIST(nat64_list, struct nat64_list, nat64_item_equal)
DEFINE_LIST(external_list, struct external_list, external_item_equal)

static enum err text_list_read(const struct reading *reading, void *member)
{
	struct text_list *list = member;
	char *copy = NULL;
	enum err err;

	if (reading->text[0] == 0)
		return refuse(reading, "is empty");
	err = text_read(reading, &copy);
	if (err != OK)
		return err;
	void *items = grow(list->item, list->count, sizeof *list->item);
	if (items == NULL) {
		text_free(copy);
		return ERR_NO_MEMORY;
	}
	list->item = items;
	list->item[list->count++] = copy;
	return OK;
}

static void text_list_deinit(void *member)
{
	struct text_list *list = member;

	for (size_t i = 0; i < list->count; i++)
		text_free(list->item[i]);
	free(list->item);
	*list = (struct text_list){0};
}

static bool text_list_equal(const void *a, const void *b)
{
	const struct text_list *left = a, *right = b;

	if (left->count != right->count)
		return false;
	for (size_t i = 0; i < left->count; i++)
		if (strcmp(left->item[i], right->item[i]) != 0)
			return false;
	return true;
}

static enum err text_list_copy(void *member, const void *from)
{
	const struct text_list *source = from;
	struct text_list *list = member;

	if (source->count == 0)
		return OK;
	list->item = list_room(source->count, sizeof *list->item);
	for (size_t i = 0; list->item != NULL && i < source->count; i++) {
		list->item[i] = strdup(source->item[i]);
		if (list->item[i] == NULL) {
			text_list_deinit(list);
			return ERR_NO_MEMORY;
		}
		list->count++;
	}
	return list->item != NULL ? OK : ERR_NO_MEMORY;
}

/* Reads an IP alone: no name, no port, no brackets. */
static bool ip_parse(const char *text, struct transport_addr *addr)
{
	return strchr(text, '[') == NULL && addr_parse(text, 0, addr) == OK &&
	       (addr_family(addr) == AF_INET6 || strchr(text, ':') == NULL);
}

static enum err addr_list_read(const struct reading *reading, void *member)
{
	/* coturn's file says listening-ip= for all IPv4 addresses. */
	const char *text = reading->text[0] != 0 ? reading->text : "0.0.0.0";
	struct addr_list *list = member;
	struct transport_addr addr;

	if (!ip_parse(text, &addr))
		return refuse(reading, "is not an IP address: give one such as 192.0.2.1 or "
		                       "2001:db8::1, without a port and not a name");
	APPEND(list, addr);
	return OK;
}

/* An address with its port, which may be left out. */
static enum err server_list_read(const struct reading *reading, void *member)
{
	struct addr_list *list = member;
	struct transport_addr addr;

	if (addr_parse(reading->text, 0, &addr) != OK || addr_is_any(&addr))
		return refuse(reading, "is not the address of a server: give 192.0.2.1:3478, "
		                       "[2001:db8::1]:3478, or one without the port, and not a "
		                       "name");
	APPEND(list, addr);
	return OK;
}

static enum err range_list_read(const struct reading *reading, void *member)
{
	struct range_list *list = member;
	struct addr_range range;

	if (addr_range_parse(reading->text, &range) != OK)
		return refuse(reading, "is not a range of addresses: give 192.0.2.1, "
		                       "192.0.2.1-192.0.2.9 (lower end first) or 192.0.2.0/24 (no "
		                       "bits beyond the prefix), IPv4 or IPv6");
	APPEND(list, range);
	return OK;
}

static enum err nat64_list_read(const struct reading *reading, void *member)
{
	struct nat64_list *list = member;
	struct nat64_prefix prefix = {0};

	if (nat64_prefix_parse(reading->text, &prefix) != OK)
		return refuse(reading,
		              "is not a NAT64 prefix: give one such as 2001:db8:64::/96 of "
		              "32, 40, 48, 56, 64 or 96 bits");
	APPEND(list, prefix);
	return OK;
}

/* Reads PUBLIC or PUBLIC/PRIVATE. */
static bool external_parse(const char *text, struct external_addr *external)
{
	char public_text[ADDR_TEXT_SIZE];
	const char *slash = strchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);

	if (len >= sizeof public_text)
		return false;
	memcpy(public_text, text, len);
	public_text[len] = 0;
	external->has_private = slash != NULL;
	if (!ip_parse(public_text, &external->public_ip))
		return false;
	return slash == NULL ||
	       (ip_parse(slash + 1, &external->private_ip) &&
	        addr_family(&external->public_ip) == addr_family(&external->private_ip));
}

static enum err external_list_read(const struct reading *reading, void *member)
{
	struct external_list *list = member;
	struct external_addr external = {0};

	if (!external_parse(reading->text, &external))
		return refuse(reading, "is not an external address: give 203.0.113.5, or "
		                       "203.0.113.5/10.0.0.5 with the local address behind the "
		                       "slash, both of one family and not names");
	APPEND(list, external);
	return OK;
}

/* clang-format off */
static const struct value_type types[OPTION_TYPE_COUNT] = {
	[OPTION_FLAG] = {flag_read, NULL, flag_equal, sizeof(config_FLAG), NULL},
	[OPTION_NUMBER] = {number_read, NULL, u32_equal, sizeof(config_NUMBER), NULL},
	[OPTION_PORT] = {port_read, NULL, u16_equal, sizeof(config_PORT), NULL},
	[OPTION_DURATION] = {duration_read, NULL, u32_equal, sizeof(config_DURATION), NULL},
	[OPTION_SIZE] = {size_read, NULL, u64_equal, sizeof(config_SIZE), NULL},
	[OPTION_TEXT] = {text_read, text_deinit, text_equal, sizeof(config_TEXT), text_copy_member},
	[OPTION_TEXT_LIST] = {text_list_read, text_list_deinit, text_list_equal, sizeof(config_TEXT_LIST), text_list_copy},
	[OPTION_ADDR_LIST] = {addr_list_read, addr_list_deinit, addr_list_equal, sizeof(config_ADDR_LIST), addr_list_copy},
	[OPTION_SERVER_LIST] = {server_list_read, server_list_deinit, server_list_equal, sizeof(config_SERVER_LIST), server_list_copy},
	[OPTION_RANGE_LIST] = {range_list_read, range_list_deinit, range_list_equal, sizeof(config_RANGE_LIST), range_list_copy},
	[OPTION_NAT64_LIST] = {nat64_list_read, nat64_list_deinit, nat64_list_equal, sizeof(config_NAT64_LIST), nat64_list_copy},
	[OPTION_EXTERNAL_LIST] = {external_list_read, external_list_deinit, external_list_equal, sizeof(config_EXTERNAL_LIST), external_list_copy},
};
/* clang-format on */
