/* What an idle allocation with one channel and its permission costs, counted where memory is taken,
 * and that all of it comes back. The linker sends the allocator's calls through here. */
#include <malloc.h>
#include <stdlib.h>

#include "../scenarios/host.h"
#include "base/bytes.h"
#include "stun/builder.h"
#include "tap.h"

enum { ALLOCATIONS = 4000, CHUNK_HEADER = 8, BYTES_MAX = 1200 };

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *memory);

static size_t in_use;

static void *taken(void *memory)
{
	if (memory != NULL)
		in_use += malloc_usable_size(memory) + CHUNK_HEADER;
	return memory;
}

void *__wrap_malloc(size_t size)
{
	return taken(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return taken(__real_calloc(count, size));
}

void *__wrap_realloc(void *old, size_t size)
{
	if (old != NULL)
		in_use -= malloc_usable_size(old) + CHUNK_HEADER;
	return taken(__real_realloc(old, size));
}

char *__wrap_strdup(const char *text)
{
	return taken(__real_strdup(text));
}

void __wrap_free(void *memory)
{
	if (memory != NULL)
		in_use -= malloc_usable_size(memory) + CHUNK_HEADER;
	__real_free(memory);
}

static void sign(struct host *host, const struct client *client, struct stun_builder *builder)
{
	const struct turn_settings *settings = &host->settings;
	const struct user *user = &host->users[0];
	char nonce[STUN_NONCE_SIZE];
	uint8_t key[STUN_KEY_MAX];
	size_t len = stun_long_term_key(host->hasher, STUN_PASSWORD_MD5, user->name,
	                                settings->realm, user->password, key);

	stun_nonce_make(host->hasher, settings->nonce_secret, &client->tuple.client,
	                settings->security_features,
	                (host->now + (uint64_t)settings->wall_offset_ms) / 1000, nonce);
	stun_put_text(builder, STUN_ATTR_USERNAME, user->name);
	stun_put_text(builder, STUN_ATTR_REALM, settings->realm);
	stun_put(builder, STUN_ATTR_NONCE, nonce, sizeof nonce);
	stun_put_integrity(builder, host->hasher, STUN_ATTR_MESSAGE_INTEGRITY, key, len);
}

static bool request(struct host *host, const struct client *client, enum stun_method method)
{
	uint8_t bytes[512], id[STUN_TRANSACTION_ID_SIZE] = {(uint8_t)method};
	struct stun_builder builder;
	struct stun_message answer;
	struct transport_addr peer;

	if (addr_parse("203.0.113.5:9000", 0, &peer) != OK)
		return false;
	stun_build(&builder, bytes, sizeof bytes, method, STUN_REQUEST, id);
	stun_put_u32(&builder, STUN_ATTR_REQUESTED_TRANSPORT, 17u << 24);
	stun_put_u32(&builder, STUN_ATTR_CHANNEL_NUMBER, 0x4000u << 16);
	stun_put_xor_address(&builder, STUN_ATTR_XOR_PEER_ADDRESS, &peer);
	sign(host, client, &builder);
	host_client_input(host, client, bytes, builder.len, 0, 0);
	bool is_success = host->datagram_count == 1 &&
	                  stun_message_parse(host->datagrams[0].bytes, host->datagrams[0].len,
	                                     &answer) == OK &&
	                  answer.class == STUN_SUCCESS;
	while (host->datagram_count > 0)
		host_shift(host);
	return is_success;
}

static unsigned allocate_all(struct host *host, struct client *clients)
{
	unsigned successes = 0;

	for (unsigned i = 0; i < ALLOCATIONS; i++) {
		struct five_tuple *tuple = &clients[i].tuple;
		uint8_t ip[4] = {100, 1, (uint8_t)(i >> 8), (uint8_t)i};
		addr_init(&tuple->client, AF_INET, ip, 4000);
		if (addr_parse("192.0.2.1:3478", 0, &tuple->server) != OK)
			abort();
		successes += request(host, &clients[i], STUN_ALLOCATE) &&
		             request(host, &clients[i], STUN_CHANNEL_BIND);
	}
	return successes;
}

int main(void)
{
	struct host *host = calloc(1, sizeof *host);
	struct client *clients = calloc(ALLOCATIONS, sizeof *clients), first = {0};

	if (host == NULL || clients == NULL)
		abort();
	host_init(host);
	host->settings.channels_per_allocation = 1;
	if (addr_range_parse("203.0.113.0/24", &host->allowed[host->peers.allowed_count++]) != OK)
		abort();
	host->user_count = 1;
	strcpy(host->users[0].name, "1763712000:participant-0123456789abcdef");
	strcpy(host->users[0].password, "secret");

	/* The first packet makes the server, which is not what is measured. */
	clients[0].tuple.client = (struct transport_addr){.v4.sin_family = AF_INET};
	first = clients[0];
	first.tuple.server = first.tuple.client;
	host_client_input(host, &first, (const uint8_t *)"", 0, 0, 0);
	size_t before = in_use;
	is_int(allocate_all(host, clients), ALLOCATIONS, "all have an allocation and a channel");
	size_t each = (in_use - before) / ALLOCATIONS;
	ok(each <= BYTES_MAX, "%zu bytes for each, of %d", each, BYTES_MAX);

	host_wait(host, 700 * 1000);
	is_int(counter_read(&host->counters, COUNT_allocations_now), 0, "all have expired");
	is_int(counter_read(&host->counters, COUNT_channels_now), 0, "with their channels");
	is_int(counter_read(&host->counters, COUNT_permissions_now), 0, "and permissions");
	host_deinit(host);
	free(clients);
	free(host);
	is_int(in_use, 0, "and all memory is given back");
	return tap_end();
}
