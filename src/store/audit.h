/* Who changed what through the console and turnadmin: kept in the store, the newest AUDIT_ENTRIES_MAX of it. */
#pragma once

#include <stdint.h>

#include "store/store.h"

enum { AUDIT_ENTRIES_MAX = 100000, AUDIT_WHAT_MAX = 64, AUDIT_ON_MAX = 1024 };
struct store_audit_entry {
	uint64_t id;              /* grows; set by the store */
	uint64_t time_ms;         /* since 1970 */
	char who[STORE_TEXT_MAX]; /* administrator, or "token NAME" */
	char from[64];            /* address */
	char what[AUDIT_WHAT_MAX + 1], on[AUDIT_ON_MAX + 1];
};
typedef bool store_each_audit_entry(const struct store_audit_entry *entry, void *context);
/* ERR_INVALID: it says nothing. What was written before AUDIT_ENTRIES_MAX others is forgotten. */
MUST_CHECK enum err store_audit_add(struct store *store, const struct store_audit_entry *entry);
/* Calls each for entries before id (0: the newest), newest first, until it returns false. each does not use the store. */
MUST_CHECK enum err store_audit_list(struct store *store, uint64_t before,
                                     store_each_audit_entry *each, void *context);
