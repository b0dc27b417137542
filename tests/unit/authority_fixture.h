/* An authority out of lines of configuration and a store, for the tests of who may what. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "signaling/authority.h"
#include "store/tenancy.h"
#include "tap.h"
#include "test_files.h"

__attribute__((noreturn, unused)) static void give_up(const char *why)
{
	printf("Bail out! %s\n", why);
	exit(1);
}

__attribute__((unused)) static struct config *config_of(const char *text)
{
	struct config_report report = {0};
	struct config *config;

	if (config_create(CONFIG_TURNSIGNAL, &config) != OK ||
	    config_read_bytes(config, "test.conf", text, strlen(text), &report) != OK ||
	    report.count > 0)
		give_up(report.count > 0 ? report.problem[0].message : text);
	config_report_deinit(&report);
	return config;
}

/* What a store (NULL: none) has, for a server of example.org. */
__attribute__((unused)) static struct tenancy *tenancy_of(struct store *store)
{
	struct tenancy *tenancy = NULL;

	if (store != NULL && tenancy_read(store, "example.org", NULL, &tenancy) != OK)
		give_up(store_problem(store));
	return tenancy;
}

/* NULL: it is refused; problem then says why. */
__attribute__((unused)) static struct authority *authority_of(const char *text, struct store *store,
                                                              char problem[256])
{
	struct config *config = config_of(text);
	struct tenancy *tenancy = tenancy_of(store);
	struct authority *authority = NULL;

	if (authority_create(config, tenancy, &authority, problem) != OK)
		authority = NULL;
	tenancy_destroy(tenancy);
	config_destroy(config);
	return authority;
}

__attribute__((unused)) static struct authority *sure_authority_of(const char *text,
                                                                   struct store *store)
{
	char problem[256];
	struct authority *authority = authority_of(text, store, problem);

	if (authority == NULL)
		give_up(problem);
	return authority;
}

/* Writes a file for the time of the test. */
__attribute__((unused)) static void put_file(const struct test_files *files, const char *name,
                                             const char *text, char path[256])
{
	FILE *file;

	snprintf(path, 256, "%s/%s", files->directory, name);
	file = fopen(path, "w");
	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
		give_up(path);
}
