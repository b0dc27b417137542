/* Three tables of counts: of names, of addresses, and of names with addresses that have signed in under them. What is counted has a place
 * among the few that its key leads to, and a secret is in the key: nobody can choose whom to push out. */
#include "admin/sign_in_guesses.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/random.h"
#include "stun/integrity.h"

enum { SETS = 512, WAYS = 8, SEED_SIZE = 16, PREFIX_BYTES = 8, NAME_MAX_BYTES = 1024 };

struct count {
	uint64_t key; /* 0: free */
	unsigned attempts;
	timestamp last, until; /* until: no other before */
};
struct counts {
	struct count of[SETS][WAYS];
};

struct guesses {
	pthread_mutex_t lock;
	struct stun_hasher *hasher; /* owned */
	uint8_t seed[SEED_SIZE];
	struct counts names, addresses, owners;
};

static void keys_make(struct guesses *guesses, const char *name, const struct transport_addr *from,
                      struct guess *guess);
static struct count *find(struct counts *counts, uint64_t key);
static struct count *find_or_add(struct counts *counts, uint64_t key);
static uint64_t wait_of(const struct count *count, timestamp now);
static void attempt(struct count *count, unsigned free_ones, timestamp now);
static void undo(struct count *count);

enum err guesses_create(struct guesses **made)
{
	struct guesses *guesses = calloc(1, sizeof *guesses);
	enum err err = guesses == NULL ? ERR_NO_MEMORY : stun_hasher_create(&guesses->hasher);

	if (err != OK) {
		free(guesses);
		return err;
	}
	pthread_mutex_init(&guesses->lock, NULL);
	random_bytes(guesses->seed, sizeof guesses->seed);
	*made = guesses;
	return OK;
}

void guesses_destroy(struct guesses *guesses)
{
	if (guesses == NULL)
		return;
	pthread_mutex_destroy(&guesses->lock);
	stun_hasher_destroy(guesses->hasher);
	free(guesses);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

uint64_t guesses_begin(struct guesses *guesses, const char *name, const struct transport_addr *from,
                       timestamp now, struct guess *guess)
{
	struct count *owner, *of_name, *of_address;
	uint64_t wait_ms;

	pthread_mutex_lock(&guesses->lock);
	keys_make(guesses, name, from, guess);
	owner = find(&guesses->owners, guess->pair);
	guess->is_of_owner = owner != NULL;
	if (owner != NULL) {
		wait_ms = wait_of(owner, now);
		if (wait_ms == 0)
			attempt(owner, GUESSES_OF_NAME, now);
	} else {
		of_name = find_or_add(&guesses->names, guess->name);
		of_address = find_or_add(&guesses->addresses, guess->address);
		wait_ms = larger(wait_of(of_name, now), wait_of(of_address, now));
		if (wait_ms == 0) {
			attempt(of_name, GUESSES_OF_NAME, now);
			attempt(of_address, GUESSES_OF_ADDRESS, now);
		}
	}
	pthread_mutex_unlock(&guesses->lock);
	return wait_ms;
}

void guesses_undo(struct guesses *guesses, const struct guess *guess)
{
	pthread_mutex_lock(&guesses->lock);
	if (guess->is_of_owner) {
		undo(find(&guesses->owners, guess->pair));
	} else {
		undo(find(&guesses->names, guess->name));
		undo(find(&guesses->addresses, guess->address));
	}
	pthread_mutex_unlock(&guesses->lock);
}

void guesses_right(struct guesses *guesses, const struct guess *guess, timestamp now)
{
	struct count *owner;

	guesses_undo(guesses, guess);
	pthread_mutex_lock(&guesses->lock);
	owner = find_or_add(&guesses->owners, guess->pair);
	*owner = (struct count){.key = guess->pair, .last = now};
	pthread_mutex_unlock(&guesses->lock);
}

/* ---- keys ---- */

static uint64_t key_of(struct guesses *guesses, const void *bytes, size_t len)
{
	uint8_t seeded[SEED_SIZE + NAME_MAX_BYTES + PREFIX_BYTES], hash[STUN_SHA256_SIZE];
	uint64_t key;

	memcpy(seeded, guesses->seed, SEED_SIZE);
	memcpy(seeded + SEED_SIZE, bytes, len);
	stun_sha256(guesses->hasher, seeded, SEED_SIZE + len, hash);
	key = get_u64(hash);
	return key != 0 ? key : 1;
}

/* The pair is the address, which is of 4 or 8 bytes with its family before them, and the name. */
static void keys_make(struct guesses *guesses, const char *name, const struct transport_addr *from,
                      struct guess *guess)
{
	uint8_t pair[1 + PREFIX_BYTES + NAME_MAX_BYTES - 1];
	size_t ip_len, name_len = strnlen(name, NAME_MAX_BYTES - 1);
	const uint8_t *ip = addr_ip(from, &ip_len);

	if (ip_len > PREFIX_BYTES)
		ip_len = PREFIX_BYTES; /* what one customer has of IPv6 */
	pair[0] = (uint8_t)ip_len;
	memcpy(pair + 1, ip, ip_len);
	memcpy(pair + 1 + ip_len, name, name_len);
	guess->name = key_of(guesses, name, name_len);
	guess->address = key_of(guesses, pair, 1 + ip_len);
	guess->pair = key_of(guesses, pair, 1 + ip_len + name_len);
}

/* ---- counts ---- */

static struct count *find(struct counts *counts, uint64_t key)
{
	struct count *set = counts->of[key % SETS];

	for (size_t i = 0; i < WAYS; i++)
		if (set[i].key == key)
			return &set[i];
	return NULL;
}

static struct count *find_or_add(struct counts *counts, uint64_t key)
{
	struct count *set = counts->of[key % SETS], *oldest = set, *found = find(counts, key);

	if (found != NULL)
		return found;
	for (size_t i = 0; i < WAYS; i++)
		if (set[i].key == 0 || (oldest->key != 0 && set[i].last < oldest->last))
			oldest = &set[i];
	*oldest = (struct count){.key = key};
	return oldest;
}

static uint64_t wait_of(const struct count *count, timestamp now)
{
	return count->until > now ? count->until - now : 0;
}

static void attempt(struct count *count, unsigned free_ones, timestamp now)
{
	unsigned more;
	uint64_t wait_s;

	if (now - count->last > 1000 * GUESSES_FORGOTTEN_S)
		count->attempts = 0;
	count->attempts++;
	count->last = now;
	if (count->attempts < free_ones)
		return;
	more = count->attempts - free_ones;
	wait_s = more < 16 ? UINT64_C(1) << more : GUESSES_WAIT_MAX_S;
	count->until = now + 1000 * (wait_s < GUESSES_WAIT_MAX_S ? wait_s : GUESSES_WAIT_MAX_S);
}

/* NULL: it had to make room meanwhile. */
static void undo(struct count *count)
{
	if (count == NULL)
		return;
	count->attempts -= count->attempts > 0;
	count->until = 0;
}
