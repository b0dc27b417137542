/* In place of redis.c where the program was built without it. */
#include <stdio.h>

#include "store/driver.h"

enum err redis_store_open(const char *connection, struct store **store, char problem[256])
{
	(void)connection;
	(void)store;
	snprintf(problem, 256,
	         "this program was built without Redis: build it with libhiredis-dev installed");
	return ERR_INVALID;
}
