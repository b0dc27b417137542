/* The peer filter: rules of the operator, the IANA registries of special-purpose addresses, and
 * what is this server's own. An address is judged by the IPv4 one inside it, when there is one. */
#include "turn/peer_filter.h"

#include <stdlib.h>
#include <string.h>

/* The IANA IPv4 and IPv6 Special-Purpose Address Registries, whole, and what is no unicast. A
 * narrower block stands before the wider one, for its reason. Blocks that hold IPv4 addresses
 * (::ffff:0:0/96, 64:ff9b::/96, 64:ff9b:1::/48, 2001::/32, 2002::/16) are judged by these. */
static const struct {
	const char *block, *reason;
} special_purpose[] = {
	{"0.0.0.0/8", "this network (RFC 791)"},
	{"10.0.0.0/8", "private use (RFC 1918)"},
	{"100.64.0.0/10", "shared address space (RFC 6598)"},
	{"127.0.0.0/8", "loopback (RFC 1122)"},
	{"169.254.0.0/16", "link local (RFC 3927)"},
	{"172.16.0.0/12", "private use (RFC 1918)"},
	{"192.0.0.0/29", "IPv4 service continuity (RFC 7335)"},
	{"192.0.0.8/32", "IPv4 dummy address (RFC 7600)"},
	{"192.0.0.9/32", "PCP anycast (RFC 7723)"},
	{"192.0.0.10/32", "TURN anycast (RFC 8155)"},
	{"192.0.0.170/31", "NAT64 discovery (RFC 7050)"},
	{"192.0.0.0/24", "IETF protocol assignments (RFC 6890)"},
	{"192.0.2.0/24", "documentation (RFC 5737)"},
	{"192.31.196.0/24", "AS112 (RFC 7535)"},
	{"192.52.193.0/24", "AMT (RFC 7450)"},
	{"192.88.99.0/24", "6to4 relay anycast (RFC 7526)"},
	{"192.168.0.0/16", "private use (RFC 1918)"},
	{"192.175.48.0/24", "AS112 direct delegation (RFC 7534)"},
	{"198.18.0.0/15", "benchmarking (RFC 2544)"},
	{"198.51.100.0/24", "documentation (RFC 5737)"},
	{"203.0.113.0/24", "documentation (RFC 5737)"},
	{"224.0.0.0/4", "multicast (RFC 5771)"},
	{"255.255.255.255/32", "limited broadcast (RFC 8190)"},
	{"240.0.0.0/4", "reserved (RFC 1112)"},
	{"::/128", "unspecified (RFC 4291)"},
	{"::1/128", "loopback (RFC 4291)"},
	{"100::/64", "discard only (RFC 6666)"},
	{"100:0:0:1::/64", "dummy prefix (RFC 9780)"},
	{"2001:1::1/128", "PCP anycast (RFC 7723)"},
	{"2001:1::2/128", "TURN anycast (RFC 8155)"},
	{"2001:1::3/128", "DNS-SD SRP anycast (RFC 9665)"},
	{"2001:2::/48", "benchmarking (RFC 5180)"},
	{"2001:3::/32", "AMT (RFC 7450)"},
	{"2001:4:112::/48", "AS112 (RFC 7535)"},
	{"2001:10::/28", "ORCHID (RFC 4843)"},
	{"2001:20::/28", "ORCHIDv2 (RFC 7343)"},
	{"2001:30::/28", "DRIP (RFC 9374)"},
	{"2001::/23", "IETF protocol assignments (RFC 2928)"},
	{"2001:db8::/32", "documentation (RFC 3849)"},
	{"2620:4f:8000::/48", "AS112 direct delegation (RFC 7534)"},
	{"3fff::/20", "documentation (RFC 9637)"},
	{"5f00::/16", "segment routing SIDs (RFC 9602)"},
	{"fc00::/7", "unique local (RFC 4193)"},
	{"fe80::/10", "link local (RFC 4291)"},
	{"fec0::/10", "site local (RFC 3879)"},
	{"ff00::/8", "multicast (RFC 4291)"},
};
enum { SPECIAL_COUNT = sizeof special_purpose / sizeof special_purpose[0] };

struct peer_filter {
	struct peer_filter_settings settings; /* its arrays are owned copies */
	struct addr_range special[SPECIAL_COUNT];
};

static enum err parse_special(struct peer_filter *filter);
static enum err copy_lists(struct peer_filter *filter, const struct peer_filter_settings *settings);
static bool is_listener(const struct peer_filter *filter, const struct transport_addr *peer);
static bool is_listener_ip(const struct peer_filter *filter, const struct transport_addr *peer);
static bool is_listener_on_all_ports(const struct peer_filter *filter,
                                     const struct transport_addr *peer);
static bool is_relay_ip(const struct peer_filter *filter, const struct transport_addr *peer);
static bool is_open_loopback(const struct peer_filter *filter, const struct transport_addr *peer);
static const struct addr_range *find_range(const struct addr_range *ranges, size_t count,
                                           const struct transport_addr *addr);

enum err peer_filter_create(const struct peer_filter_settings *settings,
                            struct peer_filter **filter)
{
	struct peer_filter *created = calloc(1, sizeof *created);
	enum err err = ERR_NO_MEMORY;

	if (created == NULL)
		return err;
	err = copy_lists(created, settings);
	if (err == OK)
		err = parse_special(created);
	if (err != OK) {
		peer_filter_destroy(created);
		return err;
	}
	*filter = created;
	return OK;
}

void peer_filter_destroy(struct peer_filter *filter)
{
	if (filter == NULL)
		return;
	free((void *)filter->settings.allowed);
	free((void *)filter->settings.denied);
	free((void *)filter->settings.listeners);
	free((void *)filter->settings.nat64);
	free((void *)filter->settings.relay_ips);
	free(filter);
}

/* How an address came to its verdict, for whoever asks: a pointer or two for each packet's peer, and words later. */
struct judgement {
	enum peer_verdict verdict;
	enum peer_source source;
	const char *reason;
	const struct addr_range *range; /* lent; NULL: none of the lists says so */
	const char *block;              /* of the registries; NULL: it is in none */
};

static struct judgement judge(const struct peer_filter *filter, const struct peer_lists *lists,
                              const struct transport_addr *peer);

enum peer_verdict peer_filter_judge_ip(const struct peer_filter *filter,
                                       const struct peer_lists *lists,
                                       const struct transport_addr *peer, const char **reason)
{
	struct judgement judgement = judge(filter, lists, peer);

	if (reason != NULL)
		*reason = judgement.reason;
	return judgement.verdict;
}

void peer_filter_explain(const struct peer_filter *filter, const struct peer_lists *lists,
                         const struct transport_addr *peer, struct peer_ruling *ruling)
{
	struct judgement judgement = judge(filter, lists, peer);
	char low[ADDR_TEXT_SIZE], high[ADDR_TEXT_SIZE];

	*ruling = (struct peer_ruling){judgement.verdict, judgement.source, judgement.reason, ""};
	if (judgement.block != NULL)
		snprintf(ruling->rule, sizeof ruling->rule, "%s", judgement.block);
	if (judgement.range == NULL)
		return;
	addr_format_ip(&judgement.range->low, low);
	addr_format_ip(&judgement.range->high, high);
	snprintf(ruling->rule, sizeof ruling->rule, "%s%s%s", low,
	         strcmp(low, high) != 0 ? "-" : "", strcmp(low, high) != 0 ? high : "");
}

static struct judgement by_range(enum peer_verdict verdict, enum peer_source source,
                                 const char *reason, const struct addr_range *range)
{
	return (struct judgement){verdict, source, reason, range, NULL};
}

static struct judgement by(enum peer_verdict verdict, enum peer_source source, const char *reason)
{
	return by_range(verdict, source, reason, NULL);
}

/* What the registries have it for. */
static struct judgement by_registry(const struct peer_filter *filter,
                                    const struct transport_addr *peer, enum peer_verdict otherwise)
{
	for (size_t i = 0; i < SPECIAL_COUNT; i++)
		if (addr_range_contains(&filter->special[i], peer))
			return (struct judgement){PEER_DENIED_SPECIAL, PEER_BY_REGISTRY,
			                          special_purpose[i].reason, NULL,
			                          special_purpose[i].block};
	return by(otherwise, PEER_BY_DEFAULT, "not special");
}

/* The server's own listeners come before any rule: a relay that talks to itself is a loop. */
static struct judgement judge(const struct peer_filter *filter, const struct peer_lists *lists,
                              const struct transport_addr *peer)
{
	const struct peer_filter_settings *settings = &filter->settings;
	const struct addr_range *range;
	struct transport_addr inner = *peer;

	addr_normalise(&inner, settings->nat64, settings->nat64_count);
	if (addr_is_any(&inner))
		return by_registry(filter, &inner, PEER_DENIED_SPECIAL);
	if (is_listener_on_all_ports(filter, &inner))
		return by(PEER_DENIED_LISTENER, PEER_BY_OWN_LISTENER, "a listener of this server");

	bool is_own = is_relay_ip(filter, &inner) || is_listener_ip(filter, &inner);
	enum peer_verdict allowed = is_own ? PEER_ALLOWED_IF_RELAYED : PEER_ALLOWED;
	if ((range = find_range(settings->allowed, settings->allowed_count, &inner)) != NULL)
		return by_range(allowed, PEER_BY_CONFIGURATION, "allowed-peer-ip", range);
	if ((range = peer_lists_find_allowed(lists, &inner)) != NULL)
		return by_range(allowed, PEER_BY_REALM, "allowed_peer_ip of the realm", range);
	/* The range may name the IPv6 form or the IPv4 one. */
	if ((range = find_range(settings->denied, settings->denied_count, &inner)) != NULL ||
	    (range = find_range(settings->denied, settings->denied_count, peer)) != NULL)
		return by_range(PEER_DENIED_BY_RULE, PEER_BY_CONFIGURATION, "denied-peer-ip",
		                range);
	if ((range = peer_lists_find_denied(lists, &inner)) != NULL ||
	    (range = peer_lists_find_denied(lists, peer)) != NULL)
		return by_range(PEER_DENIED_BY_RULE, PEER_BY_REALM, "denied_peer_ip of the realm",
		                range);
	if (is_relay_ip(filter, &inner))
		return by(allowed, PEER_BY_OWN_RELAY, "a relayed address of this server");
	if (is_open_loopback(filter, &inner))
		return by(allowed, PEER_BY_CONFIGURATION, "allow-loopback-peers");
	return by_registry(filter, &inner, allowed);
}

bool peer_filter_allows(const struct peer_filter *filter, const struct peer_lists *lists,
                        const struct transport_addr *peer, bool is_tcp)
{
	const struct peer_filter_settings *settings = &filter->settings;
	struct transport_addr inner = *peer;

	addr_normalise(&inner, settings->nat64, settings->nat64_count);
	if (is_listener(filter, &inner))
		return false;
	switch (peer_filter_judge_ip(filter, lists, peer, NULL)) {
	case PEER_ALLOWED:
		return true;
	case PEER_ALLOWED_IF_RELAYED:
		return find_range(settings->allowed, settings->allowed_count, &inner) != NULL ||
		       peer_lists_allow(lists, &inner) || is_open_loopback(filter, &inner) ||
		       (settings->is_relayed != NULL &&
		        settings->is_relayed(&inner, is_tcp, settings->context));
	default:
		return false;
	}
}

static bool is_same_port(const struct transport_addr *listener, const struct transport_addr *peer)
{
	return addr_port(listener) == 0 || addr_port(listener) == addr_port(peer);
}

/* An any-address listener is at every address of ours, as far as we know them. */
static bool is_listening_on(const struct peer_filter *filter, const struct transport_addr *listener,
                            const struct transport_addr *peer)
{
	if (addr_is_any(listener))
		return addr_is_loopback(peer) || is_relay_ip(filter, peer);
	return addr_equal_ip(listener, peer);
}

static bool is_listener(const struct peer_filter *filter, const struct transport_addr *peer)
{
	for (size_t i = 0; i < filter->settings.listener_count; i++)
		if (is_listening_on(filter, &filter->settings.listeners[i], peer) &&
		    is_same_port(&filter->settings.listeners[i], peer))
			return true;
	return false;
}

static bool is_listener_ip(const struct peer_filter *filter, const struct transport_addr *peer)
{
	for (size_t i = 0; i < filter->settings.listener_count; i++)
		if (is_listening_on(filter, &filter->settings.listeners[i], peer))
			return true;
	return false;
}

static bool is_listener_on_all_ports(const struct peer_filter *filter,
                                     const struct transport_addr *peer)
{
	for (size_t i = 0; i < filter->settings.listener_count; i++)
		if (addr_port(&filter->settings.listeners[i]) == 0 &&
		    is_listening_on(filter, &filter->settings.listeners[i], peer))
			return true;
	return false;
}

static bool is_relay_ip(const struct peer_filter *filter, const struct transport_addr *peer)
{
	for (size_t i = 0; i < filter->settings.relay_ip_count; i++)
		if (addr_equal_ip(&filter->settings.relay_ips[i], peer))
			return true;
	return false;
}

static bool is_open_loopback(const struct peer_filter *filter, const struct transport_addr *peer)
{
	return filter->settings.allow_loopback && addr_is_loopback(peer);
}

static const struct addr_range *find_range(const struct addr_range *ranges, size_t count,
                                           const struct transport_addr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (addr_range_contains(&ranges[i], addr))
			return &ranges[i];
	return NULL;
}

static enum err parse_special(struct peer_filter *filter)
{
	enum err err = OK;

	for (size_t i = 0; i < SPECIAL_COUNT && err == OK; i++)
		err = addr_range_parse(special_purpose[i].block, &filter->special[i]);
	return err;
}

/* Returns a copy; NULL with *err set when there is no memory. */
static void *copy(const void *items, size_t count, size_t size, enum err *err)
{
	void *copied = calloc(count + 1, size);

	if (copied == NULL)
		*err = ERR_NO_MEMORY;
	else if (count > 0)
		memcpy(copied, items, count * size);
	return copied;
}

static enum err copy_lists(struct peer_filter *filter, const struct peer_filter_settings *settings)
{
	struct peer_filter_settings *own = &filter->settings;
	enum err err = OK;

	*own = *settings;
	own->allowed = copy(own->allowed, own->allowed_count, sizeof *own->allowed, &err);
	own->denied = copy(own->denied, own->denied_count, sizeof *own->denied, &err);
	own->listeners = copy(own->listeners, own->listener_count, sizeof *own->listeners, &err);
	own->nat64 = copy(own->nat64, own->nat64_count, sizeof *own->nat64, &err);
	own->relay_ips = copy(own->relay_ips, own->relay_ip_count, sizeof *own->relay_ips, &err);
	return err;
}
