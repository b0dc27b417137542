/* oauth add, delete and list: keys of authorization servers, whose access tokens the server accepts
 * (RFC 7635). A key is base64, as those servers write it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "admin/turnadmin_database.h"
#include "admin/turnadmin_input.h"
#include "admin/turnadmin_output.h"
#include "admin/turnadmin_verbs.h"
#include "base/bytes.h"
#include "store/oauth_key.h"

struct key_list {
	const struct turnadmin_request *request;
	size_t count;
};

static turnadmin_print_all keys_print;
static bool key_describe(const struct turnadmin_request *request, struct store_oauth_key *key);
static bool key_make(const struct turnadmin_request *request, struct store_oauth_key *key);
static bool key_read(struct store_oauth_key *key);
static void key_print_secret(const struct store_oauth_key *key);
static bool key_print(const struct store_oauth_key *key, void *context);
static void key_print_json(const struct store_oauth_key *key, bool is_first, bool shows_key);

enum turnadmin_exit turnadmin_oauth_add(const struct turnadmin_request *request)
{
	struct store_oauth_key key = {.realm = ""};
	struct store *store;
	enum err err;

	if (!key_describe(request, &key))
		return TURNADMIN_USAGE;
	store = turnadmin_database_open(request, true, true);
	if (store == NULL)
		return TURNADMIN_PROBLEM;
	if (!key_make(request, &key)) {
		bytes_wipe(&key, sizeof key);
		store_close(store);
		return TURNADMIN_PROBLEM;
	}
	err = store_oauth_key_put(store, &key);
	if (err == OK && request->wants_generated) {
		fputs(request->as_json ? "{\"key\": \"" : "", stdout);
		key_print_secret(&key);
		puts(request->as_json ? "\"}" : "");
	}
	bytes_wipe(&key, sizeof key);
	return turnadmin_database_changed(request, store, err);
}

enum turnadmin_exit turnadmin_oauth_delete(const struct turnadmin_request *request)
{
	struct store *store = turnadmin_database_open(request, true, false);
	enum err err;

	if (store == NULL)
		return TURNADMIN_PROBLEM;
	err = store_oauth_key_delete(store, request->name);
	return turnadmin_database_removed(store, err, request, "there is no key %s", request->name);
}

enum turnadmin_exit turnadmin_oauth_list(const struct turnadmin_request *request)
{
	return turnadmin_database_list(request, keys_print);
}

static enum err keys_print(struct store *store, const struct turnadmin_request *request,
                           size_t *count)
{
	struct key_list list = {.request = request};
	enum err err = store_oauth_key_list(store, request->realm, key_print, &list);

	*count = list.count;
	return err;
}

/* All but the key. */
static bool key_describe(const struct turnadmin_request *request, struct store_oauth_key *key)
{
	uint64_t lifetime_s;

	if (text_copy(key->kid, sizeof key->kid, request->name) != OK) {
		turnadmin_say("a kid has at most %d bytes", STORE_KID_MAX);
		return false;
	}
	if (request->realm != NULL &&
	    text_copy(key->realm, sizeof key->realm, request->realm) != OK)
		return false;
	snprintf(key->algorithm, sizeof key->algorithm, "%s",
	         request->algorithm != NULL ? request->algorithm : OAUTH_KEY_ALGORITHM);
	if (!turnadmin_lifetime_read(request, &lifetime_s))
		return false;
	oauth_key_start(key, lifetime_s, (uint64_t)time(NULL));
	return true;
}

static bool key_make(const struct turnadmin_request *request, struct store_oauth_key *key)
{
	if (request->wants_generated)
		oauth_key_generate(key);
	else if (!key_read(key))
		return false;
	if (oauth_key_is_usable(key))
		return true;
	turnadmin_say("%s", oauth_key_rule);
	return false;
}

static bool key_read(struct store_oauth_key *key)
{
	struct turnadmin_input input = {
		.what = "key", .repeat = false, .max = OAUTH_KEY_TEXT_SIZE - 1};
	char text[OAUTH_KEY_TEXT_SIZE];

	if (!turnadmin_input_read(&input, text))
		return false;
	enum err err = oauth_key_read(key, text);
	bytes_wipe(text, sizeof text);
	if (err != OK)
		turnadmin_say("the key is base64 of at most %d bytes", STORE_OAUTH_KEY_MAX);
	return err == OK;
}

static void key_print_secret(const struct store_oauth_key *key)
{
	char text[OAUTH_KEY_TEXT_SIZE];

	oauth_key_write(key, text);
	fputs(text, stdout);
	bytes_wipe(text, sizeof text);
}

static bool key_print(const struct store_oauth_key *key, void *context)
{
	struct key_list *list = context;
	bool shows_key = list->request->shows_keys, is_first = list->count++ == 0;

	if (list->request->as_json) {
		key_print_json(key, is_first, shows_key);
		return true;
	}
	if (is_first)
		puts(shows_key ? "KID\tREALM\tALGORITHM\tVALID\tKEY"
		               : "KID\tREALM\tALGORITHM\tVALID");
	turnadmin_output_text(key->kid);
	putchar('\t');
	turnadmin_output_text(key->realm);
	putchar('\t');
	turnadmin_output_text(key->algorithm);
	if (key->lifetime_s == 0)
		fputs("\tfor ever", stdout);
	else
		printf("\tuntil %" PRIu64, key->timestamp + key->lifetime_s);
	if (shows_key) {
		putchar('\t');
		key_print_secret(key);
	}
	putchar('\n');
	return true;
}

static void key_print_json(const struct store_oauth_key *key, bool is_first, bool shows_key)
{
	fputs(is_first ? "[\n  {\"kid\": " : ",\n  {\"kid\": ", stdout);
	turnadmin_output_json(key->kid);
	fputs(", \"realm\": ", stdout);
	turnadmin_output_json(key->realm);
	fputs(", \"algorithm\": ", stdout);
	turnadmin_output_json(key->algorithm);
	printf(", \"timestamp\": %" PRIu64 ", \"lifetime\": %" PRIu64, key->timestamp,
	       key->lifetime_s);
	if (shows_key) {
		fputs(", \"key\": \"", stdout);
		key_print_secret(key);
		putchar('"');
	}
	putchar('}');
}
