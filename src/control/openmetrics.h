/* What the request "metrics" is answered with as text that Prometheus and others read: OpenMetrics 1.0, or
 * the plain text, version 0.0.4, that was before it. node_exporter's collector of files and promtool read
 * that one alone. */
#pragma once

#include <jansson.h>

#define OPENMETRICS_CONTENT_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* Makes the text of an answer as relay/metrics.h has it, to be freed; NULL when there is no memory. What
 * the answer lacks the text lacks too. */
char *openmetrics_text(const json_t *answer);
char *openmetrics_plain_text(const json_t *answer);
