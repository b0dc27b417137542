/* Alternate servers: which list is a client's, whose turn it is, and who is not sent away. */
#include "turn/redirect.h"

#include <assert.h>
#include <string.h>

#include "turn/address_map.h"

/* By transport, the list to look into first; the general one ends each. DTLS is UDP to a server that
 * has a list for UDP, and TLS to one that has not. */
static const enum turn_alternate_kind lists[TRANSPORT_COUNT][TURN_ALTERNATE_KINDS] = {
	[TRANSPORT_UDP] = {TURN_ALTERNATE_UDP, TURN_ALTERNATE_SELF, TURN_ALTERNATE_ALL},
	[TRANSPORT_TCP] = {TURN_ALTERNATE_TCP, TURN_ALTERNATE_ALL},
	[TRANSPORT_TLS] = {TURN_ALTERNATE_TLS, TURN_ALTERNATE_ALL},
	[TRANSPORT_DTLS] = {TURN_ALTERNATE_UDP, TURN_ALTERNATE_SELF, TURN_ALTERNATE_TLS,
                            TURN_ALTERNATE_ALL},
};

static bool needs_domain(const struct request *request);
static bool belongs_here(const struct request *request);
static bool choose(struct request *request);
static enum turn_alternate_kind choose_list(const struct turn_server *server, uint8_t transport);
static bool has_own(const struct request *request, enum turn_alternate_kind kind);
static const struct transport_addr *find(const struct request *request,
                                         enum turn_alternate_kind kind, int family, size_t *at);

void turn_server_set_alternates(struct turn_server *server,
                                const struct turn_alternates *alternates)
{
	for (unsigned kind = 0; kind < TURN_ALTERNATE_KINDS; kind++)
		assert(alternates->count[kind] <= TURN_ALTERNATES_MAX);
	server->alternates = *alternates;
}

void turn_server_set_draining(struct turn_server *server, bool is_draining)
{
	server->is_draining = is_draining;
}

int redirect_stranger(struct request *request)
{
	bool is_signed = stun_has(&request->message, STUN_ATTR_MESSAGE_INTEGRITY) ||
	                 stun_has(&request->message, STUN_ATTR_MESSAGE_INTEGRITY_SHA256);

	return is_signed || needs_domain(request) ? STUN_NO_ERROR : redirect(request);
}

int redirect(struct request *request)
{
	if (belongs_here(request))
		return STUN_NO_ERROR;
	if (choose(request))
		return STUN_TRY_ALTERNATE;
	return request->server->is_draining ? STUN_INSUFFICIENT_CAPACITY : STUN_NO_ERROR;
}

void redirect_put(struct request *request)
{
	for (size_t i = 0; i < request->alternate_count; i++) {
		struct transport_addr addr = *request->alternate[i];
		address_map_to_public(request->server, &addr);
		stun_put_address(&request->answer, STUN_ATTR_ALTERNATE_SERVER, &addr);
	}
	if (needs_domain(request) && request->is_authenticated &&
	    stun_has(&request->message, STUN_ATTR_MESSAGE_INTEGRITY_SHA256))
		stun_put_text(&request->answer, STUN_ATTR_ALTERNATE_DOMAIN,
		              request->server->settings.alternate_domain);
}

/* RFC 8489 section 10: over TLS and DTLS the client checks the other server's name. Where it is another
 * name, who could understand it is given the chance to authenticate with SHA-256 first. */
static bool needs_domain(const struct request *request)
{
	uint8_t transport = request->tuple->transport;
	const struct turn_settings *settings = &request->server->settings;

	return settings->alternate_domain != NULL && !settings->is_open &&
	       (transport == TRANSPORT_TLS || transport == TRANSPORT_DTLS);
}

/* An allocation that was made here is spoken about here, and a reserved port is held here. */
static bool belongs_here(const struct request *request)
{
	return request->allocation != NULL ||
	       stun_has(&request->message, STUN_ATTR_RESERVATION_TOKEN);
}

/* RFC 8489 section 10: one of the client's address family, and behind it one of the other where
 * there is one. A client that comes to an address of the list has been sent there, maybe by this
 * list: it stays, unless the server drains. */
static bool choose(struct request *request)
{
	struct turn_server *server = request->server;
	enum turn_alternate_kind kind = choose_list(server, request->tuple->transport);
	int family = addr_family(&request->tuple->client);
	size_t at = server->next_alternate[kind];
	const struct transport_addr *chosen, *other;

	if (has_own(request, kind) && !server->is_draining)
		return false;
	chosen = find(request, kind, family, &at);
	if (chosen == NULL)
		return false;
	server->next_alternate[kind] = at;
	other = find(request, kind, family == AF_INET ? AF_INET6 : AF_INET, &at);
	request->alternate[0] = chosen;
	request->alternate[1] = other;
	request->alternate_count = other != NULL ? 2 : 1;
	return true;
}

/* A server that drains does so by all its addresses. */
static bool is_of_use(const struct turn_server *server, enum turn_alternate_kind kind)
{
	return server->alternates.count[kind] > 0 &&
	       !(kind == TURN_ALTERNATE_SELF && server->is_draining);
}

static enum turn_alternate_kind choose_list(const struct turn_server *server, uint8_t transport)
{
	const enum turn_alternate_kind *kind = lists[transport];

	while (*kind != TURN_ALTERNATE_ALL && !is_of_use(server, *kind))
		kind++;
	return *kind;
}

/* The address the client came to, as we or as the world know it. */
static bool is_own(const struct request *request, const struct transport_addr *addr)
{
	struct transport_addr public_addr = request->tuple->server;

	address_map_to_public(request->server, &public_addr);
	return addr_equal(addr, &request->tuple->server) || addr_equal(addr, &public_addr);
}

static bool has_own(const struct request *request, enum turn_alternate_kind kind)
{
	const struct turn_alternates *alternates = &request->server->alternates;

	for (size_t i = 0; i < alternates->count[kind]; i++)
		if (is_own(request, &alternates->server[kind][i]))
			return true;
	return false;
}

/* The first of the family from *at on, around the list; *at is then behind it. */
static const struct transport_addr *find(const struct request *request,
                                         enum turn_alternate_kind kind, int family, size_t *at)
{
	const struct turn_alternates *alternates = &request->server->alternates;
	size_t count = alternates->count[kind];

	for (size_t i = 0; i < count; i++) {
		size_t index = (*at + i) % count;
		const struct transport_addr *addr = &alternates->server[kind][index];
		if (addr_family(addr) != family || is_own(request, addr))
			continue;
		*at = index + 1;
		return addr;
	}
	return NULL;
}
