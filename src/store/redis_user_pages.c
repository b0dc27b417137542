/* Users in Redis by pages, and how many there are. Keys have no order there: each page is a walk through all of them, of which the next
 * users in order are kept, as many as the page has, and nothing else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis.h"

#include "base/bytes.h"

/* The first users behind one, sorted, each as redis_user_of_key has it. */
struct selection {
	const char *contains;
	char after[REDIS_KEY_MAX]; /* "": from the first one on */
	struct redis_texts users;  /* with room for limit */
	size_t limit;
};

static redis_take_fn user_take;
static size_t place_of(const struct selection *selection, const char *user);
static enum err selection_put(struct selection *selection, const char *user, size_t place);

static void pattern_of(const char *realm, char pattern[2 * REDIS_KEY_MAX])
{
	char part[REDIS_KEY_MAX];

	redis_pattern(realm, part, sizeof part);
	snprintf(pattern, 2 * REDIS_KEY_MAX, "turn/realm/%s/user/*/key", part);
}

/* ---- a page ---- */

/* Who is given the page, and how many were. */
struct giving {
	redis_each_user *each;
	void *context;
	size_t left;
};

static bool user_pass(const struct store_user *user, void *context)
{
	struct giving *giving = context;

	return giving->each(user, giving->context) && --giving->left > 0;
}

/* Selects users, and gives those that can be read. is_last: there are none behind them. */
static enum err select_and_give(struct redis_store *redis, const char *pattern,
                                struct selection *selection, struct giving *giving, bool *goes_on,
                                bool *is_last)
{
	enum err err;

	selection->users.count = 0;
	selection->limit = giving->left;
	err = redis_scan_each(redis, pattern, user_take, selection);
	if (err != OK)
		return err;
	*is_last = selection->users.count < selection->limit;
	if (selection->users.count == 0)
		return OK;
	snprintf(selection->after, sizeof selection->after, "%s",
	         selection->users.item[selection->users.count - 1]);
	err = redis_users_give(redis, selection->users.item, selection->users.count, user_pass,
	                       giving, goes_on);
	for (size_t i = 0; i < selection->users.count; i++)
		free(selection->users.item[i]);
	selection->users.count = 0;
	return err;
}

/* Where the log says that a user was skipped, the next one has his place. */
enum err redis_user_page(struct store *store, const struct store_user_page *page,
                         redis_each_user *each, void *context)
{
	struct selection selection = {.contains = page->contains};
	struct giving giving = {each, context, page->limit};
	bool goes_on = true, is_last = false;
	char pattern[2 * REDIS_KEY_MAX];
	enum err err = OK;

	if (page->after_name != NULL)
		snprintf(selection.after, sizeof selection.after, "%s\n%s", page->after_realm,
		         page->after_name);
	pattern_of(page->realm, pattern);
	selection.users.item = calloc(page->limit, sizeof *selection.users.item);
	if (selection.users.item == NULL)
		return ERR_NO_MEMORY;
	while (err == OK && goes_on && !is_last && giving.left > 0)
		err = select_and_give(redis_of(store), pattern, &selection, &giving, &goes_on,
		                      &is_last);
	redis_texts_deinit(&selection.users);
	return err;
}

/* Most keys are of users that are on another page. */
static enum err user_take(const char *key, void *context)
{
	struct selection *selection = context;
	const struct redis_texts *users = &selection->users;
	char user[REDIS_KEY_MAX];
	size_t place;

	if (!redis_user_of_key(key, user) || strcmp(user, selection->after) <= 0 ||
	    (selection->contains != NULL &&
	     strcasestr(strchr(user, '\n') + 1, selection->contains) == NULL))
		return OK;
	place = place_of(selection, user);
	if (place == selection->limit ||
	    (place < users->count && strcmp(users->item[place], user) == 0))
		return OK;
	return selection_put(selection, user, place);
}

/* Returns where the user stands, or belongs. */
static size_t place_of(const struct selection *selection, const char *user)
{
	size_t low = 0, high = selection->users.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(selection->users.item[middle], user) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The last one makes room where there is none. */
static enum err selection_put(struct selection *selection, const char *user, size_t place)
{
	struct redis_texts *users = &selection->users;
	char *copy = strdup(user);

	if (copy == NULL)
		return ERR_NO_MEMORY;
	if (users->count == selection->limit)
		free(users->item[--users->count]);
	memmove(&users->item[place + 1], &users->item[place],
	        (users->count - place) * sizeof *users->item);
	users->item[place] = copy;
	users->count++;
	return OK;
}

/* ---- counts ---- */

struct counting {
	const char *const *realms;
	size_t realm_count;
	uint64_t *counts;
};

static int compare_realms(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum err user_count(const char *key, void *context)
{
	const struct counting *counting = context;
	char user[REDIS_KEY_MAX];
	const char *realm = user, *const * found;

	if (!redis_user_of_key(key, user))
		return OK;
	*strchr(user, '\n') = '\0';
	found = bsearch(&realm, counting->realms, counting->realm_count, sizeof *counting->realms,
	                compare_realms);
	if (found != NULL)
		counting->counts[found - counting->realms]++;
	return OK;
}

/* One walk for all of them. */
enum err redis_user_counts(struct store *store, const char *const *realms, size_t realm_count,
                           uint64_t *counts)
{
	struct counting counting = {realms, realm_count, counts};
	char pattern[2 * REDIS_KEY_MAX];

	memset(counts, 0, realm_count * sizeof *counts);
	if (realm_count == 0)
		return OK;
	pattern_of(realm_count == 1 ? realms[0] : NULL, pattern);
	return redis_scan_each(redis_of(store), pattern, user_count, &counting);
}
