/* The store on a thread of its own. Questions come by mail and leave as answers by mail; a relay
 * thread never waits for the disk or for the network. When the database is away, every question is answered
 * with ERR_UNAVAILABLE at once, and it is opened again at growing intervals, by yet another thread. What
 * came together is asked together where the store can do so. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/driver.h"
#include "store/last_known.h"
#include "store/opener.h"
#include "store/realms_watch.h"

#include "base/backoff.h"
#include "base/list.h"
#include "base/log.h"
#include "base/timestamp.h"

enum { RETRY_FIRST_MS = 100, RETRY_LAST_MS = 5000 };

struct store_thread {
	pthread_t thread;
	struct mailbox *mailbox; /* owned */
	struct mail stop;
	bool is_running; /* thread is one; the maker's */
	bool is_stopping;
	struct store *store;             /* owned; NULL: away */
	struct store_opener *opener;     /* owned */
	bool is_opening;                 /* the opener has been asked, and has not answered */
	struct backoff retry;            /* when it is away, and nobody opens it */
	char problem[256];               /* that was told of last; "": it is there */
	struct last_known *known;        /* owned */
	struct mail *asked, **asked_end; /* owned: questions, oldest first */
	struct realms_watch realms;
	timestamp look_at; /* when the realms are looked at next; there are watchers */
};

static enum err first_open(struct store_thread *thread, const struct store_location *location,
                           char problem[256]);
static void *thread_run(void *argument);
static int thread_timeout(const struct store_thread *thread);
static void thread_look(struct store_thread *thread);
static bool thread_watch(struct store_thread *thread);
static void watch_add(struct mail *mail, void *receiver);
static void thread_reopen(struct store_thread *thread);
static void thread_opened(struct mail *mail, void *receiver);
static void thread_tell_away(struct store_thread *thread, const char *problem);
static void thread_lose(struct store_thread *thread);
static void thread_stop(struct mail *mail, void *receiver);
static void thread_answer(struct store_thread *thread);
static unsigned ask_ahead(struct store_thread *thread);
static void request_take(struct mail *mail, void *receiver);
static void request_answer(struct store_thread *thread);
static void request_compare(struct last_known *known, struct store_request *request, bool is_away);
static enum err request_ask(struct store *store, struct store_request *request);
static bool request_add_secret(const char *realm, const char *secret, void *context);

enum err store_thread_create(const char *path, struct store_thread **thread, char problem[256])
{
	const struct store_location location = {.file = path};

	return store_thread_create_at(&location, thread, problem);
}

enum err store_thread_create_at(const struct store_location *location,
                                struct store_thread **thread_out, char problem[256])
{
	struct store_thread *thread = calloc(1, sizeof *thread);
	enum err err = ERR_NO_MEMORY;

	problem[0] = '\0';
	if (thread == NULL)
		return err;
	thread->asked_end = &thread->asked;
	backoff_init(&thread->retry, RETRY_FIRST_MS, RETRY_LAST_MS);
	thread->stop.deliver = thread_stop;
	err = first_open(thread, location, problem);
	if (err != OK)
		goto fail_open;
	realms_watch_init(&thread->realms);
	err = last_known_create(&thread->known);
	if (err == OK)
		err = mailbox_create(&thread->mailbox);
	if (err != OK)
		goto fail_mailbox;
	err = store_opener_create(location, thread->mailbox, thread_opened, &thread->opener);
	if (err != OK)
		goto fail_opener;
	*thread_out = thread;
	return OK;

fail_opener:
	mailbox_destroy(thread->mailbox);
fail_mailbox:
	last_known_destroy(thread->known);
	store_close(thread->store);
fail_open:
	free(thread);
	if (problem[0] == '\0')
		snprintf(problem, 256, "no thread for the store: %s", err_string(err));
	return err;
}

/* A server that is away may come later; what only the operator can mend is told at the start. */
static enum err first_open(struct store_thread *thread, const struct store_location *location,
                           char problem[256])
{
	struct store_location whole = *location;

	whole.is_checked = true;
	whole.is_patient = false; /* it opens it anew by itself */
	enum err err = store_open_at(&whole, true, &thread->store, problem);
	if (err != ERR_UNAVAILABLE || location->redis == NULL)
		return err;
	thread_tell_away(thread, problem);
	thread->store = NULL;
	backoff_failed(&thread->retry, timestamp_now());
	return OK;
}

enum err store_thread_run(struct store_thread *thread, char problem[256])
{
	errno = 0;
	if (store_opener_run(thread->opener) == OK)
		errno = pthread_create(&thread->thread, NULL, thread_run, thread);
	thread->is_running = errno == 0;
	if (thread->is_running)
		return OK;
	snprintf(problem, 256, "no thread for the store: %s", strerror(errno));
	return ERR_SYSTEM;
}

enum err store_thread_start(const char *path, struct store_thread **thread_out, char problem[256])
{
	struct store_thread *thread;
	enum err err = store_thread_create(path, &thread, problem);

	if (err != OK)
		return err;
	err = store_thread_run(thread, problem);
	if (err != OK)
		store_thread_stop(thread);
	else
		*thread_out = thread;
	return err;
}

void store_thread_stop(struct store_thread *thread)
{
	if (thread == NULL)
		return;
	if (thread->is_running) {
		mailbox_post(thread->mailbox, &thread->stop);
		pthread_join(thread->thread, NULL);
	}
	store_opener_destroy(thread->opener);
	mailbox_destroy(thread->mailbox);
	last_known_destroy(thread->known);
	store_close(thread->store);
	realms_watch_deinit(&thread->realms);
	free(thread);
}

void store_thread_ask(struct store_thread *thread, struct store_request *request)
{
	/* deliver is the asker's, for the answer. Until then the letter is ours, and has to be
	 * delivered here: the asker's is kept in it. */
	request->answer = request->mail.deliver;
	request->mail.deliver = request_take;
	mailbox_post(thread->mailbox, &request->mail);
}

bool store_thread_clock(const struct store_thread *thread, clockid_t *clock)
{
	return thread != NULL && thread->is_running &&
	       pthread_getcpuclockid(thread->thread, clock) == 0;
}

static void ping_answer(struct mail *mail, void *receiver)
{
	struct store_ping *ping = CONTAINER_OF(mail, struct store_ping, mail);

	(void)receiver;
	mail->deliver = ping->answered;
	mailbox_post(ping->reply_to, mail);
}

void store_thread_ping(struct store_thread *thread, struct store_ping *ping)
{
	ping->mail.deliver = ping_answer;
	mailbox_post(thread->mailbox, &ping->mail);
}

void store_thread_watch(struct store_thread *thread, struct store_watch *watch)
{
	watch->mail.deliver = watch_add;
	mailbox_post(thread->mailbox, &watch->mail);
}

static void *thread_run(void *argument)
{
	struct store_thread *thread = argument;
	struct pollfd wait = {.fd = mailbox_fd(thread->mailbox), .events = POLLIN};
	sigset_t signals;

	sigfillset(&signals); /* they are the main thread's */
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	while (!thread->is_stopping) {
		if (poll(&wait, 1, thread_timeout(thread)) < 0 && errno != EINTR) {
			log_error("store thread cannot wait", "reason=\"%s\"", strerror(errno));
			break;
		}
		if (thread->store == NULL && !thread->is_opening &&
		    backoff_is_due(&thread->retry, timestamp_now()))
			thread_reopen(thread);
		mailbox_deliver(thread->mailbox, thread);
		thread_answer(thread);
		thread_look(thread);
	}
	return NULL;
}

/* For poll: until the next attempt to open it, or for ever. */
static int thread_timeout(const struct store_thread *thread)
{
	timestamp now = timestamp_now(), next = thread->retry.due;

	if (thread->is_opening)
		return -1;
	if (thread->store != NULL && !realms_watch_has_watchers(&thread->realms))
		return -1;
	if (thread->store != NULL)
		next = thread->look_at;
	return next <= now ? 0 : (int)(next - now);
}

/* Whoever watches the realms is told of a change without asking: to know the realm of a request, its
 * limits and its peers takes no question then. */
static void thread_look(struct store_thread *thread)
{
	if (thread->store != NULL && timestamp_now() >= thread->look_at && !thread_watch(thread))
		thread_lose(thread);
}

/* False when the store cannot be read. */
static bool thread_watch(struct store_thread *thread)
{
	thread->look_at = timestamp_now() + STORE_WATCH_MS;
	return !realms_watch_has_watchers(&thread->realms) ||
	       (!store_has_moved(thread->store) &&
	        realms_watch_look(&thread->realms, thread->store) == OK);
}

static void watch_add(struct mail *mail, void *receiver)
{
	struct store_thread *thread = receiver;

	realms_watch_add(&thread->realms, CONTAINER_OF(mail, struct store_watch, mail));
	thread->look_at = 0;
}

static void thread_reopen(struct store_thread *thread)
{
	thread->is_opening = true;
	store_opener_begin(thread->opener);
}

static void thread_opened(struct mail *mail, void *receiver)
{
	struct store_opened *opened = CONTAINER_OF(mail, struct store_opened, mail);
	struct store_thread *thread = receiver;

	thread->is_opening = false;
	thread->store = opened->store;
	opened->store = NULL;
	realms_watch_reset(&thread->realms);
	if (thread->store == NULL) {
		thread_tell_away(thread, opened->problem);
		backoff_failed(&thread->retry, timestamp_now());
	} else if (!thread_watch(thread)) {
		thread_lose(thread);
	} else {
		log_always("store is back", "store=\"%s\"", store_path(thread->store));
		thread->problem[0] = '\0';
		backoff_worked(&thread->retry, timestamp_now());
	}
}

/* The same problem is told once, however often it is met. */
static void thread_tell_away(struct store_thread *thread, const char *problem)
{
	if (strcmp(thread->problem, problem) == 0)
		return;
	log_error("store is away",
	          "reason=\"%s\" advice=\"who is not known yet is refused until it is back\"",
	          problem);
	snprintf(thread->problem, sizeof thread->problem, "%s", problem);
}

static void thread_lose(struct store_thread *thread)
{
	thread_tell_away(thread, store_problem(thread->store));
	store_close(thread->store);
	thread->store = NULL;
	backoff_failed(&thread->retry, timestamp_now());
}

static void thread_stop(struct mail *mail, void *receiver)
{
	struct store_thread *thread = receiver;

	(void)mail;
	thread->is_stopping = true;
}

static void request_take(struct mail *mail, void *receiver)
{
	struct store_thread *thread = receiver;

	mail->next = NULL;
	*thread->asked_end = mail;
	thread->asked_end = &mail->next;
}

static struct store_request *request_of(struct mail *mail)
{
	return CONTAINER_OF(mail, struct store_request, mail);
}

static void thread_answer(struct store_thread *thread)
{
	while (thread->asked != NULL) {
		unsigned ahead = ask_ahead(thread);

		do
			request_answer(thread);
		while (ahead-- > 1);
	}
}

/* Asks as many of the first questions ahead as can be, and says how many. */
static unsigned ask_ahead(struct store_thread *thread)
{
	unsigned count = 0;

	for (struct mail *mail = thread->asked; mail != NULL && thread->store != NULL;
	     mail = mail->next) {
		if (store_ask_ahead(thread->store, request_of(mail)) != OK)
			break;
		count++;
	}
	return count;
}

/* Answers the oldest one. */
static void request_answer(struct store_thread *thread)
{
	struct store_request *request = request_of(thread->asked);

	thread->asked = request->mail.next;
	if (thread->asked == NULL)
		thread->asked_end = &thread->asked;
	if (thread->store != NULL && store_has_moved(thread->store))
		thread_lose(thread);
	request->result =
		thread->store != NULL ? request_ask(thread->store, request) : ERR_UNAVAILABLE;
	if (request->result != OK && request->result != ERR_NOT_FOUND && thread->store != NULL)
		thread_lose(thread);
	request_compare(thread->known, request, thread->store == NULL);
	if (request->result != OK && request->result != ERR_NOT_FOUND)
		request->result = ERR_UNAVAILABLE;
	request->mail.deliver = request->answer;
	mailbox_post(request->reply_to, &request->mail);
}

/* With what the store said before: that stands while it is away. */
static void request_compare(struct last_known *known, struct store_request *request, bool is_away)
{
	if (!is_away)
		last_known_learn(known, request, timestamp_now());
	else if (last_known_answer(known, request, timestamp_now()))
		request->result = OK;
}

static enum err request_ask(struct store *store, struct store_request *request)
{
	switch (request->question) {
	case STORE_FIND_USER:
		return store_user_find(store, request->realm, request->name, &request->user);
	case STORE_FIND_USERHASH:
		return store_user_find_hash(store, request->realm, request->userhash,
		                            &request->user);
	case STORE_LIST_SECRETS:
		request->secret_count = 0;
		return store_secret_list(store, request->realm, request_add_secret, request);
	case STORE_FIND_OAUTH_KEY:
		return store_oauth_key_find(store, request->name, &request->oauth_key);
	}
	return ERR_NOT_FOUND;
}

static bool request_add_secret(const char *realm, const char *secret, void *context)
{
	struct store_request *request = context;

	(void)realm;
	snprintf(request->secrets[request->secret_count++], sizeof request->secrets[0], "%s",
	         secret);
	return request->secret_count < STORE_SECRETS_MAX;
}
