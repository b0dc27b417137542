/* Opening and closing for each verb. */
#include "admin/turnadmin_database.h"

#include <stdio.h>

struct store *turnadmin_database_open(const struct turnadmin_request *request, bool writes,
                                      bool may_create)
{
	struct store *store = NULL;
	char problem[256];
	enum err err = store_open(request->database, may_create, &store, problem);

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
