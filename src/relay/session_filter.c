/* The conditions of a filter, those first that cost least. */
#include "relay/session_filter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/revocations.h"

enum { ID_THREAD_SHIFT = 48, ID_THREADS = 1 << 16 };
static const uint64_t ID_NUMBERS = UINT64_C(1) << ID_THREAD_SHIFT;
static const uint64_t COTURN_FACTOR = UINT64_C(1000000000000000);

static bool is_text(const char *wanted, const char *text)
{
	return wanted == NULL || strcmp(wanted, text) == 0;
}

static bool fits_place(const struct session_filter *filter, unsigned thread,
                       const struct turn_session *session)
{
	return (filter->id == 0 || filter->id == session->id) &&
	       (filter->thread < 0 || (unsigned)filter->thread == thread) &&
	       (filter->transport < 0 || filter->transport == session->tuple->transport) &&
	       (!filter->has_client ||
	        addr_range_contains(&filter->client, &session->tuple->client));
}

static bool fits_names(const struct session_filter *filter, const struct turn_session *session)
{
	return (filter->revoked == NULL || revocations_have(filter->revoked, session->username)) &&
	       is_text(filter->user, session->username) && is_text(filter->realm, session->realm) &&
	       is_text(filter->origin, session->origin) &&
	       (filter->user_part == NULL || strstr(session->username, filter->user_part) != NULL);
}

bool session_filter_fits(const struct session_filter *filter, unsigned thread,
                         const struct turn_session *session,
                         const struct turn_allocation *allocation)
{
	return fits_place(filter, thread, session) && fits_names(filter, session) &&
	       (!filter->has_peer || turn_session_has_peer(allocation, &filter->peer));
}

unsigned session_filter_steps(const struct session_filter *filter,
                              const struct turn_session *session)
{
	return filter->has_peer ? session->permissions + session->connections : 0;
}

const char *session_id_format(uint64_t id, char text[SESSION_ID_SIZE])
{
	snprintf(text, SESSION_ID_SIZE, "%u.%" PRIu64, (unsigned)(id >> ID_THREAD_SHIFT),
	         id & (ID_NUMBERS - 1));
	return text;
}

static bool number_parse(const char *text, char **end, uint64_t *number)
{
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtoull(text, end, 10);
	return errno == 0;
}

enum err session_id_parse(const char *text, uint64_t *id)
{
	uint64_t thread, number;
	char *end;

	if (!number_parse(text, &end, &thread))
		return ERR_INVALID;
	if (*end == '.') {
		if (!number_parse(end + 1, &end, &number))
			return ERR_INVALID;
	} else {
		number = thread % COTURN_FACTOR;
		thread /= COTURN_FACTOR;
	}
	if (*end != 0 || thread >= ID_THREADS || number == 0 || number >= ID_NUMBERS)
		return ERR_INVALID;
	*id = thread << ID_THREAD_SHIFT | number;
	return OK;
}
