/* Who a client is behind proxies. */
#include "signaling/proxies.h"

#include "tap.h"

static struct transport_addr addr_of(const char *text)
{
	struct transport_addr addr = {0};

	if (addr_parse(text, 0, &addr) != OK)
		ok(false, "%s is an address", text);
	return addr;
}

int main(void)
{
	static const struct {
		const char *peer, *hops, *real_ip, *client;
	} rows[] = {
		{"10.0.0.1", "", "", "10.0.0.1"},
		{"10.0.0.1", "192.0.2.1", "", "192.0.2.1"},
		{"192.0.2.9", "192.0.2.1", "192.0.2.2", "192.0.2.9"},
		{"10.0.0.1", "203.0.113.1, 192.0.2.1", "", "192.0.2.1"},
		{"10.0.0.1", "203.0.113.1, 192.0.2.1, 10.0.0.2,10.0.0.3", "", "192.0.2.1"},
		{"10.0.0.1", "10.0.0.2, 10.0.0.3", "192.0.2.5", "10.0.0.2"},
		{"10.0.0.1", "192.0.2.1:4711", "", "192.0.2.1"},
		{"10.0.0.1", "[2001:db8::1]:80", "", "2001:db8::1"},
		{"10.0.0.1", "::ffff:192.0.2.1", "", "192.0.2.1"},
		{"10.0.0.1", "", " 192.0.2.5 ", "192.0.2.5"},
		{"10.0.0.1", "192.0.2.1, unknown", "", "10.0.0.1"},
		{"10.0.0.1", "192.0.2.1, unknown, 10.0.0.2", "", "10.0.0.2"},
		{"10.0.0.1", "nonsense", "192.0.2.5", "192.0.2.5"},
		{"10.0.0.1", "192.0.2.1,", "", "10.0.0.1"},
		{"2001:db8:1::5", "192.0.2.1", "", "192.0.2.1"},
	};
	struct addr_range range[2];
	const struct range_list proxies = {range, 2};
	char text[ADDR_TEXT_SIZE];
	struct transport_addr client;

	if (addr_range_parse("10.0.0.0/8", &range[0]) != OK ||
	    addr_range_parse("2001:db8:1::/48", &range[1]) != OK)
		return 1;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct transport_addr peer = addr_of(rows[i].peer);
		proxies_find_client(&proxies, &peer, slice_of(rows[i].hops),
		                    slice_of(rows[i].real_ip), &client);
		is_text(addr_format_ip(&client, text), rows[i].client, "%s, \"%s\", \"%s\"",
		        rows[i].peer, rows[i].hops, rows[i].real_ip);
	}
	struct transport_addr peer = addr_of("10.0.0.1");
	proxies_find_client(NULL, &peer, SLICE("192.0.2.1"), SLICE(""), &client);
	is_text(addr_format_ip(&client, text), "10.0.0.1", "without proxies nobody is believed");
	return tap_end();
}
