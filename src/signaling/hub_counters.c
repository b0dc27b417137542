/* The names of what a hub counts. */
#include "signaling/hub_counters.h"

static const struct {
	const char *name, *help;
} rows[HUB_COUNTERS] = {
#define HUB_COUNTER(name, help) [HUB_COUNT_##name] = {#name, help},
#include "signaling/hub_counters.def"
};

const char *hub_counter_name(enum hub_counter counter)
{
	return rows[counter].name;
}

const char *hub_counter_help(enum hub_counter counter)
{
	return rows[counter].help;
}
