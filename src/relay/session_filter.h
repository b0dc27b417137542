/* Which sessions an operator means, and how one is named. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "turn/sessions.h"

struct revocations;

/* Which sessions are meant; all that is set has to fit. Texts are lent until the survey is done. */
struct session_filter {
	uint64_t id;                       /* 0: any */
	const char *user;                  /* the name */
	const char *user_part;             /* a part of it */
	const char *realm, *origin;        /* NULL: any, as for those above */
	const struct revocations *revoked; /* of one of those names; NULL: any */
	bool has_client, has_peer;         /* whether the next two are set */
	struct addr_range client, peer;    /* IPs */
	int transport;                     /* enum transport; -1: any */
	int thread;                        /* -1: any */
};

bool session_filter_fits(const struct session_filter *filter, unsigned thread,
                         const struct turn_session *session,
                         const struct turn_allocation *allocation);
/* How many steps, each as long as looking at a session, its permissions add. */
unsigned session_filter_steps(const struct session_filter *filter,
                              const struct turn_session *session);

enum { SESSION_ID_SIZE = 32 };
/* Writes an id as the log has it, THREAD.NUMBER, and returns it. */
const char *session_id_format(uint64_t id, char text[SESSION_ID_SIZE]);
/* Reads one, or coturn's form of 18 digits, the last 15 of which are the number. */
MUST_CHECK enum err session_id_parse(const char *text, uint64_t *id);
