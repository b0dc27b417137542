/* The configuration of a running server, changed: read anew, or built from the one that is in use; then
 * checked whole; then applied to all threads, or not at all. On the main thread.
 *
 *   sources ─► struct config ─► checked ─► made ready ── circular: each thread makes ready what may fail
 *                    │                         │                         │ all could
 *                    └──── a problem ──────────┴──► nothing changed      ▼
 *                                                    circular: each thread goes by it, between two
 *                                                    batches; then what was before is freed
 *
 * What cannot change while the server runs (no RELOAD in options.def) stays as it is, in relay->config
 * too, and is named in the outcome. */
#pragma once

#include "config/config.h"
#include "process/reload_outcome.h"
#include "relay/circular.h"

struct event_base;
struct reload;

typedef void reload_told_fn(const struct reload_outcome *outcome, void *context);

MUST_CHECK enum err reload_create(struct event_base *base, struct circulars *circulars,
                                  const struct config_sources *sources, struct reload **reload);
/* The relay threads have ended. NULL is fine. */
void reload_destroy(struct reload *reload);

/* Reads file, environment and command line as at the start and applies what they say; what was changed
 * by reload_apply is then again as they say. told, which may be NULL, is called once, now or later. Of
 * several that are asked for at the same time each has its turn; with told and context of one that waits
 * it is that one. by is static, for the log: "SIGHUP",
 * "control socket". */
void reload_begin(struct reload *reload, const char *by, reload_told_fn *told, void *context);

/* Applies one configuration, which is given away, in place of reading any:
 *
 *     struct config *config;
 *     if (config_copy(relay->config, &config) == OK &&
 *         config_set(config, "user-quota", "100", problem) == OK)
 *             reload_apply(reload, config, "control socket", told, context);
 *
 * It is checked like one that was read. When told is called, every thread goes by it. */
void reload_apply(struct reload *reload, struct config *config, const char *by,
                  reload_told_fn *told, void *context);

/* Has a program told that goes by the same files: is_applied says whether the configuration was read anew and taken, else it is
 * certificates, and the log. For a console that there is not, changes of its options take a restart. */
typedef void reload_follow_fn(bool is_applied, void *context);
void reload_set_follower(struct reload *reload, reload_follow_fn *follow, void *context);

/* Reads certificates and keys anew, whether or not their files seem to have changed. */
void reload_certificates(struct reload *reload, const char *by);
