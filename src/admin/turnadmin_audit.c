/* audit list, and the entries of turnadmin's own changes. */
#include "admin/turnadmin_audit.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/turnadmin_database.h"
#include "admin/turnadmin_output.h"
#include "admin/turnadmin_verbs.h"
#include "base/timestamp.h"
#include "store/audit.h"

enum { LIMIT = 50, TIME_SIZE = 32 };

struct audit_list {
	const struct turnadmin_request *request;
	size_t count, limit; /* limit 0: all */
};

static turnadmin_print_all entries_print;
static bool entry_print(const struct store_audit_entry *entry, void *context);
static void entry_print_json(const struct store_audit_entry *entry, bool is_first);

/* ---- what turnadmin has done ---- */

static void who_put(char *who, size_t size)
{
	const struct passwd *user = getpwuid(getuid());

	if (user != NULL)
		snprintf(who, size, "%s", user->pw_name);
	else
		snprintf(who, size, "user %u", (unsigned)getuid());
}

/* What stands in the request by name, but for secrets. */
static void on_put(const struct turnadmin_request *request, char *on, size_t size)
{
	const struct {
		const char *name, *value;
	} parts[] = {
		{"name", request->name},
		{"realm", request->realm},
		{"tenant", request->tenant},
		{"option", request->realm_option},
		{"value", request->value},
		{"scopes", request->scopes},
		{"max-bps", request->max_bps},
		{"total-quota", request->total_quota},
		{"user-quota", request->user_quota},
	};
	size_t len = 0;

	on[0] = '\0';
	for (size_t i = 0; i < sizeof parts / sizeof parts[0] && len < size; i++)
		if (parts[i].value != NULL)
			len += (size_t)snprintf(on + len, size - len, "%s%s=%s", len > 0 ? " " : "",
			                        parts[i].name, parts[i].value);
}

void turnadmin_audit(const struct turnadmin_request *request, struct store *store)
{
	struct store_audit_entry entry = {.time_ms = timestamp_wall_ms(), .from = "turnadmin"};

	who_put(entry.who, sizeof entry.who);
	turnadmin_verb_name(request->verb, entry.what);
	on_put(request, entry.on, sizeof entry.on);
	if (store_audit_add(store, &entry) != OK)
		turnadmin_say("it is done, but the audit log could not be written: %s",
		              store_problem(store));
}

_Static_assert((int)TURNADMIN_VERB_SIZE <= (int)AUDIT_WHAT_MAX + 1, "a verb fits");

/* ---- audit list ---- */

enum turnadmin_exit turnadmin_audit_list(const struct turnadmin_request *request)
{
	return turnadmin_database_list(request, entries_print);
}

static enum err entries_print(struct store *store, const struct turnadmin_request *request,
                              size_t *count)
{
	struct audit_list list = {.request = request,
	                          .limit = request->limit < 0 ? LIMIT : (size_t)request->limit};
	enum err err = store_audit_list(store, 0, entry_print, &list);

	*count = list.count;
	return err;
}

static const char *time_put(uint64_t time_ms, char text[TIME_SIZE])
{
	time_t seconds = (time_t)(time_ms / 1000);
	struct tm utc;

	if (gmtime_r(&seconds, &utc) == NULL || strftime(text, TIME_SIZE, "%FT%TZ", &utc) == 0)
		snprintf(text, TIME_SIZE, "%" PRIu64, time_ms / 1000);
	return text;
}

static bool entry_print(const struct store_audit_entry *entry, void *context)
{
	const char *const columns[] = {entry->who, entry->from, entry->what, entry->on};
	struct audit_list *list = context;
	char text[TIME_SIZE];

	list->count++;
	if (list->request->as_json) {
		entry_print_json(entry, list->count == 1);
	} else {
		fputs(time_put(entry->time_ms, text), stdout);
		for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
			putchar('\t');
			turnadmin_output_text(columns[i]);
		}
		putchar('\n');
	}
	return list->count != list->limit;
}

static void entry_print_json(const struct store_audit_entry *entry, bool is_first)
{
	const struct {
		const char *name, *value;
	} members[] = {{"who", entry->who},
	               {"from", entry->from},
	               {"what", entry->what},
	               {"on", entry->on}};

	printf("%s{\"id\": %" PRIu64 ", \"time\": %" PRIu64 ".%03u", is_first ? "[\n  " : ",\n  ",
	       entry->id, entry->time_ms / 1000, (unsigned)(entry->time_ms % 1000));
	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
		printf(", \"%s\": ", members[i].name);
		turnadmin_output_json(members[i].value);
	}
	putchar('}');
}
