/* WebSocket clients by the thousand for tests/bench/signaling_load.c: plain or TLS, never waiting, one epoll for all. Of RFC 6455 what a
 * client of text messages needs; what the server sends is taken as it comes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <netinet/in.h>
#include <openssl/ssl.h>

enum client_state {
	CLIENT_NONE,
	CLIENT_CONNECTING,
	CLIENT_TLS,
	CLIENT_UPGRADING,
	CLIENT_OPEN,
	CLIENT_LOST
};

struct client {
	int fd;
	enum client_state state;
	bool is_reading; /* a slow reader does not */
	SSL *tls;        /* NULL: plain */
	char *rest;      /* what came and is no whole frame yet */
	size_t rest_len;
	char *unsent;
	size_t unsent_len;
	unsigned number;
	uint64_t started_us; /* connect() was called */
	unsigned stage;      /* the load's own: how far it has come in its protocol */
	bool wants_write;    /* what epoll knows */
};

struct client_host {
	struct sockaddr_in server;
	SSL_CTX *tls; /* NULL: plain */
	int epoll;
	unsigned
		sources; /* addresses that clients come from, 127.1.0.1 and on: none of them runs out of ports */
	unsigned receive_buffer; /* bytes; 0: the system's */
	/* The WebSocket is open; a text message came (lent); the connection is gone. */
	void (*opened)(struct client *client);
	void (*message)(struct client *client, const char *text, size_t len);
	void (*lost)(struct client *client);
	/* Writes the request's path for a client. */
	void (*path)(const struct client *client, char *path, size_t size);
};

/* Begins to connect. False: it could not. */
bool client_connect(struct client_host *host, struct client *client, uint64_t now_us);
/* Sends a text message; what does not leave at once leaves later. */
void client_send(struct client_host *host, struct client *client, const char *text, size_t len);
/* Carries out what epoll said of it. */
void client_event(struct client_host *host, struct client *client, uint32_t events);
/* Stops reading: its socket's buffer fills. */
void client_stop_reading(struct client_host *host, struct client *client);
void client_close(struct client *client);
