/* What the console keeps in the store beside coturn's administrators: secrets of their codes, and tokens of machines. */
#pragma once

#include <stdint.h>

#include "store/store.h"

enum {
	CONSOLE_TOKEN_NAME_MAX = 64,
	CONSOLE_TOKEN_SIZE = 65,
	CONSOLE_TOKEN_HASH_SIZE = 65,
	CONSOLE_TOKENS_MAX = 1000,
	TOTP_SECRET_SIZE = 20
};

struct store_console_token {
	char hash
		[CONSOLE_TOKEN_HASH_SIZE]; /* SHA-256 of the token, which is not kept: hexadecimal */
	char name[CONSOLE_TOKEN_NAME_MAX + 1]; /* letters, digits, . _ - */
	char realm[STORE_TEXT_MAX];            /* "": all */
	uint64_t areas;                        /* bits of scope_bit; as text in the store */
	uint64_t created_s, expires_s,
		used_s; /* since 1970; expires_s 0: never; used_s: by the day */
};
typedef bool store_each_console_token(const struct store_console_token *token, void *context);
/* Makes a random token and sets its hash. text is for the caller to show once and wipe. */
MUST_CHECK enum err store_console_token_make(struct store_console_token *token,
                                             char text[CONSOLE_TOKEN_SIZE]);
/* ERR_INVALID: that is no name. ERR_EXISTS: another token has it. ERR_FULL: there are CONSOLE_TOKENS_MAX. */
MUST_CHECK enum err store_console_token_add(struct store *store,
                                            const struct store_console_token *token);
/* Finds by the token as it was shown. */
MUST_CHECK enum err store_console_token_find(struct store *store, const char *text,
                                             struct store_console_token *token);
/* Writes down that it was used, if that was on another day than the last time. */
MUST_CHECK enum err store_console_token_used(struct store *store, struct store_console_token *token,
                                             uint64_t now_s);
MUST_CHECK enum err store_console_token_delete(struct store *store, const char *name);
/* In order of name, until each returns false. */
MUST_CHECK enum err store_console_token_list(struct store *store, store_each_console_token *each,
                                             void *context);

/* The secret of an administrator's codes (RFC 6238), and the last step that was used: a code is good once. ERR_NOT_FOUND: no codes
 * are asked for. It goes with the administrator. */
struct store_totp {
	uint8_t secret[TOTP_SECRET_SIZE];
	uint64_t last_step;
};
MUST_CHECK enum err store_totp_find(struct store *store, const char *administrator,
                                    struct store_totp *totp);
MUST_CHECK enum err store_totp_put(struct store *store, const char *administrator,
                                   const struct store_totp *totp);
MUST_CHECK enum err store_totp_delete(struct store *store, const char *administrator);
