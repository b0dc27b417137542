/* Peers that clients of a realm may reach or may not: what can be in a list. */
#include <stdio.h>

#include "base/addr.h"
#include "store/driver.h"

static enum err canonical(const char *range, char text[STORE_RANGE_MAX + 1]);

enum err store_peer_range_add(struct store *store, enum store_peer_list list, const char *realm,
                              const char *range)
{
	char text[STORE_RANGE_MAX + 1];
	enum err err = canonical(range, text);

	return err != OK ? err : store->driver->peer_range_add(store, list, realm, text);
}

enum err store_peer_range_delete(struct store *store, enum store_peer_list list, const char *realm,
                                 const char *range)
{
	char text[STORE_RANGE_MAX + 1];
	bool is_range = range != NULL && canonical(range, text) == OK;

	return store->driver->peer_range_delete(store, list, realm, range, is_range ? text : NULL);
}

enum err store_peer_range_list(struct store *store, enum store_peer_list list, const char *realm,
                               bool (*each)(const char *realm, const char *range, void *context),
                               void *context)
{
	return store->driver->peer_range_list(store, list, realm, each, context);
}

/* As coturn reads it: one address, or both ends. ERR_INVALID: it is no range. */
static enum err canonical(const char *range, char text[STORE_RANGE_MAX + 1])
{
	char low[ADDR_TEXT_SIZE], high[ADDR_TEXT_SIZE];
	struct addr_range read;
	enum err err = addr_range_parse(range, &read);

	if (err != OK)
		return err;
	addr_format_ip(&read.low, low);
	if (addr_equal_ip(&read.low, &read.high))
		snprintf(text, STORE_RANGE_MAX + 1, "%s", low);
	else
		snprintf(text, STORE_RANGE_MAX + 1, "%s-%s", low, addr_format_ip(&read.high, high));
	return OK;
}
