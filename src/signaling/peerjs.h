/* PeerJS's dialect: {"type","src","dst","payload"} between clients that choose their own ids. The key that a client shows is the name
 * of its room, its id is its alias there. What its files share; what it is to the core is dialect_peerjs. */
#pragma once

#include "signaling/dialect.h"
#include "signaling/http_exchange.h"

enum {
	PEERJS_ID_MAX = 128,
	PEERJS_SECRET_SIZE = 65,    /* SHA-256 in hexadecimal digits */
	PEERJS_CONNECTION_MAX = 64, /* of a connectionId, as it is written, quotes included */
	PEERJS_LINKS = 8,
	PEERJS_WAIT_S = 5, /* that a message waits for an id that nobody has yet */
};

/* A call that this client has offered to a participant of another dialect, which knows nothing of connectionIds. */
struct peerjs_link {
	char peer[SESSION_ID_SIZE]; /* "": free */
	char connection[PEERJS_CONNECTION_MAX + 1];
	bool is_data;
};

/* What the dialect keeps of a client. */
struct peerjs {
	char id[PEERJS_ID_MAX + 1], key[ROOM_NAME_MAX + 1], secret[PEERJS_SECRET_SIZE];
	struct peerjs_link links[PEERJS_LINKS]; /* the oldest is overwritten */
	unsigned next_link;
};

/* reference.number of the join that opens a connection. */
enum { PEERJS_OPENING = 1 };

/* peerjs_open.c */
void peerjs_open(struct session *session, const struct http_exchange *exchange);
void peerjs_join(struct session *session);
/* Writes why a connection is not opened, and closes it. */
void peerjs_tell_refused(struct encoder *encoder, enum signaling_error error);

/* peerjs_messages.c */
void peerjs_decode(struct session *session, struct slice text);
void peerjs_encode(struct session *session, const struct event *event, struct encoder *encoder);

/* peerjs_link.c */
/* Remembers the raw connectionId of an offer to peer, in place of an older one. */
void peerjs_link_keep(struct peerjs *own, const char *peer, struct slice connection, bool is_data);
void peerjs_link_forget(struct peerjs *own, const char *peer);
const struct peerjs_link *peerjs_link_find(const struct peerjs *own, const char *peer);

/* peerjs_rest.c */
enum { PEERJS_ROUTES = 7 };
extern const struct http_route peerjs_routes[PEERJS_ROUTES];
