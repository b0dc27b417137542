/* Parts of the channelling dialect's documents, written; its times and room names. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "signaling/channelling.h"

enum { PRIO = 100, TTL_WITHOUT_CREDENTIALS_S = 300 };

void envelope_open(struct text *text)
{
	json_open(text, '{');
	json_name(text, "Data");
	json_open(text, '{');
}

static void put_if_any(struct text *text, const char *name, const char *value)
{
	if (value != NULL && value[0] != '\0')
		json_member_string(text, name, slice_of(value));
}

void envelope_close(struct text *text, const struct envelope *envelope)
{
	json_close(text, '}');
	envelope_finish(text, envelope);
}

void envelope_finish(struct text *text, const struct envelope *envelope)
{
	put_if_any(text, "From", envelope->from);
	put_if_any(text, "To", envelope->to);
	if (!slice_is_empty(envelope->iid))
		json_member_raw(text, "Iid", envelope->iid);
	put_if_any(text, "A", envelope->attestation);
	json_close(text, '}');
}

void put_raw_member(struct text *text, struct slice name, struct slice value)
{
	json_put_raw(text, name);
	text_put_char(text, ':');
	json_put_raw(text, value);
}

/* TURN. */

static void put_uris(struct text *text, const char *name, const char *const *uris, size_t count)
{
	json_name(text, name);
	json_open(text, '[');
	for (size_t i = 0; i < count; i++)
		json_put_string(text, slice_of(uris[i]));
	json_close(text, ']');
}

static void put_zone(struct text *text, const struct turn_zone *zone)
{
	json_open(text, '{');
	json_member_string(text, "id", slice_of(zone->id));
	put_uris(text, "urns", zone->uris, zone->uri_count);
	json_member_integer(text, "prio", zone->priority);
	put_if_any(text, "label", zone->label);
	if (!slice_is_empty(zone->labels))
		json_member_raw(text, "i18n", zone->labels);
	json_close(text, '}');
}

static bool has_id(const struct turn_zone *zone)
{
	return zone->id != NULL && zone->id[0] != '\0';
}

/* Clients that know nothing of zones take urls: those of the zone that comes first, the one with the lowest number. */
static const struct turn_zone *first_zone(const struct turn_credentials *credentials)
{
	const struct turn_zone *first = &credentials->zones[0];

	for (size_t i = 1; i < credentials->zone_count; i++)
		if (credentials->zones[i].priority < first->priority)
			first = &credentials->zones[i];
	return first;
}

static void put_zones(struct text *text, const struct turn_credentials *credentials)
{
	json_name(text, "servers");
	json_open(text, '[');
	for (size_t i = 0; i < credentials->zone_count; i++)
		if (has_id(&credentials->zones[i]))
			put_zone(text, &credentials->zones[i]);
	json_close(text, ']');
}

static void put_servers(struct text *text, const struct turn_credentials *credentials)
{
	const struct turn_zone *first;

	if (credentials->zone_count == 0)
		return;
	first = first_zone(credentials);
	put_uris(text, "urls", first->uris, first->uri_count);
	if (has_id(first))
		put_zones(text, credentials);
}

void put_turn(struct text *text, const struct turn_credentials *credentials)
{
	json_name(text, "Turn");
	json_open(text, '{');
	json_member_string(text, "username",
	                   slice_of(credentials == NULL ? "" : credentials->username));
	json_member_string(text, "password",
	                   slice_of(credentials == NULL ? "" : credentials->password));
	json_member_integer(text, "ttl",
	                    credentials == NULL ? TTL_WITHOUT_CREDENTIALS_S : credentials->ttl_s);
	if (credentials != NULL) {
		put_servers(text, credentials);
		put_if_any(text, "geo_uri", credentials->geo_uri);
	}
	json_close(text, '}');
}

/* Sessions. */

static const char *first_of(const char *a, const char *b)
{
	return a != NULL && a[0] != '\0' ? a : b;
}

/* Participants of other dialects have no Status, but what people call them. */
static void put_foreign_status(struct text *text, const struct participant *participant)
{
	struct slice name = json_member(participant->attributes, "displayName");

	json_name(text, "Status");
	json_open(text, '{');
	if (json_kind(name) == JSON_KIND_STRING)
		json_member_raw(text, "displayName", name);
	else
		json_member_string(
			text, "displayName",
			slice_of(first_of(participant->user, first_of(participant->alias, ""))));
	json_close(text, '}');
}

static void put_status(struct text *text, const struct participant *participant)
{
	struct slice status = json_member(participant->attributes, "status");

	if (!slice_is_empty(status))
		json_member_raw(text, "Status", status);
	else if (participant->dialect != &dialect_channelling)
		put_foreign_status(text, participant);
}

static void put_string_attribute(struct text *text, const char *name,
                                 const struct participant *participant, const char *attribute)
{
	struct slice value = json_member(participant->attributes, attribute);

	if (json_kind(value) == JSON_KIND_STRING)
		json_member_raw(text, name, value);
}

void put_session(struct text *text, const char *type, const struct participant *participant)
{
	json_member_string(text, "Type", slice_of(type));
	json_member_string(text, "Id", slice_of(participant->id));
	put_if_any(text, "Userid", participant->user);
	put_string_attribute(text, "Ua", participant, "ua");
	put_string_attribute(text, "Version", participant, "version");
	json_member_integer(text, "Rev", participant->revision);
	json_member_integer(text, "Prio", PRIO);
	put_status(text, participant);
}

void put_sessions(struct text *text, const char *name, const struct participant *participants,
                  size_t count)
{
	json_name(text, name);
	json_open(text, '[');
	for (size_t i = 0; i < count && i < CHANNELLING_USERS_MAX; i++) {
		json_open(text, '{');
		put_session(text, "Online", &participants[i]);
		json_close(text, '}');
	}
	json_close(text, ']');
}

void put_rfc3339(uint64_t wall_ms, char to[RFC3339_SIZE])
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm parts;

	if (gmtime_r(&seconds, &parts) == NULL ||
	    strftime(to, RFC3339_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
		to[0] = '\0';
}

/* Rooms. */

const char *channelling_room_type(const struct room_info *room)
{
	return strcmp(room->type, "room") == 0 ? "Room" : room->type;
}

static unsigned lower_case(unsigned c)
{
	static const struct {
		unsigned first, last, step, add; /* of every step-th letter */
	} ranges[] = {
		{0xC0, 0xD6, 1, 32},   {0xD8, 0xDE, 1, 32}, /* Latin-1 */
		{0x100, 0x12E, 2, 1},  {0x132, 0x136, 2, 1},  {0x139, 0x147, 2, 1},
		{0x14A, 0x176, 2, 1},  {0x179, 0x17D, 2, 1}, /* Latin Extended-A; not I with a dot */
		{0x391, 0x3A1, 1, 32}, {0x3A3, 0x3AB, 1, 32}, /* Greek */
		{0x400, 0x40F, 1, 80}, {0x410, 0x42F, 1, 32}, /* Cyrillic */
	};

	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
		if (c >= ranges[i].first && c <= ranges[i].last &&
		    (c - ranges[i].first) % ranges[i].step == 0)
			return c + ranges[i].add;
	return c;
}

/* All of these letters have two octets in UTF-8, and so have the small ones (RFC 3629). */
void text_lower_case(struct text *text)
{
	for (size_t i = 0; i < text->len; i++) {
		unsigned char *c = (unsigned char *)text->at + i;
		if (*c >= 'A' && *c <= 'Z')
			*c = (unsigned char)(*c - 'A' + 'a');
		if ((*c & 0xE0) != 0xC0 || i + 1 == text->len)
			continue;
		unsigned letter = lower_case((unsigned)(c[0] & 0x1F) << 6 | (c[1] & 0x3F));
		c[0] = (unsigned char)(0xC0 | letter >> 6);
		c[1] = (unsigned char)(0x80 | (letter & 0x3F));
	}
}
