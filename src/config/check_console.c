/* The text console, the one in a browser, and metrics: who may come there, and what they need. */
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

/* A file of coturn's may have the option on without what it needs: it is served all the same, without a console. */
static void check_web_admin(struct check *check)
{
	struct config *config = check->config;
	struct transport_addr addr;
	bool is_local = addr_parse(config->web_admin_ip, 0, &addr) == OK && addr_is_loopback(&addr);

	if (config->web_admin_plain && !is_local) {
		check_error(check, OPTION_ID_web_admin_plain,
		            "web-admin-plain: web-admin-ip %s is of other machines too, which "
		            "could read "
		            "passwords on the way: use 127.0.0.1 or ::1, or HTTPS",
		            config->web_admin_ip);
	} else if (!config->web_admin_plain && config->cert == NULL) {
		check_warn(check, OPTION_ID_web_admin,
		           "web-admin needs cert and pkey, or web-admin-plain behind a reverse "
		           "proxy of this "
		           "machine: there is no console");
		config->web_admin = false;
	} else if (config->userdb == NULL && config->redis_userdb == NULL) {
		check_warn(check, OPTION_ID_web_admin,
		           "web-admin needs userdb or redis-userdb, where administrators are: "
		           "there is no "
		           "console");
		config->web_admin = false;
	}
}

static void check_prometheus(struct check *check)
{
	struct config *config = check->config;

	if (!check_is_set(check, OPTION_ID_prometheus_address))
		check_warn(check, OPTION_ID_prometheus,
		           "prometheus: metrics are at 127.0.0.1 alone; for other machines set "
		           "prometheus-address (coturn listens on all addresses)");
	if (config->prometheus_path[0] != '/')
		check_error(check, OPTION_ID_prometheus_path,
		            "prometheus-path: %.64s: begin it with a slash",
		            config->prometheus_path);
	if ((config->prometheus_cert == NULL) != (config->prometheus_key == NULL))
		check_error(check, OPTION_ID_prometheus_cert,
		            "prometheus-cert and prometheus-key: each needs the other");
	if (!config->prometheus_tls || config->prometheus_cert != NULL || config->cert != NULL)
		return;
	check_warn(check, OPTION_ID_prometheus_tls,
	           "prometheus-tls needs prometheus-cert and prometheus-key, or cert and pkey: "
	           "there are no "
	           "metrics over HTTP");
	config->prometheus = false;
}

void check_web(struct check *check)
{
	if (check->config->web_admin)
		check_web_admin(check);
	if (check->config->prometheus)
		check_prometheus(check);
}
