/* The RPC dialect: calls {"a":name,"d":{}}, answered by {"a":nameR,"s":true,"d":{}} or {"a":nameR,"s":false,"e":number}, and events
 * {"a":name,"d":{}}. What its files share; what it is to the core is dialect_rpc. */
#pragma once

#include "signaling/dialect.h"
#include "signaling/http_exchange.h"

/* The protocol's own bound of a room: a ninth of its clients is refused. */
enum { RPC_ROOM_MAX = 8 };
/* What platform, version and their like may have, decoded. */
enum { RPC_WORD_MAX = 255 };

enum rpc_state {
	RPC_OUTSIDE, /* only join and reconnect are heard */
	RPC_ASKED,   /* has asked to join, or to have its old place back */
	RPC_INSIDE
};

/* What the dialect keeps of a client. */
struct rpc {
	enum rpc_state state;
	char wanted[ROOM_NAME_MAX + 1]; /* room, or socketId, until it has proved who it is */
};

/* reference.text is the action that was called; reference.number what is to be done when the client has proved who it is, or that
 * whatever comes of it is not told. */
enum rpc_purpose { RPC_TO_ANSWER, RPC_TO_JOIN, RPC_TO_RECONNECT, RPC_TO_BE_SILENT };
extern const struct reference rpc_silent;

/* rpc_decode.c */
void rpc_decode(struct session *session, struct slice text);
/* Goes on with what it wanted: joins, or takes its old place. */
void rpc_enter(struct session *session, const struct reference *reference);
void rpc_reenter(struct session *session, const struct reference *reference);

/* rpc_encode.c */
void rpc_encode(struct session *session, const struct event *event, struct encoder *encoder);

/* rpc_media.c: the userMediaConfiguration that suits a room: after a join for as many peers as there were before it, after a leave
 * for as many participants as are left. */
enum rpc_media_occasion { RPC_MEDIA_JOIN, RPC_MEDIA_LEAVE };
void rpc_put_media(struct text *text, enum rpc_media_occasion occasion, unsigned peers);

/* rpc_rest.c */
enum { RPC_ROUTES = 3 };
extern const struct http_route rpc_routes[RPC_ROUTES];
