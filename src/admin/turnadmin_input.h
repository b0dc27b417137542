/* Passwords and secrets as a person types them or a program hands them over: never as arguments. */
#pragma once

#include "admin/turnadmin_request.h"

/* Reads one line: from file when it is not NULL, else from standard input; on a terminal with a
 * prompt and without echo, twice when it is to be repeated. Says what is wrong and returns false
 * when there is no line, or an empty one, or too long a one. */
struct turnadmin_input {
	const char *what; /* "password" */
	const char *file; /* NULL: standard input */
	bool repeat;
	size_t max; /* bytes, without the end */
};
/* text has room for max bytes and an end. */
bool turnadmin_input_read(const struct turnadmin_input *input, char *text);
/* Reads the password of a request, twice on a terminal: that of -p, else that of --password-file, else
 * from standard input. password has room for TURNADMIN_PASSWORD_MAX bytes and an end. */
bool turnadmin_password_read(const struct turnadmin_request *request, char *password);
