/* What the service manager is told (sd_notify(3)): that the program serves, reads its configuration anew, stops, how it
 * fares; and, for as long as the program says so, that it is alive. Without NOTIFY_SOCKET in the environment nothing
 * is sent. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { SERVICE_STATUS_SIZE = 160 };

struct service_manager {
	int fd;                           /* -1: nobody wants to know */
	char status[SERVICE_STATUS_SIZE]; /* as it was told last */
};

void service_manager_open(struct service_manager *manager);
void service_manager_close(struct service_manager *manager);
bool service_manager_listens(const struct service_manager *manager);

/* The program serves. */
void service_manager_ready(const struct service_manager *manager);
/* A reload begins; service_manager_ready when it is done, whether or not anything was changed. */
void service_manager_reloading(const struct service_manager *manager);
/* The program ends, and nothing keeps it. */
void service_manager_stopping(const struct service_manager *manager);
/* Tells how it fares, where that is not what was told last. */
void service_manager_status(struct service_manager *manager, const char *status);
void service_manager_alive(const struct service_manager *manager);
/* Half of the time in which it wants to hear that the program is alive; 0: it does not. */
uint64_t service_manager_alive_interval_us(void);
