/* The quotas: each limit, whose name counts, that all is given back, and threads that race for the
 * last place. */
#include "relay/quota.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

enum { THREADS = 4, ROUNDS = 20000, PLACES_MAX = 64 };

static struct quota *make(struct quota_limits limits, uint64_t bps_capacity, char separator)
{
	const struct quota_settings settings = {
		.limits = limits,
		.bps_capacity = bps_capacity,
		.separator = separator,
		.hash_seed = 0x5EED,
	};
	struct quota *quota;

	if (quota_create(&settings, &quota) != OK)
		abort();
	return quota;
}

static enum turn_limit take(struct quota *quota, const char *username, struct turn_place *place,
                            uint64_t *value)
{
	return quota_take(&(struct quota_view){.quota = quota},
	                  &(struct turn_place_wish){.realm = "r", .username = username}, place,
	                  value);
}

/* How many of n places a user gets; they are kept. */
static unsigned take_many(struct quota *quota, const char *username, struct turn_place *places,
                          unsigned n)
{
	unsigned taken = 0;
	uint64_t value;

	for (unsigned i = 0; i < n; i++)
		taken += take(quota, username, &places[taken], &value) == TURN_LIMIT_NONE;
	return taken;
}

static void give_many(struct quota *quota, const struct turn_place *places, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		quota_give(&(struct quota_view){.quota = quota}, &places[i]);
}

/* That user-quota once acted as total-quota is a known defect of others. */
static void test_user_quota(void)
{
	struct quota *quota = make((struct quota_limits){.user_quota = 3}, 0, ':');
	struct turn_place anna[5], otto[5], one;
	uint64_t value = 0;

	is_int(take_many(quota, "anna", anna, 5), 3, "a user has three places of five");
	is_int(take_many(quota, "otto", otto, 5), 3, "and so has another");
	is_int(take(quota, "anna", &one, &value), TURN_LIMIT_USER_QUOTA, "the limit is said");
	is_int(value, 3, "with its value");
	is_int(quota_count(quota, "r", ""), 6, "six places in all");
	quota_give(&(struct quota_view){.quota = quota}, &anna[0]);
	is_int(take(quota, "otto", &one, &value), TURN_LIMIT_USER_QUOTA, "no place for another");
	is_int(take(quota, "anna", &anna[0], &value), TURN_LIMIT_NONE, "but for who gave one back");
	give_many(quota, anna, 3);
	give_many(quota, otto, 3);
	is_int(quota_count(quota, "r", "anna"), 0, "all of one user's are given back");
	is_int(quota_count(quota, "r", ""), 0, "and all of the realm's");
	quota_destroy(quota);
}

static void test_total_quota(void)
{
	struct quota *quota = make((struct quota_limits){.user_quota = 3, .total_quota = 4}, 0, 0);
	struct turn_place anna[3], otto[3], one;
	struct turn_place_wish elsewhere = {.realm = "other", .username = "otto"};
	uint64_t value = 0;

	is_int(take_many(quota, "anna", anna, 3), 3, "three of four places are taken");
	is_int(take_many(quota, "otto", otto, 3), 1, "one is left for another user");
	is_int(take(quota, "otto", &one, &value), TURN_LIMIT_TOTAL_QUOTA, "the limit is said");
	is_int(value, 4, "with its value");
	is_int(quota_count(quota, "r", "otto"), 1, "who was refused holds no more for it");
	is_int(quota_take(&(struct quota_view){.quota = quota}, &elsewhere, &one, &value),
	       TURN_LIMIT_NONE, "another realm has places of its own");
	is_int(quota_count(quota, "r", "otto") + quota_count(quota, "other", "otto"), 2,
	       "where the same name is another user");
	quota_give(&(struct quota_view){.quota = quota}, &one);
	give_many(quota, anna, 3);
	give_many(quota, otto, 1);
	is_int(quota_count(quota, "r", ""), 0, "all are given back");
	quota_destroy(quota);
}

/* With a quota of one, two names are one user when the second gets no place. */
static void test_time_limited_names(void)
{
	static const struct {
		const char *one, *other;
		char separator;
		bool is_same;
	} names[] = {
		{"1700000000:anna", "1800000000:anna", ':', true},
		{"1700000000:anna", "anna", ':', true},
		{"anna:1700000000", "1700000000:anna", ':', true},
		{"1700000000:anna", "1700000000:otto", ':', false},
		{"a:b:1700000000", "1800000000:a:b", ':', true},
		{"a:b:1700000000", "1800000000:a", ':', false},
		{"1700000000-anna", "1800000000-anna", '-', true},
		{"1700000000:anna", "1800000000:anna", '-', false},
		{"1700000000:anna", "1800000000:anna", 0, false},
		{"anna:otto", "anna:karl", ':', false},
		{"1700000000", "1700000000", ':', true},
		{"1700000000", "1700000001", ':', false},
		{"1700000000:", "1700000000:", ':', false},
		{":1700000000", ":1700000000", ':', false},
		{"", "", ':', false},
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct quota *quota =
			make((struct quota_limits){.user_quota = 1}, 0, names[i].separator);
		struct turn_place one, other;
		uint64_t value;

		is_int(take(quota, names[i].one, &one, &value), TURN_LIMIT_NONE, "a place for %s",
		       names[i].one);
		enum turn_limit limit = take(quota, names[i].other, &other, &value);
		ok(limit == (names[i].is_same ? TURN_LIMIT_USER_QUOTA : TURN_LIMIT_NONE),
		   "%s is %s user", names[i].other, names[i].is_same ? "the same" : "no such");
		if (limit == TURN_LIMIT_NONE)
			quota_give(&(struct quota_view){.quota = quota}, &other);
		quota_give(&(struct quota_view){.quota = quota}, &one);
		is_int(quota_count(quota, "r", ""), 0, "and all is given back");
		quota_destroy(quota);
	}
}

static void test_nobody_counts_in_total(void)
{
	struct quota *quota = make((struct quota_limits){.total_quota = 2}, 0, ':');
	struct turn_place places[3];

	is_int(take_many(quota, "", places, 3), 2, "clients without a name share the total");
	is_int(quota_count(quota, "r", ""), 2, "which counts each once");
	give_many(quota, places, 2);
	is_int(quota_count(quota, "r", ""), 0, "and back");
	quota_destroy(quota);
}

static void test_capacity(void)
{
	struct quota *quota = make((struct quota_limits){.max_bps = 1000}, 2999, 0);
	struct turn_place places[4], reserved;
	const struct turn_place_wish reservation = {
		.realm = "r", .username = "anna", .is_reservation = true};
	uint64_t value = 0;

	is_int(take_many(quota, "anna", places, 2), 2, "two have their bandwidth");
	is_int(places[0].bps, 1000, "all of max-bps");
	is_int(take(quota, "otto", &places[2], &value), TURN_LIMIT_CAPACITY,
	       "less than that is left, and not handed out");
	is_int(value, 2999, "with the limit's value");
	is_int(quota_count(quota, "r", "otto"), 0, "who was refused holds no place for it");
	is_int(quota_take(&(struct quota_view){.quota = quota}, &reservation, &reserved, &value),
	       TURN_LIMIT_NONE, "a reserved address needs none");
	is_int(quota_granted_bps(quota), 2000, "two thousand are granted");
	quota_give(&(struct quota_view){.quota = quota}, &reserved);
	give_many(quota, places, 2);
	is_int(quota_granted_bps(quota), 0, "all is given back");
	quota_destroy(quota);

	quota = make((struct quota_limits){.max_bps = 1000}, 600, 0);
	is_int(take_many(quota, "anna", places, 2), 1, "a capacity below max-bps is for one");
	is_int(places[0].bps, 600, "who has all of it");
	give_many(quota, places, 1);
	quota_destroy(quota);
}

static void test_end_with_places(void)
{
	struct quota *quota = make((struct quota_limits){0}, 0, 0);
	struct turn_place places[3];

	is_int(take_many(quota, "anna", places, 3), 3, "places that nobody gives back");
	quota_destroy(quota); /* a sanitizer would see what is left */
}

static void test_asked_bandwidth(void)
{
	static const struct {
		uint64_t max_bps, capacity, asked, granted;
	} cases[] = {
		{0, 0, 0, 0},          {0, 0, 300, 300},       {1000, 0, 300, 300},
		{1000, 0, 3000, 1000}, {1000, 600, 3000, 600}, {1000, 600, 300, 300},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct quota *quota = make((struct quota_limits){.max_bps = cases[i].max_bps},
		                           cases[i].capacity, 0);
		const struct turn_place_wish wish = {
			.realm = "r", .username = "anna", .asked_bps = cases[i].asked};
		struct turn_place place;
		uint64_t value;

		is_int(quota_take(&(struct quota_view){.quota = quota}, &wish, &place, &value),
		       TURN_LIMIT_NONE, "a place");
		is_int(place.bps, cases[i].granted, "%u asked for", (unsigned)cases[i].asked);
		quota_give(&(struct quota_view){.quota = quota}, &place);
		quota_destroy(quota);
	}
}

/* Without max-bps one client that asks for more than the capacity must not lock out all the others. */
static void test_asked_more_than_capacity(void)
{
	struct quota *quota = make((struct quota_limits){0}, 600, 0);
	struct turn_place_wish wish = {.realm = "r", .username = "anna", .asked_bps = 601};
	struct turn_place greedy, other;
	uint64_t value = 0;

	is_int(quota_take(&(struct quota_view){.quota = quota}, &wish, &greedy, &value),
	       TURN_LIMIT_CAPACITY, "more than all");
	is_int(value, 600, "with the limit's value");
	is_int(quota_granted_bps(quota), 0, "nothing is granted");
	is_int(quota_count(quota, "r", "anna"), 0, "and no place is held");
	is_int(take(quota, "otto", &other, &value), TURN_LIMIT_NONE, "another is let in");
	quota_give(&(struct quota_view){.quota = quota}, &other);
	wish.asked_bps = 600;
	is_int(quota_take(&(struct quota_view){.quota = quota}, &wish, &greedy, &value),
	       TURN_LIMIT_NONE, "all there is");
	quota_give(&(struct quota_view){.quota = quota}, &greedy);
	quota_destroy(quota);
}

/* Threads that take and give as fast as they can, and watch that nobody has too many. */
struct race {
	struct quota *quota;
	const char *username;
	pthread_barrier_t *barrier;
	unsigned taken, refused;
	struct turn_place places[PLACES_MAX];
};

static void *race_for_last(void *context)
{
	struct race *race = context;
	uint64_t value;

	pthread_barrier_wait(race->barrier);
	race->taken =
		take(race->quota, race->username, &race->places[0], &value) == TURN_LIMIT_NONE;
	return NULL;
}

static void *churn(void *context)
{
	struct race *race = context;
	uint64_t value;

	pthread_barrier_wait(race->barrier);
	for (unsigned i = 0; i < ROUNDS; i++) {
		if (take(race->quota, race->username, &race->places[race->taken], &value) ==
		    TURN_LIMIT_NONE)
			race->taken++;
		else
			race->refused++;
		if (race->taken > i % 3)
			quota_give(&(struct quota_view){.quota = race->quota},
			           &race->places[--race->taken]);
	}
	give_many(race->quota, race->places, race->taken);
	return NULL;
}

static void run(struct quota *quota, const char *const *usernames, void *(*body)(void *),
                struct race races[THREADS])
{
	pthread_t threads[THREADS];
	pthread_barrier_t barrier;

	pthread_barrier_init(&barrier, NULL, THREADS);
	for (unsigned i = 0; i < THREADS; i++) {
		races[i] = (struct race){
			.quota = quota, .username = usernames[i], .barrier = &barrier};
		if (pthread_create(&threads[i], NULL, body, &races[i]) != 0)
			abort();
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&barrier);
}

static unsigned winners(struct quota *quota, const char *const *usernames)
{
	struct race races[THREADS];
	unsigned taken = 0;

	run(quota, usernames, race_for_last, races);
	for (unsigned i = 0; i < THREADS; i++) {
		taken += races[i].taken;
		give_many(quota, races[i].places, races[i].taken);
	}
	return taken;
}

static void test_last_place(void)
{
	static const char *const same[] = {"anna", "anna", "anna", "anna"};
	static const char *const others[] = {"anna", "otto", "karl", "lisa"};
	struct quota *user = make((struct quota_limits){.user_quota = 1}, 0, 0);
	struct quota *total = make((struct quota_limits){.total_quota = 1}, 0, 0);
	struct quota *capacity = make((struct quota_limits){.max_bps = 10}, 10, 0);
	unsigned user_wins = 0, total_wins = 0, capacity_wins = 0;

	for (unsigned i = 0; i < 500; i++) {
		user_wins += winners(user, same);
		total_wins += winners(total, others);
		capacity_wins += winners(capacity, others);
	}
	is_int(user_wins, 500, "exactly one has a user's last place, 500 times");
	is_int(total_wins, 500, "and the realm's");
	is_int(capacity_wins, 500, "and the last bandwidth");
	quota_destroy(user);
	quota_destroy(total);
	quota_destroy(capacity);
}

static void test_churn(void)
{
	static const char *const usernames[] = {"anna", "anna", "otto", ""};
	struct quota *quota =
		make((struct quota_limits){.user_quota = 2, .total_quota = 4, .max_bps = 7}, 30, 0);
	struct race races[THREADS];
	unsigned refused = 0;

	run(quota, usernames, churn, races);
	for (unsigned i = 0; i < THREADS; i++)
		refused += races[i].refused;
	ok(refused > 0, "%u were refused on the way", refused);
	is_int(quota_count(quota, "r", "anna"), 0, "after it a user has no place");
	is_int(quota_count(quota, "r", ""), 0, "nor anybody");
	is_int(quota_granted_bps(quota), 0, "and nothing is granted");
	quota_destroy(quota);
}

int main(void)
{
	test_user_quota();
	test_total_quota();
	test_time_limited_names();
	test_nobody_counts_in_total();
	test_capacity();
	test_end_with_places();
	test_asked_bandwidth();
	test_asked_more_than_capacity();
	test_last_place();
	test_churn();
	return tap_end();
}
