/* Rooms as the operator asks for them: handlers of the control socket's rows. And those that the store had. */
#pragma once

#include "base/err.h"

struct control_request;
struct program;

typedef void room_handler(struct control_request *request, void *program);
room_handler room_list, room_show, room_create_request, room_kick, room_mute, room_lock,
	room_unlock, room_close;

/* Makes the rooms anew that the store has. The workers run. ERR_UNAVAILABLE, ERR_NO_MEMORY: problem is one line. */
MUST_CHECK enum err program_bring_rooms_back(struct program *program, char problem[256]);
