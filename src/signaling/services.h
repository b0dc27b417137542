/* What those who answer need besides the hub: who may what, TURN credentials, zones. A worker thread has its own struct; what it points at never
 * changes, is shared by all threads, and is replaced as a whole, by mail, when configuration, store or remote service change. */
#pragma once

struct authority; /* signaling/authority.h: proofs and tenants */
struct turn_source; /* signaling/turn_source.h: credentials, of our own secrets or of a remote service */
struct zones;       /* signaling/zones.h: which zone is near an address */
struct config;

struct signaling_services {
	const struct config *config;
	const struct authority *authority;
	const struct turn_source *turn_source;
	const struct zones *zones;
};
