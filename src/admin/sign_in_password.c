/* By name and password. A hash takes some tenths of a second and 32 MiB: two are made at a time, a few attempts wait for their turn, and
 * others are sent away. The store is not held meanwhile. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "admin/sign_in_parts.h"
#include "admin/totp.h"
#include "base/bytes.h"
#include "base/log.h"
#include "store/password_hash.h"

enum { HASHING_MAX = 2, WAITING_MAX = 16, WAIT_S = 3, COME_AGAIN_S = 2 };

static enum err begin(struct sign_in *sign_in, const struct sign_in_attempt *attempt,
                      struct guess *guess, unsigned *wait_s);
static bool hashing_begin(struct sign_in *sign_in);
static void hashing_end(struct sign_in *sign_in);
static enum err password_check(struct sign_in *sign_in, const struct sign_in_attempt *attempt,
                               struct store_administrator *administrator);
static void password_renew(struct sign_in *sign_in, const char *password,
                           struct store_administrator *administrator);
static enum err code_check(struct sign_in *sign_in, const struct sign_in_attempt *attempt,
                           bool *has_totp);
static void guess_end(struct sign_in *sign_in, const struct sign_in_attempt *attempt,
                      const struct guess *guess, enum err err);

enum err sign_in_try(struct sign_in *sign_in, const struct sign_in_attempt *attempt,
                     char cookie[SIGN_IN_COOKIE_SIZE], struct principal *principal,
                     unsigned *wait_s)
{
	struct store_administrator administrator;
	struct guess guess;
	enum err err = begin(sign_in, attempt, &guess, wait_s);

	if (err != OK)
		return err;
	*principal = (struct principal){.kind = NOBODY};
	err = password_check(sign_in, attempt, &administrator);
	if (err == OK)
		err = code_check(sign_in, attempt, &principal->has_totp);
	if (err == OK)
		password_renew(sign_in, attempt->password, &administrator);
	hashing_end(sign_in);
	guess_end(sign_in, attempt, &guess, err);
	if (err == OK) {
		snprintf(principal->name, sizeof principal->name, "%s", administrator.name);
		snprintf(principal->realm, sizeof principal->realm, "%s", administrator.realm);
		err = sign_in_begin(sign_in, &administrator, cookie, principal);
	}
	bytes_wipe(&administrator, sizeof administrator);
	return err;
}

enum err sign_in_prove(struct sign_in *sign_in, const struct sign_in_attempt *attempt,
                       struct store_administrator *administrator, unsigned *wait_s)
{
	struct guess guess;
	enum err err = begin(sign_in, attempt, &guess, wait_s);

	if (err != OK)
		return err;
	err = password_check(sign_in, attempt, administrator);
	hashing_end(sign_in);
	guess_end(sign_in, attempt, &guess, err);
	return err;
}

enum err sign_in_hash(struct sign_in *sign_in, const char *password,
                      struct store_administrator *administrator, unsigned *wait_s)
{
	char hash[PASSWORD_HASH_SIZE];
	enum err err;

	*wait_s = COME_AGAIN_S;
	if (!hashing_begin(sign_in))
		return ERR_AGAIN;
	err = password_hash_make(password, hash);
	hashing_end(sign_in);
	if (err == OK)
		snprintf(administrator->password, sizeof administrator->password, "%s", hash);
	return err;
}

/* ---- who may try, and when ---- */

static enum err begin(struct sign_in *sign_in, const struct sign_in_attempt *attempt,
                      struct guess *guess, unsigned *wait_s)
{
	uint64_t wait_ms = guesses_begin(sign_in->guesses, attempt->name, attempt->from,
	                                 sign_in_now(sign_in), guess);
	char ip[ADDR_TEXT_SIZE];

	if (wait_ms > 0) {
		*wait_s = (unsigned)((wait_ms + 999) / 1000);
		log_warning("sign-in slowed", "name=\"%s\" from=%s wait_s=%u", attempt->name,
		            addr_format_ip(attempt->from, ip), *wait_s);
		return ERR_AGAIN;
	}
	if (hashing_begin(sign_in))
		return OK;
	guesses_undo(sign_in->guesses, guess);
	*wait_s = COME_AGAIN_S;
	return ERR_AGAIN;
}

static void guess_end(struct sign_in *sign_in, const struct sign_in_attempt *attempt,
                      const struct guess *guess, enum err err)
{
	char ip[ADDR_TEXT_SIZE];

	if (err == OK)
		guesses_right(sign_in->guesses, guess, sign_in_now(sign_in));
	else if (err != ERR_DENIED)
		guesses_undo(sign_in->guesses, guess);
	else
		log_warning("sign-in refused", "name=\"%s\" from=%s", attempt->name,
		            addr_format_ip(attempt->from, ip));
}

static struct timespec deadline(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += WAIT_S;
	return at;
}

static bool hashing_begin(struct sign_in *sign_in)
{
	const struct timespec until = deadline();
	int result = 0;
	bool may;

	pthread_mutex_lock(&sign_in->hashing_lock);
	if (sign_in->hashing >= HASHING_MAX && sign_in->waiting < WAITING_MAX) {
		sign_in->waiting++;
		while (sign_in->hashing >= HASHING_MAX && result != ETIMEDOUT)
			result = pthread_cond_timedwait(&sign_in->hashing_ended,
			                                &sign_in->hashing_lock, &until);
		sign_in->waiting--;
	}
	may = sign_in->hashing < HASHING_MAX;
	sign_in->hashing += may;
	pthread_mutex_unlock(&sign_in->hashing_lock);
	return may;
}

static void hashing_end(struct sign_in *sign_in)
{
	pthread_mutex_lock(&sign_in->hashing_lock);
	sign_in->hashing--;
	pthread_cond_signal(&sign_in->hashing_ended);
	pthread_mutex_unlock(&sign_in->hashing_lock);
}

/* ---- what is right ---- */

static struct store *take(struct sign_in *sign_in)
{
	return sign_in->settings.take_store(sign_in->settings.context);
}

static void release(struct sign_in *sign_in)
{
	sign_in->settings.release_store(sign_in->settings.context);
}

static enum err failed(struct store *store, enum err err)
{
	if (err == OK || err == ERR_NOT_FOUND || err == ERR_DENIED)
		return err;
	log_warning("store failed", "reason=\"%s\"", store_problem(store));
	return ERR_UNAVAILABLE;
}

/* An unknown name costs the same hash as a known one. */
static enum err password_check(struct sign_in *sign_in, const struct sign_in_attempt *attempt,
                               struct store_administrator *administrator)
{
	struct store *store = take(sign_in);
	enum err found, err;

	memset(administrator, 0, sizeof *administrator);
	if (store == NULL)
		return ERR_UNAVAILABLE;
	found = failed(store, store_administrator_find(store, attempt->name, administrator));
	release(sign_in);
	if (found == ERR_UNAVAILABLE)
		return found;
	err = password_hash_check(found == OK ? administrator->password : NULL, attempt->password);
	if (err != OK)
		bytes_wipe(administrator, sizeof *administrator);
	return err;
}

/* The step of the code is written down before anybody is let in by it, without another having the store between. */
static enum err code_use(struct store *store, const struct sign_in_attempt *attempt, bool *has_totp)
{
	struct store_totp totp;
	enum err err = store_totp_find(store, attempt->name, &totp);

	*has_totp = err == OK;
	if (err == ERR_NOT_FOUND)
		return OK;
	if (err == OK && attempt->code == NULL)
		err = ERR_NOT_FOUND;
	if (err == OK)
		err = totp_check(totp.secret, timestamp_wall_ms() / 1000, totp.last_step,
		                 attempt->code, &totp.last_step);
	if (err == OK)
		err = store_totp_put(store, attempt->name, &totp);
	bytes_wipe(&totp, sizeof totp);
	return err;
}

static enum err code_check(struct sign_in *sign_in, const struct sign_in_attempt *attempt,
                           bool *has_totp)
{
	struct store *store = take(sign_in);
	enum err err;

	if (store == NULL)
		return ERR_UNAVAILABLE;
	err = failed(store, code_use(store, attempt, has_totp));
	release(sign_in);
	return err;
}

/* ---- a password that is kept badly, and right ---- */

/* Nobody has set another one meanwhile. */
static enum err renewed_put(struct store *store, const struct store_administrator *before,
                            const struct store_administrator *renewed)
{
	struct store_administrator stored;
	enum err err = store_is_read_only(store)
	                       ? ERR_DENIED
	                       : store_administrator_find(store, before->name, &stored);

	if (err == OK && (strcmp(stored.password, before->password) != 0 ||
	                  strcmp(stored.realm, before->realm) != 0))
		err = ERR_EXISTS;
	if (err == OK)
		err = store_administrator_put(store, renewed);
	bytes_wipe(&stored, sizeof stored);
	return err;
}

/* That it cannot be is no reason to let nobody in. */
static void password_renew(struct sign_in *sign_in, const char *password,
                           struct store_administrator *administrator)
{
	struct store_administrator renewed = *administrator;
	char hash[PASSWORD_HASH_SIZE];
	struct store *store;

	if (password_hash_strength(administrator->password) == PASSWORD_STRONG ||
	    password_hash_make(password, hash) != OK || (store = take(sign_in)) == NULL)
		return;
	snprintf(renewed.password, sizeof renewed.password, "%s", hash);
	if (renewed_put(store, administrator, &renewed) == OK) {
		log_always("password hashed anew", "name=\"%s\"", administrator->name);
		sign_in_renewed(sign_in, administrator, &renewed);
		*administrator = renewed;
	}
	release(sign_in);
	bytes_wipe(&renewed, sizeof renewed);
}
