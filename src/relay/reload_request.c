/* Reloads that the control socket asks for. */
#include "relay/reload_request.h"

#include "control/server.h"
#include "process/reload_answer.h"
#include "relay/main_thread.h"

void reload_request(struct control_request *request, void *context)
{
	struct main_thread *main_thread = context;

	if (!main_thread_refuses(main_thread, request))
		reload_begin(main_thread->reload, "control socket", reload_answer, request);
}

void reload_answer(const struct reload_outcome *outcome, void *request)
{
	control_answer(request, reload_describe(outcome));
}
