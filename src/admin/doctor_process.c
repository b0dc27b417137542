/* The running server, its limits, and the clock that its credentials go by. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timex.h>

#include <jansson.h>

#include "admin/doctor.h"
#include "control/client.h"

enum { OTHER_FILES = 1024 }; /* beside relayed ports: clients' connections, and its own */

void doctor_look_at_server(struct doctor *doctor)
{
	const char *version;
	char problem[256];
	json_t *status;

	if (control_ask(doctor->control_socket, "status", NULL, &status, problem) != OK) {
		doctor_find(doctor, FINDING_NOTE, NULL, "%s", problem);
		return;
	}
	doctor->pid = (long)json_integer_value(json_object_get(status, "pid"));
	doctor->threads = (long)json_integer_value(json_object_get(status, "threads"));
	version = json_string_value(json_object_get(status, "version"));
	if (version != NULL && strcmp(version, PACKAGE_VERSION) != 0)
		doctor_find(doctor, FINDING_NOTE, "systemctl restart turnserver",
		            "the running server is version %s, and this is %s", version,
		            PACKAGE_VERSION);
	else
		doctor_find(doctor, FINDING_FINE, NULL, "it runs as process %ld", doctor->pid);
	json_decref(status);
}

/* ---- descriptors ---- */

/* "Max open files            1024                 1048576              files" */
static bool limit_of_server(const struct doctor *doctor, unsigned long long *limit)
{
	char path[64], text[4096];
	const char *line;

	snprintf(path, sizeof path, "/proc/%ld/limits", doctor->pid);
	if (doctor->pid == 0 || doctor_read(doctor, path, text, sizeof text) != OK)
		return false;
	line = strstr(text, "Max open files");
	return line != NULL && sscanf(line, "Max open files %llu", limit) == 1;
}

/* What it would have: its own hard limit, which it raises its soft one to; root's is fs.nr_open. */
static unsigned long long limit_to_come(const struct doctor *doctor)
{
	struct rlimit files;
	long long most;

	if (doctor_read_numbers(doctor, "/proc/sys/fs/nr_open", &most, 1) == 1 && most < 1 << 20)
		return (unsigned long long)most;
	return getrlimit(RLIMIT_NOFILE, &files) == 0 ? files.rlim_max : 0;
}

void doctor_look_at_files(struct doctor *doctor)
{
	unsigned long long limit = 0, wanted = doctor_relay_ports(doctor) + OTHER_FILES;
	bool runs = limit_of_server(doctor, &limit);

	if (!runs)
		limit = limit_to_come(doctor);
	if (limit < wanted)
		doctor_find(doctor, FINDING_WARNING,
		            "sysctl -w fs.nr_open=1048576, and LimitNOFILE=1048576 in the unit",
		            "%s may open %llu files, and %u relayed ports need %llu",
		            runs ? "the server" : "a server started here", limit,
		            doctor_relay_ports(doctor), wanted);
	else
		doctor_find(doctor, FINDING_FINE, NULL, "%s may open %llu files",
		            runs ? "the server" : "a server started here", limit);
}

/* ---- the clock ---- */

void doctor_look_at_clock(struct doctor *doctor)
{
	struct timex clock = {.modes = 0};
	int state = adjtimex(&clock);

	if (state < 0)
		doctor_find(doctor, FINDING_NOTE, NULL, "the clock cannot be asked: %s",
		            strerror(errno));
	else
		doctor_judge_clock(doctor, state, &clock);
}

void doctor_judge_clock(struct doctor *doctor, int state, const struct timex *clock)
{
	bool depends = doctor->config->use_auth_secret || doctor->config->oauth;

	if (state == TIME_ERROR || (clock->status & STA_UNSYNC) != 0)
		doctor_find(doctor, depends ? FINDING_WARNING : FINDING_NOTE,
		            "apt-get install systemd-timesyncd && timedatectl set-ntp true",
		            "the clock is not synchronised%s",
		            depends ? ", and credentials end by it" : "");
	else
		doctor_find(doctor, FINDING_FINE, NULL,
		            "the clock is synchronised, and wrong by %ld ms at most",
		            clock->maxerror / 1000);
}
