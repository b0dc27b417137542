/* The order in which turnconsole opens what it needs: ports and keys while it may be root, then as proc-user the store, and its threads
 * at the end. */
#include "admin/console_serve.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/api.h"
#include "admin/console.h"
#include "admin/metrics_page.h"
#include "base/log.h"
#include "process/certificate_watch.h"
#include "process/main_loop.h"
#include "process/privileges.h"
#include "process/process.h"
#include "process/process_main.h"
#include "process/service_manager.h"
#include "store/configured_store.h"

enum {
	CONNECTIONS_MAX = 256,
	ADDRESS_CONNECTIONS_MAX = 64,
	METRICS_CONNECTIONS_MAX = 32,
	IDLE_TIMEOUT_S = 30,
	REQUEST_TIMEOUT_S = 60,
	BODY_MAX = 64 * 1024,
	PATIENCE_S = 3, /* of requests under way when it is to end */
	SIGN_IN_LIFE_S = 12 * 3600,
	SIGN_INS_MAX = 4096,
};

/* A server's pair of files, under the names that a configuration has for the first one. */
struct certificate {
	const char *of; /* for the log */
	struct config files;
	struct certificate_stamps seen;
	struct certificate_watch *watch; /* owned; NULL: there is none */
	struct http_server **server;     /* NULL in it: it is off */
};
enum { CERTIFICATES = 2 };

struct serving {
	struct console console;
	struct main_loop loop;
	struct service_manager manager;
	struct metrics_page *metrics;
	struct certificate certificates[CERTIFICATES];
	int life;                 /* owned; -1: signals end it */
	struct event *life_event; /* owned */
	char *problem;
};

typedef enum err step_fn(struct serving *serving);
static step_fn open_log, read_pages, make_sign_in, open_loop, open_console, open_metrics,
	drop_privileges, raise_fence, start_servers, start_history, watch_certificates;

static const struct {
	step_fn *run;
	enum option_id about;
} steps[] = {
	{open_log, OPTION_ID_log_file},           {read_pages, OPTION_ID_web_admin_files},
	{make_sign_in, OPTION_ID_web_admin},      {open_loop, OPTION_ID_web_admin},
	{open_console, OPTION_ID_web_admin_port}, {open_metrics, OPTION_ID_prometheus_port},
	{drop_privileges, OPTION_ID_proc_user},   {raise_fence, OPTION_ID_fence},
	{start_history, OPTION_ID_web_admin},     {start_servers, OPTION_ID_cert},
	{watch_certificates, OPTION_ID_cert},
};

static const struct main_loop_ops loop_ops;
static void close_servers_in_time(struct serving *serving);
static void close_all(struct serving *serving);
static void on_life_ended(evutil_socket_t fd, short what, void *context);

static void log_ready(const struct serving *serving)
{
	const struct console *console = &serving->console;

	if (console->https != NULL)
		log_always("console ready", "url=%s://%s:%u", console->is_plain ? "http" : "https",
		           console->config->web_admin_ip, http_server_port(console->https));
	if (console->metrics != NULL)
		log_always("metrics ready", "address=%s port=%u path=%s",
		           console->config->prometheus_address, http_server_port(console->metrics),
		           console->config->prometheus_path);
}

static void serve(struct serving *serving)
{
	log_ready(serving);
	service_manager_ready(&serving->manager);
	main_loop_run(&serving->loop);
	service_manager_stopping(&serving->manager);
}

int console_serve(const struct config *config, int life)
{
	char problem[256] = "";
	struct serving serving = {.console = {.config = config}, .life = life, .problem = problem};
	enum err err = OK;
	size_t i;

	pthread_mutex_init(&serving.console.store_lock, NULL);
	pthread_mutex_init(&serving.console.ready_lock, NULL);
	service_manager_open(&serving.manager);
	main_loop_block_signals();
	for (i = 0; err == OK && i < sizeof steps / sizeof steps[0]; i++)
		err = steps[i].run(&serving);
	if (err == OK)
		serve(&serving);
	close_servers_in_time(&serving);
	close_all(&serving);
	if (err != OK)
		return process_fail(config, steps[i - 1].about,
		                    problem[0] != '\0' ? problem : err_string(err));
	log_always("console stopped", NULL);
	log_close();
	return EXIT_SUCCESS;
}

/* ---- the end ---- */

static void *close_servers(void *context)
{
	struct serving *serving = context;

	http_server_destroy(serving->console.https);
	http_server_destroy(serving->console.metrics);
	history_stop(serving->console.history);
	return NULL;
}

/* A handler that waits for the relay may do so for longer than anybody waits for this end. What it was about to write the store undoes. */
static void close_servers_in_time(struct serving *serving)
{
	struct timespec deadline;
	pthread_t thread;

	if (pthread_create(&thread, NULL, close_servers, serving) != 0) {
		close_servers(serving);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += PATIENCE_S;
	if (pthread_timedjoin_np(thread, NULL, &deadline) == 0)
		return;
	log_warning("requests not answered",
	            "effect=\"requests that were under way are not answered\"");
	log_close();
	_exit(EXIT_SUCCESS);
}

static void close_all(struct serving *serving)
{
	struct console *console = &serving->console;

	metrics_page_destroy(serving->metrics);
	for (size_t i = 0; i < CERTIFICATES; i++)
		certificate_watch_destroy(serving->certificates[i].watch);
	if (serving->life_event != NULL)
		event_free(serving->life_event);
	if (serving->life >= 0)
		close(serving->life);
	main_loop_close(&serving->loop);
	service_manager_close(&serving->manager);
	sign_in_destroy(console->sign_in);
	web_files_destroy(console->files);
	if (console->store != NULL)
		store_close(console->store);
	pthread_mutex_destroy(&console->store_lock);
	pthread_mutex_destroy(&console->ready_lock);
}

/* ---- steps ---- */

static enum err open_log(struct serving *serving)
{
	struct console *console = &serving->console;
	const struct config *config = console->config;

	if (!config->web_admin && !config->prometheus) {
		snprintf(serving->problem, 256,
		         "web-admin and prometheus are both off: there is nothing to serve");
		return ERR_INVALID;
	}
	console->is_plain = config->web_admin_plain;
	console->relay_socket = config->control_socket != NULL ? config->control_socket : "";
	console->signaling_socket =
		config->signaling_control_socket != NULL ? config->signaling_control_socket : "";
	if (strcmp(console->relay_socket, "off") == 0)
		console->relay_socket = "";
	if (strcmp(console->signaling_socket, "off") == 0)
		console->signaling_socket = "";
	process_raise_limits();
	return process_open_log(config, serving->problem);
}

/* Without pages that were to be installed there still are the interface and metrics. */
static enum err read_pages(struct serving *serving)
{
	const struct config *config = serving->console.config;
	const char *own = config->web_admin_files;
	enum err err = OK;

	if (config->web_admin)
		err = web_files_read(own != NULL ? own : CONSOLE_FILES, &serving->console.files,
		                     serving->problem);
	if (err == OK || own != NULL)
		return err;
	log_error("no pages", "reason=\"%s\" advice=\"install them, or set web-admin-files\"",
	          serving->problem);
	serving->problem[0] = '\0';
	return OK;
}

static struct store *take_store(void *context)
{
	return console_take_store(context);
}

static void release_store(void *context)
{
	console_release_store(context);
}

static enum err make_sign_in(struct serving *serving)
{
	const struct sign_in_settings settings = {
		.take_store = take_store,
		.release_store = release_store,
		.context = &serving->console,
		.idle_s = serving->console.config->web_admin_idle_timeout,
		.life_s = SIGN_IN_LIFE_S,
		.count_max = SIGN_INS_MAX,
	};

	return sign_in_create(&settings, &serving->console.sign_in);
}

static enum err open_loop(struct serving *serving)
{
	enum err err = main_loop_open(&serving->loop, &loop_ops, serving, serving);

	if (err != OK || serving->life < 0)
		return err;
	serving->life_event =
		event_new(serving->loop.base, serving->life, EV_READ, on_life_ended, serving);
	if (serving->life_event == NULL || event_add(serving->life_event, NULL) != 0)
		return ERR_NO_MEMORY;
	return OK;
}

/* The interface first: no file of the pages is to stand in its place. */
static void handle(struct http_call *call, void *context)
{
	struct console *console = context;

	if (!api_handle(console, call))
		(void)web_files_answer(console->files, call);
}

static enum err open_console(struct serving *serving)
{
	const struct config *config = serving->console.config;
	struct http_settings settings = {
		.cert_file = config->web_admin_plain ? NULL : config->cert,
		.key_file = config->web_admin_plain ? NULL : config->pkey,
		.key_password = config->pkey_pwd,
		.connections_max = CONNECTIONS_MAX,
		.connections_per_address_max = ADDRESS_CONNECTIONS_MAX,
		.idle_timeout_s = IDLE_TIMEOUT_S,
		.request_timeout_s = REQUEST_TIMEOUT_S,
		.body_max = BODY_MAX,
		.handle = handle,
		.context = &serving->console,
	};

	if (!config->web_admin)
		return OK;
	if (addr_parse(config->web_admin_ip, config->web_admin_port, &settings.address) != OK)
		return ERR_INVALID;
	return http_server_listen(&settings, &serving->console.https, serving->problem);
}

static enum err open_metrics(struct serving *serving)
{
	const struct config *config = serving->console.config;
	bool has_own = config->prometheus_cert != NULL;
	struct http_settings settings = {
		.connections_max = METRICS_CONNECTIONS_MAX,
		.connections_per_address_max = METRICS_CONNECTIONS_MAX,
		.idle_timeout_s = IDLE_TIMEOUT_S,
		.request_timeout_s = REQUEST_TIMEOUT_S,
		.body_max = 0,
		.handle = metrics_page_answer,
	};
	enum err err;

	if (!config->prometheus)
		return OK;
	err = metrics_page_create(&serving->console, &serving->metrics);
	if (err != OK)
		return err;
	settings.context = serving->metrics;
	if (config->prometheus_tls) {
		settings.cert_file = has_own ? config->prometheus_cert : config->cert;
		settings.key_file = has_own ? config->prometheus_key : config->pkey;
		settings.key_password = has_own ? NULL : config->pkey_pwd;
	}
	if (addr_parse(config->prometheus_address, config->prometheus_port, &settings.address) !=
	    OK)
		return ERR_INVALID;
	return http_server_listen(&settings, &serving->console.metrics, serving->problem);
}

/* ---- privileges ---- */

struct naming {
	fence_file_fn *each;
	void *context;
};

static void name_file(const char *path, void *context)
{
	const struct naming *naming = context;

	if (path != NULL)
		naming->each(&(struct fence_file){.path = path}, naming->context);
}

static void each_file(const struct config *config, fence_file_fn *each, void *context)
{
	const struct store_location store = configured_store(config);
	struct naming naming = {each, context};

	name_file(config->prometheus_cert, &naming);
	name_file(config->prometheus_key, &naming);
	store_location_files(&store, name_file, &naming);
}

/* Its ports are open by then. */
static const struct privileges_needs needs = {.each_file = each_file};

static enum err drop_privileges(struct serving *serving)
{
	return privileges_drop(serving->console.config, &needs, serving->problem);
}

static enum err raise_fence(struct serving *serving)
{
	return privileges_fence(serving->console.config, &needs, serving->problem);
}

/* ---- what runs ---- */

static enum err start_servers(struct serving *serving)
{
	const struct console *console = &serving->console;
	enum err err = OK;

	if (console->https != NULL)
		err = http_server_start(console->https, serving->problem);
	if (err == OK && console->metrics != NULL)
		err = http_server_start(console->metrics, serving->problem);
	return err;
}

static enum err start_history(struct serving *serving)
{
	if (serving->console.https == NULL)
		return OK;
	return history_start(serving->console.relay_socket, &serving->console.history);
}

/* What is the same as before is not read: several may have told of one change. */
static void renew(struct certificate *certificate)
{
	struct certificate_stamps now;
	char problem[256];

	certificate_stamps_take(&certificate->files, &now);
	if (memcmp(&now, &certificate->seen, sizeof now) == 0)
		return;
	certificate->seen = now;
	if (http_server_renew_certificate(*certificate->server, problem) == OK)
		log_always("certificate of the console read anew", "of=%s cert=%s", certificate->of,
		           certificate->files.cert);
	else
		log_error("certificate of the console not read",
		          "of=%s reason=\"%s\" effect=\"the one of before is used on\"",
		          certificate->of, problem);
}

static void certificate_changed(void *context)
{
	renew(context);
}

/* The watch looks at the names that certificates have in a configuration, and so does this one. */
static void name_files(struct serving *serving)
{
	struct console *console = &serving->console;
	const struct config *config = console->config;
	bool has_own = config->prometheus_cert != NULL;
	const char *cert = has_own ? config->prometheus_cert : config->cert;
	const char *key = has_own ? config->prometheus_key : config->pkey;

	serving->certificates[0] = (struct certificate){
		.of = "console",
		.files = {.cert = config->cert, .pkey = config->pkey},
		.server = console->is_plain ? NULL : &console->https,
	};
	serving->certificates[1] = (struct certificate){
		.of = "metrics",
		.files = {.cert = (char *)(uintptr_t)cert, .pkey = (char *)(uintptr_t)key},
		.server = config->prometheus_tls ? &console->metrics : NULL,
	};
}

static bool is_served(const struct certificate *certificate)
{
	return certificate->server != NULL && *certificate->server != NULL;
}

static enum err watch_certificates(struct serving *serving)
{
	enum err err = OK;

	name_files(serving);
	for (size_t i = 0; i < CERTIFICATES && err == OK; i++) {
		struct certificate *certificate = &serving->certificates[i];
		if (!is_served(certificate))
			continue;
		certificate_stamps_take(&certificate->files, &certificate->seen);
		err = certificate_watch_create(serving->loop.base, certificate_changed, certificate,
		                               &certificate->watch);
		if (err == OK)
			certificate_watch_follow(certificate->watch, &certificate->files,
			                         &certificate->seen);
	}
	return err;
}

/* ---- signals ---- */

static void end(struct serving *serving, const char *by)
{
	log_always("console stopping", "reason=\"%s\"", by);
	main_loop_stop(&serving->loop);
}

static void on_life_ended(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	end(context, "turnserver");
}

static void stop(void *context, const char *by)
{
	struct serving *serving = context;

	if (serving->life < 0)
		end(serving, by);
}

/* Nobody's call hangs on the console. */
static void drain(void *context, const char *by, bool is_final)
{
	if (is_final)
		stop(context, by);
}

static void reload_certificates(void *context, const char *by)
{
	struct serving *serving = context;

	(void)by;
	for (size_t i = 0; i < CERTIFICATES; i++)
		if (is_served(&serving->certificates[i]))
			renew(&serving->certificates[i]);
}

static void reload(void *context, const char *by)
{
	const struct serving *serving = context;

	process_reopen_log(serving->console.config);
	reload_certificates(context, by);
}

static enum main_loop_drain drain_state(const void *context)
{
	(void)context;
	return MAIN_LOOP_SERVES;
}

static bool has_patience(const void *context)
{
	(void)context;
	return false;
}

static const struct main_loop_ops loop_ops = {
	.stop = stop,
	.drain = drain,
	.reload = reload,
	.reload_certificates = reload_certificates,
	.drain_state = drain_state,
	.has_patience = has_patience,
};
