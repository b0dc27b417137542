/* admin add, delete, list and password: who may sign in to the console. One without a realm is an
 * administrator of all. */
#include <stdio.h>
#include <string.h>

#include "admin/turnadmin_database.h"
#include "admin/turnadmin_input.h"
#include "admin/turnadmin_output.h"
#include "admin/turnadmin_verbs.h"
#include "base/bytes.h"
#include "store/password_hash.h"

struct administrator_list {
	const struct turnadmin_request *request;
	size_t count;
};

static turnadmin_print_all administrators_print;
static enum err administrator_find(const struct turnadmin_request *request, struct store *store,
                                   struct store_administrator *administrator);
static bool password_make(const struct turnadmin_request *request,
                          struct store_administrator *administrator);
static enum turnadmin_exit administrator_store(const struct turnadmin_request *request,
                                               struct store *store,
                                               struct store_administrator *administrator);
static bool administrator_print(const struct store_administrator *administrator, void *context);
static void administrator_print_json(const struct store_administrator *administrator,
                                     bool is_first);
static void administrator_print_row(const struct store_administrator *administrator, bool is_first);

enum turnadmin_exit turnadmin_admin_add(const struct turnadmin_request *request)
{
	struct store *store = turnadmin_database_open(request, true, true);
	struct store_administrator administrator = {.realm = ""};

	if (store == NULL)
		return TURNADMIN_PROBLEM;
	if (text_copy(administrator.name, sizeof administrator.name, request->name) != OK ||
	    (request->realm != NULL &&
	     text_copy(administrator.realm, sizeof administrator.realm, request->realm) != OK)) {
		store_close(store);
		return TURNADMIN_USAGE;
	}
	return administrator_store(request, store, &administrator);
}

enum turnadmin_exit turnadmin_admin_password(const struct turnadmin_request *request)
{
	struct store *store = turnadmin_database_open(request, true, false);
	struct store_administrator administrator;
	enum err err;

	if (store == NULL)
		return TURNADMIN_PROBLEM;
	err = administrator_find(request, store, &administrator);
	if (err == OK)
		return administrator_store(request, store, &administrator);
	if (err != ERR_NOT_FOUND)
		return turnadmin_database_close(store, err);
	store_close(store);
	if (request->realm != NULL)
		turnadmin_say("there is no administrator %s of realm %s: admin list has them all",
		              request->name, request->realm);
	else
		turnadmin_say("there is no administrator %s: admin add makes one", request->name);
	return TURNADMIN_PROBLEM;
}

enum turnadmin_exit turnadmin_admin_delete(const struct turnadmin_request *request)
{
	struct store *store = turnadmin_database_open(request, true, false);
	enum err err;

	if (store == NULL)
		return TURNADMIN_PROBLEM;
	err = store_administrator_delete(store, request->name);
	return turnadmin_database_removed(store, err, request, "there is no administrator %s",
	                                  request->name);
}

enum turnadmin_exit turnadmin_admin_list(const struct turnadmin_request *request)
{
	return turnadmin_database_list(request, administrators_print);
}

static enum err administrators_print(struct store *store, const struct turnadmin_request *request,
                                     size_t *count)
{
	struct administrator_list list = {.request = request};
	enum err err = store_administrator_list(store, request->realm, administrator_print, &list);

	*count = list.count;
	return err;
}

/* With --realm it is only one of that realm. */
static enum err administrator_find(const struct turnadmin_request *request, struct store *store,
                                   struct store_administrator *administrator)
{
	enum err err = store_administrator_find(store, request->name, administrator);

	if (err == OK && request->realm != NULL &&
	    strcmp(request->realm, administrator->realm) != 0)
		return ERR_NOT_FOUND;
	return err;
}

static enum turnadmin_exit administrator_store(const struct turnadmin_request *request,
                                               struct store *store,
                                               struct store_administrator *administrator)
{
	enum err err;

	if (!password_make(request, administrator)) {
		store_close(store);
		return TURNADMIN_PROBLEM;
	}
	err = store_administrator_put(store, administrator);
	bytes_wipe(administrator, sizeof *administrator);
	return turnadmin_database_changed(request, store, err);
}

static bool password_make(const struct turnadmin_request *request,
                          struct store_administrator *administrator)
{
	char password[TURNADMIN_PASSWORD_MAX + 1], hash[PASSWORD_HASH_SIZE];
	enum err err;

	if (!turnadmin_password_read(request, password))
		return false;
	err = request->as_coturn ? password_hash_make_coturn(password, hash)
	                         : password_hash_make(password, hash);
	bytes_wipe(password, sizeof password);
	if (err != OK) {
		turnadmin_say("the password cannot be hashed: %s", err_string(err));
		return false;
	}
	snprintf(administrator->password, sizeof administrator->password, "%s", hash);
	return true;
}

static bool administrator_print(const struct store_administrator *administrator, void *context)
{
	struct administrator_list *list = context;
	bool is_first = list->count++ == 0;

	if (list->request->as_json) {
		administrator_print_json(administrator, is_first);
	} else if (!list->request->is_coturn_style) {
		administrator_print_row(administrator, is_first);
	} else {
		turnadmin_output_text(administrator->name);
		if (administrator->realm[0] != '\0') {
			putchar('[');
			turnadmin_output_text(administrator->realm);
			putchar(']');
		}
		putchar('\n');
	}
	return true;
}

static const char *strength_of(const struct store_administrator *administrator)
{
	return password_strength_name(password_hash_strength(administrator->password));
}

static void administrator_print_json(const struct store_administrator *administrator, bool is_first)
{
	fputs(is_first ? "[\n  {\"name\": " : ",\n  {\"name\": ", stdout);
	turnadmin_output_json(administrator->name);
	fputs(", \"realm\": ", stdout);
	turnadmin_output_json(administrator->realm);
	fputs(", \"password\": ", stdout);
	turnadmin_output_json(strength_of(administrator));
	putchar('}');
}

static void administrator_print_row(const struct store_administrator *administrator, bool is_first)
{
	if (is_first)
		puts("NAME\tREALM\tPASSWORD");
	turnadmin_output_text(administrator->name);
	putchar('\t');
	turnadmin_output_text(administrator->realm);
	printf("\t%s\n", strength_of(administrator));
}
