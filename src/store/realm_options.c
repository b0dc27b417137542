/* What a realm has of its own instead of the configuration's: coturn's turn_realm_option. */
#include <string.h>

#include "store/driver.h"

/* Of the numbers config/options.def allows, for a realm's option is the option of that name. */
static const struct {
	const char *name;
	uint64_t most;
} options[STORE_REALM_OPTION_COUNT] = {
	[STORE_MAX_BPS] = {"max-bps", UINT64_C(1) << 40},
	[STORE_TOTAL_QUOTA] = {"total-quota", UINT32_MAX},
	[STORE_USER_QUOTA] = {"user-quota", UINT32_MAX},
};

static enum err number_parse(const char *text, uint64_t most, uint64_t *number);

const char *store_realm_option_name(enum store_realm_option option)
{
	return options[option].name;
}

enum err store_realm_option_parse(const char *name, const char *value,
                                  enum store_realm_option *option, uint64_t *number)
{
	for (size_t i = 0; i < STORE_REALM_OPTION_COUNT; i++) {
		if (strcmp(options[i].name, name) != 0)
			continue;
		*option = (enum store_realm_option)i;
		return number_parse(value, options[i].most, number);
	}
	return ERR_NOT_FOUND;
}

static enum err number_parse(const char *text, uint64_t most, uint64_t *number)
{
	uint64_t read = 0;

	if (text[0] == '\0')
		return ERR_INVALID;
	for (; *text >= '0' && *text <= '9'; text++) {
		read = 10 * read + (uint64_t)(*text - '0');
		if (read > most)
			return ERR_INVALID;
	}
	if (*text != '\0')
		return ERR_INVALID;
	*number = read;
	return OK;
}

enum err store_realm_option_put(struct store *store, const char *realm, const char *name,
                                const char *value)
{
	enum store_realm_option option;
	uint64_t number;
	enum err err = store_realm_option_parse(name, value, &option, &number);

	return err != OK ? err : store->driver->realm_option_put(store, realm, name, value);
}

enum err store_realm_option_delete(struct store *store, const char *realm, const char *name)
{
	return store->driver->realm_option_delete(store, realm, name);
}

enum err store_realm_option_list(struct store *store, const char *realm,
                                 bool (*each)(const char *realm, const char *name,
                                              const char *value, void *context),
                                 void *context)
{
	return store->driver->realm_option_list(store, realm, each, context);
}
