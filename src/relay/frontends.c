/* Which IP addresses to listen on and to relay from. */
#include "relay/frontends.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "listeners/listener.h"
#include "relay/engines.h"

/* Link-local IPv6 addresses need a scope that no client can give; the rest is kept. */
static bool is_usable(const struct ifaddrs *interface)
{
	if (interface->ifa_addr == NULL || !(interface->ifa_flags & IFF_UP))
		return false;
	if (interface->ifa_addr->sa_family == AF_INET)
		return true;
	if (interface->ifa_addr->sa_family != AF_INET6)
		return false;

	struct sockaddr_in6 v6;
	memcpy(&v6, interface->ifa_addr, sizeof v6);
	return !IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr);
}

static void addr_of(const struct ifaddrs *interface, struct transport_addr *addr)
{
	bool v6 = interface->ifa_addr->sa_family == AF_INET6;

	memset(addr, 0, sizeof *addr);
	memcpy(addr, interface->ifa_addr, v6 ? sizeof addr->v6 : sizeof addr->v4);
	addr_set_port(addr, 0);
}

/* An IPv6 address cannot be bound while the kernel looks for a duplicate of it, and never when there
 * is one (RFC 4862 section 5.4). That keeps no server from starting that was not asked for it. */
static bool is_tentative(const struct transport_addr *addr)
{
	char text[ADDR_TEXT_SIZE];

	if (addr_family(addr) != AF_INET6 || listener_probe(addr, SOCK_DGRAM) == OK ||
	    errno != EADDRNOTAVAIL)
		return false;
	log_info("address left out", "ip=%s reason=\"tentative, or a duplicate\"",
	         addr_format_ip(addr, text));
	return true;
}

/* Lists the machine's addresses; without those of loopback where others are there and loopback was
 * not asked for. */
static enum err list_machine(bool with_loopback, struct transport_addr **list, size_t *count)
{
	struct ifaddrs *interfaces;
	size_t n = 0, room = 0;

	if (getifaddrs(&interfaces) != 0)
		return ERR_SYSTEM;
	for (struct ifaddrs *i = interfaces; i != NULL; i = i->ifa_next)
		room += is_usable(i);
	struct transport_addr *found = calloc(room ? room : 1, sizeof *found);
	for (struct ifaddrs *i = interfaces; found != NULL && i != NULL; i = i->ifa_next) {
		if (!is_usable(i))
			continue;
		addr_of(i, &found[n]);
		if ((with_loopback || !addr_is_loopback(&found[n])) && !is_tentative(&found[n]))
			n++;
	}
	freeifaddrs(interfaces);
	if (found == NULL)
		return ERR_NO_MEMORY;
	*list = found;
	*count = n;
	return OK;
}

static bool list_has(const struct transport_addr *list, size_t count,
                     const struct transport_addr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (addr_equal_ip(&list[i], addr))
			return true;
	return false;
}

/* Lists what is configured, each address once; 0.0.0.0 and :: stand for all that the machine has of
 * their family, since an answer has to leave from the address that was asked. */
static enum err list_configured(const struct addr_list *from, bool with_loopback,
                                struct transport_addr **list, size_t *count)
{
	struct transport_addr *machine, *made;
	size_t machine_count, n = 0;
	enum err err = list_machine(with_loopback, &machine, &machine_count);

	if (err != OK)
		return err;
	made = calloc(from->count + machine_count, sizeof *made);
	for (size_t i = 0; made != NULL && i < from->count; i++) {
		const struct transport_addr *one = &from->item[i];
		bool is_any = addr_is_any(one);
		const struct transport_addr *each = is_any ? machine : one;
		for (size_t j = 0; j < (is_any ? machine_count : 1); j++)
			if (addr_family(&each[j]) == addr_family(one) &&
			    !list_has(made, n, &each[j]))
				made[n++] = each[j];
	}
	free(machine);
	if (made == NULL)
		return ERR_NO_MEMORY;
	*list = made;
	*count = n;
	return OK;
}

static enum err tell_failure(enum err err, const char *what, char problem[256])
{
	snprintf(problem, 256, "%s: %s", what,
	         err == ERR_SYSTEM ? strerror(errno) : err_string(err));
	return err;
}

enum err frontends_find(struct relay *relay, char problem[256])
{
	const struct addr_list *configured = &relay->config->listening_ip;
	enum err err =
		configured->count > 0
			? list_configured(configured, true, &relay->frontend_ips,
	                                  &relay->frontend_ip_count)
			: list_machine(true, &relay->frontend_ips, &relay->frontend_ip_count);

	if (err != OK)
		return tell_failure(err, "addresses to listen on", problem);
	if (relay->frontend_ip_count == 0)
		return tell_failure(ERR_NOT_FOUND, "listening-ip: the machine has no address",
		                    problem);
	return OK;
}

/* external-ip: PUBLIC/PRIVATE names its relay address; PUBLIC alone is for each of its family. */
static void set_public_ip(struct relay_address *address, const struct external_list *external)
{
	address->public_ip = address->ip;
	for (size_t i = 0; i < external->count; i++) {
		bool fits = external->item[i].has_private
		                    ? addr_equal_ip(&external->item[i].private_ip, &address->ip)
		                    : addr_family(&external->item[i].public_ip) ==
		                              addr_family(&address->ip);
		if (fits) {
			address->public_ip = external->item[i].public_ip;
			addr_set_port(&address->public_ip, 0);
			return;
		}
	}
}

/* Better told at the start than to each client by a 508. */
static enum err tell_relay_failure(const struct transport_addr *ip, char problem[256])
{
	char text[ADDR_TEXT_SIZE];

	snprintf(problem, 256, "relay from %s: %s%s", addr_format_ip(ip, text), strerror(errno),
	         errno == EADDRNOTAVAIL ? ": not an address of this machine: mend relay-ip" : "");
	return ERR_SYSTEM;
}

static enum err add_relays(struct relay *relay, const struct transport_addr *ips, size_t count,
                           char problem[256])
{
	const struct config *config = relay->config;

	relay->addresses = calloc(count, sizeof *relay->addresses);
	relay->address_map = calloc(count, sizeof *relay->address_map);
	if (relay->addresses == NULL || relay->address_map == NULL)
		return tell_failure(ERR_NO_MEMORY, "relay-ip", problem);
	for (size_t i = 0; i < count; i++) {
		struct relay_address *address = &relay->addresses[relay->address_count];

		address->ip = ips[i];
		addr_set_port(&address->ip, 0);
		if (listener_probe(&address->ip, SOCK_DGRAM) != OK)
			return tell_relay_failure(&address->ip, problem);
		set_public_ip(address, &config->external_ip);
		if (port_pool_create(config->min_port, config->max_port, &address->ports) != OK)
			return tell_failure(ERR_NO_MEMORY, "relay-ip", problem);
		relay->address_count++;
		if (!addr_equal_ip(&address->ip, &address->public_ip))
			relay->address_map[relay->address_map_count++] = (struct turn_address_map){
				.public_ip = address->public_ip, .private_ip = address->ip};
	}
	return OK;
}

/* As coturn: relay-ip, else listening-ip, else what the machine has; loopback only when there is
 * nothing else. */
static enum err choose_relays(const struct config *config, struct transport_addr **ips,
                              size_t *count)
{
	if (config->relay_ip.count > 0)
		return list_configured(&config->relay_ip, false, ips, count);
	if (config->listening_ip.count > 0)
		return list_configured(&config->listening_ip, false, ips, count);

	enum err err = list_machine(false, ips, count);
	if (err != OK || *count > 0)
		return err;
	free(*ips);
	return list_machine(true, ips, count);
}

enum err frontends_find_relays(struct relay *relay, char problem[256])
{
	struct transport_addr *ips = NULL;
	size_t count = 0;
	enum err err = choose_relays(relay->config, &ips, &count);

	if (err != OK)
		return tell_failure(err, "addresses to relay from", problem);
	err = count > 0 ? add_relays(relay, ips, count, problem)
	                : tell_failure(ERR_NOT_FOUND, "relay-ip: the machine has no address",
	                               problem);
	free(ips);
	return err;
}

/* Every port takes plain and secure clients; without a certificate the second has no use. */
enum err frontends_list(struct relay *relay, char problem[256])
{
	const struct config *config = relay->config;
	const uint16_t ports[2] = {config->listening_port, config->tls_listening_port};
	bool has_second = ports[0] != ports[1] && (relay->tls != NULL || relay->dtls != NULL);
	size_t count = (has_second ? 2 : 1) * relay->frontend_ip_count;

	relay->frontends = calloc(count, sizeof *relay->frontends);
	if (relay->frontends == NULL)
		return tell_failure(ERR_NO_MEMORY, "listening-ip", problem);
	for (size_t i = 0; i < count; i++) {
		struct transport_addr *addr = &relay->frontends[i].addr;
		*addr = relay->frontend_ips[i % relay->frontend_ip_count];
		addr_set_port(addr, ports[i / relay->frontend_ip_count]);
	}
	relay->frontend_count = count;
	return OK;
}

/* ---- ports for proxies ---- */

static void add_proxied(struct relay *relay, uint16_t port, unsigned what)
{
	for (size_t i = 0; port != 0 && i < relay->frontend_ip_count; i++) {
		struct frontend *frontend = &relay->frontends[relay->frontend_count++];

		*frontend = (struct frontend){.addr = relay->frontend_ips[i], .proxied = what};
		addr_set_port(&frontend->addr, port);
	}
}

enum err frontends_list_proxied(struct relay *relay, char problem[256])
{
	const struct config *config = relay->config;
	size_t room = relay->frontend_count + 2 * relay->frontend_ip_count;
	struct frontend *frontends = realloc(relay->frontends, room * sizeof *frontends);

	if (frontends == NULL)
		return tell_failure(ERR_NO_MEMORY, "tcp-proxy-port", problem);
	relay->frontends = frontends;
	add_proxied(relay, config->tcp_proxy_port, ENGINE_STREAMS);
	add_proxied(relay, config->udp_proxy_port, ENGINE_DATAGRAMS);
	return OK;
}
