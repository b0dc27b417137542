/* One survey of all sessions at a time, for all names that there are; a letter that comes meanwhile is for the next. */
#include "relay/revoker.h"

#include <stdlib.h>

#include "base/log.h"
#include "relay/circular.h"
#include "relay/revocations.h"
#include "relay/sessions.h"
#include "store/store.h"

struct revoker {
	struct sessions *sessions; /* owner: the main thread */
	struct store_watch watch;
	struct revocations revoked;        /* of the survey under way */
	struct store_revocations *waiting; /* owned: the newest letter; NULL: none */
	bool is_walking;
};

static void store_revoked(struct mail *mail, void *receiver);
static void walk(struct revoker *revoker);
static void tell_failure(enum err err);
static sessions_done walked;

enum err revoker_create(struct circulars *circulars, struct sessions *sessions,
                        struct store_thread *store, struct revoker **result)
{
	struct revoker *revoker = calloc(1, sizeof *revoker);

	if (revoker == NULL)
		return ERR_NO_MEMORY;
	revoker->sessions = sessions;
	revocations_init(&revoker->revoked);
	revoker->watch = (struct store_watch){
		.notify = circulars->mailbox,
		.revoked = store_revoked,
		.context = revoker,
	};
	if (store != NULL)
		store_thread_watch(store, &revoker->watch);
	*result = revoker;
	return OK;
}

void revoker_destroy(struct revoker *revoker)
{
	if (revoker == NULL)
		return;
	revocations_deinit(&revoker->revoked);
	free(revoker->waiting);
	free(revoker);
}

static void store_revoked(struct mail *mail, void *receiver)
{
	struct store_revocations *letter = CONTAINER_OF(mail, struct store_revocations, mail);
	struct revoker *revoker = letter->context;

	(void)receiver;
	free(revoker->waiting);
	revoker->waiting = letter;
	if (!revoker->is_walking)
		walk(revoker);
}

static void walk(struct revoker *revoker)
{
	struct sessions_wish wish = {
		.filter = {.revoked = &revoker->revoked, .transport = -1, .thread = -1},
		.cancel = SESSIONS_CANCELLED_MAX,
		.actor = "revocation",
	};
	struct store_revocations *letter = revoker->waiting;
	enum err err;

	revoker->waiting = NULL;
	err = revocations_take(&revoker->revoked, letter);
	if (err == OK && revoker->revoked.count == 0)
		return;
	revoker->is_walking = true;
	if (err == OK)
		err = sessions_ask(revoker->sessions, &wish, walked, revoker);
	if (err == OK)
		return;
	revoker->is_walking = false;
	tell_failure(err);
}

static void tell_failure(enum err err)
{
	if (err != ERR_CLOSED)
		log_error("revoked allocations not ended",
		          "reason=\"%s\" advice=\"turnadmin session cancel --user NAME\"",
		          err_string(err));
}

/* A survey that failed is no reason to pass over what was revoked meanwhile. */
static void walked(const struct sessions_found *found, void *context)
{
	struct revoker *revoker = context;

	revoker->is_walking = false;
	if (found->err != OK)
		tell_failure(found->err);
	if (found->err != ERR_CLOSED && revoker->waiting != NULL)
		walk(revoker);
}
