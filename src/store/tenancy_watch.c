/* What is read again and is as it was is told to nobody. */
#include "store/tenancy_watch.h"

void tenancy_watch_deinit(struct tenancy_watch *watch)
{
	tenancy_destroy(watch->known);
}

enum err tenancy_watch_read(struct tenancy_watch *watch, struct store *store, const char *realm,
                            bool wants_tenants)
{
	struct tenancy *read = NULL;
	enum err err = tenancy_read(store, realm, wants_tenants ? NULL : watch->known, &read);

	if (err != OK)
		return err;
	if (watch->known != NULL && tenancy_has_same_tenants(read, watch->known) &&
	    tenancy_has_same_secrets(read, watch->known)) {
		tenancy_destroy(read);
		return OK;
	}
	tenancy_destroy(watch->known);
	watch->known = read;
	watch->version++;
	return OK;
}

bool tenancy_watch_tell(const struct tenancy_watch *watch, const struct store_watch *watcher)
{
	struct tenancy *letter;

	if (tenancy_copy(watch->known, &letter) != OK)
		return false;
	letter->mail.deliver = watcher->tenants;
	letter->context = watcher->context;
	mailbox_post(watcher->notify, &letter->mail);
	return true;
}
