/* New passwords of administrators, set by themselves or by others. */
#pragma once

#include "admin/api.h"

/* Refuses a short one, and when too many are hashed at this time: false then. */
bool api_password_is_long(struct api_call *call, const char *password);
bool api_hash_password(struct api_call *call, const char *password,
                       struct store_administrator *administrator);
