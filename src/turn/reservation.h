/* Relayed transport addresses held for a RESERVATION-TOKEN (RFC 8656 section 7.2). Private to the
 * folder. */
#pragma once

#include "turn/server.h"

enum { RESERVATION_LIFETIME_S = 30 }; /* section 7.2: at least */

/* Takes the relay and its place in the quotas over, and gives the token that open's user is to show. */
MUST_CHECK enum err reservation_create(struct turn_server *server,
                                       const struct turn_open_relay *open,
                                       const struct turn_relay *relay,
                                       const struct turn_place *place,
                                       uint8_t token[TURN_TOKEN_SIZE]);
void reservation_deinit(struct turn_server *server);
