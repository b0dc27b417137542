/* Lists of peers of realms: whatever ranges there are, in whatever order, an address is in a list when
 * one of its ranges has it; compared with a walk through all of them. */
#include <stdlib.h>

#include "turn/peer_rules.h"

#include "tap.h"

enum { RULES = 200, PROBES = 4000 };

static const char *const realms[] = {"", "blue", "red", "rose"};

static struct addr_range range_of(const char *text)
{
	struct addr_range range;

	if (addr_range_parse(text, &range) != OK)
		printf("Bail out! %s\n", text), exit(1);
	return range;
}

static struct transport_addr addr_of(const char *text)
{
	struct transport_addr addr;

	if (addr_parse(text, 0, &addr) != OK)
		printf("Bail out! %s\n", text), exit(1);
	return addr;
}

static bool allows(const struct peer_rules *rules, const char *realm, const char *text)
{
	struct transport_addr addr = addr_of(text);

	return peer_lists_allow(peer_rules_find(rules, realm), &addr);
}

static bool denies(const struct peer_rules *rules, const char *realm, const char *text)
{
	struct transport_addr addr = addr_of(text);

	return peer_lists_deny(peer_rules_find(rules, realm), &addr);
}

static void test_realms(void)
{
	const struct peer_rule given[] = {
		{"red", range_of("10.0.0.0/8"), true},
		{"", range_of("2001:db8::1-2001:db8::ff"), true},
		{"blue", range_of("10.0.0.1"), false},
		{"red", range_of("10.200.0.0-11.0.0.255"), true},
		{"", range_of("192.0.2.1"), false},
	};
	struct peer_rules *rules;

	is_int(peer_rules_create(given, 5, &rules), OK, "create");
	ok(denies(rules, "red", "10.0.0.0"), "the first of a range");
	ok(denies(rules, "red", "11.0.0.255"), "the last of two that overlap");
	ok(!denies(rules, "red", "11.0.1.0"), "the one behind it");
	ok(!denies(rules, "red", "9.255.255.255"), "the one before it");
	ok(!denies(rules, "blue", "10.0.0.1"), "another realm's");
	ok(!denies(rules, "green", "10.0.0.1"), "a realm that has none");
	ok(denies(rules, "green", "2001:db8::80"), "every realm's, for one that has none");
	ok(denies(rules, "red", "2001:db8::80"), "every realm's, for one that has some");
	ok(!denies(rules, "red", "2001:db8::"), "IPv6, the one before it");
	ok(allows(rules, "blue", "10.0.0.1") && !allows(rules, "red", "10.0.0.1"), "allowed");
	ok(allows(rules, "red", "192.0.2.1") && !denies(rules, "red", "192.0.2.1"), "the list");
	peer_rules_destroy(rules);
}

static void test_none(void)
{
	struct peer_rules *rules;

	is_int(peer_rules_create(NULL, 0, &rules), OK, "no rules");
	ok(!denies(rules, "", "10.0.0.1") && !allows(rules, "red", "::1"), "say nothing");
	ok(peer_rules_find(NULL, "red") == NULL && !peer_lists_allow(NULL, NULL), "nor do none");
	peer_rules_destroy(rules);
}

/* Few addresses, so that ranges overlap and touch. */
static void random_addr(struct transport_addr *addr, int family, unsigned ip)
{
	const uint8_t bytes[16] = {[3] = (uint8_t)ip, [15] = (uint8_t)ip};

	addr_init(addr, family, bytes, 0);
}

static void random_rule(struct peer_rule *rule)
{
	int family = rand() % 2 ? AF_INET : AF_INET6;
	unsigned low = (unsigned)rand() % 256, high = low + (unsigned)rand() % 8;

	rule->realm = realms[rand() % 4];
	rule->is_denied = rand() % 2;
	random_addr(&rule->range.low, family, low);
	random_addr(&rule->range.high, family, high > 255 ? 255 : high);
}

static bool is_in(const struct peer_rule *rules, const char *realm, bool is_denied,
                  const struct transport_addr *addr)
{
	for (unsigned i = 0; i < RULES; i++)
		if (rules[i].is_denied == is_denied &&
		    (rules[i].realm[0] == '\0' || strcmp(rules[i].realm, realm) == 0) &&
		    addr_range_contains(&rules[i].range, addr))
			return true;
	return false;
}

static void test_against_walk(void)
{
	struct peer_rule given[RULES];
	struct peer_rules *rules;
	unsigned wrong = 0, hits = 0;

	srand(1);
	for (unsigned i = 0; i < RULES; i++)
		random_rule(&given[i]);
	is_int(peer_rules_create(given, RULES, &rules), OK, "random rules");
	for (unsigned i = 0; i < PROBES; i++) {
		const char *realm = realms[rand() % 4];
		struct transport_addr addr;

		random_addr(&addr, rand() % 2 ? AF_INET : AF_INET6, (unsigned)rand() % 256);
		bool denied = is_in(given, realm, true, &addr);
		const struct peer_lists *lists = peer_rules_find(rules, realm);
		hits += denied;
		wrong += peer_lists_deny(lists, &addr) != denied ||
		         peer_lists_allow(lists, &addr) != is_in(given, realm, false, &addr);
	}
	is_int(wrong, 0, "each address is found as by a walk");
	ok(hits > PROBES / 10 && hits < PROBES * 9 / 10, "some are there and some are not: %u",
	   hits);
	peer_rules_destroy(rules);
}

int main(void)
{
	test_realms();
	test_none();
	test_against_walk();
	return tap_end();
}
