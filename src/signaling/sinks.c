/* The thread of the sinks. Each turn of its loop is one transaction of the spool:
 *
 *   sinks_put ──► letters ──┐
 *   broker, webhooks: done ─┴─► work ──► BEGIN, do it, choose what to send, COMMIT ──► send that
 *
 * What could not be committed stays in work, and is done again a second later. */
#include "signaling/sinks.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/timestamp.h"

enum {
	SPOOL_RETRY_MS = 1000,
	TIMER_MAX_MS = 60000,
};

/* What is to be done in the next transaction. */
enum work_kind { WORK_PUT, WORK_DONE, WORK_DROP_SINK };
struct work {
	struct list node;
	enum work_kind kind;
	unsigned sink;
	int64_t id;
	struct parcel *parcel; /* owned */
};

/* Letters to the thread. */
struct stop_letter {
	struct mail mail;
	timestamp deadline;
};

static void *run(void *context);
static void take_fact(struct mail *mail, void *receiver);
static void take_stop(struct mail *mail, void *receiver);
static void pump(struct sinks *sinks);

static uint64_t add(atomic_uint_least64_t *counter, uint64_t number)
{
	/* Counters order nothing: whoever reads them wants a number, not what it was counted for. */
	return atomic_fetch_add_explicit(counter, number, memory_order_relaxed);
}

static void subtract(atomic_uint_least64_t *counter, uint64_t number)
{
	atomic_fetch_sub_explicit(counter, number, memory_order_relaxed);
}

enum err sinks_create(const struct config *config, struct sinks **sinks_out, char problem[256])
{
	*sinks_out = NULL;
	if (config->amqp_url == NULL && config->webhook_url.count == 0)
		return OK;
	struct sinks *sinks = calloc(1, sizeof *sinks);
	if (sinks == NULL)
		return ERR_NO_MEMORY;
	list_init(&sinks->work);
	list_init(&sinks->amqp_feed.chosen);
	problem[0] = '\0';
	enum err err = sinks_open(sinks, config, problem);
	if (err == OK) {
		errno = pthread_create(&sinks->thread, NULL, run, sinks);
		if (errno != 0) {
			snprintf(problem, 256, "no thread for events: %s", strerror(errno));
			err = ERR_SYSTEM;
		}
	}
	if (err == OK)
		*sinks_out = sinks;
	else
		sinks_close(sinks);
	return err;
}

void sinks_destroy(struct sinks *sinks, unsigned deadline_ms)
{
	if (sinks == NULL)
		return;
	struct stop_letter *letter = &(struct stop_letter){
		.mail.deliver = take_stop,
		.deadline = timestamp_now() + deadline_ms,
	};
	/* On this stack: the thread has read it before it ends. */
	mailbox_post(sinks->mailbox, &letter->mail);
	pthread_join(sinks->thread, NULL);
	LIST_FOR_EACH (node, &sinks->work) {
		struct work *work = CONTAINER_OF(node, struct work, node);
		parcel_destroy(work->parcel);
		free(work);
	}
	sinks_close(sinks);
}

static enum err refuse(struct sinks *sinks, const struct fact *fact, enum err err)
{
	add(&sinks->counters.refused, 1);
	log_warning("event refused", "key=\"%s\" room=\"%s\" reason=\"%s\"", fact->key, fact->room,
	            err == ERR_FULL ? "event-spool-size is reached" : err_string(err));
	return err;
}

enum err sinks_put(struct sinks *sinks, const struct fact *fact)
{
	if (sinks == NULL)
		return OK;
	size_t size = fact_size(fact);
	if (add(&sinks->counters.bytes, size) + size > sinks->bytes_max) {
		subtract(&sinks->counters.bytes, size);
		return refuse(sinks, fact, ERR_FULL);
	}
	struct parcel *parcel = parcel_create(fact);
	if (parcel == NULL) {
		subtract(&sinks->counters.bytes, size);
		return refuse(sinks, fact, ERR_NO_MEMORY);
	}
	add(&sinks->counters.taken, 1);
	parcel->mail.deliver = take_fact;
	mailbox_post(sinks->mailbox, &parcel->mail);
	return OK;
}

static uint64_t read_counter(const atomic_uint_least64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void sinks_count(const struct sinks *sinks, struct sinks_counts *counts)
{
	*counts = (struct sinks_counts){0};
	if (sinks == NULL)
		return;
	*counts = (struct sinks_counts){
		.taken = read_counter(&sinks->counters.taken),
		.refused = read_counter(&sinks->counters.refused),
		.kept = read_counter(&sinks->counters.kept),
		.confirmed = read_counter(&sinks->counters.confirmed),
		.repeated = read_counter(&sinks->counters.repeated),
		.given_up = read_counter(&sinks->counters.given_up),
		.bytes_now = read_counter(&sinks->counters.bytes),
	};
}

/* Work. Without memory for a piece of it what was done is done again, and marked: nothing is lost. */

static struct work *add_work(struct sinks *sinks, enum work_kind kind, unsigned sink, int64_t id)
{
	struct work *work = calloc(1, sizeof *work);

	if (work == NULL)
		return NULL;
	work->kind = kind;
	work->sink = sink;
	work->id = id;
	list_append(&sinks->work, &work->node);
	return work;
}

static void take_fact(struct mail *mail, void *receiver)
{
	struct sinks *sinks = receiver;
	struct parcel *parcel = CONTAINER_OF(mail, struct parcel, mail);
	struct work *work = add_work(sinks, WORK_PUT, 0, 0);

	if (work != NULL) {
		work->parcel = parcel;
		return;
	}
	refuse(sinks, &parcel->fact, ERR_NO_MEMORY);
	subtract(&sinks->counters.bytes, fact_size(&parcel->fact));
	parcel_destroy(parcel);
}

void sinks_done(struct sinks *sinks, unsigned sink, int64_t id)
{
	add(&sinks->counters.confirmed, 1);
	(void)add_work(sinks, WORK_DONE, sink, id);
}

void sinks_webhook_done(void *context, unsigned sink, int64_t id, enum webhook_outcome outcome)
{
	struct sinks *sinks = context;

	if (outcome == WEBHOOK_DELIVERED)
		sinks_done(sinks, sink, id);
	else if (outcome == WEBHOOK_GIVEN_UP) {
		add(&sinks->counters.given_up, 1);
		(void)add_work(sinks, WORK_DONE, sink, id);
	} else if (outcome == WEBHOOK_GONE)
		(void)add_work(sinks, WORK_DROP_SINK, sink, 0);
	event_active(sinks->wake, EV_TIMEOUT, 0);
}

void sinks_count_repeated(struct sinks *sinks)
{
	add(&sinks->counters.repeated, 1);
}

static void take_stop(struct mail *mail, void *receiver)
{
	struct sinks *sinks = receiver;

	sinks->is_stopping = true;
	sinks->stop_at = CONTAINER_OF(mail, struct stop_letter, mail)->deadline;
}

static enum err do_work(struct sinks *sinks, const struct work *work, uint64_t *bytes)
{
	switch (work->kind) {
	case WORK_PUT:
		return spool_put(sinks->spool, &work->parcel->fact, bytes);
	case WORK_DONE:
		return spool_done(sinks->spool, work->sink, work->id, bytes);
	default:
		return spool_drop_sink(sinks->spool, work->sink, bytes);
	}
}

/* Frees what was committed. */
static void work_is_done(struct sinks *sinks)
{
	uint64_t puts = 0;

	LIST_FOR_EACH (node, &sinks->work) {
		struct work *work = CONTAINER_OF(node, struct work, node);
		puts += work->kind == WORK_PUT;
		list_remove(&work->node);
		parcel_destroy(work->parcel);
		free(work);
	}
	add(&sinks->counters.kept, puts);
}

static enum err do_all_work(struct sinks *sinks, uint64_t *bytes)
{
	enum err err = spool_begin(sinks->spool);

	if (err != OK)
		return err;
	LIST_FOR_EACH (node, &sinks->work)
		if (err == OK)
			err = do_work(sinks, CONTAINER_OF(node, struct work, node), bytes);
	return err;
}

static enum err prepare(struct sinks *sinks)
{
	enum err err = amqp_feed_prepare(sinks);

	for (size_t i = 0; err == OK && i < sinks->webhook_count; i++)
		err = webhook_prepare(sinks->webhooks[i], timestamp_now());
	return err;
}

static void send_prepared(struct sinks *sinks)
{
	amqp_feed_send(sinks);
	for (size_t i = 0; i < sinks->webhook_count; i++)
		webhook_send(sinks->webhooks[i]);
}

static void undo(struct sinks *sinks, enum err err)
{
	log_error("event spool failed", "reason=\"%s\"",
	          err == ERR_UNAVAILABLE ? spool_problem(sinks->spool) : err_string(err));
	spool_undo(sinks->spool);
	amqp_feed_undo(sinks);
	for (size_t i = 0; i < sinks->webhook_count; i++)
		webhook_undo(sinks->webhooks[i]);
	sinks->spool_retry_at = timestamp_now() + SPOOL_RETRY_MS;
}

static void transact(struct sinks *sinks)
{
	uint64_t bytes = 0;
	enum err err = do_all_work(sinks, &bytes);

	if (err == OK)
		err = prepare(sinks);
	if (err == OK)
		err = spool_commit(sinks->spool);
	if (err != OK) {
		undo(sinks, err);
		return;
	}
	sinks->spool_retry_at = 0;
	work_is_done(sinks);
	subtract(&sinks->counters.bytes, bytes);
	send_prepared(sinks);
}

static timestamp next_timeout(const struct sinks *sinks)
{
	timestamp next = sinks->is_stopping ? sinks->stop_at : TIMESTAMP_NEVER;

	if (sinks->spool_retry_at != 0) /* nothing is sent before it */
		return next < sinks->spool_retry_at ? next : sinks->spool_retry_at;
	for (size_t i = 0; i < sinks->webhook_count; i++) {
		timestamp timeout = webhook_next_timeout(sinks->webhooks[i]);
		if (timeout < next)
			next = timeout;
	}
	return next;
}

static void set_timer(struct sinks *sinks)
{
	timestamp now = timestamp_now(), next = next_timeout(sinks);
	timestamp wait_ms = next <= now ? 0 : next - now;

	if (wait_ms > TIMER_MAX_MS)
		wait_ms = TIMER_MAX_MS;
	const struct timeval wait = {(time_t)(wait_ms / 1000),
	                             (suseconds_t)(wait_ms % 1000 * 1000)};
	evtimer_add(sinks->wake, &wait);
}

static bool has_ended(const struct sinks *sinks)
{
	if (!sinks->is_stopping)
		return false;
	bool has_sent_all =
		list_is_empty(&sinks->work) && read_counter(&sinks->counters.bytes) == 0;
	return has_sent_all || timestamp_now() >= sinks->stop_at;
}

static void pump(struct sinks *sinks)
{
	if (sinks->spool_retry_at == 0 || timestamp_now() >= sinks->spool_retry_at)
		transact(sinks);
	if (has_ended(sinks))
		event_base_loopbreak(sinks->base);
	else
		set_timer(sinks);
}

static void woken(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	pump(context);
}

static void letters_came(evutil_socket_t fd, short what, void *context)
{
	struct sinks *sinks = context;

	(void)fd;
	(void)what;
	mailbox_deliver(sinks->mailbox, sinks);
	pump(sinks);
}

enum err sinks_make_events(struct sinks *sinks)
{
	sinks->wake = evtimer_new(sinks->base, woken, sinks);
	sinks->letters = event_new(sinks->base, mailbox_fd(sinks->mailbox), EV_READ | EV_PERSIST,
	                           letters_came, sinks);
	if (sinks->wake == NULL || sinks->letters == NULL || event_add(sinks->letters, NULL) < 0)
		return ERR_NO_MEMORY;
	event_active(sinks->wake, EV_TIMEOUT, 0); /* there may be facts of the last time */
	return OK;
}

static void *run(void *context)
{
	struct sinks *sinks = context;
	sigset_t signals;

	sigfillset(&signals); /* they are the main thread's; SIGPIPE is nobody's */
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	event_base_dispatch(sinks->base);
	return NULL;
}
