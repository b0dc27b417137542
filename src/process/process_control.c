/* The control socket of a server, as its options say. */
#include "process/process_control.h"

#include <string.h>

#include "base/log.h"
#include "process/process.h"

enum err process_control_open(const struct config *config, enum option_id id, const char *path,
                              struct control_socket *opened, char problem[256])
{
	bool is_default = config->origin[id].source == CONFIG_FROM_DEFAULT;
	struct control_socket_settings settings = {.path = path, .makes_folder = is_default};
	enum err err;

	if (path == NULL || strcmp(path, "off") == 0)
		return OK;
	err = process_find_ids(config, &settings.uid, &settings.gid, problem);
	if (err == OK)
		err = control_socket_open(&settings, opened, problem);
	if (err == OK || !is_default)
		return err;
	log_always("no control socket", "reason=\"%s\"", problem);
	return OK;
}
