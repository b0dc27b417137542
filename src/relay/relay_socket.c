/* A relayed transport address. */
#include "relay/relay_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/pool.h"
#include "listeners/socket.h"
#include "relay/peer_connection.h"
#include "relay/thread.h"

/* Other programs may have bound ports of the range; so many of them in a row are bad luck enough. */
enum { BIND_ATTEMPTS = 64 };

static int bind_port(const struct config *config, const struct relay_address *address,
                     uint16_t port)
{
	struct transport_addr addr = address->ip;
	int one = 1, size = (int)config->sock_buf_size;
	int fd = socket(addr_family(&addr), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (addr_family(&addr) == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	if (size > 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	}
	addr_set_port(&addr, port);
	if (socket_bind_device(fd, config->relay_device) == OK &&
	    bind(fd, &addr.any, addr_len(&addr)) == 0)
		return fd;

	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

enum err relay_socket_adopt(struct relay_thread *thread, int fd,
                            const struct relay_address *address, uint16_t port,
                            struct relay_socket **result)
{
	struct relay_socket *socket = pool_take(&thread->relay_sockets);
	enum err err = ERR_NO_MEMORY;

	if (socket == NULL)
		goto fail_pool;
	socket->thread = thread;
	socket->address = address;
	socket->addr = address->ip;
	addr_set_port(&socket->addr, port);

	const struct io_handler handler = {
		.receive = relay_thread_peer_input,
		.icmp = relay_thread_peer_icmp,
		.owner = socket,
		.needs_headroom = true,
		.is_patient = true,
	};
	err = io_attach(thread->io, fd, addr_family(&address->ip), &handler, &socket->io);
	if (err != OK)
		goto fail_attach;
	list_append(&thread->open_sockets, &socket->node);
	*result = socket;
	return OK;

fail_attach:
	pool_give(&thread->relay_sockets, socket);
fail_pool:
	close(fd);
	port_pool_give(address->ports, port);
	return err;
}

static enum err open_port(struct relay_thread *thread, const struct relay_address *address,
                          uint16_t port, struct relay_socket **socket)
{
	int fd = bind_port(thread->config, address, port);

	if (fd >= 0)
		return relay_socket_adopt(thread, fd, address, port, socket);
	port_pool_give(address->ports, port);
	return ERR_SYSTEM;
}

enum err relay_socket_open(struct relay_thread *thread, int family,
                           const struct transport_addr *frontend, bool even_port,
                           struct relay_socket **socket)
{
	const struct relay_address *address = relay_address_for(thread->relay, family, frontend);
	uint16_t port;
	enum err err = OK;

	if (address == NULL)
		return ERR_NOT_FOUND;
	for (int attempt = 0; attempt < BIND_ATTEMPTS; attempt++) {
		err = even_port ? port_pool_take_even(address->ports, &port)
		                : port_pool_take(address->ports, &port);
		if (err != OK)
			return err;
		err = open_port(thread, address, port, socket);
		if (err == OK || errno != EADDRINUSE)
			return err;
	}
	return err;
}

/* Takes a port and listens there. */
static enum err listen_anywhere(struct relay_socket *socket)
{
	struct port_pool *ports = socket->address->ports;
	uint16_t port;
	enum err err = port_pool_take(ports, &port);

	if (err != OK)
		return err;
	port_pool_make_tcp(ports, port);
	socket->addr = socket->address->ip;
	addr_set_port(&socket->addr, port);
	err = peer_listener_open(socket, &socket->tcp);
	if (err != OK)
		port_pool_give(ports, port);
	return err;
}

enum err relay_socket_listen(struct relay_thread *thread, int family,
                             const struct transport_addr *frontend, struct relay_socket **result)
{
	const struct relay_address *address = relay_address_for(thread->relay, family, frontend);
	struct relay_socket *socket = address != NULL ? pool_take(&thread->relay_sockets) : NULL;
	enum err err = ERR_NOT_FOUND;

	if (socket == NULL)
		return address != NULL ? ERR_NO_MEMORY : err;
	socket->thread = thread;
	socket->address = address;
	for (int attempt = 0; attempt < BIND_ATTEMPTS; attempt++) {
		err = listen_anywhere(socket);
		if (err != ERR_SYSTEM || errno != EADDRINUSE)
			break;
	}
	if (err != OK) {
		pool_give(&thread->relay_sockets, socket);
		return err;
	}
	list_append(&thread->open_sockets, &socket->node);
	*result = socket;
	return OK;
}

enum err relay_socket_open_pair(struct relay_thread *thread, int family,
                                const struct transport_addr *frontend, struct relay_socket **even,
                                struct relay_socket **next)
{
	const struct relay_address *address = relay_address_for(thread->relay, family, frontend);
	uint16_t port;
	enum err err = OK;

	if (address == NULL)
		return ERR_NOT_FOUND;
	for (int attempt = 0; attempt < BIND_ATTEMPTS; attempt++) {
		err = port_pool_take_pair(address->ports, &port);
		if (err != OK)
			return err;
		err = open_port(thread, address, port, even);
		if (err != OK) {
			port_pool_give(address->ports, port + 1);
		} else {
			err = open_port(thread, address, port + 1, next);
			if (err == OK)
				return OK;
			relay_socket_close(*even);
		}
		if (errno != EADDRINUSE)
			return err;
	}
	return err;
}

int relay_socket_release(struct relay_socket *socket)
{
	int fd = io_release(socket->io);

	list_remove(&socket->node);
	pool_give(&socket->thread->relay_sockets, socket);
	return fd;
}

void relay_socket_close(struct relay_socket *socket)
{
	if (socket == NULL)
		return;

	struct port_pool *ports = socket->address->ports;
	uint16_t port = addr_port(&socket->addr);

	if (socket->tcp != NULL) {
		peer_listener_close(socket->tcp);
		list_remove(&socket->node);
		pool_give(&socket->thread->relay_sockets, socket);
	} else {
		close(relay_socket_release(socket));
	}
	port_pool_give(ports, port); /* after the close, or the next bind fails */
}

struct turn_relay relay_socket_describe(struct relay_socket *socket)
{
	if (socket == NULL)
		return (struct turn_relay){.relay = NULL};

	struct turn_relay relay = {
		.relay = socket, .addr = socket->addr, .public_addr = socket->address->public_ip};
	addr_set_port(&relay.public_addr, addr_port(&socket->addr));
	return relay;
}
