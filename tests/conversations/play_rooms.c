/* Requests to rooms from outside: hub_request. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play.h"

static void answered(void *context, enum signaling_error error, struct slice json)
{
	struct play *play = context;

	free(play->answer);
	play->answer = json.len == 0 ? strdup("") : strndup(json.at, json.len);
	play->error = error;
	play->is_answered = true;
}

static bool change_word(struct room_request *request, const char *word, const char **value)
{
	struct room_change *change = &request->change;

	if (value_of(word, "pin", value)) {
		change->sets_pin = true;
		change->pin = slice_of(*value);
	} else if (value_of(word, "lock", value)) {
		change->sets_lock = true;
		change->is_locked = strcmp(*value, "yes") == 0;
	} else if (value_of(word, "relay", value)) {
		change->sets_relay_only = true;
		change->is_relay_only = strcmp(*value, "yes") == 0;
	} else if (value_of(word, "capacity", value)) {
		change->sets_capacity = true;
		change->capacity = (uint32_t)strtoul(*value, NULL, 10);
	} else {
		return false;
	}
	return true;
}

static void request_word(struct play *play, struct room_request *request, const char *word)
{
	const char *value;

	if (change_word(request, word, &value))
		return;
	if (value_of(word, "type", &value))
		request->type = value;
	else if (value_of(word, "tenant", &value))
		request->tenant = value;
	else if (value_of(word, "who", &value))
		request->participant = value;
	else if (value_of(word, "what", &value))
		request->what = value;
	else if (value_of(word, "reason", &value))
		request->reason = value;
	else if (value_of(word, "expires", &value))
		request->expires_s = (uint32_t)strtoul(value, NULL, 10);
	else if (value_of(word, "kicked", &value))
		request->kicked = slice_of(value);
	else if (value_of(word, "owner", &value))
		request->is_owner_only = strcmp(value, "only") == 0;
	else if (value_of(word, "as", &value) && host_proof(&play->host, value) != NULL)
		request->identity = &host_proof(&play->host, value)->identity;
	else
		fault(play, "%s?", word);
}

void play_request(struct play *play, char *rest)
{
	static const char *const kinds[] = {"list", "show", "create", "change",
	                                    "kick", "mute", "close",  "counts"};
	struct room_request request = {.tenant = NULL};
	const char *kind = take_word(&rest);
	bool is_of_room;

	if (!host_start(&play->host))
		fault(play, "these are more hubs than there may be");
	while (request.kind < sizeof kinds / sizeof kinds[0] &&
	       strcmp(kinds[request.kind], kind) != 0)
		request.kind++;
	is_of_room = request.kind != ROOM_REQUEST_LIST && request.kind != ROOM_REQUEST_COUNTS;
	request.name = is_of_room ? take_word(&rest) : NULL;
	while (*rest != '\0' && play->fault[0] == '\0')
		request_word(play, &request, take_word(&rest));
	play->is_answered = false;
	if (play->fault[0] == '\0')
		hub_request(host_hub(&play->host, 1, 0), &request, answered, play, play->host.now);
	host_run(&play->host);
}

void play_request_answer(struct play *play, char *rest)
{
	const char *error = take_word(&rest);

	if (!play->is_answered)
		fault(play, "there is no answer");
	else if (strcmp(host_error_name(play->error), error) != 0)
		fault(play, "it is %s %s", host_error_name(play->error), play->answer);
	else if (*rest != '\0')
		expect_json(play, rest, slice_of(play->answer));
}
