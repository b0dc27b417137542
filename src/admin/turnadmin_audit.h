/* What turnadmin changes, in the audit log that the console shows. */
#pragma once

#include "admin/turnadmin_request.h"
#include "store/store.h"

/* Writes down what was asked for and done, by the system's user. That it cannot be is said, and no more: the change is made. */
void turnadmin_audit(const struct turnadmin_request *request, struct store *store);
