/* What the workers go by, made anew: by another configuration, by what was written into the store, by other certificates.
 * One after the other, on the main thread; what was before is freed when every worker goes by the new. */
#pragma once

#include "base/err.h"

struct control_request;
struct program;
struct program_reload;

enum reload_what {
	RELOAD_OF_ALL,          /* file, environment, command line */
	RELOAD_OF_STORE,        /* the configuration that there is, what the store has now */
	RELOAD_OF_CERTIFICATES, /* the same, and certificates */
};

MUST_CHECK enum err program_reload_create(struct program *program, struct program_reload **reload);
/* The workers have ended. NULL is fine. */
void program_reload_destroy(struct program_reload *reload);

/* by is static, for the log. request, which may be NULL, is answered with what came of it. */
void program_reload_begin(struct program_reload *reload, enum reload_what what, const char *by,
                          struct control_request *request);
