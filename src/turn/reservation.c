/* Reservations: a token names its thread by its first byte and is otherwise not to be guessed. */
#include "turn/reservation.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "turn/action.h"
#include "turn/limits.h"

struct reservation {
	struct list node; /* in the server's reserved */
	struct turn_server *server;
	struct timer timer;
	uint8_t token[TURN_TOKEN_SIZE];
	struct turn_relay relay;
	struct turn_place place;
	const char *realm; /* behind the username */
	char username[];
};

static void make_token(struct turn_server *server, uint8_t token[TURN_TOKEN_SIZE]);
static struct reservation *find(const struct turn_server *server,
                                const uint8_t token[TURN_TOKEN_SIZE]);
static void expire(struct timer *timer, timestamp now);
static void destroy(struct reservation *reservation);

static uint64_t hash_token(const uint8_t token[TURN_TOKEN_SIZE])
{
	return hash_mix(get_u64(token));
}

enum err reservation_create(struct turn_server *server, const struct turn_open_relay *open,
                            const struct turn_relay *relay, const struct turn_place *place,
                            uint8_t token[TURN_TOKEN_SIZE])
{
	size_t name_size = strlen(open->username) + 1, realm_size = strlen(open->realm) + 1;
	struct reservation *reservation = calloc(1, sizeof *reservation + name_size + realm_size);

	if (reservation == NULL)
		return ERR_NO_MEMORY;
	make_token(server, token);
	memcpy(reservation->token, token, sizeof reservation->token);
	memcpy(reservation->username, open->username, name_size);
	reservation->realm = memcpy(reservation->username + name_size, open->realm, realm_size);
	reservation->server = server;
	reservation->relay = *relay;
	reservation->place = *place;
	if (hash_table_insert(&server->reservations, hash_token(token), reservation) != OK) {
		free(reservation);
		return ERR_NO_MEMORY;
	}
	list_append(&server->reserved, &reservation->node);
	timer_set(server->timers, &reservation->timer,
	          server->now + RESERVATION_LIFETIME_S * MS_PER_S, expire);
	count(server, COUNT_reservations_now);
	return OK;
}

bool turn_reservation_take(struct turn_server *server, const struct turn_open_relay *open,
                           struct turn_relay *relay)
{
	struct reservation *reservation = find(server, open->token);

	if (reservation == NULL || strcmp(reservation->username, open->username) != 0 ||
	    strcmp(reservation->realm, open->realm) != 0)
		return false;
	*relay = reservation->relay;
	destroy(reservation);
	return true;
}

void reservation_deinit(struct turn_server *server)
{
	LIST_FOR_EACH (node, &server->reserved)
		destroy(CONTAINER_OF(node, struct reservation, node));
}

static void make_token(struct turn_server *server, uint8_t token[TURN_TOKEN_SIZE])
{
	unsigned count = server->settings.thread_count;

	do {
		server->settings.random(token, TURN_TOKEN_SIZE);
		unsigned first = token[0] - token[0] % count + server->settings.thread;
		token[0] = (uint8_t)(first > UINT8_MAX ? first - count : first);
	} while (find(server, token) != NULL);
}

static bool has_token(const void *item, const void *key)
{
	const struct reservation *reservation = item;

	return bytes_equal_secret(reservation->token, key, sizeof reservation->token);
}

static struct reservation *find(const struct turn_server *server,
                                const uint8_t token[TURN_TOKEN_SIZE])
{
	return hash_table_find(&server->reservations, hash_token(token), has_token, token);
}

static void expire(struct timer *timer, timestamp now)
{
	struct reservation *reservation = CONTAINER_OF(timer, struct reservation, timer);

	(void)now;
	action_close_relay(reservation->server, reservation->relay.relay);
	destroy(reservation);
}

static void destroy(struct reservation *reservation)
{
	struct turn_server *server = reservation->server;

	timer_cancel(server->timers, &reservation->timer);
	list_remove(&reservation->node);
	hash_table_remove(&server->reservations, hash_token(reservation->token), reservation);
	counter_sub(server->settings.counters, COUNT_reservations_now, 1);
	place_give(server, &reservation->place);
	free(reservation);
}
