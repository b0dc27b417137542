/* Who is signed in, by the hash of the cookie: whoever reads the memory of the program later does not have the cookies. */
#include "admin/sign_in.h"

#include <stdlib.h>
#include <string.h>

#include "admin/sign_in_parts.h"
#include "base/bytes.h"
#include "base/log.h"
#include "base/random.h"

/* Who was removed or changed by turnadmin, or by another console, is noticed after this time. */
enum { LOOK_AGAIN_MS = 5000 };

struct session {
	struct list node;
	uint8_t hash[SIGN_IN_HASH_SIZE];
	struct principal who;
	struct password_mark mark;
	timestamp begun, seen, look_at; /* look_at: when the store is asked again */
	bool has_secret;
	uint8_t secret[TOTP_SECRET_SIZE]; /* of codes that are not asked for yet */
};

static struct session *find(struct sign_in *sign_in, const char *cookie);
static struct session *find_hash(struct sign_in *sign_in, const uint8_t hash[SIGN_IN_HASH_SIZE]);
static bool is_over(const struct sign_in *sign_in, const struct session *session, timestamp now);
static void session_end(struct sign_in *sign_in, struct session *session);
static void make_room(struct sign_in *sign_in, const char *name);
static bool look_again(struct sign_in *sign_in, const uint8_t hash[SIGN_IN_HASH_SIZE],
                       struct principal *principal);
static struct password_mark mark_of(struct sign_in *sign_in,
                                    const struct store_administrator *administrator);

enum err sign_in_create(const struct sign_in_settings *settings, struct sign_in **made)
{
	struct sign_in *sign_in = calloc(1, sizeof *sign_in);
	pthread_condattr_t attributes;
	enum err err;

	if (sign_in == NULL)
		return ERR_NO_MEMORY;
	sign_in->settings = *settings;
	list_init(&sign_in->sessions);
	hash_table_init(&sign_in->by_cookie);
	pthread_mutex_init(&sign_in->lock, NULL);
	pthread_mutex_init(&sign_in->hashing_lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&sign_in->hashing_ended, &attributes);
	pthread_condattr_destroy(&attributes);
	err = guesses_create(&sign_in->guesses);
	if (err == OK)
		err = stun_hasher_create(&sign_in->hasher);
	sign_in->machines = calloc(SIGN_IN_MACHINES, sizeof *sign_in->machines);
	if (err != OK || sign_in->machines == NULL) {
		sign_in_destroy(sign_in);
		return err != OK ? err : ERR_NO_MEMORY;
	}
	*made = sign_in;
	return OK;
}

void sign_in_destroy(struct sign_in *sign_in)
{
	if (sign_in == NULL)
		return;
	LIST_FOR_EACH (node, &sign_in->sessions)
		session_end(sign_in, CONTAINER_OF(node, struct session, node));
	hash_table_deinit(&sign_in->by_cookie);
	free(sign_in->machines);
	stun_hasher_destroy(sign_in->hasher);
	guesses_destroy(sign_in->guesses);
	pthread_cond_destroy(&sign_in->hashing_ended);
	pthread_mutex_destroy(&sign_in->hashing_lock);
	pthread_mutex_destroy(&sign_in->lock);
	free(sign_in);
}

timestamp sign_in_now(const struct sign_in *sign_in)
{
	return sign_in->settings.clock != NULL ? sign_in->settings.clock(sign_in->settings.context)
	                                       : timestamp_now();
}

/* Under the lock. */
void sign_in_sum(struct sign_in *sign_in, const char *text, uint8_t hash[SIGN_IN_HASH_SIZE])
{
	stun_sha256(sign_in->hasher, text, strlen(text), hash);
}

/* ---- the beginning ---- */

static void random_text(char text[SIGN_IN_COOKIE_SIZE])
{
	uint8_t bytes[(SIGN_IN_COOKIE_SIZE - 1) / 2];

	random_bytes(bytes, sizeof bytes);
	hex_put(bytes, sizeof bytes, text);
	bytes_wipe(bytes, sizeof bytes);
}

_Static_assert((int)SIGN_IN_CSRF_SIZE == (int)SIGN_IN_COOKIE_SIZE, "both are made alike");

static enum err add(struct sign_in *sign_in, struct session *session, const char *cookie,
                    const struct store_administrator *administrator)
{
	enum err err;

	sign_in_sum(sign_in, cookie, session->hash);
	session->mark = mark_of(sign_in, administrator);
	session->begun = session->seen = sign_in_now(sign_in);
	session->look_at =
		session->begun; /* who was removed while the password was hashed is not let in */
	make_room(sign_in, session->who.name);
	err = hash_table_insert(&sign_in->by_cookie, get_u64(session->hash), session);
	if (err != OK)
		return err;
	list_append(&sign_in->sessions, &session->node);
	sign_in->count++;
	return OK;
}

enum err sign_in_begin(struct sign_in *sign_in, const struct store_administrator *administrator,
                       char cookie[SIGN_IN_COOKIE_SIZE], struct principal *principal)
{
	struct session *session = calloc(1, sizeof *session);
	enum err err;

	if (session == NULL)
		return ERR_NO_MEMORY;
	random_text(cookie);
	random_text(principal->csrf);
	principal->kind = ADMINISTRATOR;
	principal->signed_in_ms = timestamp_wall_ms();
	session->who = *principal;
	pthread_mutex_lock(&sign_in->lock);
	err = add(sign_in, session, cookie, administrator);
	pthread_mutex_unlock(&sign_in->lock);
	if (err != OK)
		free(session);
	return err;
}

/* Those that are over go first, then the oldest of the name, and the oldest of all. */
static void make_room(struct sign_in *sign_in, const char *name)
{
	struct session *oldest = NULL, *oldest_of_name = NULL;
	timestamp now = sign_in_now(sign_in);
	unsigned of_name = 0;

	LIST_FOR_EACH (node, &sign_in->sessions) {
		struct session *session = CONTAINER_OF(node, struct session, node);
		bool is_of_name = strcmp(session->who.name, name) == 0;

		if (is_over(sign_in, session, now)) {
			session_end(sign_in, session);
			continue;
		}
		if (oldest == NULL)
			oldest = session;
		if (is_of_name && oldest_of_name == NULL)
			oldest_of_name = session;
		of_name += is_of_name;
	}
	if (of_name >= SIGN_IN_NAME_MAX)
		session_end(sign_in, oldest_of_name);
	else if (sign_in->count >= sign_in->settings.count_max && oldest != NULL)
		session_end(sign_in, oldest);
}

/* ---- a request ---- */

bool sign_in_find(struct sign_in *sign_in, const char *cookie, struct principal *principal)
{
	uint8_t hash[SIGN_IN_HASH_SIZE];
	bool is_there, is_due = false;
	struct session *session;

	pthread_mutex_lock(&sign_in->lock);
	session = find(sign_in, cookie);
	is_there = session != NULL;
	if (is_there) {
		session->seen = sign_in_now(sign_in);
		is_due = session->seen >= session->look_at;
		if (is_due)
			session->look_at = session->seen + LOOK_AGAIN_MS;
		*principal = session->who;
		memcpy(hash, session->hash, sizeof hash);
	}
	pthread_mutex_unlock(&sign_in->lock);
	return is_there && (!is_due || look_again(sign_in, hash, principal));
}

/* Whether the administrator is there as it was. OK, ERR_NOT_FOUND, or the store does not say. */
static enum err ask_store(struct sign_in *sign_in, const char *name,
                          struct store_administrator *administrator, bool *has_totp)
{
	struct store *store = sign_in->settings.take_store(sign_in->settings.context);
	struct store_totp totp;
	enum err err, codes = ERR_NOT_FOUND;

	if (store == NULL)
		return ERR_UNAVAILABLE;
	err = store_administrator_find(store, name, administrator);
	if (err == OK)
		codes = store_totp_find(store, name, &totp);
	sign_in->settings.release_store(sign_in->settings.context);
	bytes_wipe(&totp, sizeof totp);
	*has_totp = codes == OK;
	return codes == OK || codes == ERR_NOT_FOUND ? err : codes;
}

/* While the store is away nothing changes: whoever is signed in may have to mend just that. */
static bool look_again(struct sign_in *sign_in, const uint8_t hash[SIGN_IN_HASH_SIZE],
                       struct principal *principal)
{
	struct store_administrator administrator = {.realm = ""};
	bool has_totp = false, stands = false;
	enum err err = ask_store(sign_in, principal->name, &administrator, &has_totp);
	struct password_mark mark;
	struct session *session;

	if (err != OK && err != ERR_NOT_FOUND)
		return true;
	pthread_mutex_lock(&sign_in->lock);
	session = find_hash(sign_in, hash);
	mark = mark_of(sign_in, &administrator);
	stands = session != NULL && err == OK &&
	         strcmp(administrator.realm, session->who.realm) == 0 &&
	         memcmp(&mark, &session->mark, sizeof mark) == 0;
	if (stands) {
		session->who.has_totp = has_totp;
		*principal = session->who;
	} else if (session != NULL) {
		log_always("sign-in ended", "name=\"%s\" reason=\"the administrator was changed\"",
		           session->who.name);
		session_end(sign_in, session);
	}
	pthread_mutex_unlock(&sign_in->lock);
	bytes_wipe(&administrator, sizeof administrator);
	return stands;
}

/* ---- the end ---- */

void sign_in_end(struct sign_in *sign_in, const char *cookie)
{
	struct session *session;

	pthread_mutex_lock(&sign_in->lock);
	session = find(sign_in, cookie);
	if (session != NULL)
		session_end(sign_in, session);
	pthread_mutex_unlock(&sign_in->lock);
}

/* Calls each for the sessions of a name, under the lock. */
static void each_of(struct sign_in *sign_in, const char *name,
                    void (*each)(struct sign_in *sign_in, struct session *session, void *context),
                    void *context)
{
	LIST_FOR_EACH (node, &sign_in->sessions) {
		struct session *session = CONTAINER_OF(node, struct session, node);

		if (strcmp(session->who.name, name) == 0)
			each(sign_in, session, context);
	}
}

static void end_one(struct sign_in *sign_in, struct session *session, void *context)
{
	(void)context;
	session_end(sign_in, session);
}

void sign_in_end_all(struct sign_in *sign_in, const char *name)
{
	pthread_mutex_lock(&sign_in->lock);
	each_of(sign_in, name, end_one, NULL);
	pthread_mutex_unlock(&sign_in->lock);
}

static void end_other(struct sign_in *sign_in, struct session *session, void *kept)
{
	if (session != kept)
		session_end(sign_in, session);
}

void sign_in_end_others(struct sign_in *sign_in, const char *cookie,
                        const struct store_administrator *administrator)
{
	struct session *kept;

	pthread_mutex_lock(&sign_in->lock);
	kept = find(sign_in, cookie);
	if (kept != NULL)
		kept->mark = mark_of(sign_in, administrator);
	each_of(sign_in, administrator->name, end_other, kept);
	pthread_mutex_unlock(&sign_in->lock);
}

static void look_soon(struct sign_in *sign_in, struct session *session, void *context)
{
	(void)sign_in;
	(void)context;
	session->look_at = 0;
	session->has_secret = false; /* codes were begun or ended: it is no longer for that */
	bytes_wipe(session->secret, sizeof session->secret);
}

void sign_in_changed(struct sign_in *sign_in, const char *name)
{
	pthread_mutex_lock(&sign_in->lock);
	each_of(sign_in, name, look_soon, NULL);
	pthread_mutex_unlock(&sign_in->lock);
}

struct renewal {
	struct password_mark before, now;
};

static void renew_one(struct sign_in *sign_in, struct session *session, void *context)
{
	const struct renewal *renewal = context;

	(void)sign_in;
	if (memcmp(&session->mark, &renewal->before, sizeof session->mark) == 0)
		session->mark = renewal->now;
}

void sign_in_renewed(struct sign_in *sign_in, const struct store_administrator *before,
                     const struct store_administrator *now)
{
	struct renewal renewal;

	pthread_mutex_lock(&sign_in->lock);
	renewal = (struct renewal){mark_of(sign_in, before), mark_of(sign_in, now)};
	each_of(sign_in, now->name, renew_one, &renewal);
	pthread_mutex_unlock(&sign_in->lock);
}

/* ---- codes that are not asked for yet ---- */

bool sign_in_keep_secret(struct sign_in *sign_in, const char *cookie,
                         const uint8_t secret[TOTP_SECRET_SIZE])
{
	struct session *session;

	pthread_mutex_lock(&sign_in->lock);
	session = find(sign_in, cookie);
	if (session != NULL) {
		memcpy(session->secret, secret, TOTP_SECRET_SIZE);
		session->has_secret = true;
	}
	pthread_mutex_unlock(&sign_in->lock);
	return session != NULL;
}

bool sign_in_kept_secret(struct sign_in *sign_in, const char *cookie,
                         uint8_t secret[TOTP_SECRET_SIZE])
{
	const struct session *session;
	bool is_kept;

	pthread_mutex_lock(&sign_in->lock);
	session = find(sign_in, cookie);
	is_kept = session != NULL && session->has_secret;
	if (is_kept)
		memcpy(secret, session->secret, TOTP_SECRET_SIZE);
	pthread_mutex_unlock(&sign_in->lock);
	return is_kept;
}

/* ---- sessions: all of it under the lock ---- */

/* One that is over is none. */
static struct session *find(struct sign_in *sign_in, const char *cookie)
{
	uint8_t hash[SIGN_IN_HASH_SIZE];
	struct session *session;

	sign_in_sum(sign_in, cookie, hash);
	session = find_hash(sign_in, hash);
	if (session == NULL || !is_over(sign_in, session, sign_in_now(sign_in)))
		return session;
	session_end(sign_in, session);
	return NULL;
}

static bool has_hash(const void *item, const void *hash)
{
	const struct session *session = item;

	return memcmp(session->hash, hash, sizeof session->hash) == 0;
}

static struct session *find_hash(struct sign_in *sign_in, const uint8_t hash[SIGN_IN_HASH_SIZE])
{
	return hash_table_find(&sign_in->by_cookie, get_u64(hash), has_hash, hash);
}

static bool is_over(const struct sign_in *sign_in, const struct session *session, timestamp now)
{
	return now >= session->seen + 1000 * (timestamp)sign_in->settings.idle_s ||
	       now >= session->begun + 1000 * (timestamp)sign_in->settings.life_s;
}

static void session_end(struct sign_in *sign_in, struct session *session)
{
	hash_table_remove(&sign_in->by_cookie, get_u64(session->hash), session);
	list_remove(&session->node);
	sign_in->count--;
	bytes_wipe(session, sizeof *session);
	free(session);
}

static struct password_mark mark_of(struct sign_in *sign_in,
                                    const struct store_administrator *administrator)
{
	struct password_mark mark;

	sign_in_sum(sign_in, administrator->password, mark.hash);
	return mark;
}
