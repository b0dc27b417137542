/* turnadmin doctor: what each check of this machine finds. A check is a row of the table in
 * turnadmin_doctor.c and a function here; it says what is as it should be, too. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/timex.h>

#include "base/err.h"
#include "config/config.h"

enum finding_level {
	FINDING_FINE,
	FINDING_NOTE,    /* could be better */
	FINDING_WARNING, /* will hurt some day, or some clients */
	FINDING_ERROR,   /* does not work, or gives secrets away */
	FINDING_LEVELS   /* their count */
};

enum { FINDING_TEXT_SIZE = 512, FINDINGS_MAX = 256 };

struct finding {
	enum finding_level level;
	const char *check;
	char text[FINDING_TEXT_SIZE];
	char mend[FINDING_TEXT_SIZE]; /* a command, or an option; empty: nothing to do */
};

struct doctor {
	const struct config *config;
	const char *root;           /* before /proc and /sys; "": this machine's */
	const char *control_socket; /* of the server */
	const char *check;          /* that is being made */
	long pid;                   /* of the running server; 0: none answers */
	long threads;               /* of it */
	struct finding *findings;
	size_t count;
};

/* Adds a finding. mend may be NULL. */
__attribute__((format(printf, 4, 5))) void doctor_find(struct doctor *doctor,
                                                       enum finding_level level, const char *mend,
                                                       const char *text, ...);

/* Reads a file below root into text, without its last line end. ERR_NOT_FOUND. */
MUST_CHECK enum err doctor_read(const struct doctor *doctor, const char *path, char *text,
                                size_t size);
/* Reads the first numbers of a file, at most max; how many there were. */
size_t doctor_read_numbers(const struct doctor *doctor, const char *path, long long *numbers,
                           size_t max);
/* How many ports it relays from. */
unsigned doctor_relay_ports(const struct doctor *doctor);

typedef void doctor_check(struct doctor *doctor);
/* doctor_kernel.c */
doctor_check doctor_look_at_buffers, doctor_look_at_udp_memory, doctor_look_at_tracking;
doctor_check doctor_look_at_ports, doctor_look_at_cpus, doctor_look_at_features;
/* doctor_process.c */
doctor_check doctor_look_at_server, doctor_look_at_files, doctor_look_at_clock;
/* doctor_secrets.c */
doctor_check doctor_look_at_certificate, doctor_look_at_key, doctor_look_at_database;
/* doctor_network.c */
doctor_check doctor_look_at_addresses, doctor_look_at_external_ip, doctor_look_at_listeners;
doctor_check doctor_look_at_firewall;

/* What the kernel says of its clock (adjtimex(2)); apart, so that it can be told anything. */
void doctor_judge_clock(struct doctor *doctor, int state, const struct timex *clock);
