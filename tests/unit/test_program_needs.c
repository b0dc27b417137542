/* Which files turnsignal asks its fence to leave open: all that a reload reads, and what is written. */
#include "signaling/program_needs.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"

#include "tap.h"

struct found {
	const struct fence_file *wanted;
	bool is_there;
};

static void look(const struct fence_file *file, void *context)
{
	struct found *found = context;

	if (strcmp(file->path, found->wanted->path) == 0)
		found->is_there = file->may_write == found->wanted->may_write &&
		                  file->is_folder == found->wanted->is_folder;
}

static bool names(const struct config *config, const struct fence_file *wanted)
{
	struct found found = {wanted, false};

	program_needs.each_file(config, look, &found);
	return found.is_there;
}

static void nothing(const struct fence_file *file, void *context)
{
	(void)file;
	++*(unsigned *)context;
}

int main(void)
{
	static char *const arguments[] = {
		"turnsignal",
		"-n",
		"--signaling-anybody=yes",
		"--signaling-plain-port=1",
		"--jwt-key-file=/keys/plain.pem",
		"--jwt-key-file=kid=one  /keys/named.pem",
		"--jwks-file=/keys/jwks.json",
		"--zone-networks=/zones/networks",
		"--geo-database=/zones/geo.mmdb",
		"--www-root=/www",
		"--event-ca-file=/events/ca.pem",
		"--event-spool=/spool/events.db",
		"--signaling-control-socket=/run/socket",
	};
	static const struct fence_file wanted[] = {
		{"/keys/plain.pem", false, false},    {"/keys/named.pem", false, false},
		{"/keys/jwks.json", false, false},    {"/zones/networks", false, false},
		{"/zones/geo.mmdb", false, false},    {"/www", false, true},
		{"/events/ca.pem", false, false},     {"/spool/events.db", true, false},
		{"/run/socket", true, false},         {"/authorities/file", false, false},
		{"/authorities/folder", false, true},
	};
	static char *const no_environment[] = {NULL};
	const struct config_sources sources = {
		.program = CONFIG_TURNSIGNAL,
		.argc = sizeof arguments / sizeof arguments[0],
		.argv = (char **)arguments,
		.environment = (char **)no_environment,
	};
	struct config_report report = {0};
	struct config *config = NULL;
	unsigned count = 0;

	setenv("SSL_CERT_FILE", "/authorities/file", 1);
	setenv("SSL_CERT_DIR", "/authorities/folder", 1);
	if (config_load(&sources, &report, &config) != OK) {
		config_report_print(&report, stderr);
		return 99;
	}
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
		ok(names(config, &wanted[i]), "%s, to %s", wanted[i].path,
		   wanted[i].may_write ? "write" : "read");
	program_needs.each_file(config, nothing, &count);
	is_int(count, sizeof wanted / sizeof wanted[0], "and nothing else");
	config_destroy(config);
	config_report_deinit(&report);
	return tap_end();
}
