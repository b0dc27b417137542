/* cli-password as it may be written: the password itself, or coturn's $5$SALT$HASH. */
#pragma once

#include <stdbool.h>

/* Whether text is the password. Takes as long whatever the two have in common. */
bool console_password_fits(const char *configured, const char *text);
