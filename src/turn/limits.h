/* Limits: what one allocation may pass on, and places in the quotas that all threads share. Private
 * to the folder. */
#pragma once

#include "turn/turn.h"

struct request;

/* BANDWIDTH as coturn has it of draft-thomson-tram-turn-bandwidth: 128 bytes a second, 1024 bits. */
enum { BANDWIDTH_UNIT = 128 };

/* A token bucket. Tokens are bytes, packets or peers; the level counts thousandths of them, so that
 * a millisecond brings as many as the rate has tokens in a second. */
struct bucket {
	uint64_t level;
	timestamp filled_at;
};

struct limits {
	bool is_on; /* false: data is not judged at all */
	timestamp next_report;
	struct bucket bytes[TURN_DIRECTION_COUNT], packets[TURN_DIRECTION_COUNT], new_peers;
};

/* Fills the buckets of a new allocation. */
void limits_init(struct turn_allocation *allocation);

/* The settings have changed. */
void limits_update(struct turn_allocation *allocation);

/* Takes one packet with len bytes, as they are on the client's side, out of the buckets; false when
 * it is to be dropped, which has been counted. Only while limits.is_on. */
bool limits_take_packet(struct turn_allocation *allocation, enum turn_direction direction,
                        size_t len);

/* Return the error to answer with when there is no room for so many more. */
int limits_check_permissions(struct request *request, size_t created);
int limits_check_channel(struct request *request);
int limits_check_connection(struct request *request);
/* Counts the refusal, has it logged, names the limit in the answer, and returns the error. */
int limits_refuse(struct request *request, enum turn_limit limit, uint64_t value);

/* The places of a request: for its allocation and for the address that it reserves. */
struct places {
	struct turn_place allocation, reservation;
};
/* Takes what is not held yet; 486 when a quota is reached. */
int places_take(struct request *request, bool reserves);
void places_give(struct turn_server *server, struct places *places);
void place_give(struct turn_server *server, struct turn_place *place);
