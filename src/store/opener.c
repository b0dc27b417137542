/* The thread that opens. */
#include "store/opener.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

struct store_opener {
	pthread_t thread;
	struct mailbox *mailbox; /* owned */
	struct mail begin, end;
	bool is_running; /* the maker's */
	bool is_ending;
	struct mailbox *reply_to;
	char *file, *redis; /* owned; what location points at */
	struct store_location location;
	struct store_opened opened;
};

static void *run(void *argument);
static void attempt(struct mail *mail, void *receiver);
static void end(struct mail *mail, void *receiver);
static enum err location_copy(struct store_opener *opener, const struct store_location *location);
static void location_free(struct store_opener *opener);

enum err store_opener_create(const struct store_location *location, struct mailbox *reply_to,
                             void (*deliver)(struct mail *opened, void *receiver),
                             struct store_opener **result)
{
	struct store_opener *opener = calloc(1, sizeof *opener);
	enum err err;

	if (opener == NULL)
		return ERR_NO_MEMORY;
	opener->reply_to = reply_to;
	opener->opened.mail.deliver = deliver;
	opener->begin.deliver = attempt;
	opener->end.deliver = end;
	err = location_copy(opener, location);
	if (err != OK)
		goto fail_location;
	err = mailbox_create(&opener->mailbox);
	if (err != OK)
		goto fail_location;
	*result = opener;
	return OK;

fail_location:
	location_free(opener);
	free(opener);
	return err;
}

enum err store_opener_run(struct store_opener *opener)
{
	errno = pthread_create(&opener->thread, NULL, run, opener);
	opener->is_running = errno == 0;
	return opener->is_running ? OK : ERR_SYSTEM;
}

void store_opener_destroy(struct store_opener *opener)
{
	if (opener == NULL)
		return;
	if (opener->is_running) {
		mailbox_post(opener->mailbox, &opener->end);
		pthread_join(opener->thread, NULL);
	}
	mailbox_destroy(opener->mailbox);
	store_close(opener->opened.store);
	location_free(opener);
	free(opener);
}

void store_opener_begin(struct store_opener *opener)
{
	mailbox_post(opener->mailbox, &opener->begin);
}

static void *run(void *argument)
{
	struct store_opener *opener = argument;
	struct pollfd wait = {.fd = mailbox_fd(opener->mailbox), .events = POLLIN};
	sigset_t signals;

	sigfillset(&signals); /* they are the main thread's */
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	while (!opener->is_ending) {
		poll(&wait, 1, -1);
		mailbox_deliver(opener->mailbox, opener);
	}
	return NULL;
}

static void attempt(struct mail *mail, void *receiver)
{
	struct store_opener *opener = receiver;
	struct store_opened *opened = &opener->opened;

	(void)mail;
	enum err err = store_open_at(&opener->location, false, &opened->store, opened->problem);
	if (err != OK)
		opened->store = NULL;
	if (err != OK && opened->problem[0] == '\0')
		snprintf(opened->problem, sizeof opened->problem, "%s", err_string(err));
	mailbox_post(opener->reply_to, &opened->mail);
}

static void end(struct mail *mail, void *receiver)
{
	struct store_opener *opener = receiver;

	(void)mail;
	opener->is_ending = true;
}

static enum err location_copy(struct store_opener *opener, const struct store_location *location)
{
	if (location->file != NULL)
		opener->file = strdup(location->file);
	if (location->redis != NULL)
		opener->redis = strdup(location->redis);
	opener->location.file = opener->file;
	opener->location.redis = opener->redis;
	opener->location.is_checked = true; /* it was lost: there may be more to it than was met */
	return opener->file != NULL || opener->redis != NULL ? OK : ERR_NO_MEMORY;
}

static void location_free(struct store_opener *opener)
{
	if (opener->redis != NULL)
		bytes_wipe(opener->redis, strlen(opener->redis));
	free(opener->redis);
	free(opener->file);
}
