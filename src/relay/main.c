/* turnserver: the STUN and TURN relay. Reads the configuration, starts the relay threads, and undoes
 * it all at the end; in between the loop of main_thread.c runs here. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/log_ring.h"
#include "process/main_loop.h"
#include "process/process.h"
#include "process/process_control.h"
#include "process/process_main.h"
#include "relay/console_child.h"
#include "relay/coturn_log.h"
#include "relay/door.h"
#include "relay/main_thread.h"
#include "relay/relay.h"
#include "relay/relay_needs.h"
#include "relay/reload.h"
#include "store/store.h"

static void leave(const struct config *config, struct control_socket *opened);
static int drive(struct relay *relay, struct console_child *child, struct control_socket *opened,
                 const struct config_sources *sources, struct log_ring *log);

static void log_addresses(const struct relay *relay)
{
	const struct config *config = relay->config;

	for (size_t i = 0; i < relay->frontend_ip_count; i++) {
		char ip[ADDR_TEXT_SIZE];
		log_always("listening", "ip=%s port=%u tls_port=%u udp=%d tcp=%d tls=%d dtls=%d",
		           addr_format_ip(&relay->frontend_ips[i], ip), config->listening_port,
		           config->tls_listening_port, config->udp, config->tcp, relay->tls != NULL,
		           relay->dtls != NULL);
	}
	for (size_t i = 0; i < config->aux_server.count; i++) {
		const struct transport_addr *addr = &config->aux_server.item[i];
		char ip[ADDR_TEXT_SIZE];
		log_always("listening as well", "ip=%s port=%u", addr_format_ip(addr, ip),
		           addr_port(addr) ? addr_port(addr) : config->listening_port);
	}
	for (size_t i = 0; i < relay->address_count; i++) {
		char ip[ADDR_TEXT_SIZE], public_ip[ADDR_TEXT_SIZE];
		log_always("relaying from", "ip=%s seen_as=%s ports=%u-%u",
		           addr_format_ip(&relay->addresses[i].ip, ip),
		           addr_format_ip(&relay->addresses[i].public_ip, public_ip),
		           config->min_port, config->max_port);
	}
}

static void log_ready(const struct relay *relay, const struct control_socket *control_socket)
{
	const struct config *config = relay->config;

	log_addresses(relay);
	if (control_socket->fd >= 0)
		log_always("control socket", "path=%s", control_socket->path);
	log_always("ready", "version=%s realm=%s engine=%s threads=%u pid=%ld", PACKAGE_VERSION,
	           config->realm != NULL ? config->realm : "", engine_name(relay->engine),
	           relay->thread_count, (long)getpid());
	coturn_log_ready(relay->store != NULL);
}

/* What a thread had; a counter that stayed at zero is not told. */
static void log_thread_totals(const struct relay *relay, unsigned thread)
{
	for (unsigned counter = 0; counter < COUNTER_COUNT; counter++) {
		uint64_t value = relay_thread_counter(relay, thread, counter);
		if (value != 0)
			log_event(LEVEL_DEBUG | LOG_ALWAYS, "total", "thread=%u %s=%" PRIu64,
			          thread, counter_name(counter), value);
	}
}

static void log_totals(const struct relay *relay)
{
	for (unsigned thread = 0; thread < relay->thread_count; thread++)
		log_thread_totals(relay, thread);
	for (unsigned counter = 0; counter < COUNTER_COUNT; counter++) {
		uint64_t value = relay_counter(relay, counter);
		if (value != 0)
			log_event(LEVEL_DEBUG | LOG_ALWAYS, "total", "%s=%" PRIu64,
			          counter_name(counter), value);
	}
}

/* The store was opened as root; when it goes away and comes back it is opened as the user. */
static enum err check_store(const struct config *config, char problem[256])
{
	struct store *store;
	enum err err;

	if (config->userdb == NULL || config->redis_userdb != NULL)
		return OK;
	err = store_open(config->userdb, false, &store, problem);
	if (err == OK)
		store_close(store);
	return err;
}

/* What is done once the ports are bound and before any thread is started, so that all inherit what
 * is left to them. Pidfile and control socket come first: their folders may be root's. */
static enum err settle(const struct relay *relay, struct control_socket *opened, char problem[256],
                       enum option_id *about)
{
	const struct config *config = relay->config;
	enum err err = OK;

	*about = OPTION_ID_pidfile;
	if (config->pidfile != NULL)
		err = process_write_pidfile(config->pidfile, problem);
	if (err != OK)
		return err;
	*about = OPTION_ID_control_socket;
	err = process_control_open(config, OPTION_ID_control_socket, config->control_socket, opened,
	                           problem);
	if (err == OK) {
		*about = OPTION_ID_proc_user;
		err = privileges_drop(config, &relay_needs, problem);
	}
	if (err == OK && (config->proc_user != NULL || config->proc_group != NULL)) {
		*about = OPTION_ID_userdb;
		err = check_store(config, problem);
	}
	if (err == OK) {
		*about = OPTION_ID_network_engine;
		err = door_check(relay, problem);
	}
	if (err == OK) {
		*about = OPTION_ID_fence;
		err = privileges_fence(config, &relay_needs, problem);
	}
	if (err != OK)
		leave(config, opened);
	return err;
}

/* Undoes it. */
static void leave(const struct config *config, struct control_socket *opened)
{
	control_socket_close(opened);
	if (config->pidfile != NULL)
		process_remove_pidfile(config->pidfile);
}

static int start(const struct config *config, const struct config_sources *sources,
                 struct log_ring *log)
{
	struct control_socket control_socket = {.fd = -1};
	struct console_child *child = NULL;
	struct relay *relay = NULL;
	char problem[256] = "";
	enum option_id about;

	main_loop_block_signals();
	process_raise_limits();
	process_keep_memory();
	if (process_open_log(config, problem) != OK)
		return process_fail(config, OPTION_ID_log_file, problem);
	if (config->daemon && process_daemonise(problem) != OK)
		return process_fail(config, OPTION_ID_daemon, problem);
	if (relay_open(config, &relay, problem, &about) != OK)
		return process_fail(config, about, problem);
	if (console_child_start(config, sources, &child, problem) != OK) {
		relay_stop(relay);
		return process_fail(config, OPTION_ID_web_admin, problem);
	}
	if (settle(relay, &control_socket, problem, &about) != OK) {
		console_child_destroy(child);
		relay_stop(relay);
		return process_fail(config, about, problem);
	}
	if (relay_start(relay, problem, &about) != OK) {
		console_child_destroy(child);
		relay_stop(relay);
		leave(config, &control_socket);
		return process_fail(config, about, problem);
	}
	return drive(relay, child, &control_socket, sources, log);
}

/* From the first client to the last, and undoes all of it. */
static int drive(struct relay *relay, struct console_child *child, struct control_socket *opened,
                 const struct config_sources *sources, struct log_ring *log)
{
	const struct config *config = relay->config;
	struct main_thread *main_thread = NULL;
	char problem[256] = "";
	enum err err;

	if (main_thread_create(relay, opened, sources, log, &main_thread) != OK ||
	    main_thread_adopt_child(main_thread, child) != OK) {
		console_child_destroy(child);
		relay_stop(relay);
		main_thread_destroy(main_thread);
		leave(config, opened);
		return process_fail(config, OPTION_ID_control_socket, err_string(ERR_NO_MEMORY));
	}
	err = main_thread_open_console(main_thread, problem);
	if (err == OK) {
		log_ready(relay, opened);
		main_thread_run(main_thread);
		log_totals(relay);
	}
	console_child_end(child);
	relay_stop(relay);
	main_thread_destroy(main_thread);
	console_child_destroy(child);
	leave(config, opened);
	if (err != OK)
		return process_fail(config, OPTION_ID_cli, problem);
	log_always("stopped", NULL);
	log_close();
	return EXIT_SUCCESS;
}

/* Takes the configuration over: the threads look at it to their end. */
static int serve(struct config *config, const struct config_sources *sources)
{
	struct log_ring *log;
	int status;

	if (log_ring_create(LOG_RING_BYTES, &log) != OK) {
		status = process_fail(config, OPTION_ID_log_file, err_string(ERR_NO_MEMORY));
		config_destroy(config);
		return status;
	}
	log_set_ring(log);
	status = start(config, sources, log);
	log_set_ring(NULL);
	log_ring_destroy(log);
	config_destroy(config);
	return status;
}

static const struct process_program turnserver = {
	.number = CONFIG_TURNSERVER,
	.argv_of = CONFIG_TURNSERVER,
	.help = "turnserver relays media for clients behind firewalls: STUN (RFC 8489) and TURN "
		"(RFC "
		"8656).\n"
		"\n"
		"usage: turnserver [-c FILE] [options]\n"
		"\n"
		"An option NAME may also stand in the configuration file (NAME=VALUE) or in the "
		"environment\n"
		"(TURNSTONE_NAME). turnserver.conf(5) has more about each.\n",
	.serve = serve,
};

int main(int argc, char **argv)
{
	return process_main(&turnserver, argc, argv);
}
