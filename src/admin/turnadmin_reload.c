/* reload: the running server reads its configuration anew, and says what became of it. */
#include <stdio.h>

#include "admin/turnadmin_ask.h"
#include "admin/turnadmin_output.h"
#include "admin/turnadmin_verbs.h"

static void print_answer(const json_t *answer);

/* A configuration that was refused is a problem, whatever the answer's form. */
enum turnadmin_exit turnadmin_reload(const struct turnadmin_request *request)
{
	json_t *answer = turnadmin_ask(request, "reload", NULL);
	bool is_applied;

	if (answer == NULL)
		return TURNADMIN_PROBLEM;
	if (request->as_json)
		turnadmin_print_json(answer);
	else
		print_answer(answer);
	is_applied = json_is_true(json_object_get(answer, "applied"));
	json_decref(answer);
	return is_applied ? TURNADMIN_DONE : TURNADMIN_PROBLEM;
}

/* "/etc/turnserver.conf:12: error: ..." */
static void print_problems(const json_t *problems)
{
	const json_t *problem;
	size_t i;

	json_array_foreach(problems, i, problem)
	{
		int64_t line = turnadmin_number(problem, "line");
		turnadmin_output_text(turnadmin_text(problem, "source"));
		if (line != 0)
			printf(":%" PRId64, line);
		printf(": %s: ", turnadmin_text(problem, "severity"));
		turnadmin_output_text(turnadmin_text(problem, "text"));
		putchar('\n');
	}
}

/* "user-quota", "10", "20" */
static void print_changes(const char *what, const json_t *changes)
{
	const json_t *change;
	size_t i;

	json_array_foreach(changes, i, change)
	{
		printf("%s\t", what);
		turnadmin_output_text(turnadmin_text(change, "name"));
		fputs(": ", stdout);
		turnadmin_output_text(turnadmin_text(change, "from"));
		fputs(" -> ", stdout);
		turnadmin_output_text(turnadmin_text(change, "to"));
		if (json_object_get(change, "reason") != NULL) {
			fputs(": ", stdout);
			turnadmin_output_text(turnadmin_text(change, "reason"));
		}
		putchar('\n');
	}
}

static void print_answer(const json_t *answer)
{
	const json_t *changed = json_object_get(answer, "changed");
	const json_t *restart = json_object_get(answer, "restart");

	print_problems(json_object_get(answer, "problems"));
	if (!json_is_true(json_object_get(answer, "applied"))) {
		puts("nothing has changed: mend the errors and reload again");
		return;
	}
	print_changes("changed", changed);
	print_changes("needs a restart", restart);
	if (json_array_size(changed) + json_array_size(restart) == 0)
		puts("applied: no option has changed");
}
