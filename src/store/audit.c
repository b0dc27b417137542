/* The audit log: what every driver's has in common. */
#include "store/audit.h"

#include "store/driver.h"

enum err store_audit_add(struct store *store, const struct store_audit_entry *entry)
{
	if (entry->who[0] == '\0' || entry->what[0] == '\0' || entry->time_ms > INT64_MAX)
		return ERR_INVALID;
	return store->driver->audit_add(store, entry);
}

enum err store_audit_list(struct store *store, uint64_t before, store_each_audit_entry *each,
                          void *context)
{
	return store->driver->audit_list(store, before, each, context);
}
