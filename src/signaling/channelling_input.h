/* A message of a client of the channelling dialect, as its handlers get it. */
#pragma once

#include "signaling/channelling.h"

struct input {
	struct session *session;
	const char *type;
	struct slice outer, body;   /* {"Type":"X","X":outer}; body is within, or outer itself */
	struct reference reference; /* text: the raw Iid */
};

/* channelling_messages.c */
void channelling_handle_offer(struct input *input);
void channelling_handle_answer(struct input *input);
void channelling_handle_candidate(struct input *input);
void channelling_handle_bye(struct input *input);
void channelling_handle_chat(struct input *input);
void channelling_handle_conference(struct input *input);
