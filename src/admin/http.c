/* One libmicrohttpd daemon with a thread for each connection. A certificate that is renewed begins another daemon on the same listening
 * socket; the one before goes on with the connections that it has. */
#include "admin/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/http_crowd.h"
#include "admin/http_deadlines.h"
#include "admin/http_framing.h"
#include "admin/http_pem.h"
#include "base/list.h"
#include "base/log.h"

enum {
	HEAD_MAX = 32 * 1024, /* of a request, with what the library keeps beside it */
	BACKLOG = 128,
	OLD_MAX = 4, /* daemons of certificates before: then the oldest loses its connections */
	METHOD_SIZE = 16,
	STACK_SIZE = 1024 * 1024, /* JSON may be nested 2048 deep */
};

struct text_node { /* a decoded value that was given out */
	struct list node;
	char text[];
};

struct http_call {
	struct MHD_Connection *connection;
	struct transport_addr client;
	bool is_secure;
	char method[METHOD_SIZE];
	char *path; /* owned */
	char *body; /* owned */
	size_t body_len;
	struct list texts;
	struct list headers;           /* of the answer: struct header_line */
	struct MHD_Response *response; /* owned: the answer; NULL: there is none yet */
	unsigned status;
};

struct header_line {
	struct list node;
	char *name, *value; /* owned */
};

struct door { /* a daemon */
	struct MHD_Daemon *daemon;
	struct http_server *server;
	int quiet_fd; /* owned: what it listened on, where it takes nobody new; -1: it does */
	pthread_mutex_t
		lock; /* over what follows: its threads begin before it is said to have started */
	bool has_started;
	char problem[256]; /* what the library said last, while it starts */
};

struct http_server {
	struct http_settings settings; /* its texts are not kept but these: */
	char *cert_file, *key_file, *key_password;
	struct http_pem_pair
		early;     /* read before there was a daemon, by a process with more rights */
	int fd;            /* listens; each daemon has a duplicate */
	struct door *door; /* owned: takes new connections */
	struct door *old[OLD_MAX];        /* owned: newest first */
	struct http_crowd *crowd;         /* owned: connections of each address */
	struct http_deadlines *deadlines; /* owned */
};

static struct door *door_open(struct http_server *server, char problem[256]);
static void door_close(struct door *door);
static void door_free(struct door *door);
static enum MHD_Result accept_from(void *context, const struct sockaddr *from, socklen_t len);
static void told_of_connection(void *context, struct MHD_Connection *connection, void **own,
                               enum MHD_ConnectionNotificationCode code);
static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_len, void **own);
static void completed(void *context, struct MHD_Connection *connection, void **own,
                      enum MHD_RequestTerminationCode code);
static void call_destroy(struct http_call *call);
static enum MHD_Result send_answer(struct http_call *call);

/* ---- listening ---- */

static int listen_at(const struct transport_addr *address, char problem[256])
{
	char text[ADDR_TEXT_SIZE];
	int on = 1;
	int fd = socket(addr_family(address), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
	    (addr_family(address) == AF_INET ||
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
	    bind(fd, &address->any, addr_len(address)) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	snprintf(problem, 256, "cannot listen at %s: %s", addr_format(address, text),
	         strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static enum err copy_text(const char *text, char **copy)
{
	*copy = text == NULL ? NULL : strdup(text);
	return text != NULL && *copy == NULL ? ERR_NO_MEMORY : OK;
}

static enum err copy_settings(struct http_server *server, const struct http_settings *settings)
{
	server->settings = *settings;
	if (copy_text(settings->cert_file, &server->cert_file) != OK ||
	    copy_text(settings->key_file, &server->key_file) != OK ||
	    copy_text(settings->key_password, &server->key_password) != OK)
		return ERR_NO_MEMORY;
	server->crowd = http_crowd_create(settings->connections_per_address_max);
	return server->crowd == NULL ? ERR_NO_MEMORY : OK;
}

enum err http_server_listen(const struct http_settings *settings, struct http_server **made,
                            char problem[256])
{
	struct http_server *server = calloc(1, sizeof *server);
	enum err err = ERR_NO_MEMORY;

	snprintf(problem, 256, "no memory");
	if (server == NULL)
		return err;
	server->fd = -1;
	err = copy_settings(server, settings);
	if (err != OK)
		goto fail;
	err = ERR_SYSTEM;
	server->fd = listen_at(&settings->address, problem);
	if (server->fd < 0)
		goto fail;
	err = ERR_INVALID;
	if (server->cert_file != NULL &&
	    !http_pem_pair_read(server->cert_file, server->key_file, &server->early, problem))
		goto fail;
	*made = server;
	return OK;
fail:
	http_server_destroy(server);
	return err;
}

enum err http_server_start(struct http_server *server, char problem[256])
{
	snprintf(problem, 256, "no memory");
	server->deadlines = http_deadlines_create();
	if (server->deadlines == NULL)
		return ERR_NO_MEMORY;
	server->door = door_open(server, problem);
	return server->door != NULL ? OK : ERR_INVALID;
}

enum err http_server_create(const struct http_settings *settings, struct http_server **made,
                            char problem[256])
{
	struct http_server *server;
	enum err err = http_server_listen(settings, &server, problem);

	if (err == OK)
		err = http_server_start(server, problem);
	else
		return err;
	if (err == OK)
		*made = server;
	else
		http_server_destroy(server);
	return err;
}

void http_server_destroy(struct http_server *server)
{
	if (server == NULL)
		return;
	door_close(server->door);
	for (size_t i = 0; i < OLD_MAX; i++)
		door_close(server->old[i]);
	if (server->fd >= 0)
		close(server->fd);
	http_crowd_destroy(server->crowd);
	http_deadlines_destroy(server->deadlines);
	http_pem_pair_deinit(&server->early);
	free(server->cert_file);
	free(server->key_file);
	http_pem_wipe(server->key_password);
	free(server);
}

unsigned http_server_port(const struct http_server *server)
{
	struct transport_addr at;
	socklen_t len = sizeof at;

	return getsockname(server->fd, &at.any, &len) == 0 ? addr_port(&at) : 0;
}

/* No thread calls it while another does; the caller's loop renews. */
enum err http_server_renew_certificate(struct http_server *server, char problem[256])
{
	struct door *renewed = door_open(server, problem);

	if (renewed == NULL)
		return ERR_INVALID;
	server->door->quiet_fd = MHD_quiesce_daemon(server->door->daemon);
	door_close(server->old[OLD_MAX - 1]);
	memmove(server->old + 1, server->old, (OLD_MAX - 1) * sizeof server->old[0]);
	server->old[0] = server->door;
	server->door = renewed;
	return OK;
}

/* ---- a daemon ---- */

/* The library says why it does not start in lines of its log. Later they are about connections that broke, which is nothing. */
PRINTF_LIKE(2, 0) static void library_said(void *context, const char *format, va_list args)
{
	struct door *door = context;

	pthread_mutex_lock(&door->lock);
	if (!door->has_started) {
		vsnprintf(door->problem, sizeof door->problem, format, args);
		door->problem[strcspn(door->problem, "\n")] = '\0';
	}
	pthread_mutex_unlock(&door->lock);
}

/* Paths and queries are decoded where they are used: what is decoded twice can hide something. */
static size_t leave_encoded(void *context, struct MHD_Connection *connection, char *text)
{
	(void)context;
	(void)connection;
	return strlen(text);
}

static struct MHD_Daemon *start(struct door *door, const struct MHD_OptionItem *tls, unsigned flags)
{
	const struct http_settings *settings = &door->server->settings;
	int fd = fcntl(door->server->fd, F_DUPFD_CLOEXEC, 0);
	struct MHD_Daemon *daemon;

	if (fd < 0)
		return NULL;
	daemon = MHD_start_daemon(
		flags | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
			MHD_USE_POLL | MHD_USE_ITC | MHD_USE_ERROR_LOG,
		0, accept_from, door->server, handle, door->server, MHD_OPTION_EXTERNAL_LOGGER,
		library_said, door, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
		settings->connections_max, MHD_OPTION_CONNECTION_TIMEOUT, settings->idle_timeout_s,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_MAX, MHD_OPTION_THREAD_STACK_SIZE,
		(size_t)STACK_SIZE, MHD_OPTION_UNESCAPE_CALLBACK, leave_encoded, NULL,
		MHD_OPTION_NOTIFY_CONNECTION, told_of_connection, door->server,
		MHD_OPTION_NOTIFY_COMPLETED, completed, door->server, MHD_OPTION_STRICT_FOR_CLIENT,
		1, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
	if (daemon == NULL)
		close(fd);
	return daemon;
}

static struct MHD_Daemon *start_tls(struct door *door, char problem[256])
{
	struct http_server *server = door->server;
	struct http_pem_pair pair = server->early;
	struct MHD_Daemon *daemon = NULL;

	server->early = (struct http_pem_pair){NULL, NULL};
	if (pair.key != NULL ||
	    http_pem_pair_read(server->cert_file, server->key_file, &pair, problem)) {
		const struct MHD_OptionItem tls[] = {
			{MHD_OPTION_HTTPS_MEM_CERT, 0, pair.cert},
			{MHD_OPTION_HTTPS_MEM_KEY, 0, pair.key},
			{MHD_OPTION_HTTPS_PRIORITIES, 0,
		         "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
			{server->key_password != NULL ? MHD_OPTION_HTTPS_KEY_PASSWORD
		                                      : MHD_OPTION_END,
		         0, server->key_password},
			{MHD_OPTION_END, 0, NULL},
		};
		daemon = start(door, tls, MHD_USE_TLS);
		if (daemon == NULL)
			snprintf(problem, 256, "%.100s and %.100s: %.40s", server->cert_file,
			         server->key_file, door->problem);
	}
	http_pem_pair_deinit(&pair);
	return daemon;
}

static void door_free(struct door *door)
{
	pthread_mutex_destroy(&door->lock);
	free(door);
}

static struct door *door_open(struct http_server *server, char problem[256])
{
	static const struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
	struct door *door = calloc(1, sizeof *door);

	if (door == NULL) {
		snprintf(problem, 256, "no memory");
		return NULL;
	}
	door->server = server;
	door->quiet_fd = -1;
	pthread_mutex_init(&door->lock, NULL);
	if (server->cert_file != NULL) {
		door->daemon = start_tls(door, problem);
	} else {
		door->daemon = start(door, none, 0);
		if (door->daemon == NULL)
			snprintf(problem, 256, "%.200s", door->problem);
	}
	if (door->daemon == NULL) {
		door_free(door);
		return NULL;
	}
	pthread_mutex_lock(&door->lock);
	door->has_started = true;
	pthread_mutex_unlock(&door->lock);
	return door;
}

/* The library says that what it listened on may be in use by its thread until it has stopped. */
static void door_close(struct door *door)
{
	if (door == NULL)
		return;
	MHD_stop_daemon(door->daemon);
	if (door->quiet_fd >= 0)
		close(door->quiet_fd);
	door_free(door);
}

/* ---- connections ---- */

static bool take_addr(const struct sockaddr *from, struct transport_addr *addr)
{
	if (from == NULL || (from->sa_family != AF_INET && from->sa_family != AF_INET6))
		return false;
	memset(addr, 0, sizeof *addr);
	memcpy(addr, from, from->sa_family == AF_INET ? sizeof addr->v4 : sizeof addr->v6);
	return true;
}

static enum MHD_Result accept_from(void *context, const struct sockaddr *from, socklen_t len)
{
	struct http_server *server = context;
	struct transport_addr addr;

	(void)len;
	return take_addr(from, &addr) && http_crowd_has_room(server->crowd, &addr) ? MHD_YES
	                                                                           : MHD_NO;
}

static bool peer_of(struct MHD_Connection *connection, struct transport_addr *addr)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	return info != NULL && take_addr(info->client_addr, addr);
}

static struct http_deadline *deadline_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info != NULL ? info->socket_context : NULL;
}

static struct http_deadline *begin_deadline(struct http_server *server,
                                            struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct http_deadline *deadline =
		info == NULL ? NULL : http_deadline_add(server->deadlines, info->connect_fd);

	http_deadline_set(server->deadlines, deadline, server->settings.request_timeout_s);
	return deadline;
}

static void told_of_connection(void *context, struct MHD_Connection *connection, void **own,
                               enum MHD_ConnectionNotificationCode code)
{
	struct http_server *server = context;
	struct transport_addr addr;
	bool is_new = code == MHD_CONNECTION_NOTIFY_STARTED;

	if (is_new)
		*own = begin_deadline(server, connection);
	else
		http_deadline_remove(server->deadlines, *own);
	if (!peer_of(connection, &addr))
		return;
	if (is_new)
		http_crowd_enter(server->crowd, &addr);
	else
		http_crowd_leave(server->crowd, &addr);
}

/* ---- a request ---- */

static struct http_call *call_create(struct http_server *server, struct MHD_Connection *connection,
                                     const char *path, const char *method)
{
	struct http_call *call = calloc(1, sizeof *call);

	if (call == NULL)
		return NULL;
	call->connection = connection;
	list_init(&call->texts);
	list_init(&call->headers);
	call->is_secure = server->cert_file != NULL;
	snprintf(call->method, sizeof call->method, "%s", method);
	call->path = strdup(http_framing_path(path));
	if (call->path != NULL && peer_of(connection, &call->client))
		return call;
	call_destroy(call);
	return NULL;
}

/* There may be a password in it. */
static void body_free(struct http_call *call)
{
	if (call->body != NULL)
		explicit_bzero(call->body, call->body_len);
	free(call->body);
}

static enum MHD_Result take_upload(struct http_call *call, const char *upload, size_t *len,
                                   size_t max)
{
	if (*len > max - call->body_len)
		return MHD_NO; /* it said less, or nothing, of its length: the connection ends */
	/* All of it at once: growing with each piece costs its square where they are small. */
	if (call->body == NULL && (call->body = malloc(max)) == NULL)
		return MHD_NO;
	memcpy(call->body + call->body_len, upload, *len);
	call->body_len += *len;
	*len = 0;
	return MHD_YES;
}

/* A length that is too long is refused before the body is read. */
static bool is_too_long(struct http_call *call, size_t max)
{
	const char *text = http_header(call, "Content-Length");

	return text != NULL && strtoull(text, NULL, 10) > max;
}

static enum MHD_Result refuse_long(struct http_call *call)
{
	static const char text[] = "The body is too long.\n";

	http_answer_lent(call, 413, "text/plain; charset=utf-8", text, sizeof text - 1);
	return send_answer(call);
}

/* What follows it may be taken for another request than others take it for: the connection ends. */
static enum MHD_Result refuse_unclear(struct http_call *call)
{
	static const char text[] = "It is not clear where the request ends.\n";

	http_set_header(call, "Connection", "close");
	http_answer_lent(call, 400, "text/plain; charset=utf-8", text, sizeof text - 1);
	return send_answer(call);
}

static enum MHD_Result look_at_field(void *context, enum MHD_ValueKind kind, const char *name,
                                     size_t name_len, const char *value, size_t value_len)
{
	(void)kind;
	http_framing_take(context, (struct slice){name, name_len},
	                  (struct slice){value, value == NULL ? 0 : value_len});
	return MHD_YES;
}

static bool is_clear(struct MHD_Connection *connection, const char *version)
{
	struct http_framing framing = {0};

	MHD_get_connection_values_n(connection, MHD_HEADER_KIND, look_at_field, &framing);
	return http_framing_is_clear(&framing, version);
}

static enum MHD_Result begin(struct http_server *server, struct http_call *call,
                             const char *version)
{
	if (!is_clear(call->connection, version))
		return refuse_unclear(call);
	return is_too_long(call, server->settings.body_max) ? refuse_long(call) : MHD_YES;
}

/* While the handler works the connection waits, however long that takes. */
static enum MHD_Result answer_whole(struct http_server *server, struct http_call *call)
{
	struct http_deadline *deadline = deadline_of(call->connection);

	http_deadline_set(server->deadlines, deadline, 0);
	server->settings.handle(call, server->settings.context);
	http_deadline_set(server->deadlines, deadline, server->settings.request_timeout_s);
	return send_answer(call);
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_len, void **own)
{
	struct http_server *server = context;
	struct http_call *call = *own;

	if (call == NULL) {
		*own = call = call_create(server, connection, path, method);
		return call == NULL ? MHD_NO : begin(server, call, version);
	}
	if (*upload_len > 0)
		return take_upload(call, upload, upload_len, server->settings.body_max);
	return answer_whole(server, call);
}

/* The next request may be a while in coming. */
static void completed(void *context, struct MHD_Connection *connection, void **own,
                      enum MHD_RequestTerminationCode code)
{
	struct http_server *server = context;

	(void)code;
	http_deadline_set(server->deadlines, deadline_of(connection),
	                  server->settings.idle_timeout_s + server->settings.request_timeout_s);
	call_destroy(*own);
	*own = NULL;
}

static void call_destroy(struct http_call *call)
{
	if (call == NULL)
		return;
	LIST_FOR_EACH (node, &call->texts)
		free(CONTAINER_OF(node, struct text_node, node));
	LIST_FOR_EACH (node, &call->headers) {
		struct header_line *line = CONTAINER_OF(node, struct header_line, node);
		free(line->name);
		free(line->value);
		free(line);
	}
	if (call->response != NULL)
		MHD_destroy_response(call->response);
	body_free(call);
	free(call->path);
	free(call);
}

/* ---- what was asked ---- */

const char *http_method(const struct http_call *call)
{
	return call->method;
}

const char *http_path(const struct http_call *call)
{
	return call->path;
}

struct slice http_body(const struct http_call *call)
{
	return (struct slice){call->body, call->body_len};
}

bool http_is_secure(const struct http_call *call)
{
	return call->is_secure;
}

const struct transport_addr *http_client(const struct http_call *call)
{
	return &call->client;
}

const char *http_header(const struct http_call *call, const char *name)
{
	return MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, name);
}

const char *http_query(struct http_call *call, const char *name)
{
	const char *raw =
		MHD_lookup_connection_value(call->connection, MHD_GET_ARGUMENT_KIND, name);
	size_t size = raw == NULL ? 0 : strlen(raw) + 1;
	struct text_node *decoded = raw == NULL ? NULL : malloc(sizeof *decoded + size);

	if (decoded == NULL)
		return NULL;
	if (!http_decode(slice_of(raw), true, decoded->text, size)) {
		free(decoded);
		return NULL;
	}
	list_append(&call->texts, &decoded->node);
	return decoded->text;
}

struct cookie_search {
	const char *name, *value;
	unsigned found;
};

static enum MHD_Result look_at_cookie(void *context, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
	struct cookie_search *search = context;

	(void)kind;
	if (strcmp(name, search->name) == 0) {
		search->value = value;
		search->found++;
	}
	return MHD_YES;
}

const char *http_cookie(const struct http_call *call, const char *name)
{
	struct cookie_search search = {.name = name};

	MHD_get_connection_values(call->connection, MHD_COOKIE_KIND, look_at_cookie, &search);
	return search.found == 1 ? search.value : NULL;
}

/* ---- the answer ---- */

static bool has_line_end(const char *text)
{
	return strpbrk(text, "\r\n") != NULL;
}

void http_set_header(struct http_call *call, const char *name, const char *value)
{
	struct header_line *line;

	if (has_line_end(name) || has_line_end(value)) {
		log_warning("header left out", "name=\"%s\"", name);
		return;
	}
	line = calloc(1, sizeof *line);
	if (line == NULL)
		return;
	line->name = strdup(name);
	line->value = strdup(value);
	if (line->name != NULL && line->value != NULL) {
		list_append(&call->headers, &line->node);
		return;
	}
	free(line->name);
	free(line->value);
	free(line);
}

static void answer(struct http_call *call, unsigned status, const char *content_type,
                   const void *body, size_t len, enum MHD_ResponseMemoryMode mode)
{
	if (call->response != NULL)
		return;
	call->status = status;
	/* The library takes what it only reads as if it would write to it. */
	call->response = MHD_create_response_from_buffer(len, (void *)(uintptr_t)body, mode);
	if (call->response != NULL && content_type != NULL)
		MHD_add_response_header(call->response, "Content-Type", content_type);
}

void http_answer(struct http_call *call, unsigned status, const char *content_type,
                 const void *body, size_t len)
{
	answer(call, status, content_type, len == 0 ? "" : body, len, MHD_RESPMEM_MUST_COPY);
}

void http_answer_lent(struct http_call *call, unsigned status, const char *content_type,
                      const void *body, size_t len)
{
	answer(call, status, content_type, body, len, MHD_RESPMEM_PERSISTENT);
}

bool http_is_answered(const struct http_call *call)
{
	return call->response != NULL;
}

/* Without an answer, for want of memory or of a handler that knows the path, there is a 404 or the end of the connection. */
static enum MHD_Result send_answer(struct http_call *call)
{
	static const char nothing[] = "Not found.\n";

	if (call->response == NULL)
		http_answer_lent(call, 404, "text/plain; charset=utf-8", nothing,
		                 sizeof nothing - 1);
	if (call->response == NULL)
		return MHD_NO;
	LIST_FOR_EACH (node, &call->headers) {
		const struct header_line *line = CONTAINER_OF(node, struct header_line, node);
		MHD_add_response_header(call->response, line->name, line->value);
	}
	return MHD_queue_response(call->connection, call->status, call->response);
}
