/* Rules of the channelling dialect, as the configuration has them. */
#include "signaling/channelling_rules.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/hmac.h>

#include "base/bytes.h"
#include "signaling/channelling.h"

struct room_type {
	regex_t names;
	bool is_compiled;
	const char *type; /* owner: text */
	char *text;       /* owned */
};

struct channelling_rules {
	char *default_room; /* owned; NULL: there is none */
	bool is_case_sensitive;
	struct room_type *types; /* owned; the first that fits counts */
	size_t type_count;
	uint8_t (*keys)[RULES_KEY_SIZE]; /* owned; wiped */
	size_t key_count;
};

/* "EXPRESSION=TYPE", as the configuration has checked it. */
static enum err read_type(struct room_type *type, const char *line)
{
	char *equals;

	type->text = strdup(line);
	if (type->text == NULL)
		return ERR_NO_MEMORY;
	equals = strrchr(type->text, '=');
	if (equals == NULL)
		return ERR_INVALID;
	*equals = '\0';
	/* What clients of the protocol call "Room" is the type that others have no name for. */
	type->type = strcmp(equals + 1, "Room") == 0 ? "" : equals + 1;
	if (regcomp(&type->names, type->text, REG_EXTENDED | REG_NOSUB) != 0)
		return ERR_INVALID;
	type->is_compiled = true;
	return OK;
}

static enum err read_types(struct channelling_rules *rules, const struct text_list *lines)
{
	rules->types = calloc(lines->count + 1, sizeof *rules->types);
	if (rules->types == NULL)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < lines->count; i++) {
		enum err err = read_type(&rules->types[rules->type_count++], lines->item[i]);
		if (err != OK)
			return err;
	}
	return OK;
}

/* It is a name like any other, and found whatever its case where all are. */
static enum err read_default_room(struct channelling_rules *rules, const char *name)
{
	struct text text;

	if (name == NULL || name[0] == '\0')
		return OK;
	text_init(&text, 0);
	text_put(&text, slice_of(name));
	if (!rules->is_case_sensitive)
		text_lower_case(&text);
	text_put_char(&text, '\0');
	if (!text.has_failed)
		rules->default_room = strdup(text.at);
	text_deinit(&text);
	return rules->default_room == NULL ? ERR_NO_MEMORY : OK;
}

/* What users are vouched for with vouches for their contacts: these outlive the server, and are the same on all nodes. */
static enum err make_keys(struct channelling_rules *rules, const struct text_list *secrets)
{
	static const char use[] = "channelling contacts";
	unsigned len = RULES_KEY_SIZE;

	rules->keys = calloc(secrets->count + 1, sizeof *rules->keys);
	if (rules->keys == NULL)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < secrets->count; i++)
		if (HMAC(EVP_sha256(), secrets->item[i], (int)strlen(secrets->item[i]),
		         (const uint8_t *)use, sizeof use - 1, rules->keys[rules->key_count++],
		         &len) == NULL)
			return ERR_NO_MEMORY;
	return OK;
}

enum err channelling_rules_create(const struct config *config, struct channelling_rules **rules)
{
	struct channelling_rules *made = calloc(1, sizeof *made);
	enum err err;

	if (made == NULL)
		return ERR_NO_MEMORY;
	made->is_case_sensitive = config->room_case_sensitive;
	err = read_default_room(made, config->room_default);
	if (err == OK)
		err = read_types(made, &config->room_type);
	if (err == OK)
		err = make_keys(made, &config->user_secret);
	if (err != OK) {
		channelling_rules_destroy(made);
		return err;
	}
	*rules = made;
	return OK;
}

void channelling_rules_destroy(struct channelling_rules *rules)
{
	if (rules == NULL)
		return;
	for (size_t i = 0; i < rules->type_count; i++) {
		if (rules->types[i].is_compiled)
			regfree(&rules->types[i].names);
		free(rules->types[i].text);
	}
	free(rules->types);
	if (rules->keys != NULL)
		bytes_wipe(rules->keys, rules->key_count * sizeof *rules->keys);
	free(rules->keys);
	free(rules->default_room);
	free(rules);
}

void rules_name_room(const struct channelling_rules *rules, struct text *name)
{
	if (rules == NULL || !rules->is_case_sensitive)
		text_lower_case(name);
	if (name->len == 0 && rules != NULL && rules->default_room != NULL)
		text_put(name, slice_of(rules->default_room));
}

const char *rules_shown_name(const struct channelling_rules *rules, const char *name)
{
	bool is_default = rules != NULL && rules->default_room != NULL &&
	                  strcmp(rules->default_room, name) == 0;

	return is_default ? "" : name;
}

/* Longer ones are no names of rooms: they are refused in any case. */
const char *rules_room_type(const struct channelling_rules *rules, const struct text *name)
{
	char text[ROOM_NAME_MAX + 1] = "";

	if (rules == NULL || name->len >= sizeof text)
		return "";
	if (name->len > 0)
		memcpy(text, name->at, name->len);
	for (size_t i = 0; i < rules->type_count; i++)
		if (regexec(&rules->types[i].names, text, 0, NULL, 0) == 0)
			return rules->types[i].type;
	return "";
}

const uint8_t *rules_contact_key(const struct channelling_rules *rules, size_t index)
{
	return rules == NULL || index >= rules->key_count ? NULL : rules->keys[index];
}
