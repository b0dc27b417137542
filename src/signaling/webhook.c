/* Which fact of which room is sent when. A room that has something to send is a lane:
 *
 *   ready ──► calling ──► done: ready again, or no lane any more when the room has nothing left
 *     ▲          └──► failed: waiting ──┐
 *     └─────────────────────────────────┘
 *
 * A fact at or before the cursor is of a room with a lane, or done: so nothing is looked at twice, and memory is bounded however many wait. */
#include "signaling/webhook.h"

#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/log.h"
#include "signaling/webhook_call.h"

enum {
	CALLS_MAX = 8,
	LANES_MAX = 256,
	RETRY_FIRST_MS = 1000,
	RETRY_LAST_MS = 300000,
	HTTP_GONE_STATUS = 410,
};

struct lane {
	struct webhook *webhook;
	struct list node; /* of one of the three lists */
	struct backoff retry;
	struct parcel *parcel;     /* owned: what is being sent; NULL: nothing */
	struct webhook_call *call; /* owned; NULL: prepared, and not sent yet */
	const char *tenant, *room; /* in text */
	char text[];
};

struct webhook {
	struct webhook_settings settings;
	struct webhook_place place;
	int64_t cursor; /* id of the last fact that was looked at */
	struct list ready, waiting, calling;
	size_t lane_count, call_count;
	bool is_gone;
};

enum err webhook_create(const struct webhook_settings *settings, struct webhook **webhook_out,
                        char problem[256])
{
	struct webhook *webhook = calloc(1, sizeof *webhook);

	if (webhook == NULL)
		return ERR_NO_MEMORY;
	webhook->settings = *settings;
	list_init(&webhook->ready);
	list_init(&webhook->waiting);
	list_init(&webhook->calling);
	enum err err = webhook_place_read(&webhook->place, settings->url, problem);
	if (err == OK)
		*webhook_out = webhook;
	else
		webhook_destroy(webhook);
	return err;
}

static void lane_destroy(struct lane *lane)
{
	lane->webhook->lane_count--;
	list_remove(&lane->node);
	webhook_call_destroy(lane->call);
	parcel_destroy(lane->parcel);
	free(lane);
}

static void destroy_lanes(struct list *lanes)
{
	LIST_FOR_EACH (node, lanes)
		lane_destroy(CONTAINER_OF(node, struct lane, node));
}

void webhook_destroy(struct webhook *webhook)
{
	if (webhook == NULL)
		return;
	destroy_lanes(&webhook->ready);
	destroy_lanes(&webhook->waiting);
	destroy_lanes(&webhook->calling);
	webhook_place_deinit(&webhook->place);
	free(webhook);
}

static struct lane *lane_create(struct webhook *webhook, const struct fact *fact)
{
	size_t tenant_size = strlen(fact->tenant) + 1, room_size = strlen(fact->room) + 1;
	struct lane *lane = calloc(1, sizeof *lane + tenant_size + room_size);

	if (lane == NULL)
		return NULL;
	memcpy(lane->text, fact->tenant, tenant_size);
	memcpy(lane->text + tenant_size, fact->room, room_size);
	lane->tenant = lane->text;
	lane->room = lane->text + tenant_size;
	lane->webhook = webhook;
	backoff_init(&lane->retry, RETRY_FIRST_MS, RETRY_LAST_MS);
	list_append(&webhook->ready, &lane->node);
	webhook->lane_count++;
	return lane;
}

static bool has_lane_in(const struct list *lanes, const struct fact *fact)
{
	LIST_FOR_EACH (node, lanes) {
		const struct lane *lane = CONTAINER_OF(node, struct lane, node);
		if (strcmp(lane->room, fact->room) == 0 && strcmp(lane->tenant, fact->tenant) == 0)
			return true;
	}
	return false;
}

static bool has_lane(const struct webhook *webhook, const struct fact *fact)
{
	return has_lane_in(&webhook->ready, fact) || has_lane_in(&webhook->waiting, fact) ||
	       has_lane_in(&webhook->calling, fact);
}

static void move(struct lane *lane, struct list *to)
{
	list_remove(&lane->node);
	list_append(to, &lane->node);
}

/* Takes the first fact of the lane's room, and writes down that it is sent. */
static enum err lane_prepare(struct lane *lane)
{
	struct webhook *webhook = lane->webhook;
	struct spool *spool = webhook->settings.spool;
	struct spooled spooled;
	enum err err = spool_next_of_room(spool, webhook->settings.sink, lane->tenant, lane->room,
	                                  &spooled);

	if (err == ERR_NOT_FOUND) {
		lane_destroy(lane);
		return OK;
	}
	if (err != OK)
		return err;
	lane->parcel = parcel_create(&spooled.fact);
	if (lane->parcel == NULL)
		return ERR_NO_MEMORY;
	lane->parcel->id = spooled.id;
	lane->parcel->is_again = spooled.was_tried;
	move(lane, &webhook->calling);
	webhook->call_count++;
	return spool_mark_tried(spool, webhook->settings.sink, lane->parcel->id);
}

static enum err prepare_ready(struct webhook *webhook)
{
	enum err err = OK;

	while (err == OK && webhook->call_count < CALLS_MAX && !list_is_empty(&webhook->ready))
		err = lane_prepare(CONTAINER_OF(list_first(&webhook->ready), struct lane, node));
	return err;
}

static void end_waiting(struct webhook *webhook, timestamp now)
{
	LIST_FOR_EACH (node, &webhook->waiting) {
		struct lane *lane = CONTAINER_OF(node, struct lane, node);
		if (backoff_is_due(&lane->retry, now))
			move(lane, &webhook->ready);
	}
}

/* Goes on from the cursor until there is a room without a lane. ERR_NOT_FOUND: there is none. */
static enum err open_lane(struct webhook *webhook)
{
	struct spooled spooled;

	do {
		enum err err = spool_next(webhook->settings.spool, webhook->settings.sink,
		                          webhook->cursor, &spooled);
		if (err != OK)
			return err;
		webhook->cursor = spooled.id;
	} while (has_lane(webhook, &spooled.fact));
	return lane_create(webhook, &spooled.fact) == NULL ? ERR_NO_MEMORY : OK;
}

enum err webhook_prepare(struct webhook *webhook, timestamp now)
{
	if (webhook->is_gone)
		return OK;
	end_waiting(webhook, now);
	enum err err = prepare_ready(webhook);
	while (err == OK && webhook->call_count < CALLS_MAX && webhook->lane_count < LANES_MAX) {
		err = open_lane(webhook);
		if (err == OK)
			err = prepare_ready(webhook);
	}
	return err == ERR_NOT_FOUND ? OK : err;
}

/* Makes the lane wait, or, where that is no use any more, gives its fact up. */
static enum webhook_outcome lane_fail(struct lane *lane, int status)
{
	struct webhook *webhook = lane->webhook;
	const struct fact *fact = &lane->parcel->fact;
	uint64_t age_ms = timestamp_wall_ms() - fact->wall_ms;

	if (timestamp_wall_ms() > fact->wall_ms &&
	    age_ms >= (uint64_t)webhook->settings.give_up_s * 1000) {
		log_error("event given up", "host=\"%s\" key=\"%s\" room=\"%s\" status=%d",
		          webhook->place.host, fact->key, fact->room, status);
		move(lane, &webhook->ready);
		return WEBHOOK_GIVEN_UP;
	}
	backoff_failed(&lane->retry, timestamp_now());
	log_warning("event not taken", "host=\"%s\" key=\"%s\" room=\"%s\" status=%d",
	            webhook->place.host, fact->key, fact->room, status);
	move(lane, &webhook->waiting);
	return WEBHOOK_REPEATED;
}

static enum webhook_outcome lane_outcome(struct lane *lane, int status)
{
	struct webhook *webhook = lane->webhook;

	if (status >= 200 && status < 300) {
		backoff_init(&lane->retry, RETRY_FIRST_MS, RETRY_LAST_MS);
		move(lane, &webhook->ready);
		return WEBHOOK_DELIVERED;
	}
	if (status != HTTP_GONE_STATUS)
		return lane_fail(lane, status);
	if (!webhook->is_gone)
		log_error("webhook is gone", "host=\"%s\" status=%d", webhook->place.host, status);
	webhook->is_gone = true;
	move(lane, &webhook->ready);
	return WEBHOOK_GONE;
}

static void call_done(void *context, int status)
{
	struct lane *lane = context;
	struct webhook *webhook = lane->webhook;
	int64_t id = lane->parcel->id;
	enum webhook_outcome outcome;

	lane->call = NULL;
	webhook->call_count--;
	outcome = lane_outcome(lane, status);
	parcel_destroy(lane->parcel);
	lane->parcel = NULL;
	webhook->settings.done(webhook->settings.context, webhook->settings.sink, id, outcome);
}

static void lane_call(struct lane *lane)
{
	const struct webhook_settings *settings = &lane->webhook->settings;
	const struct webhook_call_settings call = {
		.place = &lane->webhook->place,
		.secrets = settings->secrets,
		.secret_count = settings->secret_count,
		.base = settings->base,
		.dns = settings->dns,
		.tls = settings->tls,
		.parcel = lane->parcel,
		.done = call_done,
		.context = lane,
	};

	lane->call = webhook_call_start(&call);
	if (lane->call == NULL)
		call_done(lane, 0);
}

size_t webhook_send(struct webhook *webhook)
{
	size_t repeated = 0;

	LIST_FOR_EACH (node, &webhook->calling) {
		struct lane *lane = CONTAINER_OF(node, struct lane, node);
		if (lane->call != NULL)
			continue;
		repeated += lane->parcel->is_again;
		lane_call(lane);
	}
	return repeated;
}

void webhook_undo(struct webhook *webhook)
{
	LIST_FOR_EACH (node, &webhook->calling) {
		struct lane *lane = CONTAINER_OF(node, struct lane, node);
		if (lane->call != NULL)
			continue;
		parcel_destroy(lane->parcel);
		lane->parcel = NULL;
		webhook->call_count--;
		move(lane, &webhook->ready);
	}
}

timestamp webhook_next_timeout(const struct webhook *webhook)
{
	timestamp next = TIMESTAMP_NEVER;

	LIST_FOR_EACH (node, &webhook->waiting) {
		const struct lane *lane = CONTAINER_OF(node, struct lane, node);
		if (lane->retry.due < next)
			next = lane->retry.due;
	}
	return webhook->is_gone ? TIMESTAMP_NEVER : next;
}
