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
#include "relay/circular.h"

struct event_base;
struct reload;

/* An option whose value differs. */
struct reload_change {
	enum option_id id;
	bool is_applied; /* else it takes a restart */
	/* Its long name, and its values as config_value_text writes them: that of a secret says only that
	 * it is one. Owned. */
	char *name, *old_value, *new_value;
	/* Why it takes a restart when others of its kind do not; NULL: the option never changes live.
	 * Static. */
	const char *reason;
};

/* What came of it. Lent to whoever is told. */
struct reload_outcome {
	bool is_applied;             /* false: nothing has changed; report says why */
	struct config_report report; /* errors, and warnings */
	struct reload_change *changes;
	size_t change_count; /* 0 with is_applied: all was so already */
};
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

/* Reads certificates and keys anew, whether or not their files seem to have changed. */
void reload_certificates(struct reload *reload, const char *by);
