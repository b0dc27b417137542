/* The operator's console in text: whoever connects, with telnet or netcat, gives a password and then
 * types lines. What the lines mean is the host's. It lives on one libevent loop; all that a client can
 * make it keep is bounded, and so is how often a password may be tried. */
#pragma once

#include <stdbool.h>

#include "base/addr.h"
#include "base/err.h"

struct console;
struct console_client;
struct event_base;

struct console_settings {
	struct event_base *base;
	const char *greeting; /* when the password was right */
	unsigned clients_max;
	unsigned login_timeout_s, idle_timeout_s;
	size_t state_size; /* of what the host keeps for each client: console_state */
	/* Whether that is the password. It may take its time: it is not called again for four times as long. */
	bool (*is_password)(const char *text, void *context);
	/* A line, which is lent. Calls console_done once, now or later. */
	void (*command)(struct console_client *client, char *line, void *context);
	void *context;
};

/* Listens on an address. ERR_SYSTEM: errno says why. */
MUST_CHECK enum err console_create(const struct console_settings *settings,
                                   const struct transport_addr *addr, struct console **console);
/* No command is being carried out. NULL is fine. */
void console_destroy(struct console *console);
/* The address it listens on. */
const struct transport_addr *console_addr(const struct console *console);

/* Writes text; a line ends with \n. Control characters that are in it are replaced. A client that has
 * gone reads nothing. */
PRINTF_LIKE(2, 3) void console_print(struct console_client *client, const char *text, ...);
/* Calls more when all that was written has been sent, or the client has gone: for what comes in parts,
 * while a command is carried out. False: it has gone, and more is not called. */
MUST_CHECK bool console_when_sent(struct console_client *client,
                                  void (*more)(struct console_client *client, void *context),
                                  void *context);
/* The command has been carried out: the next line is read. The client may be gone then. */
void console_done(struct console_client *client);
/* Ends it once what was written has been sent, and console_done called. */
void console_hang_up(struct console_client *client);
/* state_size bytes, zero at first. */
void *console_state(struct console_client *client);
/* IP and port of the client, for the log. */
const char *console_client_name(const struct console_client *client);
