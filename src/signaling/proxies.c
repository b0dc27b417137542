/* Headers that proxies write, from the last to the first. */
#include "signaling/proxies.h"

#include <netinet/in.h>
#include <string.h>

void addr_unmap(struct transport_addr *addr)
{
	if (addr_family(addr) != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&addr->v6.sin6_addr))
		return;
	uint8_t ip[4];
	memcpy(ip, addr->v6.sin6_addr.s6_addr + 12, sizeof ip);
	addr_init(addr, AF_INET, ip, addr_port(addr));
}

bool proxies_trust(const struct range_list *proxies, const struct transport_addr *addr)
{
	for (size_t i = 0; proxies != NULL && i < proxies->count; i++)
		if (addr_range_contains(&proxies->item[i], addr))
			return true;
	return false;
}

static bool read_addr(struct slice text, struct transport_addr *addr)
{
	char ended[ADDR_TEXT_SIZE];

	while (text.len > 0 && (text.at[0] == ' ' || text.at[0] == '\t'))
		text = (struct slice){text.at + 1, text.len - 1};
	while (text.len > 0 && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t'))
		text.len--;
	if (text.len == 0 || text.len >= sizeof ended)
		return false;
	memcpy(ended, text.at, text.len);
	ended[text.len] = '\0';
	if (addr_parse(ended, 0, addr) != OK)
		return false;
	addr_unmap(addr);
	return true;
}

/* Cuts the last of a list off. */
static struct slice last_of(struct slice *list)
{
	size_t at = list->len;

	while (at > 0 && list->at[at - 1] != ',')
		at--;
	struct slice last = {list->at + at, list->len - at};
	list->len = at > 0 ? at - 1 : 0;
	return last;
}

void proxies_find_client(const struct range_list *proxies, const struct transport_addr *peer,
                         struct slice forwarded_for, struct slice real_ip,
                         struct transport_addr *client)
{
	struct transport_addr hop;

	*client = *peer;
	if (!proxies_trust(proxies, peer))
		return;
	bool has_hops = false;
	/* What cannot be read ends the walk: whoever stands before it is not known to be anybody. */
	while (forwarded_for.len > 0 && read_addr(last_of(&forwarded_for), &hop)) {
		*client = hop;
		has_hops = true;
		if (!proxies_trust(proxies, &hop))
			return;
	}
	if (!has_hops && read_addr(real_ip, &hop))
		*client = hop;
}
