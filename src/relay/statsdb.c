/* Keys, channels and texts are coturn's:
 *
 *     turn/realm/R/user/U/allocation/ID/status          SET and PUBLISH; DEL and "deleted" at the end
 *     ..../traffic, ..../traffic/peer                   PUBLISH: since the last time
 *     ..../total_traffic, ..../total_traffic/peer       PUBLISH: all of it, at the end
 *
 * but that the key ends with the lifetime of the allocation, if not refreshed: a server that dies leaves
 * no ghosts. What is received from the client is what is sent to the peer, and the other way round. */
#include "relay/statsdb.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/bytes.h"
#include "base/log.h"
#include "relay/thread.h"
#include "store/redis_writer.h"

enum {
	BATCH = 256, /* letters that Redis answers together */
	RETRY_FIRST_MS = 100,
	RETRY_LAST_MS = 10000,
	KEY_GRACE_S = 5, /* a Refresh comes in time, and its letter a little later */
	KEY_SIZE = TURN_REALM_MAX + TURN_USERNAME_MAX + 128,
	TEXT_SIZE = 256,
};

struct statsdb {
	pthread_t thread;
	bool is_running;         /* the maker's */
	struct mailbox *mailbox; /* owned */
	struct mail stop;
	bool is_stopping;
	char *connection;            /* owned */
	struct redis_writer *writer; /* owned; NULL: away */
	struct backoff retry;        /* when it is away */
	bool is_missed, is_refused;  /* it was told that it is away, or full */
	struct mail *written;        /* owned: letters whose replies have not been seen */
	unsigned written_count;
};

/* A report on its way. */
struct letter {
	struct mail mail;
	struct statsdb *statsdb;
	struct relay_thread *thread; /* it goes back to */
	bool is_lost;
	enum turn_report_type type;
	uint64_t id;
	struct five_tuple tuple;
	uint32_t lifetime_s;
	struct turn_traffic traffic, recent;
	const char *realm;
	char username[]; /* then the realm, each with its end */
};

static void *statsdb_thread(void *argument);
static int timeout(const struct statsdb *statsdb);
static void connect_when_due(struct statsdb *statsdb);
static void lose(struct statsdb *statsdb, const char *problem);
static void stop(struct mail *mail, void *receiver);
static void letter_write(struct mail *mail, void *receiver);
static void flush(struct statsdb *statsdb);
static void send_back(struct letter *letter, bool is_lost);
static void come_back(struct mail *mail, void *receiver);
static enum err event_put(struct redis_writer *writer, const struct letter *letter);
static enum err status_put(struct redis_writer *writer, const struct letter *letter);
static enum err end_put(struct redis_writer *writer, const struct letter *letter);
static enum err traffic_put(struct redis_writer *writer, const struct letter *letter,
                            const char *what, const struct turn_traffic *traffic);
static enum err publish(struct redis_writer *writer, const struct letter *letter, const char *what,
                        const char *text);
static void key_format(const struct letter *letter, const char *what, char key[KEY_SIZE]);

enum err statsdb_create(const char *connection, struct statsdb **result, char problem[256])
{
	struct statsdb *statsdb;
	char words[256];
	enum err err = redis_writer_check(connection, words);

	if (err != OK) {
		snprintf(problem, 256, "the connection to Redis: %.200s", words);
		return err;
	}
	snprintf(problem, 256, "%s", err_string(ERR_NO_MEMORY));
	statsdb = calloc(1, sizeof *statsdb);
	if (statsdb == NULL)
		return ERR_NO_MEMORY;
	statsdb->connection = strdup(connection);
	backoff_init(&statsdb->retry, RETRY_FIRST_MS, RETRY_LAST_MS);
	statsdb->stop.deliver = stop;
	if (statsdb->connection == NULL || mailbox_create(&statsdb->mailbox) != OK) {
		free(statsdb->connection);
		free(statsdb);
		return ERR_NO_MEMORY;
	}
	*result = statsdb;
	return OK;
}

enum err statsdb_run(struct statsdb *statsdb, char problem[256])
{
	int failure = pthread_create(&statsdb->thread, NULL, statsdb_thread, statsdb);

	statsdb->is_running = failure == 0;
	if (statsdb->is_running)
		return OK;
	snprintf(problem, 256, "no thread for the status database: %s", strerror(failure));
	return ERR_SYSTEM;
}

void statsdb_stop(struct statsdb *statsdb)
{
	if (statsdb == NULL)
		return;
	if (statsdb->is_running) {
		mailbox_post(statsdb->mailbox, &statsdb->stop);
		pthread_join(statsdb->thread, NULL);
	}
	mailbox_destroy(statsdb->mailbox);
	redis_writer_close(statsdb->writer);
	bytes_wipe(statsdb->connection, strlen(statsdb->connection));
	free(statsdb->connection);
	free(statsdb);
}

void statsdb_report(struct relay_thread *thread, const struct turn_report *report)
{
	struct statsdb *statsdb = thread->relay->statsdb;
	size_t username_size = strlen(report->username) + 1;
	struct letter *letter = NULL;

	if (statsdb == NULL)
		return;
	if (thread->stats_under_way < STATSDB_UNDER_WAY_MAX)
		letter = malloc(sizeof *letter + username_size + strlen(report->realm) + 1);
	if (letter == NULL) {
		counter_add(&thread->counters, COUNT_statsdb_lost, 1);
		return;
	}
	*letter = (struct letter){
		.mail.deliver = letter_write,
		.statsdb = statsdb,
		.thread = thread,
		.type = report->type,
		.id = report->id,
		.tuple = *report->tuple,
		.lifetime_s = report->lifetime_s,
		.traffic = report->traffic,
		.recent = report->recent,
		.realm = letter->username + username_size,
	};
	memcpy(letter->username, report->username, username_size);
	memcpy(letter->username + username_size, report->realm, strlen(report->realm) + 1);
	thread->stats_under_way++;
	mailbox_post(statsdb->mailbox, &letter->mail);
}

/* ---- the thread that waits for Redis ---- */

static void *statsdb_thread(void *argument)
{
	struct statsdb *statsdb = argument;
	struct pollfd wait = {.fd = mailbox_fd(statsdb->mailbox), .events = POLLIN};
	sigset_t signals;

	sigfillset(&signals); /* they are the main thread's */
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	while (!statsdb->is_stopping) {
		connect_when_due(statsdb);
		if (poll(&wait, 1, timeout(statsdb)) < 0 && errno != EINTR) {
			log_error("status database thread cannot wait", "reason=\"%s\"",
			          strerror(errno));
			break;
		}
		mailbox_deliver(statsdb->mailbox, statsdb);
		flush(statsdb);
	}
	return NULL;
}

/* For poll: until the next attempt to connect, or for ever. */
static int timeout(const struct statsdb *statsdb)
{
	timestamp now = timestamp_now();

	if (statsdb->writer != NULL)
		return -1;
	return backoff_is_due(&statsdb->retry, now) ? 0 : (int)(statsdb->retry.due - now);
}

static void connect_when_due(struct statsdb *statsdb)
{
	char problem[256];

	if (statsdb->writer != NULL || !backoff_is_due(&statsdb->retry, timestamp_now()))
		return;
	if (redis_writer_open(statsdb->connection, &statsdb->writer, problem) != OK) {
		statsdb->writer = NULL;
		lose(statsdb, problem);
		return;
	}
	if (statsdb->is_missed)
		log_always("status database is back", NULL);
	statsdb->is_missed = false;
	backoff_worked(&statsdb->retry, timestamp_now());
}

static void lose(struct statsdb *statsdb, const char *problem)
{
	redis_writer_close(statsdb->writer);
	statsdb->writer = NULL;
	if (!statsdb->is_missed)
		log_warning("status database is away",
		            "reason=\"%s\" advice=\"what happens to allocations is not told until "
		            "it is back\"",
		            problem);
	statsdb->is_missed = true;
	backoff_failed(&statsdb->retry, timestamp_now());
}

static void stop(struct mail *mail, void *receiver)
{
	struct statsdb *statsdb = receiver;

	(void)mail;
	statsdb->is_stopping = true;
}

static void letter_write(struct mail *mail, void *receiver)
{
	struct letter *letter = CONTAINER_OF(mail, struct letter, mail);
	struct statsdb *statsdb = receiver;

	if (statsdb->writer == NULL || event_put(statsdb->writer, letter) != OK) {
		send_back(letter, true);
		return;
	}
	mail->next = statsdb->written;
	statsdb->written = mail;
	if (++statsdb->written_count == BATCH)
		flush(statsdb);
}

/* Sends the letters' commands, and then the letters back. */
static void flush(struct statsdb *statsdb)
{
	struct mail *next, *mail = statsdb->written;
	char problem[256];
	size_t refused = 0;
	bool is_lost = false;

	if (mail == NULL)
		return;
	if (redis_writer_flush(statsdb->writer, &refused, problem) != OK) {
		lose(statsdb, problem);
		is_lost = true;
	}
	if (refused > 0 && !statsdb->is_refused)
		log_warning("status database takes no more", "reason=\"%s\"", problem);
	if (!is_lost)
		statsdb->is_refused = refused > 0;
	statsdb->written = NULL;
	statsdb->written_count = 0;
	for (; mail != NULL; mail = next) {
		next = mail->next; /* it goes away with the letter */
		send_back(CONTAINER_OF(mail, struct letter, mail), is_lost || refused > 0);
	}
}

static void send_back(struct letter *letter, bool is_lost)
{
	letter->is_lost = is_lost;
	letter->mail.deliver = come_back;
	mailbox_post(letter->thread->mailbox, &letter->mail);
}

/* On the relay thread again, or on the one that ends it. */
static void come_back(struct mail *mail, void *receiver)
{
	struct letter *letter = CONTAINER_OF(mail, struct letter, mail);
	struct relay_thread *thread = letter->thread;

	(void)receiver;
	thread->stats_under_way--;
	counter_add(&thread->counters, letter->is_lost ? COUNT_statsdb_lost : COUNT_statsdb_events,
	            1);
	free(letter);
}

/* ---- what is written ---- */

/* The words of a command as two arguments. */
#define WORDS(...)                            \
	((const char *const[]){__VA_ARGS__}), \
		(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static enum err event_put(struct redis_writer *writer, const struct letter *letter)
{
	enum err err;

	switch (letter->type) {
	case TURN_CREATED:
	case TURN_REFRESHED:
	case TURN_MOVED:
		return status_put(writer, letter);
	case TURN_TRAFFIC:
		break;
	case TURN_EXPIRED:
	case TURN_DELETED:
		err = traffic_put(writer, letter, "traffic", &letter->recent);
		return err != OK ? err : end_put(writer, letter);
	}
	return traffic_put(writer, letter, "traffic", &letter->recent);
}

static bool is_secured(const struct letter *letter)
{
	return letter->tuple.transport == TRANSPORT_TLS ||
	       letter->tuple.transport == TRANSPORT_DTLS;
}

static enum err status_put(struct redis_writer *writer, const struct letter *letter)
{
	bool is_tls = letter->tuple.transport == TRANSPORT_TLS;
	char key[KEY_SIZE], text[TEXT_SIZE], seconds[16];
	char local[ADDR_TEXT_SIZE], remote[ADDR_TEXT_SIZE];
	enum err err;

	key_format(letter, "status", key);
	snprintf(text, sizeof text,
	         "%s lifetime=%u, type=%s, local=%s, remote=%s, ssl=%s, cipher=%s",
	         letter->type == TURN_CREATED ? "new" : "refreshed", letter->lifetime_s,
	         is_tls ? "TLS/TCP" : transport_name(letter->tuple.transport),
	         addr_format(&letter->tuple.server, local),
	         addr_format(&letter->tuple.client, remote),
	         is_secured(letter) ? transport_name(letter->tuple.transport) : "NONE",
	         is_secured(letter) ? "UNKNOWN" : "NONE");
	snprintf(seconds, sizeof seconds, "%u", letter->lifetime_s + KEY_GRACE_S);
	err = redis_writer_put(writer, WORDS("SET", key, text, "EX", seconds));
	return err != OK ? err : redis_writer_put(writer, WORDS("PUBLISH", key, text));
}

static enum err end_put(struct redis_writer *writer, const struct letter *letter)
{
	char key[KEY_SIZE];
	enum err err;

	key_format(letter, "status", key);
	err = redis_writer_put(writer, WORDS("DEL", key));
	if (err == OK)
		err = redis_writer_put(writer, WORDS("PUBLISH", key, "deleted"));
	return err != OK ? err : traffic_put(writer, letter, "total_traffic", &letter->traffic);
}

/* From where the client is, then from where its peers are. */
static enum err traffic_put(struct redis_writer *writer, const struct letter *letter,
                            const char *what, const struct turn_traffic *traffic)
{
	static const char form[] =
		"rcvp=%" PRIu64 ", rcvb=%" PRIu64 ", sentp=%" PRIu64 ", sentb=%" PRIu64;
	char text[TEXT_SIZE], of_peer[32];
	enum err err;

	snprintf(text, sizeof text, form, traffic->to_peer_packets, traffic->to_peer_bytes,
	         traffic->to_client_packets, traffic->to_client_bytes);
	err = publish(writer, letter, what, text);
	if (err != OK)
		return err;
	snprintf(text, sizeof text, form, traffic->to_client_packets, traffic->to_client_bytes,
	         traffic->to_peer_packets, traffic->to_peer_bytes);
	snprintf(of_peer, sizeof of_peer, "%s/peer", what);
	return publish(writer, letter, of_peer, text);
}

static enum err publish(struct redis_writer *writer, const struct letter *letter, const char *what,
                        const char *text)
{
	char key[KEY_SIZE];

	key_format(letter, what, key);
	return redis_writer_put(writer, WORDS("PUBLISH", key, text));
}

/* coturn's number of a session: the thread in front of fifteen digits. */
static void key_format(const struct letter *letter, const char *what, char key[KEY_SIZE])
{
	uint64_t number = (letter->id >> 48) * UINT64_C(1000000000000000) +
	                  (letter->id & ((UINT64_C(1) << 48) - 1));
	bool has_realm = letter->realm[0] != '\0';

	snprintf(key, KEY_SIZE, "turn/%s%s%suser/%s/allocation/%018" PRIu64 "/%s",
	         has_realm ? "realm/" : "", letter->realm, has_realm ? "/" : "", letter->username,
	         number, what);
}
