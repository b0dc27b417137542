/* The peer filter over the whole of the registries, in every form in which an IPv4 address hides. */
#include "turn/peer_filter.h"

#include <stdlib.h>

#include "tap.h"

/* Both ends of every special-purpose block, and what lies next to them outside. */
static const struct {
	const char *ip;
	enum peer_verdict verdict;
} cases[] = {
	{"0.0.0.0", PEER_DENIED_SPECIAL},
	{"0.255.255.255", PEER_DENIED_SPECIAL},
	{"1.0.0.0", PEER_ALLOWED},
	{"9.255.255.255", PEER_ALLOWED},
	{"10.0.0.0", PEER_DENIED_SPECIAL},
	{"10.255.255.255", PEER_DENIED_SPECIAL},
	{"11.0.0.0", PEER_ALLOWED},
	{"100.63.255.255", PEER_ALLOWED},
	{"100.64.0.0", PEER_DENIED_SPECIAL},
	{"100.127.255.255", PEER_DENIED_SPECIAL},
	{"100.128.0.0", PEER_ALLOWED},
	{"126.255.255.255", PEER_ALLOWED},
	{"127.0.0.0", PEER_DENIED_SPECIAL},
	{"127.0.0.1", PEER_DENIED_SPECIAL},
	{"127.255.255.255", PEER_DENIED_SPECIAL},
	{"128.0.0.0", PEER_ALLOWED},
	{"169.253.255.255", PEER_ALLOWED},
	{"169.254.0.0", PEER_DENIED_SPECIAL},
	{"169.254.169.254", PEER_DENIED_SPECIAL},
	{"169.254.255.255", PEER_DENIED_SPECIAL},
	{"169.255.0.0", PEER_ALLOWED},
	{"172.15.255.255", PEER_ALLOWED},
	{"172.16.0.0", PEER_DENIED_SPECIAL},
	{"172.31.255.255", PEER_DENIED_SPECIAL},
	{"172.32.0.0", PEER_ALLOWED},
	{"191.255.255.255", PEER_ALLOWED},
	{"192.0.0.0", PEER_DENIED_SPECIAL},
	{"192.0.0.8", PEER_DENIED_SPECIAL},
	{"192.0.0.9", PEER_DENIED_SPECIAL},
	{"192.0.0.10", PEER_DENIED_SPECIAL},
	{"192.0.0.170", PEER_DENIED_SPECIAL},
	{"192.0.0.255", PEER_DENIED_SPECIAL},
	{"192.0.1.0", PEER_ALLOWED},
	{"192.0.2.0", PEER_DENIED_SPECIAL},
	{"192.0.2.255", PEER_DENIED_SPECIAL},
	{"192.0.3.0", PEER_ALLOWED},
	{"192.31.196.1", PEER_DENIED_SPECIAL},
	{"192.31.197.0", PEER_ALLOWED},
	{"192.52.193.1", PEER_DENIED_SPECIAL},
	{"192.88.99.1", PEER_DENIED_SPECIAL},
	{"192.88.100.0", PEER_ALLOWED},
	{"192.167.255.255", PEER_ALLOWED},
	{"192.168.0.0", PEER_DENIED_SPECIAL},
	{"192.168.255.255", PEER_DENIED_SPECIAL},
	{"192.169.0.0", PEER_ALLOWED},
	{"192.175.48.1", PEER_DENIED_SPECIAL},
	{"198.17.255.255", PEER_ALLOWED},
	{"198.18.0.0", PEER_DENIED_SPECIAL},
	{"198.19.255.255", PEER_DENIED_SPECIAL},
	{"198.20.0.0", PEER_ALLOWED},
	{"198.51.100.1", PEER_DENIED_SPECIAL},
	{"203.0.113.1", PEER_DENIED_SPECIAL},
	{"223.255.255.255", PEER_ALLOWED},
	{"224.0.0.0", PEER_DENIED_SPECIAL},
	{"239.255.255.255", PEER_DENIED_SPECIAL},
	{"240.0.0.0", PEER_DENIED_SPECIAL},
	{"255.255.255.254", PEER_DENIED_SPECIAL},
	{"255.255.255.255", PEER_DENIED_SPECIAL},
	{"::", PEER_DENIED_SPECIAL},
	{"::1", PEER_DENIED_SPECIAL},
	{"100::1", PEER_DENIED_SPECIAL},
	{"100:0:0:1::1", PEER_DENIED_SPECIAL},
	{"100:0:0:2::1", PEER_ALLOWED},
	{"2001:1::1", PEER_DENIED_SPECIAL},
	{"2001:1::2", PEER_DENIED_SPECIAL},
	{"2001:1::3", PEER_DENIED_SPECIAL},
	{"2001:2::1", PEER_DENIED_SPECIAL},
	{"2001:3::1", PEER_DENIED_SPECIAL},
	{"2001:4:112::1", PEER_DENIED_SPECIAL},
	{"2001:10::1", PEER_DENIED_SPECIAL},
	{"2001:20::1", PEER_DENIED_SPECIAL},
	{"2001:30::1", PEER_DENIED_SPECIAL},
	{"2001:1ff:ffff::1", PEER_DENIED_SPECIAL},
	{"2001:200::1", PEER_ALLOWED},
	{"2001:db7:ffff::1", PEER_ALLOWED},
	{"2001:db8::1", PEER_DENIED_SPECIAL},
	{"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", PEER_DENIED_SPECIAL},
	{"2001:db9::", PEER_ALLOWED},
	{"2620:4f:8000::1", PEER_DENIED_SPECIAL},
	{"2620:4f:8001::1", PEER_ALLOWED},
	{"3fff::1", PEER_DENIED_SPECIAL},
	{"3fff:fff::1", PEER_DENIED_SPECIAL},
	{"3fff:1000::1", PEER_ALLOWED},
	{"5f00::1", PEER_DENIED_SPECIAL},
	{"5f01::1", PEER_ALLOWED},
	{"fbff::1", PEER_ALLOWED},
	{"fc00::1", PEER_DENIED_SPECIAL},
	{"fdff:ffff::1", PEER_DENIED_SPECIAL},
	{"fe80::1", PEER_DENIED_SPECIAL},
	{"febf::1", PEER_DENIED_SPECIAL},
	{"fec0::1", PEER_DENIED_SPECIAL},
	{"feff::1", PEER_DENIED_SPECIAL},
	{"ff02::1", PEER_DENIED_SPECIAL},
	{"ffff::1", PEER_DENIED_SPECIAL},
	{"2600::1", PEER_ALLOWED},
	/* What hides an IPv4 address is judged by it. */
	{"::ffff:10.0.0.1", PEER_DENIED_SPECIAL},
	{"::ffff:8.8.8.8", PEER_ALLOWED},
	{"::10.0.0.1", PEER_DENIED_SPECIAL},
	{"2002:0a00:0001::1", PEER_DENIED_SPECIAL},
	{"2002:0808:0808::1", PEER_ALLOWED},
	{"2001:0:808:808::f5ff:fffe", PEER_DENIED_SPECIAL}, /* Teredo client 10.0.0.1 */
	{"64:ff9b::10.0.0.1", PEER_DENIED_SPECIAL},
	{"64:ff9b::8.8.8.8", PEER_ALLOWED},
	{"2600::5efe:10.0.0.1", PEER_DENIED_SPECIAL}, /* ISATAP */
	{"2600:64::10.0.0.1", PEER_DENIED_SPECIAL},   /* the NAT64 prefix of the settings */
	{"2600:64::8.8.8.8", PEER_ALLOWED},
};

static struct transport_addr addr(const char *text)
{
	struct transport_addr parsed;

	if (addr_parse(text, 9000, &parsed) != OK) {
		fprintf(stderr, "# %s\n", text);
		abort();
	}
	return parsed;
}

static struct addr_range range(const char *text)
{
	struct addr_range parsed;

	if (addr_range_parse(text, &parsed) != OK)
		abort();
	return parsed;
}

static struct peer_filter *make(const struct peer_filter_settings *settings)
{
	struct peer_filter *filter;

	if (peer_filter_create(settings, &filter) != OK)
		abort();
	return filter;
}

static enum peer_verdict judge(const struct peer_filter *filter, const char *ip)
{
	struct transport_addr peer = addr(ip);

	return peer_filter_judge_ip(filter, NULL, &peer, NULL);
}

static bool allows(const struct peer_filter *filter, const char *peer)
{
	struct transport_addr to = addr(peer);

	return peer_filter_allows(filter, NULL, &to, false);
}

static void test_registries(void)
{
	struct nat64_prefix nat64;
	ok(nat64_prefix_parse("2600:64::/96", &nat64) == OK, "a prefix of the operator's");
	struct peer_filter *filter =
		make(&(struct peer_filter_settings){.nat64 = &nat64, .nat64_count = 1});

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		is_int(judge(filter, cases[i].ip), cases[i].verdict, "%s is %s", cases[i].ip,
		       cases[i].verdict == PEER_ALLOWED ? "allowed" : "refused");
	}
	peer_filter_destroy(filter);
}

static void test_reasons(void)
{
	struct addr_range denied = range("8.8.8.0/24"), allowed = range("8.8.8.8");
	struct peer_filter *filter = make(&(struct peer_filter_settings){
		.denied = &denied, .denied_count = 1, .allowed = &allowed, .allowed_count = 1});
	const char *reason = NULL;
	struct transport_addr peer = addr("10.1.2.3");

	peer_filter_judge_ip(filter, NULL, &peer, &reason);
	is_text(reason, "private use (RFC 1918)", "a registry's reason");
	peer = addr("192.0.0.9");
	peer_filter_judge_ip(filter, NULL, &peer, &reason);
	is_text(reason, "PCP anycast (RFC 7723)", "the narrower block's reason");
	peer = addr("8.8.8.1");
	is_int(peer_filter_judge_ip(filter, NULL, &peer, &reason), PEER_DENIED_BY_RULE, "denied");
	is_text(reason, "denied-peer-ip", "a rule's reason");
	is_int(judge(filter, "8.8.8.8"), PEER_ALLOWED, "allowed wins over denied");
	is_int(judge(filter, "2002:0808:0801::1"), PEER_DENIED_BY_RULE, "denied in 6to4 clothes");
	peer_filter_destroy(filter);
}

static void test_rules_beat_defaults(void)
{
	struct addr_range allowed[] = {range("10.0.0.0/8"), range("0.0.0.0/0"), range("::/0")};
	struct peer_filter *one =
		make(&(struct peer_filter_settings){.allowed = allowed, .allowed_count = 1});
	struct peer_filter *all =
		make(&(struct peer_filter_settings){.allowed = allowed, .allowed_count = 3});

	is_int(judge(one, "10.0.0.1"), PEER_ALLOWED, "a private address that is allowed");
	is_int(judge(one, "::ffff:10.0.0.1"), PEER_ALLOWED, "and in IPv6 clothes");
	is_int(judge(one, "192.168.0.1"), PEER_DENIED_SPECIAL, "and no other");
	is_int(judge(all, "0.0.0.0"), PEER_DENIED_SPECIAL, "no rule opens 0.0.0.0");
	is_int(judge(all, "::"), PEER_DENIED_SPECIAL, "nor ::");
	is_int(judge(all, "::ffff:0.0.0.0"), PEER_DENIED_SPECIAL, "nor ::ffff:0.0.0.0");
	peer_filter_destroy(one);
	peer_filter_destroy(all);
}

static void test_deny_ipv6_range(void)
{
	/* Ranges compare as numbers, not octet by octet. */
	struct addr_range denied = range("2600::ff - 2600::1:1");
	struct peer_filter *filter =
		make(&(struct peer_filter_settings){.denied = &denied, .denied_count = 1});

	is_int(judge(filter, "2600::fe"), PEER_ALLOWED, "below the range");
	is_int(judge(filter, "2600::ff"), PEER_DENIED_BY_RULE, "its low end");
	is_int(judge(filter, "2600::100"), PEER_DENIED_BY_RULE, "within");
	is_int(judge(filter, "2600::1:1"), PEER_DENIED_BY_RULE, "its high end");
	is_int(judge(filter, "2600::1:2"), PEER_ALLOWED, "above the range");
	peer_filter_destroy(filter);
}

static bool is_even(const struct transport_addr *relayed, bool is_tcp, void *context)
{
	(void)context;
	return !is_tcp && addr_port(relayed) % 2 == 0;
}

static void test_own_addresses(void)
{
	struct transport_addr relay_ips[] = {addr("8.8.4.4"), addr("10.0.0.4")};
	struct transport_addr listeners[] = {addr("8.8.4.4:3478"), addr("9.9.9.9:3478")};
	struct peer_filter *filter = make(&(struct peer_filter_settings){
		.relay_ips = relay_ips,
		.relay_ip_count = 2,
		.listeners = listeners,
		.listener_count = 2,
		.is_relayed = is_even,
	});

	is_int(judge(filter, "8.8.4.4"), PEER_ALLOWED_IF_RELAYED, "an IP of ours");
	is_int(judge(filter, "10.0.0.4"), PEER_ALLOWED_IF_RELAYED, "in its private form");
	is_int(judge(filter, "::ffff:8.8.4.4"), PEER_ALLOWED_IF_RELAYED, "in IPv6 clothes");
	is_int(judge(filter, "9.9.9.9"), PEER_ALLOWED_IF_RELAYED, "a listener's IP");
	ok(allows(filter, "8.8.4.4:50000"), "a relayed transport address");
	ok(!allows(filter, "8.8.4.4:50001"), "a port that is not relayed");
	struct transport_addr relayed = addr("8.8.4.4:50000");
	ok(!peer_filter_allows(filter, NULL, &relayed, true), "nor by TCP where it is for UDP");
	ok(!allows(filter, "8.8.4.4:3478"), "a listener, though the port looks relayed");
	ok(!allows(filter, "9.9.9.9:3478"), "a listener elsewhere");
	ok(!allows(filter, "[::ffff:8.8.4.4]:3478"), "a listener in IPv6 clothes");
	ok(allows(filter, "8.8.8.8:3478"), "another server's");
	ok(!allows(filter, "10.0.0.5:50000"), "special-purpose");
	peer_filter_destroy(filter);
}

static void test_any_listener(void)
{
	struct transport_addr relay_ip = addr("8.8.4.4"), listener = addr("0.0.0.0:3478");
	struct addr_range allowed = range("0.0.0.0/0");
	struct peer_filter_settings settings = {
		.relay_ips = &relay_ip,
		.relay_ip_count = 1,
		.listeners = &listener,
		.listener_count = 1,
		.allow_loopback = true,
	};
	struct peer_filter *filter = make(&settings);

	ok(!allows(filter, "8.8.4.4:3478"), "on a relay IP");
	ok(!allows(filter, "127.0.0.1:3478"), "on loopback");
	ok(!allows(filter, "[::1]:3478"), "on IPv6 loopback");
	ok(allows(filter, "127.0.0.1:9"), "another port of loopback");
	ok(allows(filter, "8.8.8.8:3478"), "elsewhere");
	peer_filter_destroy(filter);

	settings.allowed = &allowed;
	settings.allowed_count = 1;
	filter = make(&settings);
	ok(!allows(filter, "8.8.4.4:3478"), "no rule opens a listener");
	ok(allows(filter, "8.8.4.4:9"), "a rule opens the rest of its IP");
	peer_filter_destroy(filter);

	addr_set_port(&listener, 0);
	filter = make(&settings);
	is_int(judge(filter, "8.8.4.4"), PEER_DENIED_LISTENER, "a listener on all ports");
	ok(!allows(filter, "127.0.0.1:9"), "is on all of loopback too");
	peer_filter_destroy(filter);
}

static void test_loopback(void)
{
	struct peer_filter *filter = make(&(struct peer_filter_settings){.allow_loopback = true});

	is_int(judge(filter, "127.0.0.1"), PEER_ALLOWED, "127.0.0.1");
	is_int(judge(filter, "127.255.0.1"), PEER_ALLOWED, "127.255.0.1");
	is_int(judge(filter, "::1"), PEER_ALLOWED, "::1");
	is_int(judge(filter, "10.0.0.1"), PEER_DENIED_SPECIAL, "nothing else");
	is_int(judge(filter, "0.0.0.0"), PEER_DENIED_SPECIAL, "not 0.0.0.0");
	peer_filter_destroy(filter);
}

/* The same judge, with its rule. */
static void test_explained(void)
{
	static const struct {
		const char *peer;
		enum peer_verdict verdict;
		enum peer_source source;
		const char *reason, *rule;
	} rows[] = {
		{"10.1.0.5", PEER_ALLOWED, PEER_BY_CONFIGURATION, "allowed-peer-ip",
	         "10.1.0.0-10.1.255.255"},
		{"::ffff:10.1.0.5", PEER_ALLOWED, PEER_BY_CONFIGURATION, "allowed-peer-ip",
	         "10.1.0.0-10.1.255.255"},
		{"8.8.8.8", PEER_DENIED_BY_RULE, PEER_BY_CONFIGURATION, "denied-peer-ip",
	         "8.8.8.8"},
		{"9.9.9.9", PEER_DENIED_BY_RULE, PEER_BY_REALM, "denied_peer_ip of the realm",
	         "9.9.9.0-9.9.9.255"},
		{"10.2.0.1", PEER_ALLOWED, PEER_BY_REALM, "allowed_peer_ip of the realm",
	         "10.2.0.1"},
		{"10.3.0.1", PEER_DENIED_SPECIAL, PEER_BY_REGISTRY, "private use (RFC 1918)",
	         "10.0.0.0/8"},
		{"64:ff9b::a03:1", PEER_DENIED_SPECIAL, PEER_BY_REGISTRY, "private use (RFC 1918)",
	         "10.0.0.0/8"},
		{"ff02::1", PEER_DENIED_SPECIAL, PEER_BY_REGISTRY, "multicast (RFC 4291)",
	         "ff00::/8"},
		{"::", PEER_DENIED_SPECIAL, PEER_BY_REGISTRY, "unspecified (RFC 4291)", "::/128"},
		{"5.5.5.5", PEER_DENIED_LISTENER, PEER_BY_OWN_LISTENER, "a listener of this server",
	         ""},
		{"6.6.6.6", PEER_ALLOWED_IF_RELAYED, PEER_BY_OWN_RELAY,
	         "a relayed address of this server", ""},
		{"1.1.1.1", PEER_ALLOWED, PEER_BY_DEFAULT, "not special", ""},
	};
	const struct addr_range allowed = range("10.1.0.0/16"), denied = range("8.8.8.8");
	const struct transport_addr listener = addr("5.5.5.5:0"), relay = addr("6.6.6.6");
	const struct peer_rule rules[] = {{"example.org", range("9.9.9.0/24"), true},
	                                  {"", range("10.2.0.1"), false}};
	struct peer_filter *filter = make(&(struct peer_filter_settings){
		.allowed = &allowed,
		.allowed_count = 1,
		.denied = &denied,
		.denied_count = 1,
		.listeners = &listener,
		.listener_count = 1,
		.relay_ips = &relay,
		.relay_ip_count = 1,
	});
	struct peer_rules *compiled;
	struct peer_ruling ruling;

	if (peer_rules_create(rules, 2, &compiled) != OK)
		abort();
	const struct peer_lists *lists = peer_rules_find(compiled, "example.org");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct transport_addr peer = addr(rows[i].peer);
		peer_filter_explain(filter, lists, &peer, &ruling);
		is_int(ruling.verdict, rows[i].verdict, "%s", rows[i].peer);
		is_int(peer_filter_judge_ip(filter, lists, &peer, NULL), ruling.verdict,
		       "as a packet is judged");
		is_int(ruling.source, rows[i].source, "for what");
		is_text(ruling.reason, rows[i].reason, "in words");
		is_text(ruling.rule, rows[i].rule, "by which rule");
	}
	struct transport_addr peer = addr("9.9.9.9");
	peer_filter_explain(filter, peer_rules_find(compiled, "other.org"), &peer, &ruling);
	is_int(ruling.verdict, PEER_ALLOWED, "another realm has not that list");
	peer_rules_destroy(compiled);
	peer_filter_destroy(filter);
}

int main(void)
{
	test_explained();
	test_registries();
	test_reasons();
	test_rules_beat_defaults();
	test_deny_ipv6_range();
	test_own_addresses();
	test_any_listener();
	test_loopback();
	peer_filter_destroy(NULL);
	return tap_end();
}
