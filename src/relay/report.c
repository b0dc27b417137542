/* What happens to allocations, in words for the operator. */
#include "relay/report.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"

/* "192.0.2.1:50000", or two with a comma between. */
static const char *relayed_format(const struct turn_relay *relay, char text[2 * ADDR_TEXT_SIZE])
{
	int len = 0;

	text[0] = '\0';
	for (int family = 0; family < TURN_FAMILY_COUNT; family++) {
		char addr[ADDR_TEXT_SIZE];
		if (relay[family].relay != NULL)
			len += snprintf(text + len, 2 * ADDR_TEXT_SIZE - (size_t)len, "%s%s",
			                len > 0 ? "," : "",
			                addr_format(&relay[family].public_addr, addr));
	}
	return text;
}

/* An id is the same wherever its allocation goes. */
static unsigned made_by(const struct turn_report *report)
{
	return (unsigned)(report->id >> 48);
}

static uint64_t number(const struct turn_report *report)
{
	return report->id & ((UINT64_C(1) << 48) - 1);
}

static void log_begun(const struct turn_report *report)
{
	char client[ADDR_TEXT_SIZE], relayed[2 * ADDR_TEXT_SIZE];

	log_info("allocation created",
	         "id=%u.%" PRIu64
	         " user=%s realm=%s%s%s client=%s transport=%s relayed=%s lifetime_s=%u",
	         made_by(report), number(report), report->username, report->realm,
	         report->origin[0] != 0 ? " origin=" : "", report->origin,
	         addr_format(&report->tuple->client, client),
	         transport_name(report->tuple->transport), relayed_format(report->relay, relayed),
	         report->lifetime_s);
}

static void log_moved(unsigned thread, const struct turn_report *report)
{
	char client[ADDR_TEXT_SIZE];

	log_info("allocation moved", "id=%u.%" PRIu64 " user=%s client=%s transport=%s thread=%u",
	         made_by(report), number(report), report->username,
	         addr_format(&report->tuple->client, client),
	         transport_name(report->tuple->transport), thread);
}

static void log_ended(const struct turn_report *report, const char *event)
{
	const struct turn_traffic *traffic = &report->traffic;

	log_info(event,
	         "id=%u.%" PRIu64 " user=%s realm=%s reason=\"%s\" to_peer_packets=%" PRIu64
	         " to_peer_bytes=%" PRIu64 " to_client_packets=%" PRIu64 " to_client_bytes=%" PRIu64
	         " limited_packets=%" PRIu64,
	         made_by(report), number(report), report->username, report->realm, report->reason,
	         traffic->to_peer_packets, traffic->to_peer_bytes, traffic->to_client_packets,
	         traffic->to_client_bytes, traffic->limited_packets);
}

void report_log(unsigned thread, const struct turn_report *report)
{
	switch (report->type) {
	case TURN_CREATED:
		log_begun(report);
		break;
	case TURN_REFRESHED:
		log_debug("allocation refreshed", "id=%u.%" PRIu64 " user=%s lifetime_s=%u",
		          made_by(report), number(report), report->username, report->lifetime_s);
		break;
	case TURN_EXPIRED:
		log_ended(report, "allocation expired");
		break;
	case TURN_DELETED:
		log_ended(report, "allocation deleted");
		break;
	case TURN_TRAFFIC: /* is the status database's */
		break;
	case TURN_MOVED:
		log_moved(thread, report);
		break;
	}
}

/* By the option that raises it: what an operator reads first and may want to change. */
static const char *limit_option(enum turn_limit limit)
{
	static const char *const options[TURN_LIMIT_COUNT] = {
		[TURN_LIMIT_USER_QUOTA] = "user-quota",
		[TURN_LIMIT_TOTAL_QUOTA] = "total-quota",
		[TURN_LIMIT_CAPACITY] = "bps-capacity",
		[TURN_LIMIT_PERMISSIONS] = "max-permissions",
		[TURN_LIMIT_CHANNELS] = "max-channels",
		[TURN_LIMIT_CONNECTIONS] = "max-peer-connections",
		[TURN_LIMIT_ALL_CONNECTIONS] = "max-peer-connections-total",
		[TURN_LIMIT_NEW_PEERS] = "max-new-peers",
		[TURN_LIMIT_BANDWIDTH] = "max-bps",
		[TURN_LIMIT_PACKET_RATE] = "max-pps",
		[TURN_LIMIT_MEMORY] = "memory",
	};

	return options[limit];
}

void report_log_limit(struct log_limit *limit, const struct turn_limit_reached *reached,
                      timestamp now)
{
	char client[ADDR_TEXT_SIZE], what[32] = "packets dropped";
	unsigned held_back;

	if (!log_limit_passes(limit, now, &held_back))
		return;
	if (reached->error != 0)
		snprintf(what, sizeof what, "answered %u", reached->error);
	log_warning("limit reached",
	            "option=%s value=%" PRIu64 " user=%s client=%s transport=%s result=\"%s\" "
	            "held_back=%u",
	            limit_option(reached->limit), reached->value, reached->username,
	            addr_format(&reached->tuple->client, client),
	            transport_name(reached->tuple->transport), what, held_back);
}
