/* Certificates and TLS settings, made into OpenSSL contexts that all threads share. */
#pragma once

#include <stdbool.h>

#include <openssl/ssl.h>

#include "base/err.h"

struct tls_settings {
	const char *cert_file, *key_file; /* PEM; cert_file may hold a chain */
	const char *key_password;         /* NULL: none */
	const char *cipher_list;          /* TLS 1.2; NULL: those with AEAD and forward secrecy */
	const char *ca_file;              /* NULL; else clients must show a certificate of it */
	const char *dh_file;              /* NULL */
	const char *curve_name;           /* NULL */
	bool without_tls12;               /* TLS is 1.3 alone; DTLS has no 1.3 and stays */
};

/* Make a context for TLS 1.2 and 1.3, or DTLS 1.2, that answers ALPN stun.turn and
 * stun.nat-discovery (RFC 7443). On failure problem holds one line that says which file, what is
 * wrong with it and how to mend it. */
MUST_CHECK enum err tls_context_create(const struct tls_settings *settings, SSL_CTX **context,
                                       char problem[256]);
MUST_CHECK enum err dtls_context_create(const struct tls_settings *settings, SSL_CTX **context,
                                        char problem[256]);
