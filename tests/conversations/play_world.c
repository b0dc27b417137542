/* Time, drains, losses, and what the host is told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play.h"

void play_wait(struct play *play, char *rest)
{
	char *end;
	unsigned long long number = strtoull(rest, &end, 10);

	host_wait(&play->host, strcmp(end, "ms") == 0 ? number : number * 1000);
}

void play_lose(struct play *play, char *rest)
{
	host_lose(&play->host, (unsigned)strtoul(rest, NULL, 10));
}

void play_kill(struct play *play, char *rest)
{
	host_kill(&play->host, (unsigned)strtoul(rest, NULL, 10));
}

void play_cut_off(struct play *play, char *rest)
{
	host_cut_off(&play->host, (unsigned)strtoul(rest, NULL, 10));
}

void play_mend(struct play *play, char *rest)
{
	(void)rest;
	host_mend(&play->host);
}

/* How many sessions are kept; or all of it is lost. */
void play_kept(struct play *play, char *rest)
{
	if (strcmp(rest, "lost") == 0)
		host_forget_kept(&play->host);
	else if (strtoul(rest, NULL, 10) != play->host.session_count)
		fault(play, "%u are kept", play->host.session_count);
}

void play_registry(struct play *play, char *rest)
{
	struct host *host = &play->host;

	const char *value;

	if (value_of(rest, "gives", &value))
		host->gives = place_of(value);
	else if (strcmp(rest, "empty") == 0)
		host_forget_rooms(host);
	else if (strcmp(rest, "slow") == 0)
		host->holds_recalls = true;
	else if (strcmp(rest, "answers") == 0)
		host_let_recalls_go(host);
	else
		host->has_no_registry = strcmp(rest, "away") == 0;
}

void play_posts(struct play *play, char *rest)
{
	struct host *host = &play->host;

	if (strcmp(take_word(&rest), "go") == 0) {
		host_let_posts_go(host);
		return;
	}
	host->holds_posts = true;
	host->held_from = place_of(take_word(&rest));
	host->held_to = place_of(take_word(&rest));
}

void play_drain(struct play *play, char *rest)
{
	struct host *host = &play->host;
	timestamp deadline = host->now + strtoull(rest, NULL, 10) * 1000;

	for (unsigned i = 0; i < host->hub_count; i++)
		if (host->hubs[i] != NULL)
			hub_drain(host->hubs[i], deadline, host->now);
	host_run(host);
}

/* The oldest of its kind. */
void play_note(struct play *play, char *rest)
{
	struct host *host = &play->host;
	const char *kind = take_word(&rest);

	for (unsigned i = 0; i < host->note_count; i++) {
		if (strcmp(host->notes[i].kind, kind) != 0)
			continue;
		char *json = host->notes[i].json;
		if (strcmp(rest, "nothing") == 0)
			fault(play, "there is %s", json);
		else
			expect_json(play, rest, slice_of(json));
		memmove(&host->notes[i], &host->notes[i + 1],
		        (--host->note_count - i) * sizeof *host->notes);
		free(json);
		return;
	}
	if (strcmp(rest, "nothing") != 0)
		fault(play, "the host was told nothing of it");
}
