/* Sockets that clients reach. */
#include "listeners/socket.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "listeners/listener.h"

static enum err bind_to(int fd, int type, const struct transport_addr *addr,
                        struct transport_addr *bound);
static bool set(int fd, int level, int option);

enum err socket_open(const struct transport_addr *addr, int type, const char *device, int *fd,
                     struct transport_addr *bound)
{
	if (addr_is_any(addr))
		return ERR_INVALID;
	*fd = socket(addr_family(addr), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return ERR_SYSTEM;
	if (socket_bind_device(*fd, device) != OK || bind_to(*fd, type, addr, bound) != OK) {
		int saved = errno;

		close(*fd);
		errno = saved;
		return ERR_SYSTEM;
	}
	return OK;
}

enum err socket_bind_device(int fd, const char *device)
{
	if (device == NULL)
		return OK;
	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device)) == 0
	               ? OK
	               : ERR_SYSTEM;
}

static enum err bind_to(int fd, int type, const struct transport_addr *addr,
                        struct transport_addr *bound)
{
	socklen_t len = sizeof *bound;

	memset(bound, 0, sizeof *bound);
	if (!set(fd, SOL_SOCKET, SO_REUSEPORT))
		return ERR_SYSTEM;
	/* Connections of a server that ended a minute ago do not keep the next from starting. */
	if (type == SOCK_STREAM && !set(fd, SOL_SOCKET, SO_REUSEADDR))
		return ERR_SYSTEM;
	if (addr_family(addr) == AF_INET6 && !set(fd, IPPROTO_IPV6, IPV6_V6ONLY))
		return ERR_SYSTEM;
	if (bind(fd, &addr->any, addr_len(addr)) != 0 || getsockname(fd, &bound->any, &len) != 0)
		return ERR_SYSTEM;
	return OK;
}

static bool set(int fd, int level, int option)
{
	int on = 1;

	return setsockopt(fd, level, option, &on, sizeof on) == 0;
}

/* The forced form passes the system's limit and is for the privileged. */
static void set_buffer(int fd, int option_force, int option, int size)
{
	if (setsockopt(fd, SOL_SOCKET, option_force, &size, sizeof size) != 0)
		(void)setsockopt(fd, SOL_SOCKET, option, &size, sizeof size);
}

void socket_set_buffers(int fd, int size)
{
	set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, size);
	set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, size);
}

enum err listener_probe(const struct transport_addr *addr, int type, const char *device)
{
	int fd = socket(addr_family(addr), type | SOCK_CLOEXEC, 0);
	enum err err = ERR_SYSTEM;

	if (fd < 0)
		return ERR_SYSTEM;
	if (socket_bind_device(fd, device) == OK &&
	    (type != SOCK_STREAM || set(fd, SOL_SOCKET, SO_REUSEADDR)) &&
	    (addr_family(addr) != AF_INET6 || set(fd, IPPROTO_IPV6, IPV6_V6ONLY)) &&
	    bind(fd, &addr->any, addr_len(addr)) == 0 &&
	    (type != SOCK_STREAM || listen(fd, 1) == 0))
		err = OK;

	int saved = errno;
	close(fd);
	errno = saved;
	return err;
}
