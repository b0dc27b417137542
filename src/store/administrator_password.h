/* Signing in: the password of an administrator compared, and stored anew where it was stored badly. */
#pragma once

#include "store/store.h"

/* Finds the administrator and compares the password. ERR_DENIED when there is no such name or it is
 * another password: which of the two, neither the result nor the time it took tells. It takes a
 * few tenths of a second, so callers bound how often strangers may ask. ERR_UNAVAILABLE,
 * ERR_NO_MEMORY. administrator is filled in when it is OK. */
MUST_CHECK enum err administrator_password_check(struct store *store, const char *name,
                                                 const char *password,
                                                 struct store_administrator *administrator);
/* Sets the password of an administrator to the hash of this one and stores it. */
MUST_CHECK enum err administrator_password_set(struct store *store,
                                               struct store_administrator *administrator,
                                               const char *password);
/* Does so when the stored hash is weaker than a new one would be: to be called with the password that
 * was right just now. OK also when there was nothing to do. */
MUST_CHECK enum err administrator_password_renew(struct store *store,
                                                 struct store_administrator *administrator,
                                                 const char *password);
