/* What a reload came to, as JSON:
 *
 *     {"applied": true, "changed": [{"name": "user-quota", "from": "10", "to": "20"}],
 *      "restart": [{"name": "min-port", "from": "49152", "to": "50000"}], "problems": []}
 *     {"applied": false, "changed": [], "restart": [],
 *      "problems": [{"severity": "error", "source": "turnserver.conf", "line": 12, "text": "..."}]} */
#pragma once

#include <jansson.h>

#include "process/reload_outcome.h"

/* NULL without memory. */
json_t *reload_describe(const struct reload_outcome *outcome);
