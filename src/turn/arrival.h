/* Mobility (RFC 8016), the side of the new 5-tuple: a client has shown its ticket here, and its first
 * message here brings its allocation from where that is. Until the allocation's end an arrival also
 * knows the way to it. Private to the folder. */
#pragma once

#include "turn/handoff.h"

struct arrival;

/* Finds the one on this 5-tuple; NULL when there is none, as there never is beside an allocation. */
struct arrival *arrival_find(const struct turn_server *server, const struct five_tuple *tuple);
/* True when the 5-tuple awaits an allocation other than this. */
bool arrival_is_of_another(const struct turn_server *server, const struct five_tuple *tuple,
                           uint64_t allocation);
/* Makes one where the owner agreed to the request. An error when it cannot. */
int arrival_expect(const struct request *request, const struct owner_answer *answer);
/* Gives the 5-tuple up to an Allocate of a proven user; false when an allocation is on its way to it. */
bool arrival_yields(struct turn_server *server, const struct five_tuple *tuple);

/* True when one waits at this transport address of ours. */
bool arrival_is_at(const struct turn_server *server, const struct transport_addr *addr);
/* True while the allocation is on its way here. */
bool arrival_is_claimed(const struct arrival *arrival);
/* A message of the client: has the allocation come, and keeps the message for it. The packet is lent. */
enum turn_verdict arrival_input(struct arrival *arrival, const struct packet *packet);
void arrival_path_closed(struct turn_server *server, const struct five_tuple *tuple);

/* Puts an allocation of this server where it is awaited. False when nobody awaits it on a path. */
bool arrival_place(struct turn_allocation *allocation);

/* What owners say. */

/* Takes an ASK for an allocation that is elsewhere; false when nothing is known of it. */
bool arrival_forward(struct turn_server *server, struct handoff *ask);
struct turn_allocation *arrival_delivered(struct turn_server *server, struct handoff *delivery);
void arrival_gone(struct turn_server *server, const struct handoff *gone);
void arrival_invited(struct turn_server *server, const struct handoff *invitation);

void arrival_deinit(struct turn_server *server);
