/* The letters of a circular, there and back. */
#include "relay/circular.h"

#include <poll.h>
#include <stdlib.h>

#include "base/list.h"
#include "relay/thread.h"

struct circular_letter {
	struct mail mail;
	struct circular *circular;
};

static void on_thread(struct mail *mail, void *receiver);
static void on_main(struct mail *mail, void *receiver);

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
	circular->circulars->open++;
	for (unsigned i = 0; i < relay->thread_count; i++) {
		circular->letters[i] = (struct circular_letter){{.deliver = on_thread}, circular};
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

	while (circulars->open > 0) {
		(void)poll(&mail, 1, -1);
		mailbox_deliver(circulars->mailbox, circulars);
	}
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
	struct circular *circular = CONTAINER_OF(mail, struct circular_letter, mail)->circular;
	struct circulars *circulars = receiver;

	if (--circular->waiting > 0)
		return;
	if (!circular->is_repeatable)
		circular_release(circular);
	circulars->open--;
	circular->done(circular);
}
