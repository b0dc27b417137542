/* The letters of a circular, there and back. */
#include "relay/circular.h"

#include <poll.h>
#include <stdlib.h>

#include "relay/thread.h"

struct circular_letter {
	struct mail mail;
	struct circular *circular;
	bool is_back; /* main's */
};

static void on_thread(struct mail *mail, void *receiver);
static void on_main(struct mail *mail, void *receiver);

void circulars_init(struct circulars *circulars, struct relay *relay)
{
	circulars->relay = relay;
	circulars->mailbox = NULL;
	list_init(&circulars->open);
}

enum err circular_begin(struct circulars *circulars, struct circular *circular)
{
	circular->letters = calloc(circulars->relay->thread_count, sizeof *circular->letters);
	if (circular->letters == NULL)
		return ERR_NO_MEMORY;
	circular->circulars = circulars;
	circular_repeat(circular);
	return OK;
}

void circular_repeat(struct circular *circular)
{
	struct relay *relay = circular->circulars->relay;

	circular->waiting = relay->thread_count;
	circular->began = timestamp_now();
	list_append(&circular->circulars->open, &circular->node);
	for (unsigned i = 0; i < relay->thread_count; i++) {
		circular->letters[i] = (struct circular_letter){.mail = {.deliver = on_thread},
		                                                .circular = circular};
		mailbox_post(relay->threads[i]->mailbox, &circular->letters[i].mail);
	}
}

void circular_release(struct circular *circular)
{
	free(circular->letters);
	circular->letters = NULL;
}

void circulars_finish(struct circulars *circulars)
{
	struct pollfd mail = {.fd = mailbox_fd(circulars->mailbox), .events = POLLIN};

	while (!list_is_empty(&circulars->open)) {
		(void)poll(&mail, 1, -1);
		mailbox_deliver(circulars->mailbox, circulars);
	}
}

const struct relay_thread *circulars_find_silent(const struct circulars *circulars, timestamp then)
{
	const struct list *oldest = list_first(&circulars->open);

	if (oldest == NULL)
		return NULL;
	const struct circular *circular = CONTAINER_OF(oldest, struct circular, node);
	if (circular->began > then)
		return NULL;
	for (unsigned i = 0; i < circulars->relay->thread_count; i++)
		if (!circular->letters[i].is_back)
			return circulars->relay->threads[i];
	return NULL;
}

static void on_thread(struct mail *mail, void *receiver)
{
	struct circular_letter *letter = CONTAINER_OF(mail, struct circular_letter, mail);

	letter->circular->run(letter->circular, receiver);
	mail->deliver = on_main;
	mailbox_post(letter->circular->circulars->mailbox, mail);
}

static void on_main(struct mail *mail, void *receiver)
{
	struct circular_letter *letter = CONTAINER_OF(mail, struct circular_letter, mail);
	struct circular *circular = letter->circular;

	(void)receiver;
	letter->is_back = true;
	if (--circular->waiting > 0)
		return;
	if (!circular->is_repeatable)
		circular_release(circular);
	list_remove(&circular->node);
	circular->done(circular);
}
