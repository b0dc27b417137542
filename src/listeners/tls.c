/* A TLS engine for one stream. */
#include "listeners/tls.h"

#include <event2/buffer.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/list.h"
#include "listeners/engine_bio.h"

enum { RECORD_HEADER_SIZE = 5 };

struct tls_engine {
	struct engine_bio bio;
	SSL *ssl;                /* owned */
	struct evbuffer *output; /* lent */
	/* Where the bytes fed so far end: within a header, or so far before the end of a body. */
	uint8_t header[RECORD_HEADER_SIZE];
	uint8_t header_len;
	uint16_t body_left;
};

static bool on_write(struct engine_bio *bio, const uint8_t *bytes, size_t len);
static void follow_records(struct tls_engine *engine, const uint8_t *bytes, size_t len);
static size_t follow_header(struct tls_engine *engine, const uint8_t *bytes, size_t len);
static size_t follow_body(struct tls_engine *engine, size_t len);

enum err tls_engine_create(SSL_CTX *context, const BIO_METHOD *method, struct evbuffer *output,
                           struct tls_engine **result)
{
	struct tls_engine *engine = calloc(1, sizeof *engine);
	BIO *bio;

	if (engine == NULL)
		return ERR_NO_MEMORY;
	engine->bio.write = on_write;
	engine->output = output;
	engine->ssl = SSL_new(context);
	if (engine->ssl == NULL)
		goto fail_ssl;
	bio = engine_bio_create(method, &engine->bio);
	if (bio == NULL)
		goto fail_bio;
	SSL_set_bio(engine->ssl, bio, bio);
	SSL_set_accept_state(engine->ssl);
	/* An idle engine keeps no record buffers. */
	SSL_set_mode(engine->ssl, SSL_MODE_RELEASE_BUFFERS);
	*result = engine;
	return OK;

fail_bio:
	SSL_free(engine->ssl);
fail_ssl:
	ERR_clear_error();
	free(engine);
	return ERR_NO_MEMORY;
}

void tls_engine_destroy(struct tls_engine *engine)
{
	if (engine == NULL)
		return;
	SSL_free(engine->ssl);
	free(engine);
}

void tls_engine_feed(struct tls_engine *engine, const uint8_t *bytes, size_t len)
{
	engine->bio.in = bytes;
	engine->bio.in_len = len;
	follow_records(engine, bytes, len);
}

enum err tls_engine_read(struct tls_engine *engine, uint8_t *bytes, size_t size, size_t *len,
                         char reason[TLS_REASON_SIZE])
{
	/* To find that out OpenSSL needs a good part of the time that decrypting a message takes. */
	if (engine->bio.in_len == 0 && tls_engine_is_open(engine) && !SSL_has_pending(engine->ssl))
		return ERR_AGAIN;
	ERR_clear_error();
	int result = SSL_read_ex(engine->ssl, bytes, size, len);

	if (result == 1)
		return OK;
	switch (SSL_get_error(engine->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return ERR_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return ERR_CLOSED;
	default:
		tls_error_take(reason);
		return ERR_INVALID;
	}
}

enum err tls_engine_write(struct tls_engine *engine, const uint8_t *bytes, size_t len)
{
	size_t written;

	ERR_clear_error();
	if (SSL_write_ex(engine->ssl, bytes, len, &written) == 1)
		return OK;
	ERR_clear_error();
	return ERR_CLOSED;
}

void tls_engine_close(struct tls_engine *engine)
{
	ERR_clear_error();
	if (tls_engine_is_open(engine))
		(void)SSL_shutdown(engine->ssl);
	ERR_clear_error();
}

enum err tls_engine_move(struct tls_engine *engine, const BIO_METHOD *method)
{
	BIO *bio = engine_bio_create(method, &engine->bio);

	if (bio == NULL)
		return ERR_NO_MEMORY;
	SSL_set_bio(engine->ssl, bio, bio);
	return OK;
}

const SSL *tls_engine_ssl(const struct tls_engine *engine)
{
	return engine->ssl;
}

bool tls_engine_has_ended(const struct tls_engine *engine)
{
	return SSL_get_shutdown(engine->ssl) & SSL_RECEIVED_SHUTDOWN;
}

bool tls_engine_is_open(const struct tls_engine *engine)
{
	return SSL_is_init_finished(engine->ssl);
}

bool tls_engine_is_in_record(const struct tls_engine *engine)
{
	return engine->header_len > 0 || engine->body_left > 0;
}

void tls_error_take(char reason[TLS_REASON_SIZE])
{
	unsigned long error = ERR_peek_error();
	const char *words = error != 0 ? ERR_reason_error_string(error) : NULL;

	snprintf(reason, TLS_REASON_SIZE, "%s", words != NULL ? words : "protocol error");
	ERR_clear_error();
}

static bool on_write(struct engine_bio *bio, const uint8_t *bytes, size_t len)
{
	struct tls_engine *engine = CONTAINER_OF(bio, struct tls_engine, bio);

	return evbuffer_add(engine->output, bytes, len) == 0;
}

/* OpenSSL does not tell whether it waits for the rest of a record; the headers do. */
static void follow_records(struct tls_engine *engine, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		size_t n = engine->body_left > 0 ? follow_body(engine, len)
		                                 : follow_header(engine, bytes, len);

		bytes += n;
		len -= n;
	}
}

static size_t follow_header(struct tls_engine *engine, const uint8_t *bytes, size_t len)
{
	size_t missing = (size_t)RECORD_HEADER_SIZE - engine->header_len;
	size_t n = len < missing ? len : missing;

	memcpy(engine->header + engine->header_len, bytes, n);
	engine->header_len = (uint8_t)(engine->header_len + n);
	if (engine->header_len == RECORD_HEADER_SIZE) {
		engine->body_left = get_u16(engine->header + 3);
		engine->header_len = 0;
	}
	return n;
}

static size_t follow_body(struct tls_engine *engine, size_t len)
{
	size_t n = len < engine->body_left ? len : engine->body_left;

	engine->body_left = (uint16_t)(engine->body_left - n);
	return n;
}
