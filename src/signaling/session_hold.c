/* Input that came before the session was opened, or before it was clear whose place it takes: kept, and decoded in order after. */
#include <stdlib.h>
#include <string.h>

#include "signaling/hub_private.h"

static void set_paused(struct session *session)
{
	session->is_paused = session->is_held || session->is_over_rate;
	if (session->is_paused != session->was_told_paused && session->path != NULL)
		session_make_dirty(session);
}

void session_hold(struct session *session)
{
	session->is_held = true;
	set_paused(session);
}

/* Takes it off first: what is decoded may hold the session again. */
static struct held *take_input(struct session *session)
{
	struct held *first = session->held;

	session->held = NULL;
	session->held_end = &session->held;
	session->held_count = 0;
	return first;
}

void session_release(struct session *session)
{
	struct held *next;

	if (!session->is_held || !session->is_opened || session->is_resuming ||
	    session->identifying > 0 || session->missed != NULL)
		return;
	session->is_held = false;
	set_paused(session);
	for (struct held *held = take_input(session); held != NULL; held = next) {
		struct slice text = {held->text, held->len};
		next = held->next;
		if (session->is_held)
			session_keep_input(session, text);
		else if (!session->is_doomed && !session->is_closing && session_may_speak(session))
			session->dialect->decode(session, text);
		free(held);
	}
}

void session_keep_input(struct session *session, struct slice text)
{
	struct held *held = NULL;

	if (session->held_count < HELD_MAX)
		held = malloc(sizeof *held + text.len);
	if (held == NULL) {
		session_end(session, 1013, "too much before an answer");
		return;
	}
	held->next = NULL;
	held->len = text.len;
	memcpy(held->text, text.at, text.len);
	*session->held_end = held;
	session->held_end = &held->next;
	session->held_count++;
}

void session_drop_input(struct session *session)
{
	struct held *next;

	for (struct held *held = take_input(session); held != NULL; held = next) {
		next = held->next;
		free(held);
	}
}

/* Rates. */

static void pause_ends(struct timer *timer, timestamp now)
{
	struct session *session = CONTAINER_OF(timer, struct session, pause);

	(void)now;
	session->is_over_rate = false;
	set_paused(session);
}

/* Fills at rate a second up to burst; takes one when it may. Debt is allowed to those who are read later. */
static bool bucket_take(struct bucket *bucket, timestamp now, unsigned rate, unsigned burst,
                        bool may_owe)
{
	int64_t most = (int64_t)burst * 1000;
	timestamp passed = now - bucket->filled;

	bucket->tokens = passed > 3600 * 1000 ? most : bucket->tokens + (int64_t)(passed * rate);
	if (bucket->tokens > most)
		bucket->tokens = most;
	bucket->filled = now;
	if (bucket->tokens < 1000 && !may_owe)
		return false;
	bucket->tokens -= 1000;
	return true;
}

bool session_may_speak(struct session *session)
{
	const struct dialect_limits *limits = &session->dialect->limits;
	struct hub *hub = session->hub;

	if (limits->message_rate == 0)
		return true;
	if (session->rate.key == 0) { /* its first message */
		session->rate = (struct bucket){1, hub->now, (int64_t)limits->message_burst * 1000};
	}
	bool has = bucket_take(&session->rate, hub->now, limits->message_rate,
	                       limits->message_burst, limits->is_delayed);
	if (has && session->rate.tokens >= 0)
		return true;
	hub_count(&hub->counters, HUB_COUNT_rate_limited, 1);
	if (!limits->is_delayed) {
		session_refuse(session, SIGNALING_RATE_LIMITED, "", NULL);
		return false;
	}
	session->is_over_rate = true;
	set_paused(session);
	timestamp wait = (timestamp)(-session->rate.tokens) / limits->message_rate + 1;
	timer_set(hub->wheel, &session->pause, hub->now + wait, pause_ends);
	return true;
}

/* One bucket for each identity, as long as no other has the same place: then the newer one begins with a whole one. Nobody in
 * particular is bounded by address, where connections are taken. */
bool session_may_join(struct session *session)
{
	struct hub *hub = session->hub;
	const struct identity *identity = &session->identity->identity;
	uint64_t hash;

	if (identity->user[0] == '\0')
		return true;
	hash = room_hash(hub, identity->tenant, "user", identity->user);
	struct bucket *bucket = &hub->joins[hash % JOIN_BUCKETS];
	if (bucket->key != hash)
		*bucket = (struct bucket){hash, hub->now, JOIN_BURST * 1000};
	return bucket_take(bucket, hub->now, JOIN_RATE_S, JOIN_BURST, false);
}
