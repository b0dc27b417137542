/* Sockets that clients reach. */
#pragma once

#include "base/addr.h"

/* Opens a non-blocking socket of a type (SOCK_DGRAM or SOCK_STREAM), bound to a network device when
 * that is not NULL, and to addr with SO_REUSEPORT. Gives the descriptor and the address it has got. ERR_INVALID for 0.0.0.0 and :::
 * answers must leave from the address that was asked, and a socket bound to it sees to that.
 * ERR_SYSTEM with errno. */
MUST_CHECK enum err socket_open(const struct transport_addr *addr, int type, const char *device,
                                int *fd, struct transport_addr *bound);
/* Sets the size of both buffers, as far as the system lets it. */
void socket_set_buffers(int fd, int size);
/* Has a socket that is not bound yet use one network device alone; NULL: any. ERR_SYSTEM with errno. */
MUST_CHECK enum err socket_bind_device(int fd, const char *device);
