/* Nodes that are lost, and what a cluster keeps of their sessions: as Redis does, by the rules of cluster_sessions.c. */
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "signaling/post.h"

static struct kept_session *find(struct host *host, const char *id)
{
	for (unsigned i = 0; i < host->session_count; i++)
		if (strcmp(host->sessions[i].id, id) == 0)
			return &host->sessions[i];
	return NULL;
}

static struct kept_session *find_or_make(struct host *host, const char *id)
{
	struct kept_session *kept = find(host, id);

	if (kept != NULL)
		return kept;
	if (host->session_count == CLIENTS_MAX)
		abort();
	kept = &host->sessions[host->session_count++];
	*kept = (struct kept_session){.tenure = 0};
	memcpy(kept->id, id, sizeof kept->id);
	return kept;
}

void host_forget_kept(struct host *host)
{
	while (host->session_count > 0)
		free(host->sessions[--host->session_count].text);
}

static void put(struct kept_session *kept, struct hub_place place, const struct post *snapshot)
{
	struct text text;

	text_init(&text, 0);
	post_write(snapshot, &text);
	free(kept->text);
	kept->text = strndup(text.at, text.len);
	kept->place = place;
	kept->tenure = snapshot->tenure;
	text_deinit(&text);
}

static void end(struct host *host, struct hub_place place, const struct hub_action *action)
{
	struct kept_session *kept = find(host, action->session_id);

	if (kept == NULL || action->is_moved || kept->place.node != place.node)
		return;
	free(kept->text);
	*kept = host->sessions[--host->session_count];
}

static bool is_of_another(const struct kept_session *kept, struct hub_place place, uint32_t tenure)
{
	return kept->tenure > tenure ||
	       (kept->tenure == tenure && kept->place.node != 0 && kept->place.node != place.node);
}

void host_keep_session(struct host *host, struct hub_place place, const struct hub_action *action)
{
	struct post *post = action->post;
	struct kept_session *kept;

	if (post == NULL && place.node != host->cut_off)
		end(host, place, action);
	if (post == NULL)
		return;
	if (place.node != host->cut_off) {
		kept = find_or_make(host, action->session_id);
		if (is_of_another(kept, place, post->tenure))
			hub_session_taken(host_hub(host, place.node, place.worker), kept->id,
			                  kept->tenure, &kept->place, host->now);
		else
			put(kept, place, post);
	}
	post_destroy(post);
}

static bool is_for(const struct hub_action *action, const struct post *snapshot)
{
	return action->session != NULL &&
	       snapshot->subject.dialect == session_dialect(action->session) &&
	       post_may_be_of(snapshot, session_identity(action->session)) &&
	       (action->address == NULL || strcmp(snapshot->address, action->address) == 0);
}

static struct post *take(const struct host *host, struct kept_session *kept, struct hub_place asker,
                         const struct hub_action *action)
{
	struct post *post;

	if (post_read(slice_of(kept->text), host->settings.dialects, host->settings.dialect_count,
	              &post) != OK)
		abort();
	if (!is_for(action, post)) {
		post_destroy(post);
		return NULL;
	}
	kept->place = asker;
	kept->tenure++;
	free(kept->text);
	kept->text = NULL;
	return post;
}

void host_find_session(struct host *host, struct hub *hub, struct hub_place asker,
                       const struct hub_action *action)
{
	bool is_away = host->has_no_registry || asker.node == host->cut_off;
	struct kept_session *kept = is_away ? NULL : find(host, action->session_id);
	bool is_there = kept != NULL && host_hub(host, kept->place.node, 0) != NULL &&
	                !host->is_lost[kept->place.node];
	struct hub_place place = is_there ? kept->place : (struct hub_place){0};
	struct post *post = NULL;

	if (kept != NULL && !is_there && kept->text != NULL)
		post = take(host, kept, asker, action);
	hub_session_found(hub, action->cookie, is_there ? &place : NULL, post, host->now);
}

/* Nodes. */

/* Whether a node takes another for lost. */
static bool has_heard(const struct host *host, uint32_t node, uint32_t other)
{
	return node != host->cut_off && other <= HUBS_MAX && host->is_lost[other];
}

/* As the cluster's links do: whoever asks for a session of a node that is known to be lost hears so. */
static void refuse_resume(struct host *host, const struct post *ask)
{
	struct post draft = {.kind = POST_SNAPSHOT,
	                     .to = ask->subject.id,
	                     .error = SIGNALING_NO_SESSION,
	                     .is_soft = true};

	if (ask->kind == POST_RESUME)
		hub_post_input(host_hub(host, ask->sender.node, ask->sender.worker),
		               post_create(&draft), host->now);
}

void host_lose_post(struct host *host, struct post *post, uint32_t to)
{
	if (has_heard(host, post->from.node, to))
		refuse_resume(host, post);
	post_destroy(post);
}

/* Its hubs are gone without a word. */
void host_kill(struct host *host, unsigned node)
{
	unsigned workers = host->settings.workers;

	for (unsigned i = 0; i < host->client_count; i++)
		for (unsigned worker = 0; worker < workers; worker++)
			if (host->clients[i]->hub == host_hub(host, node, worker))
				host->clients[i]->session = NULL;
	for (unsigned i = (node - 1) * workers; i < node * workers; i++) {
		hub_destroy(host->hubs[i]);
		host->hubs[i] = NULL;
	}
}

static void tell_lost(struct host *host, unsigned node)
{
	host->is_lost[node] = true;
	for (unsigned i = 0; i < host->room_count; i++)
		if (host->rooms[i].place.node == node)
			host->rooms[i--] = host->rooms[--host->room_count];
	for (unsigned i = 0; i < host->hub_count; i++)
		if (host->hubs[i] != NULL && host_place_at(host, i).node != node)
			hub_node_lost(host->hubs[i], node, host->now);
	host_run(host);
}

void host_lose(struct host *host, unsigned node)
{
	host_kill(host, node);
	tell_lost(host, node);
}

/* The others take it for lost; it hears nothing. */
void host_cut_off(struct host *host, unsigned node)
{
	host->cut_off = node;
	tell_lost(host, node);
}

static void begin_links(struct host *host, struct hub *hub, unsigned own)
{
	for (unsigned other = 1; other <= host->nodes; other++)
		if (other != own)
			hub_node_lost(hub, other, host->now);
	hub_keep_sessions(hub, NULL, host->now);
}

/* Both ends do as if the other had been lost. */
void host_mend(struct host *host)
{
	unsigned node = host->cut_off;

	host->cut_off = 0;
	host->is_lost[node] = false;
	for (unsigned i = 0; i < host->hub_count; i++)
		if (host->hubs[i] != NULL && host_place_at(host, i).node == node)
			begin_links(host, host->hubs[i], node);
		else if (host->hubs[i] != NULL)
			hub_node_lost(host->hubs[i], node, host->now);
	host_run(host);
}
