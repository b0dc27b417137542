/* What the request "metrics" is answered with as text that Prometheus and others read: OpenMetrics 1.0. */
#pragma once

#include <jansson.h>

#define OPENMETRICS_CONTENT_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* Makes the text of an answer as relay/metrics.h has it, to be freed; NULL when there is no memory. What
 * the answer lacks the text lacks too. */
char *openmetrics_text(const json_t *answer);
