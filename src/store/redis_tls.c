/* TLS with OpenSSL on a socket that does not block. */
#include "store/redis_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct redis_tls {
	SSL_CTX *context; /* owned */
	SSL *ssl;         /* owned */
};

static enum err context_make(struct redis_tls *tls, const struct redis_settings *settings,
                             char *problem, size_t size);
static enum err name_expect(struct redis_tls *tls, const char *name);
static enum err handshake(struct redis_tls *tls, int fd, timestamp deadline, char *problem,
                          size_t size);
static ssize_t result_of(const struct redis_tls *tls, int result, short *wants);

enum err redis_tls_begin(const struct redis_settings *settings, const char *name, int fd,
                         timestamp deadline, struct redis_tls **result, char *problem, size_t size)
{
	struct redis_tls *tls = calloc(1, sizeof *tls);
	enum err err = ERR_NO_MEMORY;

	if (tls == NULL)
		return err;
	tls->context = SSL_CTX_new(TLS_client_method());
	if (tls->context != NULL)
		err = context_make(tls, settings, problem, size);
	if (err == OK) {
		tls->ssl = SSL_new(tls->context);
		err = tls->ssl != NULL && SSL_set_fd(tls->ssl, fd) == 1 ? name_expect(tls, name)
		                                                        : ERR_NO_MEMORY;
	}
	if (err == OK)
		err = handshake(tls, fd, deadline, problem, size);
	if (err != OK) {
		redis_tls_end(tls);
		return err;
	}
	*result = tls;
	return OK;
}

void redis_tls_end(struct redis_tls *tls)
{
	if (tls == NULL)
		return;
	SSL_free(tls->ssl);
	SSL_CTX_free(tls->context);
	free(tls);
}

static enum err wrong(char *problem, size_t size, const char *words)
{
	snprintf(problem, size, "%s", words);
	return ERR_DENIED;
}

static enum err context_make(struct redis_tls *tls, const struct redis_settings *settings,
                             char *problem, size_t size)
{
	const char *ca_file = settings->ca_file[0] != '\0' ? settings->ca_file : NULL;
	const char *ca_path = settings->ca_path[0] != '\0' ? settings->ca_path : NULL;

	SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
	SSL_CTX_set_mode(tls->context,
	                 SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_verify(tls->context, settings->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
	                   NULL);
	if (ca_file == NULL && ca_path == NULL)
		SSL_CTX_set_default_verify_paths(tls->context);
	else if (SSL_CTX_load_verify_locations(tls->context, ca_file, ca_path) != 1)
		return wrong(problem, size, "cacert or capath cannot be read");
	if (settings->cert_file[0] == '\0')
		return OK;
	if (SSL_CTX_use_certificate_chain_file(tls->context, settings->cert_file) != 1)
		return wrong(problem, size, "cert cannot be read");
	if (SSL_CTX_use_PrivateKey_file(tls->context, settings->key_file, SSL_FILETYPE_PEM) != 1)
		return wrong(problem, size, "key cannot be read, or is not that of cert");
	return OK;
}

/* The certificate has to be for the IP or the name; only names are sent ahead (RFC 6066 section 3). */
static enum err name_expect(struct redis_tls *tls, const char *name)
{
	uint8_t ip[sizeof(struct in6_addr)];
	bool is_ip = inet_pton(AF_INET, name, ip) == 1 || inet_pton(AF_INET6, name, ip) == 1;
	bool is_set;

	if (name[0] == '/')
		return OK;
	if (is_ip)
		is_set = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls->ssl), name) == 1;
	else
		is_set = SSL_set1_host(tls->ssl, name) == 1 &&
		         SSL_set_tlsext_host_name(tls->ssl, name) == 1;
	return is_set ? OK : ERR_NO_MEMORY;
}

static enum err handshake(struct redis_tls *tls, int fd, timestamp deadline, char *problem,
                          size_t size)
{
	int result;

	while ((result = SSL_connect(tls->ssl)) != 1) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		timestamp now = timestamp_now();
		long verified = SSL_get_verify_result(tls->ssl);

		if (result_of(tls, result, &wait.events) != -1 || errno != EAGAIN) {
			if (verified == X509_V_OK) {
				snprintf(problem, size,
				         "no TLS handshake: does it speak TLS on that port?");
				return ERR_UNAVAILABLE;
			}
			snprintf(problem, size, "its certificate is refused: %s",
			         X509_verify_cert_error_string(verified));
			return ERR_DENIED;
		}
		if (now >= deadline || poll(&wait, 1, (int)(deadline - now)) == 0) {
			snprintf(problem, size, "it does not answer in time");
			return ERR_UNAVAILABLE;
		}
	}
	return OK;
}

static ssize_t result_of(const struct redis_tls *tls, int result, short *wants)
{
	int error = SSL_get_error(tls->ssl, result);

	ERR_clear_error();
	if (error == SSL_ERROR_ZERO_RETURN)
		return 0;
	*wants = error == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		errno = EAGAIN;
	else if (error != SSL_ERROR_SYSCALL || errno == 0 || errno == EAGAIN)
		errno = ECONNRESET;
	return -1;
}

ssize_t redis_tls_read(struct redis_tls *tls, void *bytes, size_t len, short *wants)
{
	int result;

	errno = 0;
	result = SSL_read(tls->ssl, bytes, len > INT_MAX ? INT_MAX : (int)len);
	return result > 0 ? result : result_of(tls, result, wants);
}

ssize_t redis_tls_write(struct redis_tls *tls, const void *bytes, size_t len, short *wants)
{
	int result;

	errno = 0;
	result = SSL_write(tls->ssl, bytes, len > INT_MAX ? INT_MAX : (int)len);
	return result > 0 ? result : result_of(tls, result, wants);
}
