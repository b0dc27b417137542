/* Permissions (RFC 8656 section 9): which IPs may exchange data with an allocation. Private to the
 * folder. */
#pragma once

#include "turn/allocation.h"

struct permission {
	struct list node; /* in the allocation's permissions */
	struct turn_allocation *allocation;
	struct timer timer;
	struct list channels; /* owned; struct channel */
	/* As packets carry it: an IP of ours in its private form. Its port means nothing. */
	struct transport_addr peer;
	/* False once expired: then it only waits for its channels, which point at it, to go. */
	bool is_alive;
	/* The peer is an IP of ours: each packet is judged, for the port decides. */
	bool needs_judgement;
};

/* Returns NULL when there is none, or none alive. */
struct permission *permission_find(const struct turn_allocation *allocation,
                                   const struct transport_addr *peer);
/* Creates or refreshes one (section 9), for which there is room. NULL without memory. */
struct permission *permission_install(struct turn_allocation *allocation,
                                      const struct transport_addr *peer, bool needs_judgement);
/* Makes one that an allocation brought from another server, without channels as yet, as the original
 * was. NULL when there is no memory. */
struct permission *permission_restore(struct turn_allocation *allocation,
                                      const struct permission *original);
/* Ends it and its channels. */
void permission_destroy(struct permission *permission);
/* Ends those of an allocation that it would not be given now. Returns how many were alive. */
size_t permissions_judge(struct turn_allocation *allocation);
/* Frees it when it has expired and its last channel has gone. */
void permission_release(struct permission *permission);

/* A peer that a client named: decoded, judged, and turned into the address that packets carry. */
struct peer {
	struct transport_addr addr;
	bool needs_judgement;
};
/* Decodes the value of an XOR-PEER-ADDRESS: 400, or 443 when the allocation has no such family. */
int peer_decode(const struct turn_allocation *allocation, const struct stun_message *message,
                const uint8_t *value, size_t len, struct transport_addr *peer);
/* Judges it too: 403. */
int peer_get(const struct turn_allocation *allocation, const struct stun_message *message,
             const uint8_t *value, size_t len, struct peer *peer);
/* Judges an IP as packets carry it, for the allocation's client: no permission is to be had for it. */
bool peer_is_denied(const struct turn_allocation *allocation, const struct transport_addr *peer);
