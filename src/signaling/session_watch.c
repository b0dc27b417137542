/* Sessions that looked each other up: each hears when the other goes, whatever rooms they are in. */
#include <stdlib.h>
#include <string.h>

#include "signaling/hub_private.h"
#include "signaling/relay_only.h"

enum { WATCHERS_MAX = 256 };

static void found_nobody(struct session *session, const struct reference *reference)
{
	struct post draft = {.kind = POST_EVENT, .event = EVENT_FOUND, .to = session->id};

	post_refer(&draft, reference);
	hub_post_draft(session->hub, session->hub->settings.place, &draft);
}

void session_look_up(struct session *session, const char *attestation_or_id,
                     const struct reference *reference)
{
	struct hub *hub = session->hub;
	struct post draft = {.kind = POST_LOOK_UP,
	                     .tenant = session_identity(session)->tenant,
	                     .sender = hub->settings.place};
	struct hub_place place;
	char id[SESSION_ID_SIZE];
	bool is_id = strlen(attestation_or_id) == SESSION_ID_SIZE - 1;

	if (is_id)
		memcpy(id, attestation_or_id, sizeof id);
	else if (seal_open_attestation(hub->seal, attestation_or_id, hub->wall_ms, id) != OK) {
		session_refuse(session, SIGNALING_BAD_ATTESTATION, "", reference);
		return;
	}
	if (seal_open_id(hub->seal, id, &place) != OK || !hub_is_reachable(hub, place)) {
		found_nobody(session, reference);
		return;
	}
	draft.to = id;
	draft.subject = session_participant(session, false);
	post_refer(&draft, reference);
	hub_post_draft(hub, place, &draft);
}

/* As its room tells it to its own: nothing with a candidate hidden in it where relayed ones alone pass. */
bool session_may_show(const struct session *session)
{
	bool is_relay_only =
		session->view != NULL
			? session->view->info.is_relay_only
			: tenant_is_relay_only(session->hub, session_identity(session)->tenant);

	return !is_relay_only ||
	       !relay_only_hides((struct slice){session->attributes, session->attributes_len});
}

void watch_handle_look_up(struct hub *hub, const struct post *post)
{
	struct session *session = hub_find_session(hub, post->to);
	struct participant person;
	struct post draft = {.kind = POST_EVENT,
	                     .event = EVENT_FOUND,
	                     .to = post->subject.id,
	                     .has_reference = post->has_reference,
	                     .reference_number = post->reference_number,
	                     .reference_text = post->reference_text};

	if (session == NULL && moved_pass_on(hub, post))
		return;
	if (session != NULL && !session->is_doomed &&
	    strcmp(session_identity(session)->tenant, post->tenant) == 0) {
		person = session_participant(session, session_may_show(session));
		draft.participants = &person;
		draft.participant_count = 1;
		watch_add(session, post->subject.id);
	}
	hub_post_draft(hub, post->sender, &draft);
}

void watch_add(struct session *session, const char *id)
{
	struct watcher *watcher;
	unsigned count = 0;

	if (strlen(id) >= SESSION_ID_SIZE || strcmp(id, session->id) == 0)
		return;
	for (watcher = session->watchers; watcher != NULL; watcher = watcher->next)
		if (strcmp(watcher->id, id) == 0 || ++count == WATCHERS_MAX)
			return;
	watcher = calloc(1, sizeof *watcher);
	if (watcher == NULL)
		return;
	memcpy(watcher->id, id, strlen(id) + 1);
	watcher->next = session->watchers;
	session->watchers = watcher;
	session_changed(session);
}

void watch_tell(struct session *session)
{
	struct hub *hub = session->hub;
	struct post draft = {.kind = POST_EVENT, .event = EVENT_LEFT, .is_unicast = true};
	struct hub_place place;

	draft.subject = session_participant(session, false);
	for (struct watcher *watcher = session->watchers; watcher != NULL;
	     watcher = watcher->next) {
		draft.to = watcher->id;
		if (seal_open_id(hub->seal, watcher->id, &place) == OK &&
		    hub_is_reachable(hub, place))
			hub_post_draft(hub, place, &draft);
	}
}
