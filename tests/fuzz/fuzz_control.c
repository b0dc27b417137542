/* Lines of the control socket: any bytes are a request or are refused with words, and what is answered
 * is always one line of JSON. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_line(char *line)
{
	json_t *object;

	if (line == NULL || strchr(line, '\n') != line + strlen(line) - 1)
		abort();
	object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(object))
		abort();
	json_decref(object);
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct control_message message;
	char problem[CONTROL_PROBLEM_SIZE] = "";

	if (control_message_parse((const char *)bytes, len, &message, problem) != OK) {
		if (problem[0] == 0 || message.object != NULL)
			abort();
		check_line(control_problem_line(problem));
		return 0;
	}
	if (!control_message_takes(&message, "deadline minimum kind", problem))
		check_line(control_problem_line(problem));
	check_line(control_request_line(message.name, message.arguments));
	check_line(control_result_line(message.object));
	control_message_deinit(&message);
	return 0;
}
