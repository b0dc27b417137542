/* Sockets that clients reach. */
#include "listeners/socket.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static enum err bind_to(int fd, const struct transport_addr *addr, struct transport_addr *bound);

enum err socket_open(const struct transport_addr *addr, int type, int *fd,
                     struct transport_addr *bound)
{
	if (addr_is_any(addr))
		return ERR_INVALID;
	*fd = socket(addr_family(addr), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return ERR_SYSTEM;
	if (bind_to(*fd, addr, bound) != OK) {
		int saved = errno;

		close(*fd);
		errno = saved;
		return ERR_SYSTEM;
	}
	return OK;
}

static enum err bind_to(int fd, const struct transport_addr *addr, struct transport_addr *bound)
{
	int on = 1;
	socklen_t len = sizeof *bound;

	memset(bound, 0, sizeof *bound);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
		return ERR_SYSTEM;
	if (addr_family(addr) == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0)
		return ERR_SYSTEM;
	if (bind(fd, &addr->any, addr_len(addr)) != 0 || getsockname(fd, &bound->any, &len) != 0)
		return ERR_SYSTEM;
	return OK;
}
