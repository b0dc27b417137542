/* What turnadmin does, one function for each row of turnadmin_verbs.def. */
#pragma once

#include "admin/turnadmin_request.h"

#define VERB(function, ...) turnadmin_run function;
#include "admin/turnadmin_verbs.def"
