/* The words of a scenario: a line cut into tokens, and tokens turned into bytes. */
#pragma once

#include "stun/builder.h"

enum { WORDS_MAX = 64, PAYLOAD_MAX = 65535 };

/* A line; each word keeps its opening quote, so that "a b" is one word that starts with '"'. */
struct words {
	char text[4096];
	char *word[WORDS_MAX];
	unsigned count;
};

/* Cuts at spaces outside quotes; a # outside quotes ends the line. */
void words_cut(struct words *words, const char *line);

/* "hello", hex:00ff, or zeros:1200. Returns false when it is none of these. */
bool payload_get(const char *word, uint8_t *bytes, size_t *len);

/* NAME=value, NAME (no value), NAME:hex or 0x7F01:hex; values as their attribute wants them. */
struct attribute_word {
	uint16_t type;
	enum stun_attribute row; /* STUN_ATTR_COUNT: none */
	bool has_value;
	uint8_t value[PAYLOAD_MAX];
	size_t len;
};
/* Returns false when the word does not name an attribute or its value cannot be read. */
bool attribute_get(const char *word, const uint8_t *transaction_id,
                   struct attribute_word *attribute);

/* Appends an attribute of any type, right or wrong. */
void put_attribute(struct stun_builder *builder, uint16_t type, const uint8_t *value, size_t len);

/* The value of "name=value"; NULL when the word is another. */
const char *word_value(const char *word, const char *name);
bool method_get(const char *word, enum stun_method *method);
