/* Which transport addresses to listen on, which of them RFC 5780 pairs, and which IP addresses to relay
 * from. */
#include "relay/frontends.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "listeners/listener.h"
#include "relay/engines.h"
#include "listeners/socket.h"

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

	if (addr_family(addr) != AF_INET6 || listener_probe(addr, SOCK_DGRAM, NULL) == OK ||
	    errno != EADDRNOTAVAIL)
		return false;
	log_always("address left out", "ip=%s reason=\"tentative, or a duplicate\"",
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

static void add_mapping(struct relay *relay, const struct transport_addr *ip,
                        const struct transport_addr *public_ip)
{
	struct turn_address_map *map = relay->address_map;

	for (size_t i = 0; i < relay->address_map_count; i++)
		if (addr_equal_ip(&map[i].private_ip, ip))
			return;
	if (!addr_equal_ip(ip, public_ip))
		map[relay->address_map_count++] =
			(struct turn_address_map){.public_ip = *public_ip, .private_ip = *ip};
}

static enum err add_relays(struct relay *relay, const struct transport_addr *ips, size_t count,
                           char problem[256])
{
	const struct config *config = relay->config;

	relay->addresses = calloc(count, sizeof *relay->addresses);
	relay->address_map = calloc(count + relay->frontend_ip_count, sizeof *relay->address_map);
	if (relay->addresses == NULL || relay->address_map == NULL)
		return tell_failure(ERR_NO_MEMORY, "relay-ip", problem);
	for (size_t i = 0; i < count; i++) {
		struct relay_address *address = &relay->addresses[relay->address_count];

		address->ip = ips[i];
		addr_set_port(&address->ip, 0);
		if (listener_probe(&address->ip, SOCK_DGRAM, config->relay_device) != OK)
			return tell_relay_failure(&address->ip, problem);
		set_public_ip(address, &config->external_ip);
		if (port_pool_create(config->min_port, config->max_port, &address->ports) != OK)
			return tell_failure(ERR_NO_MEMORY, "relay-ip", problem);
		relay->address_count++;
		add_mapping(relay, &address->ip, &address->public_ip);
	}
	return OK;
}

/* As external-ip has it for any local address of its family. */
static struct transport_addr public_ip_of(const struct relay *relay,
                                          const struct transport_addr *ip)
{
	struct relay_address address = {.ip = *ip};

	set_public_ip(&address, &relay->config->external_ip);
	return address.public_ip;
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
	struct transport_addr *ips = NULL, public_ip;
	size_t count = 0;
	enum err err = choose_relays(relay->config, &ips, &count);

	if (err != OK)
		return tell_failure(err, "addresses to relay from", problem);
	err = count > 0 ? add_relays(relay, ips, count, problem)
	                : tell_failure(ERR_NOT_FOUND, "relay-ip: the machine has no address",
	                               problem);
	free(ips);
	/* Behind those of relays, as a public address that stands for both is a relayed one to peers. */
	for (size_t i = 0; err == OK && i < relay->frontend_ip_count; i++) {
		public_ip = public_ip_of(relay, &relay->frontend_ips[i]);
		if (!addr_is_loopback(&relay->frontend_ips[i]))
			add_mapping(relay, &relay->frontend_ips[i], &public_ip);
	}
	return err;
}

/* ---- frontends ---- */

/* What a listening IP has a port for, and the port that RFC 5780 wants beside it. Every port takes
 * plain and secure clients; without a certificate the second row has no use. */
struct port_pair {
	uint16_t port, other;
};

static size_t list_ports(const struct relay *relay, struct port_pair pairs[2])
{
	const struct config *config = relay->config;
	uint16_t port = config->listening_port, tls_port = config->tls_listening_port;
	bool has_second = port != tls_port && (relay->tls != NULL || relay->dtls != NULL);

	pairs[0].port = port;
	pairs[0].other = config->alt_listening_port ? config->alt_listening_port : port + 1;
	pairs[1].port = tls_port;
	pairs[1].other =
		config->alt_tls_listening_port ? config->alt_tls_listening_port : tls_port + 1;
	return has_second ? 2 : 1;
}

/* A second IP that the same clients can reach and tell from the first. */
static bool is_partner(const struct relay *relay, const struct transport_addr *ip,
                       const struct transport_addr *other)
{
	struct transport_addr seen = public_ip_of(relay, ip);
	struct transport_addr other_seen = public_ip_of(relay, other);

	return addr_family(ip) == addr_family(other) && !addr_equal_ip(&seen, &other_seen) &&
	       addr_is_loopback(ip) == addr_is_loopback(other);
}

/* The next one in the order of listening-ip, and after the last the first: of two addresses each is
 * the other's. NULL: there is none, or RFC 5780 is off. */
static const struct transport_addr *find_partner(const struct relay *relay, size_t index)
{
	const struct transport_addr *ips = relay->frontend_ips;
	size_t count = relay->frontend_ip_count;

	for (size_t i = 1; relay->config->rfc5780 && i < count; i++)
		if (is_partner(relay, &ips[index], &ips[(index + i) % count]))
			return &ips[(index + i) % count];
	return NULL;
}

static struct transport_addr with_port(const struct transport_addr *ip, uint16_t port)
{
	struct transport_addr addr = *ip;

	addr_set_port(&addr, port);
	return addr;
}

/* Each address once, though it may be named by two options. */
static void add_frontend(struct relay *relay, const struct transport_addr *addr)
{
	for (size_t i = 0; i < relay->frontend_count; i++)
		if (addr_equal(&relay->frontends[i].addr, addr))
			return;
	relay->frontends[relay->frontend_count++].addr = *addr;
}

static void add_listening_ip(struct relay *relay, size_t index)
{
	const struct transport_addr *ip = &relay->frontend_ips[index];
	bool has_partner = find_partner(relay, index) != NULL;
	struct transport_addr addr;
	struct port_pair pairs[2];
	size_t count = list_ports(relay, pairs);

	for (size_t i = 0; i < count; i++) {
		addr = with_port(ip, pairs[i].port);
		add_frontend(relay, &addr);
		addr = with_port(ip, pairs[i].other);
		if (has_partner)
			add_frontend(relay, &addr);
	}
}

enum err frontends_list(struct relay *relay, char problem[256])
{
	enum { PORTS_MAX = 4 };
	const struct addr_list *aux = &relay->config->aux_server;
	size_t room = PORTS_MAX * relay->frontend_ip_count + aux->count;

	relay->frontends = calloc(room, sizeof *relay->frontends);
	if (relay->frontends == NULL)
		return tell_failure(ERR_NO_MEMORY, "listening-ip", problem);
	for (size_t i = 0; i < relay->frontend_ip_count; i++)
		add_listening_ip(relay, i);
	for (size_t i = 0; i < aux->count; i++) {
		struct transport_addr addr = aux->item[i];
		if (addr_port(&addr) == 0)
			addr_set_port(&addr, relay->config->listening_port);
		add_frontend(relay, &addr);
	}
	return OK;
}

/* ---- NAT behaviour discovery ---- */

static void add_pair(struct relay *relay, struct transport_addr addr, struct transport_addr other)
{
	relay->pairs[relay->pair_count++] = (struct turn_pair){addr, other};
}

/* P1 of the one IP and P2 of the other, and the other way round. */
static void add_pairs(struct relay *relay, const struct transport_addr *ip,
                      const struct transport_addr *partner)
{
	char text[ADDR_TEXT_SIZE], partner_text[ADDR_TEXT_SIZE];
	struct port_pair pairs[2];
	size_t count = list_ports(relay, pairs);

	for (size_t i = 0; i < count; i++) {
		uint16_t port = pairs[i].port, other = pairs[i].other;
		add_pair(relay, with_port(ip, port), with_port(partner, other));
		add_pair(relay, with_port(ip, other), with_port(partner, port));
		log_always("NAT behaviour discovery", "ip=%s other_ip=%s port=%u other_port=%u",
		           addr_format_ip(ip, text), addr_format_ip(partner, partner_text), port,
		           other);
	}
}

/* RFC 5780 section 6: without a second address the server answers all the same, but cannot be asked
 * to answer from elsewhere. */
enum err frontends_pair(struct relay *relay, char problem[256])
{
	enum { PAIRS_MAX = 4 };
	const struct transport_addr *partner;

	if (!relay->config->rfc5780)
		return OK;
	relay->pairs = calloc(PAIRS_MAX * relay->frontend_ip_count, sizeof *relay->pairs);
	if (relay->pairs == NULL)
		return tell_failure(ERR_NO_MEMORY, "rfc5780", problem);
	for (size_t i = 0; i < relay->frontend_ip_count; i++)
		if ((partner = find_partner(relay, i)) != NULL)
			add_pairs(relay, &relay->frontend_ips[i], partner);
	if (relay->pair_count == 0)
		log_warning(
			"no second address",
			"option=rfc5780 reason=\"NAT filtering and mapping cannot be discovered\" "
			"advice=\"give two listening-ip of a family, each with its own "
			"external-ip behind a NAT\"");
	return OK;
}

/* ---- devices ---- */

static const char *device_mend(int error)
{
	switch (error) {
	case ENODEV:
		return ": ip link shows which there are";
	case EPERM:
		return ": it takes root or CAP_NET_RAW";
	default:
		return "";
	}
}

static enum err check_device(const char *option, const char *device, char problem[256])
{
	int fd, saved;
	enum err err;

	if (device == NULL)
		return OK;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return tell_failure(ERR_SYSTEM, option, problem);
	err = socket_bind_device(fd, device);
	saved = errno;
	close(fd);
	if (err != OK)
		snprintf(problem, 256, "%s: %.64s: %s%s", option, device, strerror(saved),
		         device_mend(saved));
	return err;
}

enum err frontends_check_listening_device(struct relay *relay, char problem[256])
{
	return check_device("listening-device", relay->config->listening_device, problem);
}

enum err frontends_check_relay_device(struct relay *relay, char problem[256])
{
	return check_device("relay-device", relay->config->relay_device, problem);
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
