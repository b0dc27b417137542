/* What a function that can fail returns, and the words for it. */
#pragma once

#define MUST_CHECK               __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

enum err {
	OK = 0,
	ERR_NO_MEMORY = -1,
	ERR_SYSTEM = -2,    /* errno says which */
	ERR_INVALID = -3,   /* not what the format allows */
	ERR_TRUNCATED = -4, /* ends before it says it does */
	ERR_FULL = -5,      /* a bound was reached */
	ERR_NOT_FOUND = -6,
	ERR_EXISTS = -7,
	ERR_AGAIN = -8,  /* not now; the event will come */
	ERR_DENIED = -9, /* a secret did not match, or a rule forbids it */
	ERR_CLOSED = -10,
	ERR_UNAVAILABLE = -11, /* a store or service is away */
};

/* Returns a few static words for err, such as "not found". */
const char *err_string(enum err err);
