/* Mobility tickets. Time in them is the host's own, as they mean nothing to another process. */
#include "turn/ticket.h"

#include "base/bytes.h"

/* What is sealed with this key is never taken for anything else. */
static const char purpose[] = "mobility ticket";

enum err ticket_seal(const struct turn_server *server, const struct ticket *ticket,
                     uint8_t bytes[TICKET_SIZE])
{
	uint8_t plain[TICKET_PLAIN_SIZE] = {0};

	put_u16(plain, (uint16_t)ticket->thread);
	put_u32(plain + 4, ticket->generation);
	put_u64(plain + 8, ticket->allocation);
	put_u64(plain + 16, server->now + (timestamp)TICKET_LIFETIME_S * MS_PER_S);
	server->settings.random(bytes, AEAD_NONCE_SIZE);
	return aead_seal(&server->settings.ticket_key, bytes, purpose, sizeof purpose, plain,
	                 sizeof plain, bytes + AEAD_NONCE_SIZE);
}

int ticket_open(const struct turn_server *server, const uint8_t *bytes, size_t len,
                struct ticket *ticket)
{
	uint8_t plain[TICKET_PLAIN_SIZE];

	if (len != TICKET_SIZE ||
	    aead_open(&server->settings.ticket_key, bytes, purpose, sizeof purpose,
	              bytes + AEAD_NONCE_SIZE, len - AEAD_NONCE_SIZE, plain) != OK)
		return STUN_BAD_REQUEST;
	ticket->thread = get_u16(plain);
	ticket->generation = get_u32(plain + 4);
	ticket->allocation = get_u64(plain + 8);
	return ticket->thread < server->settings.thread_count && get_u64(plain + 16) > server->now
	               ? STUN_NO_ERROR
	               : STUN_BAD_REQUEST;
}
