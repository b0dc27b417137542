/* TURN credentials as pages take them. */
#include "signaling/ice_servers.h"

#include "signaling/json_text.h"

static void put_uris(struct text *text, const char *name, const char *const *uris, size_t count)
{
	json_name(text, name);
	json_open(text, '[');
	for (size_t i = 0; i < count; i++)
		json_put_string(text, slice_of(uris[i]));
	json_close(text, ']');
}

/* A server without a URL would be a syntax error to the browser, and cost the page its connection. */
static void put_stun(struct text *text, const struct turn_credentials *turn)
{
	if (turn->stun_uri_count == 0)
		return;
	json_open(text, '{');
	put_uris(text, "urls", turn->stun_uris, turn->stun_uri_count);
	json_close(text, '}');
}

static void put_turn(struct text *text, const struct turn_credentials *turn)
{
	if (turn->zone_count == 0 || turn->zones[0].uri_count == 0)
		return;
	json_open(text, '{');
	put_uris(text, "urls", turn->zones[0].uris, turn->zones[0].uri_count);
	json_member_string(text, "username", slice_of(turn->username));
	json_member_string(text, "credential", slice_of(turn->password));
	json_close(text, '}');
}

void ice_servers_put(struct text *text, const struct turn_credentials *turn)
{
	json_name(text, "iceServers");
	json_open(text, '[');
	put_stun(text, turn);
	put_turn(text, turn);
	json_close(text, ']');
	json_member_integer(text, "ttl", turn->ttl_s);
}

static void put_zone(struct text *text, const struct turn_zone *zone)
{
	json_open(text, '{');
	json_member_string(text, "id", slice_of(zone->id));
	if (zone->label != NULL && zone->label[0] != '\0')
		json_member_string(text, "label", slice_of(zone->label));
	if (zone->labels.len > 0)
		json_member_raw(text, "labels", zone->labels);
	json_member_integer(text, "prio", zone->priority);
	put_uris(text, "uris", zone->uris, zone->uri_count);
	json_close(text, '}');
}

static bool has_zones(const struct turn_credentials *turn)
{
	for (size_t i = 0; i < turn->zone_count; i++)
		if (turn->zones[i].id != NULL && turn->zones[i].id[0] != '\0')
			return true;
	return false;
}

void ice_servers_put_zones(struct text *text, const struct turn_credentials *turn)
{
	if (has_zones(turn)) {
		json_name(text, "zones");
		json_open(text, '[');
		for (size_t i = 0; i < turn->zone_count; i++)
			put_zone(text, &turn->zones[i]);
		json_close(text, ']');
	}
	if (turn->geo_uri != NULL && turn->geo_uri[0] != '\0')
		json_member_string(text, "geo_uri", slice_of(turn->geo_uri));
}
