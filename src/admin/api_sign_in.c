/* Signing in and out, and what an administrator changes of their own: password and codes. Both are asked for again with the password: a
 * browser that was left open is not enough to lock its owner out. */
#include <stdio.h>
#include <string.h>

#include "admin/api_passwords.h"
#include "admin/console.h"
#include "admin/totp.h"
#include "base/bytes.h"
#include "base/log.h"
#include "base/random.h"
#include "base/timestamp.h"
#include "control/message.h"
#include "store/console_tokens.h"

enum { PASSWORD_MIN = 8 /* characters: NIST SP 800-63B section 5.1.1.2 */ };

static json_t *describe(const struct api_call *call, const struct principal *who);
static void refuse_attempt(struct api_call *call, enum err err, unsigned wait_s);
static bool prove(struct api_call *call, const char *password,
                  struct store_administrator *administrator);

/* ---- in and out ---- */

void api_sign_in(struct api_call *call)
{
	struct sign_in *sign_in = call->console->sign_in;
	struct sign_in_attempt attempt = {.from = http_client(call->http)};
	char cookie[SIGN_IN_COOKIE_SIZE], ip[ADDR_TEXT_SIZE];
	struct principal who;
	unsigned wait_s = 0;
	enum err err;

	if (!api_need_text(call, "name", &attempt.name) ||
	    !api_need_text(call, "password", &attempt.password) ||
	    !api_get_text(call, "code", &attempt.code))
		return;
	err = sign_in_try(sign_in, &attempt, cookie, &who, &wait_s);
	if (err != OK) {
		refuse_attempt(call, err, wait_s);
		return;
	}
	if (api_cookie(call) != NULL)
		sign_in_end(sign_in, api_cookie(call)); /* nobody shows it any more */
	log_always("signed in", "name=\"%s\" from=%s", who.name, addr_format_ip(attempt.from, ip));
	api_set_cookie(call, cookie);
	bytes_wipe(cookie, sizeof cookie);
	api_answer(call, describe(call, &who));
	bytes_wipe(who.csrf, sizeof who.csrf);
}

static void signed_out(struct api_call *call, const char *what)
{
	char ip[ADDR_TEXT_SIZE];

	log_always("signed out", "name=\"%s\" from=%s what=%s", call->who.name,
	           addr_format_ip(http_client(call->http), ip), what);
	api_set_cookie(call, NULL);
	api_answer_nothing(call);
}

void api_sign_out(struct api_call *call)
{
	sign_in_end(call->console->sign_in, api_cookie(call));
	signed_out(call, "here");
}

void api_sign_out_everywhere(struct api_call *call)
{
	sign_in_end_all(call->console->sign_in, call->who.name);
	signed_out(call, "everywhere");
}

void api_me(struct api_call *call)
{
	api_answer(call, describe(call, &call->who));
}

static json_t *describe(const struct api_call *call, const struct principal *who)
{
	return json_pack("{s:s, s:o, s:s, s:b, s:I, s:s, s:b}", "name", who->name, "realm",
	                 control_text(who->realm), "csrf", who->csrf, "has_codes", who->has_totp,
	                 "signed_in", (json_int_t)(who->signed_in_ms / 1000), "version",
	                 PACKAGE_VERSION, "signaling", call->console->signaling_socket[0] != '\0');
}

static void refuse_to_wait(struct api_call *call, unsigned wait_s)
{
	char seconds[24];

	snprintf(seconds, sizeof seconds, "%u", wait_s);
	http_set_header(call->http, "Retry-After", seconds);
	api_refuse(call, 429, "too-many-attempts", "try again in %u s", wait_s);
}

static void refuse_attempt(struct api_call *call, enum err err, unsigned wait_s)
{
	switch (err) {
	case ERR_DENIED:
		api_refuse(call, 401, "wrong-credentials", "name, password or code is wrong");
		break;
	case ERR_NOT_FOUND:
		api_refuse(call, 401, "code-needed", "a code is asked for as well");
		break;
	case ERR_AGAIN:
		refuse_to_wait(call, wait_s);
		break;
	case ERR_UNAVAILABLE:
		api_refuse(call, 503, "store-away", "the store does not answer");
		break;
	default:
		api_refuse(call, 500, "failed", "%s", err_string(err));
	}
}

/* Whether the password is that of who asks; else it was refused. */
static bool prove(struct api_call *call, const char *password,
                  struct store_administrator *administrator)
{
	const struct sign_in_attempt attempt = {
		.name = call->who.name, .password = password, .from = http_client(call->http)};
	unsigned wait_s = 0;
	enum err err = sign_in_prove(call->console->sign_in, &attempt, administrator, &wait_s);

	if (err == OK)
		return true;
	if (err == ERR_DENIED)
		api_refuse(call, 403, "wrong-password", "the password is wrong");
	else
		refuse_attempt(call, err, wait_s);
	return false;
}

/* ---- the password ---- */

bool api_password_is_long(struct api_call *call, const char *password)
{
	size_t characters = 0;

	for (const char *at = password; *at != '\0'; at++)
		characters += (*at & 0xc0) != 0x80; /* UTF-8: what is no continuation */
	if (characters >= PASSWORD_MIN)
		return true;
	api_refuse(call, 400, "short-password", "a password has at least %d characters",
	           PASSWORD_MIN);
	return false;
}

bool api_hash_password(struct api_call *call, const char *password,
                       struct store_administrator *administrator)
{
	unsigned wait_s = 0;
	enum err err;

	if (!api_password_is_long(call, password))
		return false;
	err = sign_in_hash(call->console->sign_in, password, administrator, &wait_s);
	if (err != OK)
		refuse_attempt(call, err, wait_s);
	return err == OK;
}

/* Nobody has removed or changed the administrator while hashes were made. */
static enum err replace(struct store *store, const struct store_administrator *proved,
                        const struct store_administrator *now)
{
	struct store_administrator stored;
	enum err err = store_administrator_find(store, proved->name, &stored);

	if (err == OK && (strcmp(stored.password, proved->password) != 0 ||
	                  strcmp(stored.realm, proved->realm) != 0))
		err = ERR_EXISTS;
	bytes_wipe(&stored, sizeof stored);
	return err == OK ? store_administrator_put(store, now) : err;
}

static bool put(struct api_call *call, const struct store_administrator *proved,
                const struct store_administrator *now)
{
	struct store *store = api_take_store(call);

	return store != NULL && api_release_store(call, replace(store, proved, now));
}

void api_set_my_password(struct api_call *call)
{
	struct store_administrator administrator, proved;
	const char *old, *new;

	if (!api_need_text(call, "old", &old) || !api_need_text(call, "new", &new) ||
	    !api_password_is_long(call, new) || !prove(call, old, &administrator))
		return;
	proved = administrator;
	if (api_hash_password(call, new, &administrator) && put(call, &proved, &administrator)) {
		sign_in_end_others(call->console->sign_in, api_cookie(call), &administrator);
		api_audit_done(call, "own password set", "name=%s", call->who.name);
		api_answer_nothing(call);
	}
	bytes_wipe(&administrator, sizeof administrator);
	bytes_wipe(&proved, sizeof proved);
}

/* ---- codes ---- */

/* The same for what needs no more than that it is so. */
static bool prove_alone(struct api_call *call)
{
	struct store_administrator administrator;
	const char *password;
	bool is_proved =
		api_need_text(call, "password", &password) && prove(call, password, &administrator);

	if (is_proved)
		bytes_wipe(&administrator, sizeof administrator);
	return is_proved;
}

void api_begin_totp(struct api_call *call)
{
	char text[TOTP_TEXT_SIZE], uri[TOTP_URI_SIZE];
	uint8_t secret[TOTP_SECRET_SIZE];

	if (!prove_alone(call))
		return;
	random_bytes(secret, sizeof secret);
	if (sign_in_keep_secret(call->console->sign_in, api_cookie(call), secret))
		api_answer(call, json_pack("{s:s, s:s}", "secret", totp_text(secret, text), "uri",
		                           totp_uri(secret, call->who.name, uri)));
	else
		api_refuse(call, 401, "not-signed-in", "sign in first");
	bytes_wipe(secret, sizeof secret);
	bytes_wipe(text, sizeof text);
	bytes_wipe(uri, sizeof uri);
}

/* The first code shows that the telephone has the secret, and is used up by it. */
static bool confirm(struct api_call *call, const char *code)
{
	struct store_totp totp = {.last_step = 0};
	struct store *store;
	bool is_done = false;

	if (!sign_in_kept_secret(call->console->sign_in, api_cookie(call), totp.secret))
		api_refuse(call, 409, "not-begun", "have a secret made first");
	else if (totp_check(totp.secret, timestamp_wall_ms() / 1000, 0, code, &totp.last_step) !=
	         OK)
		api_refuse(call, 400, "wrong-code", "that is not the code of this time");
	else if ((store = api_take_store(call)) != NULL)
		is_done = api_release_store(call, store_totp_put(store, call->who.name, &totp));
	bytes_wipe(&totp, sizeof totp);
	return is_done;
}

static void codes_changed(struct api_call *call, const char *what)
{
	sign_in_changed(call->console->sign_in, call->who.name);
	api_audit_done(call, what, "name=%s", call->who.name);
	api_answer_nothing(call);
}

void api_confirm_totp(struct api_call *call)
{
	const char *code;

	if (api_need_text(call, "code", &code) && confirm(call, code))
		codes_changed(call, "own codes begun");
}

void api_end_totp(struct api_call *call)
{
	struct store *store;

	if (prove_alone(call) && (store = api_take_store(call)) != NULL &&
	    api_release_store(call, store_totp_delete(store, call->who.name)))
		codes_changed(call, "own codes ended");
}
