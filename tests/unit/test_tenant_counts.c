/* Sessions and rooms of tenants, counted by several threads at once. */
#include "signaling/tenant_counts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "tap.h"

enum { THREADS = 4, ROUNDS = 20000, MOST = 2, TENANTS = 600 };

struct crowd {
	struct tenant_counts *counts;
	_Atomic int inside, too_many, refused, let_in;
};

static void one_by_one(struct tenant_counts *counts)
{
	ok(tenant_counts_now(counts, "a", TENANT_SESSIONS) == 0, "nobody is there");
	ok(tenant_counts_take(counts, "a", TENANT_SESSIONS, 2) &&
	           tenant_counts_take(counts, "a", TENANT_SESSIONS, 2),
	   "as many as there may be");
	ok(!tenant_counts_take(counts, "a", TENANT_SESSIONS, 2), "and no more");
	ok(tenant_counts_take(counts, "a", TENANT_ROOMS, 2), "rooms are another number");
	ok(tenant_counts_take(counts, "b", TENANT_SESSIONS, 1), "and so is another tenant's");
	ok(tenant_counts_take(counts, "a", TENANT_SESSIONS, 0), "0 is no bound");
	is_int(tenant_counts_now(counts, "a", TENANT_SESSIONS), 3, "all are counted");
	for (int i = 0; i < 3; i++)
		tenant_counts_give(counts, "a", TENANT_SESSIONS);
	ok(tenant_counts_now(counts, "a", TENANT_SESSIONS) == 0 &&
	           tenant_counts_take(counts, "a", TENANT_SESSIONS, 1),
	   "who leaves makes room");
	tenant_counts_give(counts, "a", TENANT_SESSIONS);
}

/* Names that meet in one bucket, made by all threads at once. */
static void *run(void *context)
{
	struct crowd *crowd = context;
	char name[16];

	for (int i = 0; i < ROUNDS; i++) {
		if (tenant_counts_take(crowd->counts, "crowd", TENANT_ROOMS, MOST)) {
			crowd->too_many += atomic_fetch_add(&crowd->inside, 1) >= MOST;
			crowd->let_in++;
			crowd->inside--;
			tenant_counts_give(crowd->counts, "crowd", TENANT_ROOMS);
		} else {
			crowd->refused++;
		}
	}
	for (int i = 0; i < TENANTS; i++) {
		snprintf(name, sizeof name, "t%d", i);
		if (!tenant_counts_take(crowd->counts, name, TENANT_SESSIONS, THREADS))
			crowd->too_many++;
	}
	return NULL;
}

static void all_at_once(struct tenant_counts *counts)
{
	struct crowd crowd = {.counts = counts};
	pthread_t threads[THREADS];
	int whole = 0;
	char name[16];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, run, &crowd) != 0)
			abort();
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < TENANTS; i++) {
		snprintf(name, sizeof name, "t%d", i);
		whole += tenant_counts_now(counts, name, TENANT_SESSIONS) == THREADS;
	}
	is_int(crowd.too_many, 0, "no more than there may be, whoever asks");
	is_int(crowd.let_in + crowd.refused, THREADS * ROUNDS, "all were answered");
	is_int(tenant_counts_now(counts, "crowd", TENANT_ROOMS), 0, "and all have left");
	is_int(whole, TENANTS, "a tenant has one number, however many made it");
}

int main(void)
{
	struct tenant_counts *counts;

	if (tenant_counts_create(&counts) != OK)
		abort();
	one_by_one(counts);
	all_at_once(counts);
	tenant_counts_destroy(counts);
	tenant_counts_destroy(NULL);
	return tap_end();
}
