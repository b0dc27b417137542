/* What the counters of all threads say together. */
#include "relay/thread.h"
#include "tap.h"

static void test_allocations(struct relay *relay)
{
	struct counters *first = &relay->threads[0]->counters;
	struct counters *second = &relay->threads[1]->counters;

	is_int(relay_allocations(relay), 0, "no allocation");
	counter_add(first, COUNT_allocations_created, 3);
	counter_add(first, COUNT_allocations_now, 3);
	is_int(relay_allocations(relay), 3, "three were made");
	counter_sub(first, COUNT_allocations_now, 1);
	is_int(relay_allocations(relay), 3, "one on its way between threads is one of them");
	counter_add(second, COUNT_allocations_now, 1);
	is_int(relay_allocations(relay), 3, "as when it has arrived");
	counter_add(second, COUNT_allocations_expired, 1);
	is_int(relay_allocations(relay), 2, "it expired there");
	counter_add(first, COUNT_allocations_deleted, 2);
	is_int(relay_allocations(relay), 0, "the others were deleted");
}

int main(void)
{
	static struct relay_thread threads[2];
	struct relay_thread *list[] = {&threads[0], &threads[1]};
	struct relay relay = {.threads = list, .thread_count = 2};

	test_allocations(&relay);
	return tap_end();
}
