/* Where DTLS clients are met before anything is kept for them: a ClientHello without cookie is
 * answered with one and forgotten, a ClientHello with our cookie is let in. How cookies are made is
 * left to dtls_cookie.c, the handshake to dtls_association.c.
 *
 *   ClientHello without cookie ─► HelloVerifyRequest, nothing is kept
 *   ClientHello with our cookie ─► the door's engine becomes an association, or the client is handed
 *                                  over with this ClientHello and knocks at that thread's door */
#include "listeners/dtls_private.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/timestamp.h"

static void hand_over(struct dtls_server *server, const struct packet *packet);
static void admit(struct dtls_server *server, const struct dtls_client_hello *hello);
static bool is_full(const struct listener_host *host);
static int on_cookie_wanted(SSL *ssl, unsigned char *cookie, unsigned int *len);
static int on_cookie_shown(SSL *ssl, const unsigned char *cookie, unsigned int len);

enum err dtls_door_init(struct dtls_door *door, const uint8_t *cookie_secret)
{
	door->unused = BIO_ADDR_new();
	if (door->unused == NULL)
		return ERR_NO_MEMORY;
	dtls_cookies_init(&door->cookies, cookie_secret);
	return OK;
}

void dtls_door_deinit(struct dtls_door *door)
{
	dtls_association_destroy(door->association);
	dtls_cookies_deinit(&door->cookies);
	BIO_ADDR_free(door->unused);
}

void dtls_door_prepare(SSL_CTX *context)
{
	SSL_CTX_set_cookie_generate_cb(context, on_cookie_wanted);
	SSL_CTX_set_cookie_verify_cb(context, on_cookie_shown);
}

/* The engine that waits was made with a certificate that has been replaced. */
static bool is_outdated(const struct dtls_door *door, const SSL_CTX *context)
{
	return door->association != NULL && SSL_get_SSL_CTX(door->association->ssl) != context;
}

/* One engine meets all who have not shown a cookie yet, and forgets each at the next. */
void dtls_door_knock(struct dtls_server *server, struct io_socket *socket,
                     const struct packet *packet, const struct dtls_client_hello *hello)
{
	struct dtls_door *door = &server->door;
	int result;

	if (server->host->dtls == NULL) { /* no longer served */
		dtls_count(server, COUNT_dtls_stray);
		return;
	}
	if (is_outdated(door, server->host->dtls)) {
		dtls_association_destroy(door->association);
		door->association = NULL;
	}
	if (door->association == NULL)
		door->association = dtls_association_create(server);
	if (door->association == NULL) {
		dtls_count(server, COUNT_drop_no_memory);
		return;
	}
	door->association->socket = socket;
	door->association->tuple.client = packet->src;
	door->association->bio.in = packet->data;
	door->association->bio.in_len = packet->len;
	ERR_clear_error();
	result = DTLSv1_listen(door->association->ssl, door->unused);
	door->association->bio.in_len = 0;
	ERR_clear_error();
	if (result == 1 && server->host->door != NULL) {
		hand_over(server, packet);
	} else if (result == 1) {
		admit(server, hello);
	} else if (result < 0) {
		dtls_association_destroy(door->association);
		door->association = NULL;
	}
}

/* The engine has seen the ClientHello and is of no use to the next client. */
static void hand_over(struct dtls_server *server, const struct packet *packet)
{
	const struct listener_host *host = server->host;

	dtls_association_destroy(server->door.association);
	server->door.association = NULL;
	host->door->hand_over(host->context, &server->addr, packet);
}

/* The client is where it says: the door's engine becomes its association. */
static void admit(struct dtls_server *server, const struct dtls_client_hello *hello)
{
	struct dtls_association *association = server->door.association;

	/* The one that it replaces makes room for it. */
	dtls_association_destroy(dtls_server_find(server, &association->tuple.client));
	if (is_full(server->host)) {
		dtls_count(server, COUNT_dtls_refused);
		return;
	}
	if (dtls_server_insert(server, association) != OK) {
		dtls_count(server, COUNT_drop_no_memory);
		return;
	}
	server->door.association = NULL;
	dtls_association_begin(association, hello);
}

/* The levels are those of the thread's counters: its listeners share the bounds. */
static bool is_full(const struct listener_host *host)
{
	return counter_read(host->counters, COUNT_dtls_sessions_now) >= host->dtls_sessions_max ||
	       counter_read(host->counters, COUNT_dtls_half_open_now) >= host->dtls_half_open_max;
}

/* ---- what the engine asks ---- */

static int on_cookie_wanted(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	const struct dtls_association *association = SSL_get_app_data(ssl);

	*len = DTLS_COOKIE_SIZE;
	return dtls_cookie_make(&association->server->door.cookies, &association->tuple.client,
	                        timestamp_now(), cookie);
}

static int on_cookie_shown(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	const struct dtls_association *association = SSL_get_app_data(ssl);

	return dtls_cookie_is_ours(&association->server->door.cookies, &association->tuple.client,
	                           timestamp_now(), cookie, len);
}
