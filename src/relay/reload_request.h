/* The request "reload" of the control socket. */
#pragma once

#include "relay/reload.h"

struct control_request;
/* A row's handler: reads all sources anew. */
void reload_request(struct control_request *request, void *main_thread);
/* The answer to whoever had something changed: reload_told_fn, whose context is the request. */
void reload_answer(const struct reload_outcome *outcome, void *request);
