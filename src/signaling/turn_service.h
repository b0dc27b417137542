/* TURN credentials of a remote service: fetched at the start and when 80 % of their time have passed, on a thread of its own.
 *
 *     turn_service ──► POST URL/api/v1/turn/credentials ──► answer ──► letter with a new source ──► notify
 *                              (away, 403, nonsense: again, later and later; what there is goes on until it expires)
 */
#pragma once

#include "base/err.h"
#include "base/mailbox.h"

struct config;
struct turn_service;
struct turn_source;

/* New credentials. */
struct turn_service_letter {
	struct mail mail;
	void *context;
	struct turn_source *source; /* the receiver's, as the letter is: it is freed */
};
struct turn_service_settings {
	const struct config *config; /* turn-service-url, -token, -client-id: copied */
	struct mailbox *notify;
	void (*deliver)(struct mail *letter, void *receiver);
	void *context;
	unsigned check_ms; /* how often the time is looked at; 0: 60000 */
};
/* Makes it, and reads what TLS trusts; before the user is switched. ERR_INVALID: problem is one line for a person. */
MUST_CHECK enum err turn_service_create(const struct turn_service_settings *settings,
                                        struct turn_service **service, char problem[256]);
/* Starts its thread, once. */
MUST_CHECK enum err turn_service_start(struct turn_service *service);
/* Ends the thread, and what is under way. Letters that were not delivered yet are whose the mailbox is. NULL is fine. */
void turn_service_destroy(struct turn_service *service);
