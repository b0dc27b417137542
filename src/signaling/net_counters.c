/* The names of what worker threads count. */
#include "signaling/net_counters.h"

static const char *const names[] = {
#define NET_COUNTER(name, help) #name,
#include "signaling/net_counters.def"
};
static const char *const helps[] = {
#define NET_COUNTER(name, help) help,
#include "signaling/net_counters.def"
};

const char *net_counter_name(enum net_counter counter)
{
	return names[counter];
}

const char *net_counter_help(enum net_counter counter)
{
	return helps[counter];
}
