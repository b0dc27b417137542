/* A TLS engine for one stream: ciphertext in, plaintext out, and the reverse. It does no I/O. */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct evbuffer;
struct tls_engine;

enum {
	TLS_PLAINTEXT_MAX = 16384, /* RFC 8446 section 5.1 */
	/* What an engine may hold back of what it was fed: a record that is not complete. */
	TLS_HELD_MAX = 5 + TLS_PLAINTEXT_MAX + 2048,
	TLS_REASON_SIZE = 128,
};

/* Makes an engine that waits for a ClientHello. What it has to send is appended to output, which is
 * lent. */
MUST_CHECK enum err tls_engine_create(SSL_CTX *context, const BIO_METHOD *method,
                                      struct evbuffer *output, struct tls_engine **engine);
void tls_engine_destroy(struct tls_engine *engine);

/* Lends ciphertext that arrived. Call tls_engine_read until it gives no more: then all of it has
 * been taken. */
void tls_engine_feed(struct tls_engine *engine, const uint8_t *bytes, size_t len);
/* Goes on with the handshake and decrypts into bytes. OK: len bytes, at least one. ERR_AGAIN: no
 * more. ERR_CLOSED: the client said goodbye. ERR_INVALID: it broke the protocol; an alert may have
 * been appended to the output and reason holds the words for it. */
MUST_CHECK enum err tls_engine_read(struct tls_engine *engine, uint8_t *bytes, size_t size,
                                    size_t *len, char reason[TLS_REASON_SIZE]);
/* Encrypts up to TLS_PLAINTEXT_MAX bytes as one record. The handshake is done. */
MUST_CHECK enum err tls_engine_write(struct tls_engine *engine, const uint8_t *bytes, size_t len);
/* Says goodbye: appends close_notify to the output, when the handshake is done. */
void tls_engine_close(struct tls_engine *engine);

/* Puts a BIO of another listener under an engine, which moves there; nothing it was fed is left. */
MUST_CHECK enum err tls_engine_move(struct tls_engine *engine, const BIO_METHOD *method);

/* What it speaks, to look at. */
const SSL *tls_engine_ssl(const struct tls_engine *engine);

bool tls_engine_has_ended(const struct tls_engine *engine); /* the client said goodbye */
bool tls_engine_is_open(const struct tls_engine *engine);   /* the handshake is done */
/* True while a record has begun and its end has not arrived. */
bool tls_engine_is_in_record(const struct tls_engine *engine);

/* Takes the first error of OpenSSL's queue as words and empties the queue. */
void tls_error_take(char reason[TLS_REASON_SIZE]);
