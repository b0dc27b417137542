/* Certificates and keys, as texts. */
#pragma once

/* Gives what is in a file, to be wiped. NULL: it cannot be, and problem is one line. */
char *http_pem_read(const char *path, char problem[256]);
/* Frees a text that may be secret. NULL is fine. */
void http_pem_wipe(char *text);
