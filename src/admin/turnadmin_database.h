/* The database of a request, opened and closed with words for a person. */
#pragma once

#include "admin/turnadmin_request.h"
#include "store/store.h"

/* Returns the open database, or NULL after saying what is wrong. One that is to be written has to
 * be writable, and is made when it is missing and may_create. */
struct store *turnadmin_database_open(const struct turnadmin_request *request, bool writes,
                                      bool may_create);
/* Says what went wrong when err is not OK; closes the database. */
enum turnadmin_exit turnadmin_database_close(struct store *store, enum err err);
/* The same behind a change, which is written into the audit log. */
enum turnadmin_exit turnadmin_database_changed(const struct turnadmin_request *request,
                                               struct store *store, enum err err);
/* The same behind a removal: of what was not there (ERR_NOT_FOUND) it says the text. */
__attribute__((format(printf, 4, 5))) enum turnadmin_exit turnadmin_database_removed(
	struct store *store, enum err err, const struct turnadmin_request *request,
	const char *text, ...);
/* Prints what there is: print writes each, as an element of a JSON array where request wants that, and counts them. */
typedef enum err turnadmin_print_all(struct store *store, const struct turnadmin_request *request,
                                     size_t *count);
enum turnadmin_exit turnadmin_database_list(const struct turnadmin_request *request,
                                            turnadmin_print_all *print);
