/* The configuration file's parser: any bytes are read, or refused with a place and a reason. */
#include <stdlib.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void ignore(enum option_id id, const char *name, bool may_change, void *context)
{
	(void)id;
	(void)name;
	(void)may_change;
	(void)context;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct config_report report = {0};
	struct config *config, *defaults;

	if (config_create(CONFIG_TURNSERVER, &config) != OK ||
	    config_create(CONFIG_TURNSERVER, &defaults) != OK)
		abort();
	enum err err = config_read_bytes(config, "fuzz", (const char *)bytes, len, &report);
	if ((err == OK) != (report.errors == 0))
		abort();
	config_compare(config, defaults, ignore, NULL);
	config_compare(config, config, ignore, NULL);
	config_destroy(defaults);
	config_destroy(config);
	config_report_deinit(&report);
	return 0;
}
