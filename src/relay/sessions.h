/* Who uses the server: surveys of the sessions of all relay threads, for the operator. A survey walks over
 * each thread's sessions in slices, each a circular, so that packets wait for a slice at most; and one
 * survey walks at a time, so that many askers take no more of the threads than one.
 *
 *     sessions_ask ─► slice ─► slice ─► ... ─► done        all threads at the same time
 *                     (rates that nobody asked for lately: once more, a second later)
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/timestamp.h"
#include "relay/circular.h"
#include "relay/session_filter.h"
#include "stun/origin.h"
#include "turn/sessions.h"

enum { SESSIONS_PAGE_MAX = 256, SESSIONS_PEERS_MAX = 512, SESSIONS_CANCELLED_MAX = 100000 };

struct event_base;
struct sessions;

enum session_order { SESSIONS_BY_AGE, SESSIONS_BY_RATE, SESSIONS_BY_BYTES, SESSION_ORDERS };

/* A place in an order: the greatest key comes first, of equal ones the smallest id. */
struct session_place {
	uint64_t key, id;
};

struct sessions_wish {
	struct session_filter filter;
	enum session_order order;
	bool has_after; /* those behind a place: of a page, the last of the one before */
	struct session_place after;
	unsigned limit;    /* how many to copy, SESSIONS_PAGE_MAX at most */
	bool wants_rates;  /* may take a second */
	bool wants_peers;  /* those of one session: limit is 1 */
	uint32_t cancel;   /* end as many of those that fit as that */
	const char *actor; /* of them, for the log: "control socket" */
};

struct session { /* as its thread knew it */
	struct session_place place;
	unsigned thread;
	char username[TURN_USERNAME_MAX + 1], realm[TURN_REALM_MAX + 1],
		origin[STUN_ORIGIN_MAX + 1];
	struct turn_session what; /* its texts, tuple and relay are those here */
	struct five_tuple tuple;
	struct turn_relay relay[TURN_FAMILY_COUNT];
	struct turn_rates rates;
	const char *tls_version, *tls_cipher; /* static; NULL: it is neither TLS nor DTLS */
};

struct sessions_found {
	enum err
		err; /* ERR_NO_MEMORY, or ERR_CLOSED when the server ends; nothing was found then */
	const struct session *const *item; /* in order */
	unsigned count;
	bool is_all;            /* none that fits comes behind them */
	uint64_t matched, seen; /* how many fit, of how many; of a page, on all pages */
	uint32_t cancelled;
	const struct turn_session_peer *peer; /* with wants_peers */
	size_t peer_count;
	bool has_more_peers; /* than SESSIONS_PEERS_MAX */
	timestamp now;
};
typedef void sessions_done(const struct sessions_found *found, void *context);

MUST_CHECK enum err sessions_create(struct event_base *base, struct circulars *circulars,
                                    struct sessions **sessions);
/* No circular is open. Who waits is not told any more. NULL is fine. */
void sessions_destroy(struct sessions *sessions);
/* Has who waits be told ERR_CLOSED, now or when a slice that is under way is done. */
void sessions_close(struct sessions *sessions);

/* Calls done once, on the main thread; the last words of who asks, for it may be called at once. What is
 * found is lent for the call. ERR_NO_MEMORY, ERR_CLOSED: it is not called. */
MUST_CHECK enum err sessions_ask(struct sessions *sessions, const struct sessions_wish *wish,
                                 sessions_done *done, void *context);
