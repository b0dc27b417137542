/* Ranges sorted by realm, list and address, those that overlap made one: an address is found by two
 * searches of halves, for its realm and for its place, however many ranges an operator has. */
#include "turn/peer_rules.h"

#include <stdlib.h>
#include <string.h>

struct peer_lists {
	const char *realm;
	const struct addr_range *ranges[2]; /* allowed, denied; in order, none overlaps the next */
	size_t count[2];
	const struct peer_lists *every; /* those of every realm; NULL: these are */
};

struct peer_rules {
	struct peer_lists *lists; /* owned, in order of realm; the first is that of every realm */
	size_t count;
	struct addr_range *ranges; /* owned */
	char *realms;              /* owned: their names, each with its end */
};

static enum err make_room(struct peer_rules *rules, const struct peer_rule *given, size_t count);
static void fill(struct peer_rules *rules, const struct peer_rule *sorted, size_t count);
static struct addr_range *add_range(struct peer_lists *lists, const struct peer_rule *rule,
                                    struct addr_range *next);
static int compare_rules(const void *a, const void *b);
static int compare_ips(const struct transport_addr *a, const struct transport_addr *b);
static int compare_realm(const void *realm, const void *lists);
static const struct addr_range *find(const struct addr_range *ranges, size_t count,
                                     const struct transport_addr *peer);

enum err peer_rules_create(const struct peer_rule *given, size_t count, struct peer_rules **result)
{
	struct peer_rules *rules = calloc(1, sizeof *rules);
	struct peer_rule *sorted = calloc(count + 1, sizeof *sorted);
	enum err err = ERR_NO_MEMORY;

	if (rules != NULL && sorted != NULL)
		err = make_room(rules, given, count);
	if (err != OK) {
		free(sorted);
		peer_rules_destroy(rules);
		return err;
	}
	if (count > 0)
		memcpy(sorted, given, count * sizeof *given);
	qsort(sorted, count, sizeof *sorted, compare_rules);
	fill(rules, sorted, count);
	free(sorted);
	*result = rules;
	return OK;
}

void peer_rules_destroy(struct peer_rules *rules)
{
	if (rules == NULL)
		return;
	free(rules->lists);
	free(rules->ranges);
	free(rules->realms);
	free(rules);
}

const struct peer_lists *peer_rules_find(const struct peer_rules *rules, const char *realm)
{
	const struct peer_lists *found;

	if (rules == NULL)
		return NULL;
	found = bsearch(realm, rules->lists, rules->count, sizeof rules->lists[0], compare_realm);
	return found != NULL ? found : &rules->lists[0];
}

bool peer_lists_allow(const struct peer_lists *lists, const struct transport_addr *peer)
{
	return peer_lists_find_allowed(lists, peer) != NULL;
}

bool peer_lists_deny(const struct peer_lists *lists, const struct transport_addr *peer)
{
	return peer_lists_find_denied(lists, peer) != NULL;
}

/* which: as in struct peer_lists. */
static const struct addr_range *find_in(const struct peer_lists *lists, size_t which,
                                        const struct transport_addr *peer)
{
	const struct addr_range *found = NULL;

	for (; lists != NULL && found == NULL; lists = lists->every)
		found = find(lists->ranges[which], lists->count[which], peer);
	return found;
}

const struct addr_range *peer_lists_find_allowed(const struct peer_lists *lists,
                                                 const struct transport_addr *peer)
{
	return find_in(lists, 0, peer);
}

const struct addr_range *peer_lists_find_denied(const struct peer_lists *lists,
                                                const struct transport_addr *peer)
{
	return find_in(lists, 1, peer);
}

/* As if each rule had a realm of its own. */
static enum err make_room(struct peer_rules *rules, const struct peer_rule *given, size_t count)
{
	size_t size = 1;

	for (size_t i = 0; i < count; i++)
		size += strlen(given[i].realm) + 1;
	rules->realms = calloc(1, size);
	rules->lists = calloc(count + 1, sizeof rules->lists[0]);
	rules->ranges = calloc(count + 1, sizeof rules->ranges[0]);
	return rules->realms != NULL && rules->lists != NULL && rules->ranges != NULL
	               ? OK
	               : ERR_NO_MEMORY;
}

static void fill(struct peer_rules *rules, const struct peer_rule *sorted, size_t count)
{
	struct peer_lists *lists = &rules->lists[0];
	struct addr_range *next = rules->ranges;
	char *name = rules->realms; /* begins with "" */

	*lists = (struct peer_lists){.realm = name};
	rules->count = 1;
	name++;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(sorted[i].realm, lists->realm) != 0) {
			size_t size = strlen(sorted[i].realm) + 1;

			lists = &rules->lists[rules->count++];
			*lists = (struct peer_lists){
				.realm = memcpy(name, sorted[i].realm, size),
				.every = &rules->lists[0],
			};
			name += size;
		}
		next = add_range(lists, &sorted[i], next);
	}
}

/* Makes it one with the last of its list where they overlap. Returns the next free place. */
static struct addr_range *add_range(struct peer_lists *lists, const struct peer_rule *rule,
                                    struct addr_range *next)
{
	size_t which = rule->is_denied;
	struct addr_range *last = next - 1; /* of this list, when that has one */

	if (lists->count[which] > 0 && addr_range_contains(last, &rule->range.low)) {
		if (compare_ips(&last->high, &rule->range.high) < 0)
			last->high = rule->range.high;
		return next;
	}
	if (lists->count[which]++ == 0)
		lists->ranges[which] = next;
	*next = rule->range;
	return next + 1;
}

static int compare_rules(const void *a, const void *b)
{
	const struct peer_rule *one = a, *other = b;
	int order = strcmp(one->realm, other->realm);

	if (order == 0)
		order = one->is_denied - other->is_denied;
	return order != 0 ? order : compare_ips(&one->range.low, &other->range.low);
}

static int compare_ips(const struct transport_addr *a, const struct transport_addr *b)
{
	size_t len, other_len;
	const uint8_t *ip = addr_ip(a, &len), *other_ip = addr_ip(b, &other_len);

	return len != other_len ? (len < other_len ? -1 : 1) : memcmp(ip, other_ip, len);
}

static int compare_realm(const void *realm, const void *lists)
{
	return strcmp(realm, ((const struct peer_lists *)lists)->realm);
}

/* Looks at the last range that begins at or before the peer. */
static const struct addr_range *find(const struct addr_range *ranges, size_t count,
                                     const struct transport_addr *peer)
{
	size_t low = 0, high = count; /* the first that begins behind it is in here */

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_ips(&ranges[middle].low, peer) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && addr_range_contains(&ranges[low - 1], peer) ? &ranges[low - 1] : NULL;
}
