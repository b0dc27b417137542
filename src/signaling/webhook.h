/* Facts to a web server: each one POST request, signed. Those of a room go one after the other, in order; rooms go side by side. A fact that is
 * not taken is sent again, later and later, until it is too old. All of it runs on the sinks' thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <event2/dns.h>
#include <event2/event.h>
#include <openssl/ssl.h>

#include "base/err.h"
#include "base/timestamp.h"
#include "signaling/spool.h"

struct webhook;

enum webhook_outcome {
	WEBHOOK_DELIVERED, /* 2xx */
	WEBHOOK_REPEATED,  /* it is sent again: nothing else is to be done */
	WEBHOOK_GIVEN_UP,  /* it is too old */
	WEBHOOK_GONE,      /* 410: this webhook wants no facts any more */
};
struct webhook_settings {
	const char *url;
	char *const *secrets; /* each signs; lent for the webhook's life */
	size_t secret_count;
	unsigned give_up_s;
	struct event_base *base;
	struct evdns_base *dns;
	SSL_CTX *tls; /* of clients: verifies */
	struct spool *spool;
	unsigned sink;
	void (*done)(void *context, unsigned sink, int64_t id, enum webhook_outcome outcome);
	void *context;
};
/* ERR_INVALID: problem says what is wrong with the URL. */
MUST_CHECK enum err webhook_create(const struct webhook_settings *settings,
                                   struct webhook **webhook, char problem[256]);
void webhook_destroy(struct webhook *webhook);

/* Within a transaction of the spool: chooses what is to be sent now. */
MUST_CHECK enum err webhook_prepare(struct webhook *webhook, timestamp now);
/* After it: sends it, and returns how many may have come before; or, where the transaction failed, forgets it. */
size_t webhook_send(struct webhook *webhook);
void webhook_undo(struct webhook *webhook);
/* Returns when webhook_prepare has something to do again without being told. */
timestamp webhook_next_timeout(const struct webhook *webhook);
