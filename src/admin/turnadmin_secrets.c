/* secret add, delete and list: what use-auth-secret of the configuration reads from the database. */
#include <stdio.h>
#include <string.h>

#include "admin/turnadmin_database.h"
#include "admin/turnadmin_input.h"
#include "admin/turnadmin_output.h"
#include "admin/turnadmin_verbs.h"
#include "base/bytes.h"
#include "store/shared_secret.h"

struct secret_list {
	const struct turnadmin_request *request;
	size_t count;
};

static turnadmin_print_all secrets_print;
static bool secret_make(const struct turnadmin_request *request, char *secret);
static bool secret_read(const struct turnadmin_request *request, bool repeat, char *secret);
static bool secret_print(const char *realm, const char *secret, void *context);

enum turnadmin_exit turnadmin_secret_add(const struct turnadmin_request *request)
{
	struct store *store = turnadmin_database_open(request, true, true);
	char secret[STORE_SECRET_MAX + 1];
	enum err err;

	if (store == NULL)
		return TURNADMIN_PROBLEM;
	if (!secret_make(request, secret)) {
		store_close(store);
		return TURNADMIN_PROBLEM;
	}
	err = store_secret_add(store, request->realm, secret);
	if (err == OK && request->wants_generated)
		printf(request->as_json ? "{\"secret\": \"%s\"}\n" : "%s\n", secret);
	bytes_wipe(secret, sizeof secret);
	/* It was there already: what was asked for is so. */
	return turnadmin_database_changed(request, store, err == ERR_EXISTS ? OK : err);
}

enum turnadmin_exit turnadmin_secret_delete(const struct turnadmin_request *request)
{
	struct store *store = turnadmin_database_open(request, true, false);
	char secret[STORE_SECRET_MAX + 1] = "";
	enum err err;

	if (store == NULL)
		return TURNADMIN_PROBLEM;
	if (!request->wants_all && !secret_read(request, false, secret)) {
		store_close(store);
		return TURNADMIN_PROBLEM;
	}
	err = store_secret_delete(store, request->realm, request->wants_all ? NULL : secret);
	bytes_wipe(secret, sizeof secret);
	if (err != ERR_NOT_FOUND || request->wants_all)
		return turnadmin_database_changed(request, store, err == ERR_NOT_FOUND ? OK : err);
	store_close(store);
	return turnadmin_say_missing(request, "there is no such secret in realm %s",
	                             request->realm);
}

enum turnadmin_exit turnadmin_secret_list(const struct turnadmin_request *request)
{
	return turnadmin_database_list(request, secrets_print);
}

static enum err secrets_print(struct store *store, const struct turnadmin_request *request,
                              size_t *count)
{
	struct secret_list list = {.request = request};
	enum err err = store_secret_list(store, request->realm, secret_print, &list);

	*count = list.count;
	return err;
}

static bool secret_make(const struct turnadmin_request *request, char *secret)
{
	if (!request->wants_generated)
		return secret_read(request, true, secret);
	secret_generate(secret);
	return true;
}

static bool secret_read(const struct turnadmin_request *request, bool repeat, char *secret)
{
	struct turnadmin_input input = {
		.what = "secret",
		.repeat = repeat,
		.max = STORE_SECRET_MAX,
	};

	if (request->secret[0] == '\0')
		return turnadmin_input_read(&input, secret);
	if (text_copy(secret, STORE_SECRET_MAX + 1, request->secret) != OK) {
		turnadmin_say("the secret is longer than %d bytes", STORE_SECRET_MAX);
		return false;
	}
	return true;
}

static bool secret_print(const char *realm, const char *secret, void *context)
{
	struct secret_list *list = context;
	bool is_first = list->count++ == 0;

	if (list->request->as_json) {
		fputs(is_first ? "[\n  {\"realm\": " : ",\n  {\"realm\": ", stdout);
		turnadmin_output_json(realm);
		fputs(", \"secret\": ", stdout);
		turnadmin_output_json(secret);
		putchar('}');
		return true;
	}
	turnadmin_output_text(secret);
	putchar('[');
	turnadmin_output_text(realm);
	puts("]");
	return true;
}
