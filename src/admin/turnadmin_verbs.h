/* What turnadmin does, one function for each row of its table. */
#pragma once

#include "admin/turnadmin_request.h"

turnadmin_run turnadmin_user_add, turnadmin_user_delete, turnadmin_user_list, turnadmin_user_key;
turnadmin_run turnadmin_origin_add, turnadmin_origin_delete, turnadmin_origin_list;
turnadmin_run turnadmin_oauth_add, turnadmin_oauth_delete, turnadmin_oauth_list;
turnadmin_run turnadmin_status, turnadmin_counters, turnadmin_drain, turnadmin_undrain;
turnadmin_run turnadmin_alternates_add, turnadmin_alternates_delete, turnadmin_alternates_list;
turnadmin_run turnadmin_secret_add, turnadmin_secret_delete, turnadmin_secret_list;
