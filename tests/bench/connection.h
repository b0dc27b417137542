/* How a client of the load generator reaches the server: whole STUN and ChannelData messages out and in,
 * over UDP, TCP, TLS or DTLS. The server's certificate is not looked at. */
#pragma once

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum transport { UDP, TCP, TLS, DTLS, TRANSPORT_COUNT /* last */ };
extern const char *const TRANSPORTS[TRANSPORT_COUNT]; /* "udp" and so on */

struct connection {
	enum transport transport;
	int fd;       /* owned, non-blocking once it is open */
	SSL *ssl;     /* owned; TLS and DTLS */
	uint8_t *in;  /* owned; what was received and not taken, from in_at to in_len */
	uint8_t *out; /* owned; of streams: what the socket did not take, from out_at to out_len */
	size_t in_at, in_len, out_at, out_len;
};

static inline bool transport_is_stream(enum transport transport)
{
	return transport == TCP || transport == TLS;
}

/* Connects, and shakes hands where the transport does. local may be NULL. False, with the words for it
 * in *problem, when that fails. */
bool connection_open(struct connection *connection, enum transport transport,
                     const struct sockaddr_in *server, const struct sockaddr_in *local,
                     const char **problem);
void connection_close(struct connection *connection);

/* Sends count messages of len bytes that lie behind each other; on a stream they are multiples of four
 * long, and are written together. Returns how many were sent: fewer, or none, when the socket is
 * full. What of a stream's messages did not fit leaves with the next call. */
int connection_send(struct connection *connection, const uint8_t *messages, size_t len, int count);
/* Writes what of a stream's messages did not fit, as far as it does now. */
void connection_flush(struct connection *connection);
/* Gives the next message, which lies where it is until the next call; 0 when there is none now. It is
 * an end of the program when the server has closed a stream. */
size_t connection_receive(struct connection *connection, const uint8_t **message);
