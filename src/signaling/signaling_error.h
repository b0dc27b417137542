/* Why the signaling core refuses. Each dialect has its own words for each (signaling_errors.def). */
#pragma once

enum signaling_error {
	SIGNALING_OK,
#define SIGNALING_ERROR(name, ...) SIGNALING_##name,
#include "signaling/signaling_errors.def"
	SIGNALING_ERRORS /* the count */
};

/* Columns of signaling_errors.def. text is one sentence for a person. */
struct signaling_error_words {
	const char *channelling; /* Code */
	int rpc;                 /* e */
	const char *v1;          /* code */
	int http;                /* status of REST */
	const char *text;
};
const struct signaling_error_words *signaling_error_words(enum signaling_error error);
