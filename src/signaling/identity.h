/* Who someone is, and what that allows: what an authority made of the proof that came along. Nothing in here is ever
 * taken from what a client merely says. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { TENANT_NAME_MAX = 64, USER_NAME_MAX = 255, ROOM_NAME_MAX = 200, ROOM_TYPE_MAX = 32 };

/* The tenant of those who name none. */
#define TENANT_DEFAULT "default"

/* Permissions. */
enum {
	MAY_JOIN = 1 << 0,
	MAY_CREATE = 1 << 1, /* a room that is not there yet, by joining it or by REST */
	MAY_SEND = 1 << 2,   /* to one or all of the room: what calls are made of */
	MAY_CHAT = 1 << 3,
	MAY_MODERATE = 1 << 4,    /* kick, ask to mute */
	MAY_CHANGE_ROOM = 1 << 5, /* lock, PIN, capacity */
	MAY_CLOSE_ROOM = 1 << 6,
	MAY_LIST = 1 << 7, /* rooms and participants of the tenant, by REST */
	MAY_HIDE = 1 << 8, /* be in a room without being told of: the server's own participants */
	MAY_ALL_OF_A_PARTICIPANT = MAY_JOIN | MAY_CREATE | MAY_SEND | MAY_CHAT,
	MAY_ALL = (1 << 9) - 1,
};

struct identity {
	char tenant[TENANT_NAME_MAX + 1];
	char user[USER_NAME_MAX + 1]; /* "": nobody in particular */
	char room[ROOM_NAME_MAX + 1]; /* the only one it may join; "": any */
	unsigned permissions;
	uint64_t expires_ms;   /* since 1970: it is good for nothing later; 0: never */
	bool is_authenticated; /* by more than being let in as anybody */
};

/* The proofs that there are. */
enum claim_kind {
	CLAIM_ANYBODY, /* none; the tenant's setting decides */
	CLAIM_BEARER,  /* a JWT, or an API key where it is none */
	CLAIM_SECRET_USER, /* "<expiry>:<user>" and base64 of its HMAC-SHA256 (or SHA1) under a shared secret */
	CLAIM_KEY, /* an API key */
};
enum { CLAIM_PROOF_MAX = 8192, CLAIM_NAME_MAX = 400 };
struct claim {
	enum claim_kind kind;
	const char *proof; /* lent: token, key, or MAC */
	const char *name;  /* lent: of CLAIM_SECRET_USER; else NULL */
	const char *
		tenant; /* lent: that the client wants; "" where it names none. What the proof says wins */
};
