/* Opening and closing for each verb. */
#include "admin/turnadmin_database.h"

#include <stdarg.h>
#include <stdio.h>

#include "admin/turnadmin_audit.h"
#include "admin/turnadmin_input.h"
#include "base/bytes.h"

static enum err redis_open(const struct turnadmin_request *request, struct store **store,
                           char problem[256])
{
	const struct turnadmin_input input = {
		.what = "connection to Redis",
		.file = request->redis_file,
		.max = TURNADMIN_CONNECTION_MAX,
	};
	char read[TURNADMIN_CONNECTION_MAX + 1];
	struct store_location location = {.redis = request->redis};
	enum err err;

	if (request->redis_file != NULL) {
		if (!turnadmin_input_read(&input, read)) {
			snprintf(problem, 256, "the connection to Redis is not known");
			return ERR_INVALID;
		}
		location.redis = read;
	}
	err = store_open_at(&location, false, store, problem);
	bytes_wipe(read, sizeof read);
	return err;
}

struct store *turnadmin_database_open(const struct turnadmin_request *request, bool writes,
                                      bool may_create)
{
	bool is_redis = request->redis[0] != '\0' || request->redis_file != NULL;
	struct store *store = NULL;
	char problem[256];
	enum err err = is_redis ? redis_open(request, &store, problem)
	                        : store_open(request->database, may_create, &store, problem);

	if (err != OK) {
		turnadmin_say("%s", problem[0] != '\0' ? problem : err_string(err));
		return NULL;
	}
	if (writes && store_is_read_only(store)) {
		turnadmin_say("%s: is read-only: change its owner or mode, or be another user",
		              request->database);
		store_close(store);
		return NULL;
	}
	return store;
}

enum turnadmin_exit turnadmin_database_close(struct store *store, enum err err)
{
	if (err != OK)
		turnadmin_say("%s", store_problem(store));
	store_close(store);
	return err == OK ? TURNADMIN_DONE : TURNADMIN_PROBLEM;
}

enum turnadmin_exit turnadmin_database_changed(const struct turnadmin_request *request,
                                               struct store *store, enum err err)
{
	if (err == OK)
		turnadmin_audit(request, store);
	return turnadmin_database_close(store, err);
}

enum turnadmin_exit turnadmin_database_removed(struct store *store, enum err err,
                                               const struct turnadmin_request *request,
                                               const char *text, ...)
{
	char missing[2048];
	va_list args;

	if (err != ERR_NOT_FOUND)
		return turnadmin_database_changed(request, store, err);
	store_close(store);
	va_start(args, text);
	vsnprintf(missing, sizeof missing, text, args);
	va_end(args);
	return turnadmin_say_missing(request, "%s", missing);
}

enum turnadmin_exit turnadmin_database_list(const struct turnadmin_request *request,
                                            turnadmin_print_all *print)
{
	struct store *store = turnadmin_database_open(request, false, false);
	size_t count = 0;

	if (store == NULL)
		return TURNADMIN_PROBLEM;
	enum err err = print(store, request, &count);
	if (request->as_json)
		puts(count == 0 ? "[]" : "\n]");
	return turnadmin_database_close(store, err);
}
