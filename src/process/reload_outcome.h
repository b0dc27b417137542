/* What comes of a configuration that is read anew: of each option that differs, and what is said of it. */
#pragma once

#include "base/err.h"
#include "config/config.h"

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

/* Says why this option takes a restart, where others of its kind do not; NULL: it does not. */
typedef const char *outcome_reason_fn(enum option_id id, const struct config *config,
                                      void *context);

/* Lists the options whose value is another one in config than in running, and gives those that
 * cannot change while the program runs their old value in config. reason may be NULL. ERR_NO_MEMORY. */
MUST_CHECK enum err outcome_compare(struct reload_outcome *outcome, const struct config *running,
                                    struct config *config, outcome_reason_fn *reason,
                                    void *context);
/* What is left over from before must go together with what comes. ERR_INVALID: the report says why not. */
MUST_CHECK enum err outcome_check(struct reload_outcome *outcome, struct config *config);
/* True when the option is one of those that change. */
bool outcome_has(const struct reload_outcome *outcome, enum option_id id);
void outcome_log(const struct reload_outcome *outcome, const char *by);
void outcome_deinit(struct reload_outcome *outcome);
