/* A fact of its own: what crosses threads, waits to be sent, and is what others are told of. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/mailbox.h"
#include "signaling/sink.h"
#include "signaling/text.h"

struct parcel {
	struct mail mail; /* first: a parcel is a letter */
	struct list node;
	struct fact fact; /* points into text */
	int64_t id;       /* in the spool; 0: it has not been there */
	bool is_again;    /* it was sent before, and may have arrived */
	unsigned session; /* of the connection that it is for */
	char text[];
};

/* Copies a fact. NULL: no memory. */
struct parcel *parcel_create(const struct fact *fact);
void parcel_destroy(struct parcel *parcel);

/* Returns what a fact counts for in event-spool-size. */
size_t fact_size(const struct fact *fact);

/* The name of a fact: tenant/room/sequence/time. The sequence of a room begins anew when the room does; the time
 * tells those apart. What is not plain is escaped as in a URI (RFC 3986 section 2.1), and a room whose name is long then
 * is "~" and the SHA-256 of its name: AMQP's message-id has at most 255 bytes. */
enum { FACT_NAME_SIZE = 256 };
void fact_name(const struct fact *fact, char name[FACT_NAME_SIZE]);

/* Writes what a webhook gets: a JSON object about the fact, with the body in it. */
void fact_write(const struct fact *fact, bool is_again, struct text *text);
