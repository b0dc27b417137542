/* A source of facts for tests/system/events.py: put_facts ROOMS FACTS RATE OPTION..., where the options are turnsignal's.
 * Facts go to the rooms in turn, RATE a second; 0: as fast as it can. Writes "kept N" whenever more of them are on disk, and "put N refused M" after the last one. A line
 * on its standard input ends the facts; the end of the input stops the sinks. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/timestamp.h"
#include "config/config.h"
#include "signaling/sink.h"

enum { DRAIN_MS = 3000, TURN_MS = 5 };

static struct config *read_options(int argc, char **argv)
{
	struct config_report report = {0};
	struct config *config;

	if (config_create(CONFIG_TURNSIGNAL, &config) != OK)
		exit(2);
	if (config_read_arguments(config, CONFIG_TURNSERVER, argc, argv, &report) != OK) {
		config_report_print(&report, stderr);
		exit(2);
	}
	config_report_deinit(&report);
	return config;
}

static bool put(struct sinks *sinks, unsigned number, unsigned rooms)
{
	char room[32], body[128];

	snprintf(room, sizeof room, "room %u", number % rooms);
	snprintf(body, sizeof body, "{\"roomId\":\"%s\",\"number\":%u}", room, number);
	const struct fact fact = {
		.key = number % 3 == 2 ? "room.leave" : "room.join",
		.tenant = "default",
		.room = room,
		.sequence = number / rooms + 1,
		.wall_ms = timestamp_wall_ms(),
		.body = slice_of(body),
	};
	return sinks_put(sinks, &fact) == OK;
}

static uint64_t tell(const struct sinks *sinks, uint64_t told)
{
	struct sinks_counts counts;

	sinks_count(sinks, &counts);
	if (counts.kept != told)
		printf("kept %" PRIu64 "\n", counts.kept);
	fflush(stdout);
	return counts.kept;
}

static unsigned due(uint64_t start_us, unsigned rate, unsigned facts)
{
	uint64_t count = rate == 0 ? facts : (timestamp_us() - start_us) * rate / 1000000;

	return count < facts ? (unsigned)count : facts;
}

/* False: the input has ended. */
static bool is_told_to_hold(void)
{
	char line[16];

	return read(STDIN_FILENO, line, sizeof line) > 0;
}

int main(int argc, char **argv)
{
	char problem[256] = "";
	struct sinks *sinks;

	if (argc < 4)
		return 2;
	unsigned rooms = (unsigned)strtoul(argv[1], NULL, 10);
	unsigned facts = (unsigned)strtoul(argv[2], NULL, 10);
	unsigned rate = (unsigned)strtoul(argv[3], NULL, 10);
	struct config *config = read_options(argc - 3, argv + 3);
	if (sinks_create(config, &sinks, problem) != OK) {
		fprintf(stderr, "%s\n", problem);
		return 1;
	}

	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	uint64_t start = timestamp_us(), told = 0;
	unsigned count = 0, refused = 0;
	bool has_said = false;
	for (;;) {
		if (poll(&input, 1, TURN_MS) > 0 && !is_told_to_hold())
			break;
		if (input.revents != 0)
			facts = count;
		for (unsigned until = due(start, rate, facts); count < until; count++)
			refused += !put(sinks, count, rooms);
		told = tell(sinks, told);
		if (count == facts && !has_said)
			has_said = printf("put %u refused %u\n", count, refused) > 0;
		fflush(stdout);
	}
	sinks_destroy(sinks, DRAIN_MS);
	config_destroy(config);
	return 0;
}
