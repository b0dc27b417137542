/* What the files of the player share: a conversation as it goes, and the commands of its lines. */
#pragma once

#include "host.h"

enum { NAMES_MAX = 128, FAULT_SIZE = 2048 };

struct bound { /* a value that has a name */
	char name[64];
	char *value; /* owned */
	bool is_string;
};

struct play {
	struct host host;
	struct bound bound[NAMES_MAX];
	unsigned bound_count;
	struct buffer *last; /* owned: the message that was matched last */
	struct http_exchange exchange;
	bool has_exchange;
	bool is_answered;
	enum signaling_error error;
	char *answer; /* owned: of the last request */
	char fault[FAULT_SIZE];
};

/* Notes the first thing that is wrong. */
void fault(struct play *play, const char *format, ...) PRINTF_LIKE(2, 3);

/* words.c */
char *skip_blanks(char *at);
/* Cuts the first word off; what follows stays in *line. */
char *take_word(char **line);
bool value_of(const char *word, const char *name, const char **value);
/* A letter with {300} behind it stands for that many of it. The caller frees what they give. */
char *expand(const char *line);
struct hub_place place_of(const char *word); /* 1.0 */
size_t unescape(char *text);                 /* \xHH, in place; gives the length */

/* names.c */
void bind_name(struct play *play, struct slice name, struct slice value, bool is_string);
char *substitute(struct play *play, const char *line); /* the caller frees it */
void expect_json(struct play *play, const char *wanted, struct slice got);

/* play_settings.c, play_clients.c, play_world.c, play_http.c, play_rooms.c: the rest of a line. */
typedef void command_fn(struct play *play, char *rest);
command_fn play_set, play_option, play_identity, play_credentials;
command_fn play_open;
void play_client(struct play *play, char *word, char *rest);
void read_words(struct play *play, struct http_exchange *exchange, char *rest,
                const struct identity **identity);
void exchange_init(struct play *play, struct http_exchange *exchange, const char *target);
command_fn play_kill, play_cut_off, play_mend, play_kept;
command_fn play_wait, play_lose, play_registry, play_posts, play_drain, play_note;
command_fn play_http, play_http_answer;
command_fn play_request, play_request_answer;
