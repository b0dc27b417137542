/* Certificates and TLS settings, made into OpenSSL contexts. Each failure is one line that tells the
 * operator which file it is, what is wrong with it and how to mend it. */
#include "listeners/tls_context.h"

#include <errno.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file_refusal.h"
#include "base/log.h"
#include "listeners/dtls.h"

enum { PROBLEM_SIZE = 256 };

/* AEAD with forward secrecy: what WebRTC clients offer. */
#define CIPHERS_DEFAULT "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20"

static enum err context_create(const SSL_METHOD *method, int min_version,
                               const struct tls_settings *settings, SSL_CTX **result,
                               char problem[PROBLEM_SIZE]);
static enum err set_certificate(SSL_CTX *context, const struct tls_settings *settings,
                                char problem[PROBLEM_SIZE]);
static enum err set_key(SSL_CTX *context, const struct tls_settings *settings,
                        char problem[PROBLEM_SIZE]);
static enum err set_ciphers(SSL_CTX *context, const struct tls_settings *settings,
                            char problem[PROBLEM_SIZE]);
static enum err set_client_ca(SSL_CTX *context, const struct tls_settings *settings,
                              char problem[PROBLEM_SIZE]);
static enum err set_dh(SSL_CTX *context, const struct tls_settings *settings,
                       char problem[PROBLEM_SIZE]);
static enum err set_curve(SSL_CTX *context, const struct tls_settings *settings,
                          char problem[PROBLEM_SIZE]);
static void warn_of_dates(SSL_CTX *context, const char *file);
static bool date_problem(SSL_CTX *context, const char *file, char problem[PROBLEM_SIZE]);
static int select_protocol(SSL *ssl, const unsigned char **selected, unsigned char *selected_len,
                           const unsigned char *offered, unsigned int offered_len, void *ours);
static enum err refuse(char problem[PROBLEM_SIZE], const char *format, ...) PRINTF_LIKE(2, 3);

/* What ALPN chooses among: the length of each, and its name. */
static const char stun_protocols[] = "\x09stun.turn\x12stun.nat-discovery";
static const char http_protocols[] = "\x08http/1.1";

/* In their order: the key is compared with the certificate. */
static enum err (*const steps[])(SSL_CTX *, const struct tls_settings *, char *) = {
	[TLS_CERT] = set_certificate,    [TLS_KEY] = set_key, [TLS_CIPHERS] = set_ciphers,
	[TLS_CLIENT_CA] = set_client_ca, [TLS_DH] = set_dh,   [TLS_CURVE] = set_curve,
};
enum { STEP_COUNT = sizeof steps / sizeof steps[0] };

enum err tls_context_create(const struct tls_settings *settings, SSL_CTX **context,
                            char problem[256])
{
	return context_create(TLS_server_method(),
	                      settings->without_tls12 ? TLS1_3_VERSION : TLS1_2_VERSION, settings,
	                      context, problem);
}

enum err dtls_context_create(const struct tls_settings *settings, SSL_CTX **context,
                             char problem[256])
{
	enum err err =
		context_create(DTLS_server_method(), DTLS1_2_VERSION, settings, context, problem);

	if (err == OK)
		dtls_server_prepare(*context);
	return err;
}

static enum err context_create(const SSL_METHOD *method, int min_version,
                               const struct tls_settings *settings, SSL_CTX **result,
                               char problem[PROBLEM_SIZE])
{
	SSL_CTX *context = SSL_CTX_new(method);
	enum err err = OK;

	if (context == NULL || SSL_CTX_set_min_proto_version(context, min_version) != 1) {
		SSL_CTX_free(context);
		return refuse(problem, "TLS: OpenSSL makes no context: out of memory?");
	}
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
	                                     SSL_OP_CIPHER_SERVER_PREFERENCE);
	/* Tickets resume sessions; a cache would be memory that clients fill. */
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_alpn_select_cb(
		context, select_protocol,
		(void *)(settings->speaks_http ? http_protocols : stun_protocols));
	for (size_t i = 0; i < STEP_COUNT && err == OK; i++)
		err = steps[i](context, settings, problem);
	ERR_clear_error();
	if (err != OK) {
		SSL_CTX_free(context);
		return err;
	}
	warn_of_dates(context, settings->cert_file);
	*result = context;
	return OK;
}

void tls_settings_check(const struct tls_settings *settings,
                        void (*each)(enum tls_setting about, enum err err, const char *problem,
                                     void *context),
                        void *context)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	char problem[PROBLEM_SIZE];

	for (size_t i = 0; tls != NULL && i < STEP_COUNT; i++) {
		enum err err = steps[i](tls, settings, problem);
		if (err != OK)
			each((enum tls_setting)i, err, problem, context);
	}
	if (tls != NULL && date_problem(tls, settings->cert_file, problem))
		each(TLS_CERT, OK, problem, context);
	SSL_CTX_free(tls);
	ERR_clear_error();
}

static enum err refuse(char problem[PROBLEM_SIZE], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(problem, PROBLEM_SIZE, format, arguments);
	va_end(arguments);
	ERR_clear_error();
	return ERR_INVALID;
}

/* True when the file can be read; else the problem says why not. */
static bool is_readable(const char *option, const char *file, const char *advice,
                        char problem[PROBLEM_SIZE])
{
	char refusal[FILE_REFUSAL_SIZE];
	FILE *opened = fopen(file, "r");

	if (opened != NULL) {
		fclose(opened);
		return true;
	}
	if (errno == ENOENT)
		(void)refuse(problem, "%s %s: no such file: %s", option, file, advice);
	else
		(void)refuse(problem, "%s %.120s: %s", option, file,
		             file_refusal(file, R_OK, errno, refusal));
	return false;
}

#define MAKE_ONE "openssl req -x509 -newkey rsa:2048 -nodes -days 365 -keyout key.pem -out cert.pem"

static enum err set_certificate(SSL_CTX *context, const struct tls_settings *settings,
                                char problem[PROBLEM_SIZE])
{
	const char *file = settings->cert_file;

	if (file == NULL)
		return refuse(problem, "cert is not set: set cert=FILE; " MAKE_ONE " makes one");
	if (!is_readable("cert", file, "make one with " MAKE_ONE " or set cert=FILE", problem))
		return ERR_NOT_FOUND;
	if (SSL_CTX_use_certificate_chain_file(context, file) != 1)
		return refuse(problem,
		              "cert %s: no PEM certificate in it: it has to hold the server's "
		              "certificate, then those of its chain",
		              file);
	return OK;
}

struct password {
	const char *text;
	bool was_asked;
};

static int give_password(char *room, int size, int is_writing, void *context)
{
	struct password *password = context;
	size_t len = password->text != NULL ? strlen(password->text) : 0;

	(void)is_writing;
	password->was_asked = true;
	if (len == 0 || len > (size_t)size)
		return -1;
	memcpy(room, password->text, len);
	return (int)len;
}

static enum err key_problem(const struct tls_settings *settings, const struct password *password,
                            char problem[PROBLEM_SIZE])
{
	if (!password->was_asked)
		return refuse(problem, "pkey %s: no PEM private key in it", settings->key_file);
	if (password->text == NULL)
		return refuse(problem,
		              "pkey %s: the key is encrypted and there is no password: set "
		              "pkey-pwd=PASSWORD",
		              settings->key_file);
	return refuse(problem, "pkey %s: the password does not open it: correct pkey-pwd",
	              settings->key_file);
}

/* A certificate that could not be read has been told of. */
static bool is_key_of(const X509 *certificate, const EVP_PKEY *key)
{
	return certificate == NULL || X509_check_private_key(certificate, key) == 1;
}

static enum err set_key(SSL_CTX *context, const struct tls_settings *settings,
                        char problem[PROBLEM_SIZE])
{
	struct password password = {.text = settings->key_password};
	EVP_PKEY *key;
	FILE *file;
	enum err err = OK;

	if (settings->key_file == NULL)
		return refuse(problem, "pkey is not set: set pkey=FILE, the key of cert %s",
		              settings->cert_file);
	if (!is_readable("pkey", settings->key_file,
	                 "set pkey=FILE to the private key of the certificate", problem))
		return ERR_NOT_FOUND;
	file = fopen(settings->key_file, "r");
	key = file != NULL ? PEM_read_PrivateKey(file, NULL, give_password, &password) : NULL;
	if (file != NULL)
		fclose(file);
	if (key == NULL)
		return key_problem(settings, &password, problem);
	if (!is_key_of(SSL_CTX_get0_certificate(context), key) ||
	    SSL_CTX_use_PrivateKey(context, key) != 1)
		err = refuse(problem,
		             "pkey %s: not the key of cert %s: they have to be made together",
		             settings->key_file, settings->cert_file);
	EVP_PKEY_free(key);
	return err;
}

static enum err set_ciphers(SSL_CTX *context, const struct tls_settings *settings,
                            char problem[PROBLEM_SIZE])
{
	const char *list = settings->cipher_list != NULL ? settings->cipher_list : CIPHERS_DEFAULT;

	if (SSL_CTX_set_cipher_list(context, list) == 1)
		return OK;
	return refuse(problem, "cipher-list %s: no such ciphers: see openssl ciphers -v", list);
}

static enum err set_client_ca(SSL_CTX *context, const struct tls_settings *settings,
                              char problem[PROBLEM_SIZE])
{
	const char *file = settings->ca_file;
	STACK_OF(X509_NAME) * names;

	if (file == NULL)
		return OK;
	if (!is_readable("CA-file", file, "set CA-file=FILE, or remove it to ask clients for none",
	                 problem))
		return ERR_NOT_FOUND;
	names = SSL_load_client_CA_file(file);
	if (names == NULL || SSL_CTX_load_verify_file(context, file) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return refuse(problem, "CA-file %s: no PEM certificate in it", file);
	}
	SSL_CTX_set_client_CA_list(context, names);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return OK;
}

static enum err set_dh(SSL_CTX *context, const struct tls_settings *settings,
                       char problem[PROBLEM_SIZE])
{
	const char *file = settings->dh_file;
	EVP_PKEY *parameters = NULL;
	BIO *bio;

	if (file == NULL)
		return SSL_CTX_set_dh_auto(context, 1) == 1
		               ? OK
		               : refuse(problem,
		                        "dh-file: OpenSSL has no DH parameters of its own");
	if (!is_readable("dh-file", file, "make one with openssl dhparam -out dh.pem 2048",
	                 problem))
		return ERR_NOT_FOUND;
	bio = BIO_new_file(file, "r");
	if (bio != NULL)
		parameters = PEM_read_bio_Parameters(bio, NULL);
	BIO_free(bio);
	if (parameters == NULL || SSL_CTX_set0_tmp_dh_pkey(context, parameters) != 1) {
		EVP_PKEY_free(parameters);
		return refuse(problem,
		              "dh-file %s: no usable DH parameters in it: make them with "
		              "openssl dhparam -out dh.pem 2048",
		              file);
	}
	return OK;
}

static enum err set_curve(SSL_CTX *context, const struct tls_settings *settings,
                          char problem[PROBLEM_SIZE])
{
	const char *name = settings->curve_name;

	if (name == NULL || SSL_CTX_set1_groups_list(context, name) == 1)
		return OK;
	return refuse(problem, "ec-curve-name %s: no such curve: prime256v1 is one", name);
}

/* Clients will refuse it and not the server; it is told and not fatal. */
static void warn_of_dates(SSL_CTX *context, const char *file)
{
	const X509 *certificate = SSL_CTX_get0_certificate(context);

	if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
		log_warning("certificate has expired", "cert=%s advice=\"renew it\"", file);
	else if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
		log_warning("certificate is not valid yet", "cert=%s advice=\"check the clock\"",
		            file);
}

static void date_text(const ASN1_TIME *date, char text[32])
{
	struct tm tm;

	if (ASN1_TIME_to_tm(date, &tm) != 1 || strftime(text, 32, "%F %T UTC", &tm) == 0)
		snprintf(text, 32, "a date that cannot be read");
}

/* The same for --check, in words. */
static bool date_problem(SSL_CTX *context, const char *file, char problem[PROBLEM_SIZE])
{
	const X509 *certificate = SSL_CTX_get0_certificate(context);
	char date[32];

	if (certificate == NULL)
		return false;
	if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
		date_text(X509_get0_notAfter(certificate), date);
		(void)refuse(problem, "cert %s: has expired on %s, and clients refuse it: renew it",
		             file, date);
		return true;
	}
	if (X509_cmp_current_time(X509_get0_notBefore(certificate)) <= 0)
		return false;
	date_text(X509_get0_notBefore(certificate), date);
	(void)refuse(problem, "cert %s: is not valid before %s: wait for it, or correct the clock",
	             file, date);
	return true;
}

/* RFC 7443 section 4: stun.turn, or stun.nat-discovery. RFC 7301 section 3.2: a client that offers
 * only others is told so by a fatal alert. One that offers none does not come here. */
static int select_protocol(SSL *ssl, const unsigned char **selected, unsigned char *selected_len,
                           const unsigned char *offered, unsigned int offered_len, void *ours)
{
	unsigned char *found;

	(void)ssl;
	if (SSL_select_next_proto(&found, selected_len, ours, (unsigned)strlen(ours), offered,
	                          offered_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*selected = found;
	return SSL_TLSEXT_ERR_OK;
}
