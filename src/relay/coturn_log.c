/* A session of coturn's is a 5-tuple that somebody has sent from; here it is an allocation, and what comes
 * before there is one has the number 0 of its thread. */
#include "relay/coturn_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

#define EVENT   "coturn session" /* their names in JSON */
#define REFUSAL "coturn refusal"

enum { SESSIONS_OF_THREAD_DIGITS = 15 };

/* Three digits for the thread, and fifteen for the number that the session has there. */
static unsigned long long session_id(uint64_t id)
{
	unsigned long long of_thread = 1;

	for (unsigned i = 0; i < SESSIONS_OF_THREAD_DIGITS; i++)
		of_thread *= 10;
	return (unsigned long long)(id >> 48) * of_thread + (id & ((UINT64_C(1) << 48) - 1));
}

static void log_lifetime(const struct turn_report *report, const char *status)
{
	log_text(LEVEL_INFO | LOG_ALWAYS, EVENT,
	         "session %018llu: %s, realm=<%s>, username=<%s>, lifetime=%lu",
	         session_id(report->id), status, report->realm, report->username,
	         (unsigned long)report->lifetime_s);
}

/* Received and sent, as seen from the server: first with the client, then with the peers. */
static void log_usage(const struct turn_report *report)
{
	const struct turn_traffic *traffic = &report->traffic;
	unsigned long long id = session_id(report->id);

	log_text(LEVEL_INFO | LOG_ALWAYS, EVENT,
	         "session %018llu: usage: realm=<%s>, username=<%s>, rp=%" PRIu64 ", rb=%" PRIu64
	         ", sp=%" PRIu64 ", sb=%" PRIu64,
	         id, report->realm, report->username, traffic->to_peer_packets,
	         traffic->to_peer_bytes, traffic->to_client_packets, traffic->to_client_bytes);
	log_text(LEVEL_INFO | LOG_ALWAYS, EVENT,
	         "session %018llu: peer usage: realm=<%s>, username=<%s>, rp=%" PRIu64
	         ", rb=%" PRIu64 ", sp=%" PRIu64 ", sb=%" PRIu64,
	         id, report->realm, report->username, traffic->to_client_packets,
	         traffic->to_client_bytes, traffic->to_peer_packets, traffic->to_peer_bytes);
}

static const char *transport_word(enum transport transport)
{
	switch (transport) {
	case TRANSPORT_TCP:
		return "TCP";
	case TRANSPORT_TLS:
		return "TLS/TCP";
	case TRANSPORT_DTLS:
		return "DTLS/UDP";
	default:
		return "UDP";
	}
}

/* coturn has one reason for an allocation whose time is up, whoever shortened it. */
static void log_closed(const struct turn_report *report)
{
	char local[ADDR_TEXT_SIZE], remote[ADDR_TEXT_SIZE], reason[64] = "allocation timeout";

	if (report->type != TURN_EXPIRED && transport_is_stream(report->tuple->transport))
		snprintf(reason, sizeof reason, "%s connection closed by client (callback)",
		         transport_word(report->tuple->transport));
	log_text(LEVEL_INFO | LOG_ALWAYS, EVENT,
	         "session %018llu: closed (2nd stage), user <%s> realm <%s> origin <%s>, local %s, "
	         "remote %s, reason: %s",
	         session_id(report->id), report->username, report->realm, report->origin,
	         addr_format(&report->tuple->server, local),
	         addr_format(&report->tuple->client, remote), reason);
}

static void log_end(const struct turn_report *report)
{
	log_usage(report);
	log_closed(report);
	log_text(LEVEL_INFO | LOG_ALWAYS, EVENT,
	         "session %018llu: delete: realm=<%s>, username=<%s>", session_id(report->id),
	         report->realm, report->username);
}

void coturn_log_report(const struct turn_report *report)
{
	switch (report->type) {
	case TURN_CREATED:
		log_lifetime(report, "new");
		break;
	case TURN_REFRESHED:
		log_lifetime(report, "refreshed");
		break;
	case TURN_EXPIRED:
	case TURN_DELETED:
		log_end(report);
		break;
	case TURN_TRAFFIC: /* is the status database's */
		break;
	case TURN_MOVED:
		break;
	}
}

static const char *method_word(enum stun_method method)
{
	static const struct {
		enum stun_method method;
		const char *word;
	} rows[] = {
		{STUN_BINDING, "BINDING"},
		{STUN_ALLOCATE, "ALLOCATE"},
		{STUN_REFRESH, "REFRESH"},
		{STUN_CREATE_PERMISSION, "CREATE_PERMISSION"},
		{STUN_CHANNEL_BIND, "CHANNEL_BIND"},
		{STUN_CONNECT, "CONNECT"},
		{STUN_CONNECTION_BIND, "CONNECTION_BIND"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].method == method)
			return rows[i].word;
	return "unknown";
}

static void log_wrong_credentials(const struct turn_answered *answered, unsigned long long id)
{
	bool is_password = strcmp(answered->reason, "wrong password") == 0;

	if (is_password)
		log_text(LEVEL_WARNING, REFUSAL,
		         "session %018llu: check_stun_auth: user %s credentials are incorrect", id,
		         answered->username);
	else
		log_text(LEVEL_WARNING, REFUSAL,
		         "session %018llu: check_stun_auth: Cannot find credentials of user <%s>",
		         id, answered->username);
}

static void log_outcome(const struct turn_answered *answered, unsigned long long id)
{
	char origin[ADDR_TEXT_SIZE + 256] = "";
	bool is_401 = answered->error == STUN_UNAUTHENTICATED;

	if (answered->origin[0] != '\0')
		snprintf(origin, sizeof origin, "origin <%s> ", answered->origin);
	if (answered->error == STUN_NO_ERROR)
		log_text(LEVEL_INFO | LOG_ALWAYS, EVENT,
		         "session %018llu: %srealm <%s> user <%s>: incoming packet %s processed, "
		         "success",
		         id, origin, answered->realm, answered->username,
		         method_word(answered->method));
	else
		log_text(LEVEL_INFO, EVENT,
		         "session %018llu: %srealm <%s> user <%s>: incoming packet %s processed, "
		         "error %u: %s",
		         id, origin, answered->realm, answered->username,
		         is_401 ? "message" : method_word(answered->method), answered->error,
		         is_401 ? "Unauthorized" : stun_error_reason(answered->error));
}

void coturn_log_answer(const struct turn_answered *answered, unsigned thread)
{
	unsigned long long id =
		session_id(answered->id != 0 ? answered->id : (uint64_t)thread << 48);

	if (answered->error == STUN_UNAUTHENTICATED)
		log_wrong_credentials(answered, id);
	log_outcome(answered, id);
}

void coturn_log_ready(unsigned store_threads)
{
	log_text(LEVEL_INFO | LOG_ALWAYS, "ready for coturn's scripts", "Total auth threads: %u",
	         store_threads);
}
