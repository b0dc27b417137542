/* One connection to the broker, used by amqp.c's thread alone: opening it, publishing, and what the broker says. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <amqp.h>

#include "base/err.h"
#include "signaling/parcel.h"

struct amqp_place { /* parts of the URL */
	char *text; /* owned: what url points into */
	size_t len;
	struct amqp_connection_info url;
	char *exchange, *ca_file; /* owned; ca_file NULL: the system's authorities */
	unsigned heartbeat_s;
};

struct amqp_link {
	amqp_connection_state_t state; /* NULL: none */
	uint64_t next_tag;             /* of the next message, from 1 */
	bool is_blocked;               /* the broker takes nothing now */
	char problem[256];             /* why it ended; no secret */
};

/* What the broker said. */
enum amqp_word_kind { AMQP_WORD_NONE, AMQP_WORD_ACK, AMQP_WORD_OTHER };
struct amqp_word {
	enum amqp_word_kind kind;
	uint64_t tag;
	bool is_multiple; /* and all before it */
};

/* Opens socket, TLS, connection, channel and exchange. got_socket is called with the descriptor as soon as there is one. */
MUST_CHECK enum err amqp_link_open(struct amqp_link *link, const struct amqp_place *place,
                                   void (*got_socket)(void *context, int fd), void *context);
/* Without a good-bye: what was not confirmed is sent again in any case. */
void amqp_link_close(struct amqp_link *link);
/* Sends a fact; its tag is link->next_tag - 1 then. ERR_CLOSED. */
MUST_CHECK enum err amqp_link_publish(struct amqp_link *link, const struct amqp_place *place,
                                      const struct parcel *parcel);
/* Takes one frame that is there, and sends a heartbeat when it is time. AMQP_WORD_NONE: there is no more. ERR_CLOSED. */
MUST_CHECK enum err amqp_link_input(struct amqp_link *link, struct amqp_word *word);
