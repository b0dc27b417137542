/* The words of counters.def. */
#include "base/counters.h"

#include <assert.h>

static const struct {
	const char *name, *help;
} rows[COUNTER_COUNT] = {
#define COUNTER(name, help) {#name, help},
#include "base/counters.def"
#undef COUNTER
};

const char *counter_name(enum counter counter)
{
	assert(counter < COUNTER_COUNT);
	return rows[counter].name;
}

const char *counter_help(enum counter counter)
{
	assert(counter < COUNTER_COUNT);
	return rows[counter].help;
}
