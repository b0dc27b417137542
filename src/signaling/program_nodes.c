/* The nodes of the cluster, as its thread told of them last: asking waits for nobody. */
#include <stdlib.h>

#include <jansson.h>

#include "base/list.h"
#include "signaling/cluster.h"
#include "signaling/program.h"

static const char *const state_names[NODE_STATES] = {
	[NODE_READY] = "ready",
	[NODE_DRAINING] = "draining",
	[NODE_LOST] = "lost",
};

void program_hear_nodes(struct mail *mail, void *receiver)
{
	struct program *program = receiver;

	free(program->nodes);
	program->nodes = CONTAINER_OF(mail, struct cluster_report, mail);
}

bool program_has_redis(const struct program *program)
{
	return program->nodes != NULL && program->nodes->is_connected;
}

static enum node_state state_of(const struct cluster_node_report *node)
{
	if (!node->is_alive)
		return NODE_LOST;
	return node->is_ready ? NODE_READY : NODE_DRAINING;
}

size_t program_count_nodes(const struct program *program, enum node_state state)
{
	const struct cluster_report *report = program->nodes;
	size_t count = 0;

	for (size_t i = 0; report != NULL && i < report->count; i++)
		count += state_of(&report->nodes[i]) == state;
	return count;
}

const char *program_node_name(const struct program *program, uint32_t number)
{
	const struct cluster_report *report = program->nodes;

	for (size_t i = 0; report != NULL && i < report->count; i++)
		if (report->nodes[i].number == number)
			return report->nodes[i].name;
	return "";
}

/* One that was never heard of has no beat. */
static json_t *since(timestamp then)
{
	timestamp now = timestamp_now();

	return then == 0 ? json_null() : json_integer(now > then ? (json_int_t)(now - then) : 0);
}

static json_t *describe(const struct cluster_node_report *node)
{
	return json_pack("{s:o, s:I, s:b, s:s, s:i, s:I, s:I, s:o, s:o}", "name",
	                 control_text(node->name), "number", (json_int_t)node->number, "self",
	                 (int)node->is_self, "state", state_names[state_of(node)], "threads",
	                 (int)node->threads, "sessions", (json_int_t)node->sessions, "rooms",
	                 (json_int_t)node->rooms, "version", control_text(node->version),
	                 "last_beat_ms", since(node->last_beat));
}

/* Of itself it knows without having been told. */
static struct cluster_node_report describe_self(const struct program *program)
{
	const struct cluster_report *report = program->nodes;
	struct cluster_node_report self = {.version = PACKAGE_VERSION, .is_self = true};

	if (report != NULL)
		self = report->nodes[0];
	self.is_alive = true;
	self.is_ready = !program->drain.is_on;
	self.threads = workers_count(program->workers);
	self.sessions = program_count(program, HUB_COUNT_sessions_now);
	self.rooms = program_count(program, HUB_COUNT_rooms_now);
	return self;
}

/* Whether Redis is there; null without a cluster. */
static json_t *describe_redis(const struct program *program)
{
	if (program->cluster == NULL)
		return json_null();
	return json_string(program_has_redis(program) ? "there" : "away");
}

void ask_nodes(struct control_request *request, void *context)
{
	const struct program *program = context;
	const struct cluster_report *report = program->nodes;
	struct cluster_node_report self = describe_self(program);
	uint64_t sessions = self.sessions, rooms = self.rooms;
	json_t *list = json_array();

	json_array_append_new(list, describe(&self));
	for (size_t i = 1; report != NULL && i < report->count; i++) {
		json_array_append_new(list, describe(&report->nodes[i]));
		sessions += report->nodes[i].is_alive ? report->nodes[i].sessions : 0;
		rooms += report->nodes[i].is_alive ? report->nodes[i].rooms : 0;
	}
	control_answer(request, json_pack("{s:o, s:I, s:I, s:o}", "redis", describe_redis(program),
	                                  "sessions", (json_int_t)sessions, "rooms",
	                                  (json_int_t)rooms, "nodes", list));
}
