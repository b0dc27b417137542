/* The text console: who may come there. */
#include <string.h>

#include "config/check.h"

/* "$5$", 16 digits of salt, "$", 64 digits of SHA-256: as coturn writes it. */
static bool is_coturn_hash(const char *password)
{
	static const char digits[] = "0123456789abcdefABCDEF";

	return strlen(password) == 84 && strspn(password + 3, digits) == 16 &&
	       password[19] == '$' && strspn(password + 20, digits) == 64;
}

/* Takes so many characters of a set, and what ends them; NULL when there is something else. */
static const char *take(const char *text, const char *set, size_t least, size_t most, char end)
{
	size_t len = strspn(text, set);

	return len >= least && len <= most && text[len] == end ? text + len + (end != 0) : NULL;
}

static const char *take_number(const char *text, const char *name, char end)
{
	size_t len = strlen(name);

	if (text == NULL || strncmp(text, name, len) != 0)
		return NULL;
	return take(text + len, "0123456789", 1, 2, end);
}

/* "$scrypt$ln=15,r=8,p=3$SALT$HASH": as turnadmin password hash writes it. */
static bool is_scrypt_hash(const char *password)
{
	static const char base64[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *text = take_number(password + strlen("$scrypt$"), "ln=", ',');

	text = take_number(text, "r=", ',');
	text = take_number(text, "p=", '$');
	if (text != NULL)
		text = take(text, base64, 1, 64, '$');
	return text != NULL && take(text, base64, 43, 43, 0) != NULL;
}

static bool is_broken_hash(const char *password)
{
	if (strncmp(password, "$5$", 3) == 0)
		return !is_coturn_hash(password);
	return strncmp(password, "$scrypt$", 8) == 0 && !is_scrypt_hash(password);
}

/* A console without a password has ended servers in the hands of others (CVE-2018-4059): on 127.0.0.1 it
 * is there for every user of the machine, and for what their browsers are made to send. */
void check_console(struct check *check)
{
	const struct config *config = check->config;
	struct transport_addr addr;

	if (config->cli_password != NULL && is_broken_hash(config->cli_password))
		check_error(check, OPTION_ID_cli_password,
		            "cli-password begins like a hash and is none: give what turnadmin "
		            "password hash prints, whole and in single quotes where a shell reads "
		            "it");
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
