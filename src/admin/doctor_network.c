/* Addresses, what answers at them, and the firewall: seen from this machine, without a packet that
 * leaves it. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/doctor.h"
#include "base/bytes.h"
#include "base/random.h"

enum { PATIENCE_MS = 1000, STUN_HEADER = 20, STUN_ID = 12, RULES_MAX = 1 << 20 };

/* ---- addresses ---- */

/* An address is this machine's when a socket can be bound to it. */
static bool is_own(const struct transport_addr *addr)
{
	struct transport_addr any_port = *addr;
	int fd = socket(addr_family(addr), SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool is_bound;

	addr_set_port(&any_port, 0);
	is_bound = fd >= 0 && bind(fd, &any_port.any, addr_len(&any_port)) == 0;
	if (fd >= 0)
		close(fd);
	return is_bound;
}

static void look_at_list(struct doctor *doctor, const char *option, const struct addr_list *list)
{
	char ip[ADDR_TEXT_SIZE];

	for (size_t i = 0; i < list->count; i++) {
		addr_format_ip(&list->item[i], ip);
		if (is_own(&list->item[i]))
			doctor_find(doctor, FINDING_FINE, NULL, "%s %s is of this machine", option,
			            ip);
		else
			doctor_find(doctor, FINDING_ERROR, "ip address",
			            "%s %s is of no interface of this machine", option, ip);
	}
}

void doctor_look_at_addresses(struct doctor *doctor)
{
	look_at_list(doctor, "listening-ip", &doctor->config->listening_ip);
	look_at_list(doctor, "relay-ip", &doctor->config->relay_ip);
}

/* ---- as the world sees them ---- */

/* Addresses that nobody reaches from the Internet. */
static bool is_private(const struct transport_addr *addr)
{
	static const char *const ranges[] = {"10.0.0.0/8",    "172.16.0.0/12", "192.168.0.0/16",
	                                     "100.64.0.0/10", "127.0.0.0/8",   "169.254.0.0/16",
	                                     "fc00::/7",      "fe80::/10",     "::1"};
	struct addr_range range;

	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
		if (addr_range_parse(ranges[i], &range) == OK && addr_range_contains(&range, addr))
			return true;
	return false;
}

static void look_at_external(struct doctor *doctor, const struct external_addr *external)
{
	char public_ip[ADDR_TEXT_SIZE], private_ip[ADDR_TEXT_SIZE];

	addr_format_ip(&external->public_ip, public_ip);
	addr_format_ip(&external->private_ip, private_ip);
	if (external->has_private && !is_own(&external->private_ip))
		doctor_find(doctor, FINDING_ERROR, "ip address",
		            "external-ip %s/%s: the second is of no interface of this machine",
		            public_ip, private_ip);
	else if (is_private(&external->public_ip))
		doctor_find(doctor, FINDING_WARNING, "external-ip=PUBLIC_IP",
		            "external-ip %s is reached from a private network alone", public_ip);
	else if (!external->has_private && is_own(&external->public_ip))
		doctor_find(doctor, FINDING_NOTE, "leave external-ip out",
		            "external-ip %s is of this machine already", public_ip);
	else
		doctor_find(doctor, FINDING_FINE, NULL, "relayed addresses are told as %s",
		            public_ip);
}

typedef void each_addr(struct doctor *doctor, const struct transport_addr *addr);

/* The addresses that clients come to: those that are named, or all that the machine has. */
static void for_each_listener(struct doctor *doctor, each_addr *each)
{
	const struct addr_list *named = &doctor->config->listening_ip;
	struct ifaddrs *interfaces, *one;
	bool is_any = named->count == 0;

	for (size_t i = 0; i < named->count; i++)
		if (addr_is_any(&named->item[i]))
			is_any = true;
		else
			each(doctor, &named->item[i]);
	if (!is_any || getifaddrs(&interfaces) != 0)
		return;
	for (one = interfaces; one != NULL; one = one->ifa_next) {
		struct transport_addr addr;
		if (one->ifa_addr == NULL || (one->ifa_flags & IFF_UP) == 0 ||
		    (one->ifa_addr->sa_family != AF_INET && one->ifa_addr->sa_family != AF_INET6))
			continue;
		memset(&addr, 0, sizeof addr);
		memcpy(&addr, one->ifa_addr,
		       one->ifa_addr->sa_family == AF_INET ? sizeof addr.v4 : sizeof addr.v6);
		if (addr_family(&addr) == AF_INET || !IN6_IS_ADDR_LINKLOCAL(&addr.v6.sin6_addr))
			each(doctor, &addr);
	}
	freeifaddrs(interfaces);
}

static void remember_public(struct doctor *doctor, const struct transport_addr *addr)
{
	if (is_private(addr))
		return;
	char ip[ADDR_TEXT_SIZE];
	doctor_find(doctor, FINDING_FINE, NULL, "clients reach it at %s", addr_format_ip(addr, ip));
}

void doctor_look_at_external_ip(struct doctor *doctor)
{
	const struct external_list *list = &doctor->config->external_ip;
	size_t before = doctor->count;

	for (size_t i = 0; i < list->count; i++)
		look_at_external(doctor, &list->item[i]);
	if (list->count != 0)
		return;
	for_each_listener(doctor, remember_public);
	if (doctor->count == before)
		doctor_find(
			doctor, FINDING_WARNING, "external-ip=PUBLIC_IP",
			"all addresses are private, and none is told as another: clients beyond a "
			"NAT get relayed addresses that nobody reaches");
}

/* ---- what answers ---- */

static bool is_answer(const uint8_t *answer, ssize_t len, const uint8_t *request)
{
	enum { BINDING_SUCCESS = 0x0101 };

	return len >= STUN_HEADER && get_u16(answer) == BINDING_SUCCESS &&
	       memcmp(answer + 8, request + 8, STUN_ID) == 0;
}

/* RFC 8489 section 6.2: over TCP the client connects first; then both are the same. */
static bool answers_binding(const struct transport_addr *addr, int type)
{
	uint8_t request[STUN_HEADER] = {0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xA4, 0x42};
	uint8_t answer[1500];
	int fd = socket(addr_family(addr), type | SOCK_CLOEXEC, 0);
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	const struct timeval patience = {.tv_usec = PATIENCE_MS * 1000 - 1};
	bool is_answered = false;

	random_bytes(request + 8, STUN_ID);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
	    connect(fd, &addr->any, addr_len(addr)) == 0 &&
	    send(fd, request, sizeof request, MSG_NOSIGNAL) == (ssize_t)sizeof request &&
	    poll(&wait, 1, PATIENCE_MS) == 1)
		is_answered = is_answer(answer, recv(fd, answer, sizeof answer, 0), request);
	if (fd >= 0)
		close(fd);
	return is_answered;
}

static void ask_listener(struct doctor *doctor, const struct transport_addr *addr)
{
	const struct config *config = doctor->config;
	const struct {
		bool is_served;
		int type;
		const char *name;
	} transports[] = {{config->udp, SOCK_DGRAM, "UDP"}, {config->tcp, SOCK_STREAM, "TCP"}};
	struct transport_addr listener = *addr;
	char text[ADDR_TEXT_SIZE];

	addr_set_port(&listener, config->listening_port);
	addr_format(&listener, text);
	for (size_t i = 0; i < sizeof transports / sizeof transports[0]; i++)
		if (!transports[i].is_served)
			continue;
		else if (answers_binding(&listener, transports[i].type))
			doctor_find(doctor, FINDING_FINE, NULL, "%s answers over %s", text,
			            transports[i].name);
		else
			doctor_find(doctor, FINDING_ERROR,
			            "look at the log, and at nft list ruleset",
			            "%s does not answer a Binding request over %s", text,
			            transports[i].name);
}

void doctor_look_at_listeners(struct doctor *doctor)
{
	if (doctor->pid == 0 || doctor->config->no_stun || doctor->config->secure_stun)
		return; /* nobody would answer */
	for_each_listener(doctor, ask_listener);
}

/* ---- the firewall ---- */

/* All rules of nftables, to be freed; NULL: they cannot be listed. */
static char *list_rules(void)
{
	char *rules = malloc(RULES_MAX);
	FILE *pipe = popen("nft list ruleset 2>/dev/null", "re");
	size_t len = 0;

	if (rules != NULL && pipe != NULL)
		len = fread(rules, 1, RULES_MAX - 1, pipe);
	if (pipe == NULL || pclose(pipe) != 0 || rules == NULL) {
		free(rules);
		return NULL;
	}
	rules[len] = '\0';
	return rules;
}

/* A chain that drops what no rule of it accepts, and no word about a port of ours: a hint, as rules
 * may say it by sets, marks or jumps. */
static bool drops_by_default(const char *rules)
{
	const char *input = strstr(rules, "hook input");
	const char *end = input != NULL ? strchr(input, '\n') : NULL;
	const char *policy = input != NULL ? strstr(input, "policy drop") : NULL;

	return policy != NULL && (end == NULL || policy < end);
}

static void judge_port(struct doctor *doctor, const char *rules, unsigned low, unsigned high,
                       const char *what)
{
	char port[16], mend[FINDING_TEXT_SIZE];

	snprintf(port, sizeof port, "%u", low);
	snprintf(mend, sizeof mend, "nft add rule inet filter input udp dport %u-%u accept", low,
	         high);
	if (strstr(rules, port) == NULL)
		doctor_find(doctor, FINDING_WARNING, mend,
		            "the firewall drops what it does not know, and no rule names %s %u",
		            what, low);
}

void doctor_look_at_firewall(struct doctor *doctor)
{
	const struct config *config = doctor->config;
	char *rules = list_rules();
	size_t before = doctor->count;

	if (rules == NULL) {
		doctor_find(doctor, FINDING_NOTE, "be root, with nftables installed",
		            "the rules of the firewall cannot be listed");
		return;
	}
	if (drops_by_default(rules)) {
		judge_port(doctor, rules, config->listening_port, config->listening_port,
		           "listening-port");
		if (config->cert != NULL)
			judge_port(doctor, rules, config->tls_listening_port,
			           config->tls_listening_port, "tls-listening-port");
		judge_port(doctor, rules, config->min_port, config->max_port, "min-port");
	}
	if (doctor->count == before)
		doctor_find(doctor, FINDING_FINE, NULL,
		            "the firewall of this machine lets clients in");
	free(rules);
}
