/* The two local sockets of logs. libsystemd and syslog(3) write these as well; but the first is a
 * library for a page of code, and the second waits for a reader that has stopped. */
#include "base/log_datagram.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static const int priorities[LEVEL_COUNT] = {
	[LEVEL_DEBUG] = LOG_DEBUG,
	[LEVEL_INFO] = LOG_INFO,
	[LEVEL_WARNING] = LOG_WARNING,
	[LEVEL_ERROR] = LOG_ERR,
};

/* Without the time, which both have of their own; JSON has it all the same, as one object. */
static void put_message(struct log_line *line, enum log_format format,
                        const struct log_entry *entry)
{
	if (format == LOG_JSON)
		log_line_json(line, entry);
	else
		log_line_message(line, entry);
}

/* The names of months are those of C, whatever the locale. */
static void format_time(uint64_t wall_ms, char text[32])
{
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	localtime_r(&seconds, &tm);
	snprintf(text, 32, "%s %2d %02d:%02d:%02d", months[tm.tm_mon % 12], tm.tm_mday, tm.tm_hour,
	         tm.tm_min, tm.tm_sec);
}

void log_datagram_syslog(struct log_datagram *datagram, const char *program, int facility,
                         enum log_format format, const struct log_entry *entry)
{
	struct log_line line;
	char time[32];

	put_message(&line, format, entry);
	format_time(entry->wall_ms, time);
	datagram->len =
		(size_t)snprintf(datagram->bytes, sizeof datagram->bytes, "<%d>%s %s[%ld]: %s",
	                         (facility != 0 ? facility : LOG_DAEMON) | priorities[entry->level],
	                         time, program, (long)getpid(), line.text);
}

/* ---- journal ---- */

static void put_bytes(struct log_datagram *datagram, const void *bytes, size_t len)
{
	memcpy(datagram->bytes + datagram->len, bytes, len);
	datagram->len += len;
}

/* NAME=value, or, for a value of more than one line: NAME, its length in 64 bits, the least byte first,
 * and the value. Each ends with a newline. */
static void put_field(struct log_datagram *datagram, const char *name, const char *value)
{
	size_t name_len = strlen(name), len = strlen(value);
	uint8_t size[8];

	if (datagram->len + name_len + len + sizeof size + 3 > sizeof datagram->bytes)
		return;
	put_bytes(datagram, name, name_len);
	if (strchr(value, '\n') != NULL) {
		for (unsigned i = 0; i < sizeof size; i++)
			size[i] = (uint8_t)((uint64_t)len >> (8 * i));
		put_bytes(datagram, "\n", 1);
		put_bytes(datagram, size, sizeof size);
	} else {
		put_bytes(datagram, "=", 1);
	}
	put_bytes(datagram, value, len);
	put_bytes(datagram, "\n", 1);
}

/* What the journal takes for a name: capitals, digits and _, 64 at most. */
static void put_key(struct log_datagram *datagram, const struct log_key *key)
{
	char name[64] = "TURNSTONE_";
	size_t at = strlen(name);

	for (const char *c = key->name; *c != '\0' && at + 1 < sizeof name; c++)
		name[at++] = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
	name[at] = '\0';
	put_field(datagram, name, key->value);
}

void log_datagram_journal(struct log_datagram *datagram, const char *program,
                          enum log_format format, const struct log_entry *entry)
{
	char priority[] = {(char)('0' + priorities[entry->level]), '\0'};
	struct log_line line;

	datagram->len = 0;
	put_message(&line, format, entry);
	put_field(datagram, "PRIORITY", priority);
	put_field(datagram, "SYSLOG_IDENTIFIER", program);
	put_field(datagram, "MESSAGE", line.text);
	put_field(datagram, "TURNSTONE_EVENT", entry->event);
	for (size_t i = 0; i < entry->key_count; i++)
		put_key(datagram, &entry->keys[i]);
}
