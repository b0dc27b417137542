/* What of a relay a reload replaces, member by member: exchanged, and freed. */
#include <stdlib.h>

#include "base/bytes.h"
#include "relay/listener_set.h"
#include "relay/relay.h"
#include "turn/source_limit.h"

#define EXCHANGE(a, b)                         \
	do {                                   \
		__typeof__(a) exchanged = (a); \
		(a) = (b);                     \
		(b) = exchanged;               \
	} while (0)

void relay_exchange(struct relay *relay, struct relay *next)
{
	EXCHANGE(relay->config, next->config);
	EXCHANGE(relay->frontend_ips, next->frontend_ips);
	EXCHANGE(relay->frontend_ip_count, next->frontend_ip_count);
	EXCHANGE(relay->frontends, next->frontends);
	EXCHANGE(relay->frontend_count, next->frontend_count);
	EXCHANGE(relay->pairs, next->pairs);
	EXCHANGE(relay->pair_count, next->pair_count);
	EXCHANGE(relay->senders, next->senders);
	EXCHANGE(relay->sender_count, next->sender_count);
	EXCHANGE(relay->users, next->users);
	EXCHANGE(relay->user_count, next->user_count);
	EXCHANGE(relay->filter, next->filter);
	relay_exchange_contexts(relay, next);
	EXCHANGE(relay->unproven, next->unproven);
	EXCHANGE(relay->security_features, next->security_features);
}

void relay_exchange_contexts(struct relay *relay, struct relay *next)
{
	EXCHANGE(relay->tls, next->tls);
	EXCHANGE(relay->dtls, next->dtls);
}

void relay_discard(struct relay *next)
{
	if (next == NULL)
		return;
	relay_free_replaceable(next);
	free(next);
}

void relay_free_replaceable(struct relay *relay)
{
	SSL_CTX_free(relay->tls);
	SSL_CTX_free(relay->dtls);
	peer_filter_destroy(relay->filter);
	source_limit_destroy(relay->unproven);
	free(relay->senders);
	free(relay->pairs);
	free(relay->frontends);
	free(relay->frontend_ips);
	if (relay->users != NULL)
		bytes_wipe(relay->users, relay->user_count * sizeof *relay->users);
	free(relay->users);
}

static bool has_sender(const struct relay *relay, const struct transport_addr *addr)
{
	for (size_t i = 0; i < relay->sender_count; i++)
		if (addr_equal(udp_listener_addr(relay->senders[i]), addr))
			return true;
	return false;
}

enum err relay_add_senders(struct relay *relay, const struct listener_set *set)
{
	size_t room = relay->sender_count + set->udp_count + 1;
	const struct udp_listener **more = realloc(relay->senders, room * sizeof *more);

	if (more == NULL)
		return ERR_NO_MEMORY;
	relay->senders = more;
	for (size_t i = 0; i < set->udp_count; i++)
		if (!has_sender(relay, udp_listener_addr(set->udp[i])))
			more[relay->sender_count++] = set->udp[i];
	return OK;
}
