/* The thread that publishes: which facts are on their way, when to connect again, and what to tell. */
#include "signaling/amqp.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/crypto.h>

#include "base/backoff.h"
#include "base/log.h"
#include "signaling/amqp_link.h"

enum {
	RECONNECT_FIRST_MS = 250,
	RECONNECT_LAST_MS = 30000,
	LOOK_MS =
		1000, /* librabbitmq sends heartbeats, and misses them, only when it is asked for frames */
};

/* A message on its way. */
struct sent {
	struct list node;
	uint64_t tag;
	int64_t id;
};

struct amqp {
	struct amqp_place place;
	struct mailbox *mailbox, *news; /* news: the owner's */
	void (*deliver)(struct mail *mail, void *receiver);
	pthread_t thread;
	bool is_running;
	pthread_mutex_t lock; /* guards socket: who ends the thread shuts it down */
	int socket;           /* -1: none */
	bool is_stopping;     /* set under lock; read there, or by the thread after its letter */

	/* The thread's own. */
	struct amqp_link link;
	unsigned session;
	struct list queue; /* parcels of this session that are not sent yet */
	struct list sent;  /* by tag */
	struct backoff retry;
};

static void *run(void *context);
static void take_parcel(struct mail *mail, void *receiver);

static enum err place_read(struct amqp_place *place, const struct amqp_settings *settings,
                           char problem[256])
{
	*place = (struct amqp_place){
		.text = strdup(settings->url),
		.len = strlen(settings->url),
		.exchange = strdup(settings->exchange),
		.ca_file = settings->ca_file == NULL ? NULL : strdup(settings->ca_file),
		.heartbeat_s = settings->heartbeat_s,
	};
	if (place->text == NULL || place->exchange == NULL ||
	    (place->ca_file == NULL && settings->ca_file != NULL))
		return ERR_NO_MEMORY;
	if (amqp_parse_url(place->text, &place->url) == AMQP_STATUS_OK)
		return OK;
	snprintf(problem, 256,
	         "amqp-url: it is not amqp://USER:PASSWORD@HOST:PORT/VHOST, nor amqps://");
	return ERR_INVALID;
}

/* Wipes the password with the rest: parsing left zeroes between the parts. */
static void place_deinit(struct amqp_place *place)
{
	if (place->text != NULL)
		OPENSSL_cleanse(place->text, place->len);
	free(place->text);
	free(place->exchange);
	free(place->ca_file);
}

static void free_amqp(struct amqp *amqp)
{
	place_deinit(&amqp->place);
	mailbox_destroy(amqp->mailbox);
	free(amqp);
}

enum err amqp_create(const struct amqp_settings *settings, struct amqp **amqp_out,
                     char problem[256])
{
	struct amqp *amqp = calloc(1, sizeof *amqp);

	if (amqp == NULL)
		return ERR_NO_MEMORY;
	amqp->news = settings->mailbox;
	amqp->deliver = settings->deliver;
	amqp->socket = -1;
	list_init(&amqp->queue);
	list_init(&amqp->sent);
	backoff_init(&amqp->retry, RECONNECT_FIRST_MS, RECONNECT_LAST_MS);
	enum err err = place_read(&amqp->place, settings, problem);
	if (err == OK)
		err = mailbox_create(&amqp->mailbox);
	if (err != OK) {
		free_amqp(amqp);
		return err;
	}
	pthread_mutex_init(&amqp->lock, NULL);
	*amqp_out = amqp;
	return OK;
}

enum err amqp_start(struct amqp *amqp)
{
	errno = pthread_create(&amqp->thread, NULL, run, amqp);
	amqp->is_running = errno == 0;
	return amqp->is_running ? OK : ERR_SYSTEM;
}

static void stop(struct mail *mail, void *receiver)
{
	(void)receiver; /* it woke the thread up, which is all it is for */
	free(mail);
}

static void end_thread(struct amqp *amqp)
{
	pthread_mutex_lock(&amqp->lock);
	amqp->is_stopping = true;
	if (amqp->socket >= 0)
		shutdown(amqp->socket, SHUT_RDWR);
	pthread_mutex_unlock(&amqp->lock);
	struct mail *mail = calloc(1, sizeof *mail);
	if (mail != NULL) {
		mail->deliver = stop;
		mailbox_post(amqp->mailbox, mail);
	}
	pthread_join(amqp->thread, NULL);
}

void amqp_destroy(struct amqp *amqp)
{
	if (amqp == NULL)
		return;
	if (amqp->is_running)
		end_thread(amqp);
	mailbox_deliver(amqp->mailbox, amqp); /* what came after its last look */
	pthread_mutex_destroy(&amqp->lock);
	free_amqp(amqp);
}

void amqp_publish(struct amqp *amqp, struct parcel *parcel)
{
	parcel->mail.deliver = take_parcel;
	mailbox_post(amqp->mailbox, &parcel->mail);
}

static void take_parcel(struct mail *mail, void *receiver)
{
	struct amqp *amqp = receiver;
	struct parcel *parcel = CONTAINER_OF(mail, struct parcel, mail);

	if (amqp->link.state != NULL && parcel->session == amqp->session)
		list_append(&amqp->queue, &parcel->node);
	else
		parcel_destroy(parcel);
}

/* Tells the owner. Without memory for it the connection is given up: a new one tells all there is to know. */
static bool tell(struct amqp *amqp, enum amqp_news_kind kind, size_t count)
{
	struct amqp_news *news = malloc(sizeof *news + count * sizeof news->ids[0]);

	if (news == NULL)
		return false;
	*news = (struct amqp_news){{NULL, amqp->deliver}, kind, amqp->session, 0};
	while (news->count < count) {
		struct sent *sent = CONTAINER_OF(list_first(&amqp->sent), struct sent, node);
		news->ids[news->count++] = sent->id;
		list_remove(&sent->node);
		free(sent);
	}
	mailbox_post(amqp->news, &news->mail);
	return true;
}

static bool is_stopping(struct amqp *amqp)
{
	pthread_mutex_lock(&amqp->lock);
	bool stopping = amqp->is_stopping;
	pthread_mutex_unlock(&amqp->lock);
	return stopping;
}

static void set_socket(void *context, int fd)
{
	struct amqp *amqp = context;

	pthread_mutex_lock(&amqp->lock);
	amqp->socket = fd;
	if (amqp->is_stopping && fd >= 0)
		shutdown(fd, SHUT_RDWR);
	pthread_mutex_unlock(&amqp->lock);
}

static void forget_all(struct amqp *amqp)
{
	LIST_FOR_EACH (node, &amqp->queue)
		parcel_destroy(CONTAINER_OF(node, struct parcel, node));
	LIST_FOR_EACH (node, &amqp->sent)
		free(CONTAINER_OF(node, struct sent, node));
	list_init(&amqp->queue);
	list_init(&amqp->sent);
}

static void disconnect(struct amqp *amqp)
{
	set_socket(amqp, -1);
	amqp_link_close(&amqp->link);
	forget_all(amqp);
}

static bool connect_now(struct amqp *amqp)
{
	amqp->session++;
	if (amqp_link_open(&amqp->link, &amqp->place, set_socket, amqp) == OK &&
	    tell(amqp, AMQP_READY, 0)) {
		log_always("event broker connected", "host=\"%s\" port=%d", amqp->place.url.host,
		           amqp->place.url.port);
		backoff_worked(&amqp->retry, timestamp_now());
		return true;
	}
	if (!is_stopping(amqp))
		log_warning("event broker not reached", "host=\"%s\" port=%d reason=\"%s\"",
		            amqp->place.url.host, amqp->place.url.port, amqp->link.problem);
	disconnect(amqp);
	backoff_failed(&amqp->retry, timestamp_now());
	return false;
}

static enum err send_queue(struct amqp *amqp)
{
	while (!amqp->link.is_blocked && !list_is_empty(&amqp->queue)) {
		struct parcel *parcel = CONTAINER_OF(list_first(&amqp->queue), struct parcel, node);
		struct sent *sent = calloc(1, sizeof *sent);
		if (sent == NULL)
			return ERR_NO_MEMORY;
		list_append(&amqp->sent, &sent->node);
		sent->tag = amqp->link.next_tag;
		sent->id = parcel->id;
		enum err err = amqp_link_publish(&amqp->link, &amqp->place, parcel);
		if (err != OK)
			return err;
		list_remove(&parcel->node);
		parcel_destroy(parcel);
	}
	return OK;
}

/* The broker may confirm one that is not the first: it goes to the front, from where tell() takes it. */
static size_t confirm_one(struct amqp *amqp, uint64_t tag)
{
	LIST_FOR_EACH (node, &amqp->sent)
		if (CONTAINER_OF(node, struct sent, node)->tag == tag) {
			list_remove(node);
			list_prepend(&amqp->sent, node);
			return 1;
		}
	return 0;
}

static size_t confirm_until(struct amqp *amqp, uint64_t tag)
{
	size_t count = 0;

	LIST_FOR_EACH (node, &amqp->sent) {
		if (CONTAINER_OF(node, struct sent, node)->tag > tag)
			break;
		count++;
	}
	return count;
}

static enum err read_words(struct amqp *amqp)
{
	struct amqp_word word;

	for (;;) {
		enum err err = amqp_link_input(&amqp->link, &word);
		if (err != OK || word.kind == AMQP_WORD_NONE)
			return err;
		if (word.kind != AMQP_WORD_ACK)
			continue;
		size_t count = word.is_multiple ? confirm_until(amqp, word.tag)
		                                : confirm_one(amqp, word.tag);
		if (count > 0 && !tell(amqp, AMQP_CONFIRMED, count))
			return ERR_NO_MEMORY;
	}
}

/* Waits for letters and, where there is a connection, for the broker. */
static void wait_for_something(struct amqp *amqp, int timeout_ms)
{
	struct pollfd wait[2] = {
		{.fd = mailbox_fd(amqp->mailbox), .events = POLLIN},
		{.fd = amqp->link.state == NULL ? -1 : amqp_get_sockfd(amqp->link.state),
	         .events = POLLIN},
	};

	poll(wait, 2, timeout_ms);
	mailbox_deliver(amqp->mailbox, amqp);
}

static void serve(struct amqp *amqp)
{
	enum err err = OK;

	while (err == OK && !is_stopping(amqp)) {
		wait_for_something(amqp, LOOK_MS);
		err = read_words(amqp);
		if (err == OK)
			err = send_queue(amqp);
	}
	if (!is_stopping(amqp))
		log_warning("event broker lost", "host=\"%s\" reason=\"%s\"", amqp->place.url.host,
		            err == ERR_NO_MEMORY ? "no memory" : amqp->link.problem);
	disconnect(amqp);
	backoff_failed(&amqp->retry, timestamp_now());
}

static void wait_to_retry(struct amqp *amqp)
{
	timestamp now = timestamp_now();

	if (!backoff_is_due(&amqp->retry, now))
		wait_for_something(amqp, (int)(amqp->retry.due - now));
}

static void *run(void *context)
{
	struct amqp *amqp = context;
	sigset_t signals;

	sigfillset(&signals); /* they are the main thread's; SIGPIPE is nobody's */
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	while (!is_stopping(amqp))
		if (!backoff_is_due(&amqp->retry, timestamp_now()))
			wait_to_retry(amqp);
		else if (connect_now(amqp))
			serve(amqp);
	return NULL;
}
