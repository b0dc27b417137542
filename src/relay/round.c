/* The letters of a round, there and back. */
#include "relay/round.h"

#include <poll.h>
#include <stdlib.h>

#include "base/list.h"
#include "relay/thread.h"

struct round_letter {
	struct mail mail;
	struct round *round;
};

static void on_thread(struct mail *mail, void *receiver);
static void on_main(struct mail *mail, void *receiver);

enum err round_begin(struct rounds *rounds, struct round *round)
{
	struct relay *relay = rounds->relay;

	round->letters = calloc(relay->thread_count, sizeof *round->letters);
	if (round->letters == NULL)
		return ERR_NO_MEMORY;
	round->rounds = rounds;
	round->waiting = relay->thread_count;
	rounds->open++;
	for (unsigned i = 0; i < relay->thread_count; i++) {
		round->letters[i] = (struct round_letter){{.deliver = on_thread}, round};
		mailbox_post(relay->threads[i]->mailbox, &round->letters[i].mail);
	}
	return OK;
}

void rounds_finish(struct rounds *rounds)
{
	struct pollfd mail = {.fd = mailbox_fd(rounds->mailbox), .events = POLLIN};

	while (rounds->open > 0) {
		(void)poll(&mail, 1, -1);
		mailbox_deliver(rounds->mailbox, rounds);
	}
}

static void on_thread(struct mail *mail, void *receiver)
{
	struct round_letter *letter = CONTAINER_OF(mail, struct round_letter, mail);

	letter->round->run(letter->round, receiver);
	mail->deliver = on_main;
	mailbox_post(letter->round->rounds->mailbox, mail);
}

static void on_main(struct mail *mail, void *receiver)
{
	struct round *round = CONTAINER_OF(mail, struct round_letter, mail)->round;
	struct rounds *rounds = receiver;

	if (--round->waiting > 0)
		return;
	free(round->letters);
	rounds->open--;
	round->done(round);
}
