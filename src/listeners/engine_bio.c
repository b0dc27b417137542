/* The BIO beneath a TLS or DTLS engine. */
#include "listeners/engine_bio.h"

#include <limits.h>
#include <string.h>

enum { IP_AND_UDP_HEADERS = 48 }; /* of IPv6, the larger */

static int on_create(BIO *bio);
static int on_read(BIO *bio, char *bytes, int size);
static int on_write(BIO *bio, const char *bytes, int len);
static long on_control(BIO *bio, int command, long number, void *pointer);

enum err engine_bio_method_create(BIO_METHOD **method)
{
	*method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "engine");
	if (*method == NULL)
		return ERR_NO_MEMORY;
	BIO_meth_set_create(*method, on_create);
	BIO_meth_set_read(*method, on_read);
	BIO_meth_set_write(*method, on_write);
	BIO_meth_set_ctrl(*method, on_control);
	return OK;
}

BIO *engine_bio_create(const BIO_METHOD *method, struct engine_bio *engine_bio)
{
	BIO *bio = BIO_new(method);

	if (bio != NULL)
		BIO_set_data(bio, engine_bio);
	return bio;
}

static int on_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

static int on_read(BIO *bio, char *bytes, int size)
{
	struct engine_bio *engine_bio = BIO_get_data(bio);
	size_t n = size > 0 ? (size_t)size : 0;

	BIO_clear_retry_flags(bio);
	if (engine_bio->in_len == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	if (n > engine_bio->in_len)
		n = engine_bio->in_len;
	memcpy(bytes, engine_bio->in, n);
	engine_bio->in += n;
	/* What of a datagram finds no room is lost, as with a socket. */
	engine_bio->in_len = engine_bio->is_datagram ? 0 : engine_bio->in_len - n;
	return (int)n;
}

/* What could not be kept is lost: a datagram may be, and a stream that lost bytes is ended by its
 * owner, who knows. */
static int on_write(BIO *bio, const char *bytes, int len)
{
	struct engine_bio *engine_bio = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (len <= 0)
		return 0;
	if (!engine_bio->write(engine_bio, (const uint8_t *)bytes, (size_t)len) &&
	    !engine_bio->is_datagram)
		return -1;
	return len;
}

static long on_control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio, (void)number, (void)pointer;
	switch (command) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
		return IP_AND_UDP_HEADERS;
	default:
		return 0; /* asked of sockets alone */
	}
}
