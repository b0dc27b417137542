/* Workers made, started and ended; and what others ask of them. */
#include "signaling/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "signaling/net_private.h"
#include "signaling/post.h"

enum { INCOMPLETE_DEFAULT = 64 << 20 };

static enum err worker_create(struct workers *workers, unsigned number, struct worker **result,
                              char problem[256]);
static void worker_destroy(struct worker *worker);
static enum err open_loop(struct worker *worker);
static enum err open_sockets(struct worker *worker, char problem[256]);

struct worker_letter {
	struct mail mail;
	struct worker_task *task;
};

static void complete(struct workers_settings *settings)
{
	static const struct worker_times defaults = {.handshake_s = 10,
	                                             .request_s = 10,
	                                             .keep_alive_s = 60,
	                                             .message_s = 60,
	                                             .close_s = 5};
	struct worker_times *times = &settings->times;

	if (settings->threads == 0)
		settings->threads = 1;
	if (times->handshake_s == 0)
		times->handshake_s = defaults.handshake_s;
	if (times->request_s == 0)
		times->request_s = defaults.request_s;
	if (times->keep_alive_s == 0)
		times->keep_alive_s = defaults.keep_alive_s;
	if (times->message_s == 0)
		times->message_s = defaults.message_s;
	if (times->close_s == 0)
		times->close_s = defaults.close_s;
	if (settings->incomplete_max == 0)
		settings->incomplete_max = INCOMPLETE_DEFAULT;
	settings->hub.workers = (uint16_t)settings->threads;
}

enum err workers_create(const struct workers_settings *settings, struct workers **workers,
                        char problem[256])
{
	struct workers *created = calloc(1, sizeof *created);
	enum err err = ERR_NO_MEMORY;

	snprintf(problem, 256, "out of memory");
	if (created == NULL)
		return err;
	created->settings = *settings;
	complete(&created->settings);
	created->ports = calloc(settings->listener_count + 1, sizeof *created->ports);
	created->worker = calloc(created->settings.threads, sizeof *created->worker);
	if (created->ports == NULL || created->worker == NULL)
		goto fail;
	err = address_limits_create(settings->connections_max, &settings->policy.limits,
	                            &created->limits);
	for (unsigned i = 0; i < created->settings.threads && err == OK; i++) {
		err = worker_create(created, i, &created->worker[i], problem);
		created->count += err == OK;
	}
	if (err == OK) {
		*workers = created;
		return OK;
	}
fail:
	workers_destroy(created);
	return err;
}

/* All listen before the first thread runs: whoever is told that they have started can connect. */
static enum err listen_all(struct workers *workers, char problem[256])
{
	for (unsigned i = 0; i < workers->count; i++)
		if (worker_listen(workers->worker[i]) != OK) {
			snprintf(problem, 256, "cannot listen: %s", strerror(errno));
			return ERR_SYSTEM;
		}
	return OK;
}

enum err workers_start(struct workers *workers, char problem[256])
{
	sigset_t all, before;
	enum err err = listen_all(workers, problem);

	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (unsigned i = 0; i < workers->count && err == OK; i++) {
		struct worker *worker = workers->worker[i];
		int result = pthread_create(&worker->thread, NULL, worker_main, worker);
		worker->has_thread = result == 0;
		if (result != 0) {
			snprintf(problem, 256, "no thread: %s", strerror(result));
			err = ERR_SYSTEM;
		}
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

struct stop {
	struct mail mail;
};

static void stop(struct mail *mail, void *receiver)
{
	struct worker *worker = receiver;

	worker->is_stopping = true;
	free(CONTAINER_OF(mail, struct stop, mail));
}

static void ask_to_stop(struct worker *worker)
{
	struct stop *letter = calloc(1, sizeof *letter);

	/* Without memory for a letter nothing can be ended in order. */
	if (letter == NULL)
		abort();
	letter->mail.deliver = stop;
	mailbox_post(worker->mailbox, &letter->mail);
}

void workers_destroy(struct workers *workers)
{
	if (workers == NULL)
		return;
	for (unsigned i = 0; i < workers->count; i++)
		if (workers->worker[i]->has_thread)
			ask_to_stop(workers->worker[i]);
	for (unsigned i = 0; i < workers->count; i++)
		if (workers->worker[i]->has_thread)
			pthread_join(workers->worker[i]->thread, NULL);
	/* Hubs write to each other to the end: what was mailed is taken, and nothing more is. */
	workers->is_ending = true;
	for (unsigned i = 0; i < workers->count; i++)
		mailbox_deliver(workers->worker[i]->mailbox, workers->worker[i]);
	for (unsigned i = 0; i < workers->count; i++)
		worker_destroy(workers->worker[i]);
	address_limits_destroy(workers->limits);
	free(workers->worker);
	free(workers->ports);
	free(workers);
}

static void look_for_sent(void *path)
{
	connection_look_for_acknowledgements(path);
}

static enum err worker_create(struct workers *workers, unsigned number, struct worker **result,
                              char problem[256])
{
	struct worker *worker = calloc(1, sizeof *worker);
	struct hub_settings hub = workers->settings.hub;
	enum err err = ERR_NO_MEMORY;

	if (worker == NULL)
		return err;
	worker->workers = workers;
	worker->number = number;
	list_init(&worker->connections);
	list_init(&worker->gone);
	list_init(&worker->dirty);
	list_init(&worker->unacknowledged);
	list_init(&worker->exchanges);
	pool_init(&worker->outgoing, sizeof(struct outgoing));
	worker->now = timestamp_now();
	worker->wall_ms = timestamp_wall_ms();
	worker_adopt(worker, &workers->settings.policy);
	err = open_loop(worker);
	hub.place.worker = (uint16_t)number;
	hub.look_for_sent = look_for_sent;
	if (err == OK)
		err = hub_create(&hub, worker->now, worker->wall_ms, &worker->hub);
	if (err == OK)
		err = open_sockets(worker, problem);
	if (err != OK) {
		worker_destroy(worker);
		return err;
	}
	*result = worker;
	return OK;
}

static void close_sockets(struct worker *worker)
{
	size_t count = worker->listeners == NULL ? 0 : worker->workers->settings.listener_count;

	for (size_t i = 0; i < count; i++) {
		if (worker->listeners[i].event != NULL)
			event_free(worker->listeners[i].event);
		if (worker->listeners[i].fd >= 0)
			close(worker->listeners[i].fd);
		worker->listeners[i].event = NULL;
		worker->listeners[i].fd = -1;
	}
}

static void close_connections(struct worker *worker)
{
	LIST_FOR_EACH (node, &worker->connections)
		connection_end(CONTAINER_OF(node, struct connection, node));
	worker_settle(worker);
}

static void destroy_exchanges(struct worker *worker)
{
	LIST_FOR_EACH (node, &worker->exchanges)
		http_exchange_destroy(CONTAINER_OF(node, struct http_exchange, node));
}

static void worker_destroy(struct worker *worker)
{
	close_sockets(worker);
	if (worker->hub != NULL)
		close_connections(worker);
	/* It refuses what it was asked and has not answered: the exchanges that asked are there until then. */
	hub_destroy(worker->hub);
	destroy_exchanges(worker);
	if (worker->mail_event != NULL)
		event_free(worker->mail_event);
	if (worker->timeout_event != NULL)
		event_free(worker->timeout_event);
	mailbox_destroy(worker->mailbox);
	timer_wheel_destroy(worker->timers);
	if (worker->base != NULL)
		event_base_free(worker->base);
	SSL_CTX_free(worker->policy.tls);
	pool_deinit(&worker->outgoing);
	free(worker->listeners);
	free(worker);
}

static void on_mail(evutil_socket_t fd, short what, void *context)
{
	struct worker *worker = context;

	(void)fd, (void)what;
	worker_begin_turn(worker);
	mailbox_deliver(worker->mailbox, worker);
}

static void on_timeout(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	worker_begin_turn(context);
}

static enum err open_loop(struct worker *worker)
{
	struct event_config *config = event_config_new();

	if (config == NULL)
		return ERR_NO_MEMORY;
	/* Only its own thread touches the loop. */
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	worker->base = event_base_new_with_config(config);
	event_config_free(config);
	if (worker->base == NULL)
		return ERR_NO_MEMORY;
	enum err err = timer_wheel_create(worker->now, &worker->timers);
	if (err == OK)
		err = mailbox_create(&worker->mailbox);
	if (err != OK)
		return err;
	worker->mail_event = event_new(worker->base, mailbox_fd(worker->mailbox),
	                               EV_READ | EV_PERSIST, on_mail, worker);
	worker->timeout_event = event_new(worker->base, -1, 0, on_timeout, worker);
	if (worker->mail_event == NULL || worker->timeout_event == NULL ||
	    event_add(worker->mail_event, NULL) != 0)
		return ERR_NO_MEMORY;
	return OK;
}

static enum err open_sockets(struct worker *worker, char problem[256])
{
	const struct workers_settings *settings = &worker->workers->settings;
	char text[ADDR_TEXT_SIZE];

	worker->listeners = calloc(settings->listener_count + 1, sizeof *worker->listeners);
	if (worker->listeners == NULL)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < settings->listener_count; i++)
		worker->listeners[i].fd = -1;
	for (size_t i = 0; i < settings->listener_count; i++) {
		struct listening_socket *listener = &worker->listeners[i];
		struct transport_addr addr = settings->listeners[i].addr;
		/* The port that the first thread was given is the others' too. */
		if (worker->number > 0)
			addr_set_port(&addr, worker->workers->ports[i]);
		listener->worker = worker;
		listener->is_tls = settings->listeners[i].is_tls;
		enum err err = listener_open(&addr, &listener->fd, &worker->workers->ports[i]);
		if (err != OK) {
			snprintf(problem, 256, "%s: %s", addr_format(&addr, text), strerror(errno));
			return err;
		}
	}
	return OK;
}

void worker_stop_listening(struct worker *worker)
{
	timer_cancel(worker->timers, &worker->accept_again);
	close_sockets(worker);
}

void worker_adopt(struct worker *worker, const struct worker_policy *policy)
{
	SSL_CTX *before = worker->policy.tls;

	if (policy->tls != NULL)
		SSL_CTX_up_ref(policy->tls);
	worker->policy = *policy;
	SSL_CTX_free(before);
	address_limits_change(worker->workers->limits, &policy->limits);
}

/* Tasks. */

static void task_is_back(struct mail *mail, void *receiver)
{
	struct worker_task *task = CONTAINER_OF(mail, struct worker_letter, mail)->task;

	(void)receiver;
	/* Acquire and release: what each worker found out is seen by whoever is the last. */
	if (atomic_fetch_sub_explicit(&task->waiting, 1, memory_order_acq_rel) > 1)
		return;
	free(task->letters);
	task->letters = NULL;
	if (task->done != NULL)
		task->done(task);
}

static void task_arrives(struct mail *mail, void *receiver)
{
	struct worker_task *task = CONTAINER_OF(mail, struct worker_letter, mail)->task;

	task->run(task, receiver);
	mail->deliver = task_is_back;
	if (task->reply_to != NULL)
		mailbox_post(task->reply_to, mail);
	else
		task_is_back(mail, NULL);
}

static enum err begin_task(struct workers *workers, unsigned first, unsigned count,
                           struct mailbox *reply_to, struct worker_task *task)
{
	task->letters = calloc(count, sizeof *task->letters);
	if (task->letters == NULL)
		return ERR_NO_MEMORY;
	task->reply_to = reply_to;
	atomic_init(&task->waiting, count);
	/* The last may come back, and free them, before this loop has ended. */
	struct worker_letter *letters = task->letters;
	for (unsigned i = 0; i < count; i++)
		letters[i] =
			(struct worker_letter){.mail = {.deliver = task_arrives}, .task = task};
	for (unsigned i = 0; i < count; i++)
		mailbox_post(workers->worker[first + i]->mailbox, &letters[i].mail);
	return OK;
}

enum err workers_ask(struct workers *workers, struct mailbox *reply_to, struct worker_task *task)
{
	return begin_task(workers, 0, workers->count, reply_to, task);
}

enum err workers_ask_one(struct workers *workers, unsigned number, struct mailbox *reply_to,
                         struct worker_task *task)
{
	return begin_task(workers, number, 1, reply_to, task);
}

/* What there is to know of them. */

unsigned workers_count(const struct workers *workers)
{
	return workers->count;
}

uint16_t workers_port(const struct workers *workers, size_t listener)
{
	return workers->ports[listener];
}

struct worker *workers_at(struct workers *workers, unsigned number)
{
	return workers->worker[number];
}

const struct hub_counters *workers_hub_counters(const struct workers *workers, unsigned number)
{
	return hub_counters(workers->worker[number]->hub);
}

const struct net_counters *workers_net_counters(const struct workers *workers, unsigned number)
{
	return &workers->worker[number]->counters;
}

struct hub *worker_hub(struct worker *worker)
{
	return worker->hub;
}

struct workers *worker_workers(struct worker *worker)
{
	return worker->workers;
}

unsigned worker_number(const struct worker *worker)
{
	return worker->number;
}

timestamp worker_now(const struct worker *worker)
{
	return worker->now;
}

uint64_t worker_wall_ms(const struct worker *worker)
{
	return worker->wall_ms;
}

struct event_base *worker_base(struct worker *worker)
{
	return worker->base;
}

struct mailbox *worker_mailbox(struct worker *worker)
{
	return worker->mailbox;
}

const struct worker_policy *worker_policy(const struct worker *worker)
{
	return &worker->policy;
}
