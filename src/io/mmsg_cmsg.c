/* The control messages of a datagram. What Linux wants differs by family; nothing else knows. */
#include "io/mmsg_cmsg.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

static bool enable(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

enum err mmsg_control_enable(int fd, int family, bool gro, bool icmp)
{
	bool done;

	if (family == AF_INET)
		done = enable(fd, IPPROTO_IP, IP_RECVTTL, 1) &&
		       enable(fd, IPPROTO_IP, IP_RECVTOS, 1) &&
		       enable(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT) &&
		       (!icmp || enable(fd, IPPROTO_IP, IP_RECVERR, 1));
	else
		done = enable(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1) &&
		       enable(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1) &&
		       (!icmp || enable(fd, IPPROTO_IPV6, IPV6_RECVERR, 1));
	if (done && gro)
		enable(fd, IPPROTO_UDP, UDP_GRO,
		       1); /* a kernel without it sends single datagrams */
	return done ? OK : ERR_SYSTEM;
}

void mmsg_control_dont_fragment(int fd, int family, bool dont_fragment)
{
	if (family == AF_INET)
		enable(fd, IPPROTO_IP, IP_MTU_DISCOVER,
		       dont_fragment ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT);
	else
		enable(fd, IPPROTO_IPV6, IPV6_DONTFRAG, dont_fragment);
}

static int cmsg_int(struct cmsghdr *cmsg)
{
	int value = 0;

	memcpy(&value, CMSG_DATA(cmsg), sizeof value);
	return value;
}

void mmsg_control_get(struct msghdr *message, struct mmsg_control *control)
{
	*control = (struct mmsg_control){0};
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL)
			control->ttl = (uint8_t)cmsg_int(c);
		else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS)
			control->tos = *CMSG_DATA(c); /* one byte, unlike all others */
		else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)
			control->ttl = (uint8_t)cmsg_int(c);
		else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS)
			control->tos = (uint8_t)cmsg_int(c);
		else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO)
			control->segment_len = (uint16_t)cmsg_int(c);
	}
}

static struct cmsghdr *put(struct msghdr *message, struct cmsghdr *cmsg, int level, int type,
                           const void *value, size_t len)
{
	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(cmsg), value, len);
	message->msg_controllen += CMSG_SPACE(len);
	return (struct cmsghdr *)((uint8_t *)cmsg + CMSG_SPACE(len));
}

void mmsg_control_put(struct msghdr *message, int family, const struct mmsg_control *control)
{
	bool v4 = family == AF_INET;
	struct cmsghdr *cmsg = message->msg_control;
	int value;

	message->msg_controllen = 0;
	if ((value = control->ttl) != 0)
		cmsg = put(message, cmsg, v4 ? IPPROTO_IP : IPPROTO_IPV6,
		           v4 ? IP_TTL : IPV6_HOPLIMIT, &value, sizeof value);
	if ((value = control->tos) != 0) /* 0 is what a socket sends by itself */
		cmsg = put(message, cmsg, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TOS : IPV6_TCLASS,
		           &value, sizeof value);
	if (control->segment_len != 0)
		put(message, cmsg, IPPROTO_UDP, UDP_SEGMENT, &control->segment_len,
		    sizeof control->segment_len);
}
