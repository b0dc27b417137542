/* The words of each dialect for why something is refused. */
#include "signaling/signaling_error.h"

#include <stddef.h>

static const struct signaling_error_words words[SIGNALING_ERRORS] = {
	[SIGNALING_OK] = {"", 0, "", 200, ""},
#define SIGNALING_ERROR(name, channelling, rpc, v1, http, text) \
	[SIGNALING_##name] = {channelling, rpc, v1, http, text},
#include "signaling/signaling_errors.def"
};

const struct signaling_error_words *signaling_error_words(enum signaling_error error)
{
	return &words[error];
}
