/* What fits cli-password: itself, and what coturn's turnadmin -P made a hash of. */
#include "relay/console_password.h"

#include "tap.h"

/* As coturn 4.6.1 wrote it of "secret". */
static const char hash[] = "$5$363a338a7976a0f7$"
			   "a45d9f2f07691cbb8af1fec1194b60cdbc12b993ef09e119903e75b9d2d7b93a";

int main(void)
{
	ok(console_password_fits("secret", "secret"), "the password itself");
	ok(!console_password_fits("secret", "secreT"), "another");
	ok(!console_password_fits("secret", ""), "none");
	ok(!console_password_fits("secret", "secret "), "a longer one");
	ok(!console_password_fits("secret", "secre"), "a shorter one");
	ok(console_password_fits(hash, "secret"), "coturn's hash of it");
	ok(!console_password_fits(hash, "Secret"), "and of no other");
	ok(!console_password_fits(hash, hash), "the hash is no password");
	ok(console_password_fits("$5$short", "$5$short"),
	   "what only begins like a hash is a password");
	return tap_end();
}
