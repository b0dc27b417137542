/* Texts out of the database, which others may have filled, for a terminal and for programs. */
#pragma once

/* Writes text to standard output with control characters as \xNN. */
void turnadmin_output_text(const char *text);
/* Writes a JSON string with its quotes. What is not UTF-8 becomes U+FFFD. */
void turnadmin_output_json(const char *text);
