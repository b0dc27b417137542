/* Which IP addresses to listen on and to relay from: those configured, or those the machine has. */
#pragma once

#include "relay/relay.h"

/* Fill relay->frontend_ips; or relay->addresses with their port pools and relay->address_map; or
 * relay->frontends, when TLS contexts and IPs are there. */
MUST_CHECK enum err frontends_find(struct relay *relay, char problem[256]);
MUST_CHECK enum err frontends_find_relays(struct relay *relay, char problem[256]);
MUST_CHECK enum err frontends_list(struct relay *relay, char problem[256]);
/* Adds to relay->frontends the ports that proxies come to. */
MUST_CHECK enum err frontends_list_proxied(struct relay *relay, char problem[256]);
