/* Clients of one UDP socket who come through proxies: who is believed, the way back, bounds, and time. The
 * clock stands still but for pass_time. */
#include "listeners/proxied.h"

#include "listener_fixture.h"
#include "listeners/proxy_protocol.h"
#include "tap.h"

static struct fake_host *fake;
static struct proxied *proxied;
static struct transport_addr server;

static void open_proxied(unsigned clients_max)
{
	static struct addr_range trusted;

	if (addr_range_parse("10.0.0.0/24", &trusted) != OK)
		abort();
	fake = fake_host_create();
	fake->host.proxies = &trusted;
	fake->host.proxy_count = 1;
	fake->host.endpoints_max = clients_max;
	addr_init(&server, AF_INET, "\x7F\0\0\1", 3478);
	if (proxied_create(&fake->host, &server, &proxied) != OK)
		abort();
}

static void close_proxied(void)
{
	proxied_destroy(proxied);
	is_int(counted(fake, COUNT_proxied_clients_now), 0, "no client is left");
	fake_host_destroy(fake);
}

static void swap(struct proxied **other)
{
	struct proxied *one = proxied;

	proxied = *other;
	*other = one;
}

static struct transport_addr addr(const char *text)
{
	struct transport_addr addr;

	if (addr_parse(text, 1, &addr) != OK)
		abort();
	return addr;
}

/* A datagram of client 192.0.2.N through a proxy: true when it is to be looked at. */
static bool input(uint8_t n, const char *proxy)
{
	uint8_t bytes[29] =
		"\r\n\r\n\0\r\nQUIT\n\x21\x12\0\x0C\xC0\0\2\0\xC6\x33\x64\1\x13\x88\x0D\x96x";
	struct packet packet = {
		.data = bytes, .len = 29, .frame = bytes, .size = 29, .src = addr(proxy)};
	struct transport_addr client;

	bytes[19] = n;
	addr_init(&client, AF_INET, bytes + 16, 5000);
	return proxied_input(proxied, &packet, timestamp_now()) && packet.len == 1 &&
	       packet.data[0] == 'x' && addr_equal(&packet.src, &client);
}

static bool goes_to(uint8_t n, const char *proxy)
{
	uint8_t ip[4] = {192, 0, 2, n};
	struct transport_addr client, expected;
	const struct transport_addr *route;

	addr_init(&client, AF_INET, ip, 5000);
	route = proxied_route(proxied, &client);
	if (proxy == NULL || route == NULL)
		return proxy == NULL && route == NULL;
	expected = addr(proxy);
	return addr_equal(route, &expected);
}

static void test_way_back(void)
{
	open_proxied(10);
	ok(input(1, "10.0.0.1:1000") && input(2, "10.0.0.1:1000"), "two clients by one socket");
	ok(goes_to(1, "10.0.0.1:1000") && goes_to(2, "10.0.0.1:1000"), "have one way back");
	ok(input(1, "10.0.0.2:7"), "a client comes by another proxy");
	ok(goes_to(1, "10.0.0.2:7"), "and is answered there");
	ok(goes_to(3, NULL), "nobody knows a way to a stranger");
	ok(!input(3, "10.0.1.1:1000"), "another than a trusted proxy is not believed");
	is_int(counted(fake, COUNT_proxies_refused), 1, "which is counted");
	ok(goes_to(3, NULL), "and leads to nothing");
	close_proxied();
}

static void test_bound(void)
{
	open_proxied(3);
	for (uint8_t n = 1; n <= 3; n++)
		ok(input(n, "10.0.0.1:1"), "client %u has a place", n);
	ok(input(1, "10.0.0.1:1") && input(4, "10.0.0.1:1"), "so has one more");
	ok(goes_to(2, NULL), "that of who was silent longest");
	ok(goes_to(1, "10.0.0.1:1") && goes_to(3, "10.0.0.1:1"), "and of nobody else");
	fake->has_session = true;
	ok(!input(5, "10.0.0.1:1"), "clients with sessions are driven out by nobody");
	is_int(counted(fake, COUNT_drop_proxied_full), 1, "which is counted");
	is_int(counted(fake, COUNT_proxied_clients_now), 3, "and how many there are");
	close_proxied();
}

static void test_bound_is_of_a_socket(void)
{
	struct proxied *flooded;

	open_proxied(3);
	flooded = proxied;
	addr_init(&server, AF_INET, "\x7F\0\0\1", 3479);
	if (proxied_create(&fake->host, &server, &proxied) != OK)
		abort();
	swap(&flooded);
	for (uint8_t n = 1; n <= 9; n++)
		(void)input(n, "10.0.0.1:1");
	is_int(counted(fake, COUNT_proxied_clients_now), 3, "one socket's places are taken");
	swap(&flooded);
	ok(input(1, "10.0.0.1:1"), "which takes none of another's");
	proxied_destroy(flooded);
	close_proxied();
}

static void test_time(void)
{
	open_proxied(10);
	ok(input(1, "10.0.0.1:1"), "a client");
	pass_time(fake, 40000);
	ok(input(2, "10.0.0.1:1"), "a later one");
	pass_time(fake, 21000);
	ok(goes_to(1, NULL) && goes_to(2, "10.0.0.1:1"), "who is silent is forgotten");
	fake->has_session = true;
	pass_time(fake, 200000);
	ok(goes_to(2, "10.0.0.1:1"), "but not while it has a session");
	fake->has_session = false;
	pass_time(fake, 61000);
	pass_time(fake, 61000);
	ok(goes_to(2, NULL), "and then after all");
	close_proxied();
}

int main(void)
{
	test_way_back();
	test_bound();
	test_bound_is_of_a_socket();
	test_time();
	return tap_end();
}
