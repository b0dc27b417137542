/* The control messages of a datagram: TTL, TOS and segment size, both ways, IPv4 and IPv6. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

enum {
	/* In: TTL or hop limit, TOS or traffic class, GRO size. Out: the same with GSO size. */
	MMSG_CONTROL_SIZE = 3 * CMSG_SPACE(sizeof(int)),
};

struct mmsg_control {
	uint8_t ttl, tos;     /* ttl 0: not known, or not to be set */
	uint16_t segment_len; /* 0: one datagram */
};

/* Asks for TTL, TOS and, where wanted, GRO trains and ICMP errors on a UDP socket of this family;
 * lets routers fragment (RFC 8656 section 14.9: DF is 0 unless a client asks). */
MUST_CHECK enum err mmsg_control_enable(int fd, int family, bool gro, bool icmp);

void mmsg_control_get(struct msghdr *message, struct mmsg_control *control);
/* Fills message->msg_control, which has MMSG_CONTROL_SIZE bytes, and sets msg_controllen; 0 when
 * there is nothing to say. */
void mmsg_control_put(struct msghdr *message, int family, const struct mmsg_control *control);

/* Sets or clears DF for what the socket sends next. */
void mmsg_control_dont_fragment(int fd, int family, bool dont_fragment);
