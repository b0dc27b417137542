/* What crosses threads: letters to the one thread that owns a mailbox. Posting never blocks and
 * takes no lock; the owner waits for mailbox_fd() to be readable. */
#pragma once

#include "base/err.h"

struct mail { /* the first member of each kind of letter */
	struct mail *next;
	/* Runs on the owner's thread and takes the letter over. */
	void (*deliver)(struct mail *mail, void *receiver);
};

struct mailbox;

MUST_CHECK enum err mailbox_create(struct mailbox **mailbox);
void mailbox_destroy(struct mailbox *mailbox); /* no one posts any more, and it is empty */
int mailbox_fd(const struct mailbox *mailbox);
/* Gives mail away. Letters of one sender arrive in the order they were posted. Any thread. */
void mailbox_post(struct mailbox *mailbox, struct mail *mail);
/* Delivers all letters there are. The owner's thread alone. */
void mailbox_deliver(struct mailbox *mailbox, void *receiver);
