/* What makes a program a well-behaved process: descriptors, daemon, pid file, the log it writes, the user it runs as. */
#pragma once

#include <sys/types.h>

#include "base/err.h"
#include "config/config.h"

/* Raises the limit of open files as far as it may go: each client needs one. */
void process_raise_limits(void);
/* Lets each thread keep some memory that it freed: before any thread is started. */
void process_keep_memory(void);
/* Opens the log as the options say, or opens it anew. */
MUST_CHECK enum err process_open_log(const struct config *config, char problem[256]);
/* A log file that was moved away is opened anew; what keeps it from that is told in the log of before. */
void process_reopen_log(const struct config *config);
/* The file that the log goes to; NULL: it goes elsewhere. */
const char *process_log_file(const struct config *config);
/* Goes to the background; before any thread is started. */
MUST_CHECK enum err process_daemonise(char problem[256]);
/* Writes the process id. The file goes with process_remove_pidfile. */
MUST_CHECK enum err process_write_pidfile(const char *path, char problem[256]);
void process_remove_pidfile(const char *path);
/* Finds the numbers of proc-user and proc-group; those of the process where they are not set. */
MUST_CHECK enum err process_find_ids(const struct config *config, uid_t *uid, gid_t *gid,
                                     char problem[256]);
/* Becomes this user and group, for ever. No other thread may run. */
MUST_CHECK enum err process_become(uid_t uid, gid_t gid, char problem[256]);
