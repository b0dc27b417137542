/* Which peers this server relays to: everything that IANA lists as special-purpose is refused, in
 * every form in which an IPv4 address hides in an IPv6 one, and so are the server's own listeners;
 * a relayed transport address of this server is a peer like any other, for both clients of a call
 * may be here. Rules of the operator, for all or for a realm, come before all this, but for two things that no rule opens: a
 * listener of this server, which would be a loop, and 0.0.0.0 and ::. */
#pragma once

#include <stdio.h>

#include "base/addr.h"
#include "turn/peer_rules.h"

struct peer_filter;

struct peer_filter_settings { /* lent during creation, copied */
	const struct addr_range *allowed,
		*denied; /* allowed wins over denied, both over the defaults */
	size_t allowed_count, denied_count;
	const struct transport_addr
		*listeners; /* own frontends; port 0 or an any-address matches all */
	size_t listener_count;
	const struct nat64_prefix *nat64;
	size_t nat64_count;
	bool allow_loopback; /* for tests */
	/* Own relay addresses, as clients see them (public) and as sockets are bound (private). */
	const struct transport_addr *relay_ips;
	size_t relay_ip_count;
	/* Says whether a transport address with an IP of relay_ips is a relayed one now, for TCP or UDP:
	 * the same port of the other may be any program's. Any thread. */
	bool (*is_relayed)(const struct transport_addr *addr, bool is_tcp, void *context);
	void *context;
};

enum peer_verdict {
	PEER_ALLOWED,
	PEER_ALLOWED_IF_RELAYED, /* an IP of ours: only while the port is a relayed one */
	PEER_DENIED_BY_RULE,
	PEER_DENIED_SPECIAL, /* special-purpose; see *reason */
	PEER_DENIED_LISTENER,
};

/* What a verdict rests on. */
enum peer_source {
	PEER_BY_DEFAULT,       /* nothing speaks against it */
	PEER_BY_CONFIGURATION, /* allowed-peer-ip, denied-peer-ip, allow-loopback-peers */
	PEER_BY_REALM,    /* allowed_peer_ip and denied_peer_ip of the realm, or of every one */
	PEER_BY_REGISTRY, /* IANA's, of special-purpose addresses */
	PEER_BY_OWN_LISTENER,
	PEER_BY_OWN_RELAY, /* an address that this server relays from */
};
enum { PEER_RULE_SIZE = 2 * ADDR_TEXT_SIZE };
struct peer_ruling {
	enum peer_verdict verdict;
	enum peer_source source;
	const char *reason; /* static: a few words, as peer_filter_judge_ip has them */
	char rule
		[PEER_RULE_SIZE]; /* "10.0.0.0-10.255.255.255", "10.0.0.0/8"; "": no range says so */
};

MUST_CHECK enum err peer_filter_create(const struct peer_filter_settings *settings,
                                       struct peer_filter **filter);
void peer_filter_destroy(struct peer_filter *filter);

/* Judges an IP (a permission has no port) for a client of a realm with these lists; NULL: it has none.
 * What one of the allowed lists has is allowed, whatever the others say. Gives in *reason, when not
 * NULL, a few words such as "private use (RFC 1918)" or "denied-peer-ip". */
enum peer_verdict peer_filter_judge_ip(const struct peer_filter *filter,
                                       const struct peer_lists *lists,
                                       const struct transport_addr *peer, const char **reason);
/* The same, for who wants to know why: by which rule. */
void peer_filter_explain(const struct peer_filter *filter, const struct peer_lists *lists,
                         const struct transport_addr *peer, struct peer_ruling *ruling);
/* Judges a transport address that is about to be sent to, or connected to. true: do. */
bool peer_filter_allows(const struct peer_filter *filter, const struct peer_lists *lists,
                        const struct transport_addr *peer, bool is_tcp);
