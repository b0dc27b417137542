/* Bounds of addresses, in the time that the test says it is. */
#include "signaling/address_limits.h"

#include <stdio.h>

#include "tap.h"

static struct transport_addr addr_of(const char *text)
{
	struct transport_addr addr = {0};

	if (addr_parse(text, 0, &addr) != OK)
		ok(false, "%s is an address", text);
	return addr;
}

static struct address_limits *create(size_t connections_max, unsigned connections,
                                     unsigned requests_s, unsigned failures_min)
{
	const struct address_limits_settings settings = {connections, requests_s, failures_min};
	struct address_limits *limits = NULL;

	if (address_limits_create(connections_max, &settings, &limits) != OK)
		ok(false, "a table");
	return limits;
}

static void connections(void)
{
	struct address_limits *limits = create(3, 2, 0, 0);
	struct transport_addr a = addr_of("192.0.2.1"), b = addr_of("192.0.2.2");
	struct transport_addr v6 = addr_of("2001:db8::1"), same = addr_of("2001:db8::ffff:1"),
			      other = addr_of("2001:db8:0:1::1");

	ok(address_limits_open(limits, &a, 1) && address_limits_open(limits, &a, 1), "two of one");
	ok(!address_limits_open(limits, &a, 1), "and no third");
	ok(address_limits_open(limits, &b, 1), "another address");
	address_limits_close(limits, &a);
	ok(address_limits_open(limits, &a, 1), "one that went makes room");
	ok(address_limits_open(limits, &v6, 1) && address_limits_open(limits, &same, 1),
	   "two of one /64");
	ok(!address_limits_open(limits, &v6, 1), "and no third");
	ok(address_limits_open(limits, &other, 1), "another /64");
	address_limits_change(limits, &(struct address_limits_settings){.connections = 3});
	ok(address_limits_open(limits, &a, 1), "three, when a reload allows it");
	ok(address_limits_take_connection(limits) && address_limits_take_connection(limits) &&
	           address_limits_take_connection(limits) &&
	           !address_limits_take_connection(limits),
	   "three of the process, and no fourth");
	address_limits_give_connection(limits);
	ok(address_limits_take_connection(limits), "one that went makes room there too");
	address_limits_destroy(limits);
}

static void requests(void)
{
	struct address_limits *limits = create(0, 0, 10, 3);
	struct transport_addr a = addr_of("192.0.2.1"), b = addr_of("192.0.2.2");
	unsigned taken = 0;

	while (taken < 100 && address_limits_request(limits, &a, 1000))
		taken++;
	is_int(taken, 10, "ten requests at once");
	ok(address_limits_request(limits, &b, 1000), "others have their own");
	ok(!address_limits_request(limits, &a, 1099), "none for 99 ms");
	ok(address_limits_request(limits, &a, 1101), "one after a tenth of a second");
	taken = 0;
	for (timestamp now = 1102; now < 2102; now++)
		taken += address_limits_request(limits, &a, now);
	is_int(taken, 10, "ten in a second, asked for each millisecond");
	ok(!address_limits_request(limits, &a, 1500), "a clock behind gives nothing");
	for (unsigned i = 0; i < 3; i++) {
		ok(!address_limits_is_barred(limits, &a, 1000), "%u failures are borne", i);
		address_limits_failed(limits, &a, 1000);
	}
	ok(address_limits_is_barred(limits, &a, 1000), "three are not");
	ok(!address_limits_is_barred(limits, &b, 1000), "others may go on");
	/* Asking often must not cost the fractions that are due. */
	for (timestamp now = 1000; now < 20000; now++)
		(void)address_limits_is_barred(limits, &a, now);
	ok(address_limits_is_barred(limits, &a, 20000), "after 19 seconds still");
	ok(!address_limits_is_barred(limits, &a, 21001), "after 20 there is one more");
	address_limits_destroy(limits);
}

static void is_bounded(void)
{
	struct address_limits *limits = create(16, 0, 5, 0);
	struct transport_addr addr, first = addr_of("198.51.100.1");
	char text[ADDR_TEXT_SIZE];

	ok(address_limits_open(limits, &first, 1), "one with a connection");
	for (unsigned i = 0; i < 100000; i++) {
		snprintf(text, sizeof text, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		addr = addr_of(text);
		if (!address_limits_request(limits, &addr, 1))
			ok(false, "a request of %s", text);
	}
	is_int(address_limits_count(limits), 16384 + 16, "of 100,000 addresses the last stay");
	address_limits_change(limits, &(struct address_limits_settings){.connections = 1});
	ok(!address_limits_open(limits, &first, 1), "and one with a connection is not forgotten");
	address_limits_destroy(limits);
}

int main(void)
{
	connections();
	requests();
	is_bounded();
	return tap_end();
}
