/* The port of Prometheus: metrics as text, and how the server is. However often it is asked, the programs are asked twice a second at most. */
#pragma once

#include "admin/http.h"
#include "base/err.h"

struct console;
struct metrics_page;

/* The console is lent. ERR_NO_MEMORY. */
MUST_CHECK enum err metrics_page_create(struct console *console, struct metrics_page **page);
void metrics_page_destroy(struct metrics_page *page); /* NULL is fine */
/* A handler of http.h; context is the page. */
void metrics_page_answer(struct http_call *call, void *context);
