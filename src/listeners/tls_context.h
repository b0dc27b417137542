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
	bool speaks_http;                 /* the protocol of ALPN is http/1.1, and none of STUN's */
};

/* What a problem is about. */
enum tls_setting { TLS_CERT, TLS_KEY, TLS_CIPHERS, TLS_CLIENT_CA, TLS_DH, TLS_CURVE };

/* Make a context for TLS 1.2 and 1.3, or DTLS 1.2, that answers ALPN stun.turn and
 * stun.nat-discovery (RFC 7443), or http/1.1 (RFC 7301). On failure problem holds one line that says which file, what is
 * wrong with it and how to mend it. */
MUST_CHECK enum err tls_context_create(const struct tls_settings *settings, SSL_CTX **context,
                                       char problem[256]);
MUST_CHECK enum err dtls_context_create(const struct tls_settings *settings, SSL_CTX **context,
                                        char problem[256]);

/* Tells of every problem there is, and makes nothing. err is what the two above would return for it: OK
 * for what clients alone refuse, a certificate out of its dates; ERR_NOT_FOUND for a file that cannot
 * be opened. */
void tls_settings_check(const struct tls_settings *settings,
                        void (*each)(enum tls_setting about, enum err err, const char *problem,
                                     void *context),
                        void *context);
