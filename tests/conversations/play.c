/* Plays conversations: text files in the folders below tests/conversations, one TAP test each. Without arguments all of
 * them. README says how they are written. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play.h"
#include "text_files.h"

void fault(struct play *play, const char *format, ...)
{
	va_list arguments;

	if (play->fault[0] != '\0')
		return;
	va_start(arguments, format);
	vsnprintf(play->fault, sizeof play->fault, format, arguments);
	va_end(arguments);
}

/* Lines. */

static const struct {
	const char *word;
	void (*run)(struct play *play, char *rest);
} commands[] = {
	{"set", play_set},
	{"option", play_option},
	{"identity", play_identity},
	{"credentials", play_credentials},
	{"open", play_open},
	{"wait", play_wait},
	{"lose", play_lose},
	{"kill", play_kill},
	{"cut-off", play_cut_off},
	{"mend", play_mend},
	{"kept", play_kept},
	{"registry", play_registry},
	{"posts", play_posts},
	{"drain", play_drain},
	{"told", play_note},
	{"http", play_http},
	{"http<", play_http_answer},
	{"request", play_request},
	{"request<", play_request_answer},
};

static void play_line(void *context, char *line)
{
	struct play *play = context;
	char *copy = substitute(play, line), *rest = copy, *word;

	rest = skip_blanks(rest);
	if (*rest == '\0' || *rest == '#') {
		free(copy);
		return;
	}
	word = take_word(&rest);
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(commands[i].word, word) == 0) {
			commands[i].run(play, rest);
			free(copy);
			return;
		}
	play_client(play, word, rest);
	free(copy);
}

/* What was said and not expected. */
static void check_end(void *context)
{
	struct play *play = context;

	for (unsigned i = 0; i < play->host.client_count; i++) {
		const struct client *client = play->host.clients[i];
		if (client->count > 0)
			fault(play, "%s has %.*s", client->name, (int)client->inbox[0]->len,
			      client->inbox[0]->bytes);
		else if (client->is_closed)
			fault(play, "%s was closed with %u", client->name, client->close_code);
		else if (client->refused != 0)
			fault(play, "%s was refused with %u", client->name, client->refused);
	}
}

static void play_destroy(void *context)
{
	struct play *play = context;

	host_deinit(&play->host);
	for (unsigned i = 0; i < play->bound_count; i++)
		free(play->bound[i].value);
	buffer_release(play->last);
	if (play->has_exchange)
		exchange_deinit(&play->exchange);
	free(play->answer);
	free(play);
}

static void *play_create(void)
{
	struct play *play = calloc(1, sizeof *play);

	if (play == NULL)
		abort();
	host_init(&play->host);
	return play;
}

static const char *first_fault(const void *context)
{
	return ((const struct play *)context)->fault;
}

static void note_fault(void *play, const char *text)
{
	fault(play, "%s", text);
}

int main(int argc, char **argv)
{
	static const struct text_player player = {
		.folder = "tests/conversations",
		.suffix = ".txt",
		.create = play_create,
		.line = play_line,
		.end = check_end,
		.fault = first_fault,
		.note_fault = note_fault,
		.destroy = play_destroy,
	};

	return text_files_play(&player, argc, argv);
}
