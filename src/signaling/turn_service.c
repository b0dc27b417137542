/* The thread that fetches them. */
#include "signaling/turn_service.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/http.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/bytes.h"
#include "base/log.h"
#include "base/random.h"
#include "base/timestamp.h"
#include "config/config.h"
#include "signaling/text.h"
#include "signaling/turn_source_private.h"
#include "signaling/webhook_call.h"

enum {
	CHECK_MS = 60000,
	RETRY_FIRST_MS = 1000,
	RETRY_LAST_MS = 60000,
	ANSWER_MAX = 64 * 1024,
	NONCE_BYTES = 32,
	REFRESH_PERCENT = 80,
};

struct turn_service {
	struct mailbox *notify;
	void (*deliver)(struct mail *letter, void *receiver);
	void *context;
	unsigned check_ms, timeout_s;
	struct webhook_place place; /* owned, as all below */
	char *path, *token, *client_id;
	SSL_CTX *tls; /* NULL: the URL is http */
	struct event_base *base;
	struct evdns_base *dns; /* the thread waits for no name: it can be told to end */
	struct mailbox *mailbox;
	struct event *mail_event, *timer, *over;
	struct mail stop;
	pthread_t thread;
	bool is_running;

	/* On the thread: */
	struct backoff retry;
	timestamp due; /* of the next request, when the last one succeeded */
	bool has_failed, has_credentials;
	char session[TURN_SERVICE_SESSION_MAX + 1]; /* of the last answer */
	char nonce[2 * NONCE_BYTES + 1];
	struct evhttp_connection *connection; /* NULL: no request is under way */
	int status;                           /* of its answer; 0: none */
	struct text body;
};

static enum err tls_create(struct turn_service *service, char problem[256]);
static enum err texts_copy(struct turn_service *service, const struct config *config);
static enum err loop_create(struct turn_service *service);
static void *run(void *argument);
static void on_mail(evutil_socket_t fd, short what, void *context);
static void on_stop(struct mail *mail, void *receiver);
static void on_timer(evutil_socket_t fd, short what, void *context);
static void wait_on(struct turn_service *service);
static bool request_send(struct turn_service *service);
static bool body_write(const struct turn_service *service, struct evbuffer *body);
static bool authorization_add(const struct turn_service *service, struct evkeyvalq *headers);
static void answered(struct evhttp_request *request, void *context);
static void on_over(evutil_socket_t fd, short what, void *context);
static void answer_take(struct turn_service *service);
static void source_give(struct turn_service *service, struct turn_source *source);
static void failed(struct turn_service *service, const char *reason, const char *advice);

enum err turn_service_create(const struct turn_service_settings *settings,
                             struct turn_service **result, char problem[256])
{
	const struct config *config = settings->config;
	struct turn_service *service = calloc(1, sizeof *service);
	enum err err;

	snprintf(problem, 256, "%s", err_string(ERR_NO_MEMORY));
	if (service == NULL)
		return ERR_NO_MEMORY;
	service->notify = settings->notify;
	service->deliver = settings->deliver;
	service->context = settings->context;
	service->check_ms = settings->check_ms != 0 ? settings->check_ms : CHECK_MS;
	service->timeout_s = config->turn_service_timeout;
	service->stop.deliver = on_stop;
	text_init(&service->body, ANSWER_MAX);
	backoff_init(&service->retry, RETRY_FIRST_MS, RETRY_LAST_MS);
	err = config->turn_service_token == NULL ? ERR_INVALID : OK;
	if (err != OK)
		snprintf(problem, 256, "turn-service-url: turn-service-token is missing");
	if (err == OK)
		err = webhook_place_read(&service->place, config->turn_service_url, problem);
	if (err == ERR_INVALID && config->turn_service_token != NULL)
		snprintf(problem, 256, "turn-service-url: give https://HOST[:PORT][/PATH]");
	if (err == OK && service->place.is_tls)
		err = tls_create(service, problem);
	if (err == OK)
		err = texts_copy(service, config);
	if (err == OK)
		err = loop_create(service);
	if (err != OK) {
		turn_service_destroy(service);
		return err;
	}
	*result = service;
	return OK;
}

enum err turn_service_start(struct turn_service *service)
{
	errno = pthread_create(&service->thread, NULL, run, service);
	service->is_running = errno == 0;
	return service->is_running ? OK : ERR_SYSTEM;
}

static void secret_free(char *text)
{
	if (text != NULL)
		bytes_wipe(text, strlen(text));
	free(text);
}

static void event_end(struct event *event)
{
	if (event != NULL)
		event_free(event);
}

void turn_service_destroy(struct turn_service *service)
{
	if (service == NULL)
		return;
	if (service->is_running) {
		mailbox_post(service->mailbox, &service->stop);
		pthread_join(service->thread, NULL);
	}
	if (service->connection != NULL)
		evhttp_connection_free(service->connection);
	event_end(service->mail_event);
	event_end(service->timer);
	event_end(service->over);
	if (service->dns != NULL)
		evdns_base_free(service->dns, 0);
	if (service->base != NULL)
		event_base_free(service->base);
	if (service->mailbox != NULL)
		mailbox_destroy(service->mailbox);
	SSL_CTX_free(service->tls);
	webhook_place_deinit(&service->place);
	text_deinit(&service->body);
	free(service->path);
	secret_free(service->token);
	secret_free(service->client_id);
	free(service);
}

/* ---- making it ---- */

static enum err tls_create(struct turn_service *service, char problem[256])
{
	service->tls = SSL_CTX_new(TLS_client_method());
	if (service->tls == NULL)
		return ERR_NO_MEMORY;
	SSL_CTX_set_verify(service->tls, SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_set_min_proto_version(service->tls, TLS1_2_VERSION) == 1 &&
	    SSL_CTX_set_default_verify_paths(service->tls) == 1)
		return OK;
	snprintf(problem, 256,
	         "turn-service-url: the system's certificates are not read: install "
	         "ca-certificates");
	return ERR_INVALID;
}

static enum err texts_copy(struct turn_service *service, const struct config *config)
{
	static const char behind[] = "/api/v1/turn/credentials";
	size_t len = strlen(service->place.path);
	size_t size = len + sizeof behind;

	while (len > 0 && service->place.path[len - 1] == '/')
		len--;
	service->path = malloc(size);
	service->token = strdup(config->turn_service_token);
	/* Where there is no ID the token stands for it. */
	service->client_id =
		strdup(config->turn_service_client_id != NULL ? config->turn_service_client_id
	                                                      : config->turn_service_token);
	if (service->path == NULL || service->token == NULL || service->client_id == NULL)
		return ERR_NO_MEMORY;
	snprintf(service->path, size, "%.*s%s", (int)len, service->place.path, behind);
	return OK;
}

static enum err loop_create(struct turn_service *service)
{
	enum err err = mailbox_create(&service->mailbox);

	if (err != OK)
		return err;
	service->base = event_base_new();
	if (service->base == NULL)
		return ERR_NO_MEMORY;
	/* Where there is no name server a service by its address works all the same. */
	service->dns = evdns_base_new(service->base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
	                                                     EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (service->dns == NULL)
		service->dns = evdns_base_new(service->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (service->dns == NULL)
		return ERR_NO_MEMORY;
	service->mail_event = event_new(service->base, mailbox_fd(service->mailbox),
	                                EV_READ | EV_PERSIST, on_mail, service);
	service->timer = evtimer_new(service->base, on_timer, service);
	service->over = evtimer_new(service->base, on_over, service);
	if (service->mail_event == NULL || service->timer == NULL || service->over == NULL ||
	    event_add(service->mail_event, NULL) != 0)
		return ERR_NO_MEMORY;
	return OK;
}

/* ---- its thread ---- */

static void *run(void *argument)
{
	struct turn_service *service = argument;
	sigset_t signals;

	sigfillset(&signals); /* they are the main thread's */
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	event_active(service->timer, EV_TIMEOUT, 0);
	event_base_dispatch(service->base);
	return NULL;
}

static void on_mail(evutil_socket_t fd, short what, void *context)
{
	struct turn_service *service = context;

	(void)fd;
	(void)what;
	mailbox_deliver(service->mailbox, service);
}

static void on_stop(struct mail *mail, void *receiver)
{
	struct turn_service *service = receiver;

	(void)mail;
	event_base_loopbreak(service->base);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct turn_service *service = context;
	timestamp now = timestamp_now();
	bool is_due =
		service->has_failed ? backoff_is_due(&service->retry, now) : now >= service->due;

	(void)fd;
	(void)what;
	if (service->connection != NULL)
		return;
	if (is_due && !request_send(service))
		failed(service, "no request can be made", "look for memory and sockets");
	if (service->connection == NULL)
		wait_on(service);
}

/* Never for longer than a minute: a machine that slept has another time. */
static void wait_on(struct turn_service *service)
{
	timestamp now = timestamp_now(),
		  due = service->has_failed ? service->retry.due : service->due;
	timestamp wait_ms = due > now ? due - now : 0;
	struct timeval time;

	if (wait_ms > service->check_ms)
		wait_ms = service->check_ms;
	time = (struct timeval){.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
	event_add(service->timer, &time);
}

/* ---- the request ---- */

static bool request_send(struct turn_service *service)
{
	const struct webhook_call_settings settings = {
		.place = &service->place,
		.base = service->base,
		.dns = service->dns,
		.tls = service->tls,
	};
	const struct timeval deadline = {.tv_sec = service->timeout_s};
	struct evhttp_request *request = evhttp_request_new(answered, service);
	uint8_t nonce[NONCE_BYTES];
	bool is_whole;

	if (request == NULL)
		return false;
	random_bytes(nonce, sizeof nonce);
	hex_put(nonce, sizeof nonce, service->nonce);
	service->status = 0;
	text_clear(&service->body);
	is_whole = body_write(service, evhttp_request_get_output_buffer(request)) &&
	           authorization_add(service, evhttp_request_get_output_headers(request));
	if (is_whole)
		service->connection = webhook_connect(&settings);
	if (service->connection == NULL) {
		evhttp_request_free(request);
		return false;
	}
	evhttp_connection_set_timeout(service->connection, (int)service->timeout_s);
	evhttp_connection_set_max_body_size(service->connection, ANSWER_MAX);
	event_add(service->over, &deadline);
	/* The connection frees the request, also when this fails: over then says so. */
	if (evhttp_make_request(service->connection, request, EVHTTP_REQ_POST, service->path) != 0)
		event_active(service->over, EV_TIMEOUT, 0);
	return true;
}

static bool body_write(const struct turn_service *service, struct evbuffer *body)
{
	char *client_id = evhttp_uriencode(service->client_id, -1, 0);
	bool is_written = client_id != NULL && evbuffer_add_printf(body, "nonce=%s&client_id=%s",
	                                                           service->nonce, client_id) > 0;

	secret_free(client_id);
	return is_written;
}

/* Bearer base64("<access token>:<session>"). */
static bool authorization_add(const struct turn_service *service, struct evkeyvalq *headers)
{
	size_t len = strlen(service->token) + 1 + strlen(service->session);
	char *plain = malloc(len + 1), *header = malloc(sizeof "Bearer " + BASE64_SIZE(len));
	char host[300];
	bool is_added = false;

	if (plain != NULL && header != NULL) {
		snprintf(plain, len + 1, "%s:%s", service->token, service->session);
		memcpy(header, "Bearer ", 7);
		base64_put((const uint8_t *)plain, len, true, header + 7);
		snprintf(host, sizeof host, "%s:%u", service->place.host, service->place.port);
		is_added = evhttp_add_header(headers, "Authorization", header) == 0 &&
		           evhttp_add_header(headers, "Host", host) == 0 &&
		           evhttp_add_header(headers, "User-Agent", "turnstone") == 0 &&
		           evhttp_add_header(headers, "Connection", "close") == 0 &&
		           evhttp_add_header(headers, "Content-Type",
		                             "application/x-www-form-urlencoded") == 0;
	}
	secret_free(plain);
	secret_free(header);
	return is_added;
}

/* ---- the answer ---- */

/* libevent is not done with the connection yet: it is freed from the loop. */
static void answered(struct evhttp_request *request, void *context)
{
	struct turn_service *service = context;

	if (request != NULL) {
		struct evbuffer *body = evhttp_request_get_input_buffer(request);
		char *whole = (char *)evbuffer_pullup(body, -1); /* NULL: nothing, or no memory */

		service->status = evhttp_request_get_response_code(request);
		if (whole != NULL)
			text_put(&service->body, (struct slice){whole, evbuffer_get_length(body)});
	}
	event_active(service->over, EV_TIMEOUT, 0);
}

/* It is answered, or its time is up. */
static void on_over(evutil_socket_t fd, short what, void *context)
{
	struct turn_service *service = context;

	(void)fd;
	(void)what;
	evtimer_del(service->over);
	evhttp_connection_free(service->connection);
	service->connection = NULL;
	answer_take(service);
	wait_on(service);
}

static void answer_take(struct turn_service *service)
{
	struct turn_source *source = NULL;
	char session[TURN_SERVICE_SESSION_MAX + 1];
	uint32_t ttl_s;

	if (service->status == 0) {
		failed(service, "it does not answer, or its certificate is not trusted",
		       "look whether it can be reached");
	} else if (service->status == 403 || service->status == 401) {
		failed(service, "it refuses the access token",
		       "correct turn-service-token and turn-service-client-id");
	} else if (service->status != 200) {
		failed(service, "it answers with an error", "look at its log");
	} else if (turn_service_answer(text_slice(&service->body), service->nonce,
	                               timestamp_wall_ms(), &source, &ttl_s, session) != OK) {
		failed(service, "its answer is not what the protocol says", "look at its log");
	} else {
		memcpy(service->session, session, sizeof session);
		backoff_worked(&service->retry, timestamp_now());
		service->due = timestamp_now() + (timestamp)ttl_s * 1000 * REFRESH_PERCENT / 100;
		if (service->has_failed || !service->has_credentials)
			log_info("TURN credentials fetched", "host=%s lifetime=%u",
			         service->place.host, (unsigned)ttl_s);
		service->has_failed = false;
		service->has_credentials = true;
		source_give(service, source);
	}
	if (service->body.at != NULL)
		bytes_wipe(service->body.at, service->body.len);
	text_clear(&service->body);
}

static void source_give(struct turn_service *service, struct turn_source *source)
{
	struct turn_service_letter *letter = calloc(1, sizeof *letter);

	if (letter == NULL) {
		turn_source_destroy(source);
		failed(service, err_string(ERR_NO_MEMORY), "look for memory");
		return;
	}
	letter->mail.deliver = service->deliver;
	letter->context = service->context;
	letter->source = source;
	mailbox_post(service->notify, &letter->mail);
}

/* What was fetched before goes on until it expires. It is told once, until it is there again. */
static void failed(struct turn_service *service, const char *reason, const char *advice)
{
	backoff_failed(&service->retry, timestamp_now());
	if (!service->has_failed)
		log_error("TURN credentials not fetched",
		          "host=%s status=%d reason=\"%s\" advice=\"%s\"",
		          service->place.host != NULL ? service->place.host : "", service->status,
		          reason, advice);
	service->has_failed = true;
}
