/* turnadmin: users with long-term credentials and shared secrets in the database of the relay, and
 * the running relay itself, through its control socket. */
#include <stdio.h>

#include "admin/turnadmin_request.h"

int main(int argc, char **argv)
{
	struct turnadmin_request request;
	enum turnadmin_exit status;

	if (turnadmin_request_read(&request, argc, argv, &status))
		status = request.verb->run(&request);
	turnadmin_request_wipe(&request);
	if (fflush(stdout) != 0 && status == TURNADMIN_DONE) {
		turnadmin_say("standard output cannot be written");
		status = TURNADMIN_PROBLEM;
	}
	return (int)status;
}
