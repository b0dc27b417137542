/* What the operator has settled for the channelling dialect: what its clients call rooms, and of which type they are. Never changed,
 * and shared by all threads. Where there are none (NULL) the protocol's own hold: no default room, and names in any case are one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "signaling/text.h"

struct channelling_rules;

/* Of room-default, room-type, room-case-sensitive and user-secret; config is lent for the call. */
MUST_CHECK enum err channelling_rules_create(const struct config *config,
                                             struct channelling_rules **rules);
void channelling_rules_destroy(struct channelling_rules *rules);

/* Makes of what a client calls a room the room's name, in place; "" stays where there is no default room. */
void rules_name_room(const struct channelling_rules *rules, struct text *name);
/* Gives what clients call a room of this name: "" is the default room. */
const char *rules_shown_name(const struct channelling_rules *rules, const char *name);
/* Gives the type of a room whose clients name none; "": what other dialects have no name for. */
const char *rules_room_type(const struct channelling_rules *rules, const struct text *name);

/* Gives the keys that tokens of contacts are signed with, one after the other, the newest first; NULL: there are no more. Without any
 * there are no contacts. */
enum { RULES_KEY_SIZE = 32 };
const uint8_t *rules_contact_key(const struct channelling_rules *rules, size_t index);
