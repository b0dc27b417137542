/* The survey: what each thread does with its sessions in a slice, and how the slices of all threads become
 * one answer. The struct of a survey is main's while it waits, and the threads', each a part of it, while
 * a circular is open. */
#include "relay/sessions.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"
#include "listeners/listener.h"
#include "relay/session_filter.h"
#include "relay/thread.h"

/* A slice is so many steps: some 50 us, in which a busy thread would have relayed 15 packets. */
enum { SLICE_STEPS = 256, STEPS_TO_COPY = 2, STEPS_TO_CANCEL = 32 };

struct part {                    /* of one thread */
	struct session *session; /* owned: wish.limit of them */
	struct session **sorted; /* owned: those that are in use, best first */
	unsigned count;
	bool has_begun, is_done, is_cut; /* is_cut: more fit than there is room for */
	bool is_stale;                   /* of some the rates are not known */
	uint64_t matched, seen;
	uint32_t may_cancel, cancelled; /* in the next slice; in all */
	struct turn_session_peer *peer; /* owned; NULL: not wanted. One more than is told */
	size_t peer_count;
};

struct survey {
	struct circular circular;
	struct list node; /* in sessions.waiting, or .resting */
	struct sessions *sessions;
	struct sessions_wish wish;
	sessions_done *done;
	void *context;
	struct event *rest;      /* owned; NULL: it has not rested */
	unsigned walks;          /* so many were begun */
	struct session **merged; /* owned */
	unsigned part_count;
	struct part part[]; /* of each thread */
};

struct sessions {
	struct event_base *base; /* owner: the main thread */
	struct circulars *circulars;
	struct list waiting, resting; /* surveys, owned: for their turn; for a second to pass */
	struct survey *walking;       /* owned; NULL: none */
	bool is_closed;
};

static struct survey *survey_create(struct sessions *sessions, const struct sessions_wish *wish);
static void survey_destroy(struct survey *survey);
static void survey_finish(struct survey *survey, enum err err);
static void walk_next(struct sessions *sessions);
static void slice_begin(struct survey *survey);
static void slice_on_thread(struct circular *circular, struct relay_thread *thread);
static void slice_done(struct circular *circular);

enum err sessions_create(struct event_base *base, struct circulars *circulars,
                         struct sessions **sessions)
{
	struct sessions *created = calloc(1, sizeof *created);

	if (created == NULL)
		return ERR_NO_MEMORY;
	created->base = base;
	created->circulars = circulars;
	list_init(&created->waiting);
	list_init(&created->resting);
	*sessions = created;
	return OK;
}

static void destroy_all(struct list *surveys)
{
	LIST_FOR_EACH (node, surveys)
		survey_destroy(CONTAINER_OF(node, struct survey, node));
}

void sessions_destroy(struct sessions *sessions)
{
	if (sessions == NULL)
		return;
	destroy_all(&sessions->waiting);
	destroy_all(&sessions->resting);
	survey_destroy(sessions->walking);
	free(sessions);
}

static void finish_all(struct list *surveys)
{
	struct list *node;

	while ((node = list_first(surveys)) != NULL)
		survey_finish(CONTAINER_OF(node, struct survey, node), ERR_CLOSED);
}

void sessions_close(struct sessions *sessions)
{
	sessions->is_closed = true;
	finish_all(&sessions->waiting);
	finish_all(&sessions->resting);
}

enum err sessions_ask(struct sessions *sessions, const struct sessions_wish *wish,
                      sessions_done *done, void *context)
{
	struct survey *survey;

	if (sessions->is_closed)
		return ERR_CLOSED;
	survey = survey_create(sessions, wish);
	if (survey == NULL)
		return ERR_NO_MEMORY;
	survey->done = done;
	survey->context = context;
	list_append(&sessions->waiting, &survey->node);
	if (sessions->walking == NULL)
		walk_next(sessions);
	return OK;
}

/* ---- the life of a survey ---- */

static bool part_init(struct part *part, const struct sessions_wish *wish)
{
	size_t limit = wish->limit > 0 ? wish->limit : 1;

	part->session = calloc(limit, sizeof *part->session);
	part->sorted = calloc(limit, sizeof(struct session *));
	if (wish->wants_peers)
		part->peer = calloc(SESSIONS_PEERS_MAX + 1, sizeof *part->peer);
	return part->session != NULL && part->sorted != NULL &&
	       (part->peer != NULL || !wish->wants_peers);
}

static struct survey *survey_create(struct sessions *sessions, const struct sessions_wish *wish)
{
	unsigned threads = sessions->circulars->relay->thread_count;
	struct survey *survey = calloc(1, sizeof *survey + threads * sizeof survey->part[0]);
	bool is_whole = survey != NULL;

	if (survey == NULL)
		return NULL;
	survey->circular = (struct circular){.run = slice_on_thread, .done = slice_done};
	survey->sessions = sessions;
	survey->wish = *wish;
	survey->part_count = threads;
	for (unsigned i = 0; i < threads; i++)
		is_whole &= part_init(&survey->part[i], wish);
	survey->merged = calloc((size_t)threads * wish->limit + 1, sizeof(struct session *));
	is_whole &= survey->merged != NULL;
	if (!is_whole) {
		survey_destroy(survey);
		return NULL;
	}
	return survey;
}

static void survey_destroy(struct survey *survey)
{
	if (survey == NULL)
		return;
	for (unsigned i = 0; i < survey->part_count; i++) {
		free(survey->part[i].session);
		free(survey->part[i].sorted);
		free(survey->part[i].peer);
	}
	if (survey->rest != NULL)
		event_free(survey->rest);
	list_remove(&survey->node);
	free(survey->merged);
	free(survey);
}

/* ---- on the threads ---- */

static uint64_t key_of(const struct session *session, enum session_order order)
{
	const struct turn_traffic *traffic = &session->what.traffic;

	switch (order) {
	case SESSIONS_BY_RATE:
		return (uint64_t)session->rates.bytes[TURN_TOWARDS_PEER] +
		       session->rates.bytes[TURN_TOWARDS_CLIENT];
	case SESSIONS_BY_BYTES:
		return traffic->to_peer_bytes + traffic->to_client_bytes;
	case SESSIONS_BY_AGE:
	case SESSION_ORDERS:
		break;
	}
	return UINT64_MAX - session->what.created;
}

static bool is_before(struct session_place a, struct session_place b)
{
	return a.key != b.key ? a.key > b.key : a.id < b.id;
}

static void copy_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
}

static void copy_path(struct session *to, const struct path *path)
{
	const SSL *ssl = path != NULL && path->ops->ssl != NULL ? path->ops->ssl(path) : NULL;

	to->tls_version = ssl != NULL ? SSL_get_version(ssl) : NULL;
	to->tls_cipher = ssl != NULL ? SSL_get_cipher_name(ssl) : NULL;
}

static void copy(struct session *to, const struct session *head)
{
	const struct turn_session *what = &head->what;

	to->place = head->place;
	to->thread = head->thread;
	to->rates = head->rates;
	to->what = *what;
	to->tuple = *what->tuple;
	memcpy(to->relay, what->relay, sizeof to->relay);
	copy_text(to->username, sizeof to->username, what->username);
	copy_text(to->realm, sizeof to->realm, what->realm);
	copy_text(to->origin, sizeof to->origin, what->origin);
	copy_path(to, what->path);
	to->what.username = to->username;
	to->what.realm = to->realm;
	to->what.origin = to->origin;
	to->what.tuple = &to->tuple;
	to->what.relay = to->relay;
	to->what.path = NULL;
}

/* Returns how many of the sorted are before a place. */
static unsigned rank_of(const struct part *part, struct session_place place)
{
	unsigned low = 0, high = part->count;

	while (low < high) {
		unsigned middle = (low + high) / 2;
		if (is_before(part->sorted[middle]->place, place))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Copies it where it belongs among the best, whose last one makes room; false when it is none. */
static bool keep(struct part *part, unsigned limit, const struct session *head)
{
	unsigned rank = rank_of(part, head->place);
	struct session *room;

	part->is_cut |= part->count == limit;
	if (rank == limit)
		return false;
	if (part->count < limit) {
		room = &part->session[part->count++];
	} else {
		room = part->sorted[limit - 1];
	}
	memmove(&part->sorted[rank + 1], &part->sorted[rank],
	        (part->count - 1 - rank) * sizeof(struct session *));
	part->sorted[rank] = room;
	copy(room, head);
	return true;
}

/* The log tells of its end by itself; what the host does for it follows when the letter is read. */
static unsigned cancel(const struct sessions_wish *wish, struct part *part,
                       struct turn_allocation *allocation, timestamp now)
{
	if (part->may_cancel == 0)
		return 0;
	part->may_cancel--;
	part->cancelled++;
	turn_session_end(allocation,
	                 wish->filter.revoked != NULL ? "its credentials were revoked"
	                                              : "cancelled by the operator",
	                 now);
	return STEPS_TO_CANCEL;
}

/* Returns the steps that it took. */
static unsigned look_at(const struct sessions_wish *wish, struct part *part, unsigned thread,
                        struct turn_allocation *allocation, timestamp now)
{
	struct session head = {.thread = thread};
	unsigned steps;

	part->seen++;
	turn_session_describe(allocation, &head.what);
	steps = 1 + session_filter_steps(&wish->filter, &head.what);
	if (!session_filter_fits(&wish->filter, thread, &head.what, allocation))
		return steps;
	part->matched++;
	if (wish->wants_rates && !turn_session_measure(allocation, now, &head.rates))
		part->is_stale = true;
	head.place = (struct session_place){key_of(&head, wish->order), head.what.id};
	if (wish->limit > 0 && (!wish->has_after || is_before(wish->after, head.place)) &&
	    keep(part, wish->limit, &head))
		steps += STEPS_TO_COPY;
	if (wish->wants_peers)
		part->peer_count =
			turn_session_peers(allocation, part->peer, SESSIONS_PEERS_MAX + 1);
	return steps + (wish->cancel > 0 ? cancel(wish, part, allocation, now) : 0);
}

static bool is_cancelled_out(const struct survey *survey, const struct part *part)
{
	return survey->wish.cancel > 0 && part->may_cancel == 0;
}

static void slice_on_thread(struct circular *circular, struct relay_thread *thread)
{
	struct survey *survey = CONTAINER_OF(circular, struct survey, circular);
	struct part *part = &survey->part[thread->index];
	timestamp now = timestamp_now();
	unsigned steps = 0;

	if (part->is_done)
		return;
	if (!part->has_begun)
		turn_sessions_rewind(thread->server);
	part->has_begun = true;
	while (steps < SLICE_STEPS && !is_cancelled_out(survey, part)) {
		struct turn_allocation *allocation = turn_sessions_next(thread->server);
		if (allocation == NULL) {
			part->is_done = true;
			return;
		}
		steps += look_at(&survey->wish, part, thread->index, allocation, now);
	}
}

/* ---- on the main thread ---- */

/* Who fits in a walk is begun anew from nothing. */
static void walk_begin(struct survey *survey)
{
	survey->walks++;
	for (unsigned i = 0; i < survey->part_count; i++) {
		struct part *part = &survey->part[i];
		*part = (struct part){
			.session = part->session, .sorted = part->sorted, .peer = part->peer};
	}
	slice_begin(survey);
}

static void walk_next(struct sessions *sessions)
{
	struct list *node = list_first(&sessions->waiting);

	if (node == NULL)
		return;
	list_remove(node);
	sessions->walking = CONTAINER_OF(node, struct survey, node);
	walk_begin(sessions->walking);
}

static uint32_t count_cancelled(const struct survey *survey)
{
	uint32_t cancelled = 0;

	for (unsigned i = 0; i < survey->part_count; i++)
		cancelled += survey->part[i].cancelled;
	return cancelled;
}

/* The bound is all threads' together, so that each is given its part of it slice by slice. */
static void share_cancels(struct survey *survey)
{
	uint32_t left = survey->wish.cancel - count_cancelled(survey);
	uint32_t most = SLICE_STEPS / STEPS_TO_CANCEL;

	for (unsigned i = 0; i < survey->part_count; i++) {
		struct part *part = &survey->part[i];
		part->may_cancel = part->is_done ? 0 : left < most ? left : most;
		left -= part->may_cancel;
	}
}

static void slice_begin(struct survey *survey)
{
	if (survey->wish.cancel > 0)
		share_cancels(survey);
	if (circular_begin(survey->sessions->circulars, &survey->circular) != OK)
		survey_finish(survey, ERR_NO_MEMORY);
}

static bool is_walked(const struct survey *survey)
{
	bool is_done = true;

	if (survey->wish.cancel > 0 && count_cancelled(survey) == survey->wish.cancel)
		return true;
	for (unsigned i = 0; i < survey->part_count; i++)
		is_done &= survey->part[i].is_done;
	return is_done;
}

static bool is_stale(const struct survey *survey)
{
	bool is_stale = false;

	for (unsigned i = 0; i < survey->part_count; i++)
		is_stale |= survey->part[i].is_stale;
	return is_stale;
}

static uint64_t count_matched(const struct survey *survey)
{
	uint64_t matched = 0;

	for (unsigned i = 0; i < survey->part_count; i++)
		matched += survey->part[i].matched;
	return matched;
}

static void on_rested(evutil_socket_t fd, short what, void *context)
{
	struct survey *survey = context;

	(void)fd;
	(void)what;
	list_remove(&survey->node);
	list_append(&survey->sessions->waiting, &survey->node);
	if (survey->sessions->walking == NULL)
		walk_next(survey->sessions);
}

/* Others walk meanwhile. */
static void rest(struct survey *survey)
{
	static const struct timeval second = {1, 0};
	struct sessions *sessions = survey->sessions;

	survey->rest = event_new(sessions->base, -1, 0, on_rested, survey);
	if (survey->rest == NULL || event_add(survey->rest, &second) != 0) {
		survey_finish(survey, ERR_NO_MEMORY);
		return;
	}
	sessions->walking = NULL;
	list_append(&sessions->resting, &survey->node);
	walk_next(sessions);
}

/* One that is asked for by its id may have been on its way from thread to thread. */
static bool may_have_been_missed(const struct survey *survey)
{
	return survey->wish.filter.id != 0 && survey->walks == 1 && count_matched(survey) == 0;
}

static void slice_done(struct circular *circular)
{
	struct survey *survey = CONTAINER_OF(circular, struct survey, circular);

	if (survey->sessions->is_closed)
		survey_finish(survey, ERR_CLOSED);
	else if (!is_walked(survey))
		slice_begin(survey);
	else if (may_have_been_missed(survey))
		walk_begin(survey);
	else if (is_stale(survey) && survey->rest == NULL && count_matched(survey) > 0)
		rest(survey);
	else
		survey_finish(survey, OK);
}

/* ---- the answer ---- */

static int compare(const void *a, const void *b)
{
	const struct session *const *left = a, *const *right = b;

	return is_before((*left)->place, (*right)->place) ? -1 : 1;
}

static void tell_peers(const struct part *part, struct sessions_found *found)
{
	found->has_more_peers = part->peer_count > SESSIONS_PEERS_MAX;
	found->peer_count = found->has_more_peers ? SESSIONS_PEERS_MAX : part->peer_count;
	found->peer = part->peer;
}

/* Adds up what the parts have; a session that moved during the walk may be there twice. */
static void merge(const struct survey *survey, struct sessions_found *found)
{
	struct session **merged = survey->merged;
	unsigned count = 0, unique = 0;

	found->is_all = true;
	for (unsigned i = 0; i < survey->part_count; i++) {
		const struct part *part = &survey->part[i];
		memcpy(merged + count, part->sorted, part->count * sizeof *merged);
		count += part->count;
		found->matched += part->matched;
		found->seen += part->seen;
		found->is_all &= !part->is_cut;
	}
	qsort(merged, count, sizeof *merged, compare);
	for (unsigned i = 0; i < count; i++)
		if (unique == 0 || merged[unique - 1]->place.id != merged[i]->place.id)
			merged[unique++] = merged[i];
	found->is_all &= unique <= survey->wish.limit;
	found->count = unique < survey->wish.limit ? unique : survey->wish.limit;
	found->item = (const struct session *const *)merged;
	if (found->count > 0)
		tell_peers(&survey->part[merged[0]->thread], found);
}

static void log_cancelled(const struct survey *survey, uint32_t cancelled)
{
	const struct session_filter *filter = &survey->wish.filter;
	char id[SESSION_ID_SIZE];

	log_info("allocations cancelled", "by=\"%s\" id=%s user=%s realm=%s count=%" PRIu32,
	         survey->wish.actor, filter->id != 0 ? session_id_format(filter->id, id) : "",
	         filter->user != NULL ? filter->user : "",
	         filter->realm != NULL ? filter->realm : "", cancelled);
}

/* The next one walks before this one's asker goes on, who may ask again. */
static void survey_finish(struct survey *survey, enum err err)
{
	struct sessions *sessions = survey->sessions;
	struct sessions_found found = {.err = err, .now = timestamp_now()};

	if (err == OK)
		merge(survey, &found);
	found.cancelled = count_cancelled(survey);
	if (survey->wish.cancel > 0 && (found.cancelled > 0 || survey->wish.filter.revoked == NULL))
		log_cancelled(survey, found.cancelled);
	survey->done(&found, survey->context);
	if (sessions->walking == survey)
		sessions->walking = NULL;
	survey_destroy(survey);
	if (sessions->walking == NULL && !sessions->is_closed)
		walk_next(sessions);
}
