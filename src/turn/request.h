/* One message on its way through the table of dispatch.c: what came, who sent it, what is in hand
 * for it by now, and the answer being written. */
#pragma once

#include "stun/builder.h"
#include "stun/origin.h"
#include "turn/allocation.h"
#include "turn/server.h"

/* What a check or handler makes of a message: STUN_NO_ERROR, an enum stun_error for the error
 * response, or one of these, which get no answer now. */
enum {
	OUTCOME_PARKED = 1, /* waits for the host; dispatched again from the top */
	OUTCOME_FORWARD,    /* its packet goes to a peer */
	OUTCOME_DROPPED,    /* the reason was counted */
	OUTCOME_DONE,       /* its handler saw to the answer */
	OUTCOME_HAND_OVER,  /* the client is another server's from here on */
};

/* What the host answered so far. */
enum answer_state { ANSWER_NONE, ANSWER_FOUND, ANSWER_NOT_FOUND, ANSWER_UNAVAILABLE };

struct owner_answer;
struct row;

struct request {
	struct turn_server *server;
	const struct five_tuple *tuple;
	void *path;
	struct stun_message message;
	const struct row *row;  /* of dispatch.c; NULL: not looked for yet, or there is none */
	enum counter succeeded; /* what a success response counts as */
	bool is_kept;           /* for its allocation, which is on its way here */
	uint64_t began_us; /* when it was parked for the first time; 0: it was not, or no clock */
	struct turn_allocation *allocation; /* of the 5-tuple; NULL: none */

	/* Data indications alone. */
	struct packet *packet;
	struct turn_forward *forward;

	/* In hand when the message was parked before. */
	enum answer_state key_answer, relay_answer, peer_answer;
	const struct turn_key *keys; /* key_count of them */
	size_t key_count;
	const struct turn_token_key *token_key; /* NULL: none was found */
	uint64_t wall_ms;                       /* with token_key */
	const struct turn_opened *opened;
	const struct owner_answer *owner_answer; /* to a Refresh with a ticket; NULL: none yet */
	bool is_adopted;                         /* an allocation owns what was opened */
	uint32_t connection_id; /* of the peer data connection that was asked for */
	struct places places;   /* in the quotas; what is left of them at the end is given back */

	/* Who sent it, once authenticate() has accepted. */
	bool is_authenticated;
	bool names_algorithm; /* the client sent PASSWORD-ALGORITHM */
	enum stun_password_algorithm algorithm;
	const char *username;     /* "" on an open server, or while unknown for a USERHASH */
	const char *realm;        /* NULL: not decided yet; request_realm() decides */
	timestamp token_deadline; /* of an access token; 0: it came without one */
	uint8_t key[STUN_KEY_MAX];
	size_t key_len;

	/* With STUN_TRY_ALTERNATE: alternate_count of them. */
	const struct transport_addr *alternate[2];
	size_t alternate_count;
	/* Of a Binding request: where its success response leaves from and goes to. */
	struct five_tuple way;
	bool is_probe; /* it asks for more than its address (RFC 5780) */

	const char *reason; /* phrase of an error response; NULL: the one of its code */
	/* For the log: why it is refused, in more words than the client is told; NULL: in the same. */
	const char *why;
	bool is_nonce_fresh; /* whoever sent it receives where it seems to come from */
	bool is_told;        /* the host knows of the answer: what reply() sends is no news */
	struct stun_builder answer; /* a success response, to which the handler adds */
};

/* Runs a request through the table; see dispatch.c. */
enum turn_verdict dispatch(struct request *request);

/* Sends the success response as its handler wrote it, or an error response. */
void reply(struct request *request, int error);

/* The realm of a request: of its allocation, or of its ORIGIN, or the default one; realm.c. */
const char *request_realm(struct request *request);
/* The realm whose limits and peers its user has: of his name, or the same. */
const char *request_home(struct request *request);
/* The realm its 401 names or would have named, whatever an access token made of it since. */
const char *request_challenge_realm(const struct request *request);
/* The origin that counts, normalised: that of the realm, else the first one. False: there is none. */
bool request_origin(const struct request *request, char origin[STUN_ORIGIN_MAX + 1]);
/* 441 when the client of an allocation has become another's: check-origin-consistency. */
int check_origin(struct request *request);

/* Third-party authorization (RFC 7635): third_party.c. */
bool has_access_token(const struct request *request);
int check_access_token(struct request *request);
/* Once all checks have passed: the key and the end of a new token are the allocation's from now on. */
void keep_access_token(struct request *request);
/* The name of this server that tokens are made for and 401s tell. */
const char *third_party_server_name(const struct request *request);

/* The long-term credential mechanism, RFC 8489 section 9.2.4. */
int authenticate(struct request *request);
/* True when the user of request->allocation signed the request, with the key of the allocation. */
bool request_is_from_owner(struct request *request);

int handle_binding(struct request *request);
int handle_binding_indication(struct request *request);
int handle_allocate(struct request *request);
int handle_refresh(struct request *request);
int handle_create_permission(struct request *request);
int handle_channel_bind(struct request *request);
int handle_send(struct request *request);
int handle_connect(struct request *request);
int handle_connection_bind(struct request *request);

/* ChannelData from a client: the path of nearly all packets. */
enum turn_verdict channel_data_input(struct turn_server *server, const struct five_tuple *tuple,
                                     struct packet *packet, struct turn_forward *forward);

/* What a Refresh does to request->allocation, which is NULL once it was deleted. Gives the lifetime; 0
 * for a deletion. */
int refresh_allocation(struct request *request, uint32_t *lifetime_s);

/* The lifetime that RFC 8656 sections 7.2 and 8.2 grant for what the request asks. */
uint32_t request_lifetime_s(const struct request *request);

/* Whom a nonce is for: the transport address that datagrams come from. Who has a connection is seen to
 * receive anyway, so that over TCP and TLS it is the IP alone: RFC 6062's clients open connections with
 * the nonce that they were given on the first. */
static inline struct transport_addr request_nonce_addr(const struct request *request)
{
	struct transport_addr addr = request->tuple->client;

	if (transport_is_stream(request->tuple->transport))
		addr_set_port(&addr, 0);
	return addr;
}

/* Returns error; why is for the log alone. */
static inline int refuse(struct request *request, int error, const char *why)
{
	request->why = why;
	return error;
}

/* What clients of a lost allocation meet: neither end knows which of both it was. */
static inline int refuse_without_allocation(struct request *request)
{
	return refuse(request, STUN_ALLOCATION_MISMATCH,
	              "no allocation: it has ended, or its client's address changed");
}

static inline int count_drop(struct request *request, enum counter reason)
{
	drop(request->server, reason);
	return OUTCOME_DROPPED;
}
