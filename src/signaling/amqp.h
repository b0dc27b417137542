/* Facts to an AMQP 0-9-1 broker, over one connection, on a thread of its own: librabbitmq waits for the socket. A topic exchange, persistent
 * messages, publisher confirms. Who hands facts in is told by letters what became of them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mailbox.h"
#include "signaling/parcel.h"

struct amqp;

enum amqp_news_kind {
	AMQP_READY,     /* a new connection: all that was not confirmed has to be handed in again */
	AMQP_CONFIRMED, /* the broker has the facts of these ids */
};
struct amqp_news {
	struct mail mail;
	enum amqp_news_kind kind;
	unsigned session; /* counts connections */
	size_t count;
	int64_t ids[];
};

struct amqp_settings {        /* copied, but for where news go */
	const char *url;      /* amqp:// or amqps://, with user and password */
	const char *exchange; /* made when it is not there: topic, durable */
	const char *ca_file;  /* NULL: the system's authorities */
	unsigned heartbeat_s;
	/* Where news go; who gets them frees them. */
	struct mailbox *mailbox;
	void (*deliver)(struct mail *mail, void *receiver);
};

/* ERR_INVALID: problem says what is wrong with the URL; ERR_UNAVAILABLE: this build has no AMQP. */
MUST_CHECK enum err amqp_create(const struct amqp_settings *settings, struct amqp **amqp,
                                char problem[256]);
/* Starts its thread, once. ERR_SYSTEM: it can be tried again. */
MUST_CHECK enum err amqp_start(struct amqp *amqp);
/* Ends the thread, whatever it waits for. NULL is fine. */
void amqp_destroy(struct amqp *amqp);
/* Takes a fact over, for the connection that parcel->session names. It is dropped when that one is gone. */
void amqp_publish(struct amqp *amqp, struct parcel *parcel);
