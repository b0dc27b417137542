/* The client side of RFC 6455, for loads. */
#include "websocket_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	READ_MAX = 256 * 1024,
	OPCODE_TEXT = 1,
	OPCODE_CLOSE = 8,
	OPCODE_PING = 9,
	OPCODE_PONG = 10
};

static const unsigned char mask[4] = {0x5a, 0xa5, 0x3c, 0xc3};

static void lose(struct client_host *host, struct client *client)
{
	client_close(client);
	client->state = CLIENT_LOST;
	host->lost(client);
}

static void watch(struct client_host *host, struct client *client, int operation, bool wants_write)
{
	struct epoll_event event = {
		.events = (client->is_reading ? EPOLLIN : 0u) | (wants_write ? EPOLLOUT : 0u),
		.data.ptr = client,
	};

	client->wants_write = wants_write;
	epoll_ctl(host->epoll, operation, client->fd, &event);
}

static void bind_source(const struct client_host *host, const struct client *client)
{
	struct sockaddr_in source = {.sin_family = AF_INET};
	int one = 1;

	if (host->sources == 0)
		return;
	unsigned number = client->number % host->sources;
	source.sin_addr.s_addr = htonl(0x7f010001u + number);
	/* The port is chosen at connect(): for all servers together there are not enough of them. */
	setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
	if (bind(client->fd, (struct sockaddr *)&source, sizeof source) < 0)
		perror("bind");
}

bool client_connect(struct client_host *host, struct client *client, uint64_t now_us)
{
	int one = 1;

	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (client->fd < 0)
		return false;
	bind_source(host, client);
	setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (host->receive_buffer > 0)
		setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &host->receive_buffer,
		           sizeof host->receive_buffer);
	client->started_us = now_us;
	client->state = CLIENT_CONNECTING;
	client->is_reading = true;
	if (connect(client->fd, (struct sockaddr *)&host->server, sizeof host->server) < 0 &&
	    errno != EINPROGRESS) {
		client_close(client);
		return false;
	}
	watch(host, client, EPOLL_CTL_ADD, true);
	return true;
}

void client_close(struct client *client)
{
	if (client->tls != NULL)
		SSL_free(client->tls);
	if (client->fd >= 0)
		close(client->fd);
	free(client->rest);
	free(client->unsent);
	client->tls = NULL;
	client->fd = -1;
	client->rest = client->unsent = NULL;
	client->rest_len = client->unsent_len = 0;
	client->state = CLIENT_NONE;
}

/* Bytes written; 0: not now; -1: it is gone. */
static ssize_t write_some(struct client *client, const char *bytes, size_t len)
{
	if (client->tls != NULL) {
		int written = SSL_write(client->tls, bytes, (int)len);
		int error = written > 0 ? 0 : SSL_get_error(client->tls, written);
		return written > 0                                                     ? written
		       : error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ ? 0
		                                                                       : -1;
	}
	ssize_t written = send(client->fd, bytes, len, MSG_NOSIGNAL);
	return written >= 0 ? written : errno == EAGAIN || errno == EINTR ? 0 : -1;
}

static ssize_t read_some(struct client *client, char *bytes, size_t size)
{
	if (client->tls != NULL) {
		int got = SSL_read(client->tls, bytes, (int)size);
		int error = got > 0 ? 0 : SSL_get_error(client->tls, got);
		return got > 0                                                         ? got
		       : error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ ? 0
		                                                                       : -1;
	}
	ssize_t got = recv(client->fd, bytes, size, 0);
	return got > 0 ? got : got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static void put_bytes(struct client_host *host, struct client *client, const char *bytes,
                      size_t len)
{
	ssize_t written = client->unsent_len > 0 ? 0 : write_some(client, bytes, len);

	if (written < 0) {
		lose(host, client);
		return;
	}
	size_t left = len - (size_t)written;
	if (left == 0)
		return;
	client->unsent = realloc(client->unsent, client->unsent_len + left);
	if (client->unsent == NULL)
		abort();
	memcpy(client->unsent + client->unsent_len, bytes + written, left);
	client->unsent_len += left;
	if (!client->wants_write)
		watch(host, client, EPOLL_CTL_MOD, true);
}

static void put_frame(struct client_host *host, struct client *client, unsigned opcode,
                      const char *payload, size_t len)
{
	static char frame[READ_MAX];
	size_t at = 2;

	if (len > sizeof frame - 14)
		abort();
	frame[0] = (char)(0x80 | opcode);
	if (len < 126)
		frame[1] = (char)(0x80 | len);
	else { /* RFC 6455 section 5.2; nothing here is longer than 65535 */
		frame[1] = (char)(0x80 | 126);
		frame[at++] = (char)(len >> 8);
		frame[at++] = (char)len;
	}
	memcpy(frame + at, mask, sizeof mask);
	at += sizeof mask;
	for (size_t i = 0; i < len; i++)
		frame[at + i] = (char)(payload[i] ^ mask[i % 4]);
	put_bytes(host, client, frame, at + len);
}

void client_send(struct client_host *host, struct client *client, const char *text, size_t len)
{
	if (client->state == CLIENT_OPEN)
		put_frame(host, client, OPCODE_TEXT, text, len);
}

void client_stop_reading(struct client_host *host, struct client *client)
{
	client->is_reading = false;
	watch(host, client, EPOLL_CTL_MOD, client->wants_write);
}

static void send_upgrade(struct client_host *host, struct client *client)
{
	char path[512], request[1024];

	host->path(client, path, sizeof path);
	int len = snprintf(request, sizeof request,
	                   "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\n"
	                   "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	                   "Sec-WebSocket-Version: 13\r\n\r\n",
	                   path, ntohs(host->server.sin_port));
	client->state = CLIENT_UPGRADING;
	put_bytes(host, client, request, (size_t)len);
}

static void shake_hands(struct client_host *host, struct client *client)
{
	int done = SSL_connect(client->tls);

	if (done == 1) {
		watch(host, client, EPOLL_CTL_MOD, false);
		send_upgrade(host, client);
		return;
	}
	int error = SSL_get_error(client->tls, done);
	if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
		lose(host, client);
	else
		watch(host, client, EPOLL_CTL_MOD, error == SSL_ERROR_WANT_WRITE);
}

static void connected(struct client_host *host, struct client *client)
{
	int error = 0;
	socklen_t len = sizeof error;

	getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error != 0) {
		lose(host, client);
		return;
	}
	if (host->tls == NULL) {
		watch(host, client, EPOLL_CTL_MOD, false);
		send_upgrade(host, client);
		return;
	}
	client->tls = SSL_new(host->tls);
	SSL_set_fd(client->tls, client->fd);
	client->state = CLIENT_TLS;
	shake_hands(host, client);
}

/* Returns the bytes of the answer; 0: it is not whole yet. */
static size_t read_upgrade(struct client_host *host, struct client *client, const char *bytes,
                           size_t len)
{
	const char *end = memmem(bytes, len, "\r\n\r\n", 4);

	if (end == NULL)
		return 0;
	if (len < 12 || memcmp(bytes, "HTTP/1.1 101", 12) != 0) {
		lose(host, client);
		return 0;
	}
	client->state = CLIENT_OPEN;
	host->opened(client);
	return (size_t)(end - bytes) + 4;
}

static void take_frame(struct client_host *host, struct client *client, unsigned opcode,
                       const char *payload, size_t len)
{
	if (opcode == OPCODE_TEXT)
		host->message(client, payload, len);
	else if (opcode == OPCODE_PING)
		put_frame(host, client, OPCODE_PONG, payload, len);
	else if (opcode == OPCODE_CLOSE)
		lose(host, client);
}

/* Returns the bytes of the first frame; 0: it is not whole yet. */
static size_t read_frame(struct client_host *host, struct client *client, const char *bytes,
                         size_t len)
{
	const unsigned char *head = (const unsigned char *)bytes;

	if (len < 2)
		return 0;
	size_t start = 2, payload = head[1] & 0x7f;
	if (payload == 126) {
		if (len < 4)
			return 0;
		payload = (size_t)head[2] << 8 | head[3];
		start = 4;
	} else if (payload == 127) {
		if (len < 10)
			return 0;
		payload = 0;
		for (int i = 2; i < 10; i++)
			payload = payload << 8 | head[i];
		start = 10;
	}
	if (len - start < payload)
		return 0;
	take_frame(host, client, head[0] & 0x0f, bytes + start, payload);
	return start + payload;
}

/* Returns how many bytes were used. */
static size_t use_bytes(struct client_host *host, struct client *client, const char *bytes,
                        size_t len)
{
	size_t used = 0, step = 1;

	while (step > 0 && used < len && client->fd >= 0) {
		step = client->state == CLIENT_UPGRADING
		               ? read_upgrade(host, client, bytes + used, len - used)
		               : read_frame(host, client, bytes + used, len - used);
		used += step;
	}
	return used;
}

static void keep_rest(struct client *client, const char *bytes, size_t len)
{
	char *rest = len == 0 ? NULL : malloc(len);

	if (len > 0 && rest == NULL)
		abort();
	if (len > 0)
		memcpy(rest, bytes, len);
	free(client->rest);
	client->rest = rest;
	client->rest_len = len;
}

static void read_all(struct client_host *host, struct client *client)
{
	static char bytes[2 * READ_MAX];
	ssize_t got;

	do {
		size_t kept = client->rest_len;
		if (kept > READ_MAX)
			abort();
		if (kept > 0)
			memcpy(bytes, client->rest, kept);
		got = read_some(client, bytes + kept, READ_MAX);
		if (got < 0) {
			lose(host, client);
			return;
		}
		size_t len = kept + (size_t)got, used = use_bytes(host, client, bytes, len);
		if (client->fd < 0)
			return;
		keep_rest(client, bytes + used, len - used);
	} while (got > 0 && (client->tls != NULL || got == READ_MAX));
}

static void write_unsent(struct client_host *host, struct client *client)
{
	ssize_t written = write_some(client, client->unsent, client->unsent_len);

	if (written < 0) {
		lose(host, client);
		return;
	}
	client->unsent_len -= (size_t)written;
	memmove(client->unsent, client->unsent + written, client->unsent_len);
	if (client->unsent_len == 0)
		watch(host, client, EPOLL_CTL_MOD, false);
}

void client_event(struct client_host *host, struct client *client, uint32_t events)
{
	if (client->state == CLIENT_CONNECTING) {
		connected(host, client);
		return;
	}
	if (client->state == CLIENT_TLS) {
		shake_hands(host, client);
		return;
	}
	if (events & EPOLLOUT && client->unsent_len > 0)
		write_unsent(host, client);
	if (client->fd >= 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		read_all(host, client);
}
