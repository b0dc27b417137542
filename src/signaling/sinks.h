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
	bool is_running;
	unsigned sink, session;
	bool is_ready;
	int64_t cursor; /* the last fact that this connection was given */
	size_t count,
		bytes; /* of facts on their way: bounded, so that a broker that reads nothing costs little */
	struct list chosen; /* parcels of this transaction */
	int64_t chosen_after;
};

/* What the configuration makes of them, but for the broker. */
struct sinks_parts {
	struct config *config;                     /* owned */
	SSL_CTX *tls;                              /* owned */
	struct webhook *webhooks[SPOOL_SINKS_MAX]; /* owned */
	size_t webhook_count;
};

struct sinks_change {
	struct mail mail;
	struct sinks_parts parts; /* owned */
	bool has_other_broker;
	struct amqp *amqp; /* owned: with has_other_broker; NULL: none */
};

struct sinks {
	pthread_t thread;
	struct mailbox *mailbox;
	struct event_base *base;
	struct evdns_base *dns;
	struct event *wake, *letters;
	struct spool *spool;
	struct sinks_parts parts; /* owned */
	struct amqp_feed amqp_feed;
	struct sinks_change *change; /* owned: what is to be gone by next; NULL: nothing */
	struct list work;            /* of struct work: in sinks.c */
	struct list later;        /* facts that came after change, and are for the sinks of then */
	timestamp spool_retry_at; /* 0: the last transaction was committed */
	struct {                  /* of the spool, since it works no more */
		timestamp since, told_at;
		uint64_t attempts; /* 0: it works */
	} trouble;
	bool is_stopping;
	timestamp stop_at;
	/* Written by any thread. bytes is a bound as well: what is added is taken back when it is too much. */
	struct {
		atomic_uint_least64_t taken, refused, kept, bytes, bytes_max;
		atomic_uint_least64_t of[SPOOL_SINKS_MAX][SINK_COUNTS];
		/* Since the spool is full: how many were refused, and when that was told last. */
		atomic_uint_least64_t refused_now, refused_told_at;
		atomic_uint webhooks, brokers; /* how many there are */
	} counters;
};

_Static_assert((int)SINKS_MAX == (int)SPOOL_SINKS_MAX, "each sink of the spool is counted");

/* sinks_open.c: everything but the thread. */
MUST_CHECK enum err sinks_open(struct sinks *sinks, const struct config *config, char problem[256]);
void sinks_close(struct sinks *sinks);
/* On the thread: ends those that change replaces, once all work is in the spool begins with the others. ERR_UNAVAILABLE: the spool
 * does not take it, ERR_SYSTEM: there is no thread for the broker: later again. */
void sinks_end_replaced(struct sinks *sinks);
MUST_CHECK enum err sinks_replace(struct sinks *sinks);
/* sinks_counts.c */
uint64_t sinks_read(const atomic_uint_least64_t *counter);
uint64_t sinks_add(atomic_uint_least64_t *counter, uint64_t number);
void sinks_subtract(atomic_uint_least64_t *counter, uint64_t number);
void sinks_count_of(struct sinks *sinks, unsigned sink, enum sink_count count, uint64_t number);
void sinks_count_waiting(struct sinks *sinks);
/* sinks.c */
MUST_CHECK enum err sinks_make_events(struct sinks *sinks);
void sinks_done(struct sinks *sinks, unsigned sink, int64_t id);
void sinks_webhook_done(void *context, unsigned sink, int64_t id, enum webhook_outcome outcome);
/* amqp_feed.c: chooses facts in a transaction, and after it sends them or, where it failed, forgets that. */
MUST_CHECK enum err amqp_feed_prepare(struct sinks *sinks);
void amqp_feed_send(struct sinks *sinks);
void amqp_feed_undo(struct sinks *sinks);
MUST_CHECK enum err amqp_feed_start(struct sinks *sinks);
void amqp_feed_stop(struct sinks *sinks);
void amqp_feed_news(struct mail *mail, void *receiver);
