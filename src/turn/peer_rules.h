/* Lists of peers that realms have beside those of the server. Compiled once and never changed: a new
 * list is another object. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"

struct peer_rule {         /* lent during creation, copied */
	const char *realm; /* "": every one */
	struct addr_range range;
	bool is_denied;
};

struct peer_rules;
struct peer_lists; /* what holds for one realm */

MUST_CHECK enum err peer_rules_create(const struct peer_rule *rules, size_t count,
                                      struct peer_rules **result);
void peer_rules_destroy(struct peer_rules *rules);

/* Returns what holds for a realm, lent for as long as the rules live. rules NULL: NULL. */
const struct peer_lists *peer_rules_find(const struct peer_rules *rules, const char *realm);

/* Say whether an address is in a list of the realm, or in that of every realm. lists NULL: it is not. */
bool peer_lists_allow(const struct peer_lists *lists, const struct transport_addr *peer);
bool peer_lists_deny(const struct peer_lists *lists, const struct transport_addr *peer);
/* Return the range that says so, of the realm's own list before that of every realm; ranges that overlap were made one. NULL: none. */
const struct addr_range *peer_lists_find_allowed(const struct peer_lists *lists,
                                                 const struct transport_addr *peer);
const struct addr_range *peer_lists_find_denied(const struct peer_lists *lists,
                                                const struct transport_addr *peer);
