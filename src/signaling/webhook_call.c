/* POST by libevent's HTTP client. Each request has a connection of its own. */
#include "signaling/webhook_call.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/x509v3.h>

#include "base/timestamp.h"

enum {
	CALL_S = 15, /* for all of it: name, connection, handshake, answer */
	ANSWER_MAX = 16384,
	MAC_SIZE = 32,
};

struct webhook_call {
	webhook_call_done *done;
	void *context;
	struct evhttp_connection *connection; /* owned */
	struct event *over;                   /* owned: the end, and its deadline */
	int status;
};

static enum err refuse(char problem[256], const char *why)
{
	/* The URL may have a secret in it, and is not shown. */
	snprintf(problem, 256, "webhook-url: %s", why);
	return ERR_INVALID;
}

static char *path_of(const struct evhttp_uri *uri)
{
	const char *path = evhttp_uri_get_path(uri), *query = evhttp_uri_get_query(uri);
	size_t size = strlen(path) + (query == NULL ? 0 : strlen(query)) + 3;
	char *whole = malloc(size);

	if (whole != NULL)
		snprintf(whole, size, "%s%s%s", *path == '\0' ? "/" : path,
		         query == NULL ? "" : "?", query == NULL ? "" : query);
	return whole;
}

static char *host_of(const struct evhttp_uri *uri)
{
	const char *host = evhttp_uri_get_host(uri);
	size_t len = strlen(host);

	return host[0] == '[' ? strndup(host + 1, len - 2) : strdup(host);
}

enum err webhook_place_read(struct webhook_place *place, const char *url, char problem[256])
{
	*place = (struct webhook_place){.uri = evhttp_uri_parse(url)};
	if (place->uri == NULL)
		return refuse(problem, "it is no URL");
	const char *scheme = evhttp_uri_get_scheme(place->uri);
	const char *host = evhttp_uri_get_host(place->uri);
	if (scheme == NULL || (strcasecmp(scheme, "http") != 0 && strcasecmp(scheme, "https") != 0))
		return refuse(problem, "it begins neither with http:// nor with https://");
	if (host == NULL || *host == '\0')
		return refuse(problem, "it has no host");
	if (evhttp_uri_get_userinfo(place->uri) != NULL)
		return refuse(problem, "a user name in it is not used: requests are signed");
	place->is_tls = strcasecmp(scheme, "https") == 0;
	int port = evhttp_uri_get_port(place->uri);
	place->port = (uint16_t)(port > 0 ? port : place->is_tls ? 443 : 80);
	place->host = host;
	place->plain_host = host_of(place->uri);
	place->path = path_of(place->uri);
	return place->plain_host == NULL || place->path == NULL ? ERR_NO_MEMORY : OK;
}

void webhook_place_deinit(struct webhook_place *place)
{
	if (place->uri != NULL)
		evhttp_uri_free(place->uri);
	free(place->plain_host);
	free(place->path);
}

static size_t put_mac(const char *secret, const struct text *signed_text, char *to, size_t size)
{
	unsigned char mac[MAC_SIZE];
	unsigned mac_len = 0;
	size_t len = 0;

	if (HMAC(EVP_sha256(), secret, (int)strlen(secret), (unsigned char *)signed_text->at,
	         signed_text->len, mac, &mac_len) == NULL)
		return 0;
	len = (size_t)snprintf(to, size, ",v1=");
	for (unsigned i = 0; i < mac_len; i++)
		len += (size_t)snprintf(to + len, size - len, "%02x", mac[i]);
	return len;
}

void webhook_sign(char *const *secrets, size_t count, uint64_t wall_s, struct slice body,
                  char signature[WEBHOOK_SIGNATURE_SIZE])
{
	struct text text;

	text_init(&text, 0);
	text_printf(&text, "%" PRIu64 ".", wall_s);
	text_put(&text, body);
	size_t len = (size_t)snprintf(signature, WEBHOOK_SIGNATURE_SIZE, "t=%" PRIu64, wall_s);
	for (size_t i = 0; !text.has_failed && i < count && i < WEBHOOK_SECRETS_MAX; i++)
		len += put_mac(secrets[i], &text, signature + len, WEBHOOK_SIGNATURE_SIZE - len);
	text_deinit(&text);
}

/* RFC 9110 section 4.3.4: the certificate is of the host of the URL, a name or an address. */
static SSL *make_tls(const struct webhook_call_settings *settings)
{
	const char *host = settings->place->plain_host;
	struct in6_addr address;
	SSL *tls = SSL_new(settings->tls);

	if (tls == NULL)
		return NULL;
	bool is_address =
		inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
	bool is_set = is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host) == 1
	                         : SSL_set1_host(tls, host) == 1 &&
	                                   SSL_set_tlsext_host_name(tls, host) == 1;
	if (is_set)
		return tls;
	SSL_free(tls);
	return NULL;
}

static struct bufferevent *make_stream(const struct webhook_call_settings *settings)
{
	enum { OPTIONS = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS };

	if (!settings->place->is_tls)
		return bufferevent_socket_new(settings->base, -1, OPTIONS);
	SSL *tls = make_tls(settings);
	if (tls == NULL)
		return NULL;
	struct bufferevent *stream = bufferevent_openssl_socket_new(
		settings->base, -1, tls, BUFFEREVENT_SSL_CONNECTING, OPTIONS);
	if (stream == NULL)
		SSL_free(tls);
	else /* many close without close_notify; the length of an answer is in its header */
		bufferevent_openssl_set_allow_dirty_shutdown(stream, 1);
	return stream;
}

struct evhttp_connection *webhook_connect(const struct webhook_call_settings *settings)
{
	struct bufferevent *stream = make_stream(settings);

	if (stream == NULL)
		return NULL;
	struct evhttp_connection *connection = evhttp_connection_base_bufferevent_new(
		settings->base, settings->dns, stream, settings->place->plain_host,
		settings->place->port);
	if (connection == NULL) {
		bufferevent_free(stream);
		return NULL;
	}
	evhttp_connection_set_timeout(connection, CALL_S);
	evhttp_connection_set_max_body_size(connection, ANSWER_MAX);
	evhttp_connection_set_max_headers_size(connection, ANSWER_MAX);
	return connection;
}

/* libevent is not done with the connection yet: it is freed from the loop. */
static void answered(struct evhttp_request *request, void *context)
{
	struct webhook_call *call = context;

	call->status = request == NULL ? 0 : evhttp_request_get_response_code(request);
	event_active(call->over, EV_TIMEOUT, 0);
}

/* The request is answered, or its time is up. */
static void finish(evutil_socket_t fd, short what, void *context)
{
	struct webhook_call *call = context;
	webhook_call_done *done = call->done;
	void *done_context = call->context;
	int status = call->status;

	(void)fd;
	(void)what;
	webhook_call_destroy(call);
	done(done_context, status);
}

static void add_headers(struct evhttp_request *request,
                        const struct webhook_call_settings *settings, struct slice body)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	const struct webhook_place *place = settings->place;
	char host[300], name[FACT_NAME_SIZE], signature[WEBHOOK_SIGNATURE_SIZE];

	snprintf(host, sizeof host, "%s:%u", place->host, place->port);
	fact_name(&settings->parcel->fact, name);
	webhook_sign(settings->secrets, settings->secret_count, timestamp_wall_ms() / 1000, body,
	             signature);
	evhttp_add_header(headers, "Host", host);
	evhttp_add_header(headers, "User-Agent", "turnstone");
	evhttp_add_header(headers, "Content-Type", "application/json");
	evhttp_add_header(headers, "Connection", "close");
	evhttp_add_header(headers, "Idempotency-Key", name);
	evhttp_add_header(headers, "Turnstone-Event", settings->parcel->fact.key);
	evhttp_add_header(headers, "Turnstone-Signature", signature);
	if (settings->parcel->is_again)
		evhttp_add_header(headers, "Turnstone-Redelivered", "true");
}

static struct evhttp_request *make_request(struct webhook_call *call,
                                           const struct webhook_call_settings *settings)
{
	struct evhttp_request *request = evhttp_request_new(answered, call);
	struct text text;

	if (request == NULL)
		return NULL;
	text_init(&text, 0);
	fact_write(&settings->parcel->fact, settings->parcel->is_again, &text);
	bool is_whole = !text.has_failed && evbuffer_add(evhttp_request_get_output_buffer(request),
	                                                 text.at, text.len) == 0;
	if (is_whole)
		add_headers(request, settings, text_slice(&text));
	text_deinit(&text);
	if (is_whole)
		return request;
	evhttp_request_free(request);
	return NULL;
}

static bool send_request(struct webhook_call *call, const struct webhook_call_settings *settings)
{
	const struct timeval deadline = {.tv_sec = CALL_S};

	call->connection = webhook_connect(settings);
	call->over = evtimer_new(settings->base, finish, call);
	if (call->connection == NULL || call->over == NULL ||
	    evtimer_add(call->over, &deadline) < 0)
		return false;
	struct evhttp_request *request = make_request(call, settings);
	/* The connection frees the request, also when this fails. */
	return request != NULL && evhttp_make_request(call->connection, request, EVHTTP_REQ_POST,
	                                              settings->place->path) == 0;
}

struct webhook_call *webhook_call_start(const struct webhook_call_settings *settings)
{
	struct webhook_call *call = calloc(1, sizeof *call);

	if (call == NULL)
		return NULL;
	call->done = settings->done;
	call->context = settings->context;
	if (send_request(call, settings))
		return call;
	webhook_call_destroy(call);
	return NULL;
}

void webhook_call_destroy(struct webhook_call *call)
{
	if (call == NULL)
		return;
	if (call->connection != NULL)
		evhttp_connection_free(call->connection);
	if (call->over != NULL)
		event_free(call->over);
	free(call);
}
