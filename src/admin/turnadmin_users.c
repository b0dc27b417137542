/* user add, delete, list and key. */
#include <stdio.h>
#include <string.h>

#include "admin/turnadmin_database.h"
#include "admin/turnadmin_input.h"
#include "admin/turnadmin_output.h"
#include "admin/turnadmin_verbs.h"
#include "base/bytes.h"

struct user_list {
	const struct turnadmin_request *request;
	size_t count;
};

static turnadmin_print_all users_print;
static bool user_make(const struct turnadmin_request *request, struct store_user *user);
static bool user_print(const struct store_user *user, void *context);
static void user_print_json(const struct store_user *user, bool is_first);
static void user_print_row(const struct store_user *user, bool is_first);

enum turnadmin_exit turnadmin_user_add(const struct turnadmin_request *request)
{
	struct store *store = turnadmin_database_open(request, true, true);
	struct store_user user;
	enum err err;

	if (store == NULL)
		return TURNADMIN_PROBLEM;
	if (!user_make(request, &user)) {
		store_close(store);
		return TURNADMIN_PROBLEM;
	}
	err = store_user_put(store, &user);
	bytes_wipe(&user, sizeof user);
	return turnadmin_database_changed(request, store, err);
}

enum turnadmin_exit turnadmin_user_delete(const struct turnadmin_request *request)
{
	struct store *store = turnadmin_database_open(request, true, false);
	enum err err;

	if (store == NULL)
		return TURNADMIN_PROBLEM;
	err = store_user_delete(store, request->realm, request->name);
	return turnadmin_database_removed(store, err, request, "there is no user %s in realm %s",
	                                  request->name, request->realm);
}

enum turnadmin_exit turnadmin_user_list(const struct turnadmin_request *request)
{
	return turnadmin_database_list(request, users_print);
}

static enum err users_print(struct store *store, const struct turnadmin_request *request,
                            size_t *count)
{
	struct user_list list = {.request = request};
	enum err err = store_user_list(store, request->realm, user_print, &list);

	*count = list.count;
	return err;
}

enum turnadmin_exit turnadmin_user_key(const struct turnadmin_request *request)
{
	char text[2 * STORE_KEY_MAX + 1];
	struct store_user user;

	if (!user_make(request, &user))
		return TURNADMIN_PROBLEM;
	if (request->wants_sha256)
		hex_put(user.sha256_key, sizeof user.sha256_key, text);
	else
		hex_put(user.key, user.key_len, text);
	if (request->as_json)
		printf("{\"key\": \"0x%s\"}\n", text);
	else
		printf("0x%s\n", text);
	bytes_wipe(text, sizeof text);
	bytes_wipe(&user, sizeof user);
	return TURNADMIN_DONE;
}

static bool user_make(const struct turnadmin_request *request, struct store_user *user)
{
	char password[TURNADMIN_PASSWORD_MAX + 1];
	enum err err;

	memset(user, 0, sizeof *user);
	if (text_copy(user->name, sizeof user->name, request->name) != OK ||
	    text_copy(user->realm, sizeof user->realm, request->realm) != OK ||
	    !turnadmin_password_read(request, password))
		return false;
	err = store_user_set_password(user, password);
	bytes_wipe(password, sizeof password);
	if (err != OK)
		turnadmin_say("the keys cannot be made: %s", err_string(err));
	return err == OK;
}

static bool user_print(const struct store_user *user, void *context)
{
	struct user_list *list = context;
	bool is_first = list->count++ == 0;

	if (list->request->as_json)
		user_print_json(user, is_first);
	else if (list->request->is_coturn_style) {
		turnadmin_output_text(user->name);
		putchar('[');
		turnadmin_output_text(user->realm);
		puts("]");
	} else {
		user_print_row(user, is_first);
	}
	return true;
}

static void user_print_json(const struct store_user *user, bool is_first)
{
	fputs(is_first ? "[\n  {\"name\": " : ",\n  {\"name\": ", stdout);
	turnadmin_output_json(user->name);
	fputs(", \"realm\": ", stdout);
	turnadmin_output_json(user->realm);
	printf(", \"keys\": [\"md5\"%s]}", user->has_sha256 ? ", \"sha256\"" : "");
}

static void user_print_row(const struct store_user *user, bool is_first)
{
	if (is_first)
		puts("NAME\tREALM\tKEYS");
	turnadmin_output_text(user->name);
	putchar('\t');
	turnadmin_output_text(user->realm);
	puts(user->has_sha256 ? "\tMD5, SHA-256" : "\tMD5");
}
