/* A wheel has eleven levels of 64 slots. A slot of level 0 is one millisecond, one of level n spans
 * all of level n - 1:
 *
 *   bits of a deadline   63..60  59..54   ...   17..12  11..6   5..0
 *   level                  10      9      ...      2       1      0
 *
 * A timer lies on the level of the highest group of bits in which its deadline differs from the
 * wheel's position, in the slot that this group names. So every taken slot lies ahead of the
 * position, all of a lower level comes before all of a higher one, and the first bit of the lowest
 * level in use tells what comes next. When the position reaches a slot of a higher level its timers
 * move down: at most ten moves in a timer's life. */
#include "base/timer_wheel.h"

#include <assert.h>
#include <stdlib.h>

enum { LEVEL_BITS = 6, SLOTS = 1 << LEVEL_BITS, LEVELS = 11 };

struct timer_wheel {
	timestamp position; /* what lies before it has expired */
	timestamp present;  /* as last told; position runs after it while timers expire */
	/* Timers whose deadline had come when they were set. They wait for the next advance, lest one
	 * that sets itself to the present keeps its own advance from ending. */
	struct list late;
	uint64_t taken[LEVELS]; /* one bit for each slot */
	struct list slots[LEVELS][SLOTS];
};

static struct list *slot_of(struct timer_wheel *wheel, timestamp deadline, uint64_t **taken,
                            uint64_t *bit);
static void place(struct timer_wheel *wheel, struct timer *timer);
static unsigned lowest_level(const struct timer_wheel *wheel);
static timestamp first_slot_time(const struct timer_wheel *wheel, unsigned level);
static void open_slot(struct timer_wheel *wheel, unsigned level);
static void take_all(struct list *from, struct list *to);
static void expire_all(struct timer_wheel *wheel, struct list *timers);

enum err timer_wheel_create(timestamp now, struct timer_wheel **wheel)
{
	struct timer_wheel *created = calloc(1, sizeof *created);

	if (created == NULL)
		return ERR_NO_MEMORY;
	created->position = created->present = now;
	list_init(&created->late);
	for (unsigned level = 0; level < LEVELS; level++)
		for (unsigned slot = 0; slot < SLOTS; slot++)
			list_init(&created->slots[level][slot]);
	*wheel = created;
	return OK;
}

void timer_wheel_destroy(struct timer_wheel *wheel)
{
	free(wheel);
}

void timer_set(struct timer_wheel *wheel, struct timer *timer, timestamp deadline,
               timer_expire_fn *expire)
{
	timer_cancel(wheel, timer);
	timer->expire = expire;
	if (deadline <= wheel->present) {
		timer->deadline = wheel->present;
		list_append(&wheel->late, &timer->node);
		return;
	}
	timer->deadline = deadline;
	place(wheel, timer);
}

void timer_cancel(struct timer_wheel *wheel, struct timer *timer)
{
	uint64_t *taken, bit;

	if (!timer_is_set(timer))
		return;
	list_remove(&timer->node);
	/* A late or expiring timer lies in no slot; then this looks at one that is not its own, and what
	 * it does is right for any slot. */
	if (list_is_empty(slot_of(wheel, timer->deadline, &taken, &bit)))
		*taken &= ~bit;
}

bool timer_is_set(const struct timer *timer)
{
	return list_is_linked(&timer->node);
}

timestamp timer_wheel_next(const struct timer_wheel *wheel)
{
	if (!list_is_empty(&wheel->late))
		return wheel->present;
	unsigned level = lowest_level(wheel);
	return level < LEVELS ? first_slot_time(wheel, level) : TIMESTAMP_NEVER;
}

void timer_wheel_advance(struct timer_wheel *wheel, timestamp now)
{
	struct list late;
	unsigned level;

	assert(wheel->position == wheel->present); /* not from within a callback */
	if (now > wheel->present)
		wheel->present = now;
	take_all(&wheel->late, &late);
	expire_all(wheel, &late);
	/* From taken slot to taken slot: a long sleep costs nothing. */
	while ((level = lowest_level(wheel)) < LEVELS &&
	       first_slot_time(wheel, level) <= wheel->present)
		open_slot(wheel, level);
	wheel->position = wheel->present;
}

/* Moves to the first slot of a level and expires its timers, or moves them down. */
static void open_slot(struct timer_wheel *wheel, unsigned level)
{
	unsigned slot = (unsigned)__builtin_ctzll(wheel->taken[level]);
	struct list timers, *node;

	wheel->position = first_slot_time(wheel, level);
	wheel->taken[level] &= ~(UINT64_C(1) << slot);
	take_all(&wheel->slots[level][slot], &timers);
	if (level == 0) {
		expire_all(wheel, &timers);
		return;
	}
	while ((node = list_first(&timers)) != NULL) {
		list_remove(node);
		place(wheel, CONTAINER_OF(node, struct timer, node));
	}
}

/* Takes the first one anew each time: a callback may have cancelled and freed any of the others. */
static void expire_all(struct timer_wheel *wheel, struct list *timers)
{
	struct list *node;

	while ((node = list_first(timers)) != NULL) {
		struct timer *timer = CONTAINER_OF(node, struct timer, node);

		list_remove(node);
		timer->expire(timer, wheel->present);
	}
}

static void place(struct timer_wheel *wheel, struct timer *timer)
{
	uint64_t *taken, bit;
	struct list *slot = slot_of(wheel, timer->deadline, &taken, &bit);

	list_append(slot, &timer->node);
	*taken |= bit;
}

static struct list *slot_of(struct timer_wheel *wheel, timestamp deadline, uint64_t **taken,
                            uint64_t *bit)
{
	/* A deadline equal to the position belongs to level 0. */
	uint64_t difference = (deadline ^ wheel->position) | 1;
	unsigned level = (63 - (unsigned)__builtin_clzll(difference)) / LEVEL_BITS;
	unsigned slot = (unsigned)(deadline >> level * LEVEL_BITS) % SLOTS;

	*taken = &wheel->taken[level];
	*bit = UINT64_C(1) << slot;
	return &wheel->slots[level][slot];
}

/* Returns LEVELS when all are empty. */
static unsigned lowest_level(const struct timer_wheel *wheel)
{
	unsigned level = 0;

	while (level < LEVELS && wheel->taken[level] == 0)
		level++;
	return level;
}

static timestamp first_slot_time(const struct timer_wheel *wheel, unsigned level)
{
	timestamp slot = (timestamp)__builtin_ctzll(wheel->taken[level]);
	unsigned shift = level * LEVEL_BITS;

	/* The groups above the level are the position's. The top level has none above it. */
	timestamp above = level + 1 < LEVELS ? wheel->position >> (shift + LEVEL_BITS) : 0;
	return (above << LEVEL_BITS | slot) << shift;
}

static void take_all(struct list *from, struct list *to)
{
	list_init(to);
	if (list_is_empty(from))
		return;
	*to = *from;
	to->next->prev = to->prev->next = to;
	list_init(from);
}
