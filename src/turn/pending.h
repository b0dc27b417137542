/* Requests that wait for the host, for a key or for a relayed transport address, or for another server,
 * which owns the allocation that a mobility ticket names. A copy of the
 * message is kept; when the answer comes it is dispatched again from the top, so that no handler
 * has a second half. Private to the folder. */
#pragma once

#include "turn/handoff.h"

enum { PENDING_TIMEOUT_MS = 10 * MS_PER_S };

/* Park a request and ask the host. They return OUTCOME_PARKED, or OUTCOME_DROPPED when too many
 * wait: the client will retransmit. */
int pending_find_key(struct request *request, const struct turn_find_key *find);
int pending_open_relay(struct request *request, const struct turn_open_relay *open);

/* The answer comes by pending_owner_answered. */
int pending_ask_owner(struct request *request, const struct ticket *ticket);
void pending_owner_answered(struct turn_server *server, uint64_t cookie,
                            const struct owner_answer *answer);
/* Parks a Connect until its peer data connection is made or given up, which is the connection's to
 * time. Gives the cookie to resume it by. */
int pending_connect(struct request *request, uint64_t *cookie);
/* Dispatches it again with what became of the connection; one that is no longer waiting is fine. */
void pending_connect_answer(struct turn_server *server, uint64_t cookie, enum answer_state answer,
                            uint32_t connection_id);
/* Forgets it: there is nobody to answer. */
void pending_connect_forget(struct turn_server *server, uint64_t cookie);

/* True when this very request waits already. */
bool pending_has(const struct turn_server *server, const struct five_tuple *tuple,
                 const uint8_t *transaction_id);
/* True when a 5-tuple waits for anything beside what request is. */
bool pending_has_other(const struct request *request);
/* Forgets what a 5-tuple waits for. */
void pending_forget(struct turn_server *server, const struct five_tuple *tuple);
void pending_deinit(struct turn_server *server);
