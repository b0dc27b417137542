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
	TELL_AGAIN_MS = 60000, /* of what goes on */
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
static void take_change(struct mail *mail, void *receiver);
static void pump(struct sinks *sinks);

enum err sinks_create(const struct config *config, struct sinks **sinks_out, char problem[256])
{
	*sinks_out = NULL;
	if (config->amqp_url == NULL && config->webhook_url.count == 0)
		return OK;
	struct sinks *sinks = calloc(1, sizeof *sinks);
	if (sinks == NULL)
		return ERR_NO_MEMORY;
	list_init(&sinks->work);
	list_init(&sinks->later);
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

static void take_up_later(struct sinks *sinks)
{
	LIST_FOR_EACH (node, &sinks->later) {
		list_remove(node);
		list_append(&sinks->work, node);
	}
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
	/* Its last words are work that nobody does: those facts are sent again, with a mark. */
	amqp_feed_stop(sinks);
	take_up_later(sinks);
	LIST_FOR_EACH (node, &sinks->work) {
		struct work *work = CONTAINER_OF(node, struct work, node);
		parcel_destroy(work->parcel);
		free(work);
	}
	sinks_close(sinks);
}

void sinks_change(struct sinks *sinks, struct sinks_change *change)
{
	change->mail.deliver = take_change;
	mailbox_post(sinks->mailbox, &change->mail);
}

/* A full spool refuses every event of every room: that is told once, and each minute with their number. */
static enum err refuse(struct sinks *sinks, const struct fact *fact, enum err err)
{
	uint64_t now = timestamp_now(), told_at = sinks_read(&sinks->counters.refused_told_at),
		 number = sinks_add(&sinks->counters.refused_now, 1) + 1;
	bool is_due = number == 1 || now - told_at >= TELL_AGAIN_MS;

	sinks_add(&sinks->counters.refused, 1);
	/* Of those who come at the same time one tells. */
	if (is_due &&
	    atomic_compare_exchange_strong_explicit(&sinks->counters.refused_told_at, &told_at, now,
	                                            memory_order_relaxed, memory_order_relaxed))
		log_warning("event refused", "key=\"%s\" room=\"%s\" value=%llu reason=\"%s\"",
		            fact->key, fact->room, (unsigned long long)number,
		            err == ERR_FULL ? "event-spool-size is reached" : err_string(err));
	return err;
}

/* Not at the first that fits again, which may be the last for now. */
static void end_of_refusals(struct sinks *sinks, uint64_t bytes, uint64_t bytes_max)
{
	uint64_t number;

	if (sinks_read(&sinks->counters.refused_now) == 0 || bytes > bytes_max - bytes_max / 8)
		return;
	number = atomic_exchange_explicit(&sinks->counters.refused_now, 0, memory_order_relaxed);
	if (number > 0)
		log_always("events are taken again", "refused=%llu", (unsigned long long)number);
}

enum err sinks_put(struct sinks *sinks, const struct fact *fact)
{
	if (sinks == NULL)
		return OK;
	uint64_t size = fact_size(fact), bytes = sinks_add(&sinks->counters.bytes, size) + size,
		 bytes_max = sinks_read(&sinks->counters.bytes_max);
	if (bytes > bytes_max) {
		sinks_subtract(&sinks->counters.bytes, size);
		return refuse(sinks, fact, ERR_FULL);
	}
	struct parcel *parcel = parcel_create(fact);
	if (parcel == NULL) {
		sinks_subtract(&sinks->counters.bytes, size);
		return refuse(sinks, fact, ERR_NO_MEMORY);
	}
	sinks_add(&sinks->counters.taken, 1);
	end_of_refusals(sinks, bytes, bytes_max);
	parcel->mail.deliver = take_fact;
	mailbox_post(sinks->mailbox, &parcel->mail);
	return OK;
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
		list_remove(&work->node);
		list_append(sinks->change != NULL ? &sinks->later : &sinks->work, &work->node);
		return;
	}
	refuse(sinks, &parcel->fact, ERR_NO_MEMORY);
	sinks_subtract(&sinks->counters.bytes, fact_size(&parcel->fact));
	parcel_destroy(parcel);
}

void sinks_done(struct sinks *sinks, unsigned sink, int64_t id)
{
	sinks_count_of(sinks, sink, SINK_SENT, 1);
	(void)add_work(sinks, WORK_DONE, sink, id);
}

void sinks_webhook_done(void *context, unsigned sink, int64_t id, enum webhook_outcome outcome)
{
	struct sinks *sinks = context;

	if (outcome == WEBHOOK_DELIVERED)
		sinks_done(sinks, sink, id);
	else if (outcome == WEBHOOK_GIVEN_UP) {
		sinks_count_of(sinks, sink, SINK_LOST, 1);
		(void)add_work(sinks, WORK_DONE, sink, id);
	} else if (outcome == WEBHOOK_GONE)
		(void)add_work(sinks, WORK_DROP_SINK, sink, 0);
	else
		sinks_count_of(sinks, sink, SINK_FAILED, 1);
	event_active(sinks->wake, EV_TIMEOUT, 0);
}

/* One that has not begun is overtaken, but for its broker where the next one leaves that as it is. */
static void take_change(struct mail *mail, void *receiver)
{
	struct sinks *sinks = receiver;
	struct sinks_change *change = CONTAINER_OF(mail, struct sinks_change, mail),
			    *before = sinks->change;

	if (before != NULL && before->has_other_broker && !change->has_other_broker) {
		change->has_other_broker = true;
		change->amqp = before->amqp;
		before->amqp = NULL;
	}
	sinks->change = change;
	sinks_change_destroy(before);
}

static void take_stop(struct mail *mail, void *receiver)
{
	struct sinks *sinks = receiver;

	sinks->is_stopping = true;
	sinks->stop_at = CONTAINER_OF(mail, struct stop_letter, mail)->deadline;
}

/* All that waits for it, which more may have come to since it went. */
static enum err drop_sink(struct sinks *sinks, unsigned sink, uint64_t *bytes)
{
	uint64_t waiting = spool_waiting(sinks->spool, sink);
	enum err err = spool_drop_sink(sinks->spool, sink, bytes);

	if (err == OK)
		sinks_count_of(sinks, sink, SINK_LOST, waiting);
	return err;
}

static enum err do_work(struct sinks *sinks, const struct work *work, uint64_t *bytes)
{
	switch (work->kind) {
	case WORK_PUT:
		return spool_put(sinks->spool, &work->parcel->fact, bytes);
	case WORK_DONE:
		return spool_done(sinks->spool, work->sink, work->id, bytes);
	default:
		return drop_sink(sinks, work->sink, bytes);
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
	sinks_add(&sinks->counters.kept, puts);
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

	for (size_t i = 0; err == OK && i < sinks->parts.webhook_count; i++)
		err = webhook_prepare(sinks->parts.webhooks[i], timestamp_now());
	return err;
}

static void send_prepared(struct sinks *sinks)
{
	amqp_feed_send(sinks);
	for (size_t i = 0; i < sinks->parts.webhook_count; i++)
		sinks_count_of(sinks, (unsigned)i + (sinks->parts.config->amqp_url != NULL),
		               SINK_REPEATED, webhook_send(sinks->parts.webhooks[i]));
}

/* It is told at once, then each minute, and when it is over. */
static void tell_trouble(struct sinks *sinks, const char *reason)
{
	timestamp now = timestamp_now();

	if (sinks->trouble.attempts == 0)
		sinks->trouble.since = now;
	if (sinks->trouble.attempts++ > 0 && now - sinks->trouble.told_at < TELL_AGAIN_MS)
		return;
	sinks->trouble.told_at = now;
	log_error("event spool failed",
	          "attempts=%llu reason=\"%s\" advice=\"events are kept in memory until it works; "
	          "free the disk of event-spool\"",
	          (unsigned long long)sinks->trouble.attempts, reason);
}

static void end_trouble(struct sinks *sinks)
{
	if (sinks->trouble.attempts > 0)
		log_always("event spool works again", "attempts=%llu seconds=%llu",
		           (unsigned long long)sinks->trouble.attempts,
		           (unsigned long long)(timestamp_now() - sinks->trouble.since) / 1000);
	sinks->trouble.attempts = 0;
}

static void later(struct sinks *sinks, enum err err)
{
	tell_trouble(sinks, err == ERR_UNAVAILABLE ? spool_problem(sinks->spool) : err_string(err));
	sinks->spool_retry_at = timestamp_now() + SPOOL_RETRY_MS;
}

static void undo(struct sinks *sinks, enum err err)
{
	later(sinks, err);
	spool_undo(sinks->spool);
	amqp_feed_undo(sinks);
	for (size_t i = 0; i < sinks->parts.webhook_count; i++)
		webhook_undo(sinks->parts.webhooks[i]);
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
	end_trouble(sinks);
	work_is_done(sinks);
	sinks_subtract(&sinks->counters.bytes, bytes);
	sinks_count_waiting(sinks);
	send_prepared(sinks);
}

/* Work names sinks by their numbers, which are others then: it is done first. */
static void change_sinks(struct sinks *sinks)
{
	enum err err = OK;

	if (sinks->change != NULL) {
		sinks_end_replaced(sinks);
		transact(sinks);
		if (sinks->spool_retry_at == 0)
			err = sinks_replace(sinks);
		if (sinks->change == NULL)
			take_up_later(sinks);
	}
	if (err == OK && sinks->spool_retry_at == 0)
		err = amqp_feed_start(sinks);
	if (err != OK)
		later(sinks, err);
}

static timestamp next_timeout(const struct sinks *sinks)
{
	timestamp next = sinks->is_stopping ? sinks->stop_at : TIMESTAMP_NEVER;

	if (sinks->spool_retry_at != 0) /* nothing is sent before it */
		return next < sinks->spool_retry_at ? next : sinks->spool_retry_at;
	for (size_t i = 0; i < sinks->parts.webhook_count; i++) {
		timestamp timeout = webhook_next_timeout(sinks->parts.webhooks[i]);
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
	bool has_sent_all = list_is_empty(&sinks->work) && sinks_read(&sinks->counters.bytes) == 0;
	return has_sent_all || timestamp_now() >= sinks->stop_at;
}

static void pump(struct sinks *sinks)
{
	if (sinks->spool_retry_at == 0 || timestamp_now() >= sinks->spool_retry_at) {
		sinks->spool_retry_at = 0;
		change_sinks(sinks);
	}
	if (sinks->spool_retry_at == 0)
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
