/* The host of a conversation. */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plain.h"
#include "signaling/channelling_images.h"
#include "signaling/channelling_rules.h"
#include "signaling/post.h"
#include "signaling/tenant_counts.h"
#include "signaling/turn_source.h"

#define DIALECT(name) extern const struct dialect dialect_##name;
#include "dialects.def"

static const struct dialect *const dialects[] = {
#define DIALECT(name) &dialect_##name,
#include "dialects.def"
};
enum { DIALECT_COUNT = sizeof dialects / sizeof dialects[0] };

static bool is_relay_only(void *context, const char *tenant)
{
	return strcmp(((const struct host *)context)->relay_tenant, tenant) == 0;
}

static struct tenant_limits tenant_limits(void *context, const char *tenant)
{
	const struct host *host = context;

	(void)tenant;
	return (struct tenant_limits){.sessions_max = host->tenant_sessions_max,
	                              .rooms_max = host->tenant_rooms_max,
	                              .room_capacity = host->tenant_room_capacity};
}

static void init_identities(struct host *host)
{
	struct scripted *anybody = &host->identities[host->identity_count++];

	snprintf(anybody->proof, sizeof anybody->proof, "anybody");
	snprintf(anybody->identity.tenant, sizeof anybody->identity.tenant, TENANT_DEFAULT);
	anybody->identity.permissions = MAY_ALL_OF_A_PARTICIPANT;
}

void host_init(struct host *host)
{
	*host = (struct host){.start_wall_ms = 1767225600000, .nodes = 1, .ttl_s = 600};
	host->settings = (struct hub_settings){
		.workers = 1,
		.dialects = dialects,
		.dialect_count = DIALECT_COUNT,
		.queue_bytes_max = 256 * 1024,
		.replay_bytes_max = 64 * 1024,
		.sessions_max = 1000,
		.rooms_max = 100,
		.is_relay_only = is_relay_only,
		.tenant_limits = tenant_limits,
		.context = host,
	};
	memset(host->settings.seal_key, 7, sizeof host->settings.seal_key);
	init_identities(host);
	if (buddy_images_create(BUDDY_IMAGES_BYTES, NULL, &host->settings.images) != OK ||
	    config_create(CONFIG_TURNSIGNAL, &host->config) != OK)
		abort();
	host->services.config = host->config;
	host->services.turn_source = (const struct turn_source *)host;
}

static void client_destroy(struct client *client)
{
	for (unsigned i = 0; i < client->count; i++)
		buffer_release(client->inbox[i]);
	free(client->refusal);
	free(client);
}

void host_deinit(struct host *host)
{
	for (unsigned i = 0; i < host->hub_count; i++)
		hub_destroy(host->hubs[i]);
	for (unsigned i = 0; i < host->nodes; i++)
		tenant_counts_destroy(host->counts[i]);
	for (unsigned i = 0; i < host->client_count; i++)
		client_destroy(host->clients[i]);
	for (unsigned i = 0; i < host->note_count; i++)
		free(host->notes[i].json);
	for (unsigned i = 0; i < host->held_post_count; i++)
		post_destroy(host->held_posts[i]);
	host_forget_kept(host);
	host_forget_rooms(host);
	config_destroy(host->config);
	buddy_images_destroy(host->settings.images);
	channelling_rules_destroy(host->rules);
}

bool host_start(struct host *host)
{
	unsigned workers = host->settings.workers;

	if (host->hub_count > 0)
		return true;
	if (workers == 0 || host->nodes * workers > HUBS_MAX)
		return false;
	host->settings.is_cluster = host->nodes > 1;
	if (channelling_rules_create(host->config, &host->rules) != OK)
		return false;
	host->settings.channelling = host->rules;
	for (unsigned i = 0; i < host->nodes * workers; i++) {
		struct hub_settings settings = host->settings;
		struct tenant_counts **counts = &host->counts[i / workers];
		if (*counts == NULL && tenant_counts_create(counts) != OK)
			abort();
		settings.tenants = *counts;
		settings.place = (struct hub_place){i / workers + 1, (uint16_t)(i % workers)};
		if (hub_create(&settings, host->now, host_wall_ms(host), &host->hubs[i]) != OK)
			abort();
		host->hub_count++;
	}
	return true;
}

struct hub *host_hub(struct host *host, unsigned node, unsigned worker)
{
	unsigned at = (node - 1) * host->settings.workers + worker;

	return node == 0 || worker >= host->settings.workers || at >= host->hub_count
	               ? NULL
	               : host->hubs[at];
}

uint64_t host_wall_ms(const struct host *host)
{
	return host->start_wall_ms + host->now;
}

const char *host_error_name(enum signaling_error error)
{
	static const char *const names[SIGNALING_ERRORS] = {
		[SIGNALING_OK] = "OK",
#define SIGNALING_ERROR(name, ...) [SIGNALING_##name] = #name,
#include "signaling/signaling_errors.def"
	};
	return names[error];
}

const struct scripted *host_proof(const struct host *host, const char *proof)
{
	for (unsigned i = 0; i < host->identity_count; i++)
		if (strcmp(host->identities[i].proof, proof) == 0)
			return &host->identities[i];
	return NULL;
}

/* Clients. */

struct client *host_find_client(struct host *host, const char *name)
{
	/* The last of the name: one that was closed may open again. */
	for (unsigned i = host->client_count; i-- > 0;)
		if (strcmp(host->clients[i]->name, name) == 0)
			return host->clients[i];
	return NULL;
}

static const struct dialect *dialect_of(const char *path)
{
	for (unsigned i = 0; i < DIALECT_COUNT; i++)
		for (const char *const *at = dialects[i]->paths; *at != NULL; at++)
			if (strcmp(*at, path) == 0)
				return dialects[i];
	return NULL;
}

static struct client *client_create(struct host *host, const char *name)
{
	struct client *client = calloc(1, sizeof *client);

	if (client == NULL || host->client_count == CLIENTS_MAX)
		abort();
	snprintf(client->name, sizeof client->name, "%s", name);
	host->clients[host->client_count++] = client;
	return client;
}

struct client *host_open(struct host *host, const char *name, struct http_exchange *exchange,
                         const struct identity *identity)
{
	const struct dialect *dialect = dialect_of(exchange->path);
	struct client *client;

	if (dialect == NULL)
		return NULL;
	client = client_create(host, name);
	client->hub = exchange->hub;
	client->dialect = dialect;
	if (dialect->match != NULL && !dialect->match(exchange)) {
		client->refused = exchange->is_answered ? exchange->status : 400;
		client->refusal = strdup(exchange->answer == NULL ? "" : exchange->answer);
		return client;
	}
	client->session = hub_open(exchange->hub, dialect, client, exchange->address, identity,
	                           exchange, host->now);
	if (client->session == NULL)
		client->refused = 503;
	host_run(host);
	return client;
}

void host_input(struct host *host, struct client *client, struct slice text)
{
	if (client->session != NULL)
		hub_input(client->hub, client->session, text, host->now);
	host_run(host);
}

void host_close(struct host *host, struct client *client, bool is_clean)
{
	struct session *session = client->session;
	size_t unsent = 0;

	/* What had not left the server never came. */
	for (; client->unsent > 0 && client->count > 0; client->unsent--, unsent++)
		buffer_release(client->inbox[--client->count]);
	client->session = NULL;
	if (session == NULL)
		return;
	hub_path_closed(client->hub, session, unsent, is_clean, host->now);
	host_run(host);
}

void host_drain_client(struct host *host, struct client *client)
{
	client->is_stalled = false;
	if (client->session != NULL)
		hub_path_sent(client->hub, client->session, client->unsent);
	client->unsent = 0;
	host_run(host);
}

void host_shift(struct client *client)
{
	buffer_release(client->inbox[0]);
	client->count--;
	memmove(client->inbox, client->inbox + 1, client->count * sizeof *client->inbox);
}

static void receive(struct hub *hub, const struct hub_action *action)
{
	struct client *client = action->path;

	if (client->count == INBOX_MAX)
		abort();
	client->inbox[client->count++] = action->buffer;
	if (client->is_stalled)
		client->unsent++;
	else
		hub_path_sent(hub, action->session, 1);
}

static void closed(const struct hub_action *action)
{
	struct client *client = action->path;

	client->is_closed = true;
	client->session = NULL;
	client->close_code = action->code;
	snprintf(client->close_reason, sizeof client->close_reason, "%s", action->reason);
}

/* Hubs. */

static bool is_same(struct hub_place a, struct hub_place b)
{
	return a.node == b.node && a.worker == b.worker;
}

void host_let_posts_go(struct host *host)
{
	host->holds_posts = false;
	for (unsigned i = 0; i < host->held_post_count; i++) {
		struct post *post = host->held_posts[i];
		struct hub *to = host_hub(host, post->destination.node, post->destination.worker);
		if (to != NULL)
			hub_post_input(to, post, host->now);
		else
			post_destroy(post);
	}
	host->held_post_count = 0;
	host_run(host);
}

static void post(struct host *host, const struct hub_action *action);

/* To each hub of all other nodes. */
static void post_everywhere(struct host *host, const struct hub_action *action)
{
	unsigned workers = host->settings.workers;

	for (unsigned i = 0; i < host->hub_count; i++) {
		struct hub_action one = *action;
		one.place = (struct hub_place){i / workers + 1, (uint16_t)(i % workers)};
		if (one.place.node == action->post->from.node)
			continue;
		one.post = post_create(action->post);
		if (one.post == NULL)
			abort();
		post(host, &one);
	}
	post_destroy(action->post);
}

/* Other nodes are sent text. */
static void post(struct host *host, const struct hub_action *action)
{
	struct hub *to = host_hub(host, action->place.node, action->place.worker);
	struct post *copy = action->post;
	bool is_far = action->post->from.node != action->place.node;
	struct text text;

	if (action->place.node == hub_everywhere.node) {
		post_everywhere(host, action);
		return;
	}
	bool is_cut =
		host->cut_off != 0 && is_far &&
		(action->post->from.node == host->cut_off || action->place.node == host->cut_off);
	if (to == NULL || is_cut) {
		host_lose_post(host, action->post, action->place.node);
		return;
	}
	if (host->holds_posts && is_same(action->post->from, host->held_from) &&
	    (host->held_to.node == 0 || is_same(action->place, host->held_to)) &&
	    host->held_post_count < 64) {
		host->held_posts[host->held_post_count++] = action->post;
		return;
	}
	if (is_far) {
		text_init(&text, 0);
		post_write(action->post, &text);
		if (post_read(text_slice(&text), dialects, DIALECT_COUNT, &copy) != OK)
			abort();
		text_deinit(&text);
		post_destroy(action->post);
	}
	hub_post_input(to, copy, host->now);
}

static void identify(struct host *host, struct hub *hub, const struct hub_action *action)
{
	const struct scripted *found = host_proof(host, action->claim->proof);
	bool is_good = found != NULL && found->error == SIGNALING_OK;

	hub_identified(hub, action->cookie, is_good ? &found->identity : NULL,
	               found == NULL ? SIGNALING_BAD_PROOF : found->error, host->now);
}

static const struct turn_credentials *make_credentials(struct host *host)
{
	struct turn_credentials *credentials = &host->credentials;

	if (!host->has_credentials)
		return NULL;
	snprintf(host->issued_name, sizeof host->issued_name, "%s-%u", host->username,
	         ++host->issued);
	*credentials = (struct turn_credentials){
		.username = host->issued_name,
		.password = "secret",
		.ttl_s = host->ttl_s,
		.zones = {{.id = "",
	                   .label = "",
	                   .uris = {"turn:turn.example.com:3478?transport=udp",
	                            "turns:turn.example.com:5349?transport=tcp"},
	                   .uri_count = 2}},
		.zone_count = 1,
		.geo_uri = "",
		.stun_uris = {"stun:turn.example.com:3478"},
		.stun_uri_count = 1,
	};
	return credentials;
}

/* What REST asks: the same as sessions get. */
enum err turn_source_issue(const struct turn_source *source, const struct identity *identity,
                           const char *session_id, const char *client_address, uint64_t wall_ms,
                           struct turn_credentials_room *room)
{
	struct host *host = (struct host *)source;
	const struct turn_credentials *credentials = make_credentials(host);

	(void)identity;
	(void)session_id;
	(void)client_address;
	(void)wall_ms;
	if (credentials == NULL)
		return ERR_UNAVAILABLE;
	room->credentials = *credentials;
	snprintf(room->text, sizeof room->text, "%s", host->issued_name);
	room->credentials.username = room->text;
	return OK;
}

static void give_credentials(struct host *host, struct hub *hub, uint64_t cookie)
{
	if (!host->holds_credentials) {
		hub_credentials(hub, cookie, make_credentials(host), host->now);
		return;
	}
	host->held_hubs[host->held_count] = hub;
	host->held_cookies[host->held_count++ % 64] = cookie;
}

bool host_answer_credentials(struct host *host, bool has_some)
{
	if (host->held_count == 0)
		return false;
	struct hub *hub = host->held_hubs[0];
	uint64_t cookie = host->held_cookies[0];
	host->held_count--;
	memmove(host->held_hubs, host->held_hubs + 1, host->held_count * sizeof *host->held_hubs);
	memmove(host->held_cookies, host->held_cookies + 1,
	        host->held_count * sizeof *host->held_cookies);
	hub_credentials(hub, cookie, has_some ? make_credentials(host) : NULL, host->now);
	host_run(host);
	return true;
}

/* The registry of a cluster: who asks first has the room, unless the conversation says who. */
static struct placed_room *place_room(struct host *host, const char *key, struct hub_place asker)
{
	for (unsigned i = 0; i < host->room_count; i++)
		if (strcmp(host->rooms[i].key, key) == 0)
			return &host->rooms[i];
	if (host->room_count == ROOMS_MAX)
		abort();
	struct placed_room *room = &host->rooms[host->room_count++];
	snprintf(room->key, sizeof room->key, "%s", key);
	room->place = host->gives.node == 0 ? asker : host->gives;
	room->generation = ++host->generation;
	return room;
}

static void room_key(const struct room_info *room, char key[400])
{
	snprintf(key, 400, "%s/%s/%s", room->tenant, room->type, room->name);
}

struct hub_place host_place_at(const struct host *host, unsigned at)
{
	unsigned workers = host->settings.workers;

	return (struct hub_place){at / workers + 1, (uint16_t)(at % workers)};
}

static void find_room(struct host *host, struct hub *hub, unsigned at,
                      const struct hub_action *action)
{
	struct hub_place asker = host_place_at(host, at);
	struct placed_room *room;
	char key[400];

	if (host->has_no_registry || asker.node == host->cut_off) {
		hub_room_found(hub, action->cookie, NULL, 0, host->now);
		return;
	}
	room_key(action->room, key);
	room = place_room(host, key, asker);
	hub_room_found(hub, action->cookie, &room->place, room->generation, host->now);
}

/* What is kept of rooms. */

static struct kept_room *find_kept(struct host *host, const char *key)
{
	for (unsigned i = 0; i < host->kept_count; i++)
		if (strcmp(host->kept[i].key, key) == 0)
			return &host->kept[i];
	return NULL;
}

static void drop_kept(struct host *host, struct kept_room *kept)
{
	free(kept->kicked);
	*kept = host->kept[--host->kept_count];
}

void host_forget_rooms(struct host *host)
{
	while (host->kept_count > 0)
		drop_kept(host, &host->kept[0]);
}

static void keep_room(struct host *host, const char *key, const struct hub_action *action)
{
	struct kept_room *kept = find_kept(host, key);

	if (kept == NULL && host->kept_count == ROOMS_MAX)
		abort();
	if (kept == NULL)
		kept = &host->kept[host->kept_count++];
	else
		free(kept->kicked);
	*kept = (struct kept_room){
		.facts = {.info = *action->room, .generation = action->generation}};
	snprintf(kept->key, sizeof kept->key, "%s", key);
	snprintf(kept->owner, sizeof kept->owner, "%s", action->room->owner);
	snprintf(kept->pin, sizeof kept->pin, "%.*s", (int)action->pin.len, action->pin.at);
	kept->kicked =
		strndup(action->kicked.at == NULL ? "" : action->kicked.at, action->kicked.len);
}

/* An owner that was before says nothing any more. */
static void room_changed(struct host *host, const struct hub_action *action)
{
	struct kept_room *kept;
	char key[400];

	room_key(action->room, key);
	for (unsigned i = 0; action->is_gone && i < host->room_count; i++)
		if (strcmp(host->rooms[i].key, key) == 0)
			host->rooms[i--] = host->rooms[--host->room_count];
	kept = find_kept(host, key);
	if (kept != NULL && kept->facts.generation > action->generation)
		return;
	if (!action->is_gone)
		keep_room(host, key, action);
	else if (kept != NULL && kept->facts.generation == action->generation)
		drop_kept(host, kept);
}

static void answer_recall(struct host *host, const struct held_recall *recall)
{
	struct kept_room *kept = find_kept(host, recall->key);

	if (kept != NULL) {
		kept->facts.info.owner = kept->owner;
		kept->facts.pin = kept->pin;
		kept->facts.kicked = slice_of(kept->kicked);
	}
	hub_room_recalled(recall->hub, recall->cookie, !host->has_no_registry,
	                  kept == NULL || host->has_no_registry ? NULL : &kept->facts, host->now);
}

static void recall_room(struct host *host, struct hub *hub, const struct hub_action *action)
{
	struct held_recall recall = {.hub = hub, .cookie = action->cookie};

	room_key(action->room, recall.key);
	if (!host->holds_recalls)
		answer_recall(host, &recall);
	else if (host->recall_count < sizeof host->recalls / sizeof host->recalls[0])
		host->recalls[host->recall_count++] = recall;
	else
		abort();
}

void host_let_recalls_go(struct host *host)
{
	unsigned count = host->recall_count;

	host->holds_recalls = false;
	host->recall_count = 0;
	for (unsigned i = 0; i < count; i++)
		answer_recall(host, &host->recalls[i]);
	host_run(host);
}

void host_note(struct host *host, const char *kind, struct slice json)
{
	struct note *note;

	if (host->note_count == NOTES_MAX) { /* nobody wanted the oldest */
		free(host->notes[0].json);
		memmove(host->notes, host->notes + 1, --host->note_count * sizeof *host->notes);
	}
	note = &host->notes[host->note_count++];
	snprintf(note->kind, sizeof note->kind, "%s", kind);
	note->json = strndup(json.at, json.len);
}

static void note_room(struct host *host, const struct hub_action *action)
{
	struct text text;

	text_init(&text, 0);
	json_open(&text, '{');
	json_member_string(&text, "room", slice_of(action->room->name));
	json_member_bool(&text, "gone", action->is_gone);
	if (action->pin.len > 0)
		json_member_string(&text, "pin", action->pin);
	if (action->room->is_locked)
		json_member_bool(&text, "locked", true);
	if (action->kicked.len > 0)
		json_member_raw(&text, "kicked", action->kicked);
	json_close(&text, '}');
	host_note(host, "changed", text_slice(&text));
	text_deinit(&text);
}

static void note_fact(struct host *host, const struct hub_action *action)
{
	const struct event *event = action->event;
	struct text text;

	text_init(&text, 0);
	json_open(&text, '{');
	json_member_string(&text, "key", slice_of(event->name));
	if (event->room != NULL) {
		json_member_string(&text, "room", slice_of(event->room->name));
		json_member_integer(&text, "sequence", (int64_t)event->room->sequence);
	}
	if (event->from != NULL)
		json_member_string(&text, "from", slice_of(event->from->id));
	json_member_raw(&text, "body", event->value);
	json_close(&text, '}');
	host_note(host, "fact", text_slice(&text));
	text_deinit(&text);
}

static void note_revoked(struct host *host, const struct hub_action *action)
{
	struct text text;

	text_init(&text, 0);
	json_put_string(&text, slice_of(action->username));
	host_note(host, "revoked", text_slice(&text));
	text_deinit(&text);
}

static void carry_out(struct host *host, unsigned at, struct hub_action *action)
{
	struct hub *hub = host->hubs[at];

	switch (action->kind) {
	case HUB_SEND:
		receive(hub, action);
		break;
	case HUB_PAUSE:
	case HUB_RESUME:
		((struct client *)action->path)->is_paused = action->kind == HUB_PAUSE;
		break;
	case HUB_CLOSE:
		closed(action);
		break;
	case HUB_POST:
		post(host, action);
		break;
	case HUB_IDENTIFY:
		identify(host, hub, action);
		break;
	case HUB_CREDENTIALS:
		give_credentials(host, hub, action->cookie);
		break;
	case HUB_REVOKE:
		note_revoked(host, action);
		break;
	case HUB_FIND_ROOM:
		find_room(host, hub, at, action);
		break;
	case HUB_KEEP_SESSION:
		host_keep_session(host, host_place_at(host, at), action);
		break;
	case HUB_FIND_SESSION:
		host_find_session(host, hub, host_place_at(host, at), action);
		break;
	case HUB_RECALL_ROOM:
		recall_room(host, hub, action);
		break;
	case HUB_ROOM_CHANGED:
		room_changed(host, action);
		note_room(host, action);
		break;
	case HUB_EMIT:
		note_fact(host, action);
		break;
	}
}

void host_run(struct host *host)
{
	struct hub_action action;
	bool is_busy;

	do {
		is_busy = false;
		for (unsigned i = 0; i < host->hub_count; i++)
			while (host->hubs[i] != NULL && hub_next_action(host->hubs[i], &action)) {
				carry_out(host, i, &action);
				is_busy = true;
			}
	} while (is_busy);
}

static timestamp next_timeout(const struct host *host)
{
	timestamp next = TIMESTAMP_NEVER;

	for (unsigned i = 0; i < host->hub_count; i++) {
		timestamp its =
			host->hubs[i] == NULL ? TIMESTAMP_NEVER : hub_next_timeout(host->hubs[i]);
		if (its < next)
			next = its;
	}
	return next;
}

void host_wait(struct host *host, timestamp ms)
{
	timestamp end = host->now + ms;

	while (host->now < end) {
		timestamp next = next_timeout(host);
		host->now = next > host->now && next < end ? next
		            : next <= host->now            ? host->now + 1
		                                           : end;
		for (unsigned i = 0; i < host->hub_count; i++)
			if (host->hubs[i] != NULL)
				hub_tick(host->hubs[i], host->now, host_wall_ms(host));
		host_run(host);
	}
}
