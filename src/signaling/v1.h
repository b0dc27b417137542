/* The v1/webrtc dialect: frames {"type":NAME,"data":{}}. It was made for rooms whose media goes through the server; here participants
 * send offers, answers and candidates to each other, by the peerId that data names as "to". What its files share; what it is to the core
 * is dialect_v1. */
#pragma once

#include "signaling/dialect.h"
#include "signaling/http_exchange.h"

/* The protocol's own bounds. */
enum { V1_ROOM_MAX = 100, V1_ROOM_ID_MAX = 128 };

/* What the dialect keeps of a client. */
struct v1 {
	bool has_asked;       /* to join */
	bool has_credentials; /* was told some: those that follow refresh them */
	char room[V1_ROOM_ID_MAX + 1];
	/* Offers and candidates: what is left of their burst, in thousandths, and when it was counted. */
	uint32_t tokens;
	uint64_t counted_ms;
};

/* What was asked: reference.number of all that this dialect asks. */
enum v1_request {
	V1_NOTHING,
	V1_FIRST, /* something else than a join came first */
	V1_JOIN,
	V1_OFFER,
	V1_ANSWER,
	V1_CANDIDATE,
	V1_STATE,
	V1_LEAVE,
	V1_REQUESTS /* the count */
};

/* v1_decode.c */
void v1_decode(struct session *session, struct slice text);
void v1_join(struct session *session, struct slice room, struct slice attributes);
/* 1 to 128 printable characters of ASCII. */
bool v1_is_room_id(struct slice room);

/* v1_encode.c: participants that come and go are told by the names of the documents, of the source, or by both. */
void v1_encode(struct session *session, const struct event *event, struct encoder *encoder);
void v1_encode_documented(struct session *session, const struct event *event,
                          struct encoder *encoder);
void v1_encode_source(struct session *session, const struct event *event, struct encoder *encoder);

/* v1_rest.c */
enum { V1_ROUTES = 6 };
extern const struct http_route v1_routes[V1_ROUTES];
