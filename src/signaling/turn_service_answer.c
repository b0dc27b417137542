/* What a TURN service answers: {"success":true,"nonce":...,"turn":{"ttl","username","password","servers":[...],"geo_uri"},"session":...}.
 * It is another's text: what is not as it should be is refused as a whole, and what was there before goes on. */
#include <stdlib.h>
#include <string.h>

#include "config/turn_uri.h"
#include "signaling/json_text.h"
#include "signaling/turn_source_private.h"

enum {
	TTL_MAX_S = 7 * 86400,
	PASSWORD_MAX = 512,
	LABELS_MAX = 512,
	URL_MAX = 512,
	MILLISECONDS = 1000
};

static enum err turn_read(struct slice turn, struct turn_source *source, uint32_t *ttl_s);
static enum err server_read(struct slice server, struct turn_source *source);
static enum err keep_string(struct turn_source *source, struct slice value, size_t max,
                            const char **kept);

enum err turn_service_answer(struct slice body, const char *nonce, uint64_t wall_ms,
                             struct turn_source **result, uint32_t *ttl_s,
                             char session[TURN_SERVICE_SESSION_MAX + 1])
{
	char told[256];
	struct turn_source *source;
	enum err err;

	if (json_check(body) != OK || !json_is_true(json_member(body, "success")) ||
	    json_get_string(json_member(body, "nonce"), told, sizeof told) != OK ||
	    strcmp(told, nonce) != 0 ||
	    json_get_text(json_member(body, "session"), session, TURN_SERVICE_SESSION_MAX + 1) !=
	            OK)
		return ERR_INVALID;
	source = calloc(1, sizeof *source);
	if (source == NULL)
		return ERR_NO_MEMORY;
	source->is_remote = true;
	err = turn_read(json_member(body, "turn"), source, ttl_s);
	if (err == OK)
		err = turn_source_finish(source);
	if (err != OK) {
		turn_source_destroy(source);
		return err == ERR_NO_MEMORY ? err : ERR_INVALID;
	}
	source->expires_ms = wall_ms + (uint64_t)*ttl_s * MILLISECONDS;
	*result = source;
	return OK;
}

static enum err turn_read(struct slice turn, struct turn_source *source, uint32_t *ttl_s)
{
	struct slice servers = json_member(turn, "servers"), server;
	int64_t ttl = 0;
	size_t position = 0;
	enum err err = json_get_integer(json_member(turn, "ttl"), 1, TTL_MAX_S, &ttl);

	*ttl_s = (uint32_t)ttl;
	if (err == OK)
		err = keep_string(source, json_member(turn, "username"), STORE_USERNAME_MAX,
		                  &source->username);
	if (err == OK)
		err = keep_string(source, json_member(turn, "password"), PASSWORD_MAX,
		                  &source->password);
	source->geo_uri = "";
	if (err == OK && !slice_is_empty(json_member(turn, "geo_uri")))
		err = keep_string(source, json_member(turn, "geo_uri"), URL_MAX, &source->geo_uri);
	if (err != OK)
		return err;
	if (strncmp(source->geo_uri, "http://", 7) != 0 &&
	    strncmp(source->geo_uri, "https://", 8) != 0)
		source->geo_uri = ""; /* pages would run whatever else it is */
	if (json_kind(servers) != JSON_KIND_ARRAY)
		return ERR_INVALID;
	while (err == OK && json_next_element(servers, &position, &server))
		err = server_read(server, source);
	return err == OK && source->zone_count == 0 ? ERR_INVALID : err;
}

/* URNs of schemes that this version does not know are passed over; a zone may have none then. */
static enum err server_read(struct slice server, struct turn_source *source)
{
	struct slice urns = json_member(server, "urns"), labels = json_member(server, "i18n"), urn;
	char id[TURN_URI_ZONE_MAX + 1], uri[TURN_URI_MAX + 1];
	size_t position = 0;
	int64_t priority = 0;
	struct turn_zone *zone;
	enum err err;

	if (json_kind(server) != JSON_KIND_OBJECT || json_kind(urns) != JSON_KIND_ARRAY ||
	    json_get_string(json_member(server, "id"), id, sizeof id) != OK ||
	    (!slice_is_empty(json_member(server, "prio")) &&
	     json_get_integer(json_member(server, "prio"), INT32_MIN, INT32_MAX, &priority) != OK))
		return ERR_INVALID;
	zone = turn_source_zone(source, id);
	if (zone == NULL)
		return ERR_FULL;
	zone->priority = (int)priority;
	if (!slice_is_empty(json_member(server, "label"))) {
		err = keep_string(source, json_member(server, "label"), TURN_URI_LABEL_MAX,
		                  &zone->label);
		if (err != OK)
			return err;
	}
	if (json_kind(labels) == JSON_KIND_OBJECT && labels.len <= LABELS_MAX) {
		zone->labels.at = turn_source_keep(source, labels);
		zone->labels.len = zone->labels.at == NULL ? 0 : labels.len;
	}
	while (json_next_element(urns, &position, &urn))
		if (json_get_string(urn, uri, sizeof uri) == OK && turn_uri_is_valid(uri) &&
		    turn_zone_add_uri(source, zone, slice_of(uri)) != OK)
			return ERR_FULL;
	return OK;
}

static enum err keep_string(struct turn_source *source, struct slice value, size_t max,
                            const char **kept)
{
	char text[1024];

	if (json_get_string(value, text, max + 1 < sizeof text ? max + 1 : sizeof text) != OK)
		return ERR_INVALID;
	*kept = turn_source_keep(source, slice_of(text));
	return *kept == NULL ? ERR_NO_MEMORY : OK;
}
