/* The inside of the sinks: who shares their thread. For sinks.c, sinks_open.c and amqp_feed.c. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <event2/dns.h>
#include <event2/event.h>
#include <openssl/ssl.h>

#include "base/list.h"
#include "base/mailbox.h"
#include "config/config.h"
#include "signaling/amqp.h"
#include "signaling/sink.h"
#include "signaling/spool.h"
#include "signaling/webhook.h"

/* What the broker is given, and what it has yet to confirm. */
struct amqp_feed {
	struct amqp *amqp; /* owned; NULL: none */
	unsigned sink, session;
	bool is_ready;
	int64_t cursor; /* the last fact that this connection was given */
	size_t count,
		bytes; /* of facts on their way: bounded, so that a broker that reads nothing costs little */
	struct list chosen; /* parcels of this transaction */
	int64_t chosen_after;
};

struct sinks {
	pthread_t thread;
	struct mailbox *mailbox;
	struct event_base *base;
	struct evdns_base *dns;
	SSL_CTX *tls;
	struct event *wake, *letters;
	struct spool *spool;
	uint64_t bytes_max;
	struct amqp_feed amqp_feed;
	struct webhook *webhooks[SPOOL_SINKS_MAX];
	size_t webhook_count;
	struct list work;         /* of struct work: in sinks.c */
	timestamp spool_retry_at; /* 0: the last transaction was committed */
	bool is_stopping;
	timestamp stop_at;
	/* Written by any thread. bytes is a bound as well: what is added is taken back when it is too much. */
	struct {
		atomic_uint_least64_t taken, refused, kept, confirmed, repeated, given_up, bytes;
	} counters;
};

/* sinks_open.c: everything but the thread. */
MUST_CHECK enum err sinks_open(struct sinks *sinks, const struct config *config, char problem[256]);
void sinks_close(struct sinks *sinks);
/* sinks.c */
MUST_CHECK enum err sinks_make_events(struct sinks *sinks);
void sinks_done(struct sinks *sinks, unsigned sink, int64_t id);
void sinks_webhook_done(void *context, unsigned sink, int64_t id, enum webhook_outcome outcome);
void sinks_count_repeated(struct sinks *sinks);
/* amqp_feed.c: chooses facts in a transaction, and after it sends them or, where it failed, forgets that. */
MUST_CHECK enum err amqp_feed_prepare(struct sinks *sinks);
void amqp_feed_send(struct sinks *sinks);
void amqp_feed_undo(struct sinks *sinks);
void amqp_feed_news(struct mail *mail, void *receiver);
