/* console token add, delete and list: by which machines use the interface of the console. And admin end-codes, for whose telephone is
 * lost. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "admin/turnadmin_database.h"
#include "admin/turnadmin_output.h"
#include "admin/turnadmin_verbs.h"
#include "base/bytes.h"
#include "store/console_tokens.h"
#include "store/scopes.h"

struct token_list {
	const struct turnadmin_request *request;
	size_t count, scopes; /* tokens; scopes of the one that is printed */
};

static bool token_describe(const struct turnadmin_request *request,
                           struct store_console_token *token);
static enum turnadmin_exit token_refused(struct store *store, enum err err, const char *name);
static turnadmin_print_all tokens_print;
static store_each_console_token token_print;
static void scope_print(const char *name, void *context);

enum turnadmin_exit turnadmin_console_token_add(const struct turnadmin_request *request)
{
	struct store_console_token token = {.used_s = 0};
	char text[CONSOLE_TOKEN_SIZE];
	struct store *store;
	enum err err;

	if (!token_describe(request, &token))
		return TURNADMIN_USAGE;
	store = turnadmin_database_open(request, true, true);
	if (store == NULL)
		return TURNADMIN_PROBLEM;
	err = store_console_token_make(&token, text);
	if (err == OK)
		err = store_console_token_add(store, &token);
	if (err == OK)
		printf(request->as_json ? "{\"token\": \"%s\"}\n" : "%s\n", text);
	bytes_wipe(text, sizeof text);
	if (err == ERR_INVALID || err == ERR_EXISTS || err == ERR_FULL)
		return token_refused(store, err, request->name);
	return turnadmin_database_changed(request, store, err);
}

enum turnadmin_exit turnadmin_console_token_delete(const struct turnadmin_request *request)
{
	struct store *store = turnadmin_database_open(request, true, false);
	enum err err;

	if (store == NULL)
		return TURNADMIN_PROBLEM;
	err = store_console_token_delete(store, request->name);
	return turnadmin_database_removed(store, err, request,
	                                  "there is no token %s of the console", request->name);
}

enum turnadmin_exit turnadmin_console_token_list(const struct turnadmin_request *request)
{
	return turnadmin_database_list(request, tokens_print);
}

enum turnadmin_exit turnadmin_admin_end_codes(const struct turnadmin_request *request)
{
	struct store *store = turnadmin_database_open(request, true, false);
	enum err err;

	if (store == NULL)
		return TURNADMIN_PROBLEM;
	err = store_totp_delete(store, request->name);
	return turnadmin_database_removed(store, err, request,
	                                  "there is no administrator %s who is asked for codes",
	                                  request->name);
}

static bool token_describe(const struct turnadmin_request *request,
                           struct store_console_token *token)
{
	const char *unknown = NULL;
	uint64_t lifetime_s = 0;

	token->areas = scopes_get(request->scopes != NULL ? request->scopes : "", &unknown);
	if (token->areas == 0 || unknown != NULL) {
		turnadmin_say("--scopes has words such as users:read and users:write, with commas "
		              "between%s%.*s",
		              unknown != NULL ? "; there is none called " : "",
		              unknown != NULL ? (int)strcspn(unknown, ", ") : 0,
		              unknown != NULL ? unknown : "");
		return false;
	}
	if (text_copy(token->name, sizeof token->name, request->name) != OK ||
	    text_copy(token->realm, sizeof token->realm,
	              request->realm != NULL ? request->realm : "") != OK) {
		turnadmin_say("the name or realm is too long");
		return false;
	}
	if (!turnadmin_lifetime_read(request, &lifetime_s))
		return false;
	token->created_s = (uint64_t)time(NULL);
	token->expires_s = lifetime_s == 0 ? 0 : token->created_s + lifetime_s;
	return true;
}

static enum turnadmin_exit token_refused(struct store *store, enum err err, const char *name)
{
	store_close(store);
	if (err == ERR_EXISTS)
		turnadmin_say("there is a token %s: delete it first", name);
	else if (err == ERR_FULL)
		turnadmin_say("there are %d tokens: delete some", CONSOLE_TOKENS_MAX);
	else
		turnadmin_say("names have letters, digits, . _ and -, at most %d of them",
		              CONSOLE_TOKEN_NAME_MAX);
	return err == ERR_INVALID ? TURNADMIN_USAGE : TURNADMIN_PROBLEM;
}

static enum err tokens_print(struct store *store, const struct turnadmin_request *request,
                             size_t *count)
{
	struct token_list list = {.request = request};
	enum err err = store_console_token_list(store, token_print, &list);

	*count = list.count;
	return err;
}

static void token_print_json(const struct store_console_token *token, struct token_list *list)
{
	printf("%s{\"name\": \"%s\", \"realm\": ", list->count == 1 ? "[\n  " : ",\n  ",
	       token->name);
	turnadmin_output_json(token->realm);
	printf(", \"created\": %" PRIu64 ", \"expires\": %" PRIu64 ", \"used\": %" PRIu64
	       ", \"scopes\": [",
	       token->created_s, token->expires_s, token->used_s);
	scope_names(token->areas, scope_print, list);
	fputs("]}", stdout);
}

static const char *day_put(uint64_t time_s, char text[16])
{
	time_t seconds = (time_t)time_s;
	struct tm utc;

	if (time_s == 0 || gmtime_r(&seconds, &utc) == NULL || strftime(text, 16, "%F", &utc) == 0)
		snprintf(text, 16, "never");
	return text;
}

static bool token_print(const struct store_console_token *token, void *context)
{
	struct token_list *list = context;
	char day[16];

	list->count++;
	list->scopes = 0;
	if (list->request->as_json) {
		token_print_json(token, list);
		return true;
	}
	if (list->count == 1)
		puts("NAME\tREALM\tSCOPES\tEXPIRES\tUSED");
	printf("%s\t", token->name);
	turnadmin_output_text(token->realm);
	putchar('\t');
	scope_names(token->areas, scope_print, list);
	printf("\t%s", day_put(token->expires_s, day));
	printf("\t%s\n", day_put(token->used_s, day));
	return true;
}

static void scope_print(const char *name, void *context)
{
	struct token_list *list = context;

	printf(list->request->as_json ? "%s\"%s\"" : "%s%s",
	       list->scopes++ == 0 ? "" : (list->request->as_json ? ", " : ","), name);
}
