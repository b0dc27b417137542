/* Where clients reach us: a listener for each frontend IP, port, transport and thread. It turns what
 * arrives into messages with a 5-tuple and a path, and knows nothing of TURN.
 *
 *     udp.c ── datagrams ──┬── STUN, ChannelData ─────────────► host.input
 *                          └── DTLS records ──► dtls.c ───────► host.input
 *     tcp.c ── stream ─────┬── plain ──► framing.c ───────────► host.input
 *                          └── TLS ──► tls.c ──► framing.c ───► host.input
 */
#pragma once

#include <openssl/ssl.h>

#include "base/addr.h"
#include "base/counters.h"
#include "base/packet.h"
#include "base/timer_wheel.h"
#include "io/io.h"
#include "listeners/http.h"

struct event_base;
struct rounds;

/* Where answers for a 5-tuple go. The first member of a UDP listener (which is the path of all its
 * clients), of a DTLS association and of a stream connection. */
struct path;
struct path_ops {
	/* Sends a whole message to the client. The packet is lent; datagram paths keep its bytes until
	 * the batch ends. */
	void (*send)(struct path *path, const struct packet *packet,
	             const struct transport_addr *dst);
	/* Ends the path after what was sent: the host wants no more of this client. */
	void (*close)(struct path *path);
};
struct path {
	const struct path_ops *ops;
};

/* What the relay thread gives its listeners. All calls are on its thread. Listeners set timers in
 * events of their own: the host asks timer_wheel_next before each wait. What they send by io from
 * timers leaves at the host's next flush. The levels among the counters are what the bounds are
 * compared with, so all listeners of a thread share them. */
struct listener_host {
	const struct listener_door *door; /* NULL: clients stay on this thread */
	struct event_base *base;
	struct io *io;
	struct rounds *rounds; /* of streams */
	struct timer_wheel *timers;
	struct counters *counters;
	const char *device; /* network device that sockets are bound to; NULL: any */
	/* NULL: not served. The host may change them, and all that follows, between two batches: what is
	 * there keeps the context that it began with. */
	SSL_CTX *tls, *dtls;
	const struct addr_range *proxies; /* whose word is taken for who a client is */
	size_t proxy_count;
	struct http_settings http; /* what streams that begin with HTTP are answered */
	struct pipe_pool *pipes;   /* for client data connections: stream_raw.h */
	size_t stream_queue_size; /* bytes that may wait for a slow reader; data beyond is dropped */
	unsigned connections_max; /* TCP and TLS of this thread */
	unsigned endpoints_max; /* client endpoints of this thread; proxied clients of one socket */
	unsigned dtls_sessions_max;   /* DTLS associations of this thread */
	unsigned dtls_half_open_max;  /* of them, how many may be in their handshake */
	unsigned handshake_timeout_s; /* a TLS or DTLS handshake takes no longer */
	unsigned message_timeout_s;   /* nor the rest of a message that has begun */
	unsigned idle_timeout_s;      /* nor silence on a connection without a session */
	/* DTLS_COOKIE_SECRET_SIZE bytes, so that one thread lets in whom another has sent a cookie;
	 * NULL: each listener draws its own. */
	const uint8_t *dtls_cookie_secret;

	/* n messages that arrived together on one path, each with its 5-tuple: tuple[i] of packet[i]. */
	void (*input)(void *context, struct path *path, const struct five_tuple *tuples,
	              struct packet *packets, size_t n);
	/* A path that the host has seen is gone and its memory about to be. Never within a call of
	 * the host's: what ends in one is told later, after path->ops->close too. */
	void (*closed)(void *context, struct path *path, const struct five_tuple *tuple);
	/* True while the host keeps a session on this 5-tuple. */
	bool (*has_session)(void *context, const struct five_tuple *tuple);
	/* Of client endpoints alone, which are named by what they were adopted with: a datagram of another
	 * client, which is lent; and the end of one, after which nothing more is heard of it. */
	void (*stray)(void *context, void *guest, const struct packet *packet);
	void (*ended)(void *context, void *guest);
	void *context;
};

/* What makes a thread's listeners a door: they meet clients, and other threads have them. server is
 * the transport address that a client came to, context the host's. */
struct listener_door {
	/* Sends on a datagram whose client another thread has; false when none has it. It is lent. */
	bool (*pass_on)(void *context, const struct transport_addr *server,
	                const struct packet *packet);
	/* Has another thread take a DTLS client that has shown its cookie, and its ClientHello. */
	void (*hand_over)(void *context, const struct transport_addr *server,
	                  const struct packet *packet);
	/* Has another thread take a connection that was accepted. fd is given away. */
	void (*hand_over_stream)(void *context, const struct transport_addr *server,
	                         const struct transport_addr *client, int fd);
};

struct udp_listener;
/* Opens a UDP socket on addr with SO_REUSEPORT and serves UDP, and DTLS where host->dtls is set.
 * host is lent for the listener's life. ERR_SYSTEM with errno. */
MUST_CHECK enum err udp_listener_create(const struct listener_host *host,
                                        const struct transport_addr *addr, int socket_buffer_size,
                                        bool serve_udp, struct udp_listener **listener);
void udp_listener_destroy(struct udp_listener *listener);
/* Has each datagram begin with a header of the PROXY protocol, and come from a proxy that is trusted.
 * Called before the first arrives. */
MUST_CHECK enum err udp_listener_expect_proxies(struct udp_listener *listener);
/* Has the socket belong to a user, who may then open client endpoints beside it. ERR_SYSTEM with
 * errno. */
MUST_CHECK enum err udp_listener_set_user(struct udp_listener *listener, uid_t user);
/* Has it serve DTLS, when host->dtls is set, which it may be later. ERR_NO_MEMORY. */
MUST_CHECK enum err udp_listener_serve_dtls(struct udp_listener *listener);
bool udp_listener_expects_proxies(const struct udp_listener *listener);

/* Whom a listener hears. One that is to go is drained: whoever has a session or an association is heard
 * as before, and so are Refresh requests, by which a client comes back from another address (RFC 8016);
 * all others might find nobody there. */
enum listener_ear { LISTENER_HEARS_ALL, LISTENER_HEARS_ITS_OWN, LISTENER_HEARS_NOBODY };
void udp_listener_set_ear(struct udp_listener *listener, enum listener_ear ear);

/* Sends one datagram from the listener's address at once: for what is rare, and for any thread, since
 * it touches nothing but the descriptor. ERR_SYSTEM with errno. */
MUST_CHECK enum err udp_listener_send_now(const struct udp_listener *listener,
                                          const struct packet *packet,
                                          const struct transport_addr *dst);
/* The path of all its UDP clients. */
struct path *udp_listener_path(struct udp_listener *listener);
/* Takes a datagram that was sent to a door and came to it by another thread. It is lent. */
void udp_listener_input(struct udp_listener *listener, struct packet *packet);

struct tcp_listener;
/* The same for TCP, and TLS where host->tls is set. */
MUST_CHECK enum err tcp_listener_create(const struct listener_host *host,
                                        const struct transport_addr *addr, bool serve_tcp,
                                        struct tcp_listener **listener);
/* The same without a socket: it is given connections that a door has accepted on addr. */
MUST_CHECK enum err tcp_listener_create_adopting(const struct listener_host *host,
                                                 const struct transport_addr *addr, bool serve_tcp,
                                                 struct tcp_listener **listener);
void tcp_listener_destroy(struct tcp_listener *listener);
/* Has each connection begin with a header of the PROXY protocol, and come from a proxy that is trusted.
 * Called before the first is accepted. */
void tcp_listener_expect_proxies(struct tcp_listener *listener);
bool tcp_listener_expects_proxies(const struct tcp_listener *listener);
/* Accepts no more; the connections that there are go on. */
void tcp_listener_drain(struct tcp_listener *listener);
bool tcp_listener_is_empty(const struct tcp_listener *listener); /* it has no connection */
/* Takes over an accepted, non-blocking connection, or closes it when the thread may have no more. */
void tcp_listener_adopt(struct tcp_listener *listener, const struct transport_addr *client, int fd);

/* Tells whether another program has this address and port, which SO_REUSEPORT would share with it in
 * silence: binds it alone, on a network device when that is not NULL, and lets it go. type is
 * SOCK_DGRAM or SOCK_STREAM. ERR_SYSTEM with errno. */
MUST_CHECK enum err listener_probe(const struct transport_addr *addr, int type, const char *device);

/* The actual address, when it was opened with port 0. */
const struct transport_addr *udp_listener_addr(const struct udp_listener *listener);
const struct transport_addr *tcp_listener_addr(const struct tcp_listener *listener);
