/* What turnserver needs and turnsignal does not: what the relay opens later, and how its packets move. */
#include "relay/relay_needs.h"

#include <string.h>

#include "store/store.h"

/* clang-format off */
static const char *const calls[] = {
	"recvmmsg", "recvmmsg_time64", /* batches of datagrams */
	"splice", "tee",               /* streams that are relayed */
	"sched_setaffinity",           /* pinned threads */
};
/* clang-format on */

/* Whether there is a port that only the privileged open: the console, a client of network-engine=dedicated,
 * an allocation, a reload open it later. */
static bool has_low_port(const struct config *config)
{
	enum { FIRST_FREE_PORT = 1024 };
	const unsigned ports[] = {
		config->listening_port,     config->tls_listening_port,
		config->alt_listening_port, config->alt_tls_listening_port,
		config->tcp_proxy_port,     config->udp_proxy_port,
		config->min_port,           config->cli ? config->cli_port : 0,
	};

	for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++)
		if (ports[i] != 0 && ports[i] < FIRST_FREE_PORT)
			return true;
	for (size_t i = 0; i < config->aux_server.count; i++) {
		unsigned port = addr_port(&config->aux_server.item[i]);
		if (port != 0 && port < FIRST_FREE_PORT)
			return true;
	}
	return false;
}

struct reading { /* files that connections are made with */
	fence_file_fn *each;
	void *context;
};

static void read_one(const char *path, void *context)
{
	const struct reading *reading = context;
	const struct fence_file file = {.path = path};

	reading->each(&file, reading->context);
}

static void each_file(const struct config *config, fence_file_fn *each, void *context)
{
	const struct store_location users = {.redis = config->redis_userdb};
	const struct store_location states = {.redis = config->redis_statsdb};
	const char *const written[] = {config->pidfile, config->control_socket};
	struct reading reading = {each, context};

	for (size_t i = 0; i < sizeof written / sizeof written[0]; i++) {
		const struct fence_file file = {written[i], .may_write = true};

		if (file.path != NULL && strcmp(file.path, "off") != 0)
			each(&file, context);
	}
	store_location_files(&users, read_one, &reading);
	store_location_files(&states, read_one, &reading);
}

const struct privileges_needs relay_needs = {
	.each_file = each_file,
	.calls = {calls, sizeof calls / sizeof calls[0]},
	.opens_low_ports = has_low_port,
};
