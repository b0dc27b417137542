/* One table for what is said of the kinds. */
#include "relay/alternates.h"

#include <string.h>

static const struct {
	const char *name;
	uint16_t port;
} kinds[TURN_ALTERNATE_KINDS] = {
	[TURN_ALTERNATE_ALL] = {"all", 3478},   [TURN_ALTERNATE_UDP] = {"udp", 3478},
	[TURN_ALTERNATE_TCP] = {"tcp", 3478},   [TURN_ALTERNATE_TLS] = {"tls", 5349},
	[TURN_ALTERNATE_SELF] = {"self", 3478},
};

static void give_port(enum turn_alternate_kind kind, struct transport_addr *addr)
{
	if (addr_port(addr) == 0)
		addr_set_port(addr, kinds[kind].port);
}

void alternates_read(const struct config *config, struct turn_alternates *alternates)
{
	const struct addr_list *lists[TURN_ALTERNATE_KINDS] = {
		[TURN_ALTERNATE_ALL] = &config->alternate_server,
		[TURN_ALTERNATE_UDP] = &config->udp_alternate_server,
		[TURN_ALTERNATE_TCP] = &config->tcp_alternate_server,
		[TURN_ALTERNATE_TLS] = &config->tls_alternate_server,
		[TURN_ALTERNATE_SELF] = config->udp_self_balance ? &config->aux_server : NULL,
	};

	for (enum turn_alternate_kind kind = 0; kind < TURN_ALTERNATE_KINDS; kind++) {
		size_t count = lists[kind] != NULL ? lists[kind]->count : 0;

		alternates->count[kind] = count < TURN_ALTERNATES_MAX ? count : TURN_ALTERNATES_MAX;
		for (size_t i = 0; i < alternates->count[kind]; i++) {
			struct transport_addr *server = &alternates->server[kind][i];
			*server = lists[kind]->item[i];
			if (kind == TURN_ALTERNATE_SELF && addr_port(server) == 0)
				addr_set_port(server, config->listening_port);
			give_port(kind, server);
		}
	}
}

const char *alternates_kind_name(enum turn_alternate_kind kind)
{
	return kinds[kind].name;
}

bool alternates_find_kind(const char *name, enum turn_alternate_kind *kind)
{
	for (*kind = 0; *kind < TURN_ALTERNATE_SELF; (*kind)++)
		if (strcmp(kinds[*kind].name, name) == 0)
			return true;
	return false;
}

enum err alternates_parse(enum turn_alternate_kind kind, const char *text,
                          struct transport_addr *addr)
{
	enum err err = addr_parse(text, 0, addr);

	if (err == OK && addr_is_any(addr))
		err = ERR_INVALID;
	if (err == OK)
		give_port(kind, addr);
	return err;
}

enum err alternates_add(struct turn_alternates *alternates, enum turn_alternate_kind kind,
                        const struct transport_addr *addr)
{
	if (alternates->count[kind] == TURN_ALTERNATES_MAX)
		return ERR_FULL;
	alternates->server[kind][alternates->count[kind]++] = *addr;
	return OK;
}

enum err alternates_delete(struct turn_alternates *alternates, enum turn_alternate_kind kind,
                           const struct transport_addr *addr)
{
	struct transport_addr *server = alternates->server[kind];
	size_t i = 0;

	while (i < alternates->count[kind] && !addr_equal(&server[i], addr))
		i++;
	if (i == alternates->count[kind])
		return ERR_NOT_FOUND;
	alternates->count[kind]--;
	memmove(server + i, server + i + 1, (alternates->count[kind] - i) * sizeof *server);
	return OK;
}
