/* A TURN server as most tests want one: both families, the lifetimes of RFC 8656, a little of everything. */
#pragma once

/* Members of struct turn_settings, for an initialiser that goes on with its own. */
#define TURN_FIXTURE_SETTINGS                                                                      \
	.realm = "example.org", .has_family = {true, true}, .max_lifetime_s = 3600,                \
	.permission_lifetime_s = 300, .channel_lifetime_s = 600, .permissions_per_allocation = 16, \
	.channels_per_allocation = 16, .pending_max = 16
