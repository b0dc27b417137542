/* external-ip, both ways. The list is short: one entry for an address of the machine. */
#include "turn/address_map.h"

static void replace_ip(struct transport_addr *addr, const struct transport_addr *ip)
{
	uint16_t port = addr_port(addr);

	*addr = *ip;
	addr_set_port(addr, port);
}

void address_map_to_private(const struct turn_server *server, struct transport_addr *addr)
{
	const struct turn_address_map *map = server->settings.address_map;

	for (size_t i = 0; i < server->settings.address_map_count; i++)
		if (addr_equal_ip(addr, &map[i].public_ip)) {
			replace_ip(addr, &map[i].private_ip);
			return;
		}
}

void address_map_to_public(const struct turn_server *server, struct transport_addr *addr)
{
	const struct turn_address_map *map = server->settings.address_map;

	for (size_t i = 0; i < server->settings.address_map_count; i++)
		if (addr_equal_ip(addr, &map[i].private_ip)) {
			replace_ip(addr, &map[i].public_ip);
			return;
		}
}
