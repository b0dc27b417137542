/* How to reach a Redis server: coturn's connection string, words of "name=value", and what is ours:
 * sentinels. Of this folder, and of signaling's cluster. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum {
	REDIS_TEXT_MAX = 511,
	REDIS_SENTINELS_MAX = 8,
	REDIS_PORT = 6379,
	REDIS_SENTINEL_PORT = 26379
};

struct redis_address {
	char host[256]; /* a name, an IP, or the path of a Unix socket */
	unsigned port;
};

struct redis_settings {
	struct redis_address address;
	unsigned database, connect_timeout_s;
	char user[REDIS_TEXT_MAX + 1], password[REDIS_TEXT_MAX + 1];

	bool tls, verify;
	char ca_file[REDIS_TEXT_MAX + 1], ca_path[REDIS_TEXT_MAX + 1];
	char cert_file[REDIS_TEXT_MAX + 1], key_file[REDIS_TEXT_MAX + 1];
	char server_name[REDIS_TEXT_MAX + 1]; /* in the certificate; "": the host */

	/* Where to ask for the address of the master; 0: it is known. */
	struct redis_address sentinels[REDIS_SENTINELS_MAX];
	size_t sentinel_count;
	char master[REDIS_TEXT_MAX + 1];
	char sentinel_user[REDIS_TEXT_MAX + 1], sentinel_password[REDIS_TEXT_MAX + 1];
};

/* Reads a connection string. problem says in one line what is wrong, without any value. */
MUST_CHECK enum err redis_settings_parse(const char *text, struct redis_settings *settings,
                                         char problem[256]);
