/* By the token of a machine. It is as long as its hash, so nobody guesses one: attempts need no slowing. */
#include <stdio.h>
#include <string.h>

#include "admin/sign_in_parts.h"
#include "base/bytes.h"
#include "base/log.h"

enum { KNOWN_MS = 1000 };

static struct known_machine *place_of(struct sign_in *sign_in,
                                      const uint8_t hash[SIGN_IN_HASH_SIZE]);
static enum err ask_store(struct store *store, const char *text, struct principal *principal);

bool sign_in_machine(struct sign_in *sign_in, struct store *store, const char *token,
                     struct principal *principal)
{
	timestamp now = sign_in_now(sign_in);
	struct known_machine known = {.until = now + KNOWN_MS};
	struct known_machine *place;
	enum err err;
	bool is_fresh;

	pthread_mutex_lock(&sign_in->lock);
	sign_in_sum(sign_in, token, known.hash);
	place = place_of(sign_in, known.hash);
	is_fresh = place->until > now &&
	           bytes_equal_secret(place->hash, known.hash, sizeof known.hash);
	if (is_fresh)
		known = *place;
	pthread_mutex_unlock(&sign_in->lock);
	if (!is_fresh) {
		err = ask_store(store, token, &known.who);
		known.is_known = err == OK;
		if (err == OK || err == ERR_NOT_FOUND) {
			pthread_mutex_lock(&sign_in->lock);
			*place = known;
			pthread_mutex_unlock(&sign_in->lock);
		}
	}
	*principal = known.is_known ? known.who : (struct principal){.kind = NOBODY};
	return known.is_known;
}

void sign_in_forget_machines(struct sign_in *sign_in)
{
	pthread_mutex_lock(&sign_in->lock);
	memset(sign_in->machines, 0, SIGN_IN_MACHINES * sizeof *sign_in->machines);
	pthread_mutex_unlock(&sign_in->lock);
}

static struct known_machine *place_of(struct sign_in *sign_in,
                                      const uint8_t hash[SIGN_IN_HASH_SIZE])
{
	return &sign_in->machines[hash[0] % SIGN_IN_MACHINES];
}

/* One that has expired is none. That its use cannot be written down is no reason to refuse it. */
static enum err ask_store(struct store *store, const char *text, struct principal *principal)
{
	uint64_t now_s = timestamp_wall_ms() / 1000;
	struct store_console_token token;
	enum err err = store_console_token_find(store, text, &token);

	if (err == OK && token.expires_s != 0 && token.expires_s <= now_s)
		err = ERR_NOT_FOUND;
	if (err != OK)
		return err;
	if (store_console_token_used(store, &token, now_s) != OK)
		log_warning("store failed", "reason=\"%s\"", store_problem(store));
	*principal = (struct principal){.kind = MACHINE, .areas = token.areas};
	snprintf(principal->name, sizeof principal->name, "%s", token.name);
	snprintf(principal->realm, sizeof principal->realm, "%s", token.realm);
	return OK;
}
