/* What is said before, and who clients are: set, option, identity, credentials. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/report.h"
#include "play.h"

static const struct {
	const char *name;
	size_t offset, size;
} settings[] = {
#define SETTING(name, member)                                      \
	{                                                          \
		name, offsetof(struct hub_settings, member),       \
			sizeof(((struct hub_settings *)0)->member) \
	}
	SETTING("workers", workers),
	SETTING("queue-bytes", queue_bytes_max),
	SETTING("replay-bytes", replay_bytes_max),
	SETTING("sessions", sessions_max),
	SETTING("rooms", rooms_max),
	SETTING("room-capacity", room_capacity),
	SETTING("legacy-room-size", has_legacy_room_size),
};

static void put_number(void *at, size_t size, unsigned long long number)
{
	if (size == 1)
		*(bool *)at = number != 0;
	else if (size == 2)
		*(uint16_t *)at = (uint16_t)number;
	else if (size == 4)
		*(uint32_t *)at = (uint32_t)number;
	else
		*(size_t *)at = (size_t)number;
}

void play_set(struct play *play, char *rest)
{
	const char *name = take_word(&rest), *value = take_word(&rest);
	struct host *host = &play->host;
	unsigned long long number = strtoull(value, NULL, 10);

	if (host->hub_count > 0 && strcmp(name, "relay-only") != 0)
		fault(play, "settings come before the first client");
	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
		if (strcmp(settings[i].name, name) == 0) {
			put_number((char *)&host->settings + settings[i].offset, settings[i].size,
			           number);
			return;
		}
	if (strcmp(name, "nodes") == 0)
		host->nodes = (unsigned)number;
	else if (strcmp(name, "relay-only") == 0)
		snprintf(host->relay_tenant, sizeof host->relay_tenant, "%s", value);
	else if (strcmp(name, "tenant-sessions") == 0)
		host->tenant_sessions_max = (uint32_t)number;
	else if (strcmp(name, "tenant-rooms") == 0)
		host->tenant_rooms_max = (uint32_t)number;
	else if (strcmp(name, "tenant-capacity") == 0)
		host->tenant_room_capacity = (uint32_t)number;
	else
		fault(play, "there is no such setting");
}

/* A line of a configuration file. */
void play_option(struct play *play, char *rest)
{
	struct config_report report = {0};

	if (config_read_bytes(play->host.config, "conversation", rest, strlen(rest), &report) != OK)
		fault(play, "the configuration does not take it");
	config_report_deinit(&report);
}

static unsigned permissions_of(struct play *play, const char *list)
{
	static const struct {
		const char *name;
		unsigned permission;
	} names[] = {
		{"join", MAY_JOIN},         {"create", MAY_CREATE},
		{"send", MAY_SEND},         {"chat", MAY_CHAT},
		{"moderate", MAY_MODERATE}, {"change", MAY_CHANGE_ROOM},
		{"close", MAY_CLOSE_ROOM},  {"list", MAY_LIST},
		{"hide", MAY_HIDE},         {"participate", MAY_ALL_OF_A_PARTICIPANT},
		{"all", MAY_ALL},           {"none", 0},
	};
	unsigned permissions = 0;

	while (*list != '\0') {
		struct slice word = {list, strcspn(list, ",")};
		size_t i = 0;
		while (i < sizeof names / sizeof names[0] && !slice_is(word, names[i].name))
			i++;
		if (i == sizeof names / sizeof names[0]) {
			fault(play, "there is no such permission");
			return 0;
		}
		permissions |= names[i].permission;
		list += word.len + (list[word.len] == ',');
	}
	return permissions;
}

static struct scripted *identity_of(struct host *host, const char *proof)
{
	struct scripted *made;

	for (unsigned i = 0; i < host->identity_count; i++)
		if (strcmp(host->identities[i].proof, proof) == 0)
			return &host->identities[i];
	if (host->identity_count == IDENTITIES_MAX)
		abort();
	made = &host->identities[host->identity_count++];
	snprintf(made->proof, sizeof made->proof, "%s", proof);
	snprintf(made->identity.tenant, sizeof made->identity.tenant, TENANT_DEFAULT);
	snprintf(made->identity.user, sizeof made->identity.user, "%s", proof);
	made->identity.permissions = MAY_ALL_OF_A_PARTICIPANT;
	made->identity.is_authenticated = true;
	return made;
}

static void identity_word(struct play *play, struct scripted *scripted, const char *word)
{
	struct identity *identity = &scripted->identity;
	const char *value;

	if (value_of(word, "user", &value))
		snprintf(identity->user, sizeof identity->user, "%s", value);
	else if (value_of(word, "tenant", &value))
		snprintf(identity->tenant, sizeof identity->tenant, "%s", value);
	else if (value_of(word, "room", &value))
		snprintf(identity->room, sizeof identity->room, "%s", value);
	else if (value_of(word, "may", &value))
		identity->permissions = permissions_of(play, value);
	else if (value_of(word, "expires", &value))
		identity->expires_ms = host_wall_ms(&play->host) + strtoull(value, NULL, 10) * 1000;
	else if (value_of(word, "error", &value))
		scripted->error =
			strcmp(value, "EXPIRED") == 0 ? SIGNALING_EXPIRED : SIGNALING_UNAVAILABLE;
	else
		fault(play, "%s?", word);
}

void play_identity(struct play *play, char *rest)
{
	struct scripted *scripted = identity_of(&play->host, take_word(&rest));

	while (play->fault[0] == '\0' && *rest != '\0')
		identity_word(play, scripted, take_word(&rest));
}

void play_credentials(struct play *play, char *rest)
{
	struct host *host = &play->host;
	const char *word = take_word(&rest);

	if (strcmp(word, "hold") == 0)
		host->holds_credentials = true;
	else if (strcmp(word, "none") == 0)
		host->has_credentials = false;
	else if (strcmp(word, "come") == 0 || strcmp(word, "fail") == 0) {
		if (!host_answer_credentials(host, strcmp(word, "come") == 0))
			fault(play, "nobody waits for credentials");
	} else if (strcmp(word, "renew") == 0) {
		for (unsigned i = 0; i < host->hub_count; i++)
			if (host->hubs[i] != NULL)
				hub_renew_credentials(host->hubs[i], NULL, NULL, host->now);
		host_run(host);
	} else {
		host->has_credentials = true;
		snprintf(host->username, sizeof host->username, "%s", word);
		if (*rest != '\0')
			host->ttl_s = (uint32_t)strtoul(take_word(&rest), NULL, 10);
	}
}
