/* Addresses: text, hidden IPv4 addresses, ranges, hashes. */
#include "tap.h"

#include <stdlib.h>

#include "base/addr.h"

static struct transport_addr addr_of(const char *text)
{
	struct transport_addr addr;

	if (addr_parse(text, 0, &addr) != OK)
		abort();
	return addr;
}

static void test_text(void)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
	} rows[] = {
		{"192.0.2.1", "192.0.2.1:3478"},
		{"192.0.2.1:80", "192.0.2.1:80"},
		{"192.0.2.1:65535", "192.0.2.1:65535"},
		{"2001:db8::1", "[2001:db8::1]:3478"},
		{"[2001:db8::1]", "[2001:db8::1]:3478"},
		{"[2001:db8::1]:80", "[2001:db8::1]:80"},
		{"::", "[::]:3478"},
		{"::ffff:192.0.2.1", "[::ffff:192.0.2.1]:3478"},
		{"", NULL},
		{"localhost", NULL},
		{"192.0.2.256", NULL},
		{"192.0.2", NULL},
		{"192.0.2.1:", NULL},
		{"192.0.2.1:65536", NULL},
		{"192.0.2.1:+80", NULL},
		{"192.0.2.1: 80", NULL},
		{"192.0.2.1:000080", NULL},
		{" 192.0.2.1", NULL},
		{"[192.0.2.1]:80", NULL},
		{"[2001:db8::1", NULL},
		{"[2001:db8::1]80", NULL},
		{"[2001:db8::1]:", NULL},
		{"[]", NULL},
		{"fe80::1%lo", NULL},
		{"1111111111222222222233333333334444444444555555555566666666667777777777", NULL},
	};
	char text[ADDR_TEXT_SIZE];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct transport_addr addr;
		enum err err = addr_parse(rows[i].text, 3478, &addr);

		if (rows[i].want == NULL)
			is_int(err, ERR_INVALID, "\"%s\" is refused", rows[i].text);
		else if (ok(err == OK, "\"%s\" is read", rows[i].text))
			is_text(addr_format(&addr, text), rows[i].want, "and written");
	}
	struct transport_addr addr = addr_of("[2001:db8::1]:80");
	is_text(addr_format_ip(&addr, text), "2001:db8::1", "written without port");
	addr = addr_of("[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535");
	is_text(addr_format(&addr, text), "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
	        "the longest");
}

static void test_questions(void)
{
	struct transport_addr a = addr_of("192.0.2.1:1"), b = addr_of("192.0.2.1:2");
	struct transport_addr c = addr_of("[2001:db8::1]:1"), d = addr_of("[2001:db8::2]:1");
	struct five_tuple x = {a, c, TRANSPORT_UDP}, y = x;

	ok(addr_equal(&a, &a) && !addr_equal(&a, &b), "ports count");
	ok(addr_equal_ip(&a, &b) && !addr_equal_ip(&c, &d), "and do not");
	ok(!addr_equal_ip(&a, &c), "families differ");
	ok(five_tuple_equal(&x, &y), "equal 5-tuples");
	y.transport = TRANSPORT_TCP;
	ok(!five_tuple_equal(&x, &y), "the transport counts");
	ok(five_tuple_hash(&x, 1) != five_tuple_hash(&y, 1), "in the hash too");
	y = (struct five_tuple){c, a, TRANSPORT_UDP};
	ok(five_tuple_hash(&x, 1) != five_tuple_hash(&y, 1), "client and server are not the same");
	a = addr_of("0.0.0.0"), c = addr_of("::");
	ok(addr_is_any(&a) && addr_is_any(&c) && !addr_is_any(&b), "any");
	a = addr_of("127.255.0.1"), c = addr_of("::1");
	ok(addr_is_loopback(&a) && addr_is_loopback(&c), "loopback");
	ok(!addr_is_loopback(&b) && !addr_is_loopback(&d), "not loopback");
	is_text(transport_name(TRANSPORT_DTLS), "DTLS", "a transport's name");
}

static void test_normalise(void)
{
	static const struct {
		const char *text, *want; /* NULL: as it is */
	} rows[] = {
		{"::ffff:192.0.2.1", "192.0.2.1:7"},
		{"::192.0.2.1", "192.0.2.1:7"},
		{"::2", "0.0.0.2:7"},
		{"2002:c000:201::1", "192.0.2.1:7"},
		{"2001:0:4136:e378:8000:63bf:3fff:fdfe", "192.0.2.1:7"},
		{"2001:db8::5efe:192.0.2.1", "192.0.2.1:7"},
		{"2001:db8::200:5efe:192.0.2.1", "192.0.2.1:7"},
		{"64:ff9b::192.0.2.1", "192.0.2.1:7"},
		{"64:ff9b:1::192.0.2.1", "192.0.2.1:7"},
		{"64:ff9b:1:c000:2:100::", "192.0.2.1:7"},
		/* RFC 6052 section 2.4, with prefixes of ours */
		{"2001:db8:c000:221::", "192.0.2.33:7"},
		{"2001:db9:1c0:2:21::", "192.0.2.33:7"},
		{"2001:dba:122:c000:2:2100::", "192.0.2.33:7"},
		{"2001:dbb:122:3c0:0:221::", "192.0.2.33:7"},
		{"2001:dbc:122:344:c0:2:2100::", "192.0.2.33:7"},
		{"2001:dbd:122:344::192.0.2.33", "192.0.2.33:7"},
		{"64:ff9b:1:fe::192.0.2.33", "192.0.2.33:7"}, /* inside 64:ff9b:1::/48 */
		{"::", NULL},
		{"::1", NULL},
		{"2001:dbe::1", NULL},
		{"2001:1::1", NULL},
		{"2003::1", NULL},
		{"64:ff9b:2::1", NULL},
		{"64:ff9b::1:192.0.2.1", NULL},
		{"::fffe:192.0.2.1", NULL},
		{"192.0.2.1", NULL},
	};
	static const char *const texts[] = {"2001:db8::/32",         "2001:db9:100::/40",
	                                    "2001:dba:122::/48",     "2001:dbb:122:300::/56",
	                                    "2001:dbc:122:344::/64", "2001:dbd:122:344::/96",
	                                    "64:ff9b:1:fe::/96"};
	enum { PREFIXES = sizeof texts / sizeof *texts };
	struct nat64_prefix prefixes[PREFIXES];
	char text[ADDR_TEXT_SIZE], want[ADDR_TEXT_SIZE];

	for (unsigned i = 0; i < PREFIXES; i++)
		is_int(nat64_prefix_parse(texts[i], &prefixes[i]), OK, "%s is read", texts[i]);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct transport_addr addr = addr_of(rows[i].text);
		/* ISATAP within 2001:db8:: is tried without a prefix that would come first. */
		bool is_isatap = strstr(rows[i].text, "5efe") != NULL;

		addr_set_port(&addr, 7);
		addr_format(&addr, want);
		ok(addr_normalise(&addr, prefixes, is_isatap ? 0 : PREFIXES) ==
		           (rows[i].want != NULL),
		   "%s hides an IPv4 address or not", rows[i].text);
		is_text(addr_format(&addr, text), rows[i].want ? rows[i].want : want, "this one");
	}
}

static void test_nat64_prefix_refused(void)
{
	static const char *const texts[] = {
		"2001:db8::",   "2001:db8::/33",          "2001:db8::/128",
		"192.0.2.0/32", "2001:db8:1::/32",        "2001:db8::1:0:0/96",
		"2001:db8::/",  "2001:db8::100:0:0:0/96", "2001:db8::/9 6",
	};
	struct nat64_prefix prefix;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (i != 5)
			is_int(nat64_prefix_parse(texts[i], &prefix), ERR_INVALID, "%s is refused",
			       texts[i]);
	is_int(nat64_prefix_parse(texts[5], &prefix), OK, "96 bits, of which the last are set");
}

static void test_ranges(void)
{
	static const struct {
		const char *range, *inside, *outside; /* inside NULL: refused */
	} rows[] = {
		{"10.0.0.1", "10.0.0.1", "10.0.0.2"},
		{"10.0.0.1-10.0.1.9", "10.0.0.255", "10.0.1.10"},
		{"10.0.0.1 - 10.0.0.9", "10.0.0.9", "10.0.0.0"},
		{"10.0.0.0/8", "10.255.255.255", "11.0.0.0"},
		{"0.0.0.0/0", "255.255.255.255", "::1"},
		{"10.0.0.1/32", "10.0.0.1", "10.0.0.0"},
		{"172.16.0.0/12", "172.31.255.255", "172.32.0.0"},
		{"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::"},
		{"::/0", "ffff::", "0.0.0.0"},
		{"2001:db8::1-2001:db8::ff:0", "2001:db8::2:0", "2001:db8::ff:1"},
		{"10.0.0.9-10.0.0.1", NULL, NULL},
		{"10.0.0.1-::1", NULL, NULL},
		{"10.0.0.1/8", NULL, NULL},
		{"10.0.0.0/33", NULL, NULL},
		{"10.0.0.0/", NULL, NULL},
		{"10.0.0.0/-1", NULL, NULL},
		{"10.0.0.1:80", NULL, NULL},
		{"10.0.0.1-", NULL, NULL},
		{"-10.0.0.1", NULL, NULL},
		{"2001:db8::/28", NULL, NULL},
		{"", NULL, NULL},
	};
	struct addr_range range;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		enum err err = addr_range_parse(rows[i].range, &range);

		if (rows[i].inside == NULL) {
			is_int(err, ERR_INVALID, "\"%s\" is refused", rows[i].range);
			continue;
		}
		struct transport_addr in = addr_of(rows[i].inside), out = addr_of(rows[i].outside);
		ok(err == OK && addr_range_contains(&range, &in), "%s contains %s", rows[i].range,
		   rows[i].inside);
		ok(err == OK && !addr_range_contains(&range, &out), "%s does not contain %s",
		   rows[i].range, rows[i].outside);
	}
}

/* Addresses as they occur: one prefix, ports one after the other. The low bits must spread. */
static void test_hash_spreads(void)
{
	enum { ADDRS = 1 << 14, BUCKETS = 1 << 10 };
	static unsigned buckets[2][BUCKETS];

	for (unsigned i = 0; i < ADDRS; i++) {
		uint8_t v4[4] = {192, 0, 2, (uint8_t)(i >> 8)}, v6[16] = {0x20, 1, 0xD, 0xB8};
		struct transport_addr addr;

		addr_init(&addr, AF_INET, v4, (uint16_t)(50000 + i % 256));
		buckets[0][addr_hash(&addr, 12345) % BUCKETS]++;
		v6[15] = (uint8_t)i, v6[14] = (uint8_t)(i >> 8);
		addr_init(&addr, AF_INET6, v6, 3478);
		buckets[1][addr_hash(&addr, 12345) % BUCKETS]++;
	}
	for (unsigned family = 0; family < 2; family++) {
		double sum = 0, mean = (double)ADDRS / BUCKETS;

		for (unsigned i = 0; i < BUCKETS; i++)
			sum += (buckets[family][i] - mean) * (buckets[family][i] - mean) / mean;
		/* Chi squared with 1023 degrees of freedom; 6 standard deviations either way. */
		ok(sum > 1023 - 6 * 45.2 && sum < 1023 + 6 * 45.2,
		   "hashes of IPv%c addresses spread: %.0f", family ? '6' : '4', sum);
	}
	struct transport_addr a = addr_of("192.0.2.1:1"), b = addr_of("192.0.2.1:2");
	ok(addr_hash(&a, 1) != addr_hash(&a, 2), "the seed counts");
	ok(addr_hash(&a, 1) != addr_hash(&b, 1), "the port counts");
	ok(addr_hash_ip(&a, 1) == addr_hash_ip(&b, 1), "and does not for the IP alone");
}

int main(void)
{
	test_text();
	test_questions();
	test_normalise();
	test_nat64_prefix_refused();
	test_ranges();
	test_hash_spreads();
	return tap_end();
}
