/* The order in which turnconsole opens what it needs: ports and keys while it may be root, then as proc-user the store, and its threads
 * at the end. */
#include "admin/console_serve.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api.h"
#include "admin/console.h"
#include "admin/metrics_page.h"
#include "base/log.h"
#include "process/certificate_watch.h"
#include "process/main_loop.h"
#include "process/privileges.h"
#include "process/process.h"
#include "process/process_main.h"

enum {
	CONNECTIONS_MAX = 256,
	ADDRESS_CONNECTIONS_MAX = 64,
	METRICS_CONNECTIONS_MAX = 32,
	IDLE_TIMEOUT_S = 30,
	BODY_MAX = 64 * 1024,
	SIGN_IN_LIFE_S = 12 * 3600,
	SIGN_INS_MAX = 4096,
};

struct serving {
	struct console console;
	struct main_loop loop;
	struct certificate_watch *watch;
	char *problem;
};

typedef enum err step_fn(struct serving *serving);
static step_fn open_log, read_pages, make_sign_in, open_loop, open_console, open_metrics,
	drop_privileges, raise_fence, start_history, watch_certificate;

static const struct {
	step_fn *run;
	enum option_id about;
} steps[] = {
	{open_log, OPTION_ID_log_file},           {read_pages, OPTION_ID_web_admin_files},
	{make_sign_in, OPTION_ID_web_admin},      {open_loop, OPTION_ID_web_admin},
	{open_console, OPTION_ID_web_admin_port}, {open_metrics, OPTION_ID_prometheus_port},
	{drop_privileges, OPTION_ID_proc_user},   {raise_fence, OPTION_ID_fence},
	{start_history, OPTION_ID_web_admin},     {watch_certificate, OPTION_ID_cert},
};

static const struct main_loop_ops loop_ops;
static void close_all(struct serving *serving);

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

int console_serve(const struct config *config, const struct config_sources *sources)
{
	char problem[256] = "";
	struct serving serving = {.problem = problem};
	enum err err = OK;
	size_t i;

	(void)sources;
	serving.console.config = config;
	pthread_mutex_init(&serving.console.store_lock, NULL);
	main_loop_block_signals();
	for (i = 0; err == OK && i < sizeof steps / sizeof steps[0]; i++)
		err = steps[i].run(&serving);
	if (err == OK) {
		log_ready(&serving);
		main_loop_run(&serving.loop);
	}
	close_all(&serving);
	if (err != OK)
		return process_fail(config, steps[i - 1].about,
		                    problem[0] != '\0' ? problem : err_string(err));
	log_always("console stopped", NULL);
	log_close();
	return EXIT_SUCCESS;
}

static void close_all(struct serving *serving)
{
	struct console *console = &serving->console;

	http_server_destroy(console->https);
	http_server_destroy(console->metrics);
	history_stop(console->history);
	certificate_watch_destroy(serving->watch);
	main_loop_close(&serving->loop);
	sign_in_destroy(console->sign_in);
	web_files_destroy(console->files);
	if (console->store != NULL)
		store_close(console->store);
	pthread_mutex_destroy(&console->store_lock);
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

static enum err read_pages(struct serving *serving)
{
	const struct config *config = serving->console.config;
	const char *folder =
		config->web_admin_files != NULL ? config->web_admin_files : CONSOLE_FILES;

	if (!config->web_admin)
		return OK;
	return web_files_read(folder, &serving->console.files, serving->problem);
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
	return main_loop_open(&serving->loop, &loop_ops, serving, serving);
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
		.body_max = BODY_MAX,
		.handle = handle,
		.context = &serving->console,
	};

	if (!config->web_admin)
		return OK;
	if (addr_parse(config->web_admin_ip, config->web_admin_port, &settings.address) != OK)
		return ERR_INVALID;
	return http_server_create(&settings, &serving->console.https, serving->problem);
}

static enum err open_metrics(struct serving *serving)
{
	const struct config *config = serving->console.config;
	bool has_own = config->prometheus_cert != NULL;
	struct http_settings settings = {
		.connections_max = METRICS_CONNECTIONS_MAX,
		.connections_per_address_max = METRICS_CONNECTIONS_MAX,
		.idle_timeout_s = IDLE_TIMEOUT_S,
		.body_max = 0,
		.handle = metrics_page,
		.context = &serving->console,
	};

	if (!config->prometheus)
		return OK;
	if (config->prometheus_tls) {
		settings.cert_file = has_own ? config->prometheus_cert : config->cert;
		settings.key_file = has_own ? config->prometheus_key : config->pkey;
		settings.key_password = has_own ? NULL : config->pkey_pwd;
	}
	if (addr_parse(config->prometheus_address, config->prometheus_port, &settings.address) !=
	    OK)
		return ERR_INVALID;
	return http_server_create(&settings, &serving->console.metrics, serving->problem);
}

/* ---- privileges ---- */

static void each_file(const struct config *config, fence_file_fn *each, void *context)
{
	const char *const files[] = {config->prometheus_cert, config->prometheus_key};

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		if (files[i] != NULL)
			each(&(struct fence_file){.path = files[i]}, context);
}

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

static enum err start_history(struct serving *serving)
{
	if (serving->console.https == NULL)
		return OK;
	return history_start(serving->console.relay_socket, &serving->console.history);
}

static void renew(struct http_server *server, const char *of)
{
	char problem[256];

	if (server == NULL)
		return;
	if (http_server_renew_certificate(server, problem) == OK)
		log_always("certificate read anew", "of=%s", of);
	else
		log_error("certificate not read", "of=%s reason=\"%s\"", of, problem);
}

static void renew_certificates(struct serving *serving)
{
	const struct console *console = &serving->console;

	if (!console->is_plain)
		renew(console->https, "console");
	if (console->config->prometheus_tls)
		renew(console->metrics, "metrics");
}

static void certificate_changed(void *context)
{
	renew_certificates(context);
}

static enum err watch_certificate(struct serving *serving)
{
	struct certificate_stamps stamps;
	enum err err = certificate_watch_create(serving->loop.base, certificate_changed, serving,
	                                        &serving->watch);

	if (err != OK)
		return err;
	certificate_stamps_take(serving->console.config, &stamps);
	certificate_watch_follow(serving->watch, serving->console.config, &stamps);
	return OK;
}

/* ---- signals ---- */

static void stop(void *context, const char *by)
{
	struct serving *serving = context;

	log_always("console stopping", "reason=\"%s\"", by);
	main_loop_stop(&serving->loop);
}

/* Nobody's call hangs on the console. */
static void drain(void *context, const char *by, bool is_final)
{
	if (is_final)
		stop(context, by);
}

static void reload_certificates(void *context, const char *by)
{
	(void)by;
	renew_certificates(context);
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
