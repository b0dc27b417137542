/* Rooms as the operator asks for them: handlers of the control socket's rows. And those that the store had. */
#pragma once

#include "base/err.h"

struct control_request;
struct program;

typedef void room_handler(struct control_request *request, void *program);
room_handler ask_room_show, ask_room_create, ask_room_kick, ask_room_mute, ask_room_lock,
	ask_room_unlock, ask_room_change, ask_room_close;

/* Makes the rooms anew that the store has. The workers run. ERR_UNAVAILABLE, ERR_NO_MEMORY: problem is one line. */
MUST_CHECK enum err program_bring_rooms_back(struct program *program, char problem[256]);
