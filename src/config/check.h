/* What the checks of a configuration share: each compares options with each other and with the system,
 * says what is wrong where the option was set, and completes what follows from others. */
#pragma once

#include "config/option.h"

struct check {
	struct config *config;
	struct config_report *report;
	bool has_error, is_out_of_memory;
};

/* Say what is wrong and how to mend it. */
void check_error(struct check *check, enum option_id id, const char *message, ...)
	PRINTF_LIKE(3, 4);
void check_warn(struct check *check, enum option_id id, const char *message, ...) PRINTF_LIKE(3, 4);
/* Whether the option was given a value anywhere. */
bool check_is_set(const struct check *check, enum option_id id);

typedef void check_fn(struct check *check);
/* check_listeners.c */
check_fn check_files, check_certificate, check_transports, check_proxies, check_alternate_servers,
	check_binding, check_nat_discovery;
/* check_relaying.c */
check_fn check_ports, check_relay_ips, check_external_ips, check_peer_rules, check_lifetimes,
	complete_address_family, check_capacity;
/* check_signaling.c */
check_fn check_signaling;
/* check_console.c */
check_fn check_console, check_web;
/* check_authentication.c */
check_fn complete_mechanisms, check_mechanisms, check_realm, check_secrets, check_stores;
