/* Who a client is, when what came was passed on: headers of proxies are believed where a trusted one wrote them. */
#pragma once

#include <stdbool.h>

#include "base/addr.h"
#include "base/slice.h"
#include "config/config.h"

bool proxies_trust(const struct range_list *proxies, const struct transport_addr *addr);

/* Finds the client behind peer. Of X-Forwarded-For (its lines, joined by commas) the last hop that is no trusted proxy is it: what stands
 * before it, strangers wrote. Without one that can be read it is X-Real-Ip, and without that peer itself. */
void proxies_find_client(const struct range_list *proxies, const struct transport_addr *peer,
                         struct slice forwarded_for, struct slice real_ip,
                         struct transport_addr *client);
/* ::ffff:192.0.2.1 is 192.0.2.1. */
void addr_unmap(struct transport_addr *addr);
