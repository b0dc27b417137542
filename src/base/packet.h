/* A datagram or message on its way: a view into a buffer that can grow at its front, so that a
 * payload is relayed without being copied.
 *
 *   frame                data                       data + len          frame + size
 *     |---- headroom ------|========= view =============|----- tailroom -----|
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

enum {
	PACKET_HEADROOM = 64,  /* a Data indication with an IPv6 peer needs 48 */
	PACKET_TAILROOM = 4,   /* padding to a multiple of four on streams */
	PACKET_TTL_UNKNOWN = 0 /* the host could not tell; the stack's default is used */
};

struct packet {
	uint8_t *data; /* what is to be read or sent */
	size_t len;
	uint8_t *frame; /* the whole buffer */
	size_t size;
	struct transport_addr src, dst;
	uint8_t ttl; /* IPv4 TTL or IPv6 hop limit; 0 when unknown */
	uint8_t tos; /* IPv4 TOS or IPv6 traffic class: DSCP and ECN */
};

static inline size_t packet_headroom(const struct packet *packet)
{
	return (size_t)(packet->data - packet->frame);
}
static inline size_t packet_tailroom(const struct packet *packet)
{
	return packet->size - packet->len - packet_headroom(packet);
}
/* Moves the start back by n bytes and returns it. The caller has checked the headroom. */
static inline uint8_t *packet_push(struct packet *packet, size_t n)
{
	packet->data -= n;
	packet->len += n;
	return packet->data;
}
/* Moves the start forward by n bytes, of which there are at least so many. */
static inline void packet_pull(struct packet *packet, size_t n)
{
	packet->data += n;
	packet->len -= n;
}
