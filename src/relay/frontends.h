/* Which IP addresses to listen on and to relay from: those configured, or those the machine has. */
#pragma once

#include "relay/relay.h"

/* Tell whether sockets can be bound to listening-device and relay-device. */
MUST_CHECK enum err frontends_check_listening_device(struct relay *relay, char problem[256]);
MUST_CHECK enum err frontends_check_relay_device(struct relay *relay, char problem[256]);

/* Fill relay->frontend_ips; or relay->addresses with their port pools and relay->address_map; or
 * relay->frontends, when TLS contexts and IPs are there; or relay->pairs of frontends. */
MUST_CHECK enum err frontends_find(struct relay *relay, char problem[256]);
MUST_CHECK enum err frontends_find_relays(struct relay *relay, char problem[256]);
MUST_CHECK enum err frontends_list(struct relay *relay, char problem[256]);
/* Adds to relay->frontends the ports that proxies come to. */
MUST_CHECK enum err frontends_list_proxied(struct relay *relay, char problem[256]);
/* Sets ip_thread of all frontends, when the threads that there are or will be are counted. */
MUST_CHECK enum err frontends_place(struct relay *relay, char problem[256]);
MUST_CHECK enum err frontends_pair(struct relay *relay, char problem[256]);
