/* What the files of worker threads, connections and HTTP share. */
#pragma once

#include <event2/event.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>

#include "base/list.h"
#include "base/pool.h"
#include "base/timer_wheel.h"
#include "signaling/http_path.h"
#include "signaling/http_request.h"
#include "signaling/websocket.h"
#include "signaling/worker.h"

enum { INPUT_SIZE = 64 * 1024, RECORD_SIZE = 16 * 1024, SECOND = 1000, PONGS_MAX = 16 };

struct listening_socket {
	struct worker *worker;
	int fd; /* owned; -1: none */
	bool is_tls;
	struct event *event; /* owned */
};

struct worker {
	struct workers *workers;
	unsigned number;
	pthread_t thread;
	bool has_thread;
	struct event_base *base; /* owned, as all of these */
	struct mailbox *mailbox;
	struct event *mail_event, *timeout_event;
	struct timer_wheel *timers;
	struct hub *hub;
	struct listening_socket *listeners;
	struct worker_policy policy; /* holds a reference of .tls */

	timestamp now;
	uint64_t wall_ms;
	bool is_in_turn; /* now is of this turn of the loop */
	bool is_stopping;

	struct list connections; /* all but the gone */
	struct list gone;        /* closed in this turn */
	struct list dirty;       /* have something to send */
	struct list
		unacknowledged; /* their peers have not acknowledged all that the hub may keep */
	struct list exchanges;  /* requests that are not answered */
	struct timer accept_again, acknowledge;
	size_t incomplete; /* bytes of messages that are not whole yet */
	struct {           /* how much it sends, to know when waiting for more pays */
		timestamp since;
		uint64_t messages_before;
		bool is_high;
	} load;
	struct pool outgoing;
	struct net_counters counters;
	char input[INPUT_SIZE];   /* what the connection of the moment has read */
	char record[RECORD_SIZE]; /* what it writes by TLS */
};

struct workers {
	struct workers_settings settings; /* times and limits completed */
	struct address_limits *limits;    /* owned */
	uint16_t *ports;                  /* owned: of the listeners */
	struct worker **worker;           /* owned, each too */
	unsigned count;
	bool is_ending; /* no thread runs any more */
};

/* Something to send: a frame, or what HTTP answers. When it was written it stays, without its bytes, until the peer has acknowledged it:
 * until then the hub keeps the message for the case that the connection is lost. */
struct outgoing {
	struct outgoing *next;
	struct buffer *buffer; /* a reference; NULL: none, or written */
	uint64_t end;          /* octets of the connection up to its end, once it was written */
	uint8_t header[WEBSOCKET_HEADER_MAX];
	uint8_t header_len;
	bool is_message; /* of HUB_SEND */
};

enum phase {
	PHASE_TLS,  /* handshake */
	PHASE_HTTP, /* requests */
	PHASE_WEBSOCKET,
	PHASE_CLOSING,    /* our Close is sent, the peer's awaited */
	PHASE_LAST_WORDS, /* what is queued is sent, then the connection ends */
	PHASE_LINGERING, /* nothing more is sent; what comes is not looked at, until the peer has closed too */
	PHASE_GONE
};

struct http_state { /* of PHASE_HTTP alone */
	struct http_reader
		*reader; /* owned; NULL: an exchange has it that outlives the connection */
	struct http_exchange *exchange; /* that is not answered; NULL */
	struct text backlog;            /* behind it, not read yet */
	bool ends;                      /* after what is queued */
};

struct connection {
	struct worker *worker;
	struct list node, dirty, unacknowledged;
	struct event *event; /* owned; of libevent, not of event.h, which has the same name */
	struct timer timer;
	int fd;
	uint8_t phase;
	bool is_tls, is_paused, is_blocked, is_clean, is_counted, has_looked, has_input_event;
	uint8_t watched; /* EV_READ and EV_WRITE, as the loop has them */
	uint16_t pongs;  /* of queue, not written */
	SSL *tls;        /* owned; NULL */
	struct transport_addr client;
	struct http_state *http; /* owned; NULL */
	struct session *session;
	const struct dialect *dialect;
	struct websocket websocket;
	size_t incomplete; /* its part of the worker's */
	struct outgoing *first, *unsent,
		*last;    /* queue; unsent: the first that is not wholly written */
	size_t offset;    /* octets of it that are written */
	uint64_t written; /* octets in all, of TLS those of records */
	uint32_t unacknowledged_messages;
	timestamp ping_at, pong_by, message_by, first_message_by;
};

struct http_exchange {
	struct list node; /* in worker.exchanges */
	struct worker *worker;
	struct connection *connection; /* NULL: gone */
	struct http_reader *reader;    /* the connection's; where that is gone owned */
	struct http_path path;
	enum http_method method;
	const char *pattern; /* of the route */
	struct transport_addr client;
	char address[ADDR_TEXT_SIZE];
	bool is_tls;
	bool is_upgrade; /* ended by upgrade.c, whoever answers */
	bool is_answered;
	struct text headers; /* of the answer */
	char subprotocol[128];
	_Alignas(max_align_t) char own[64];
};

/* worker.c, worker_loop.c */
void worker_begin_turn(struct worker *worker);
void worker_settle(struct worker *worker);
enum err worker_listen(struct worker *worker);
void *worker_main(void *argument);
enum err listener_open(const struct transport_addr *addr, int *fd, uint16_t *port);
/* worker_actions.c */
void worker_act(struct worker *worker);
enum signaling_error worker_identify(struct worker *worker, const struct claim *claim,
                                     const struct transport_addr *client,
                                     struct identity *identity);

/* connection.c */
void connection_accept(struct worker *worker, int fd, const struct transport_addr *peer,
                       bool is_tls);
void connection_end(struct connection *connection); /* at once; freed at the end of the turn */
void connection_say_last_words(struct connection *connection);
void connection_linger(struct connection *connection);
void connection_bury(struct connection *connection); /* tells the hub */
void connection_free(struct connection *connection);
void connection_watch(struct connection *connection); /* has the loop tell what it waits for */
void connection_set_deadline(struct connection *connection, timestamp deadline);
void connection_pause(struct connection *connection, bool is_paused);
/* connection_input.c */
void connection_read(struct connection *connection);
/* connection_output.c */
void connection_queue(struct connection *connection,
                      struct buffer *buffer); /* takes the reference; NULL ends it */
void connection_queue_frame(struct connection *connection, enum websocket_opcode opcode,
                            struct buffer *buffer, bool is_message);
void connection_flush(struct connection *connection);
void connection_make_dirty(struct connection *connection);
void connection_look_for_acknowledgements(struct connection *connection);
size_t connection_unsent_messages(const struct connection *connection);
void connection_drop_unsent(struct connection *connection);
void connection_drop_queue(struct connection *connection);
/* connection_websocket.c */
void connection_open_websocket(struct connection *connection, const struct dialect *dialect,
                               struct session *session);
void connection_websocket_input(struct connection *connection, char *bytes, size_t len);
void connection_close_websocket(struct connection *connection, unsigned code, const char *reason);
void connection_websocket_timer(struct connection *connection);
/* connection_http.c */
bool connection_begin_http(struct connection *connection);
void connection_http_input(struct connection *connection, struct slice bytes);
void connection_http_sent(struct connection *connection);     /* all that was queued */
void connection_http_progress(struct connection *connection); /* of an answer */
void connection_http_timer(struct connection *connection);
void connection_http_answered(struct connection *connection, bool ends);
void http_state_destroy(struct http_state *http);

/* http_serve.c */
void http_serve(struct connection *connection, struct http_reader *reader);
void http_exchange_destroy(struct http_exchange *exchange);
/* http_answer.c */
struct buffer *http_error_answer(unsigned status, struct slice text);
const char *http_reason(unsigned status);
/* Writes status and headers, but no end of them: who calls appends what else there is. */
void http_put_head(struct text *text, const struct http_exchange *exchange, unsigned status);
/* http_upgrade.c */
void http_upgrade(struct http_exchange *exchange, const struct dialect *dialect);
/* http_identity.c: the proof that came with the request, or none */
enum signaling_error http_find_identity(struct http_exchange *exchange, bool looks_into_query,
                                        struct identity *identity, bool *is_anybody);
/* Gives whether a page's origin is among those that are let in. */
bool http_is_origin_allowed(const struct http_exchange *exchange);
