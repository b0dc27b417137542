/* Questions to the host, and its answers: who someone is, TURN credentials, where a room is. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "signaling/room_private.h"

enum { CREDENTIALS_AGAIN_MS = 60000 }; /* after there were none */

static void credentials_due(struct timer *timer, timestamp now);

static bool ask_has_cookie(const void *item, const void *key)
{
	return ((const struct ask *)item)->cookie == *(const uint64_t *)key;
}

struct ask *ask_create(struct hub *hub, enum hub_action_kind kind, struct session *session,
                       const struct reference *reference)
{
	struct ask *ask;

	if (session != NULL && session->asks >= ASKS_MAX)
		return NULL;
	ask = calloc(1, sizeof *ask);
	if (ask == NULL)
		return NULL;
	ask->kind = kind;
	ask->cookie = hub_cookie(hub);
	ask->has_reference = reference != NULL;
	if (reference != NULL)
		ask->reference = *reference;
	if (hash_table_insert(&hub->asks, number_hash(ask->cookie), ask) != OK) {
		free(ask);
		return NULL;
	}
	if (session != NULL) {
		memcpy(ask->session, session->id, sizeof ask->session);
		ask->identity = session->identity->identity;
		session->asks++;
	}
	list_append(&hub->questions, &ask->node);
	return ask;
}

void ask_destroy(struct hub *hub, struct ask *ask)
{
	if (ask == NULL)
		return;
	list_remove(&ask->node);
	hash_table_remove(&hub->asks, number_hash(ask->cookie), ask);
	if (ask->proof != NULL)
		bytes_wipe(ask->proof, strlen(ask->proof));
	free(ask->proof);
	free(ask->name);
	free(ask->tenant);
	free(ask);
}

void ask_forget(struct hub *hub, uint64_t cookie)
{
	ask_destroy(hub, hash_table_find(&hub->asks, number_hash(cookie), ask_has_cookie, &cookie));
}

/* The host has it from here on: it stays in the table until it is answered. */
bool hub_next_question(struct hub *hub, struct hub_action *action)
{
	struct list *first = list_first(&hub->questions);

	if (first == NULL)
		return false;
	struct ask *ask = CONTAINER_OF(first, struct ask, node);
	list_remove(first);
	action->kind = ask->kind;
	action->cookie = ask->cookie;
	action->session = ask->session[0] == '\0' ? NULL : hub_find_session(hub, ask->session);
	action->session_id = ask->session;
	action->identity = &ask->identity;
	action->claim = ask->kind == HUB_IDENTIFY ? &ask->claim : NULL;
	if (ask->view != NULL)
		action->room = &ask->view->info;
	else if (ask->recall != NULL)
		action->room = recall_room(ask->recall);
	if (ask->kind != HUB_FIND_SESSION)
		return true;
	action->session_id = ask->wanted;
	action->address =
		ask->is_by_id && action->session != NULL ? action->session->address : NULL;
	return true;
}

struct ask *ask_answered(struct hub *hub, uint64_t cookie, enum hub_action_kind kind,
                         struct session **session)
{
	struct ask *ask = hash_table_find(&hub->asks, number_hash(cookie), ask_has_cookie, &cookie);

	*session = NULL;
	if (ask == NULL || ask->kind != kind)
		return NULL;
	if (ask->session[0] != '\0')
		*session = hub_find_session(hub, ask->session);
	if (*session != NULL && (*session)->asks > 0)
		(*session)->asks--;
	if (*session != NULL && (*session)->is_doomed)
		*session = NULL;
	return ask;
}

static char *copy_text(const char *text)
{
	return strdup(text == NULL ? "" : text);
}

void session_identify(struct session *session, const struct claim *claim,
                      const struct reference *reference)
{
	struct hub *hub = session->hub;
	struct ask *ask = ask_create(hub, HUB_IDENTIFY, session, reference);

	if (ask == NULL) {
		session_refuse(session, SIGNALING_RATE_LIMITED, "", reference);
		return;
	}
	ask->proof = copy_text(claim->proof);
	ask->name = claim->name == NULL ? NULL : copy_text(claim->name);
	ask->tenant = copy_text(claim->tenant);
	ask->claim = (struct claim){claim->kind, ask->proof, ask->name, ask->tenant};
	if (ask->proof == NULL || ask->tenant == NULL) {
		ask_destroy(hub, ask);
		session->asks--;
		session_refuse(session, SIGNALING_INTERNAL, "", reference);
		return;
	}
	session->identifying++;
	session_hold(session);
}

/* A room is of one tenant; and what a proof for one room allows is allowed in no other. */
static bool may_stay(const struct session *session, const struct identity *identity)
{
	const struct room_info *room = &session->view->info;

	return strcmp(room->tenant, identity->tenant) == 0 &&
	       (identity->room[0] == '\0' || strcmp(room->name, identity->room) == 0);
}

static bool has_place(const struct session *session, const struct identity *identity)
{
	return strcmp(session->identity->identity.tenant, identity->tenant) == 0 ||
	       !tenant_is_full(session->hub, identity->tenant);
}

static void identified(struct session *session, const struct identity *identity,
                       const struct reference *reference)
{
	struct participant self;
	struct event event = {.kind = EVENT_IDENTIFIED, .reference = reference};
	struct post draft = {.kind = POST_SEAT};
	char token[RESUME_TOKEN_SIZE];

	if (!has_place(session, identity)) {
		session_refuse(session, SIGNALING_TOO_MANY, "", reference);
		return;
	}
	if (session->view != NULL && !may_stay(session, identity))
		session_leave_room(session, true, NULL);
	session_set_identity(session, identity);
	if (session->view != NULL)
		session_ask_owner(session, &draft, NULL);
	seal_make_token(session->hub->seal, session->id, token);
	self = session_participant(session, true);
	event.from = &self;
	event.resume_token = token;
	session_changed(session);
	deliver_to(session, &event);
	bytes_wipe(token, sizeof token);
}

void hub_identified(struct hub *hub, uint64_t cookie, const struct identity *identity,
                    enum signaling_error error, timestamp now)
{
	struct session *session;
	struct ask *ask = ask_answered(hub, cookie, HUB_IDENTIFY, &session);

	hub->now = now > hub->now ? now : hub->now;
	if (ask == NULL)
		return;
	const struct reference *reference = ask->has_reference ? &ask->reference : NULL;
	if (session != NULL)
		session->identifying--;
	if (session != NULL && identity != NULL)
		identified(session, identity, reference);
	else if (session != NULL)
		session_refuse(session, error == SIGNALING_OK ? SIGNALING_BAD_PROOF : error, "",
		               reference);
	hub_run(hub); /* a refusal comes before what was kept */
	if (session != NULL)
		session_release(session);
	ask_destroy(hub, ask);
	hub_run(hub);
}

/* TURN credentials. */

void hub_ask_credentials(struct session *session, const struct reference *reference,
                         bool is_for_self)
{
	struct ask *ask = ask_create(session->hub, HUB_CREDENTIALS, session, reference);

	if (ask != NULL)
		ask->is_for_self = is_for_self;
	else if (is_for_self && !session->is_opened)
		deliver_opened(session, NULL, reference);
	else if (reference != NULL)
		session_refuse(session, SIGNALING_RATE_LIMITED, "", reference);
}

/* They are asked for again when 80 % of their life has passed. */
static void keep_fresh(struct session *session, const struct turn_credentials *credentials)
{
	struct hub *hub = session->hub;
	timestamp wait =
		credentials == NULL ? CREDENTIALS_AGAIN_MS : (timestamp)credentials->ttl_s * 800;

	if (wait < 1000)
		wait = 1000;
	timer_set(hub->wheel, &session->credentials, hub->now + wait, credentials_due);
	free(session->turn_username);
	session->turn_username = credentials == NULL || credentials->username == NULL
	                                 ? NULL
	                                 : strdup(credentials->username);
	session_changed(session);
}

static void credentials_due(struct timer *timer, timestamp now)
{
	struct session *session = CONTAINER_OF(timer, struct session, credentials);

	(void)now;
	/* One that is away asks when it is back. */
	if (session->path != NULL && !session->is_doomed)
		hub_ask_credentials(session, NULL, false);
}

static void deliver_credentials(struct session *session, const struct ask *ask,
                                const struct turn_credentials *credentials)
{
	const struct reference *reference = ask->has_reference ? &ask->reference : NULL;
	struct event event = {
		.kind = EVENT_CREDENTIALS, .credentials = credentials, .reference = reference};
	struct participant self = session_participant(session, false);

	event.from = &self;
	if (credentials != NULL)
		deliver_to(session, &event);
	else if (reference != NULL)
		session_refuse(session, SIGNALING_UNAVAILABLE, "there are no TURN credentials now",
		               reference);
}

void hub_credentials(struct hub *hub, uint64_t cookie, const struct turn_credentials *credentials,
                     timestamp now)
{
	struct session *session;
	struct ask *ask = ask_answered(hub, cookie, HUB_CREDENTIALS, &session);

	hub->now = now > hub->now ? now : hub->now;
	if (ask == NULL)
		return;
	if (session != NULL) {
		hub_count(&hub->counters, HUB_COUNT_credentials, credentials != NULL);
		keep_fresh(session, credentials);
		if (session->missed != NULL)
			session_finish_resume(session, credentials);
		else if (ask->is_for_self)
			deliver_opened(session, credentials,
			               ask->has_reference ? &ask->reference : NULL);
		else
			deliver_credentials(session, ask, credentials);
	}
	ask_destroy(hub, ask);
	hub_run(hub);
}

void hub_renew_credentials(struct hub *hub, hub_concerns *concerns, const void *context,
                           timestamp now)
{
	struct session *session;
	size_t position = 0;

	hub->now = now > hub->now ? now : hub->now;
	while ((session = hash_table_next(&hub->sessions, &position)) != NULL)
		if (timer_is_set(&session->credentials) && session->path != NULL &&
		    (concerns == NULL || concerns(context, session->identity->identity.tenant,
		                                  session_address(session))))
			hub_ask_credentials(session, NULL, false);
	hub_run(hub);
}

/* Rooms. */

void hub_room_found(struct hub *hub, uint64_t cookie, const struct hub_place *place,
                    uint64_t generation, timestamp now)
{
	struct session *session;
	struct ask *ask = ask_answered(hub, cookie, HUB_FIND_ROOM, &session);

	hub->now = now > hub->now ? now : hub->now;
	if (ask == NULL)
		return;
	if (ask->view != NULL)
		view_placed(ask->view, place, generation);
	ask_destroy(hub, ask);
	hub_run(hub);
}

void hub_room_recalled(struct hub *hub, uint64_t cookie, bool is_known,
                       const struct room_facts *facts, timestamp now)
{
	struct session *session;
	struct ask *ask = ask_answered(hub, cookie, HUB_RECALL_ROOM, &session);

	hub->now = now > hub->now ? now : hub->now;
	if (ask == NULL)
		return;
	recall_answered(ask->recall, is_known, facts);
	ask_destroy(hub, ask);
	hub_run(hub);
}
