/* Tells when files of certificates and keys have become others: written anew, replaced by a rename, or
 * reached by a symbolic link that now leads elsewhere, anywhere on their path (certbot replaces a link to
 * each file, Kubernetes one to their folder). By inotify, on the folders; several changes that come
 * together are told as one. On a libevent loop. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct config;
struct event_base;
struct certificate_watch;

enum { CERTIFICATE_FILES = 4 }; /* certificate, key, authorities, parameters */

struct certificate_stamp { /* all 0: it is not there */
	uint64_t device, inode, size, modified_ns, changed_ns;
};
/* The files as they were at a moment. */
struct certificate_stamps {
	struct certificate_stamp of[CERTIFICATE_FILES];
};

/* Looks at the files that a configuration names. */
void certificate_stamps_take(const struct config *config, struct certificate_stamps *stamps);

/* changed is called on the loop when the files differ from what was seen; they count as seen then.
 * ERR_SYSTEM with errno, ERR_NO_MEMORY. */
MUST_CHECK enum err certificate_watch_create(struct event_base *base,
                                             void (*changed)(void *context), void *context,
                                             struct certificate_watch **watch);
/* NULL is fine. */
void certificate_watch_destroy(struct certificate_watch *watch);
/* Watches the files of this configuration, which is lent until the next call, and those of no other.
 * seen is how they were when they were read. */
void certificate_watch_follow(struct certificate_watch *watch, const struct config *config,
                              const struct certificate_stamps *seen);
