/* An event as the datagram that syslog (RFC 3164, as its local socket takes it) or the journal of systemd
 * wants. */
#pragma once

#include "base/log_line.h"

#define LOG_SYSLOG_SOCKET  "/dev/log"
#define LOG_JOURNAL_SOCKET "/run/systemd/journal/socket"

struct log_datagram {
	size_t len;
	char bytes[4 * LOG_LINE_SIZE]; /* message and keys */
};

void log_datagram_syslog(struct log_datagram *datagram, const char *program, int facility,
                         enum log_format format, const struct log_entry *entry);
/* PRIORITY, SYSLOG_IDENTIFIER, MESSAGE, TURNSTONE_EVENT, and each key as TURNSTONE_KEY. */
void log_datagram_journal(struct log_datagram *datagram, const char *program,
                          enum log_format format, const struct log_entry *entry);
