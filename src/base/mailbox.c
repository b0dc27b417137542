/* A stack that many threads push on and one takes whole, with an eventfd to wake that one. */
#include "base/mailbox.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct mailbox {
	_Atomic(struct mail *) newest; /* owned: the letters, newest first */
	int fd;                        /* owned; readable when the mailbox has become non-empty */
};

static void wake(struct mailbox *mailbox);
static void calm(struct mailbox *mailbox);
static struct mail *oldest_first(struct mail *newest);

enum err mailbox_create(struct mailbox **mailbox)
{
	struct mailbox *created = calloc(1, sizeof *created);

	if (created == NULL)
		return ERR_NO_MEMORY;
	atomic_init(&created->newest, NULL);
	created->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (created->fd < 0) {
		free(created);
		return ERR_SYSTEM;
	}
	*mailbox = created;
	return OK;
}

void mailbox_destroy(struct mailbox *mailbox)
{
	if (mailbox == NULL)
		return;
	close(mailbox->fd);
	free(mailbox);
}

int mailbox_fd(const struct mailbox *mailbox)
{
	return mailbox->fd;
}

void mailbox_post(struct mailbox *mailbox, struct mail *mail)
{
	/* Relaxed: what the head points at is not looked at here. */
	struct mail *newest = atomic_load_explicit(&mailbox->newest, memory_order_relaxed);

	do {
		mail->next = newest;
		/* Release on success: who takes the letter sees all that was written into it. The letters
		 * below it stay visible too, because each push continues the release sequence. */
	} while (!atomic_compare_exchange_weak_explicit(
		&mailbox->newest, &newest, mail, memory_order_release, memory_order_relaxed));
	/* Whoever pushed on the empty stack wakes the owner for all who follow. From here on the letter
	 * may be gone; the mailbox is not, as the owner keeps it until no one posts. */
	if (newest == NULL)
		wake(mailbox);
}

void mailbox_deliver(struct mailbox *mailbox, void *receiver)
{
	struct mail *next;

	/* First calm, then take: a letter that comes between the two is taken, and at worst wakes the
	 * owner once for nothing. The other way round its wake-up would be lost. */
	calm(mailbox);
	/* Acquire: pairs with the release of each push. Release: the taking stays behind the calm. */
	struct mail *mail = atomic_exchange_explicit(&mailbox->newest, NULL, memory_order_acq_rel);
	for (mail = oldest_first(mail); mail != NULL; mail = next) {
		next = mail->next; /* the letter may free itself */
		mail->deliver(mail, receiver);
	}
}

static void wake(struct mailbox *mailbox)
{
	uint64_t one = 1;

	/* The only other failure, a full counter, means that the owner is being woken already. */
	while (write(mailbox->fd, &one, sizeof one) < 0 && errno == EINTR)
		continue;
}

static void calm(struct mailbox *mailbox)
{
	uint64_t count;

	while (read(mailbox->fd, &count, sizeof count) < 0 && errno == EINTR)
		continue;
}

static struct mail *oldest_first(struct mail *newest)
{
	struct mail *oldest = NULL;

	while (newest != NULL) {
		struct mail *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}
