/* What --check finds in certificates, keys and the other settings of TLS, which src/config takes for
 * names of files. Opens no socket and keeps nothing. */
#pragma once

#include "config/config.h"
#include "listeners/tls_context.h"

/* The part of the configuration that TLS contexts are made from; lent from it. */
struct tls_settings tls_settings_of(const struct config *config);

/* Adds every problem of them to the report, each with the line of its option. A file that cannot be opened
 * has been told of by config_check. */
void certificate_check(const struct config *config, struct config_report *report);

/* Returns the option of the first of them that keeps a context from being made. */
enum option_id certificate_option_at_fault(const struct config *config);
