/* A datagram of lines for each thing that is told: the protocol of sd_notify(3) is stable, and no more than
 * this; libsystemd would be a library for one function. */
#include "process/service_manager.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

enum { SEND_PATIENCE_S = 1 };

static void open_socket(struct service_manager *manager, const char *name);

void service_manager_open(struct service_manager *manager)
{
	const char *name = getenv("NOTIFY_SOCKET");

	*manager = (struct service_manager){.fd = -1};
	if (name != NULL)
		open_socket(manager, name);
}

void service_manager_close(struct service_manager *manager)
{
	if (manager->fd >= 0)
		close(manager->fd);
	manager->fd = -1;
}

bool service_manager_listens(const struct service_manager *manager)
{
	return manager->fd >= 0;
}

/* A path, or with @ in front a name of the abstract namespace, which has a zero there. */
static void open_socket(struct service_manager *manager, const char *name)
{
	static const struct timeval patience = {SEND_PATIENCE_S, 0};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t len = strlen(name);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);

	if ((name[0] != '/' && name[0] != '@') || len >= sizeof addr.sun_path) {
		log_warning("service manager not told",
		            "socket=%s reason=\"neither a path nor @name\"", name);
		return;
	}
	memcpy(addr.sun_path, name, len);
	if (name[0] == '@')
		addr.sun_path[0] = '\0';
	manager->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (manager->fd >= 0 && connect(manager->fd, (struct sockaddr *)&addr, size) == 0) {
		(void)setsockopt(manager->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
		return;
	}
	log_warning("service manager not told", "socket=%s reason=\"%s\"", name, strerror(errno));
	service_manager_close(manager);
}

/* A service manager that has gone wants to know nothing. */
static void tell(const struct service_manager *manager, const char *lines)
{
	if (manager->fd >= 0)
		(void)!send(manager->fd, lines, strlen(lines), MSG_NOSIGNAL);
}

void service_manager_ready(const struct service_manager *manager)
{
	char lines[64];

	snprintf(lines, sizeof lines, "READY=1\nMAINPID=%ld", (long)getpid());
	tell(manager, lines);
}

void service_manager_reloading(const struct service_manager *manager)
{
	struct timespec now;
	char lines[96];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(lines, sizeof lines, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
	         (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
	tell(manager, lines);
}

void service_manager_stopping(const struct service_manager *manager)
{
	tell(manager, "STOPPING=1\nSTATUS=stopping");
}

void service_manager_status(struct service_manager *manager, const char *status)
{
	char lines[SERVICE_STATUS_SIZE + sizeof "STATUS="];

	if (strcmp(status, manager->status) == 0)
		return;
	snprintf(manager->status, sizeof manager->status, "%s", status);
	snprintf(lines, sizeof lines, "STATUS=%s", manager->status);
	tell(manager, lines);
}

void service_manager_alive(const struct service_manager *manager)
{
	tell(manager, "WATCHDOG=1");
}

uint64_t service_manager_alive_interval_us(void)
{
	const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (us == NULL || (pid != NULL && strtol(pid, NULL, 10) != (long)getpid()))
		return 0;
	return strtoull(us, NULL, 10) / 2;
}
