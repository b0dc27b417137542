/* The queue of what the host has to do. Private to the folder. */
#pragma once

#include "turn/channel.h"

struct queued_action;

void action_queue_deinit(struct turn_server *server);

void action_send(struct turn_server *server, const struct five_tuple *tuple, void *path,
                 const uint8_t *bytes, size_t len);
/* The same for the success response that ends what an Allocate began at began_us. */
void action_send_setup(struct turn_server *server, const struct five_tuple *tuple, void *path,
                       const uint8_t *bytes, size_t len, uint64_t began_us);
void action_open_relay(struct turn_server *server, uint64_t cookie,
                       const struct turn_open_relay *open);
void action_close_relay(struct turn_server *server, void *relay);
void action_find_key(struct turn_server *server, uint64_t cookie, const struct turn_find_key *find);
void action_flow(struct turn_server *server, enum turn_action_type type,
                 const struct channel *channel);
void action_connect_peer(struct turn_server *server, uint64_t cookie, void *relay,
                         const struct transport_addr *peer);
void action_close_peer(struct turn_server *server, uint64_t cookie);
void action_join(struct turn_server *server, uint64_t cookie, void *path);
void action_move_client(struct turn_server *server, void *path, unsigned thread,
                        const uint8_t *bytes, size_t len);
void action_limit_reached(struct turn_server *server, const struct turn_limit_reached *reached);
void action_kept(struct turn_server *server, const struct five_tuple *tuple, void *path,
                 const struct packet *packet);
/* In two steps, so that an allocation is let go only when nothing can fail any more: memory for an entry,
 * NULL when there is none, and the entry filled and queued, or discarded. */
struct queued_action *action_prepare(struct turn_server *server);
void action_handoff(struct turn_server *server, struct queued_action *entry, unsigned thread,
                    struct turn_handoff *handoff);
void action_discard(struct queued_action *entry);
void action_report(const struct turn_allocation *allocation, enum turn_report_type type,
                   const char *reason);
