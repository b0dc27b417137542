/* Which realm a request is of (draft-ietf-tram-stun-origin-06). It follows from the request alone until
 * there is an allocation, which then keeps it: what a stranger names pins nothing. */
#include <string.h>

#include "turn/request.h"

enum { ORIGINS_READ = 8 }; /* of one message; a browser sends one for each nested frame */

static bool is_on_allocation(const struct request *request);
static const char *realm_of(const struct turn_server *server, const char *origin);
static bool origin_next(const struct request *request, unsigned *count, size_t *offset,
                        char origin[STUN_ORIGIN_MAX + 1]);
static bool names_origin(const struct request *request, const char *wanted);

const char *request_realm(struct request *request)
{
	if (request->realm == NULL)
		request->realm = is_on_allocation(request) ? allocation_realm(request->allocation)
		                                           : request_challenge_realm(request);
	return request->realm;
}

/* An access token names no user: its realm is that of its key. */
const char *request_home(struct request *request)
{
	const struct turn_settings *settings = &request->server->settings;
	const char *home = NULL;

	if (is_on_allocation(request))
		return allocation_home(request->allocation);
	if (settings->realm_of_name != NULL && request->token_deadline == 0)
		home = settings->realm_of_name(settings->origin_context, request->username);
	return home != NULL ? home : request_realm(request);
}

const char *request_challenge_realm(const struct request *request)
{
	struct turn_server *server = request->server;
	char origin[STUN_ORIGIN_MAX + 1];
	const char *realm = NULL;

	if (request_origin(request, origin))
		realm = realm_of(server, origin);
	else if (is_on_allocation(request) && request->allocation->origin != NULL)
		realm = realm_of(server, request->allocation->origin);
	return realm != NULL ? realm : server->settings.realm;
}

bool request_origin(const struct request *request, char origin[STUN_ORIGIN_MAX + 1])
{
	char other[STUN_ORIGIN_MAX + 1];
	size_t offset = 0;
	unsigned count = 0;

	if (!origin_next(request, &count, &offset, origin))
		return false;
	if (realm_of(request->server, origin) != NULL)
		return true;
	while (origin_next(request, &count, &offset, other))
		if (realm_of(request->server, other) != NULL) {
			memcpy(origin, other, sizeof other);
			break;
		}
	return true;
}

int check_origin(struct request *request)
{
	char origin[STUN_ORIGIN_MAX + 1];
	bool is_same;

	if (!request->server->settings.check_origin || !is_on_allocation(request))
		return STUN_NO_ERROR;
	is_same = request->allocation->origin != NULL
	                  ? names_origin(request, request->allocation->origin)
	                  : !request_origin(request, origin);
	return is_same ? STUN_NO_ERROR : STUN_WRONG_CREDENTIALS;
}

/* An Allocate on a 5-tuple in use is another client's until it has proven to be a retransmission. */
static bool is_on_allocation(const struct request *request)
{
	return request->allocation != NULL && request->message.method != STUN_ALLOCATE;
}

static const char *realm_of(const struct turn_server *server, const char *origin)
{
	const struct turn_settings *settings = &server->settings;

	return settings->realm_of_origin != NULL
	               ? settings->realm_of_origin(settings->origin_context, origin)
	               : NULL;
}

/* Walks the origins of a message, those that are none left out; count and offset begin as 0. */
static bool origin_next(const struct request *request, unsigned *count, size_t *offset,
                        char origin[STUN_ORIGIN_MAX + 1])
{
	const uint8_t *value;
	size_t len;

	if (!stun_has(&request->message, STUN_ATTR_ORIGIN))
		return false;
	while ((*count)++ < ORIGINS_READ &&
	       (value = stun_next(&request->message, STUN_ATTR_ORIGIN, offset, &len)) != NULL)
		if (stun_origin_normalise(value, len, origin) == OK)
			return true;
	return false;
}

static bool names_origin(const struct request *request, const char *wanted)
{
	char origin[STUN_ORIGIN_MAX + 1];
	size_t offset = 0;
	unsigned count = 0;

	while (origin_next(request, &count, &offset, origin))
		if (strcmp(origin, wanted) == 0)
			return true;
	return false;
}
