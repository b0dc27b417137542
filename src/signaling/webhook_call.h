/* One POST request to a webhook. */
#pragma once

#include <stddef.h>

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/http.h>
#include <openssl/ssl.h>

#include "base/err.h"
#include "signaling/parcel.h"

struct webhook_place {          /* what the URL says */
	struct evhttp_uri *uri; /* owned */
	const char *host; /* lent from uri; without the brackets of an IPv6 address: owned below */
	char *plain_host; /* owned */
	char *path;       /* owned: with the query */
	uint16_t port;
	bool is_tls;
};
MUST_CHECK enum err webhook_place_read(struct webhook_place *place, const char *url,
                                       char problem[256]);
void webhook_place_deinit(struct webhook_place *place);

/* The header Turnstone-Signature: t=<seconds>,v1=<hex of HMAC-SHA256(secret, t.body)>, a v1 for each secret. */
enum { WEBHOOK_SIGNATURE_SIZE = 1024, WEBHOOK_SECRETS_MAX = 8 };
void webhook_sign(char *const *secrets, size_t count, uint64_t wall_s, struct slice body,
                  char signature[WEBHOOK_SIGNATURE_SIZE]);

struct webhook_call;
/* status: of HTTP; 0: there was no answer. The call is over, and its memory gone. */
typedef void webhook_call_done(void *context, int status);

struct webhook_call_settings {
	const struct webhook_place *place;
	char *const *secrets;
	size_t secret_count;
	struct event_base *base;
	struct evdns_base *dns;
	SSL_CTX *tls;
	const struct parcel *parcel;
	webhook_call_done *done; /* always later, never from within webhook_call_start() */
	void *context;
};
/* A connection to a place: place, base, dns and tls of the settings are used. NULL: no memory. */
struct evhttp_connection *webhook_connect(const struct webhook_call_settings *settings);
/* NULL: no memory. */
struct webhook_call *webhook_call_start(const struct webhook_call_settings *settings);
/* Ends it without telling. */
void webhook_call_destroy(struct webhook_call *call);
