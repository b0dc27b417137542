/* The timer wheel: what it promises, then random use against a list that is searched. */
#include "tap.h"

#include <stdlib.h>

#include "base/timer_wheel.h"

struct probe {
	struct timer timer;
	timestamp want;            /* model: when it is due; TIMESTAMP_NEVER: idle */
	timestamp told;            /* the time its callback was given */
	unsigned order;            /* its place among those that expired; 0: has not */
	struct timer_wheel *wheel; /* for callbacks that change things */
	struct probe *other;
};

static unsigned expired;

static struct probe *probe_of(struct timer *timer)
{
	return CONTAINER_OF(timer, struct probe, timer);
}

static void note(struct timer *timer, timestamp now)
{
	probe_of(timer)->told = now;
	probe_of(timer)->order = ++expired;
}

static struct timer_wheel *wheel_at(timestamp now)
{
	struct timer_wheel *wheel;

	expired = 0;
	if (timer_wheel_create(now, &wheel) != OK)
		abort();
	return wheel;
}

static void test_edges(void)
{
	static const timestamp spans[] = {1,
	                                  2,
	                                  63,
	                                  64,
	                                  65,
	                                  4095,
	                                  4096,
	                                  4097,
	                                  262143,
	                                  262144,
	                                  600000,
	                                  86400000,
	                                  1 << 30,
	                                  UINT64_C(1) << 40,
	                                  UINT64_C(1) << 62};
	timestamp starts[] = {0, 1, 63, 1000003, (UINT64_C(1) << 42) - 1};

	for (size_t s = 0; s < sizeof starts / sizeof *starts; s++)
		for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
			struct timer_wheel *wheel = wheel_at(starts[s]);
			timestamp due = starts[s] + spans[i];
			struct probe probe = {.told = 0};
			unsigned advances = 0;

			timer_set(wheel, &probe.timer, due, note);
			bool is_early = true;
			for (timestamp next; (next = timer_wheel_next(wheel)) < due; advances++) {
				timer_wheel_advance(wheel, next);
				is_early = is_early && expired == 0;
			}
			timer_wheel_advance(wheel, due - 1);
			is_early = is_early && expired == 0;
			ok(is_early && advances <= 10, "%llu + %llu: not before, woken %u times",
			   (unsigned long long)starts[s], (unsigned long long)spans[i], advances);
			timer_wheel_advance(wheel, due);
			ok(expired == 1 && probe.told == due && !timer_is_set(&probe.timer),
			   "on time, and idle then");
			ok(timer_wheel_next(wheel) == TIMESTAMP_NEVER, "nothing left");
			timer_wheel_destroy(wheel);
		}
}

static void test_past_and_never(void)
{
	struct timer_wheel *wheel = wheel_at(1000);
	struct probe past = {0}, present = {0}, never = {0};

	timer_set(wheel, &past.timer, 1, note);
	timer_set(wheel, &present.timer, 1000, note);
	timer_set(wheel, &never.timer, TIMESTAMP_NEVER, note);
	ok(timer_wheel_next(wheel) <= 1000, "the past wants an advance now");
	timer_wheel_advance(wheel, 1000);
	ok(past.order == 1 && present.order == 2, "past and present expire at the next advance");
	timer_wheel_advance(wheel, TIMESTAMP_NEVER - 1);
	ok(timer_is_set(&never.timer), "never has not come");
	timer_cancel(wheel, &never.timer);
	timer_cancel(wheel, &never.timer);
	ok(!timer_is_set(&never.timer) && expired == 2, "cancelled, twice is fine");
	ok(timer_wheel_next(wheel) == TIMESTAMP_NEVER, "nothing left");
	timer_wheel_destroy(wheel);
}

/* A cancelled timer leaves no wake-up behind, on whatever level it was. */
static void test_cancel(void)
{
	struct timer_wheel *wheel = wheel_at(1000);
	struct probe probe = {0}, other = {0};

	for (timestamp span = 1; span < UINT64_C(1) << 60; span *= 32) {
		timer_set(wheel, &probe.timer, 1000 + span, note);
		timer_set(wheel, &other.timer, 1000 + span, note);
		timer_cancel(wheel, &probe.timer);
		bool is_other_awaited = timer_wheel_next(wheel) <= 1000 + span;
		timer_set(wheel, &other.timer, 1000 + 2 * span, note);
		bool is_moved = timer_wheel_next(wheel) > 1000;
		timer_cancel(wheel, &other.timer);
		ok(is_other_awaited && is_moved && timer_wheel_next(wheel) == TIMESTAMP_NEVER,
		   "%llu ms ahead: nothing is awaited any more", (unsigned long long)span);
	}
	timer_wheel_destroy(wheel);
	timer_wheel_destroy(NULL);
}

static void set_again_now(struct timer *timer, timestamp now)
{
	note(timer, now);
	timer_set(probe_of(timer)->wheel, timer, now, set_again_now);
}

static void cancel_and_free_other(struct timer *timer, timestamp now)
{
	struct probe *probe = probe_of(timer);

	note(timer, now);
	timer_cancel(probe->wheel, &probe->other->timer);
	free(probe->other);
	free(probe);
}

static void move_other(struct timer *timer, timestamp now)
{
	struct probe *probe = probe_of(timer);

	note(timer, now);
	timer_set(probe->wheel, &probe->other->timer, now + 5, note);
}

static void test_callbacks(void)
{
	struct timer_wheel *wheel = wheel_at(0);
	struct probe again = {.wheel = wheel}, later = {0},
		     mover = {.wheel = wheel, .other = &later};

	timer_set(wheel, &again.timer, 10, set_again_now);
	timer_wheel_advance(wheel, 20);
	is_int(expired, 1, "a timer that sets itself to the present waits for the next advance");
	ok(timer_wheel_next(wheel) <= 20, "which is wanted at once");
	timer_wheel_advance(wheel, 20);
	is_int(expired, 2, "and comes then");
	timer_cancel(wheel, &again.timer);

	/* In one slot, in a later slot, and among the late. */
	for (timestamp gap = 0; gap <= 1; gap++) {
		struct probe *first = calloc(1, sizeof *first), *second = calloc(1, sizeof *second);

		first->wheel = wheel, first->other = second;
		timer_set(wheel, &first->timer, 100 * (1 + gap), cancel_and_free_other);
		timer_set(wheel, &second->timer, 100 * (1 + gap) + gap, note);
		timer_wheel_advance(wheel, 100 * (1 + gap) + 50);
		is_int(expired, 3 + gap, "a callback freed itself and another");
	}
	struct probe *first = calloc(1, sizeof *first), *second = calloc(1, sizeof *second);
	first->wheel = wheel, first->other = second;
	timer_set(wheel, &first->timer, 1, cancel_and_free_other);
	timer_set(wheel, &second->timer, 1, note);
	timer_wheel_advance(wheel, 300);
	is_int(expired, 5, "and one that was late");
	ok(timer_wheel_next(wheel) == TIMESTAMP_NEVER, "nothing left");

	timer_set(wheel, &mover.timer, 400, move_other);
	timer_set(wheel, &later.timer, 400, note);
	timer_wheel_advance(wheel, 404);
	ok(timer_is_set(&later.timer) && expired == 6, "moved out of the slot that expires");
	timer_wheel_advance(wheel, 409);
	is_int(later.order, 7, "and expired where it was moved to");
	timer_wheel_destroy(wheel);
}

static int by_order(const void *a, const void *b)
{
	const struct probe *const *x = a, *const *y = b;

	return (*x)->order < (*y)->order ? -1 : 1;
}

static timestamp earliest(const struct probe *probes, unsigned n)
{
	timestamp time = TIMESTAMP_NEVER;

	for (unsigned i = 0; i < n; i++)
		if (probes[i].want < time)
			time = probes[i].want;
	return time;
}

/* After an advance: who was due has expired, in order; all others are set. */
static bool is_as_modelled(struct probe *probes, unsigned n, timestamp now)
{
	const struct probe *due[256];
	unsigned count = 0;

	for (unsigned i = 0; i < n; i++) {
		if (probes[i].want <= now && probes[i].want != TIMESTAMP_NEVER) {
			if (probes[i].order == 0 || timer_is_set(&probes[i].timer))
				return false;
			due[count++] = &probes[i];
		} else if (probes[i].order != 0 ||
		           timer_is_set(&probes[i].timer) != (probes[i].want != TIMESTAMP_NEVER)) {
			return false;
		}
	}
	qsort(due, count, sizeof *due, by_order);
	for (unsigned i = 1; i < count; i++)
		if (due[i - 1]->want > due[i]->want)
			return false;
	return count == expired;
}

static void test_model(unsigned seed)
{
	enum { PROBES = 200, STEPS = 20000 };
	static struct probe probes[PROBES];
	timestamp now = (timestamp)seed * 1000003;
	struct timer_wheel *wheel = wheel_at(now);
	bool is_right = true, is_next_right = true;

	srandom(seed);
	memset(probes, 0, sizeof probes);
	for (unsigned i = 0; i < PROBES; i++)
		probes[i].want = TIMESTAMP_NEVER;
	for (unsigned step = 0; step < STEPS && is_right && is_next_right; step++) {
		struct probe *probe = &probes[random() % PROBES];
		timestamp span = (timestamp)random() % (UINT64_C(1) << random() % 31);

		if (random() % 4 == 0) {
			timer_cancel(wheel, &probe->timer);
			probe->want = TIMESTAMP_NEVER;
		} else {
			/* Some in the past: they count as the present. */
			bool is_past = random() % 16 == 0 && span <= now;
			probe->want = is_past ? now : now + span;
			timer_set(wheel, &probe->timer, is_past ? now - span : now + span, note);
		}
		is_next_right = timer_wheel_next(wheel) <= earliest(probes, PROBES);
		if (random() % 8 != 0)
			continue;
		now += (timestamp)random() % (UINT64_C(1) << random() % 28);
		expired = 0;
		timer_wheel_advance(wheel, now);
		is_right = is_as_modelled(probes, PROBES, now);
		for (unsigned i = 0; i < PROBES; i++) {
			if (probes[i].order != 0)
				probes[i].want = TIMESTAMP_NEVER;
			probes[i].order = 0;
		}
	}
	ok(is_right, "seed %u: who is due expires, in order", seed);
	ok(is_next_right, "seed %u: the next advance is never too late", seed);
	timer_wheel_destroy(wheel);
}

int main(void)
{
	test_edges();
	test_past_and_never();
	test_cancel();
	test_callbacks();
	for (unsigned seed = 1; seed <= 5; seed++)
		test_model(seed);
	return tap_end();
}
