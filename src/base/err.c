/* Words for error values. */
#include "base/err.h"

const char *err_string(enum err err)
{
	switch (err) {
	case OK:
		return "no error";
	case ERR_NO_MEMORY:
		return "out of memory";
	case ERR_SYSTEM:
		return "system error";
	case ERR_INVALID:
		return "not valid";
	case ERR_TRUNCATED:
		return "truncated";
	case ERR_FULL:
		return "full";
	case ERR_NOT_FOUND:
		return "not found";
	case ERR_EXISTS:
		return "exists already";
	case ERR_AGAIN:
		return "not now";
	case ERR_DENIED:
		return "denied";
	case ERR_CLOSED:
		return "closed";
	case ERR_UNAVAILABLE:
		return "unavailable";
	}
	return "unknown error";
}
