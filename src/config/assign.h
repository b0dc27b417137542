/* One value for one option, whatever source it came from. */
#pragma once

#include "config/option.h"

struct config_place {
	enum config_source source;
	const char *name; /* in messages */
	unsigned line;
};

/* What is being read, and what it has come to. */
struct config_reader {
	struct config *config;
	struct config_report *report;
	struct config_place place;
	bool has_error, is_out_of_memory;
};

/* Gives the option that match found a value; written is the name it was found by. An empty text
 * means true for a flag and the default where the option may stand bare. */
void config_assign(struct config_reader *reader, const struct option_match *match,
                   const char *written, const char *text);
/* Say that something is wrong here. The text of a secret never gets in. */
void config_reader_error(struct config_reader *reader, const char *message, ...) PRINTF_LIKE(2, 3);
void config_reader_warn(struct config_reader *reader, const char *message, ...) PRINTF_LIKE(2, 3);
/* Says that there is no such option, and which may have been meant. */
void config_reader_unknown(struct config_reader *reader, const char *written, bool is_error);
/* What the functions of config.h return. */
MUST_CHECK enum err config_reader_result(const struct config_reader *reader);
