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

	log_always("allocation created",
	           "id=%u.%" PRIu64
	           " user=%s realm=%s origin?=%s client=%s transport=%s relayed=%s lifetime_s=%u",
	           made_by(report), number(report), report->username, report->realm, report->origin,
	           addr_format(&report->tuple->client, client),
	           transport_name(report->tuple->transport), relayed_format(report->relay, relayed),
	           report->lifetime_s);
}

static void log_refreshed(const struct turn_report *report)
{
	log_debug("allocation refreshed", "id=%u.%" PRIu64 " user=%s realm=%s lifetime_s=%u",
	          made_by(report), number(report), report->username, report->realm,
	          report->lifetime_s);
}

static void log_moved(unsigned thread, const struct turn_report *report)
{
	char client[ADDR_TEXT_SIZE];

	log_always("allocation moved",
	           "id=%u.%" PRIu64 " user=%s realm=%s client=%s transport=%s thread=%u",
	           made_by(report), number(report), report->username, report->realm,
	           addr_format(&report->tuple->client, client),
	           transport_name(report->tuple->transport), thread);
}

#define ENDED_KEYS                                                                            \
	"id=%u.%" PRIu64 " user=%s realm=%s reason=\"%s\" client=%s transport=%s relayed=%s " \
	"age_s=%" PRIu64 " to_peer_packets=%" PRIu64 " to_peer_bytes=%" PRIu64                \
	" to_client_packets=%" PRIu64 " to_client_bytes=%" PRIu64 " limited_packets=%" PRIu64

static void log_ended(const struct turn_report *report)
{
	const struct turn_traffic *traffic = &report->traffic;
	char client[ADDR_TEXT_SIZE], relayed[2 * ADDR_TEXT_SIZE];

	log_always(report->type == TURN_EXPIRED ? "allocation expired" : "allocation deleted",
	           ENDED_KEYS, made_by(report), number(report), report->username, report->realm,
	           report->reason, addr_format(&report->tuple->client, client),
	           transport_name(report->tuple->transport), relayed_format(report->relay, relayed),
	           report->age_s, traffic->to_peer_packets, traffic->to_peer_bytes,
	           traffic->to_client_packets, traffic->to_client_bytes, traffic->limited_packets);
}

void report_log(unsigned thread, const struct turn_report *report)
{
	switch (report->type) {
	case TURN_CREATED:
		log_begun(report);
		break;
	case TURN_REFRESHED:
		log_refreshed(report);
		break;
	case TURN_EXPIRED:
	case TURN_DELETED:
		log_ended(report);
		break;
	case TURN_TRAFFIC: /* is the status database's */
		break;
	case TURN_MOVED:
		log_moved(thread, report);
		break;
	}
}

/* "10.0.0.1", or nothing. */
static const char *peer_format(const struct turn_answered *answered, char text[ADDR_TEXT_SIZE])
{
	text[0] = '\0';
	return answered->has_peer ? addr_format_ip(&answered->peer, text) : text;
}

void report_log_answer(const struct turn_answered *answered)
{
	char client[ADDR_TEXT_SIZE], peer[ADDR_TEXT_SIZE];

	addr_format(&answered->tuple->client, client);
	if (answered->error != STUN_NO_ERROR)
		log_info("request refused",
		         "method=%s error*=%u reason=\"%s\" peer?=%s user=%s realm=%s client=%s "
		         "transport=%s",
		         stun_method_name(answered->method), answered->error, answered->reason,
		         peer_format(answered, peer), answered->username, answered->realm, client,
		         transport_name(answered->tuple->transport));
	else if (answered->method == STUN_BINDING)
		log_info("Binding answered", "client=%s transport=%s", client,
		         transport_name(answered->tuple->transport));
}

/* Enough to see what it is, and too few to hold a ticket or token behind the header. */
void report_log_drop(const struct five_tuple *tuple, const struct packet *packet,
                     enum counter reason)
{
	enum { SHOWN = 20 };
	char client[ADDR_TEXT_SIZE], bytes[3 * SHOWN + 1] = "";

	for (size_t i = 0; i < SHOWN && i < packet->len; i++)
		snprintf(bytes + 3 * i, sizeof "00 ",
		         i + 1 < SHOWN && i + 1 < packet->len ? "%02x " : "%02x", packet->data[i]);
	log_info("packet dropped", "reason*=%s client=%s transport=%s len=%zu bytes=\"%s\"",
	         counter_name(reason), addr_format(&tuple->client, client),
	         transport_name(tuple->transport), packet->len, bytes);
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

void report_log_limit(const struct turn_limit_reached *reached)
{
	char client[ADDR_TEXT_SIZE], result[32] = "packets dropped";

	if (reached->error != 0)
		snprintf(result, sizeof result, "answered %u", reached->error);
	log_warning("limit reached",
	            "option*=%s value=%" PRIu64 " user=%s client=%s transport=%s result=\"%s\"",
	            limit_option(reached->limit), reached->value, reached->username,
	            addr_format(&reached->tuple->client, client),
	            transport_name(reached->tuple->transport), result);
}
