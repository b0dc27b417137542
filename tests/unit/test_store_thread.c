/* The store on its own thread: four threads ask, each gets its own answers; a store that goes away
 * is said to be away at once, and used again when it is back. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store.h"

#include "base/list.h"
#include "base/timestamp.h"
#include "tap.h"
#include "test_files.h"

enum { ASKERS = 4, QUESTIONS = 200, PATIENCE_MS = 20000 };

struct asker {
	struct store_thread *store;
	struct mailbox *mailbox;
	unsigned number, answers, wrong;
	struct store_request *last; /* the answer to ask_one */
};

static void file_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
		printf("Bail out! %s\n", path), exit(1);
}

static void users_add(const char *path)
{
	struct store *store = NULL;
	char problem[256];

	if (store_open(path, true, &store, problem) != OK)
		printf("Bail out! %s\n", problem), exit(1);
	for (unsigned i = 0; i < ASKERS; i++) {
		struct store_user user = {.realm = "r"};

		snprintf(user.name, sizeof user.name, "user%u", i);
		if (store_user_set_password(&user, "x") != OK || store_user_put(store, &user) != OK)
			exit(1);
	}
	if (store_secret_add(store, "r", "one") != OK || store_secret_add(store, "r", "two") != OK)
		exit(1);
	store_close(store);
}

static void answer_count(struct mail *mail, void *receiver)
{
	struct store_request *request = CONTAINER_OF(mail, struct store_request, mail);
	struct asker *asker = receiver;
	bool is_right =
		request->cookie % 2 == 0
			? request->result == OK && strcmp(request->user.name, request->name) == 0
			: request->result == ERR_NOT_FOUND;

	/* In the order in which it was asked. */
	if (!is_right || request->cookie != asker->answers)
		asker->wrong++;
	asker->answers++;
	free(request);
}

static struct store_request *request_create(struct asker *asker, enum store_question question)
{
	struct store_request *request = calloc(1, sizeof *request);

	if (request == NULL)
		exit(1);
	request->reply_to = asker->mailbox;
	request->question = question;
	snprintf(request->realm, sizeof request->realm, "r");
	snprintf(request->name, sizeof request->name, "user%u", asker->number);
	return request;
}

static bool mail_wait(struct asker *asker)
{
	struct pollfd wait = {.fd = mailbox_fd(asker->mailbox), .events = POLLIN};

	if (poll(&wait, 1, PATIENCE_MS) != 1)
		return false;
	mailbox_deliver(asker->mailbox, asker);
	return true;
}

static void *asker_run(void *argument)
{
	struct asker *asker = argument;

	for (unsigned i = 0; i < QUESTIONS; i++) {
		struct store_request *request = request_create(asker, STORE_FIND_USER);

		request->cookie = i;
		request->mail.deliver = answer_count;
		if (i % 2 == 1)
			snprintf(request->name, sizeof request->name, "stranger");
		store_thread_ask(asker->store, request);
	}
	while (asker->answers < QUESTIONS && mail_wait(asker))
		continue;
	return NULL;
}

static void test_askers(struct store_thread *store)
{
	struct asker askers[ASKERS];
	pthread_t threads[ASKERS];

	for (unsigned i = 0; i < ASKERS; i++) {
		askers[i] = (struct asker){.store = store, .number = i};
		if (mailbox_create(&askers[i].mailbox) != OK ||
		    pthread_create(&threads[i], NULL, asker_run, &askers[i]) != 0)
			exit(1);
	}
	for (unsigned i = 0; i < ASKERS; i++) {
		pthread_join(threads[i], NULL);
		is_int(askers[i].answers, QUESTIONS, "asker %u has all answers", i);
		is_int(askers[i].wrong, 0, "and they are its own, in order");
		mailbox_destroy(askers[i].mailbox);
	}
}

static void answer_keep(struct mail *mail, void *receiver)
{
	((struct asker *)receiver)->last = CONTAINER_OF(mail, struct store_request, mail);
}

static enum err ask_one(struct asker *asker, enum store_question question)
{
	struct store_request *request = request_create(asker, question);

	request->mail.deliver = answer_keep;
	free(asker->last);
	asker->last = NULL;
	store_thread_ask(asker->store, request);
	while (asker->last == NULL)
		if (!mail_wait(asker))
			printf("Bail out! no answer\n"), exit(1);
	return asker->last->result;
}

static void test_secrets(struct asker *asker)
{
	is_int(ask_one(asker, STORE_LIST_SECRETS), OK, "secrets");
	is_int(asker->last->secret_count, 2, "two");
	is_text(asker->last->secrets[0], "one", "the first");
	is_text(asker->last->secrets[1], "two", "the second");
}

/* Asks until the store is back, at most PATIENCE_MS; the store tries again by itself. */
static bool comes_back(struct asker *asker)
{
	timestamp deadline = timestamp_now() + PATIENCE_MS;

	while (timestamp_now() < deadline) {
		if (ask_one(asker, STORE_FIND_USERHASH) != ERR_UNAVAILABLE)
			return true;
		poll(NULL, 0, 20); /* let it have its interval */
	}
	return false;
}

static void test_away(struct asker *asker, const struct test_files *files)
{
	char aside[256];
	timestamp asked_at;

	snprintf(aside, sizeof aside, "%s/aside", files->directory);
	is_int(ask_one(asker, STORE_FIND_USER), OK, "the store is there");
	rename(files->database, aside);
	is_int(ask_one(asker, STORE_FIND_USERHASH), ERR_UNAVAILABLE, "its file is gone");
	is_int(ask_one(asker, STORE_FIND_USER), OK, "what it has said before stands");
	file_write(files->database, "garbage, garbage, garbage, garbage, garbage, garbage, "
	                            "garbage, garbage, garbage, garbage, garbage, garbage\n");
	asked_at = timestamp_now();
	is_int(ask_one(asker, STORE_FIND_USERHASH), ERR_UNAVAILABLE, "garbage is in its place");
	ok(timestamp_now() - asked_at < 1000, "the answer did not wait for it");
	rename(aside, files->database);
	ok(comes_back(asker), "it is used again when it is back");
}

/* The same file, damaged under the open store. */
static void test_damaged(struct asker *asker, const struct test_files *files)
{
	char garbage[4096];
	int fd = open(files->database, O_WRONLY);
	struct stat status;

	memset(garbage, 0x55, sizeof garbage);
	if (fd < 0 || fstat(fd, &status) != 0)
		exit(1);
	for (off_t at = 0; at < status.st_size; at += (off_t)sizeof garbage)
		if (pwrite(fd, garbage, sizeof garbage, at) < 0)
			exit(1);
	close(fd);
	is_int(ask_one(asker, STORE_FIND_OAUTH_KEY), ERR_UNAVAILABLE, "a damaged file");
}

struct told {
	unsigned letters;
	size_t count;
	char first[64];
};

static void realms_count(struct mail *mail, void *receiver)
{
	struct store_realms *realms = CONTAINER_OF(mail, struct store_realms, mail);
	struct told *told = realms->context;

	(void)receiver;
	told->letters++;
	told->count = realms->count[STORE_ORIGINS];
	snprintf(told->first, sizeof told->first, "%s", told->count > 0 ? realms->texts : "");
	free(realms);
}

static void store_write(const struct test_files *files, const char *origin, const char *secret)
{
	struct store *store = NULL;
	char problem[256];

	if (store_open(files->database, false, &store, problem) != OK ||
	    (origin != NULL && store_origin_put(store, origin, "r") != OK) ||
	    (secret != NULL && store_secret_add(store, "r", secret) != OK))
		printf("Bail out! %s\n", problem), exit(1);
	store_close(store);
}

/* Two who watch are told at once, and of changes of the origins alone. */
static void test_watch(struct asker *asker, const struct test_files *files,
                       struct store_watch *watches, struct told *told)
{
	timestamp asked_at = timestamp_now();

	for (unsigned i = 0; i < 2; i++) {
		watches[i] = (struct store_watch){
			.notify = asker->mailbox, .deliver = realms_count, .context = &told[i]};
		store_thread_watch(asker->store, &watches[i]);
	}
	while (told[0].letters + told[1].letters < 2 && mail_wait(asker))
		continue;
	ok(timestamp_now() - asked_at < STORE_WATCH_MS, "who watches is told at once");
	is_int(told[0].count + told[1].count, 0, "that there are none");
	store_write(files, NULL, "three");
	store_write(files, "https://a:443", NULL);
	asked_at = timestamp_now();
	while ((told[0].letters < 2 || told[1].letters < 2) && mail_wait(asker))
		continue;
	ok(timestamp_now() - asked_at < STORE_WATCH_MS + 2000, "and of a change soon");
	is_int(told[0].count + told[1].count, 2, "each of the one there is");
	is_text(told[1].first, "https://a:443", "which it is");
}

static void test_start_problem(const struct test_files *files)
{
	struct store_thread *thread = NULL;
	char path[256], problem[256];

	snprintf(path, sizeof path, "%s/none/turndb", files->directory);
	is_int(store_thread_start(path, &thread, problem), ERR_NOT_FOUND, "no directory, no start");
	ok(strstr(problem, "there is no directory") != NULL, "and it says why");
}

/* What was asked before the stop is answered before it. */
static void test_stop(struct asker *asker)
{
	timestamp asked_at = timestamp_now();

	asker->answers = asker->wrong = 0;
	for (unsigned i = 0; i < 50; i++) {
		struct store_request *request = request_create(asker, STORE_FIND_USER);

		request->cookie = i;
		request->mail.deliver = answer_count;
		store_thread_ask(asker->store, request);
	}
	store_thread_stop(asker->store);
	mailbox_deliver(asker->mailbox, asker);
	is_int(asker->answers, 50, "all is answered when the thread has stopped");
	ok(timestamp_now() - asked_at < 2000, "promptly");
}

int main(void)
{
	struct test_files files;
	struct asker asker = {0};
	struct store_watch watches[2];
	struct told told[2] = {{0}};
	char problem[256];

	test_files_init(&files);
	users_add(files.database);
	test_start_problem(&files);
	if (store_thread_start(files.database, &asker.store, problem) != OK ||
	    mailbox_create(&asker.mailbox) != OK)
		printf("Bail out! %s\n", problem), exit(1);
	test_askers(asker.store);
	test_secrets(&asker);
	test_watch(&asker, &files, watches, told);
	test_away(&asker, &files);
	test_damaged(&asker, &files);
	test_stop(&asker);
	is_int(told[0].letters, 2, "without a change nobody is told");
	free(asker.last);
	mailbox_destroy(asker.mailbox);
	test_files_deinit(&files);
	return tap_end();
}
