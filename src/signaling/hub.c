/* The hub: what the host hands in, and the actions it gets back. Sessions, rooms and posts have files of their own. */
#include "signaling/hub.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/hub_private.h"
#include "signaling/room_private.h"
#include "signaling/tenant_counts.h"

static void destroy_sessions(struct hub *hub);
static void drain_ends(struct timer *timer, timestamp now);

static void init(struct hub *hub, const struct hub_settings *settings, timestamp now,
                 uint64_t wall_ms)
{
	hub->settings = *settings;
	hub->now = now;
	hub->wall_ms = wall_ms;
	hash_table_init(&hub->sessions);
	hash_table_init(&hub->views);
	hash_table_init(&hub->rooms);
	hash_table_init(&hub->recalls);
	hash_table_init(&hub->asks);
	hash_table_init(&hub->moved);
	hash_table_init(&hub->requests);
	hash_table_init(&hub->users);
	hash_table_init(&hub->searches);
	hub->tenants = settings->tenants;
	mail_queue_init(&hub->local);
	mail_queue_init(&hub->posted);
	list_init(&hub->questions);
	list_init(&hub->notices);
	list_init(&hub->dirty);
	list_init(&hub->doomed);
	list_init(&hub->changed);
	encoder_init(&hub->encoder, 0);
}

enum err hub_create(const struct hub_settings *settings, timestamp now, uint64_t wall_ms,
                    struct hub **hub)
{
	struct hub *made = calloc(1, sizeof *made);
	enum err err;

	if (made == NULL)
		return ERR_NO_MEMORY;
	init(made, settings, now, wall_ms);
	err = seal_create(settings->seal_key, &made->seal);
	if (err == OK && made->tenants == NULL)
		err = tenant_counts_create(&made->tenants);
	if (err == OK)
		err = timer_wheel_create(now, &made->wheel);
	if (err != OK) {
		hub_destroy(made);
		return err;
	}
	*hub = made;
	return OK;
}

void hub_destroy(struct hub *hub)
{
	struct ask *ask;
	size_t position = 0;

	if (hub == NULL)
		return;
	hub_drop_posts(hub);
	destroy_sessions(hub);
	rooms_deinit(hub);
	hub_drop_posts(hub);
	recalls_deinit(hub);
	while ((ask = hash_table_next(&hub->asks, &position)) != NULL) {
		ask_destroy(hub, ask);
		position = 0;
	}
	LIST_FOR_EACH (node, &hub->notices)
		notice_destroy(CONTAINER_OF(node, struct notice, node));
	notice_destroy(hub->lent_notice);
	requests_deinit(hub);
	users_deinit(hub);
	if (hub->settings.tenants == NULL)
		tenant_counts_destroy(hub->tenants);
	encoder_deinit(&hub->encoder);
	timer_wheel_destroy(hub->wheel);
	seal_destroy(hub->seal);
	hash_table_deinit(&hub->sessions);
	hash_table_deinit(&hub->views);
	hash_table_deinit(&hub->asks);
	hash_table_deinit(&hub->moved);
	free(hub);
}

static void destroy_sessions(struct hub *hub)
{
	struct session *session;
	struct moved *moved;
	size_t position = 0;

	while ((session = hash_table_next(&hub->sessions, &position)) != NULL) {
		session_free(session);
		position = 0;
	}
	session_forget_recent(hub);
	position = 0;
	while ((moved = hash_table_next(&hub->moved, &position)) != NULL) {
		moved_destroy(moved);
		position = 0;
	}
}

void hub_wait(struct hub *hub)
{
	hub->is_waiting = true;
}

/* Nothing that the old one has named is there. */
void hub_take_key(struct hub *hub, const uint8_t key[32], struct seal *seal)
{
	assert(hub->is_waiting && hub->sessions.count == 0 && hub->rooms.count == 0 &&
	       hub->views.count == 0);
	memcpy(hub->settings.seal_key, key, sizeof hub->settings.seal_key);
	seal_destroy(hub->seal);
	hub->seal = seal;
}

void hub_admit(struct hub *hub)
{
	hub->is_waiting = false;
}

bool hub_is_waiting(const struct hub *hub)
{
	return hub->is_waiting;
}

const struct hub_counters *hub_counters(const struct hub *hub)
{
	return &hub->counters;
}

void hub_derive_key(const struct hub *hub, const char *use, uint8_t key[32])
{
	seal_derive_key(hub->settings.seal_key, use, key);
}

struct buddy_images *hub_images(const struct hub *hub)
{
	return hub->settings.images;
}

/* Names of sessions are as good as random: a part of one is its hash. */
uint64_t id_hash(const char *id)
{
	uint64_t hash = 0;

	for (unsigned i = 0; i < 16 && id[i] != '\0'; i++)
		hash = hash << 4 ^ hash >> 60 ^ (uint8_t)id[i] * 0x9E37u;
	return number_hash(hash);
}

static bool session_has_id(const void *item, const void *key)
{
	return strcmp(((const struct session *)item)->id, key) == 0;
}

struct session *hub_find_session(const struct hub *hub, const char *id)
{
	return hash_table_find(&hub->sessions, id_hash(id), session_has_id, id);
}

uint64_t hub_cookie(struct hub *hub)
{
	return ++hub->next_cookie;
}

/* Input. */

static void set_now(struct hub *hub, timestamp now)
{
	if (now > hub->now) {
		hub->wall_ms += now - hub->now;
		hub->now = now;
	}
}

void hub_tick(struct hub *hub, timestamp now, uint64_t wall_ms)
{
	set_now(hub, now);
	hub->wall_ms = wall_ms;
	hub_handle_timeout(hub, now);
}

timestamp hub_next_timeout(const struct hub *hub)
{
	return timer_wheel_next(hub->wheel);
}

void hub_handle_timeout(struct hub *hub, timestamp now)
{
	set_now(hub, now);
	timer_wheel_advance(hub->wheel, hub->now);
	hub_run(hub);
}

struct session *hub_open(struct hub *hub, const struct dialect *dialect, void *path,
                         const char *client_address, const struct identity *identity,
                         const struct http_exchange *exchange, timestamp now)
{
	struct session *session;

	set_now(hub, now);
	if (hub->is_draining || hub->is_waiting ||
	    hub->sessions.count >= hub->settings.sessions_max)
		return NULL;
	session = session_create(hub, dialect, path, client_address, identity);
	if (session == NULL)
		return NULL;
	hub_count(&hub->counters, HUB_COUNT_sessions_opened, 1);
	if (dialect->on_open != NULL)
		dialect->on_open(session, exchange);
	if (!session->is_resuming && dialect->opens_with_credentials) {
		session_hold(session);
		hub_ask_credentials(session, NULL, true);
	} else if (!session->is_resuming) {
		deliver_opened(session, NULL, NULL);
	}
	hub_run(hub);
	return session;
}

void hub_input(struct hub *hub, struct session *session, struct slice text, timestamp now)
{
	set_now(hub, now);
	if (session->is_closing || session->is_doomed)
		return;
	hub_count(&hub->counters, HUB_COUNT_messages_in, 1);
	if (session->is_held)
		session_keep_input(session, text);
	else if (session_may_speak(session))
		session->dialect->decode(session, text);
	hub_run(hub);
}

void hub_path_closed(struct hub *hub, struct session *session, size_t unsent, bool is_clean,
                     timestamp now)
{
	set_now(hub, now);
	if (session->path == NULL)
		return;
	queue_keep_unsent(session, unsent);
	if (is_clean || session->is_closing)
		session_gone(session, false);
	else
		session_detach(session);
	hub_run(hub);
}

void hub_path_sent(struct hub *hub, struct session *session, size_t messages)
{
	(void)hub;
	queue_sent(session, messages);
}

void hub_post_input(struct hub *hub, struct post *post, timestamp now)
{
	set_now(hub, now);
	hub_count(&hub->counters, HUB_COUNT_posts_in, 1);
	if (post_is_whole(post))
		hub_handle_post(hub, post);
	post_destroy(post);
	hub_run(hub);
}

/* A dialect's function, called within, may ask for more: it is handled by the run that goes on already. */
void hub_run(struct hub *hub)
{
	struct mail *mail;

	if (hub->is_running)
		return;
	hub->is_running = true;
	do {
		while ((mail = mail_queue_take(&hub->local)) != NULL) {
			struct post *post = CONTAINER_OF(mail, struct post, mail);
			hub_handle_post(hub, post);
			post_destroy(post);
		}
		session_reap(hub);
	} while (hub->local.head != NULL);
	hub->is_running = false;
}

/* Actions. */

static void end_loans(struct hub *hub)
{
	notice_destroy(hub->lent_notice);
	hub->lent_notice = NULL;
}

bool hub_next_action(struct hub *hub, struct hub_action *action)
{
	end_loans(hub);
	hub_run(hub);
	memset(action, 0, sizeof *action);
	/* What is to be kept is told before those hear of it who are concerned. */
	if (hub_next_notice(hub, action) || hub_next_post(hub, action) ||
	    hub_next_question(hub, action) || hub_next_snapshot(hub, action))
		return true;
	while (!list_is_empty(&hub->dirty)) {
		struct session *session =
			CONTAINER_OF(list_first(&hub->dirty), struct session, dirty);
		if (session_next_action(session, action))
			return true;
		list_remove(&session->dirty);
	}
	return false;
}

/* Draining: nobody new comes in; those who are here are told, and closed when the time has come. */

bool hub_is_draining(const struct hub *hub)
{
	return hub->is_draining;
}

void hub_drain(struct hub *hub, timestamp deadline, timestamp now)
{
	struct session *session;
	size_t position = 0;

	set_now(hub, now);
	hub->is_draining = true;
	hub->drain_deadline = deadline;
	timer_set(hub->wheel, &hub->drain, deadline, drain_ends);
	while ((session = hash_table_next(&hub->sessions, &position)) != NULL) {
		struct event event = {.kind = EVENT_DRAINING,
		                      .deadline_ms = deadline > now ? deadline - now : 0};
		deliver_to(session, &event);
	}
	hub_run(hub);
}

static void drain_ends(struct timer *timer, timestamp now)
{
	struct hub *hub = CONTAINER_OF(timer, struct hub, drain);
	struct session *session;
	size_t position = 0;

	(void)now;
	while ((session = hash_table_next(&hub->sessions, &position)) != NULL)
		session_end(session, 1001, "this server stops");
}
