/* Addresses of ours that clients and peers see under another IP (external-ip). Private to the
 * folder. */
#pragma once

#include "turn/server.h"

/* From what a client says to what packets carry, and back; ports stay. */
void address_map_to_private(const struct turn_server *server, struct transport_addr *addr);
void address_map_to_public(const struct turn_server *server, struct transport_addr *addr);
