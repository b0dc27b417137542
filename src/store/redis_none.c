/* In place of the files of Redis where the program was built without it. */
#include <stdio.h>

#include "store/driver.h"
#include "store/redis_writer.h"

static enum err refuse(char problem[256])
{
	snprintf(problem, 256,
	         "this program was built without Redis: build it with libhiredis-dev installed");
	return ERR_INVALID;
}

enum err redis_store_open(const char *connection, bool is_patient, struct store **store,
                          char problem[256])
{
	(void)connection;
	(void)is_patient;
	(void)store;
	return refuse(problem);
}

void store_location_files(const struct store_location *location,
                          void (*each)(const char *path, void *context), void *context)
{
	(void)location;
	(void)each;
	(void)context;
}

enum err redis_writer_check(const char *connection, char problem[256])
{
	(void)connection;
	return refuse(problem);
}

enum err redis_writer_open(const char *connection, struct redis_writer **writer, char problem[256])
{
	(void)connection;
	(void)writer;
	return refuse(problem);
}

void redis_writer_close(struct redis_writer *writer)
{
	(void)writer;
}

enum err redis_writer_put(struct redis_writer *writer, const char *const *words, size_t count)
{
	(void)writer;
	(void)words;
	(void)count;
	return ERR_UNAVAILABLE;
}

enum err redis_writer_flush(struct redis_writer *writer, size_t *refused, char problem[256])
{
	(void)writer;
	*refused = 0;
	return refuse(problem);
}
