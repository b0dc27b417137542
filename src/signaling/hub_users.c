/* Who is here of a user: for those who know the user, and no session of it (the contacts of the channelling protocol). All hubs of
 * the node are asked, and where none has anyone those of other nodes. Nobody keeps a list for all: a question is rare, and sessions come and
 * go all the time. */
#include <stdlib.h>
#include <string.h>

#include "signaling/hub_private.h"

enum {
	FOUND_MAX = 16,      /* sessions of one user, of one hub */
	SEARCHES_MAX = 1024, /* of one hub */
	SEARCH_MS = 500      /* how long other nodes may take to say that somebody is there */
};

struct user {
	struct list sessions;
	char *tenant, *name; /* owned: one piece of memory */
};

struct search {
	struct hub *hub;
	uint64_t cookie;
	unsigned waits_for; /* answers of this node's hubs */
	struct reference reference;
	char *name; /* owned */
	struct timer end;
	char session[SESSION_ID_SIZE];
};

struct user_key {
	const char *tenant, *name;
};

/* The index. */

static bool is_user(const void *item, const void *key)
{
	const struct user *user = item;
	const struct user_key *wanted = key;

	return strcmp(user->name, wanted->name) == 0 && strcmp(user->tenant, wanted->tenant) == 0;
}

static uint64_t hash_of(const struct hub *hub, const struct user_key *key)
{
	return seal_hash(hub->seal, slice_of(key->name)) ^
	       number_hash(seal_hash(hub->seal, slice_of(key->tenant)));
}

static struct user *find(const struct hub *hub, const struct user_key *key)
{
	return hash_table_find(&hub->users, hash_of(hub, key), is_user, key);
}

static struct user *create(struct hub *hub, const struct user_key *key)
{
	size_t tenant_size = strlen(key->tenant) + 1, name_size = strlen(key->name) + 1;
	struct user *user = calloc(1, sizeof *user + tenant_size + name_size);

	if (user == NULL)
		return NULL;
	user->tenant = (char *)(user + 1);
	user->name = user->tenant + tenant_size;
	memcpy(user->tenant, key->tenant, tenant_size);
	memcpy(user->name, key->name, name_size);
	list_init(&user->sessions);
	if (hash_table_insert(&hub->users, hash_of(hub, key), user) == OK)
		return user;
	free(user);
	return NULL;
}

static struct user_key key_of(const struct session *session)
{
	const struct identity *identity = &session->identity->identity;

	return (struct user_key){identity->tenant, identity->user};
}

/* Without memory it is found by nobody, and does all else. */
void users_add(struct session *session)
{
	struct user_key key = key_of(session);
	struct user *user;

	if (key.name[0] == '\0')
		return;
	user = find(session->hub, &key);
	if (user == NULL)
		user = create(session->hub, &key);
	if (user != NULL)
		list_append(&user->sessions, &session->of_user);
}

void users_remove(struct session *session)
{
	struct user_key key = key_of(session);
	struct user *user;

	if (!list_is_linked(&session->of_user))
		return;
	list_remove(&session->of_user);
	user = find(session->hub, &key);
	if (user == NULL || !list_is_empty(&user->sessions))
		return;
	hash_table_remove(&session->hub->users, hash_of(session->hub, &key), user);
	free(user);
}

/* Asking. */

static bool has_cookie(const void *item, const void *key)
{
	return ((const struct search *)item)->cookie == *(const uint64_t *)key;
}

static void destroy(struct search *search)
{
	timer_cancel(search->hub->wheel, &search->end);
	hash_table_remove(&search->hub->searches, number_hash(search->cookie), search);
	free(search->name);
	free(search);
}

/* As an event to the session, which may be at another hub by now. */
static void finish(struct search *search, const struct participant *found, size_t count)
{
	struct hub *hub = search->hub;
	struct post draft = {.kind = POST_EVENT,
	                     .event = EVENT_FOUND,
	                     .to = search->session,
	                     .name = search->name,
	                     .participants = found,
	                     .participant_count = count};

	post_refer(&draft, &search->reference);
	hub_post_draft(hub, hub->settings.place, &draft);
	destroy(search);
}

static void is_over(struct timer *timer, timestamp now)
{
	(void)now;
	finish(CONTAINER_OF(timer, struct search, end), NULL, 0);
}

static struct search *begin(struct session *session, const char *name,
                            const struct reference *reference)
{
	struct hub *hub = session->hub;
	struct search *search;

	if (hub->searches.count >= SEARCHES_MAX)
		return NULL;
	search = calloc(1, sizeof *search);
	if (search == NULL)
		return NULL;
	search->hub = hub;
	search->cookie = hub_cookie(hub);
	search->waits_for = hub->settings.workers > 0 ? hub->settings.workers : 1;
	search->reference = *reference;
	search->name = strdup(name);
	memcpy(search->session, session->id, sizeof search->session);
	if (search->name != NULL &&
	    hash_table_insert(&hub->searches, number_hash(search->cookie), search) == OK) {
		timer_set(hub->wheel, &search->end, hub->now + SEARCH_MS, is_over);
		return search;
	}
	free(search->name);
	free(search);
	return NULL;
}

static void ask(struct hub *hub, struct hub_place to, const struct search *search,
                struct session *session, const char *user)
{
	struct post draft = {.kind = POST_FIND_USER,
	                     .cookie = search->cookie,
	                     .tenant = session_identity(session)->tenant,
	                     .name = user,
	                     .sender = hub->settings.place};

	draft.subject = session_participant(session, false);
	hub_post_draft(hub, to, &draft);
}

void session_find_user(struct session *session, const char *user, const char *name,
                       const struct reference *reference)
{
	struct hub *hub = session->hub;
	struct hub_place place = hub->settings.place;
	struct search *search = begin(session, name, reference);

	if (search == NULL) {
		session_refuse(session, SIGNALING_RATE_LIMITED, "", reference);
		return;
	}
	for (place.worker = 0; place.worker < search->waits_for; place.worker++)
		ask(hub, place, search, session, user);
	if (hub->settings.is_cluster)
		ask(hub, hub_everywhere, search, session, user);
}

/* Answering. Who is away just now is passed over: nothing that is sent to it is read. */

static size_t collect(struct user *user, const char *asker, struct participant found[FOUND_MAX])
{
	size_t count = 0;

	LIST_FOR_EACH (node, &user->sessions) {
		struct session *session = CONTAINER_OF(node, struct session, of_user);
		if (count == FOUND_MAX || session->path == NULL || session->is_doomed)
			continue;
		found[count++] = session_participant(session, session_may_show(session));
		watch_add(session, asker);
	}
	return count;
}

void users_handle_find(struct hub *hub, const struct post *post)
{
	const struct user_key key = {post->tenant, post->name};
	struct user *user = find(hub, &key);
	struct participant found[FOUND_MAX];
	struct post draft = {.kind = POST_USER_FOUND, .cookie = post->cookie};

	if (user != NULL)
		draft.participant_count = collect(user, post->subject.id, found);
	draft.participants = found;
	/* Nobody counts the answers of other nodes. */
	if (draft.participant_count > 0 || post->sender.node == hub->settings.place.node)
		hub_post_draft(hub, post->sender, &draft);
}

void users_handle_found(struct hub *hub, const struct post *post)
{
	struct search *search = hash_table_find(&hub->searches, number_hash(post->cookie),
	                                        has_cookie, &post->cookie);

	if (search == NULL)
		return;
	if (post->participant_count > 0) {
		finish(search, post->participants, post->participant_count);
		return;
	}
	if (search->waits_for > 0 && --search->waits_for == 0 && !hub->settings.is_cluster)
		finish(search, NULL, 0);
}

/* The sessions are gone. */
void users_deinit(struct hub *hub)
{
	struct search *search;
	size_t position = 0;

	while ((search = hash_table_next(&hub->searches, &position)) != NULL) {
		destroy(search);
		position = 0;
	}
	hash_table_deinit(&hub->searches);
	hash_table_deinit(&hub->users);
}
