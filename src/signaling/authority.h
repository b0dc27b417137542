/* Who may what: tenants with their keys and limits, and what becomes of a proof. Made whole from configuration and store, never
 * changed, shared by all threads. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "signaling/identity.h"
#include "signaling/signaling_error.h"

/* The user that an API key stands for has this before its name; nobody else has. */
#define AUTHORITY_KEY_USER "api-key:"

struct authority;
struct config;
struct tenancy;

struct tenant {
	char name[TENANT_NAME_MAX + 1];
	bool lets_anybody_in; /* without a proof, with MAY_ALL_OF_A_PARTICIPANT */
	bool is_relay_only;
	uint32_t sessions_max, rooms_max, room_capacity; /* 0: as the configuration has it */
	char realm
		[256]; /* whose secrets its TURN credentials are made with; "": the configuration's */
	uint32_t credentials_ttl_s; /* 0: as the configuration has it */
};

/* Reads keys and files that config names; tenants, API keys and their secrets are as tenancy (NULL: there are none) has them.
 * ERR_INVALID: problem is one line for a person. */
MUST_CHECK enum err authority_create(const struct config *config, const struct tenancy *tenancy,
                                     struct authority **authority, char problem[256]);
/* Makes another with the keys that before has of its configuration, whose files are not read again. */
MUST_CHECK enum err authority_change(const struct authority *before, const struct tenancy *tenancy,
                                     struct authority **authority);
void authority_destroy(struct authority *authority);

/* Returns the tenant of that name; NULL: there is none. */
const struct tenant *authority_tenant(const struct authority *authority, const char *name);
/* Checks a proof at a time in ms since 1970, and gives who it proves. SIGNALING_OK, or why not. */
enum signaling_error authority_identify(const struct authority *authority,
                                        const struct claim *claim, uint64_t wall_ms,
                                        struct identity *identity);
/* Says to the log that no proof is needed, and which keys are of no use, where that was not so before (NULL: nothing was). */
void authority_warn(const struct authority *authority, const struct authority *before);
/* Calls each for every tenant, in order of name, until it returns false. */
void authority_tenants(const struct authority *authority,
                       bool (*each)(const struct tenant *tenant, void *context), void *context);
