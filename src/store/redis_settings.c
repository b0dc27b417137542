/* Words are separated by spaces; a value with spaces stands between double quotes, which coturn does not
 * know. */
#include "store/redis_settings.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum { WORD_MAX = 2048, TIMEOUT_DEFAULT_S = 5, TIMEOUT_MAX_S = 60, DATABASE_MAX = 65535 };

enum kind { TEXT, HOST, PORT, DATABASE, TIMEOUT, FLAG, VERIFY, SENTINELS };

/* What a name of the connection string sets. */
struct name {
	const char *name;
	enum kind kind;
	size_t offset; /* of a TEXT or FLAG in struct redis_settings */
};

#define MEMBER(member) offsetof(struct redis_settings, member)
static const struct name names[] = {
	{"ip", HOST, 0},
	{"host", HOST, 0},
	{"addr", HOST, 0},
	{"ipaddr", HOST, 0},
	{"hostaddr", HOST, 0},
	{"port", PORT, 0},
	{"p", PORT, 0},
	{"dbname", DATABASE, 0},
	{"db", DATABASE, 0},
	{"database", DATABASE, 0},
	{"user", TEXT, MEMBER(user)},
	{"uname", TEXT, MEMBER(user)},
	{"name", TEXT, MEMBER(user)},
	{"username", TEXT, MEMBER(user)},
	{"password", TEXT, MEMBER(password)},
	{"pwd", TEXT, MEMBER(password)},
	{"passwd", TEXT, MEMBER(password)},
	{"secret", TEXT, MEMBER(password)},
	{"connect_timeout", TIMEOUT, 0},
	{"timeout", TIMEOUT, 0},
	{"tls", FLAG, MEMBER(tls)},
	{"ssl", FLAG, MEMBER(tls)},
	{"cacert", TEXT, MEMBER(ca_file)},
	{"ca", TEXT, MEMBER(ca_file)},
	{"tls-ca", TEXT, MEMBER(ca_file)},
	{"capath", TEXT, MEMBER(ca_path)},
	{"tls-capath", TEXT, MEMBER(ca_path)},
	{"cert", TEXT, MEMBER(cert_file)},
	{"tls-cert", TEXT, MEMBER(cert_file)},
	{"key", TEXT, MEMBER(key_file)},
	{"clientkey", TEXT, MEMBER(key_file)},
	{"tls-key", TEXT, MEMBER(key_file)},
	{"sni", TEXT, MEMBER(server_name)},
	{"tls-sni", TEXT, MEMBER(server_name)},
	{"servername", TEXT, MEMBER(server_name)},
	{"verify", VERIFY, 0},
	{"tls-verify", VERIFY, 0},
	{"sentinel", SENTINELS, 0},
	{"master", TEXT, MEMBER(master)},
	{"sentinel-user", TEXT, MEMBER(sentinel_user)},
	{"sentinel-password", TEXT, MEMBER(sentinel_password)},
};

static enum err word_take(const char **text, char word[WORD_MAX]);
static enum err word_read(const char *word, struct redis_settings *settings, char problem[256]);
static enum err value_read(const struct name *name, const char *value,
                           struct redis_settings *settings);
static enum err number_read(const char *text, unsigned low, unsigned high, unsigned *number);
static enum err sentinels_read(const char *text, struct redis_settings *settings);
static enum err address_read(const char *text, size_t len, struct redis_address *address);
static bool is_one_of(const char *text, const char *const *words);
static enum err settings_check(const struct redis_settings *settings, char problem[256]);

enum err redis_settings_parse(const char *text, struct redis_settings *settings, char problem[256])
{
	char word[WORD_MAX];
	enum err err = OK;

	*settings = (struct redis_settings){
		.address = {.host = "127.0.0.1", .port = REDIS_PORT},
		.connect_timeout_s = TIMEOUT_DEFAULT_S,
		.verify = true,
	};
	problem[0] = '\0';
	while (err == OK && *(text += strspn(text, " \t")) != '\0') {
		err = word_take(&text, word);
		if (err != OK)
			snprintf(problem, 256, "a quote is not closed, or a word is too long");
		else
			err = word_read(word, settings, problem);
	}
	bytes_wipe(word, sizeof word);
	return err != OK ? err : settings_check(settings, problem);
}

/* Takes name=value off the text, without the quotes. */
static enum err word_take(const char **text, char word[WORD_MAX])
{
	size_t name_len = strcspn(*text, "= \t"), value_len = 0;
	bool has_value = (*text)[name_len] == '=';
	bool is_quoted = has_value && (*text)[name_len + 1] == '"';
	const char *value = *text + (name_len += has_value) + is_quoted;

	if (has_value)
		value_len = strcspn(value, is_quoted ? "\"" : " \t");
	if (name_len + value_len >= WORD_MAX || (is_quoted && value[value_len] != '"'))
		return ERR_INVALID;
	memcpy(word, *text, name_len);
	memcpy(word + name_len, value, value_len);
	word[name_len + value_len] = '\0';
	*text = value + value_len + is_quoted;
	return OK;
}

static enum err word_read(const char *word, struct redis_settings *settings, char problem[256])
{
	size_t len = strcspn(word, "=");

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strlen(names[i].name) != len || strncmp(names[i].name, word, len) != 0)
			continue;
		if (word[len] == '=' && value_read(&names[i], word + len + 1, settings) == OK)
			return OK;
		snprintf(problem, 256, "%s: the value is missing, or cannot be one", names[i].name);
		return ERR_INVALID;
	}
	/* What stands before the equals sign may be a part of a password with a space in it. */
	snprintf(problem, 256,
	         "there is a word that it does not know: write name=value, and values with spaces "
	         "between \"quotes\"");
	return ERR_INVALID;
}

static enum err value_read(const struct name *name, const char *value,
                           struct redis_settings *settings)
{
	static const char *const yes[] = {"1", "true", "on", "yes", NULL};
	static const char *const no[] = {"none", "0", "false", "off", "no", NULL};

	switch (name->kind) {
	case TEXT:
		return text_copy((char *)settings + name->offset, REDIS_TEXT_MAX + 1, value);
	case HOST:
		return text_copy(settings->address.host, sizeof settings->address.host, value);
	case PORT:
		return number_read(value, 1, UINT16_MAX, &settings->address.port);
	case DATABASE:
		return number_read(value, 0, DATABASE_MAX, &settings->database);
	case TIMEOUT:
		return number_read(value, 1, TIMEOUT_MAX_S, &settings->connect_timeout_s);
	case FLAG:
		*(bool *)((char *)settings + name->offset) = is_one_of(value, yes);
		return is_one_of(value, yes) || is_one_of(value, no) ? OK : ERR_INVALID;
	case VERIFY: /* as in coturn: whatever does not say no */
		settings->verify = !is_one_of(value, no);
		return OK;
	case SENTINELS:
		return sentinels_read(value, settings);
	}
	return ERR_INVALID;
}

static enum err number_read(const char *text, unsigned low, unsigned high, unsigned *number)
{
	unsigned long value;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return ERR_INVALID;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno != 0 || *end != '\0' || value < low || value > high)
		return ERR_INVALID;
	*number = (unsigned)value;
	return OK;
}

/* host:port,host:port */
static enum err sentinels_read(const char *text, struct redis_settings *settings)
{
	settings->sentinel_count = 0;
	for (;;) {
		size_t len = strcspn(text, ",");

		if (settings->sentinel_count == REDIS_SENTINELS_MAX)
			return ERR_FULL;
		if (address_read(text, len, &settings->sentinels[settings->sentinel_count]) != OK)
			return ERR_INVALID;
		settings->sentinel_count++;
		if (text[len] == '\0')
			return OK;
		text += len + 1;
	}
}

/* host, host:port, or [IPv6]:port. */
static enum err address_read(const char *text, size_t len, struct redis_address *address)
{
	bool has_brackets = text[0] == '[';
	const char *end = memchr(text, has_brackets ? ']' : ':', len);
	char port[8];

	address->port = REDIS_SENTINEL_PORT;
	if (end == NULL && has_brackets)
		return ERR_INVALID;
	if (end == NULL)
		end = text + len;
	size_t host_len = (size_t)(end - text) - has_brackets;
	const char *rest = end + has_brackets;
	if (host_len == 0 || host_len >= sizeof address->host)
		return ERR_INVALID;
	memcpy(address->host, text + has_brackets, host_len);
	address->host[host_len] = '\0';
	if (rest == text + len)
		return OK;
	size_t port_len = (size_t)(text + len - rest) - 1;
	if (*rest != ':' || port_len >= sizeof port)
		return ERR_INVALID;
	memcpy(port, rest + 1, port_len);
	port[port_len] = '\0';
	return number_read(port, 1, UINT16_MAX, &address->port);
}

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(text, *words) == 0)
			return true;
	return false;
}

static enum err settings_check(const struct redis_settings *settings, char problem[256])
{
	const char *words = NULL;

	if (settings->address.host[0] == '\0')
		words = "host is empty";
	else if (settings->sentinel_count > 0 && settings->master[0] == '\0')
		words = "sentinel needs master, the name by which the sentinels know it";
	else if (settings->sentinel_count == 0 && settings->master[0] != '\0')
		words = "master needs sentinel, where to ask for it";
	else if (settings->user[0] != '\0' && settings->password[0] == '\0')
		words = "user needs password";
	else if ((settings->cert_file[0] == '\0') != (settings->key_file[0] == '\0'))
		words = "cert and key belong together";
	if (words == NULL)
		return OK;
	snprintf(problem, 256, "%s", words);
	return ERR_INVALID;
}
