/* What the text console knows of one client, between and while it carries out lines. Shared by the files
 * of its verbs. */
#pragma once

#include <jansson.h>

#include "control/console.h"
#include "control/server.h"
#include "control/telnet.h"
#include "stun/origin.h"
#include "turn/turn.h"

struct conversation;

struct console_verb {
	const char *names; /* words that mean it, separated by a space */
	const char *takes; /* its argument; "": none; in brackets: it may be left out */
	const char *help;
	/* Calls console_done once, now or later. */
	void (*run)(struct conversation *conversation);
	const char *request; /* on the table of requests */
	const char *kind;    /* of alternate servers */
};

struct conversation { /* begins as zero */
	struct console_client *client;
	const struct control_settings *table;
	char realm[TURN_REALM_MAX + 1], origin[STUN_ORIGIN_MAX + 1]; /* sr, so; "": all */

	/* of the line that is carried out */
	const struct console_verb *verb;
	char argument[TELNET_LINE_MAX + 1];
	unsigned most, printed; /* sessions */
	char next[64];          /* page of them */
	json_t *users;          /* owned; of pu: how many sessions each has */
};

typedef void console_run(struct conversation *conversation);

/* Asks what the verb's row says; the answer is for answered, and the arguments are taken over. */
void conversation_ask(struct conversation *conversation, const char *request, json_t *arguments,
                      control_answered *answered);
/* Prints a problem, or does nothing; true when there was one: the line has been carried out. */
bool conversation_has_failed(struct conversation *conversation, const char *problem);

/* console_sessions.c */
console_run console_ps, console_psp, console_pu, console_show;

/* console_print.c */
void console_print_members(struct console_client *client, const json_t *object);
void console_print_session(struct console_client *client, unsigned number, const json_t *session);
void console_print_peers(struct console_client *client, const json_t *session);
void console_print_options(struct console_client *client, const json_t *options);
