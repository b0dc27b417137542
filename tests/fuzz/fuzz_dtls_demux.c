/* Datagrams into a UDP listener with DTLS. An input is a row of them: two bytes of length, one that
 * names the client, the datagram. Two clients are known to the server: one in its handshake, one
 * with an association; whatever arrives, the levels stay in their bounds and memory is given back. */
#include "../unit/listener_fixture.h"

#include <openssl/err.h>

#include "base/list.h"
#include "base/log.h"
#include "listeners/engine_bio.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct client {
	struct engine_bio bio;
	struct transport_addr addr;
	SSL *ssl;
	struct fake_host *fake;
};

static SSL_CTX *server_context, *client_context;
static BIO_METHOD *method;

static void receive(struct fake_host *fake, const struct transport_addr *from, const uint8_t *bytes,
                    size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	struct packet packet = {.data = copy, .len = len, .frame = copy, .size = len, .src = *from};

	if (copy == NULL)
		abort();
	memcpy(copy, bytes, len);
	fake->io.handler.receive(fake->io.handler.owner, &packet, 1);
	io_flush(fake->host.io);
	free(copy);
}

static bool client_write(struct engine_bio *bio, const uint8_t *bytes, size_t len)
{
	struct client *client = CONTAINER_OF(bio, struct client, bio);

	receive(client->fake, &client->addr, bytes, len);
	return true;
}

static void address_of(struct transport_addr *addr, uint8_t name)
{
	addr_init(addr, AF_INET, "\xC0\0\2\1", (uint16_t)(1000 + name));
}

/* Takes a client so many steps towards an association. */
static void client_begin(struct fake_host *fake, struct client *client, uint8_t name, int steps)
{
	*client = (struct client){.bio.is_datagram = true, .bio.write = client_write, .fake = fake};
	address_of(&client->addr, name);
	client->ssl = SSL_new(client_context);
	BIO *bio = engine_bio_create(method, &client->bio);
	SSL_set_bio(client->ssl, bio, bio);
	SSL_set_options(client->ssl, SSL_OP_NO_QUERY_MTU);
	SSL_set_mtu(client->ssl, 1200);
	SSL_set_connect_state(client->ssl);
	for (size_t heard = fake->io.sent_count; steps > 0; steps--) {
		SSL_do_handshake(client->ssl);
		for (; heard < fake->io.sent_count; heard++) {
			struct datagram *datagram = &fake->io.sent[heard % 256];

			client->bio.in = datagram->bytes;
			client->bio.in_len = datagram->len;
			SSL_do_handshake(client->ssl);
		}
	}
}

static void contexts_make(void)
{
	if (server_context != NULL)
		return;
	server_context = SSL_CTX_new(DTLS_server_method());
	client_context = SSL_CTX_new(DTLS_client_method());
	certificate_use(server_context);
	dtls_server_prepare(server_context);
	if (engine_bio_method_create(&method) != OK)
		abort();
	log_set_level(LEVEL_ERROR);
}

/* No input can hold a cookie that is good: a true client comes, and goes without a word. */
static void client_restart(struct fake_host *fake, uint8_t name, int steps)
{
	struct client client;

	client_begin(fake, &client, name, steps);
	SSL_free(client.ssl);
}

static void replay(struct fake_host *fake, const uint8_t *bytes, size_t len)
{
	while (len >= 3) {
		size_t n = get_u16(bytes);
		struct transport_addr from;

		address_of(&from, bytes[2] % 4);
		if (bytes[2] & 0x40)
			client_restart(fake, bytes[2] % 4, bytes[2] >> 4 & 3);
		if (bytes[2] & 0x80)
			pass_time(fake, 500);
		bytes += 3;
		len -= 3;
		if (n > len)
			n = len;
		receive(fake, &from, bytes, n);
		bytes += n;
		len -= n;
		if (counted(fake, COUNT_dtls_sessions_now) > fake->host.dtls_sessions_max ||
		    counted(fake, COUNT_dtls_half_open_now) > fake->host.dtls_half_open_max)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct fake_host *fake = fake_host_create();
	struct udp_listener *listener;
	struct transport_addr addr;
	struct client half_open, open;

	contexts_make();
	SSL_CTX_up_ref(server_context);
	fake->host.dtls = server_context;
	fake->host.dtls_sessions_max = 3;
	fake->host.dtls_half_open_max = 2;
	fake->echoes = true;
	addr_init(&addr, AF_INET, "\x7F\0\0\1", 0);
	if (udp_listener_create(&fake->host, &addr, 65536, true, &listener) != OK)
		abort();
	client_begin(fake, &half_open, 0, 1);
	client_begin(fake, &open, 1, 3);
	replay(fake, bytes, len);
	udp_listener_destroy(listener);
	if (counted(fake, COUNT_dtls_sessions_now) != 0 ||
	    counted(fake, COUNT_dtls_half_open_now) != 0)
		abort();
	SSL_free(half_open.ssl);
	SSL_free(open.ssl);
	ERR_clear_error();
	fake_host_destroy(fake);
	return 0;
}
