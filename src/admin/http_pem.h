/* Certificates and keys, as texts. */
#pragma once

#include <stdbool.h>

struct http_pem_pair { /* owned */
	char *cert, *key;
};
/* Reads both, or neither: then problem is one line. */
bool http_pem_pair_read(const char *cert_file, const char *key_file, struct http_pem_pair *pair,
                        char problem[256]);
void http_pem_pair_deinit(struct http_pem_pair *pair); /* zero is fine */

/* Frees a text that may be secret. NULL is fine. */
void http_pem_wipe(char *text);
