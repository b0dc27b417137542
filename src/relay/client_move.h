/* A client's connection on its way to the thread that has the peer data connection it asks for
 * (RFC 6062 section 5.4): the id tells the thread, as a reservation token does. */
#pragma once

#include "relay/thread.h"

/* Carries out the core's TURN_MOVE_CLIENT: the stream goes there by mail, with its engine and what of it
 * has not been read, and its ConnectionBind is dispatched there as if it had just come. */
void client_move(struct relay_thread *thread, const struct turn_action *action);
