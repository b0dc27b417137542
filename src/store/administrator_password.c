/* An unknown name costs the same hash as a known one. */
#include "store/administrator_password.h"

#include <stdio.h>

#include "base/bytes.h"
#include "store/password_hash.h"

enum err administrator_password_check(struct store *store, const char *name, const char *password,
                                      struct store_administrator *administrator)
{
	enum err found = store_administrator_find(store, name, administrator), err;

	if (found != OK && found != ERR_NOT_FOUND)
		return found;
	err = password_hash_check(found == OK ? administrator->password : NULL, password);
	if (err != OK)
		bytes_wipe(administrator, sizeof *administrator);
	return err;
}

enum err administrator_password_set(struct store *store, struct store_administrator *administrator,
                                    const char *password)
{
	char hash[PASSWORD_HASH_SIZE];
	enum err err = password_hash_make(password, hash);

	if (err != OK)
		return err;
	snprintf(administrator->password, sizeof administrator->password, "%s", hash);
	return store_administrator_put(store, administrator);
}

enum err administrator_password_renew(struct store *store,
                                      struct store_administrator *administrator,
                                      const char *password)
{
	if (password_hash_strength(administrator->password) == PASSWORD_STRONG ||
	    store_is_read_only(store))
		return OK;
	return administrator_password_set(store, administrator, password);
}
