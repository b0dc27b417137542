/* The text console: who may come there. */
#include <string.h>

#include "config/check.h"

/* "$5$", 16 digits of salt, "$", 64 digits of SHA-256: as coturn writes it. */
static bool is_hash(const char *password)
{
	static const char digits[] = "0123456789abcdefABCDEF";

	return strlen(password) == 84 && strspn(password + 3, digits) == 16 &&
	       password[19] == '$' && strspn(password + 20, digits) == 64;
}

/* A console without a password has ended servers in the hands of others (CVE-2018-4059): on 127.0.0.1 it
 * is there for every user of the machine, and for what their browsers are made to send. */
void check_console(struct check *check)
{
	const struct config *config = check->config;
	struct transport_addr addr;

	if (config->cli_password != NULL && strncmp(config->cli_password, "$5$", 3) == 0 &&
	    !is_hash(config->cli_password))
		check_error(check, OPTION_ID_cli_password,
		            "cli-password begins like a hash and is none: $5$, 16 hexadecimal "
		            "digits, $, 64 digits");
	if (!config->cli)
		return;
	if (config->cli_password == NULL)
		check_error(check, OPTION_ID_cli,
		            "cli needs cli-password: whoever reaches the port could end the "
		            "server");
	if (addr_parse(config->cli_ip, 0, &addr) == OK && !addr_is_loopback(&addr))
		check_warn(
			check, OPTION_ID_cli_ip,
			"cli-ip %s: the text console is not encrypted, and whoever is on the way "
			"reads the password: use 127.0.0.1 and an SSH tunnel",
			config->cli_ip);
}
