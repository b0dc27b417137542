/* How many sessions and rooms each tenant has at a node: one table of all its hubs. The kernel spreads a tenant's connections over
 * the threads as it likes, and names spread its rooms, so that a share for each hub would be no bound: it would refuse some while
 * others have nobody. Without a lock; what is here is asked for once for each session and each room. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct tenant_counts;
enum tenant_count_kind { TENANT_SESSIONS, TENANT_ROOMS, TENANT_COUNT_KINDS /* the count */ };

MUST_CHECK enum err tenant_counts_create(struct tenant_counts **counts);
void tenant_counts_destroy(struct tenant_counts *counts); /* nobody counts any more; NULL is fine */

/* Any thread. Takes one more place; false: there are as many as there may be (most; 0: no bound), or there is no memory. */
bool tenant_counts_take(struct tenant_counts *counts, const char *tenant,
                        enum tenant_count_kind kind, uint32_t most);
/* Gives back one that was taken. */
void tenant_counts_give(struct tenant_counts *counts, const char *tenant,
                        enum tenant_count_kind kind);
uint32_t tenant_counts_now(struct tenant_counts *counts, const char *tenant,
                           enum tenant_count_kind kind);
