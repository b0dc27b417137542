/* Limits of an allocation and of a user, and how a client is told that one is reached. How many
 * places a quota has is the host's to know. */
#include "turn/limits.h"

#include "turn/action.h"
#include "turn/request.h"

enum {
	UNIT = 1000,        /* of a bucket's level */
	DATA_BURST_S = 1,   /* a second's share may pass at once */
	PEERS_BURST_S = 10, /* ICE names all its candidates together */
	REPORT_INTERVAL_S = 60,
};

/* RFC 8656 section 19: 486 is for allocations that a user may not have, 508 for what does not fit. */
static const struct {
	int error; /* 0: packets are dropped */
	enum counter counter;
	const char *phrase;
} rows[TURN_LIMIT_COUNT] = {
	[TURN_LIMIT_USER_QUOTA] = {STUN_ALLOCATION_QUOTA_REACHED, COUNT_refused_user_quota,
                                   "User Quota Reached"},
	[TURN_LIMIT_TOTAL_QUOTA] = {STUN_ALLOCATION_QUOTA_REACHED, COUNT_refused_total_quota,
                                    "Total Quota Reached"},
	[TURN_LIMIT_CAPACITY] = {STUN_ALLOCATION_QUOTA_REACHED, COUNT_refused_capacity,
                                 "Bandwidth Capacity Reached"},
	[TURN_LIMIT_PERMISSIONS] = {STUN_INSUFFICIENT_CAPACITY, COUNT_refused_permissions,
                                    "Too Many Permissions"},
	[TURN_LIMIT_CHANNELS] = {STUN_INSUFFICIENT_CAPACITY, COUNT_refused_channels,
                                 "Too Many Channels"},
	[TURN_LIMIT_CONNECTIONS] = {STUN_INSUFFICIENT_CAPACITY, COUNT_refused_connections,
                                    "Too Many Connections"},
	[TURN_LIMIT_ALL_CONNECTIONS] = {STUN_INSUFFICIENT_CAPACITY, COUNT_refused_connections,
                                        "Too Many Connections"},
	[TURN_LIMIT_NEW_PEERS] = {STUN_INSUFFICIENT_CAPACITY, COUNT_refused_new_peers,
                                  "Too Many New Peers"},
	[TURN_LIMIT_BANDWIDTH] = {.counter = COUNT_drop_bandwidth},
	[TURN_LIMIT_PACKET_RATE] = {.counter = COUNT_drop_packet_rate},
	[TURN_LIMIT_MEMORY] = {STUN_INSUFFICIENT_CAPACITY, COUNT_drop_no_memory, NULL},
};

static int take_new_peers(struct request *request, size_t n);
static void make_full(struct bucket *bucket, uint64_t rate, unsigned burst_s, timestamp now);
static void bucket_fill(struct bucket *bucket, uint64_t rate, unsigned burst_s, timestamp now);
static bool bucket_has(struct bucket *bucket, uint64_t rate, unsigned burst_s, uint64_t n,
                       timestamp now);
static void bucket_take(struct bucket *bucket, uint64_t n);
static void drop_packet(struct turn_allocation *allocation, enum turn_limit limit, uint64_t value);

void limits_init(struct turn_allocation *allocation)
{
	for (unsigned i = 0; i < TURN_DIRECTION_COUNT; i++)
		make_full(&allocation->limits.bytes[i], allocation->place.bps, DATA_BURST_S,
		          allocation->server->now);
	limits_update(allocation);
}

/* A limit that was not there begins with a full bucket, or the first packet after a reload is dropped. */
void limits_update(struct turn_allocation *allocation)
{
	const struct turn_settings *settings = &allocation->server->settings;
	timestamp now = allocation->server->now;
	struct limits *limits = &allocation->limits;

	if (limits->new_peers_per_s == 0)
		make_full(&limits->new_peers, settings->new_peers_per_s, PEERS_BURST_S, now);
	for (unsigned i = 0; i < TURN_DIRECTION_COUNT && limits->packets_per_s == 0; i++)
		make_full(&limits->packets[i], settings->packets_per_s, DATA_BURST_S, now);
	limits->new_peers_per_s = settings->new_peers_per_s;
	limits->packets_per_s = settings->packets_per_s;
	limits->is_on = allocation->place.bps != 0 || settings->packets_per_s != 0;
}

static void make_full(struct bucket *bucket, uint64_t rate, unsigned burst_s, timestamp now)
{
	*bucket = (struct bucket){.level = rate * burst_s * UNIT, .filled_at = now};
}

bool limits_take_packet(struct turn_allocation *allocation, enum turn_direction direction,
                        size_t len)
{
	const struct turn_server *server = allocation->server;
	struct bucket *bytes = &allocation->limits.bytes[direction];
	struct bucket *packets = &allocation->limits.packets[direction];
	uint64_t bps = allocation->place.bps, pps = server->settings.packets_per_s;

	if (bps != 0 && !bucket_has(bytes, bps, DATA_BURST_S, len, server->now)) {
		drop_packet(allocation, TURN_LIMIT_BANDWIDTH, bps);
		return false;
	}
	if (pps != 0 && !bucket_has(packets, pps, DATA_BURST_S, 1, server->now)) {
		drop_packet(allocation, TURN_LIMIT_PACKET_RATE, pps);
		return false;
	}
	if (bps != 0)
		bucket_take(bytes, len);
	if (pps != 0)
		bucket_take(packets, 1);
	return true;
}

size_t turn_bytes_allowed(struct turn_allocation *allocation, enum turn_direction direction,
                          timestamp now)
{
	struct bucket *bytes = &allocation->limits.bytes[direction];

	if (allocation->place.bps == 0)
		return SIZE_MAX;
	bucket_fill(bytes, allocation->place.bps, DATA_BURST_S, now);
	return bytes->level / UNIT;
}

void turn_bytes_passed(struct turn_allocation *allocation, enum turn_direction direction, size_t n)
{
	if (allocation->place.bps != 0)
		bucket_take(&allocation->limits.bytes[direction], n);
}

/* RFC 8656 section 10.2: 508 when a permission cannot be installed for want of capacity. */
int limits_check_permissions(struct request *request, size_t created)
{
	const struct turn_settings *settings = &request->server->settings;
	struct turn_allocation *allocation = request->allocation;

	if (created == 0)
		return STUN_NO_ERROR;
	if (allocation->permission_count + created > settings->permissions_per_allocation)
		return limits_refuse(request, TURN_LIMIT_PERMISSIONS,
		                     settings->permissions_per_allocation);
	return take_new_peers(request, created);
}

static int take_new_peers(struct request *request, size_t n)
{
	uint32_t rate = request->server->settings.new_peers_per_s;
	struct bucket *peers = &request->allocation->limits.new_peers;

	if (rate == 0)
		return STUN_NO_ERROR;
	if (!bucket_has(peers, rate, PEERS_BURST_S, n, request->server->now))
		return limits_refuse(request, TURN_LIMIT_NEW_PEERS, rate);
	bucket_take(peers, n);
	return STUN_NO_ERROR;
}

/* A Connect is a new peer, whether or not there is a permission for it. */
int limits_check_connection(struct request *request)
{
	const struct turn_server *server = request->server;
	const struct turn_settings *settings = &server->settings;

	if (request->allocation->connection_count >= settings->connections_per_allocation)
		return limits_refuse(request, TURN_LIMIT_CONNECTIONS,
		                     settings->connections_per_allocation);
	if (server->connections_by_id.count >= settings->connections_max)
		return limits_refuse(request, TURN_LIMIT_ALL_CONNECTIONS,
		                     settings->connections_max);
	return take_new_peers(request, 1);
}

int limits_check_channel(struct request *request)
{
	uint32_t most = request->server->settings.channels_per_allocation;

	return request->allocation->channel_count < most
	               ? STUN_NO_ERROR
	               : limits_refuse(request, TURN_LIMIT_CHANNELS, most);
}

int limits_refuse(struct request *request, enum turn_limit limit, uint64_t value)
{
	count(request->server, rows[limit].counter);
	request->reason = rows[limit].phrase;
	request->is_told = true;
	action_limit_reached(request->server, &(struct turn_limit_reached){
						      .limit = limit,
						      .value = value,
						      .error = (uint16_t)rows[limit].error,
						      .username = request->username,
						      .tuple = request->tuple,
					      });
	return rows[limit].error;
}

/* BANDWIDTH in a request: more is not needed. */
static uint64_t asked_bps(const struct request *request)
{
	return stun_has(&request->message, STUN_ATTR_BANDWIDTH)
	               ? (uint64_t)stun_get_u32(&request->message, STUN_ATTR_BANDWIDTH) *
	                         BANDWIDTH_UNIT
	               : 0;
}

static int take_place(struct request *request, bool is_reservation, struct turn_place *place)
{
	struct turn_server *server = request->server;
	const struct turn_quotas *quotas = &server->settings.quotas;
	const struct turn_place_wish wish = {
		.realm = request_home(request),
		/* The kid of an access token is no user's name. */
		.username = request->token_deadline != 0 ? "" : request->username,
		.is_reservation = is_reservation,
		.asked_bps = asked_bps(request),
	};
	uint64_t value = 0;

	if (quotas->take == NULL || place->holder != NULL)
		return STUN_NO_ERROR;
	enum turn_limit limit = quotas->take(quotas->context, &wish, place, &value);
	return limit == TURN_LIMIT_NONE ? STUN_NO_ERROR : limits_refuse(request, limit, value);
}

/* A reserved address is counted like an allocation: it will be one, or nobody else's for a while. */
int places_take(struct request *request, bool reserves)
{
	int error = take_place(request, false, &request->places.allocation);

	return error == STUN_NO_ERROR && reserves
	               ? take_place(request, true, &request->places.reservation)
	               : error;
}

void places_give(struct turn_server *server, struct places *places)
{
	place_give(server, &places->allocation);
	place_give(server, &places->reservation);
}

void place_give(struct turn_server *server, struct turn_place *place)
{
	const struct turn_quotas *quotas = &server->settings.quotas;

	if (place->holder == NULL)
		return;
	quotas->give(quotas->context, place);
	*place = (struct turn_place){NULL, 0};
}

/* Never more than burst_s seconds' worth, however long nobody came. */
static void bucket_fill(struct bucket *bucket, uint64_t rate, unsigned burst_s, timestamp now)
{
	uint64_t most = rate * burst_s * UNIT, elapsed;

	if (now <= bucket->filled_at)
		return;
	elapsed = now - bucket->filled_at;
	if (elapsed > (uint64_t)burst_s * MS_PER_S)
		elapsed = (uint64_t)burst_s * MS_PER_S;
	bucket->level += elapsed * rate;
	if (bucket->level > most)
		bucket->level = most;
	bucket->filled_at = now;
}

static bool bucket_has(struct bucket *bucket, uint64_t rate, unsigned burst_s, uint64_t n,
                       timestamp now)
{
	bucket_fill(bucket, rate, burst_s, now);
	return bucket->level >= n * UNIT;
}

static void bucket_take(struct bucket *bucket, uint64_t n)
{
	bucket->level -= n * UNIT < bucket->level ? n * UNIT : bucket->level;
}

/* An operator wants to know whom it hits, not each packet. */
static void drop_packet(struct turn_allocation *allocation, enum turn_limit limit, uint64_t value)
{
	struct turn_server *server = allocation->server;

	count(server, rows[limit].counter);
	allocation->traffic.limited_packets++;
	if (server->now < allocation->limits.next_report)
		return;
	allocation->limits.next_report = server->now + REPORT_INTERVAL_S * MS_PER_S;
	action_limit_reached(server, &(struct turn_limit_reached){
					     .limit = limit,
					     .value = value,
					     .username = allocation->username,
					     .tuple = &allocation->tuple,
				     });
}
