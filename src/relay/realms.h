/* What a relay thread knows of realms, as the store told last: which of them an ORIGIN or a name leads
 * to, the limits that they have of their own, their lists of peers. One for each thread; looking
 * something up asks nobody. */
#pragma once

#include "relay/quota.h"
#include "store/store.h"
#include "turn/peer_rules.h"

struct realms;

struct realms_settings {            /* copied, but for the store and the mailbox */
	const char *default_realm;  /* whose options rows without a realm are */
	bool dynamic_realms;        /* origins and options count */
	bool dynamic_peers;         /* lists of peers do */
	bool names_count;           /* realms_find is asked */
	struct store_thread *store; /* NULL: there is none */
	struct mailbox *replies;    /* the relay thread's; it delivers */
	/* There are other lists of peers. When it returns nobody looks at the ones before any more. */
	void (*peers_changed)(void *context, const struct peer_rules *rules);
	void *context;
};

MUST_CHECK enum err realms_create(const struct realms_settings *settings, struct realms **realms);
/* The store thread was stopped, and nobody looks at the lists of peers any more. NULL is fine. */
void realms_destroy(struct realms *realms);

/* Asks the store to tell from now on, when there is anything to know. */
void realms_watch(struct realms *realms);
/* False until the store has told for the first time. */
bool realms_are_known(const struct realms *realms);

/* Returns the realm that an ORIGIN in the form of stun_origin_normalise belongs to, NULL: to none. Lent
 * until mail from the store is delivered, as all that follows. */
const char *realms_of_origin(const struct realms *realms, const char *origin);
/* Returns a realm's name when the store has anything of it, else NULL. */
const char *realms_find(const struct realms *realms, const char *name, size_t len);
/* Returns the limits that a realm has of its own; NULL: none. */
const struct quota_own_limits *realms_limits(const struct realms *realms, const char *realm);
/* Returns the lists of peers that hold for a realm; NULL: none. */
const struct peer_lists *realms_peers(const struct realms *realms, const char *realm);
