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
