/* A program that was built without Redis says so, and what to do, wherever Redis is asked of it. */
#include "tap.h"

#include <string.h>

#include "store/redis_writer.h"
#include "store/store.h"

static const char connection[] = "host=127.0.0.1 port=1 password=quiet";

static bool tells(const char problem[256])
{
	return strstr(problem, "built without Redis") != NULL &&
	       strstr(problem, "libhiredis-dev") != NULL && strstr(problem, "quiet") == NULL;
}

static void count(const char *path, void *context)
{
	(void)path;
	(*(unsigned *)context)++;
}

static void test_store(void)
{
	const struct store_location location = {.redis = connection};
	struct store_thread *thread;
	struct store *store;
	char problem[256] = "";
	unsigned files = 0;

	is_int(store_open_at(&location, true, &store, problem), ERR_INVALID, "no store");
	ok(tells(problem), "it says why");
	problem[0] = '\0';
	is_int(store_thread_create_at(&location, &thread, problem), ERR_INVALID,
	       "nor one on a thread, which would wait for it without end");
	ok(tells(problem), "it says why");
	store_location_files(&location, count, &files);
	is_int(files, 0, "no files are read");
}

static void test_status_database(void)
{
	struct redis_writer *writer = NULL;
	char problem[256] = "";

	is_int(redis_writer_check(connection, problem), ERR_INVALID, "no status database");
	ok(tells(problem), "it says why");
	problem[0] = '\0';
	is_int(redis_writer_open(connection, &writer, problem), ERR_INVALID, "it is not opened");
	ok(tells(problem) && writer == NULL, "it says why");
	redis_writer_close(writer);
}

int main(void)
{
	test_store();
	test_status_database();
	return tap_end();
}
