/* What becomes of each option that differs, and what is said of it. Private to reload.c and its tests. */
#pragma once

#include "relay/relay.h"
#include "relay/reload.h"

/* Lists the options whose value is another one in config than in relay->config, and gives those that
 * cannot change while the server runs their old value in config. ERR_INVALID when what then is would not
 * make sense: the report says why. ERR_NO_MEMORY. */
MUST_CHECK enum err outcome_compare(struct reload_outcome *outcome, const struct relay *relay,
                                    struct config *config);
/* True when the option is one of those that change. */
bool outcome_has(const struct reload_outcome *outcome, enum option_id id);
void outcome_log(const struct reload_outcome *outcome, const char *by);
void outcome_deinit(struct reload_outcome *outcome);
