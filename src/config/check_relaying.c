/* Checks of relaying: ports, addresses, which peers may be reached, lifetimes, bandwidth. */
#include "config/check.h"

#include <stdlib.h>
#include <string.h>

void check_ports(struct check *check)
{
	const struct config *config = check->config;

	if (config->min_port > config->max_port)
		check_error(check, OPTION_ID_min_port,
		            "min-port %u is above max-port %u: no port is left to relay from",
		            config->min_port, config->max_port);
	if (config->listening_port >= config->min_port &&
	    config->listening_port <= config->max_port)
		check_warn(
			check, OPTION_ID_listening_port,
			"listening-port %u lies between min-port and max-port: it is never relayed "
			"from",
			config->listening_port);
}

static bool has_family(const struct addr_list *list, int family)
{
	for (size_t i = 0; i < list->count; i++)
		if (addr_family(&list->item[i]) == family)
			return true;
	return false;
}

static bool has_addr(const struct addr_list *list, const struct transport_addr *addr)
{
	for (size_t i = 0; i < list->count; i++)
		if (addr_equal_ip(&list->item[i], addr))
			return true;
	return false;
}

static const char *family_name(int family)
{
	return family == AF_INET6 ? "IPv6" : "IPv4";
}

void check_relay_ips(struct check *check)
{
	const struct config *config = check->config;

	for (size_t i = 0; i < config->relay_ip.count; i++)
		if (addr_is_any(&config->relay_ip.item[i]))
			check_error(check, OPTION_ID_relay_ip,
			            "relay-ip: peers cannot answer to an address of only zeros: "
			            "give one "
			            "that this machine has, or leave relay-ip out");
	if (config->relay_ip.count > 0 && !has_family(&config->relay_ip, AF_INET) &&
	    strcmp(config->allocation_default_address_family, "ipv4") == 0)
		check_warn(check, OPTION_ID_relay_ip,
		           "relay-ip has no IPv4 address: clients that do not ask for IPv6 are "
		           "refused "
		           "(440)");
	if (config->relay_ip.count > 0 && config->listening_ip.count > 0 &&
	    has_family(&config->listening_ip, AF_INET6) && !has_family(&config->relay_ip, AF_INET6))
		check_warn(check, OPTION_ID_relay_ip,
		           "relay-ip has no IPv6 address although listening-ip has one: clients "
		           "that ask "
		           "for IPv6 are refused (440)");
}

static void check_external_ip(struct check *check, size_t index)
{
	const struct external_list *list = &check->config->external_ip;
	const struct external_addr *external = &list->item[index];
	const struct addr_list *relay = &check->config->relay_ip;
	int family = addr_family(&external->public_ip);
	char text[ADDR_TEXT_SIZE];

	if (external->has_private && relay->count > 0 && !has_addr(relay, &external->private_ip))
		check_warn(check, OPTION_ID_external_ip,
		           "external-ip: %s is not among relay-ip, so nothing is mapped to it",
		           addr_format_ip(&external->private_ip, text));
	if (!external->has_private && relay->count > 0 && !has_family(relay, family))
		check_warn(check, OPTION_ID_external_ip,
		           "external-ip: %s stands for no relay-ip: none is %s",
		           addr_format_ip(&external->public_ip, text), family_name(family));
	for (size_t i = 0; i < index; i++)
		if (!external->has_private && !list->item[i].has_private &&
		    addr_family(&list->item[i].public_ip) == family)
			check_error(check, OPTION_ID_external_ip,
			            "external-ip: two %s addresses without a local one: say which "
			            "stands for which: PUBLIC/PRIVATE",
			            family_name(family));
}

void check_external_ips(struct check *check)
{
	for (size_t i = 0; i < check->config->external_ip.count; i++)
		check_external_ip(check, i);
}

static bool is_in(const struct range_list *list, const struct transport_addr *addr)
{
	for (size_t i = 0; i < list->count; i++)
		if (addr_range_contains(&list->item[i], addr))
			return true;
	return false;
}

/* Both clients of a call are often on this server, and each is then a peer at a relay address. */
static void check_hairpin(struct check *check, const struct transport_addr *addr)
{
	const struct config *config = check->config;
	char text[ADDR_TEXT_SIZE];

	if (!is_in(&config->denied_peer_ip, addr) || is_in(&config->allowed_peer_ip, addr))
		return;
	addr_format_ip(addr, text);
	check_warn(check, OPTION_ID_denied_peer_ip,
	           "denied-peer-ip covers %s, an address of this server: two clients of it cannot "
	           "reach "
	           "each other; allowed-peer-ip=%s lets them",
	           text, text);
}

void check_peer_rules(struct check *check)
{
	const struct config *config = check->config;

	for (size_t i = 0; i < config->relay_ip.count; i++)
		check_hairpin(check, &config->relay_ip.item[i]);
	for (size_t i = 0; i < config->external_ip.count; i++)
		check_hairpin(check, &config->external_ip.item[i].public_ip);
	if (config->allow_loopback_peers)
		check_warn(
			check, OPTION_ID_allow_loopback_peers,
			"allow-loopback-peers lets clients reach every service on this machine's "
			"loopback: it is for tests alone");
}

void check_lifetimes(struct check *check)
{
	const struct config *config = check->config;

	if (config->max_allocate_lifetime < 600)
		check_warn(check, OPTION_ID_max_allocate_lifetime,
		           "max-allocate-lifetime is below the 600 seconds that clients get by "
		           "default "
		           "(RFC 8656 section 7.2)");
	if (config->channel_lifetime != 600)
		check_warn(check, OPTION_ID_channel_lifetime,
		           "channel-lifetime: clients rely on 600 seconds (RFC 8656 section 12)");
	if (config->permission_lifetime != 300)
		check_warn(check, OPTION_ID_permission_lifetime,
		           "permission-lifetime: clients rely on 300 seconds (RFC 8656 section 9)");
}

/* The newer name wins, and can be set while the server runs. */
void complete_address_family(struct check *check)
{
	struct config *config = check->config;
	char *keep;

	if (!config->keep_address_family ||
	    check_is_set(check, OPTION_ID_allocation_default_address_family))
		return;
	keep = strdup("keep");
	if (keep == NULL) {
		check->is_out_of_memory = true;
		return;
	}
	free(config->allocation_default_address_family);
	config->allocation_default_address_family = keep;
}

/* As in coturn: who has no max-bps takes nothing of the capacity. */
void check_capacity(struct check *check)
{
	const struct config *config = check->config;

	if (config->bps_capacity != 0 && config->max_bps == 0)
		check_warn(
			check, OPTION_ID_bps_capacity,
			"bps-capacity holds for those alone who have a max-bps, which is what an "
			"allocation takes of it: set max-bps, here or for a realm");
	else if (config->bps_capacity != 0 && config->bps_capacity < config->max_bps)
		check_warn(check, OPTION_ID_bps_capacity,
		           "bps-capacity: less than max-bps, so one allocation has all of it");
}
