/* Mailboxes: four threads post, one delivers, and waits for nothing but the eventfd. */
#include "tap.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mailbox.h"

enum { SENDERS = 4, LETTERS = 20000 };

struct letter {
	struct mail mail;
	unsigned sender, number;
};

struct receiver {
	unsigned next[SENDERS], count;
	bool is_in_order;
	struct mailbox *mailbox;
};

static void deliver(struct mail *mail, void *arg)
{
	struct letter *letter = (struct letter *)mail;
	struct receiver *receiver = arg;

	if (letter->number != receiver->next[letter->sender]++)
		receiver->is_in_order = false;
	receiver->count++;
	free(letter);
}

static void post(struct mailbox *mailbox, unsigned sender, unsigned number)
{
	struct letter *letter = malloc(sizeof *letter);

	if (letter == NULL)
		abort();
	*letter = (struct letter){{.deliver = deliver}, sender, number};
	mailbox_post(mailbox, &letter->mail);
}

struct sender {
	struct mailbox *mailbox;
	unsigned number;
};

static void *send_all(void *arg)
{
	const struct sender *sender = arg;

	for (unsigned i = 0; i < LETTERS; i++)
		post(sender->mailbox, sender->number, i);
	return NULL;
}

static bool is_readable(const struct mailbox *mailbox, int timeout_ms)
{
	struct pollfd pollfd = {.fd = mailbox_fd(mailbox), .events = POLLIN};

	return poll(&pollfd, 1, timeout_ms) == 1;
}

static void test_threads(void)
{
	struct receiver receiver = {.is_in_order = true};
	struct sender senders[SENDERS];
	pthread_t threads[SENDERS];
	struct mailbox *mailbox;

	if (!ok(mailbox_create(&mailbox) == OK, "created"))
		return;
	for (unsigned i = 0; i < SENDERS; i++) {
		senders[i] = (struct sender){mailbox, i};
		if (pthread_create(&threads[i], NULL, send_all, &senders[i]) != 0)
			abort();
	}
	/* A wake-up that is lost ends the wait, and the test fails. */
	while (receiver.count < SENDERS * LETTERS && is_readable(mailbox, 10000))
		mailbox_deliver(mailbox, &receiver);
	for (unsigned i = 0; i < SENDERS; i++)
		pthread_join(threads[i], NULL);
	is_int(receiver.count, SENDERS * LETTERS, "every letter arrived");
	ok(receiver.is_in_order, "those of each sender in their order");
	mailbox_deliver(mailbox, &receiver);
	ok(!is_readable(mailbox, 0), "and it is quiet");
	mailbox_destroy(mailbox);
}

static void deliver_and_post(struct mail *mail, void *arg)
{
	struct receiver *receiver = arg;

	free(mail);
	receiver->count++;
	post(receiver->mailbox, 0, 0);
}

static void test_post_while_delivering(void)
{
	struct receiver receiver = {.is_in_order = true};
	struct mail *first = calloc(1, sizeof *first);

	if (mailbox_create(&receiver.mailbox) != OK || first == NULL)
		abort();
	ok(!is_readable(receiver.mailbox, 0), "empty at first");
	mailbox_deliver(receiver.mailbox, &receiver);
	is_int(receiver.count, 0, "nothing to deliver");
	first->deliver = deliver_and_post;
	mailbox_post(receiver.mailbox, first);
	ok(is_readable(receiver.mailbox, 0), "a letter wakes the owner");
	mailbox_deliver(receiver.mailbox, &receiver);
	is_int(receiver.count, 1, "an answer to oneself is for the next time");
	ok(is_readable(receiver.mailbox, 0), "and wakes the owner again");
	mailbox_deliver(receiver.mailbox, &receiver);
	is_int(receiver.count, 2, "then it is there");
	ok(!is_readable(receiver.mailbox, 0), "and it is quiet");
	mailbox_destroy(receiver.mailbox);
	mailbox_destroy(NULL);
}

int main(void)
{
	test_post_while_delivering();
	test_threads();
	return tap_end();
}
