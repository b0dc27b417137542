/* The words of permissions. */
#include "store/permissions.h"

#include <string.h>

/* Bits are of signaling/identity.h, which knows them by name; authority.c holds both against each other. */
enum { PARTICIPANT = (1 << 4) - 1, ALL = (1 << 9) - 1 };

static const struct {
	const char *name;
	unsigned permissions;
} words[] = {
	{"join", 1 << 0},       {"create", 1 << 1},
	{"send", 1 << 2},       {"chat", 1 << 3},
	{"moderate", 1 << 4},   {"change-room", 1 << 5},
	{"close-room", 1 << 6}, {"list", 1 << 7},
	{"hide", 1 << 8},       {"participant", PARTICIPANT},
	{"all", ALL},
};
enum { WORDS = sizeof words / sizeof words[0], WORDS_OF_SEVERAL = 2 };

bool permission_add(struct slice word, unsigned *permissions)
{
	for (size_t i = 0; i < WORDS; i++)
		if (slice_is(word, words[i].name)) {
			*permissions |= words[i].permissions;
			return true;
		}
	return false;
}

enum err permissions_parse(const char *text, unsigned *permissions)
{
	*permissions = 0;
	for (text += strspn(text, ", "); *text != '\0'; text += strspn(text, ", ")) {
		struct slice word = {text, strcspn(text, ", ")};

		if (!permission_add(word, permissions))
			return ERR_INVALID;
		text += word.len;
	}
	return *permissions == 0 ? ERR_INVALID : OK;
}

void permissions_list(unsigned permissions, void (*each)(const char *name, void *context),
                      void *context)
{
	for (size_t i = 0; i < WORDS - WORDS_OF_SEVERAL; i++)
		if ((permissions & words[i].permissions) != 0)
			each(words[i].name, context);
}
