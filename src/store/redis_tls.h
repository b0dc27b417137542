/* TLS of a connection to Redis, on its non-blocking socket. Private to the folder. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/timestamp.h"
#include "store/redis_settings.h"

struct redis_tls;

/* Shakes hands with the server of that name, whose certificate is checked but with verify=none. The
 * descriptor stays the caller's. ERR_DENIED: a file of ours, or its certificate, is not right. */
MUST_CHECK enum err redis_tls_begin(const struct redis_settings *settings, const char *name, int fd,
                                    timestamp deadline, struct redis_tls **tls, char *problem,
                                    size_t problem_size);
void redis_tls_end(struct redis_tls *tls); /* NULL is fine */
/* As recv and send; with EAGAIN *wants is what to poll for. */
ssize_t redis_tls_read(struct redis_tls *tls, void *bytes, size_t len, short *wants);
ssize_t redis_tls_write(struct redis_tls *tls, const void *bytes, size_t len, short *wants);
