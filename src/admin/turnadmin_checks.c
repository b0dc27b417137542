/* peer check and secret uses: what the running server makes of peers and secrets. */
#include <stdio.h>
#include <time.h>

#include "admin/turnadmin_ask.h"
#include "admin/turnadmin_output.h"
#include "admin/turnadmin_verbs.h"

/* ---- peer check ---- */

static void print_member(const char *name, const json_t *result)
{
	const char *text = turnadmin_text(result, name);

	if (text[0] == '\0')
		return;
	printf("%s\t", name);
	turnadmin_output_text(text);
	putchar('\n');
}

static void print_peer(const json_t *result)
{
	static const char *const members[] = {"address", "realm", "reason",
	                                      "source",  "list",  "rule"};
	bool is_allowed = json_is_true(json_object_get(result, "allowed"));

	printf("allowed\t%s%s\n", is_allowed ? "yes" : "no",
	       json_is_true(json_object_get(result, "only_relayed"))
	               ? ", while the port is one that this server relays"
	               : "");
	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
		print_member(members[i], result);
}

enum turnadmin_exit turnadmin_peer_check(const struct turnadmin_request *request)
{
	json_t *arguments = json_object();

	turnadmin_add_text(arguments, "address", request->value);
	turnadmin_add_text(arguments, "realm", request->realm);
	return turnadmin_ask_and_print(request, "peer check", arguments, print_peer);
}

/* ---- secret uses ---- */

static void print_use(const json_t *use)
{
	time_t last = (time_t)turnadmin_number(use, "last_used");
	char text[sizeof "2026-11-21T05:00:00Z"] = "never";
	struct tm tm;

	if (last != 0 && gmtime_r(&last, &tm) != NULL)
		strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	turnadmin_output_text(turnadmin_text(use, "realm"));
	putchar('\t');
	turnadmin_output_text(turnadmin_text(use, "mark"));
	printf("\t%s\t%" PRId64 "\t%s\n", turnadmin_text(use, "source"),
	       turnadmin_number(use, "uses"), text);
}

static void print_uses(const json_t *result)
{
	json_t *use;
	size_t i;

	puts("realm\tmark\tsource\tuses\tlast_used");
	json_array_foreach(json_object_get(result, "secrets"), i, use) print_use(use);
}

enum turnadmin_exit turnadmin_secret_uses(const struct turnadmin_request *request)
{
	json_t *arguments = json_object();

	turnadmin_add_text(arguments, "realm", request->realm);
	return turnadmin_ask_and_print(request, "secret uses", arguments, print_uses);
}
