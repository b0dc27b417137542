/* The spool: what is kept, for whom, in which order, and what is free again. */
#include "signaling/spool.h"

#include <stdlib.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "signaling/parcel.h"
#include "tap.h"

static char folder[] = "/tmp/test_signaling_spool.XXXXXX", path[64];
static const char *const two[] = {"amqp", "webhook a"};

static struct spool_forgotten forgotten;

static struct spool *reopen(struct spool *spool, const char *const *names, size_t count)
{
	char problem[256];

	spool_close(spool);
	spool = NULL;
	is_int(spool_open(path, &spool, problem), OK, "the spool opens");
	is_int(spool_set_sinks(spool, names, count, &forgotten), OK, "and has %zu sinks", count);
	return spool;
}

static struct fact fact_of(const char *room, uint64_t sequence)
{
	return (struct fact){"room.join", "default", room, sequence, 1, SLICE("{}")};
}

static void put(struct spool *spool, const char *room, uint64_t sequence)
{
	const struct fact fact = fact_of(room, sequence);
	uint64_t bytes = 0;

	if (spool_begin(spool) != OK || spool_put(spool, &fact, &bytes) != OK ||
	    spool_commit(spool) != OK)
		abort();
}

static uint64_t done(struct spool *spool, unsigned sink, int64_t id)
{
	uint64_t bytes = 0;

	if (spool_begin(spool) != OK || spool_done(spool, sink, id, &bytes) != OK ||
	    spool_commit(spool) != OK)
		abort();
	return bytes;
}

/* The number in its room of the next fact; 0: none. */
static unsigned next(struct spool *spool, unsigned sink, int64_t after, struct spooled *spooled)
{
	return spool_next(spool, sink, after, spooled) == OK ? (unsigned)spooled->fact.sequence : 0;
}

static void facts_wait_for_each_sink(void)
{
	struct spool *spool = reopen(NULL, two, 2);
	struct spooled first, second;

	put(spool, "a", 1);
	put(spool, "b", 11);
	is_int(next(spool, 0, 0, &first), 1, "the first that was put is the first");
	is_text(first.fact.room, "a", "with its room");
	int64_t id = first.id;
	is_int(next(spool, 0, id, &second), 11, "and after it the next");
	int64_t other = second.id;
	is_int(next(spool, 0, other, &second), 0, "and no more");
	is_int(done(spool, 0, id), 0, "one sink has it: it stays for the other");
	is_int(next(spool, 0, 0, &first), 11, "and is gone for the one");
	is_int(next(spool, 1, 0, &first), 1, "not for the other");
	ok(done(spool, 1, id) ==
	           fact_size(&(struct fact){"room.join", "default", "a", 1, 1, SLICE("{}")}),
	   "the last sink frees its bytes");
	is_int(done(spool, 1, id), 0, "once");
	spool_close(spool);
}

static void what_was_committed_is_there_after_a_start(void)
{
	struct spool *spool = reopen(NULL, two, 2);
	struct spooled spooled;
	uint64_t bytes = 0;
	const struct fact lost = fact_of("a", 99);

	put(spool, "a", 2);
	is_int(spool_begin(spool), OK, "begin");
	is_int(spool_put(spool, &lost, &bytes), OK, "put");
	spool_undo(spool);
	uint64_t before = spool_bytes(spool);
	spool = reopen(spool, two, 2);
	ok(spool_bytes(spool) == before && before > 0, "it knows how much it has");
	is_int(spool_next_of_room(spool, 0, "default", "a", &spooled), OK, "room a has a fact");
	is_int(spooled.fact.sequence, 2, "the one that was committed");
	ok(!spooled.was_tried, "which was never sent");
	int64_t id = spooled.id;
	ok(spool_begin(spool) == OK && spool_mark_tried(spool, 0, id) == OK &&
	           spool_commit(spool) == OK,
	   "it is sent");
	spool = reopen(spool, two, 2);
	is_int(spool_next_of_room(spool, 0, "default", "a", &spooled), OK, "after a start");
	ok(spooled.was_tried, "it is marked");
	is_int(spool_next_of_room(spool, 1, "default", "a", &spooled), OK, "for the other sink");
	ok(!spooled.was_tried, "it is not");
	is_int(spool_next_of_room(spool, 0, "other", "a", &spooled), ERR_NOT_FOUND,
	       "a tenant's rooms are its own");
	spool_close(spool);
}

static void sinks_come_and_go(void)
{
	static const char *const one[] = {"webhook b"}, *const other[] = {"else b"};
	struct spool *spool = reopen(NULL, two, 2);
	uint64_t bytes = 0, all = spool_bytes(spool);
	struct spooled spooled;

	is_int(spool_waiting(spool, 0), 2, "two wait for the broker");
	ok(spool_begin(spool) == OK && spool_drop_sink(spool, 0, &bytes) == OK,
	   "the broker is gone");
	spool_undo(spool);
	is_int(spool_waiting(spool, 0), 2, "but not when it is undone");
	bytes = 0;
	ok(spool_begin(spool) == OK && spool_drop_sink(spool, 0, &bytes) == OK &&
	           spool_commit(spool) == OK,
	   "the broker is gone");
	is_int(spool_waiting(spool, 0), 0, "nothing waits for it");
	ok(spool_bytes(spool) + bytes == all, "what nobody else waits for is free");
	put(spool, "c", 5);
	is_int(next(spool, 0, 0, &spooled), 0, "it gets nothing new");
	is_int(spool_next_of_room(spool, 1, "default", "c", &spooled), OK, "the other does");
	all = spool_bytes(spool);
	uint64_t waiting = spool_waiting(spool, 1);
	spool = reopen(spool, one, 1);
	ok(waiting > 1 && spool_waiting(spool, 0) == waiting && spool_bytes(spool) == all &&
	           forgotten.events == 0,
	   "a webhook with another name gets what waited for the one before");
	spool = reopen(spool, other, 1);
	ok(spool_bytes(spool) == 0 && spool_waiting(spool, 0) == 0,
	   "what waited for a kind of sink that there is no more is forgotten");
	ok(forgotten.events == waiting && forgotten.bytes == all, "and how much it was is told");
	spool = reopen(spool, two, 2);
	spool = reopen(spool, one, 1);
	put(spool, "d", 1);
	is_int(next(spool, 0, 0, &spooled), 1, "the new one gets facts");
	spool_close(spool);
}

static void nobody_else_may_have_it(void)
{
	struct spool *spool = reopen(NULL, two, 1), *other = NULL;
	struct stat status;
	char problem[256];

	is_int(spool_open(path, &other, problem), ERR_UNAVAILABLE, "a second process is refused");
	ok(strstr(problem, "another process") != NULL, "and told why: %s", problem);
	ok(stat(path, &status) == 0 && (status.st_mode & 077) == 0, "nobody else reads the file");
	spool_close(spool);
	is_int(spool_open("/nowhere/spool", &other, problem), ERR_UNAVAILABLE,
	       "no folder, no spool");
}

int main(void)
{
	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(path, sizeof path, "%s/spool", folder);
	facts_wait_for_each_sink();
	what_was_committed_is_there_after_a_start();
	sinks_come_and_go();
	nobody_else_may_have_it();
	unlink(path);
	rmdir(folder);
	return tap_end();
}
